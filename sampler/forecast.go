package sampler

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/checkup"
)

// leastQuestion is what one question about a key that exists costs the main
// thread of Redis 7, read, answered and all, when everything lies in the CPU's
// caches. One about a name of no key costs less.
const leastQuestion = time.Microsecond

// dearer is how many times as much it may cost when what belongs to a key must be
// fetched from memory. A guess: it was not measured on a large data set.
const dearer = 3

// walk is what a walk over all selected keys would take.
func (c *checker) walk() checkup.Walk {
	w := checkup.Walk{
		MaxLoad: c.opts.MaxLoad, Rate: c.opts.Rate, Page: c.opts.Page, Match: c.opts.Match,
		LeastRTTS: c.conn.LeastRoundTrip().Seconds(), Basis: []string{},
	}
	if len(c.node.Info) > 0 {
		w.Keys = new(c.reachableKeys())
	}
	if len(c.plan.probes) == 0 || c.noScan != nil {
		return w
	}
	w.KeyCPUS = new(c.keyCost())
	w.Basis = c.basis()
	if w.Keys != nil {
		least, most := float64(*w.Keys)*w.KeyCPUS.Lo, float64(*w.Keys)*w.KeyCPUS.Hi
		w.ServerCPUS = &checkup.Range{Lo: toMicros(least), Hi: toMicros(most)}
		matching := *w.Keys
		if w.Match != "" {
			matching = 0 // at least
		}
		w.ElapsedS = &checkup.Range{Lo: toMicros(elapsed(w, least, matching)), Hi: toMicros(elapsed(w, most, *w.Keys))}
	}
	return w
}

// reachableKeys are the keys of the databases that can be walked.
func (c *checker) reachableKeys() (n int64) {
	for i := range c.databases {
		if c.databases[i].Incomplete == "" {
			n += keysOf(&c.databases[i])
		}
	}
	return n
}

// keyCost is what one key costs the server's main thread, in seconds.
func (c *checker) keyCost() checkup.Range {
	const scan = 1 // its share of a page is about one question a key
	least, most := len(c.plan.probes)+scan, len(c.plan.probes)+scan
	if c.opts.Match != "" {
		least = scan
	}
	if c.plan.shared == askShared {
		most++ // of small strings
	}
	question := max(c.question, leastQuestion)
	return checkup.Range{
		Lo: (time.Duration(least) * question).Seconds(),
		Hi: (time.Duration(dearer*most) * question).Seconds(),
	}
}

// elapsed is how long a walk takes that needs server seconds of the main thread:
// a page takes a round trip and the server's time, which counts as pause, and the
// rest of the pause. --rate is for the keys that match.
func elapsed(w checkup.Walk, server float64, matching int64) float64 {
	pages := float64(*w.Keys) / float64(w.Page)
	seconds := max(pages*w.LeastRTTS+server, server/w.MaxLoad)
	if w.Rate > 0 {
		seconds = max(seconds, float64(matching)/w.Rate)
	}
	return seconds
}

// toMicros rounds seconds, for people who read JSON.
func toMicros(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

// questionBasis says what a question is taken to cost.
func (c *checker) questionBasis() string {
	const counts = "the lower figure counts %s of CPU for each question about a key, and as much for its share of SCAN, "
	usual := fmt.Sprintf(counts+"which is usual when everything lies in the CPU's caches", micros(leastQuestion))
	switch timed := humanize.Comma(int64(c.timed)); {
	case c.timed == 0:
		return usual
	case c.question <= leastQuestion:
		return usual + fmt.Sprintf("; %s questions about names of no key have just taken %s each", timed, micros(c.question))
	default:
		return fmt.Sprintf(counts+"which is what %s questions about names of no key have just taken, waiting for other clients included", micros(c.question), timed)
	}
}

func (c *checker) basis() []string {
	basis := []string{
		c.questionBasis(),
		fmt.Sprintf("the higher figure is %d times as much: in a data set that is larger than the caches, keys are dearer to look up; how much dearer was not measured", dearer),
	}
	if c.opts.Match != "" {
		basis = append(basis, "SCAN walks all names whatever --match says; the lower figure is for no key that matches, the higher for all")
	}
	return basis
}

// micros is a short time for people.
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }
