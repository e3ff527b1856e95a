// Package sampler measures keys and folds the measurements into a profile: it
// asks the questions that a walk sends along, turns the server's answers into
// observations, and adds those up by namespace.
//
// Adding up is exact and does not depend on order: what is summed is summed in
// integers, and the parts of two builders merge without loss. So the same
// answers give the same profile whatever the page size and however many
// workers share the folding.
package sampler
