package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/redact"
	"keyprof/report/unit"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

const patternsHelp = `Groups key names from a file or standard input, one a line, as keyprof profile
would, without a server. --patterns takes what --format json prints.

Examples:
  redis-cli --scan | keyprof patterns -
  keyprof patterns --pattern-rule '^tenant:([^:]+):=tenant:$1:*' names.txt
  keyprof patterns --depth 1 --under cache: names.txt
  keyprof patterns --delimiters ':_' names.txt
  keyprof patterns --format json -0 names.bin`

func patternsCommand() *cli.Command {
	return &cli.Command{
		Name:        "patterns",
		Usage:       "group a list of key names, without a server",
		ArgsUsage:   "FILE|-",
		Description: patternsHelp,
		Flags:       slices.Concat(patternsFlags(), scopeFlags(), groupingFlags(), redactFlags()),
		Action: func(c *cli.Context) error {
			o, err := patternsOptionsOf(c)
			if err != nil {
				return err
			}
			return runPatterns(o, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

func patternsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: reportCategory, Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`: " + strings.Join(patternsFormats, ", "), Value: string(report.Text)},
		&cli.BoolFlag{Category: reportCategory, Name: "null", Aliases: []string{"0"}, Usage: "names end in a NUL byte instead of a new line"},
		&cli.IntFlag{Category: reportCategory, Name: "top", Usage: "list `N` namespaces and sum up the others", DefaultText: "all"},
	}
}

// patternsFormats lists the formats of the patterns command.
var patternsFormats = []string{string(report.Text), string(report.JSON)}

// patternsOptions holds the parameters of runPatterns.
type patternsOptions struct {
	Path      string // or "-"
	Format    report.Format
	Separator byte
	Grouping  aggregate.Grouping
	Under     string
	Depth     int             // segments; 0: all
	Top       int             // namespaces listed; 0: all
	Redact    *redact.Options // nil: not at all
}

func patternsOptionsOf(c *cli.Context) (o patternsOptions, err error) {
	if o.Path, err = oneArgument(c, "file"); err != nil {
		return o, err
	}
	if o.Path == "" {
		return o, &usageError{problem: "no file given", hint: "keyprof patterns FILE, or - for standard input"}
	}
	if o.Format = report.Format(c.String("format")); !slices.Contains(patternsFormats, string(o.Format)) {
		return o, flagError("format", nil, fmt.Sprintf("%.40q: want one of %s", o.Format, strings.Join(patternsFormats, ", ")))
	}
	if o.Separator = '\n'; c.Bool("null") {
		o.Separator = 0
	}
	if o.Under, o.Depth, err = scopeOf(c); err != nil {
		return o, err
	}
	if o.Top = c.Int("top"); c.IsSet("top") && o.Top < 1 {
		return o, flagError("top", nil, "must be at least 1")
	}
	if o.Redact, err = redactOf(c); err != nil {
		return o, err
	}
	o.Grouping, err = groupingOf(c)
	return o, err
}

func runPatterns(o patternsOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	if o.Path == "-" && isTerminal(stdin) {
		fmt.Fprintln(stderr, "keyprof: reading names from the terminal, one a line; end with Ctrl-D")
	}
	read, err := groupNames(o, stdin)
	if err != nil {
		return err
	}
	groups := read.groups
	if o.Redact != nil {
		if err := redact.NameGroups(groups, *o.Redact, o.Grouping.Rules.Texts()); err != nil {
			return fmt.Errorf("--redact: %w", err)
		}
	}
	if read.doubt != "" {
		warn(stderr, "%s", read.doubt)
	}
	warnGroups(stderr, groups, o.Grouping.Limit)
	if err := narrow(groups, o, stderr); err != nil {
		return err
	}
	var out bytes.Buffer
	if o.Format == report.JSON {
		if err := writeGroupsJSON(&out, groups, o); err != nil {
			return err
		}
	} else {
		writeGroupsText(&out, groups, o.Top, terminalWidth(stdout))
	}
	_, err = stdout.Write(out.Bytes())
	return err
}

// groupedNames holds the names of a list, by namespace.
type groupedNames struct {
	groups *aggregate.NameGroups
	doubt  string // about the list, for users
}

func groupNames(o patternsOptions, stdin io.Reader) (groupedNames, error) {
	input := io.NopCloser(stdin)
	if o.Path != "-" {
		f, err := openNames(o.Path)
		if err != nil {
			return groupedNames{}, err
		}
		input = f
	}
	defer input.Close()
	names := newNameReader(input, o.Separator)
	groups := aggregate.GroupNames(names.all, o.Grouping)
	if err := names.err(); err != nil {
		return groupedNames{}, fmt.Errorf("reading names: %w", err)
	}
	return groupedNames{groups, names.doubt()}, nil
}

// narrow keeps only the namespaces that were asked for.
func narrow(groups *aggregate.NameGroups, o patternsOptions, stderr io.Writer) error {
	if o.Under != "" {
		summedUp := slices.ContainsFunc(groups.Namespaces, func(n aggregate.NameGroup) bool { return n.Other })
		groups.Namespaces = slices.DeleteFunc(groups.Namespaces, func(n aggregate.NameGroup) bool {
			return n.Other || !report.Below(n.Pattern, o.Under)
		})
		if len(groups.Namespaces) == 0 && groups.Names > 0 {
			warnNothingUnder(stderr, o.Under, summedUp)
		}
	}
	if o.Depth == 0 {
		return nil
	}
	return groups.RollUp(o.Under, o.Depth)
}

// warnNothingUnder warns of a prefix that matches nothing: it may be mistyped.
func warnNothingUnder(stderr io.Writer, under string, summedUp bool) {
	text := ""
	if summedUp {
		text = ", but some of those in " + profile.OtherPattern + " may"
	}
	warn(stderr, "no namespace begins with %s%s: see how keyprof patterns prints them without --under", under, text)
}

func warnGroups(stderr io.Writer, groups *aggregate.NameGroups, limit int) {
	if groups.Names == 0 {
		warn(stderr, "there are no names to group")
	}
	for _, rule := range groups.UnusedRules {
		warn(stderr, "pattern rule %q matched no name", rule)
	}
	if slices.ContainsFunc(groups.Namespaces, func(n aggregate.NameGroup) bool { return n.Other }) {
		warn(stderr, "there are more than %d namespaces: the smallest are summed up as %s", limit, profile.OtherPattern)
	}
	if groups.Dictionary.Degraded {
		warn(stderr, "there were so many namespaces that they became coarser: a place in a name becomes <*> when it has more than %d different words; usually the limit is %d (k in the dictionary). Frequent words may stay", groups.Dictionary.K, pattern.DefaultK)
	}
}

// openNames opens a list of names.
func openNames(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &hintedError{
			error: fmt.Errorf("reading %s: %w", path, withoutPath(err)),
			hint:  "give a file that holds one key name a line, or - for standard input",
		}
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, &hintedError{
			error: fmt.Errorf("%s is a directory", path),
			hint:  "give a file that holds one key name a line, or - for standard input",
		}
	}
	return f, nil
}

// maxNameBytes is the longest name that is read, in bytes.
const maxNameBytes = 1 << 20

// nameReader reads names that end in a separator.
type nameReader struct {
	scanner *bufio.Scanner
	lines   bool // separated by new lines
	names   int64
	// Signs that the list is in another format.
	firstNUL int64 // number of the first name with a NUL byte; 0: none has
	utf16    bool  // the first name begins like a UTF-16 file
	broken   bool  // the first name contains new lines
}

func newNameReader(r io.Reader, separator byte) *nameReader {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxNameBytes)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, separator); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	return &nameReader{scanner: s, lines: separator == '\n'}
}

// all yields each name once.
func (r *nameReader) all(yield func(string) bool) {
	for r.scanner.Scan() {
		r.names++
		name := r.scanner.Text()
		if r.lines {
			name = r.asTyped(name)
		}
		r.watch(name)
		if !yield(name) {
			return
		}
	}
}

// asTyped removes the carriage return that Windows adds to a line, and the byte order
// mark that its editors put at the start of a file.
func (r *nameReader) asTyped(line string) string {
	if r.names == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	return strings.TrimSuffix(line, "\r")
}

func (r *nameReader) watch(name string) {
	if r.names == 1 {
		r.utf16 = strings.HasPrefix(name, "\xff\xfe") || strings.HasPrefix(name, "\xfe\xff")
		r.broken = strings.Contains(name, "\n")
	}
	if r.firstNUL == 0 && strings.Contains(name, "\x00") {
		r.firstNUL = r.names
	}
}

// doubt returns a sign that the list is in another format than it was read as, or "" if
// there is none.
func (r *nameReader) doubt() string {
	switch {
	case r.lines && r.firstNUL > 0 && r.utf16:
		return "the list seems to be UTF-16, as PowerShell writes it: convert it to UTF-8"
	case r.lines && r.firstNUL > 0:
		return fmt.Sprintf("name %d contains a NUL byte: if names end in NUL instead of a new line, give -0", r.firstNUL)
	case !r.lines && r.names == 1 && r.broken:
		return "there is only one name, and it contains new lines: if there is one name a line, leave out -0"
	}
	return ""
}

func (r *nameReader) err() error {
	err := r.scanner.Err()
	if !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	hint := "is this a list of key names, one a line? Names that end in a NUL byte need -0"
	if !r.lines {
		hint = "is this a list of key names that end in a NUL byte? Those that end in a new line need no -0"
	}
	return &hintedError{error: fmt.Errorf("name %d is longer than %s", r.names+1, unit.FormatBytes(maxNameBytes)), hint: hint}
}

// byNames sorts namespaces by their number of names, largest first.
func byNames(a, b aggregate.NameGroup) int { return int(min(1, max(-1, b.Names-a.Names))) }

// writeGroupsText writes a table of the top namespaces; top 0 means all. Examples are
// clipped to width columns, and width 0 means no limit; namespaces are never clipped.
func writeGroupsText(w io.Writer, groups *aggregate.NameGroups, top, width int) {
	if len(groups.Namespaces) == 0 {
		return // a warning has been printed
	}
	slices.SortStableFunc(groups.Namespaces, byNames)
	shown, rest := groups.Namespaces, []aggregate.NameGroup(nil)
	if top > 0 && len(shown) > top+1 { // a row for the rest must replace at least two
		shown, rest = shown[:top], shown[top:]
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(names int64, what string) {
		share := unit.FormatPercent(float64(names) / float64(groups.Names))
		fmt.Fprintf(table, "%s\t%s\t  %s\n", unit.FormatCount(names), share, what)
	}
	fmt.Fprintf(table, "names\t%%\t  namespace\n")
	for _, n := range shown {
		row(n.Names, display(n))
	}
	if len(rest) > 0 {
		var names int64
		for _, n := range rest {
			names += n.Names
		}
		row(names, fmt.Sprintf("… %s more namespaces", unit.FormatCount(int64(len(rest)))))
	}
	table.Flush()
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if i > 0 && i <= len(shown) {
			line = withExample(line, shown[i-1], width)
		}
		fmt.Fprintln(w, line)
	}
}

// display returns the namespace as reports print it.
func display(n aggregate.NameGroup) string {
	return report.NamespaceText(&profile.Namespace{Pattern: n.Pattern, Other: n.Other})
}

// fewestColumns is the shortest example worth showing, in columns.
const fewestColumns = 12

// withExample appends an example name of the group to its row, unless the pattern is
// that name or there is no room. Width 0 means no limit.
func withExample(row string, n aggregate.NameGroup, width int) string {
	if len(n.Examples) == 0 || n.Examples[0].Name == n.Pattern || n.Examples[0].Name == "" {
		return row
	}
	row += "   such as "
	room := 0
	if width > 0 {
		if room = width - report.Columns(row); room < fewestColumns {
			return strings.TrimSuffix(row, "   such as ")
		}
	}
	return row + report.KeyText(n.Examples[0].KeyName, room)
}

// writeGroupsJSON writes a document that --patterns accepts, including the rules.
func writeGroupsJSON(w io.Writer, groups *aggregate.NameGroups, o patternsOptions) error {
	type namespace struct {
		Pattern  string            `json:"pattern"`
		Other    bool              `json:"other,omitempty"`
		Rule     bool              `json:"rule,omitempty"`
		Names    int64             `json:"names"`
		Examples []profile.KeyName `json:"examples"`
	}
	document := struct {
		Names      int64               `json:"names"`
		Namespaces []namespace         `json:"namespaces"`
		Patterns   *pattern.Dictionary `json:"patterns"`
		Rules      []string            `json:"pattern_rules,omitempty"`
		Redacted   bool                `json:"redacted,omitempty"`
	}{groups.Names, []namespace{}, groups.Dictionary, nil, o.Redact != nil}
	if o.Redact == nil {
		document.Rules = o.Grouping.Rules.Texts()
	}
	for _, n := range groups.Namespaces {
		row := namespace{n.Pattern, n.Other, n.Rule, n.Names, []profile.KeyName{}}
		for _, key := range n.Examples {
			row.Examples = append(row.Examples, key.KeyName)
		}
		document.Namespaces = append(document.Namespaces, row)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
