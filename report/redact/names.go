package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// DefaultRare is how many keys a word must cover to be shown. A person or a
// customer seldom has as many; a kind of key that has fewer matters little.
const DefaultRare = 100

// Options say how to redact.
type Options struct {
	Key  []byte // of the run, secret, at random: what makes tokens of names
	Rare int64  // keys; words that cover fewer are replaced
	// Delimiters are those by which the names were cut; nil: the default ones.
	Delimiters *pattern.Delimiters
}

// Row is a namespace whose name is to be redacted.
type Row struct {
	Pattern string
	Keys    int64
	Rule    bool // a rule gave the name
}

// Names redacts names by what all namespaces together tell.
type Names struct {
	key       []byte
	delims    *pattern.Delimiters
	root      *place
	shown     map[string]bool // words
	templates []template
}

// NewNames decides which words of these namespaces are shown. Rules are those
// that gave some of them their names.
func NewNames(o Options, rows []Row, rules []string) *Names {
	delims := o.Delimiters
	if delims == nil {
		delims = (&pattern.Dictionary{}).FirstLevel()
	}
	n := &Names{key: o.Key, delims: delims, root: &place{}, shown: map[string]bool{}}
	for _, row := range rows {
		if elements, ok := n.delims.Elements(row.Pattern); ok && !row.Rule {
			n.root.add(elements, row.Keys)
		}
	}
	n.root.settle(o.Rare, n.shown)
	for _, rule := range rules[:min(len(rules), pattern.MaxRules)] { // who made more was not keyprof
		if t, ok := parseTemplate(rule); ok {
			n.templates = append(n.templates, t)
		}
	}
	return n
}

// Pattern is the redacted name of a namespace.
func (n *Names) Pattern(p string, rule bool) string {
	if rule {
		for _, t := range n.templates {
			if t.made.MatchString(p) {
				return t.shown
			}
		}
	}
	elements, ok := n.delims.Elements(p)
	if !ok { // of a rule that is not known any more
		return pattern.Wildcard
	}
	var b strings.Builder
	at := n.root
	for _, e := range elements {
		text := e.Text
		if e.Word && !at.shows(text) {
			text = pattern.Wildcard
		}
		b.WriteString(text)
		at = at.next(text)
	}
	return b.String()
}

// Key is a key with its name redacted, by the redacted name of its namespace. A
// name that is all schema stays.
func (n *Names) Key(k profile.Key, namespace string) profile.Key {
	raw := rawName(k.KeyName)
	if k.Length == 0 && (raw == namespace || raw == "") {
		return k
	}
	k.KeyName = profile.NewKeyName(namespace + " #" + n.token(raw+k.Hash))
	return k
}

// KeyAlone is Key for a key whose namespace is not known.
func (n *Names) KeyAlone(k profile.Key) profile.Key {
	return n.Key(k, n.Pattern(n.delims.Of(rawName(k.KeyName)), false))
}

// rawName is the name as the server has it, or its beginning.
func rawName(k profile.KeyName) string {
	raw, err := k.Raw()
	if err != nil { // not written by us
		return k.Name
	}
	return raw
}

// tokenBytes are enough to tell the names of a profile apart.
const tokenBytes = 6

func (n *Names) token(name string) string {
	mac := hmac.New(sha256.New, n.key)
	fmt.Fprint(mac, name)
	return hex.EncodeToString(mac.Sum(nil)[:tokenBytes])
}

// isShown reports whether a text has no word that is not shown somewhere.
func (n *Names) isShown(text string) bool {
	elements, ok := n.delims.Elements(text)
	for _, e := range elements {
		if e.Word && !n.shown[e.Text] && !vocabulary[e.Text] {
			return false
		}
	}
	return ok
}

// Dictionary is what is left of the decisions by which names were grouped: those
// without a word that is not shown.
func (n *Names) Dictionary(d *pattern.Dictionary) *pattern.Dictionary {
	shown := *d
	shown.Protected, shown.Collapsed, shown.Fused = map[string][]string{}, map[string][][]string{}, map[string]string{}
	shown.Shapes = n.allShown(d.Shapes)
	for place, words := range d.Protected {
		if kept := n.allShown(words); len(kept) > 0 && (place == "" || n.isShown(place)) {
			shown.Protected[place] = kept
		}
	}
	for place, paths := range d.Collapsed {
		for _, words := range paths {
			if kept := n.allShown(words); len(kept) == len(words) && n.isShown(place) {
				shown.Collapsed[place] = append(shown.Collapsed[place], words)
			}
		}
	}
	for from, to := range d.Fused {
		if n.isShown(from) && n.isShown(to) {
			shown.Fused[from] = to
		}
	}
	return &shown
}

func (n *Names) allShown(texts []string) (kept []string) {
	for _, t := range texts {
		if n.isShown(t) {
			kept = append(kept, t)
		}
	}
	return kept
}
