package sampler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// stalls are the types of the keys about which a command took longer than the
// timeout.
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

// mostStalls is how many stalls a profile names.
const mostStalls = 20

// receipt are the stalls that took longest, longest first. A wait for a link alone is
// among the receipt's waits.
func (s *stalls) receipt(list []scanner.Stall) []profile.Stall {
	list = slices.DeleteFunc(slices.Clone(list), func(s scanner.Stall) bool { return s.Idle })
	slices.SortStableFunc(list, func(a, b scanner.Stall) int { return cmp.Compare(b.Took, a.Took) })
	var longest []profile.Stall
	for _, stall := range list[:min(len(list), mostStalls)] {
		longest = append(longest, profile.Stall{
			DB: stall.DB, KeyName: profile.NewKeyName(stall.Key), Type: s.types[stalledKey{stall.DB, stall.Key}],
			Command: stall.Probe.String(), TookS: stall.Took.Seconds(), Answered: stall.Answered,
		})
	}
	return longest
}

// stalledMeasures says what is not known of keys of a database that stalled:
// ": their bytes, ttl are not known".
func stalledMeasures(list []scanner.Stall, db int) string {
	var measures []string
	for _, stall := range list {
		measure := string(measureOf[stall.Probe])
		if stall.Probe == scanner.RefCount { // by which idle times are told apart
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
	return ": not known of them: " + strings.Join(measures, ", ")
}

// warnStalls names the commands that took longer than the timeout.
func warnStalls(w *warner, p *profile.Profile) {
	for _, s := range p.Receipt.Stalls {
		what := "was not answered for"
		if s.Answered {
			what = "took"
		}
		took := time.Duration(s.TookS * float64(time.Second)).Round(time.Millisecond)
		w.add("key-stalled", fmt.Sprintf("db%d", s.DB), "%s of the key %q%s %s %v, longer than --timeout; other clients may have waited as long, so it was not sent again",
			strings.ToUpper(s.Command), shortName(s.Name), ofType(s.Type), what, took)
	}
}

func ofType(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// shownName is how much of a name stands in a sentence, bytes.
const shownName = 100

func shortName(name string) string {
	if len(name) <= shownName {
		return name
	}
	return strings.ToValidUTF8(name[:shownName], "") + "…"
}
