package main

import (
	"context"
	"fmt"

	"keyprof/report/unit"
	"keyprof/scanner/redistest"
)

// bench runs the measurements and adds their results to the report.
type bench struct {
	options
	tools  *tools
	report *Report
}

// The project's aims.
const (
	aimSpeed       = 2.2  // census, keys a second, keyprof / memkeys
	aimCeiling     = 0.9  // the same, keyprof / ceiling
	aimCPU         = 0.8  // server's CPU time a key, keyprof / memkeys
	aimSlowLink    = 100  // keys a second over 1 ms each way, keyprof / memkeys
	aimMemory      = 64   // MiB, client's peak on the large keyspace
	aimGrowth      = 1.05 // of it, from the usual keyspace
	aimSample      = 1    // second, a sample of the large keyspace
	aimSampleRatio = 1.2  // of it, to one of the usual keyspace
	aimP99         = 1.5  // of a client beside keyprof at defaults / alone
	aimP50         = 1.2
	aimFar         = 20 // keys a second over a link of aimFarTrip and more at defaults, keyprof / memkeys
	aimFarFull     = 60 // the same at full speed
)

// measure takes a few minutes for each of its steps. The servers of the usual and the
// large keyspace run at once, as their samples alternate.
func (b *bench) measure(ctx context.Context) error {
	if b.only == onlyLinks {
		return b.onServer(ctx, b.keys, func(ctx context.Context, s *redistest.Server) error {
			return b.overLinks(ctx, socketLink(s, b.keys))
		})
	}
	if err := b.evictions(ctx); err != nil || b.only == onlyEvictions {
		return err
	}
	if err := b.simulated(ctx); err != nil {
		return err
	}
	if b.loads != "" {
		if err := b.onServer(ctx, b.smallKeys, b.measureLoads); err != nil {
			return err
		}
	}
	return b.onServer(ctx, b.keys, func(ctx context.Context, s *redistest.Server) error {
		if err := b.usual(ctx, s); err != nil {
			return err
		}
		if b.largeKeys == 0 {
			return b.intervals(ctx, socketLink(s, b.keys))
		}
		return b.onServer(ctx, b.largeKeys, func(ctx context.Context, large *redistest.Server) error {
			return b.large(ctx, s, large)
		})
	})
}

// usual measures on the usual keyspace.
func (b *bench) usual(ctx context.Context, s *redistest.Server) error {
	for _, step := range []func(context.Context, link) error{
		b.speed, b.speedAwake, b.ceiling, b.slowLink, b.felt, b.overLinks,
	} {
		if err := step(ctx, socketLink(s, b.keys)); err != nil {
			return err
		}
	}
	return nil
}

// large measures what depends on the size of the keyspace, or should not.
func (b *bench) large(ctx context.Context, s, large *redistest.Server) error {
	l := socketLink(large, b.largeKeys)
	if err := b.speed(ctx, l); err != nil {
		return err
	}
	b.memory()
	if err := b.sampleTimes(ctx, l, socketLink(s, b.keys)); err != nil {
		return err
	}
	return b.intervals(ctx, l)
}

// census compares full scans of keyprof with those of another program.
func (b *bench) census(ctx context.Context, l link, awake bool, with program) (*Pairs, error) {
	p := &Pairs{Link: l.name, Keys: l.keys, Awake: awake, With: with.name}
	var err error
	p.Keyprof, p.Other, err = takeTurns(ctx, b.pairs, b.tools.census(l), with)
	if err != nil {
		return nil, err
	}
	b.report.Pairs = append(b.report.Pairs, p)
	return p, nil
}

func (b *bench) speed(ctx context.Context, l link) error {
	p, err := b.census(ctx, l, false, b.tools.memkeys(l, b.limit))
	if err != nil {
		return err
	}
	speed := p.compare("keys/s", Run.KeysPerSecond)
	b.report.add(speed.row(aboutSpeed, "speed of a census of "+keys(l.keys), atLeast(aimSpeed, speed.Ratio)))
	cpu := p.compare("µs", Run.MicrosPerKey)
	b.report.add(cpu.row(aboutCost, "server's CPU time a key, "+keys(l.keys), atMost(aimCPU, cpu.Ratio)))
	return nil
}

// speedAwake is for memkeys, which makes three round trips for 10 keys: its speed
// depends on how fast a sleeping core wakes up.
func (b *bench) speedAwake(ctx context.Context, l link) error {
	return b.tools.awake(ctx, func(awake bool) error {
		if !awake {
			return nil
		}
		p, err := b.census(ctx, l, true, b.tools.memkeys(l, b.limit))
		if err != nil {
			return err
		}
		speed := p.compare("keys/s", Run.KeysPerSecond)
		b.report.add(speed.row(aboutSpeed, fmt.Sprintf("speed of a census of %s, cores kept awake", keys(l.keys)), atLeast(aimSpeed, speed.Ratio)))
		return nil
	})
}

func (b *bench) ceiling(ctx context.Context, l link) error {
	p, err := b.census(ctx, l, false, b.tools.ceiling(l))
	if err != nil {
		return err
	}
	speed := p.compare("keys/s", Run.KeysPerSecond)
	b.report.add(speed.row(aboutSpeed, "speed of a census of "+keys(l.keys), atLeast(aimCeiling, speed.Ratio)))
	return nil
}

func (b *bench) slowLink(ctx context.Context, l link) error {
	if b.latency == 0 {
		return nil
	}
	proxy, err := redistest.StartProxy(l.server.Addr())
	if err != nil {
		return err
	}
	defer proxy.Close()
	proxy.SetLatency(b.latency)
	slow := proxyLink(l.server, proxy, l.keys, b.latency)
	p, err := b.census(ctx, slow, false, b.tools.memkeys(slow, b.limit))
	if err != nil {
		return err
	}
	speed := p.compare("keys/s", Run.KeysPerSecond)
	b.report.add(speed.row(aboutSpeed, fmt.Sprintf("speed of a census of %s over %s", keys(l.keys), slow.name), atLeast(aimSlowLink, speed.Ratio)))
	return nil
}

// memory compares the memory of the full scans of the two keyspaces that were run for
// their speed.
func (b *bench) memory() {
	large, usual := b.report.pairsOf(b.largeKeys), b.report.pairsOf(b.keys)
	peaks := compare("MiB", "with "+keys(b.keys), figures(large.Keyprof, Run.PeakMiB), figures(usual.Keyprof, Run.PeakMiB))
	if peaks.Keyprof.Median == 0 {
		return // cannot be known here
	}
	row := peaks.row(aboutMemory, "keyprof's peak memory, "+keys(b.largeKeys), atMost(aimMemory, peaks.Keyprof.Largest).of("largest", "MiB"), atMost(aimGrowth, peaks.Ratio).of("ratio", ""))
	row.Keyprof += fmt.Sprintf(" (largest %s)", figure(peaks.Keyprof.Largest))
	b.report.add(row)
}

// keys formats a number of keys.
func keys(n int) string { return unit.FormatCount(int64(n)) + " keys" }
