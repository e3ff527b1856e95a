// Package scanner knows where a server is and how to walk its names: it
// reaches a node, learns what the node is, and steps through its databases
// with SCAN, sending along whatever questions about keys its caller has.
//
// What the answers mean is package sampler's business; of keyprof's packages this one
// imports scanner/info, what a server says of itself, and scanner/throttle, how fast
// and how much to ask. It never sends a command that is not on its allow-list
// (see [Allowed]).
package scanner
