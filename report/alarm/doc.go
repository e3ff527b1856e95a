// Package alarm evaluates conditions on a profile or on a comparison of two:
// "no_ttl_share > 5% in resque:*", "new_no_ttl_keys > 1000".
//
// A condition holds only if it certainly does: for an estimate the nearer bound of
// its interval is compared, for a change what exceeds noise. A figure that was not
// measured, or that the missing keys of an incomplete profile may change, gives no
// alarm but a [Doubt], so that nobody relies on a condition that was not evaluated.
package alarm
