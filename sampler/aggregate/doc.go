// Package aggregate turns observations of keys into statistics by namespace. It also
// merges, rolls up and regroups the namespaces of saved profiles, which needs no
// server.
//
// Adding up is exact and does not depend on order: what is summed is summed in
// integers, and the parts of two builders merge without loss. So the same
// observations give the same profile whatever the page size and however many
// workers share the folding.
package aggregate
