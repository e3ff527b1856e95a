package report

import "keyprof/sampler/profile"

// NamespaceText is a namespace's pattern as reports print it, safe for a
// terminal.
func NamespaceText(ns *profile.Namespace) string { return displayPattern(ns) }

// NodeText is a server's address as reports print it, safe for a terminal.
func NodeText(n *profile.Node) string { return displayWord(n.Address) }
