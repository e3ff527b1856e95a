package command

import (
	"crypto/rand"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/redact"
)

func redactFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Category: outputCategory, Name: "redact", Usage: "hide data in names, and what identifies the server"},
		&cli.Int64Flag{Category: outputCategory, Name: "redact-rare", Usage: "hide words that cover fewer than `KEYS`", Value: redact.DefaultRare},
	}
}

// redactOf returns how to redact, or nil for no redaction.
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

// checkUnder rejects a prefix that redaction hides. The error does not repeat the
// prefix.
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
		problem: "--under: after redaction no namespace begins with this",
		hint:    "leave out --under to see all namespaces",
	}
}
