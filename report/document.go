package report

// A document is what a report says, with no thought of where it is put. All
// text in it is safe to print.
type document struct {
	title     string
	facts     []fact // the header
	headlines []line // what a person in an incident must know
	sections  []section
}

// tone is how a piece of text wants to be heard; text shows it by colour.
type tone int

const (
	plain  tone = iota
	quiet       // details
	strong      // names of things
	alarm       // must not be overlooked
)

// span is a piece of a sentence: words, or a name that came from a server.
type span struct {
	text string
	name bool
}

// line is a sentence or some of them.
type line struct {
	spans    []span
	tone     tone
	verbatim bool // a command to be copied: text does not break it
}

// say is a line of words and names.
func say(parts ...span) line { return line{spans: parts} }

// in gives a line its tone.
func (l line) in(t tone) line { l.tone = t; return l }

func words(s string) span { return span{text: s} }
func name(s string) span  { return span{text: s, name: true} }

// String is the line without any mark-up.
func (l line) String() string {
	var s string
	for _, part := range l.spans {
		s += part.text
	}
	return s
}

// fact is a line of the header.
type fact struct {
	label string
	line  line
}

// section is a part of the report below a title of its own.
type section struct {
	title string
	lines []line // above the table
	table *grid  // may be nil
	notes []line // below the table: how to read it
	// numbered lines are footnotes.
	numbered bool
}

// grid is a table. Its last column may hold names, which a renderer wraps.
type grid struct {
	columns []column
	rows    [][]cell
	foot    [][]cell // sums, set apart from the rows
}

// column is how one column of a grid is called and set.
type column struct {
	head   [2]string // two short lines
	left   bool      // aligned to the left; else to the right
	wraps  bool      // holds names; takes what is left of the width
	apart  bool      // begins a group of columns
	expend int       // when there is no room, the column of the highest value goes first; 0 stays
	group  *group
}

// group is columns with a title of their own: a piece of it stands above each of
// the first of them, and the rest above the last.
type group struct{ titles []string }

type cell struct {
	text string
	name bool
	tone tone
}
