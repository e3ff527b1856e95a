package sampler_test

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// dealt returns samples of a server that deal out all of its positions among them: each
// key is in one of them, so that a bias shows in their sum, whatever the hash seed.
func dealt(t *testing.T, server *redistest.Server, parts int, o sampler.Options) []*profile.Profile {
	t.Helper()
	list := make([]*profile.Profile, parts)
	for i := range list {
		list[i] = dealtPart(t, server, i, parts, o)
	}
	return list
}

// dealtPart returns one of them. Parts is a power of two, so that every seam is a bucket's
// boundary.
func dealtPart(t *testing.T, server *redistest.Server, i, parts int, o sampler.Options) *profile.Profile {
	t.Helper()
	o.Sample = &sampler.SampleSize{Again: dealtFrom(server.Client(), i, parts)}
	p := collect(t, server.SocketURL(), o)
	if p.Design.Method != profile.MethodSample || !p.Complete || warned(p, "sample-other-process") || warned(p, "keyspace-changed") {
		t.Fatalf("%s, complete %v, warnings %v", p.Design.Method, p.Complete, p.Warnings)
	}
	return p
}

// grouped returns options of which the namespaces are those of a census.
func grouped(census *profile.Profile) sampler.Options {
	o := fast()
	o.Grouping.Dictionary = census.Design.Patterns
	return o
}

// dealtFrom returns what a profile of the part i says of its sample.
func dealtFrom(client *redis.Client, i, parts int) *profile.Profile {
	step := math.MaxUint64/uint64(parts) + 1
	from := uint64(i) * step
	var p profile.Profile
	p.Design.Sample = &profile.Sample{From: strconv.FormatUint(from, 10), To: strconv.FormatUint(from+step, 10)}
	p.Nodes = []profile.Node{{RunID: infoField(client, "run_id")}}
	return &p
}

// infoField returns a field of a server's INFO.
func infoField(client *redis.Client, name string) string {
	_, after, _ := strings.Cut(client.Info(context.Background()).Val(), "\r\n"+name+":")
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}

// holding counts how often intervals hold the truth.
type holding map[string]*struct{ held, of int }

func (h holding) add(what string, e *profile.Estimate, truth int64) {
	c := h[what]
	if c == nil {
		c = new(struct{ held, of int })
		h[what] = c
	}
	c.of++
	if holdsTruth(e, truth) {
		c.held++
	}
}

// check fails when chance does not explain how few intervals hold the truth.
func (h holding) check(t *testing.T) {
	t.Helper()
	for what, c := range h {
		t.Logf("%s: %d of %d intervals hold the truth", what, c.held, c.of)
		if c.held < fewest(c.of) {
			t.Errorf("%s: %d of %d intervals hold the truth, want %d", what, c.held, c.of, fewest(c.of))
		}
	}
}

// fewest returns how many of n intervals must hold the truth: with fewer, chance would
// have to be one in a million. That is so for intervals which hold 94 times in 100,
// as those of bytes do where sizes differ.
func fewest(n int) int {
	const nominal, level = 0.94, 1e-6
	term, sum := math.Pow(1-nominal, float64(n)), 0.0
	for k := range n {
		if sum += term; sum > level {
			return k
		}
		term *= nominal / (1 - nominal) * float64(n-k) / float64(k+1)
	}
	return n
}
