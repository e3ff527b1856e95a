package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/sampler/redact"
)

const patternsHelp = `Groups key names from a file or standard input as "keyprof profile" would, with
no server: to try rules, or on the names that redis-cli --scan prints. There is
one name a line, without the carriage return that ends lines on Windows; a name
that ends in one, or has a new line in it, needs -0.

EXAMPLES
  redis-cli --scan | keyprof patterns -
  keyprof patterns --pattern-rule '^tenant:([^:]+):=tenant:$1:*' names.txt
  keyprof patterns --depth 1 --under cache: names.txt
  keyprof patterns --delimiters ':_' names.txt
  keyprof patterns --redact names.txt
  keyprof patterns --format json -0 names.bin

` + redactHelp + "\n\n" + readExitStatusHelp

func patternsCommand() *cli.Command {
	return &cli.Command{
		Name:        "patterns",
		Usage:       "group a list of key names, without a server",
		ArgsUsage:   "FILE|-",
		Description: patternsHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: " + strings.Join(patternsFormats, ", "), Value: string(report.Text)},
			&cli.BoolFlag{Name: "null", Aliases: []string{"0"}, Usage: "names end in a NUL byte, and not in a new line"},
		}, slices.Concat(groupingFlags(), scopeFlags(""), redactFlags())...),
		Action: func(c *cli.Context) error {
			o, err := patternsOptionsOf(c)
			if err != nil {
				return err
			}
			return runPatterns(o, c.App.Reader, c.App.Writer, c.App.ErrWriter)
		},
	}
}

// patternsFormats are the formats of the patterns command.
var patternsFormats = []string{string(report.Text), string(report.JSON)}

// patternsOptions are what runPatterns needs.
type patternsOptions struct {
	Path      string // or "-"
	Format    report.Format
	Separator byte
	Grouping  sampler.Grouping
	Under     string
	Depth     int             // segments; 0: all
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
		return o, flagError("format", nil, fmt.Sprintf("%q is not one of %s", o.Format, strings.Join(patternsFormats, ", ")))
	}
	if o.Separator = '\n'; c.Bool("null") {
		o.Separator = 0
	}
	if o.Under, o.Depth, err = scopeOf(c); err != nil {
		return o, err
	}
	if o.Redact, err = redactOf(c); err != nil {
		return o, err
	}
	o.Grouping, err = groupingOf(c)
	return o, err
}

func runPatterns(o patternsOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	input := io.NopCloser(stdin)
	if o.Path != "-" {
		f, err := openNames(o.Path)
		if err != nil {
			return err
		}
		input = f
	}
	defer input.Close()
	names := newNameReader(input, o.Separator)
	groups := sampler.GroupNames(names.all, o.Grouping)
	if err := names.err(); err != nil {
		return fmt.Errorf("reading names: %w", err)
	}
	if o.Redact != nil {
		if err := groups.Redact(*o.Redact, o.Grouping.Rules.Texts()); err != nil {
			return fmt.Errorf("--redact: %w", err)
		}
	}
	warnGroups(stderr, groups)
	if err := narrow(groups, o, stderr); err != nil {
		return err
	}
	var out bytes.Buffer
	if o.Format == report.JSON {
		if err := writeGroupsJSON(&out, groups, o); err != nil {
			return err
		}
	} else {
		writeGroupsText(&out, groups)
	}
	_, err := stdout.Write(out.Bytes())
	return err
}

// narrow leaves the namespaces that were asked for.
func narrow(groups *sampler.NameGroups, o patternsOptions, stderr io.Writer) error {
	if o.Under != "" {
		groups.Namespaces = slices.DeleteFunc(groups.Namespaces, func(n sampler.NameGroup) bool {
			return n.Other || !report.Below(n.Pattern, o.Under)
		})
		if len(groups.Namespaces) == 0 {
			warn(stderr, "no namespace lies under %s", o.Under)
		}
	}
	if o.Depth == 0 {
		return nil
	}
	return groups.RollUp(o.Under, o.Depth)
}

// openNames opens a list of names.
func openNames(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
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

func warnGroups(stderr io.Writer, groups *sampler.NameGroups) {
	if groups.Names == 0 {
		warn(stderr, "there are no names to group")
	}
	for _, rule := range groups.UnusedRules {
		warn(stderr, "pattern rule %q matched no name", rule)
	}
	if groups.Degraded {
		warn(stderr, "there are too many namespaces: some are coarser, or summed up (K is %d)", groups.Dictionary.K)
	}
}

// maxNameBytes is the longest name that is read.
const maxNameBytes = 1 << 20

// nameReader reads names that end in a separator.
type nameReader struct {
	scanner *bufio.Scanner
	lines   bool // separated by new lines
	names   int64
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
		if r.lines { // as Windows ends them
			name = strings.TrimSuffix(name, "\r")
		}
		if !yield(name) {
			return
		}
	}
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

// byNames orders namespaces by their names, most first.
func byNames(a, b sampler.NameGroup) int { return int(min(1, max(-1, b.Names-a.Names))) }

func writeGroupsText(w io.Writer, groups *sampler.NameGroups) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "names\t%%\t  namespace\n")
	slices.SortStableFunc(groups.Namespaces, byNames)
	for _, n := range groups.Namespaces {
		share := unit.FormatPercent(float64(n.Names) / float64(groups.Names))
		fmt.Fprintf(table, "%s\t%s\t  %s\n", unit.FormatCount(n.Names), share, n.Pattern+example(n))
	}
	table.Flush()
}

// example is a name of the group for people, unless the pattern is that name.
func example(n sampler.NameGroup) string {
	if len(n.Examples) == 0 || n.Examples[0].Name == n.Pattern {
		return ""
	}
	return "   such as " + strconv.Quote(n.Examples[0].Name)
}

// writeGroupsJSON writes a document that --patterns takes, rules and all.
func writeGroupsJSON(w io.Writer, groups *sampler.NameGroups, o patternsOptions) error {
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
