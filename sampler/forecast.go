package sampler

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/sampler/profile"
)

// leastQuestion is what one question about a key that exists costs the main
// thread of Redis 7, read, answered and all, when everything lies in the CPU's
// caches. One about a name of no key costs less.
const leastQuestion = time.Microsecond

// dearer is how many times as much it may cost when what belongs to a key must be
// fetched from memory. A guess: it was not measured on a large data set.
const dearer = 3

// walk is what a walk over all selected keys would take.
func (c *checker) walk() profile.CheckupWalk {
	w := profile.CheckupWalk{
		MaxLoad: c.opts.MaxLoad, Rate: c.opts.Rate, Page: c.opts.Page, Match: c.opts.Match,
		LeastRTTS: c.conn.MinRoundTrip().Seconds(), Basis: []string{},
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
		w.ServerCPUS = &profile.CheckupRange{Lo: toMicros(least), Hi: toMicros(most)}
		matching := *w.Keys
		if w.Match != "" {
			matching = 0 // at least
		}
		w.ElapsedS = &profile.CheckupRange{Lo: toMicros(c.walkTime(w, w.KeyCPUS.Lo, matching)), Hi: toMicros(c.walkTime(w, w.KeyCPUS.Hi, *w.Keys))}
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
func (c *checker) keyCost() profile.CheckupRange {
	const scan = 1 // its share of a page is about one question a key
	least, most := len(c.plan.probes)+scan, len(c.plan.probes)+scan
	if c.opts.Match != "" {
		least = scan
	}
	if c.plan.shared == askShared {
		most++ // of small strings
	}
	question := max(c.question, leastQuestion)
	return profile.CheckupRange{
		Lo: (time.Duration(least) * question).Seconds(),
		Hi: (time.Duration(dearer*most) * question).Seconds(),
	}
}

// walkTime is how long a walk takes when a key costs the server's main thread so many
// seconds. --rate is for the keys that match.
func (c *checker) walkTime(w profile.CheckupWalk, key float64, matching int64) float64 {
	seconds := c.forecast.Elapsed(*w.Keys, time.Duration(key*float64(time.Second))).Seconds()
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
	basis := []string{}
	if roundTrip, far := c.forecast.OverLink(); far {
		basis = append(basis, fmt.Sprintf("over this link a round trip takes %s: several pages travel at a time, and no more at once than its jitter may bring together within --latency-budget", micros(roundTrip)))
	}
	basis = append(basis,
		c.questionBasis(),
		fmt.Sprintf("the higher figure is %d times as much: in a data set that is larger than the caches, keys are dearer to look up; how much dearer was not measured", dearer),
	)
	if c.opts.Match != "" {
		basis = append(basis, "SCAN walks all names whatever --match says; the lower figure is for no key that matches, the higher for all")
	}
	return basis
}

// micros is a short time for people.
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }
