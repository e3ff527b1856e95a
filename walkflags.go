package main

import (
	"fmt"
	"math"
	"time"

	"github.com/urfave/cli/v2"

	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/throttle"
)

const walkCategory = "Walk"

// walkFlags say which keys to walk and how fast.
func walkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: walkCategory, Name: "match", Usage: "walk only keys that match `GLOB`, as SCAN's MATCH (--under chooses afterwards)"},
		&cli.StringFlag{Category: walkCategory, Name: "idle-over", Usage: "call keys high-idle that are idle for more than `SPAN`", Value: unit.FormatSpan(sampler.DefaultIdleOver)},
		&cli.StringFlag{Category: walkCategory, Name: "max-load", Usage: "use at most this `SHARE` of the server's main thread", Value: unit.FormatExactShare(throttle.DefaultMaxLoad)},
		&cli.Float64Flag{Category: walkCategory, Name: "rate", Usage: "walk at most `KEYS` a second", DefaultText: "no limit"},
		&cli.StringFlag{Category: walkCategory, Name: "latency-budget", Usage: "choose pages that keep other clients waiting for at most `SPAN`", Value: unit.FormatSpan(throttle.DefaultLatencyBudget)},
		&cli.IntFlag{Category: walkCategory, Name: "page", Usage: "ask for `KEYS` with each SCAN (COUNT), whatever --latency-budget says", DefaultText: fmt.Sprintf("chosen by --latency-budget; %d with --max-load 100%%", throttle.FullSpeedPage)},
	}
}

const maxPage = 1000 // over some 200, SCAN only keeps others waiting for longer

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
