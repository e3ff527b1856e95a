package sampler

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// prober sends the probes of each key and turns the replies into pages of observations.
// It implements scanner.Visitor.
type prober struct {
	db     int
	probes []scanner.Probe // asked of each key, in this order
	shared sharedMode
	// emit takes over a page when all its replies have arrived.
	emit func(*aggregate.Page) error
	// fresh returns an empty page.
	fresh func() *aggregate.Page
	// unit returns the sampling unit of a key; nil: there are none.
	unit func(name string) uint64

	checks *replyChecker // the ranges of a scan share it

	names   []string        // asked about in this round trip
	long    []string        // beginnings of names too long to ask about, that are not on a page yet
	waiting *aggregate.Page // measured, of which suspects are asked about in this round trip
	suspect []int           // indexes into waiting.Keys
}

var _ scanner.Visitor = (*prober)(nil)

// another returns a prober with the same probes for another cursor range.
func (p *prober) another() scanner.Visitor {
	return &prober{db: p.db, probes: p.probes, shared: p.shared, emit: p.emit, fresh: p.fresh, unit: p.unit, checks: p.checks}
}

// Long counts a key whose name is too long to request. It is added to the next page.
func (p *prober) Long(prefix string, length int64) {
	p.long = append(p.long, strings.Clone(profile.CutName(prefix)))
	p.checks.longest = max(p.checks.longest, length)
}

// sharedMode says how to treat strings that may be shared integers.
type sharedMode uint8

const (
	noShared   sharedMode = iota // the server has none
	askShared                    // ask for the reference count, in the pipeline after the one that measured them
	dropShared                   // OBJECT REFCOUNT is refused: drop the idle time of all that may be
)

// Requests appends the requests for names, and for the suspects of the page before.
func (p *prober) Requests(requests []scanner.Request, names []string) []scanner.Request {
	p.names = names
	for _, name := range names {
		for _, probe := range p.probes {
			requests = append(requests, scanner.Request{Probe: probe, Key: name})
		}
	}
	for _, i := range p.suspect { // empty unless askShared
		requests = append(requests, scanner.Request{Probe: scanner.RefCount, Key: p.waiting.Keys[i].Name})
	}
	return requests
}

// Replies reads the replies. A page with suspects waits for one more round trip.
func (p *prober) Replies(replies []scanner.Reply) error {
	p.resolveSuspects(replies[len(p.names)*len(p.probes):])
	if err := p.flush(); err != nil {
		return err
	}
	if len(p.names)+len(p.long) == 0 {
		return nil
	}
	p.waiting = p.fresh()
	p.waiting.DB = p.db
	for _, prefix := range p.long {
		p.waiting.Keys = append(p.waiting.Keys, aggregate.Observation{Name: prefix, Outcome: aggregate.TooLong})
	}
	p.long = p.long[:0]
	for i, name := range p.names {
		own := replies[i*len(p.probes) : (i+1)*len(p.probes)]
		o := observe(name, p.probes, own)
		p.checks.check(&o, p.probes, own)
		p.waiting.Keys = append(p.waiting.Keys, o)
	}
	p.findSuspects()
	p.setUnits()
	if len(p.suspect) > 0 {
		return nil
	}
	return p.flush()
}

func (p *prober) flush() error {
	page := p.waiting
	p.waiting, p.suspect = nil, p.suspect[:0]
	if page == nil {
		return nil
	}
	return p.emit(page)
}

// sharedRefCount is the reply of OBJECT REFCOUNT for a shared object (server.h,
// OBJ_SHARED_REFCOUNT).
const sharedRefCount = math.MaxInt32

// resolveSuspects drops the idle time of suspects that share their value, or may share
// it.
func (p *prober) resolveSuspects(replies []scanner.Reply) {
	for n, i := range p.suspect {
		r, o := replies[n], &p.waiting.Keys[i]
		if r.Err != nil || r.Int == sharedRefCount {
			dropIdle(o)
		}
		if errors.Is(r.Err, scanner.ErrStalled) {
			o.Outcome = max(o.Outcome, aggregate.Stalled)
		}
	}
}

// sharedBytes returns the most that MEMORY USAGE answers for a key that holds an
// integer and has a name of n bytes: object and dictionary entry, 16 bytes of
// metadata in cluster mode, slack for other allocators, and the name with its
// header as allocators round it up (jemalloc: to 16 bytes, then by a quarter).
func sharedBytes(n int) int64 {
	const object, entry, metadata, slack, header = 16, 24, 16, 16, 10
	name := n + header
	return object + entry + metadata + slack + int64(max(name+15, name*5/4))
}

