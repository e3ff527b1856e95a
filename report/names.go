package report

import (
	"strings"

	"keyprof/sampler/profile"
)

// NamespaceText is a namespace's pattern as reports print it, safe for a
// terminal.
func NamespaceText(ns *profile.Namespace) string { return displayPattern(ns) }

// NodeText is a server's address as reports print it, safe for a terminal.
func NodeText(n *profile.Node) string { return displayWord(n.Address) }

// KeyText is a key's name as reports print it, in quotes and safe for a
// terminal, clipped to so many columns; 0: not clipped.
func KeyText(k profile.KeyName, columns int) string {
	whole := displayKey(k)
	if columns <= 0 || width(whole) <= columns {
		return whole
	}
	parts := tokens(whole, false)
	return strings.Join(parts[:takeWidth(parts, columns-1)], "") + "…"
}

// Columns is how many columns a text takes on a terminal.
func Columns(s string) int { return width(s) }
