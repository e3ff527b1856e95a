package sampler

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// plan holds which commands the server allows, as tried on a few keys.
type plan struct {
	probes   []scanner.Probe
	shared   sharedMode
	measures aggregate.Measures
	missing  []profile.Missing
	// keysDenied: no key that was asked about lies within the user's key patterns.
	keysDenied bool
}

// measureOf maps each probe to its measure.
var measureOf = map[scanner.Probe]profile.Measure{
	scanner.MemoryUsage: profile.MeasureBytes,
	scanner.PTTL:        profile.MeasureTTL,
	scanner.IdleTime:    profile.MeasureIdle,
	scanner.Freq:        profile.MeasureFreq,
	scanner.Type:        profile.MeasureType,
}

// probesFor returns the probes to try, in the order in which they will be sent.
func probesFor(n info.Node) []scanner.Probe {
	switch {
	case n.TracksFrequency():
		return []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.Freq, scanner.Type}
	case n.Policy() == "":
		return []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.IdleTime, scanner.Freq, scanner.Type}
	default:
		return []scanner.Probe{scanner.MemoryUsage, scanner.PTTL, scanner.IdleTime, scanner.Type}
	}
}

// probeCapabilities tries the probes on a few keys before the scan. It returns an error
// if SCAN or all probes are refused.
func (c *collector) probeCapabilities(ctx context.Context) error {
	names, err := c.trialNames(ctx)
	if err != nil {
		return err
	}
	if err := c.planFrom(ctx, c.conn, names); err != nil {
		return err
	}
	if len(c.plan.probes) == 0 {
		return c.allRefused()
	}
	return nil
}

// planFrom makes the plan from the server's replies for some names. It has no probes if
// all of them are refused.
func (c *collector) planFrom(ctx context.Context, x scanner.Exchange, names []string) (err error) {
	probes := probesFor(c.node)
	trials := make([]probeResult, len(probes))
	anyAnswer := false
	for i, probe := range probes {
		if trials[i], err = tryProbe(ctx, x, probe, names); err != nil {
			return err
		}
		anyAnswer = anyAnswer || trials[i].answered
	}
	for i, probe := range probes {
		c.decideProbe(probe, trials[i], anyAnswer)
	}
	if err := c.planShared(ctx, x, names); err != nil {
		return err
	}
	c.planMeasures()
	return nil
}

// decideProbe decides whether a probe is part of the scan. A user who may see only
// some keys is refused the others: that is counted key by key, unless keys
// answer to other probes and to this one none does (PTTL wants the right to
// read, MEMORY USAGE does not).
func (c *collector) decideProbe(probe scanner.Probe, t probeResult, anyAnswer bool) {
	switch {
	case t.answered || t.refusal == nil:
		c.plan.probes = append(c.plan.probes, probe)
	case t.moved() && (anyAnswer || c.node.Role() != info.Replica || c.conn.ServesReads()): // these keys only
		c.plan.probes = append(c.plan.probes, probe)
	case onlyKeysDenied(t.refusal) && !anyAnswer:
		c.plan.probes = append(c.plan.probes, probe)
		c.plan.keysDenied = true
	case notTracked(t.refusal): // the policy decides which of the two exists
	default:
		c.plan.missing = append(c.plan.missing, c.missingMeasure(probe, t.refusal))
	}
}

// trialNames returns a few names of keys; none if all databases are empty. It returns an
// error if no database can be selected.
func (c *collector) trialNames(ctx context.Context) ([]string, error) {
	var refused error
	usable := false
	for i := range c.databases {
		err := c.conn.Select(ctx, c.databases[i].DB)
		if err == nil {
			usable = true
			var names []string
			if names, err = someNames(ctx, c.conn); err != nil || len(names) > 0 {
				return names, err
			}
			continue
		}
		if !scanner.IsReply(err) {
			return nil, err
		}
		refused = cmp.Or(refused, err)
	}
	if usable {
		return nil, nil
	}
	return nil, refused
}

const (
	trialKeys  = 20
	trialPages = 500     // of a table that is nearly empty
	trialBytes = 8 << 10 // of names: they travel in one pipeline, also to a full server
)

func someNames(ctx context.Context, x scanner.Exchange) ([]string, error) {
	scan := scanner.Scan{Count: trialKeys}
	for range trialPages {
		_, page, err := x.RoundTrip(ctx, nil, &scan, nil)
		if err != nil {
			return nil, err
		}
		if len(page.Names) > 0 || page.Cursor == 0 {
			return firstNames(page.Names), nil
		}
		scan.Cursor = page.Cursor
	}
	return nil, nil
}

// firstNames returns the first names, no more than one pipeline should carry.
func firstNames(names []string) []string {
	bytes := 0
	for i, name := range names {
		if bytes += len(name); i == trialKeys || bytes > trialBytes && i > 0 {
			return names[:i]
		}
	}
	return names
}