// findSuspects finds the keys of the waiting page that may share their value.
func (p *prober) findSuspects() {
	if p.shared == noShared {
		return
	}
	for i := range p.waiting.Keys {
		o := &p.waiting.Keys[i]
		switch {
		case !maybeShared(o):
		case p.shared == dropShared:
			dropIdle(o)
		default:
			p.suspect = append(p.suspect, i)
		}
	}
}

// setUnits sets the sampling units of the waiting page's keys.
func (p *prober) setUnits() {
	if p.unit == nil {
		return
	}
	for i := range p.waiting.Keys {
		o := &p.waiting.Keys[i]
		o.Unit = p.unit(o.Name)
	}
}

// maybeShared reports whether the key is a string small enough to be an integer.
func maybeShared(o *aggregate.Observation) bool {
	small := !o.HasBytes || o.Bytes <= sharedBytes(len(o.Name))
	return o.HasIdle && small && (o.Type == "string" || o.Type == "")
}

func dropIdle(o *aggregate.Observation) { o.HasIdle, o.Shared = false, true }

// observe turns the replies for one key into an observation. Of several outcomes the
// most serious one counts.
func observe(name string, probes []scanner.Probe, replies []scanner.Reply) aggregate.Observation {
	o := aggregate.Observation{Name: name}
	for i, probe := range probes {
		o.Outcome = max(o.Outcome, readReply(&o, probe, replies[i]))
	}
	if o.Outcome == aggregate.Expired && !o.HasBytes {
		o.Outcome = aggregate.Vanished // PTTL answers -2 for any key that is not there
	}
	return o
}

// readReply reads one reply into the observation.
func readReply(o *aggregate.Observation, probe scanner.Probe, r scanner.Reply) aggregate.Outcome {
	switch {
	case r.Err != nil && notTracked(r.Err) && (probe == scanner.IdleTime || probe == scanner.Freq):
		return aggregate.Measured // the policy was changed during the scan: this key has no such measure
	case r.Err != nil:
		return errorOutcome(r.Err)
	case r.Nil, r.Text == "none":
		return aggregate.Vanished
	}
	switch probe {
	case scanner.MemoryUsage:
		o.Bytes, o.HasBytes = r.Int, true
	case scanner.PTTL:
		return readTTL(o, r.Int)
	case scanner.IdleTime:
		o.IdleS, o.HasIdle = r.Int, true
	case scanner.Freq:
		o.Freq, o.HasFreq = r.Int, true
	case scanner.Type:
		o.Type = r.Text
	}
	if r.Int < 0 || r.Int > implausible || probe == scanner.Freq && r.Int > maxFreq {
		return aggregate.Failed
	}
	return aggregate.Measured
}

// implausible is more than any size in bytes or idle time in seconds (16 TiB, half a
// million years), and implausibleSum more than the bytes of all keys (1 PiB). Sums of
// smaller values, and estimates from them, do not overflow.
const (
	implausible    = 1 << 44
	implausibleSum = 1 << 50
)

// maxFreq is the greatest value of OBJECT FREQ.
const maxFreq = 255

// longestTTL stands for every longer TTL, in milliseconds: 146 million years.
const longestTTL = 1 << 62

func readTTL(o *aggregate.Observation, millis int64) aggregate.Outcome {
	switch {
	case millis >= 0:
		o.TTLMillis, o.HasTTL = min(millis, longestTTL), true
	case millis == -1:
		o.NoTTL = true
	case millis == -2:
		return aggregate.Expired
	default:
		return aggregate.Failed
	}
	return aggregate.Measured
}

// errorOutcome returns the outcome of an error reply. Dragonfly answers "no such
// key" where Redis answers nil.
func errorOutcome(err error) aggregate.Outcome {
	switch text := err.Error(); {
	case errors.Is(err, scanner.ErrStalled):
		return aggregate.Stalled
	case elsewhere(text):
		return aggregate.Moved
	case strings.HasPrefix(text, "NOPERM"):
		return aggregate.Denied
	case strings.HasPrefix(text, "ERR no such key"):
		return aggregate.Vanished
	default:
		return aggregate.Failed
	}
}

// replyChecker checks replies for invalid values.
type replyChecker struct {
	longest int64 // length of the longest name that was too long to ask about, bytes
	bytes   int64 // of all keys
	types   map[string]bool
	oddType *string // the first reply to TYPE that is not a type name, or is one too many
	wrong   string  // the first invalid reply, with its command
}

