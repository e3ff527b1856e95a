package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"keyprof/sampler"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// groupingFlags say how names become namespaces.
func groupingFlags() []cli.Flag {
	const category = "Namespaces"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "patterns", Usage: "group as decided before: `FILE` is a profile, whose rules are kept as well, or the pattern dictionary in one"},
		&cli.StringSliceFlag{Category: category, Name: "pattern-rule", Usage: "name keys that match a regular expression, such as `'^tenant:([^:]+):=tenant:$1:*'`, before anything is inferred; repeatable, the first that matches counts"},
		&cli.StringFlag{Category: category, Name: "delimiters", Usage: "part names at `CHARS` before all other punctuation; - and _ part words only if they are among them, or where nothing else does", DefaultText: pattern.DefaultDelimiters},
		&cli.IntFlag{Category: category, Name: "namespaces", Usage: "keep at most `N` namespaces, and sum up the rest", Value: sampler.DefaultNamespaceLimit},
	}
}

func groupingOf(c *cli.Context) (sampler.Grouping, error) {
	g := sampler.Grouping{Limit: c.Int("namespaces")}
	if g.Limit < 1 || g.Limit > maxRows {
		return g, flagError("namespaces", nil, fmt.Sprintf("must be between 1 and %d", maxRows))
	}
	rules := c.StringSlice("pattern-rule")
	if path := c.String("patterns"); path != "" {
		earlier, err := readDecisions(path)
		if err != nil {
			return g, &hintedError{
				error: fmt.Errorf("--patterns: reading %s: %w", path, err),
				hint:  "give a profile, or a file with what stands under design.patterns in one",
			}
		}
		g.Dictionary = earlier.dictionary
		if odd := g.OtherLexing(); odd != "" {
			warn(c.App.ErrWriter, "--patterns: %s: %s", path, odd)
		}
		if len(rules) == 0 {
			rules = earlier.rules
		}
	}
	if c.IsSet("delimiters") {
		dict, err := cutBy(c.String("delimiters"), g.Dictionary)
		if err != nil {
			return g, err
		}
		g.Dictionary = dict
	}
	if len(rules) > 0 {
		parsed, err := pattern.ParseRules(rules...)
		if err != nil {
			return g, flagError("pattern-rule", err, "")
		}
		g.Rules = parsed
	}
	return g, nil
}

// cutBy returns the decisions to keep to when names are cut by chars: those made
// earlier, if they were made by the same delimiters.
func cutBy(chars string, earlier *pattern.Dictionary) (*pattern.Dictionary, error) {
	delims, err := pattern.ParseDelimiters(chars)
	switch {
	case err != nil:
		return nil, flagError("delimiters", err, "")
	case earlier == nil:
		return pattern.NewDictionary(delims), nil
	case !earlier.FirstLevel().Equal(delims):
		return nil, &usageError{
			problem: fmt.Sprintf("--delimiters are %s, but the decisions of --patterns were made with %s", delims, earlier.FirstLevel()),
			hint:    "leave out --delimiters to group as before, or --patterns to decide anew",
		}
	}
	return earlier, nil
}

// decisions are how names were grouped before.
type decisions struct {
	dictionary *pattern.Dictionary
	rules      []string // of a profile; a dictionary alone has none
}

// readDecisions reads a pattern dictionary, or the decisions in a profile.
func readDecisions(path string) (decisions, error) {
	if p, err := profile.ReadFile(path); err == nil {
		if p.Design.Patterns == nil {
			return decisions{}, errors.New("the profile holds no decisions: an older version wrote it")
		}
		dict := pattern.Dictionary(*p.Design.Patterns)
		return decisions{&dict, p.Design.PatternRules}, dict.Check()
	}
	f, err := os.Open(path)
	if err != nil {
		return decisions{}, err
	}
	defer f.Close()
	dict, err := pattern.ReadDictionary(f)
	return decisions{dictionary: dict}, err
}
