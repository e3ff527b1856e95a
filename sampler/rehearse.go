package sampler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// plan is what a rehearsal on a few keys found that the server answers.
type plan struct {
	probes   []scanner.Probe
	shared   sharedMode
	measures measures
	missing  []profile.Missing
}

// measureOf names what each probe of the walk measures.
var measureOf = map[scanner.Probe]profile.Measure{
	scanner.MemoryUsage: profile.MeasureBytes,
	scanner.PTTL:        profile.MeasureTTL,
	scanner.IdleTime:    profile.MeasureIdle,
	scanner.Freq:        profile.MeasureFreq,
	scanner.Type:        profile.MeasureType,
}

// probesFor are the probes to try, in the order in which they will be sent.
func probesFor(n scanner.Node) []scanner.Probe {
	switch {
	case n.TracksFrequency():
		return []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.Freq, scanner.Type}
	case n.Policy() == "":
		return []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.IdleTime, scanner.Freq, scanner.Type}
	default:
		return []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.IdleTime, scanner.Type}
	}
}

// rehearse finds out on a few keys, before the walk, what the server refuses.
// The error tells that SCAN or all probes are.
func (c *collector) rehearse(ctx context.Context) error {
	names, err := c.fewNames(ctx)
	if err != nil {
		return err
	}
	trial := trial{conn: c.conn, names: names}
	for _, probe := range probesFor(c.node) {
		refusal, err := trial.refusal(ctx, probe)
		switch {
		case err != nil:
			return err
		case refusal == nil:
			c.plan.probes = append(c.plan.probes, probe)
		case notTracked(refusal): // the policy decides which of the two exists
		default:
			c.plan.missing = append(c.plan.missing, c.lacks(probe, refusal))
		}
	}
	if len(c.plan.probes) == 0 {
		return c.allRefused()
	}
	if err := c.planShared(ctx, trial); err != nil {
		return err
	}
	c.planMeasures()
	return nil
}

// fewNames brings some names to rehearse on; none when all databases are empty.
func (c *collector) fewNames(ctx context.Context) ([]string, error) {
	var first error
	for i := range c.databases {
		if err := c.use(ctx, c.databases[i].DB); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		names, err := someNames(ctx, c.conn)
		if err != nil || len(names) > 0 {
			return names, err
		}
		first = nil
	}
	return nil, first
}

const (
	rehearsalKeys  = 20
	rehearsalPages = 50 // of a table that is nearly empty
)

func someNames(ctx context.Context, x scanner.Exchange) ([]string, error) {
	scan := scanner.Scan{Count: rehearsalKeys}
	for range rehearsalPages {
		_, page, err := x.RoundTrip(ctx, nil, &scan, nil)
		if err != nil {
			return nil, err
		}
		if len(page.Names) > 0 || page.Cursor == 0 {
			return page.Names[:min(len(page.Names), rehearsalKeys)], nil
		}
		scan.Cursor = page.Cursor
	}
	return nil, nil
}

// trial tries probes on a few keys.
type trial struct {
	conn  *scanner.Conn
	names []string
}

// refusal is the error with which the server refuses the probe for every one
// of the names, nil if it answers for one of them. A user who may see only
// some keys is refused the others, so a single key proves nothing.
func (t trial) refusal(ctx context.Context, probe scanner.Probe) (refusal, err error) {
	for _, name := range t.names {
		replies, _, err := t.conn.RoundTrip(ctx, []scanner.Request{{Probe: probe, Key: name}}, nil, nil)
		if err != nil {
			return nil, err
		}
		if replies[0].Err == nil {
			return nil, nil
		}
		refusal = replies[0].Err
	}
	if onlyKeysDenied(refusal) {
		return nil, nil // the walk counts such keys one by one
	}
	return refusal, nil
}

// onlyKeysDenied reports whether the command is allowed and the key is not:
// "... no permissions to access one of the keys ...", from 7.2 "No permissions
// to access a key".
func onlyKeysDenied(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOPERM") && strings.Contains(err.Error(), "ermissions to access")
}

// notTracked reports the answer to IDLETIME under an LFU policy, and to FREQ
// under any other.
func notTracked(err error) bool { return strings.HasPrefix(err.Error(), "ERR An LFU maxmemory policy") }

func (c *collector) lacks(probe scanner.Probe, refusal error) profile.Missing {
	m := profile.Missing{Measure: measureOf[probe], Node: c.node.Address, Reason: refusal.Error()}
	if strings.HasPrefix(m.Reason, "NOPERM") {
		m.Remedy = c.aclRule(probe.ACLRule())
	}
	return m
}

func (c *collector) aclRule(rule string) string {
	return fmt.Sprintf("ACL SETUSER %s %s", c.conn.User(), rule)
}

func (c *collector) allRefused() error {
	rules := make([]string, 0, len(c.plan.missing))
	for _, probe := range probesFor(c.node) {
		rules = append(rules, probe.ACLRule())
	}
	hint := "the server does not know these commands: keyprof cannot work with it"
	if strings.HasPrefix(c.plan.missing[0].Reason, "NOPERM") {
		hint = "allow them: " + c.aclRule(strings.Join(rules, " "))
	}
	return &scanner.Error{
		Doing: "probing keys at " + c.node.Address,
		Err:   errors.New("the server refuses every question about keys: " + c.plan.missing[0].Reason),
		Hint:  hint,
	}
}

// planShared decides how to tell shared integers from others.
func (c *collector) planShared(ctx context.Context, t trial) error {
	if !c.asks(scanner.IdleTime) || !c.node.SharesIntegers() {
		return nil
	}
	refusal, err := t.refusal(ctx, scanner.RefCount)
	c.plan.shared = askShared
	if refusal != nil {
		c.plan.shared = dropShared
	}
	return err
}

func (c *collector) asks(probe scanner.Probe) bool {
	for _, p := range c.plan.probes {
		if p == probe {
			return true
		}
	}
	return false
}

// planMeasures decides which figures the profile will have.
func (c *collector) planMeasures() {
	m := &c.plan.measures
	m.bytes, m.ttl, m.types = c.asks(scanner.MemoryUsage), c.asks(scanner.PTTL), c.asks(scanner.Type)
	m.idle, m.freq = c.asks(scanner.IdleTime), c.asks(scanner.Freq)
	if m.idle && m.freq { // no key was there to tell which of the two this server has
		m.freq = false
		c.plan.probes = without(c.plan.probes, scanner.Freq)
	}
	m.since = profile.IdleSinceWriteOrLocalRead
	if c.node.Role() == scanner.Primary {
		m.since = profile.IdleSinceAccess
	}
	horizon, known := c.node.IdleHorizon()
	m.horizonS, m.horizon = int64(horizon/time.Second), known
	m.highIdle = m.idle && known && c.opts.IdleOver < horizon
}

func without(probes []scanner.Probe, unwanted scanner.Probe) []scanner.Probe {
	var kept []scanner.Probe
	for _, p := range probes {
		if p != unwanted {
			kept = append(kept, p)
		}
	}
	return kept
}
