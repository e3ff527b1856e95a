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
		if len(rules) == 0 {
			rules = earlier.rules
		}
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
		if p.Design.Redacted {
			return decisions{}, errors.New("the profile is redacted: some of its decisions, and its rules, were left out")
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
