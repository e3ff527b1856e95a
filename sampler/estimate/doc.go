// Package estimate estimates figures of all keys from the counts of a sample, with
// 95 % confidence intervals.
//
// # The sample
//
// A server puts each key at a position that a hash of its name draws with a
// secret seed, so a scan of a share f of the positions meets each key with
// probability f, whatever it is called, and each independently of all others:
// Bernoulli sampling (Särndal, Swensson and Wretman, "Model Assisted Survey
// Sampling", 1992, section 3.2). A sum over the sample divided by f estimates
// that over all keys, and its variance is (1-f)/f² times the sum of the squares.
// None of this needs to know how many keys there are.
//
// Where that is known, the sample is one of n of N keys without replacement,
// which is what the intervals of [Frame] then rest on: they are shorter for a
// namespace that holds most of the keys.
//
// Where each slot of a cluster has its own hash table, no part of a scan is a random
// sample, and slots are chosen at random instead: see [NewSlotFrame].
//
// # What a sample cannot show
//
// Intervals of bytes rest on the central limit theorem, which fails where a few
// keys hold most of them: see bytes.go. Very large keys that a sample has
// missed cannot show in it: see [Unseen] and [Balance].
package estimate
