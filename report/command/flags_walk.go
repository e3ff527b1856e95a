package command

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/throttle"
)

const walkCategory = "Scan"

// walkFlags returns the flags that select the keys to scan and limit the speed.
func walkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: walkCategory, Name: "match", Usage: "scan only keys that match `GLOB`, as SCAN's MATCH does"},
		&cli.StringFlag{Category: walkCategory, Name: "idle-over", Usage: "keys idle for over `SPAN` are high-idle", Value: unit.FormatSpan(sampler.DefaultIdleOver)},
		&cli.StringFlag{Category: walkCategory, Name: "max-load", Usage: "`SHARE` of the server's main thread to use", Value: unit.FormatExactShare(throttle.DefaultMaxLoad)},
		&cli.Float64Flag{Category: walkCategory, Name: "rate", Usage: "scan at most `KEYS` a second"},
		&cli.StringFlag{Category: walkCategory, Name: "latency-budget", Usage: "size pages to block clients for at most `SPAN`", Value: unit.FormatSpan(throttle.DefaultLatencyBudget)},
		&cli.IntFlag{Category: walkCategory, Name: "page", Usage: "fixed COUNT of SCAN in `KEYS`"},
	}
}

const maxPage = 1000 // above about 200, SCAN only makes other clients wait longer

func walkOptionsOf(c *cli.Context) (sampler.Options, error) {
	o := sampler.Options{
		Match: c.String("match"), Rate: c.Float64("rate"), Page: c.Int("page"), Guarded: true,
		Tool: profile.Tool{Name: "keyprof", Version: version},
	}
	var err error
	if o.IdleOver, err = unit.ParseSpan(c.String("idle-over")); err != nil || o.IdleOver < time.Second {
		return o, flagError("idle-over", err, "must be at least 1s")
	}
	if o.MaxLoad, err = unit.ParseShare(c.String("max-load")); err != nil {
		return o, flagError("max-load", err, "")
	}
	if o.LatencyBudget, err = unit.ParseSpan(c.String("latency-budget")); err != nil {
		return o, flagError("latency-budget", err, "")
	}
	if o.MaxLoad == 1 && !c.IsSet("page") && !c.IsSet("latency-budget") {
		o.Page = throttle.FullSpeedPage
	}
	switch {
	case o.LatencyBudget < throttle.MinLatencyBudget:
		return o, flagError("latency-budget", nil, "must be at least "+unit.FormatSpan(throttle.MinLatencyBudget))
	case o.MaxLoad < throttle.MinLoad:
		return o, flagError("max-load", nil, "must be at least "+unit.FormatExactShare(throttle.MinLoad))
	case c.IsSet("rate") && !(o.Rate >= throttle.MinRate) || math.IsInf(o.Rate, 0): // NaN, too
		return o, flagError("rate", nil, fmt.Sprintf("must be at least %d key a second", throttle.MinRate))
	case o.Page < 0 || o.Page == 0 && c.IsSet("page") || o.Page > maxPage:
		return o, flagError("page", nil, fmt.Sprintf("must be between 1 and %d keys", maxPage))
	}
	return o, nil
}

func sampleFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: walkCategory, Name: "sample", Usage: "measure a `SHARE` (2%) or a number (200000) of the keys"},
		&cli.StringFlag{Category: walkCategory, Name: "sample-from", Usage: "measure the keys of the sample `PROFILE` again"},
	}
}

// sampleOf returns nil for a full scan.
func sampleOf(c *cli.Context) (*sampler.SampleSize, error) {
	text, path := c.String("sample"), c.String("sample-from")
	switch {
	case text != "" && path != "":
		return nil, &usageError{problem: "give only one of --sample and --sample-from", hint: "--sample-from takes the number of keys from its profile"}
	case c.IsSet("sample-from") || path != "":
		return sampleFrom(path)
	case c.IsSet("sample") || text != "":
		return parseSample(text)
	default:
		return nil, nil
	}
}

func parseSample(text string) (*sampler.SampleSize, error) {
	if strings.HasSuffix(text, "%") {
		if share, err := unit.ParseShare(text); err == nil {
			return &sampler.SampleSize{Share: share}, nil
		}
		return nil, flagError("sample", nil, fmt.Sprintf("%.40q: want a share of more than 0%% and at most 100%%, such as 2%%, or a number of keys such as 200000", text))
	}
	keys, err := unit.ParseCount(text)
	if err != nil || keys < 1 {
		return nil, flagError("sample", nil, fmt.Sprintf("%.40q: want a share such as 2%%, or a number of keys such as 200000", text))
	}
	return &sampler.SampleSize{Keys: keys}, nil
}

func sampleFrom(path string) (*sampler.SampleSize, error) {
	if path == "" {
		return nil, flagError("sample-from", nil, "wants the name of a file")
	}
	if path == "-" {
		return nil, &usageError{problem: "--sample-from - does not read standard input", hint: "give the name of a file"}
	}
	p, err := readProfile(path, nil)
	if err != nil {
		return nil, err
	}
	if p.Design.Sample == nil {
		return nil, &usageError{problem: fmt.Sprintf("--sample-from: %s is not a sample: all its keys were measured", path), hint: "keyprof profile --sample 2% makes one"}
	}
	if !sampler.Repeatable(p) {
		return nil, &usageError{problem: fmt.Sprintf("--sample-from: %s does not record which keys were measured", path), hint: "keyprof profile --sample 2% makes a new sample"}
	}
	return &sampler.SampleSize{Again: p}, nil
}
