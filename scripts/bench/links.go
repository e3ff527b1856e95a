package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"keyprof/report/unit"
	"keyprof/scanner/redistest"
)

// distance holds the average round trip to a server, and the share of it by which it
// varies at most.
type distance struct {
	roundTrip time.Duration
	jitter    float64
}

func (d distance) String() string {
	text := fmt.Sprintf("%g ms", d.roundTrip.Seconds()*1e3)
	if d.jitter > 0 {
		text += " ± " + unit.FormatExactShare(d.jitter)
	}
	return text
}

// distances returns each round trip of the flags with each jitter.
func (o options) distances() (list []distance, err error) {
	words := func(list string) []string { return strings.Fields(strings.ReplaceAll(list, ",", " ")) }
	for _, word := range words(o.links) {
		d := distance{}
		if d.roundTrip, err = time.ParseDuration(word); err != nil || d.roundTrip < 0 {
			return nil, fmt.Errorf("-links %q: not a duration", word)
		}
		for _, share := range words(o.linkJitters) {
			percent, isShare := strings.CutSuffix(share, "%")
			jitter, err := strconv.ParseFloat(percent, 64)
			if err != nil || !isShare || jitter < 0 || jitter > 100 {
				return nil, fmt.Errorf("-link-jitters %q: not a percentage", share)
			}
			if d.jitter = jitter / 100; d.roundTrip > 0 || d.jitter == 0 { // otherwise there is nothing to vary
				list = append(list, d)
			}
		}
	}
	return list, nil
}

// From aimFarTrip on a link counts as long. From slowTrip on memkeys takes so long for a
// few keys that its speed is computed from its round trips.
const (
	aimFarTrip = 20 * time.Millisecond
	slowTrip   = 50 * time.Millisecond
	linkTrips  = 50 // of a run, beside its time
)

// memkeysByTrips returns the best case of memkeys: three round trips for ten keys.
func memkeysByTrips(roundTrip time.Duration) program {
	return program{"`redis-cli --memkeys` by its round trips", func(context.Context) (Run, error) {
		return Run{Keys: 10, Seconds: 3 * roundTrip.Seconds()}, nil
	}}
}

// Far holds the measurements over one link.
type Far struct {
	Link      string     `json:"link"`
	RoundTrip float64    `json:"round_trip_s"` // seconds
	Jitter    float64    `json:"jitter"`       // share
	ByTrips   bool       `json:"by_trips"`     // memkeys' speed is estimated from its round trips
	Defaults  Comparison `json:"defaults"`     // keyprof at defaults and memkeys, keys/s
	FullSpeed Comparison `json:"full_speed"`   // the same at full speed
	// Used is the load of keyprof at defaults on the server's main thread, in per cent:
	// from the CPU time of INFO, and from its receipt.
	Used Comparison  `json:"used"`
	P50  *Comparison `json:"p50,omitempty"` // of a GET client on the server's machine
	P99  *Comparison `json:"p99,omitempty"`
}

// overLinks measures speed, cost and the latency of another client over links.
func (b *bench) overLinks(ctx context.Context, l link) error {
	distances, err := b.distances()
	if err != nil {
		return err
	}
	for _, d := range distances {
		far, err := b.overLink(ctx, l, d)
		if err != nil {
			return err
		}
		b.report.Links = append(b.report.Links, far)
	}
	return nil
}

func (b *bench) overLink(ctx context.Context, l link, d distance) (far Far, err error) {
	progress("round trips of %v", d)
	far = Far{Link: d.String(), RoundTrip: d.roundTrip.Seconds(), Jitter: d.jitter, ByTrips: d.roundTrip >= slowTrip}
	defaults, err := b.farPairs(ctx, l, d)
	if err != nil {
		return far, err
	}
	fullSpeed, err := b.farPairs(ctx, l, d, "--max-load", "100%")
	if err != nil {
		return far, err
	}
	far.Defaults, far.FullSpeed = defaults.compare("keys/s", Run.KeysPerSecond), fullSpeed.compare("keys/s", Run.KeysPerSecond)
	far.Used = compare("%", "its receipt", figures(defaults.Keyprof, Run.Used), figures(defaults.Keyprof, Run.UsedByReceipt))
	progress("%s of the server by INFO, %s by the receipt", figure(far.Used.Keyprof.Median), figure(far.Used.Other.Median))
	return far, b.farFelt(ctx, l, d, &far)
}

