package sampler

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
)

// found is what a walk finds beside its observations.
type found struct {
	longest int64 // length of the longest name that was too long to ask about, bytes
	bytes   int64 // of all keys
	types   map[string]bool
	oddType *string // the first answer of TYPE that is no name of a type, or one too many
	wrong   string  // the first answer that makes no sense, with its command
}

// check takes out of an observation what makes no sense among those before it.
func (f *found) check(o *Observation, probes []scanner.Probe, replies []scanner.Reply) {
	f.checkType(o, probes, replies)
	if o.HasBytes && o.Outcome.measured() {
		if f.bytes > implausibleSum-o.Bytes {
			o.Outcome = Failed
		} else {
			f.bytes += o.Bytes
		}
	}
	for i := 0; o.Outcome == Failed && f.wrong == "" && i < len(probes); i++ {
		switch command, r := strings.ToUpper(probes[i].String()), replies[i]; {
		case new(Observation).take(probes[i], r) != Failed:
		case r.Err != nil:
			f.wrong = fmt.Sprintf("%s answered %q", command, shortName(r.Err.Error()))
		default:
			f.wrong = fmt.Sprintf("%s answered %d", command, r.Int)
		}
	}
}

// checkType sums up the types that are none under one name.
func (f *found) checkType(o *Observation, probes []scanner.Probe, replies []scanner.Reply) {
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

// firstWrong is a clause about the first answer that makes no sense.
func (f *found) firstWrong() string {
	if f.wrong == "" {
		return ""
	}
	return "; the first: " + f.wrong
}

// mostOdd is how many odd figures are named.
const mostOdd = 10

// warnOdd names what makes no sense in what the server says, and of the clock.
func (c *collector) warnOdd(w *warner) {
	for i, odd := range c.odd {
		if i == mostOdd {
			w.add("odd-figure", w.node, "%d more fields of INFO make no sense", len(c.odd)-i)
			break
		}
		w.add("odd-figure", w.node, "INFO has %q for %q, which makes no sense: it is taken as not known", shortName(odd.Value), shortName(odd.Field))
	}
	if c.oddType != nil {
		w.add("odd-figure", w.node, "TYPE answered %q, which is no name of a type, or one too many: such keys are under %s", *c.oddType, profile.OtherType)
	}
	if c.setBack > 0 {
		w.add("odd-figure", w.node, "the clock of the machine that ran keyprof was set back by %v while the walk ran: its end is its beginning and the time that it took", c.setBack.Round(time.Second))
	}
}

// addOdd adds odd figures of another answer to INFO.
func (c *collector) addOdd(more []info.OddFigure) {
	for _, odd := range more {
		if !slices.ContainsFunc(c.odd, func(o info.OddFigure) bool { return o.Field == odd.Field }) {
			c.odd = append(c.odd, odd)
		}
	}
}

// endOf is when a walk ended by the clock on the wall, which may have been set
// meanwhile, and took by another. setBack is by how much it was, if it was.
func endOf(began, ended time.Time, took time.Duration) (at time.Time, setBack time.Duration) {
	atLeast := began.Add(took)
	if back := atLeast.Sub(ended); back > time.Second {
		return atLeast, back
	}
	return latest(ended, began), 0
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// growth is by how much a counter grew; nil if that is not known, as when it was
// reset.
func growth[T int64 | float64](before, after T, known bool) *T {
	if !known || before < 0 || after < before {
		return nil
	}
	return new(after - before)
}
