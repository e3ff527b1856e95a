package alarm

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Condition is an expression, METRIC OP VALUE [in GLOB].
type Condition struct {
	text   string
	metric *metric
	op     operator
	value  float64 // in the base unit of the metric
	each   bool    // of the namespaces that in matches; else of all together
	in     glob
}

// String returns the condition as it was written.
func (c *Condition) String() string { return c.text }

// NeedsDiff reports whether the condition compares two profiles.
func (c *Condition) NeedsDiff() bool { return c.metric.change }

// Error is a syntax error in an expression.
type Error struct {
	Expression string
	Offset     int // in Expression, bytes
	Reason     string
}

// Error returns the reason and its place in the expression, in characters counted
// from 1.
func (e *Error) Error() string {
	at := utf8.RuneCountInString(e.Expression[:e.Offset]) + 1
	return fmt.Sprintf("%s: at character %d of %q", e.Reason, at, e.Expression)
}

// Grammar is the syntax of a condition.
const Grammar = "METRIC OP VALUE [in GLOB]"

// Evidence says how many profiles conditions are evaluated on.
type Evidence int

// The kinds of evidence.
const (
	OneProfile  Evidence = iota // see [Evaluate]
	TwoProfiles                 // see [EvaluateDiff]
)

// Parse reads a condition to be evaluated on one profile or on two. The error is an
// [*Error].
func Parse(text string, by Evidence) (*Condition, error) {
	p := parser{text: text, by: by}
	c := &Condition{text: strings.Trim(text, space)}
	for _, read := range []func(*Condition){p.metric, p.operator, p.value, p.scope} {
		if read(c); p.err != nil {
			return nil, p.err
		}
	}
	return c, nil
}

// parser reads an expression from left to right.
type parser struct {
	text string
	by   Evidence
	pos  int // everything before it has been read
	err  error
}

// fail notes the first error.
func (p *parser) fail(offset int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Expression: p.text, Offset: offset, Reason: fmt.Sprintf(format, args...)}
	}
}

const space = " \t"

func (p *parser) skipSpace() {
	p.pos += len(p.text[p.pos:]) - len(strings.TrimLeft(p.text[p.pos:], space))
}

func (p *parser) rest() string { return p.text[p.pos:] }

var wordSyntax = regexp.MustCompile(`^[A-Za-z0-9_]*`)

func (p *parser) metric(c *Condition) {
	p.skipSpace()
	name := wordSyntax.FindString(p.rest())
	known := find(name)
	switch {
	case name == "":
		p.fail(p.pos, "want %s, where METRIC is one of %s", Grammar, metricNames(p.by))
		return
	case known == nil:
		p.fail(p.pos, "unknown metric %.40q; want one of %s", name, metricNames(p.by))
		return
	case known.change && p.by == OneProfile:
		p.fail(p.pos, "%s compares two profiles: use it with keyprof diff, or with keyprof profile --save-dir DIR --diff; for one profile, METRIC is one of %s", name, metricNames(p.by))
		return
	}
	c.metric = known
	p.pos += len(name)
}

// find returns the metric of that name; nil if there is none.
func find(name string) *metric {
	for _, list := range [][]metric{profileMetrics, changeMetrics} {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
	}
	return nil
}

func metricNames(by Evidence) string {
	var names []string
	for _, m := range profileMetrics {
		names = append(names, m.name)
	}
	if by == TwoProfiles {
		for _, m := range changeMetrics {
			names = append(names, m.name)
		}
	}
	return strings.Join(names, ", ")
}

func (p *parser) operator(c *Condition) {
	p.skipSpace()
	for _, op := range operators {
		if strings.HasPrefix(p.rest(), string(op)) {
			c.op = op
			p.pos += len(op)
			return
		}
	}
	p.fail(p.pos, "want one of >, >=, <, <= after %s", c.metric.name)
}

// inSyntax finds the end of the value.
var inSyntax = regexp.MustCompile(`[ \t]+in(?:[ \t]+|$)`)

func (p *parser) value(c *Condition) {
	p.skipSpace()
	text := p.rest()
	if at := inSyntax.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	trimmed := strings.TrimRight(text, space)
	value, err := c.metric.parse(trimmed)
	if err != nil {
		p.fail(p.pos, "%s: %v", c.metric.name, err)
		return
	}
	c.value = value
	p.pos += len(text)
}

