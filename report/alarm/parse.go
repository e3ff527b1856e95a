package alarm

import (
	"fmt"
	"regexp"
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

// String is the condition as it was written.
func (c *Condition) String() string { return c.text }

// NeedsDiff reports whether two profiles are needed to judge the condition.
func (c *Condition) NeedsDiff() bool { return c.metric.change }

// Error says what is wrong with an expression, and where.
type Error struct {
	Expression string
	Offset     int // in Expression, bytes
	Reason     string
}

// Error says where in the expression it is wrong, counted in characters from 1.
func (e *Error) Error() string {
	at := utf8.RuneCountInString(e.Expression[:e.Offset]) + 1
	return fmt.Sprintf("%s: at character %d of %q", e.Reason, at, e.Expression)
}

// Grammar is how conditions are written.
const Grammar = "METRIC OP VALUE [in GLOB]"

// Evidence is what conditions are to be judged by.
type Evidence int

// The kinds of evidence.
const (
	OneProfile  Evidence = iota // see [Evaluate]
	TwoProfiles                 // see [EvaluateDiff]
)

// Parse reads a condition that there will be evidence for. The error is an
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
		p.fail(p.pos, "there is no metric %.40q; want one of %s", name, metricNames(p.by))
		return
	case known.change && p.by == OneProfile:
		p.fail(p.pos, "%s compares two profiles: use it with keyprof diff, or with keyprof profile --save-dir DIR --diff; of one profile, METRIC is one of %s", name, metricNames(p.by))
		return
	}
	c.metric = known
	p.pos += len(name)
}

// find is the metric of that name; nil if there is none.
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
		p.fail(p.pos, "%s is a figure of the server, and not of namespaces: leave out in", c.metric.name)
		return
	}
	pattern, offset, err := parseGlob(text)
	if err != nil {
		p.fail(p.pos+offset, "%v", err)
		return
	}
	c.each, c.in = true, pattern
}
