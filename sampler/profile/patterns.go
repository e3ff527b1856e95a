package profile

import "strings"

// Patterns are the decisions by which names were grouped, so that the next run
// can make the same ones. They have the form of the sampler/pattern package's
// Dictionary, and its documentation.
type Patterns struct {
	Version    int                   `json:"version"`              // version of this form
	Lexer      int                   `json:"lexer"`                // version of the lexing rules
	Delimiters string                `json:"delimiters,omitempty"` // those of the first level, sorted; absent: the default ones
	K          int                   `json:"k"`                    // number of literals that a place of the first level keeps apart
	Rung       int                   `json:"rung,omitempty"`       // number of times the bounds were lowered, to tell apart those of the same K
	Degraded   bool                  `json:"degraded,omitempty"`
	Protected  map[string][]string   `json:"protected,omitempty"` // literals that no wildcard takes, by what stands before them
	Shapes     []string              `json:"shapes,omitempty"`    // shapes of names that are never cut
	Collapsed  map[string][][]string `json:"collapsed,omitempty"` // by shape: the literals before each place that has become <*>
	Fused      map[string]string     `json:"fused,omitempty"`     // patterns merged into a related one
}

func (p *Patterns) check() error {
	if p == nil {
		return nil
	}
	broken := ""
	if !isUTF8(p.Delimiters) {
		broken = "delimiters"
	}
	for place, words := range p.Protected {
		if !isUTF8(place) || !isUTF8(words...) {
			broken = "protected"
		}
	}
	for from, to := range p.Fused {
		if !isUTF8(from, to) {
			broken = "fused"
		}
	}
	return within("patterns", first(
		checkFigures(whole("version", int64(p.Version)), whole("lexer", int64(p.Lexer)), whole("k", int64(p.K))),
		firstBroken(rule{broken != "", broken, "not UTF-8"}),
	))
}

func isUTF8(texts ...string) bool {
	for _, t := range texts {
		if strings.ToValidUTF8(t, "") != t {
			return false
		}
	}
	return true
}
