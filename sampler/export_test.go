package sampler

import "keyprof/scanner/info"

// TreatAsSlotTables has all nodes of clusters taken for servers that have a table
// for each slot, until it is undone.
func TreatAsSlotTables() (undo func()) {
	before := slotTables
	slotTables = func(n info.Node) bool { return n.Info.Field("cluster_enabled") == "1" }
	return func() { slotTables = before }
}
