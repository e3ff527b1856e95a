// Package alarm decides whether a profile, or what changed from one to another,
// meets conditions that people were worried about before: "no_ttl_share > 5% in
// resque:*", "new_no_ttl_keys > 1000".
//
// A condition holds only if it does for certain: of an estimate the bound is
// compared that makes it so, and of a change what noise leaves of it. What was
// not measured, and what the part of the keys that is missing from an incomplete
// profile may change, is no alarm but a [Doubt]: whoever relies on the condition
// must hear that it told nothing.
package alarm
