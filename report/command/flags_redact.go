package command

import (
	"crypto/rand"
	"fmt"

	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/sampler/redact"
)

func redactFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Category: outputCategory, Name: "redact", Usage: "hide data in names, and what identifies the server"},
		&cli.Int64Flag{Category: outputCategory, Name: "redact-rare", Usage: "hide words that cover fewer than `KEYS`", Value: redact.DefaultRare},
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

// shareable is a profile as it may be shown.
type shareable struct {
	*profile.Profile
	names    *redact.Names // nil: nothing is redacted
	original *profile.Profile
}

func share(p *profile.Profile, o *redact.Options) (shareable, error) {
	if o == nil {
		return shareable{Profile: p, original: p}, nil
	}
	shown, names, err := sampler.Redact(p, *o)
	if err != nil {
		return shareable{}, fmt.Errorf("--redact: %w", err)
	}
	return shareable{shown, names, p}, nil
}

// evaluate judges conditions by the profile before it was redacted, so that
// whether they hold does not depend on it, and shows names as they may be shown.
func (s shareable) evaluate(conditions []*alarm.Condition) alarm.Verdict {
	return s.shown(alarm.Evaluate(s.original, conditions))
}

// shown is a verdict with the names as they may be shown.
func (s shareable) shown(v alarm.Verdict) alarm.Verdict {
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Namespace, f.Node = s.namespace(f.Namespace), s.node(f.Node)
	}
	for i := range v.Doubts {
		v.Doubts[i].Namespace = s.namespace(v.Doubts[i].Namespace)
	}
	return v
}

func (s shareable) namespace(ns *profile.Namespace) *profile.Namespace {
	if ns == nil || s.names == nil {
		return ns
	}
	shown := *ns
	shown.Pattern = s.names.Pattern(ns.Pattern, ns.Rule)
	return &shown
}

func (s shareable) node(n *profile.Node) *profile.Node {
	for i := range s.original.Nodes {
		if n == &s.original.Nodes[i] {
			return &s.Nodes[i]
		}
	}
	return n
}

// checkUnder refuses to repeat a prefix that redaction hides.
func (s shareable) checkUnder(under string) error {
	if s.names == nil || under == "" {
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

// redactedError is an error whose text may quote names.
type redactedError struct{ error }

func (e redactedError) Error() string { return redact.Text(e.error.Error()) }

func (e redactedError) Unwrap() error { return e.error }

// redactError is err as it may be shown.
func redactError(err error, o *redact.Options) error {
	if err == nil || o == nil {
		return err
	}
	return redactedError{err}
}
