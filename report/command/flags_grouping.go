package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// groupingFlags returns the flags that control how names are grouped into namespaces.
func groupingFlags() []cli.Flag {
	const category = "Namespaces"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "patterns", Usage: "group as before: `FILE` is a profile, or the output of keyprof patterns -f json"},
		&cli.StringSliceFlag{Category: category, Name: "pattern-rule", Usage: "name the keys that match: `REGEX=NAME`; repeatable"},
		&cli.StringFlag{Category: category, Name: "delimiters", Usage: "split names at `CHARS` first", DefaultText: pattern.DefaultDelimiters},
		&cli.IntFlag{Category: category, Name: "namespaces", Usage: "keep at most `N` namespaces", Value: aggregate.DefaultNamespaceLimit},
	}
}

const maxRows = profile.MaxRows / 2

func groupingOf(c *cli.Context) (aggregate.Grouping, error) {
	g := aggregate.Grouping{Limit: c.Int("namespaces")}
	if g.Limit < 1 || g.Limit > maxRows {
		return g, flagError("namespaces", nil, fmt.Sprintf("must be between 1 and %d", maxRows))
	}
	rules := c.StringSlice("pattern-rule")
	if _, err := parseRules(rules); err != nil {
		return g, flagError("pattern-rule", err, "")
	}
	if path := c.String("patterns"); path != "" {
		earlier, err := earlierDecisions(path)
		if err != nil {
			return g, err
		}
		g.Dictionary = earlier.Dictionary
		if odd := g.OtherLexing(); odd != "" {
			warn(c.App.ErrWriter, "--patterns: %s: %s", path, odd)
		}
		rules = append(rules, earlier.Rules...)
	}
	if c.IsSet("delimiters") {
		dict, err := cutBy(c.String("delimiters"), g.Dictionary)
		if err != nil {
			return g, err
		}
		g.Dictionary = dict
	}
	parsed, err := parseRules(rules)
	if err != nil { // the rules of the command line have been parsed before
		return g, failedPatterns(c.String("patterns"), err)
	}
	g.Rules = parsed
	return g, nil
}

// parseRules parses rules without their duplicates. It returns nil if there are none.
func parseRules(texts []string) (*pattern.Rules, error) {
	var once []string
	seen := map[string]bool{}
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			once = append(once, text)
		}
	}
	if len(once) == 0 {
		return nil, nil
	}
	return pattern.ParseRules(once...)
}

// cutBy returns the decisions to use when names are split at chars: the earlier ones,
// if they were made with the same delimiters.
func cutBy(chars string, earlier *pattern.Dictionary) (*pattern.Dictionary, error) {
	delims, err := pattern.ParseDelimiters(chars)
	switch {
	case err != nil:
		return nil, flagError("delimiters", err, "")
	case earlier == nil:
		return pattern.NewDictionary(delims), nil
	case !earlier.FirstLevel().Equal(delims):
		return nil, &usageError{
			problem: fmt.Sprintf("--delimiters are %s, but the file of --patterns was made with %s", inOrder(delims), inOrder(earlier.FirstLevel())),
			hint:    "leave out --delimiters to group as before, or --patterns to group from scratch",
		}
	}
	return earlier, nil
}

// inOrder prints delimiters in the order in which --help lists the default ones.
func inOrder(d *pattern.Delimiters) string {
	if usual, err := pattern.ParseDelimiters(pattern.DefaultDelimiters); err == nil && d.Equal(usual) {
		return pattern.DefaultDelimiters
	}
	return d.String()
}

// earlierDecisions reads the decisions of --patterns.
func earlierDecisions(path string) (*pattern.Decisions, error) {
	if path == "-" {
		return nil, &usageError{problem: "--patterns - does not read standard input", hint: "give the name of a file"}
	}
	d, err := readDecisions(path)
	if err != nil {
		return nil, failedPatterns(path, err)
	}
	return d, nil
}

// failedPatterns explains why the file of --patterns cannot be used.
func failedPatterns(path string, err error) error {
	hint := "give a profile, the output of keyprof patterns -f json, or the value of design.patterns in a profile"
	if errors.Is(err, fs.ErrNotExist) {
		hint = "make the file with a first run without --patterns: keyprof profile -o FILE URL, or keyprof patterns -f json NAMES > FILE"
	}
	return &hintedError{error: fmt.Errorf("--patterns: reading %s: %w", path, withoutPath(err)), hint: hint}
}

// readDecisions reads the file once, since it may be a pipe. It reads a file as a
// profile until that fails, and then as the shorter format that users edit.
func readDecisions(path string) (*pattern.Decisions, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var read bytes.Buffer
	p, err := profile.Read(io.TeeReader(f, &read))
	switch {
	case err == nil:
		return decisionsOf(p)
	case profile.IsCompressed(read.Bytes()): // only profiles are compressed
		return nil, err
	}
	d, otherwise := pattern.ReadDecisions(io.MultiReader(&read, f))
	if otherwise != nil && errors.Is(err, profile.ErrTooLarge) {
		return nil, err
	}
	return d, otherwise
}

// Reasons why a profile's decisions cannot be used.
var (
	errNoDecisions       = errors.New("the profile has no decisions: an older version wrote it")
	errRedactedDecisions = errors.New("the profile is redacted: some of its decisions, and its rules, were left out")
)

// decisionsOf returns the decisions in a profile.
func decisionsOf(p *profile.Profile) (*pattern.Decisions, error) {
	switch {
	case p.Design.Patterns == nil:
		return nil, errNoDecisions
	case p.Design.Redacted:
		return nil, errRedactedDecisions
	}
	dict := p.Design.Patterns
	return &pattern.Decisions{Dictionary: dict, Rules: p.Design.PatternRules}, dict.Check()
}
