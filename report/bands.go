package report

import (
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// bandRows is how many namespaces the histogram shows.
const bandRows = 10

// bands merge the buckets of a histogram into few enough columns to read.
type bands struct {
	edges []int64 // upper edges, inclusive; one band more lies beyond the last
	// labels are one a band.
	labels []string
	// buckets reads the histogram of a set of keys.
	buckets func(*profile.Stats) []profile.Bucket
}

// idleBands are bands of idle time, in seconds.
var idleBands = bands{
	edges:  []int64{3600, 86400, 7 * 86400, 30 * 86400, 90 * 86400},
	labels: []string{"≤1h", "≤1d", "≤7d", "≤30d", "≤90d", ">90d"},
	buckets: func(s *profile.Stats) []profile.Bucket {
		if s.Idle == nil {
			return nil
		}
		return s.Idle.Histogram
	},
}

// freqBands are bands of OBJECT FREQ's counter, in which a new key starts at 5.
var freqBands = bands{
	edges:  []int64{0, 4, 5, 10, 50},
	labels: []string{"0", "1-4", "5", "6-10", "11-50", "51-255"},
	buckets: func(s *profile.Stats) []profile.Bucket {
		if s.Freq == nil {
			return nil
		}
		return s.Freq.Buckets()
	},
}

// bandSection is the histogram of the top namespaces: by idle time, or by
// access frequency where there is no idle time.
func bandSection(v *view) (section, bool) {
	switch {
	case noIdleTimes(&v.p.Totals):
		return section{title: v.weight() + " by idle time", lines: []line{say(words(noIdleText(&v.p.Totals)))}}, true
	case v.p.Totals.Idle != nil:
		s := section{title: v.weight() + " by idle time", table: bandGrid(v, idleBands, v.p.Totals.Idle.HorizonS)}
		s.notes = []line{say(words("Shares of the namespace's " + v.unitOfWeight() + "; idle " + displayWord(string(v.p.Totals.Idle.Measure)) + ".")).in(quiet)}
		return s, true
	case v.p.Totals.Freq != nil:
		s := section{title: v.weight() + " by access frequency", table: bandGrid(v, freqBands, 0)}
		s.notes = []line{say(words("Shares of the namespace's " + v.unitOfWeight() +
			" by OBJECT FREQ: a logarithmic counter that decays, not a number of accesses; a new key starts at 5.")).in(quiet)}
		return s, true
	}
	return section{}, false
}

// weight is what histograms weigh keys by.
func (v *view) weight() string {
	if v.p.Totals.Bytes == nil {
		return "Keys"
	}
	return "Bytes"
}

func (v *view) unitOfWeight() string {
	if v.p.Totals.Bytes == nil {
		return "keys"
	}
	return "bytes"
}

// bandGrid has a row for each of the top namespaces. Bands that begin beyond
// horizon (0: there is none) are left out, as nothing can be in them.
func bandGrid(v *view, of bands, horizon int64) *grid {
	shown := v.top(v.rows(bandRows))
	rows := make([][]*float64, 0, len(shown)+1)
	for _, ns := range shown {
		rows = append(rows, of.shares(&ns.Stats))
	}
	rows = append(rows, of.shares(&v.p.Totals))
	b := newGrid(len(rows), 1)
	for i, label := range of.labels {
		f := figures{column: column{head: [2]string{"", label}, apart: true}, kind: unit.Percent}
		for _, shares := range rows {
			f.values = append(f.values, shares[i])
		}
		if !of.beyond(i, horizon) || anyAbove0(f.values) {
			f.tones = quietZeros(f.values)
			b.number(f)
		}
	}
	addBandNames(b, v, shown)
	return b.done()
}

// beyond reports whether band i begins at or above horizon.
func (of bands) beyond(i int, horizon int64) bool {
	return horizon > 0 && i > 0 && of.edges[i-1] >= horizon
}

// shares are the shares of a set of keys by band, by bytes if these were
// measured; all nil without a histogram.
func (of bands) shares(s *profile.Stats) []*float64 {
	weights := make([]int64, len(of.edges)+1)
	var whole int64
	for _, bucket := range of.buckets(s) {
		w := bucket.Keys
		if bucket.Bytes != nil {
			w = *bucket.Bytes
		}
		weights[of.index(bucket.Edge)] += w
		whole += w
	}
	out := make([]*float64, len(weights))
	for i := range weights {
		out[i] = ratio(&weights[i], &whole)
	}
	return out
}

// index is the band of a bucket with the given upper edge.
func (of bands) index(edge *int64) int {
	if edge == nil {
		return len(of.edges)
	}
	return profile.BucketIndex(of.edges, *edge)
}

func anyAbove0(values []*float64) bool {
	for _, v := range values {
		if v != nil && *v > 0 {
			return true
		}
	}
	return false
}

// quietZeros lets the shape of a histogram stand out.
func quietZeros(values []*float64) []tone {
	tones := make([]tone, len(values))
	for i, v := range values {
		if v != nil && *v == 0 {
			tones[i] = quiet
		}
	}
	return tones
}

// addBandNames is addNames with a last row for the whole keyspace.
func addBandNames(b *gridBuilder, v *view, shown []*profile.Namespace) {
	addNames(b, v, shown, 0)
	whole := cell{text: v.wholeLabel(), tone: strong}
	last := b.rows - 1
	if v.manyDBs {
		b.grid.rows[last] = append(b.grid.rows[last], cell{})
	}
	b.grid.rows[last] = append(b.grid.rows[last], whole)
}
