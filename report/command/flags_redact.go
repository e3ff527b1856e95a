package command

import (
	"crypto/rand"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/redact"
)

// redactHelp is the part of --help that explains what is left out.
const redactHelp = `SHARING
  --redact makes what is printed and written fit to be shared. Names of keys become
  their namespace and a token that means nothing elsewhere. In namespaces, a word
  becomes <*> if it covers fewer than --redact-rare keys or if others are followed by
  the same word, unless it is one that software uses, such as queue. Addresses, run
  ids, rules, most of what the server said, and a label that is not given along with
  it are left out. Words that cover many keys stay: look at the namespaces before you
  share them.`

func redactFlags() []cli.Flag {
	const category = "Sharing"
	return []cli.Flag{
		&cli.BoolFlag{Category: category, Name: "redact", Usage: "replace what is data in names, and what identifies the server, in all that is printed and written"},
		&cli.Int64Flag{Category: category, Name: "redact-rare", Usage: "with --redact, replace words in namespaces that cover fewer than `KEYS`", Value: redact.DefaultRare},
	}
}

// redactOf is how to redact; nil: not at all.
func redactOf(c *cli.Context) (*redact.Options, error) {
	switch rare := c.Int64("redact-rare"); {
	case rare < 1:
		return nil, flagError("redact-rare", nil, "must be at least 1")
	case !c.Bool("redact") && c.IsSet("redact-rare"):
		return nil, &usageError{problem: "--redact-rare without --redact has no effect"}
	case !c.Bool("redact"):
		return nil, nil
	default:
		key := make([]byte, 32)
		rand.Read(key) // never fails
		return &redact.Options{Key: key, Rare: rare}, nil
	}
}

// checkUnder refuses to repeat a prefix that redaction hides.
func checkUnder(s redact.Shareable, under string) error {
	if !s.IsRedacted() || under == "" {
		return nil
	}
	for i := range s.Namespaces {
		if ns := &s.Namespaces[i]; !ns.Other && report.Below(ns.Pattern, under) {
			return nil
		}
	}
	return &usageError{
		problem: "--under: no namespace begins like this once names are redacted",
		hint:    "leave --under out to see which there are",
	}
}