// farPairs alternates keyprof and memkeys over a link.
func (b *bench) farPairs(ctx context.Context, l link, d distance, args ...string) (*Pairs, error) {
	l, stop, err := b.tools.farLink(ctx, l, d, false)
	if err != nil {
		return nil, err
	}
	defer stop()
	limit := b.linkTime + linkTrips*d.roundTrip
	with := b.tools.memkeys(l, limit)
	if d.roundTrip >= slowTrip {
		with = memkeysByTrips(d.roundTrip)
	}
	p := &Pairs{Link: l.name, Keys: l.keys, With: with.name}
	if p.Keyprof, p.Other, err = takeTurns(ctx, b.pairs, b.tools.walkFor(l, limit, args...), with); err != nil {
		return nil, err
	}
	b.report.Pairs = append(b.report.Pairs, p)
	return p, nil
}

// farFelt measures a client on the server's machine, alone and beside keyprof at defaults
// over a link.
func (b *bench) farFelt(ctx context.Context, l link, d distance, far *Far) error {
	if b.rounds == 0 {
		return nil
	}
	l, stop, err := b.tools.farLink(ctx, l, d, true)
	if err != nil {
		return err
	}
	defer stop()
	way := besides[0]
	rounds, err := b.feltByTurns(ctx, l, []beside{way})
	if err != nil {
		return err
	}
	p50, p99 := way.compare(rounds)
	far.P50, far.P99 = &p50, &p99
	return nil
}

// proxyChild is the first argument of a child process that is a proxy.
const proxyChild = "proxy"

// farLink starts a link in a process of its own. With low priority it leaves the cores to
// server and client, as a network does.
func (t *tools) farLink(ctx context.Context, l link, d distance, givesWay bool) (link, func(), error) {
	words := []string{t.self, proxyChild, l.server.Addr(), d.roundTrip.String(), fmt.Sprint(d.jitter)}
	if givesWay && t.nice != "" {
		words = append([]string{t.nice, "-n", "19"}, words...)
	}
	addr, stop, err := startChild(ctx, words[0], words[1:]...)
	if err != nil {
		return l, nil, err
	}
	far := tcpLink("round trips of "+d.String(), l.server, addr, l.keys)
	far.roundTrip = d.roundTrip
	return far, stop, nil
}

// proxyMain forwards connections to a target until its input ends.
func proxyMain(args []string) {
	roundTrip, err := time.ParseDuration(args[1])
	jitter, jitterErr := strconv.ParseFloat(args[2], 64)
	proxy, proxyErr := redistest.StartProxy(args[0])
	for _, err := range []error{err, jitterErr, proxyErr} {
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
			os.Exit(1)
		}
	}
	proxy.SetLatency(roundTrip / 2)
	proxy.SetJitter(jitter)
	fmt.Println(proxy.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// linkTable returns a table with a line for each link.
func linkTable(links []Far) string {
	if len(links) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nOver links, keys a second of a scan without its start; keyprof at its defaults unless it says otherwise; the `GET` client is on the server's machine:\n\n")
	b.WriteString(tableHead("round trip", "memkeys", "keyprof", "ratio", "`--max-load 100%`", "ratio", "used of the server (receipt)", "`GET` p50, µs (alone)", "`GET` p99, µs (alone)", "ratio"))
	byTrips := false
	for _, f := range links {
		b.WriteString(tableLine(f.cells()...))
		byTrips = byTrips || f.ByTrips
	}
	if byTrips {
		b.WriteString("\n\\* by its round trips, three for ten keys, as a run would take too long.\n")
	}
	return b.String()
}

func (f Far) cells() []string {
	memkeys := figure(f.Defaults.Other.Median)
	if f.ByTrips {
		memkeys += "\\*"
	}
	isFar := f.RoundTrip >= aimFarTrip.Seconds()
	cells := []string{
		f.Link, memkeys,
		figure(f.Defaults.Keyprof.Median), f.ratio(f.Defaults, isFar, atLeast(aimFar, f.Defaults.Ratio)),
		figure(f.FullSpeed.Keyprof.Median), f.ratio(f.FullSpeed, isFar, atLeast(aimFarFull, f.FullSpeed.Ratio)),
		fmt.Sprintf("%s %% (%s %%)", figure(f.Used.Keyprof.Median), figure(f.Used.Other.Median)),
		none, none, none,
	}
	if f.P99 != nil {
		felt := func(c *Comparison) string {
			return fmt.Sprintf("%s (%s)", figure(c.Keyprof.Median), figure(c.Other.Median))
		}
		copy(cells[7:], []string{felt(f.P50), felt(f.P99), f.ratio(*f.P99, true, atMost(aimP99, f.P99.Ratio))})
	}
	return cells
}

// ratio has its aim where there is one.
func (f Far) ratio(c Comparison, aimed bool, aim Aim) string {
	if !aimed {
		return figure(c.Ratio)
	}
	return fmt.Sprintf("%s (%v)", figure(c.Ratio), aim)
}