// probeResult holds how a server replied to one probe of a few keys.
type probeResult struct {
	answered bool  // for one of them at least
	refusal  error // the last error, nil without keys
}

func tryProbe(ctx context.Context, x scanner.Exchange, probe scanner.Probe, names []string) (t probeResult, err error) {
	requests := make([]scanner.Request, len(names))
	for i, name := range names {
		requests[i] = scanner.Request{Probe: probe, Key: name}
	}
	replies, _, err := x.RoundTrip(ctx, requests, nil, nil)
	for _, r := range replies {
		t.answered = t.answered || r.Err == nil
		t.refusal = cmp.Or(r.Err, t.refusal)
	}
	return t, err
}

// onlyKeysDenied reports whether the command is allowed and the key is not:
// "... no permissions to access one of the keys ...", from 7.2 "No permissions
// to access a key".
func onlyKeysDenied(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOPERM") && strings.Contains(err.Error(), "ermissions to access")
}

// notTracked reports whether err is the reply to IDLETIME under an LFU policy, or to
// FREQ under any other.
func notTracked(err error) bool { return strings.HasPrefix(err.Error(), "ERR An LFU maxmemory policy") }

// moved reports whether the command is allowed and the keys are not here: servers
// check rules and names of commands first (server.c, processCommand). A replica
// that answers so for all keys does not serve reads (READONLY).
func (t probeResult) moved() bool { return t.refusal != nil && elsewhere(t.refusal.Error()) }

// elsewhere reports whether an error redirects to another node of a cluster.
func elsewhere(reason string) bool {
	return strings.HasPrefix(reason, "MOVED ") || strings.HasPrefix(reason, "ASK ")
}

func (c *collector) missingMeasure(probe scanner.Probe, refusal error) profile.Missing {
	m := profile.Missing{Measure: measureOf[probe], Node: c.node.Address, Reason: refusal.Error()}
	switch {
	case onlyKeysDenied(refusal):
		m.Remedy = c.conn.ACLRule(scanner.ACLReadKeys(c.node))
	case strings.HasPrefix(m.Reason, "NOPERM"):
		m.Remedy = c.conn.ACLRule(probe.ACLRule())
	}
	return m
}

func (c *collector) allRefused() error {
	rules := make([]string, 0, len(c.plan.missing))
	for _, probe := range probesFor(c.node) {
		rules = append(rules, probe.ACLRule())
	}
	hint := "the server does not support these commands: keyprof cannot profile it"
	switch reason := c.plan.missing[0].Reason; {
	case strings.HasPrefix(reason, "NOPERM"):
		hint = "allow them: " + c.conn.ACLRule(strings.Join(rules, " "))
	case elsewhere(reason):
		hint = "a replica in a cluster serves keys only after READONLY; allow it (" + c.conn.ACLRule("+readonly") + "), or profile the primary"
	}
	return &scanner.Error{
		Doing: "probing keys at " + c.node.Address,
		Err:   errors.New("the server refuses every command on keys: " + c.plan.missing[0].Reason),
		Hint:  hint,
	}
}

// planShared decides how to recognize shared integers.
func (c *collector) planShared(ctx context.Context, x scanner.Exchange, names []string) error {
	if !c.asks(scanner.IdleTime) || !c.node.SharesIntegers() {
		return nil
	}
	t, err := tryProbe(ctx, x, scanner.RefCount, names)
	c.plan.shared = askShared
	if !t.answered && t.refusal != nil && !onlyKeysDenied(t.refusal) && !t.moved() {
		c.plan.shared = dropShared
	}
	return err
}

func (c *collector) asks(probe scanner.Probe) bool { return slices.Contains(c.plan.probes, probe) }

// planMeasures decides which figures the profile will have.
func (c *collector) planMeasures() {
	m := &c.plan.measures
	m.Bytes, m.TTL, m.Types = c.asks(scanner.MemoryUsage), c.asks(scanner.PTTL), c.asks(scanner.Type)
	m.Idle, m.Freq = c.asks(scanner.IdleTime), c.asks(scanner.Freq)
	if m.Idle && m.Freq { // no key was there to tell which of the two this server has
		m.Freq = false
		c.plan.probes = slices.DeleteFunc(c.plan.probes, func(p scanner.Probe) bool { return p == scanner.Freq })
	}
	m.Since = profile.IdleSinceWriteOrLocalRead
	if c.node.Role() == info.Primary {
		m.Since = profile.IdleSinceAccess
	}
	horizon, known := c.node.IdleHorizon()
	m.HorizonS, m.Horizon = int64(horizon/time.Second), known
	m.HighIdle = m.Idle && known && c.opts.IdleOver < horizon
}