// check marks an observation with invalid replies as failed.
func (f *replyChecker) check(o *aggregate.Observation, probes []scanner.Probe, replies []scanner.Reply) {
	f.checkType(o, probes, replies)
	if o.HasBytes && o.Outcome.Measured() {
		if f.bytes > implausibleSum-o.Bytes {
			o.Outcome = aggregate.Failed
		} else {
			f.bytes += o.Bytes
		}
	}
	for i := 0; o.Outcome == aggregate.Failed && f.wrong == "" && i < len(probes); i++ {
		switch command, r := strings.ToUpper(probes[i].String()), replies[i]; {
		case readReply(new(aggregate.Observation), probes[i], r) != aggregate.Failed:
		case r.Err != nil:
			f.wrong = fmt.Sprintf("%s answered %q", command, shortName(r.Err.Error()))
		default:
			f.wrong = fmt.Sprintf("%s answered %d", command, r.Int)
		}
	}
}

// checkType replaces invalid type names by profile.OtherType.
func (f *replyChecker) checkType(o *aggregate.Observation, probes []scanner.Probe, replies []scanner.Reply) {
	i := slices.Index(probes, scanner.Type)
	if i < 0 || replies[i].Err != nil || replies[i].Nil || replies[i].Text == "none" || f.types[o.Type] {
		return
	}
	if o.Type != "" && len(o.Type) <= profile.MaxTypeBytes && utf8.ValidString(o.Type) && len(f.types) < profile.MaxTypes {
		if f.types == nil {
			f.types = map[string]bool{}
		}
		f.types[o.Type] = true
		return
	}
	if f.oddType == nil {
		f.oddType = new(shortName(o.Type))
	}
	o.Type = profile.OtherType
}

// firstWrong returns a clause about the first invalid reply.
func (f *replyChecker) firstWrong() string {
	if f.wrong == "" {
		return ""
	}
	return "; the first: " + f.wrong
}

// stalls records the types of keys for which a command took longer than the timeout.
type stalls struct {
	seen  int // how many stalls were noted
	open  map[stalledKey]bool
	types map[stalledKey]string // of those that came on a page
}

type stalledKey struct {
	db   int
	name string
}

// note looks for the stalled keys on a page. list is all stalls so far.
func (s *stalls) note(list []scanner.Stall, page *aggregate.Page) {
	if len(list) > s.seen && s.open == nil {
		s.open, s.types = map[stalledKey]bool{}, map[stalledKey]string{}
	}
	for _, stall := range list[s.seen:] {
		s.open[stalledKey{stall.DB, stall.Key}] = true
	}
	s.seen = len(list)
	for i := 0; i < len(page.Keys) && len(s.open) > 0; i++ {
		if key := (stalledKey{page.DB, page.Keys[i].Name}); s.open[key] {
			s.types[key] = page.Keys[i].Type
			delete(s.open, key)
		}
	}
}

// maxStalls is the number of stalls in a profile.
const maxStalls = 20

// receipt returns the stalls that took longest, longest first. A wait for a link alone is
// among the receipt's waits.
func (s *stalls) receipt(list []scanner.Stall) []profile.Stall {
	list = slices.DeleteFunc(slices.Clone(list), func(s scanner.Stall) bool { return s.Idle })
	slices.SortStableFunc(list, func(a, b scanner.Stall) int { return cmp.Compare(b.Took, a.Took) })
	var longest []profile.Stall
	for _, stall := range list[:min(len(list), maxStalls)] {
		longest = append(longest, profile.Stall{
			DB: stall.DB, KeyName: profile.NewKeyName(stall.Key), Type: s.types[stalledKey{stall.DB, stall.Key}],
			Command: stall.Probe.String(), TookS: stall.Took.Seconds(), Answered: stall.Answered,
		})
	}
	return longest
}

// stalledMeasures returns which measures of the stalled keys of a database are missing:
// " (not measured: bytes, ttl)".
func stalledMeasures(list []scanner.Stall, db int) string {
	var measures []string
	for _, stall := range list {
		measure := string(measureOf[stall.Probe])
		if stall.Probe == scanner.RefCount { // REFCOUNT identifies shared idle times
			measure = string(profile.MeasureIdle)
		}
		if stall.DB == db && !stall.Answered && measure != "" && !slices.Contains(measures, measure) {
			measures = append(measures, measure)
		}
	}
	if len(measures) == 0 {
		return ""
	}
	slices.Sort(measures)
	return " (not measured: " + strings.Join(measures, ", ") + ")"
}
