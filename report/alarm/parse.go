package alarm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"keyprof/report/unit"
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

// Parse reads a condition. The error is an [*Error].
func Parse(text string) (*Condition, error) {
	p := parser{text: text}
	c := &Condition{text: strings.TrimSpace(text)}
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
	at := slices.IndexFunc(metrics, func(m metric) bool { return m.name == name })
	switch {
	case name == "":
		p.fail(p.pos, "want %s, where METRIC is one of %s", Grammar, metricNames())
		return
	case at < 0:
		p.fail(p.pos, "there is no metric %.40q; want one of %s", name, metricNames())
		return
	}
	c.metric = &metrics[at]
	p.pos += len(name)
}

func metricNames() string {
	names := make([]string, len(metrics))
	for i, m := range metrics {
		names[i] = m.name
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
	value, err := parseValue(trimmed, c.metric)
	if err != nil {
		p.fail(p.pos, "%s: %v", c.metric.name, err)
		return
	}
	c.value = value
	p.pos += len(text)
}

// sizeUnits are what sizes may be written in.
const sizeUnits = "units are B, KB, MB, GB, TB, PB (1000) and KiB, MiB, GiB, TiB, PiB (1024)"

func parseValue(text string, m *metric) (float64, error) {
	switch m.kind {
	case unit.Percent:
		ratio, err := unit.ParseRatio(text)
		if err == nil && m.part && ratio > 1 {
			err = fmt.Errorf("ratio %.40q: want at most 100%%", text)
		}
		return ratio, err
	case unit.Bytes:
		if n, err := unit.ParseCount(text); err == nil {
			return float64(n), nil
		}
		n, err := unit.ParseSize(text)
		if err != nil {
			err = fmt.Errorf("%w; %s", err, sizeUnits)
		}
		return float64(n), err
	default:
		n, err := unit.ParseCount(text)
		return float64(n), err
	}
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
	case c.metric.where == serverOnly:
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