func (p *parser) scope(c *Condition) {
	in := inSyntax.FindString(p.rest())
	if in == "" {
		if c.metric.where == namespacesOnly {
			p.fail(len(p.text), "%s is the share of a namespace: add in GLOB, such as in *", c.metric.name)
		}
		return
	}
	p.pos += len(in)
	text := strings.TrimRight(p.rest(), space)
	switch {
	case text == "":
		p.fail(len(p.text), "want a namespace after in, such as resque:*")
		return
	case c.metric.where == serverOnly || c.metric.where == wholeOnly:
		p.fail(p.pos, "%s is a figure of the server, not of namespaces: leave out in GLOB", c.metric.name)
		return
	}
	pattern, offset, err := parseGlob(text)
	if err != nil {
		p.fail(p.pos+offset, "%v", err)
		return
	}
	c.each, c.in = true, pattern
}

// glob matches namespaces as Redis matches keys: * is any text, ? any
// character, [abc], [a-c] and [^abc] one of some, and \ takes away the meaning
// of what follows.
type glob []element

// element matches one character, or any number of them.
type element struct {
	any     bool // any number of any characters
	negated bool
	ranges  []runeRange
}

type runeRange struct{ first, last rune }

var everyRune = []runeRange{{0, utf8.MaxRune}}

func (e element) matches(r rune) bool {
	in := slices.ContainsFunc(e.ranges, func(x runeRange) bool { return x.first <= r && r <= x.last })
	return in != e.negated
}

// parseGlob parses a glob. On an error, offset is its place in text, in bytes.
func parseGlob(text string) (g glob, offset int, err error) {
	for rest := text; rest != ""; {
		e, tail, err := nextElement(rest)
		if err != nil {
			return nil, len(text) - len(rest), err
		}
		g, rest = append(g, e), tail
	}
	return g, 0, nil
}

func nextElement(s string) (e element, rest string, err error) {
	switch s[0] {
	case '*':
		return element{any: true}, strings.TrimLeft(s, "*"), nil
	case '?':
		return element{ranges: everyRune}, s[1:], nil
	case '[':
		return class(s[1:])
	}
	r, rest, err := character(s)
	return element{ranges: []runeRange{{r, r}}}, rest, err
}

// character reads one that stands for itself, or is escaped.
func character(s string) (r rune, rest string, err error) {
	if s[0] == '\\' {
		if s = s[1:]; s == "" {
			return 0, "", errors.New(`the \ at the end escapes nothing; write \\ for a backslash`)
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	return r, s[size:], nil
}

var errClass = errors.New(`this [ has no closing ]; write \[ for a bracket`)

// class reads what follows a bracket. A ] ends it wherever it stands, as in
// Redis.
func class(s string) (e element, rest string, err error) {
	if strings.HasPrefix(s, "^") {
		e.negated, s = true, s[1:]
	}
	for {
		switch {
		case s == "":
			return e, "", errClass
		case s[0] == ']':
			return e, s[1:], nil
		}
		var x runeRange
		if x, s, err = classRange(s); err != nil {
			return e, "", err
		}
		e.ranges = append(e.ranges, x)
	}
}

// classRange reads a character of a class, or two with a dash between them.
func classRange(s string) (x runeRange, rest string, err error) {
	if x.first, rest, err = character(s); err != nil {
		return x, "", errClass
	}
	x.last = x.first
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		return x, rest, nil
	}
	if x.last, rest, err = character(rest[1:]); err != nil {
		return x, "", errClass
	}
	return runeRange{min(x.first, x.last), max(x.first, x.last)}, rest, nil
}

// matches reports whether the glob matches all of text. When a star has taken
// too little it takes one character more; only the last star needs to, so the
// time is at most the product of both lengths.
func (g glob) matches(text string) bool {
	runes := []rune(text)
	at, star, taken := 0, -1, 0
	for i := 0; i < len(runes); {
		switch {
		case at < len(g) && g[at].any:
			star, taken = at, i
			at++
		case at < len(g) && g[at].matches(runes[i]):
			at, i = at+1, i+1
		case star >= 0:
			taken++
			at, i = star+1, taken
		default:
			return false
		}
	}
	for at < len(g) && g[at].any {
		at++
	}
	return at == len(g)
}
