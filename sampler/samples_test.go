package sampler_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// Samples of real servers, each with a hash seed of its own, hold the truth as often
// as they say. Those of one server overlap, so that the bound is low: of 60 with 95
// in 100, one in some hundred million runs holds fewer than 44 if all are apart.
func TestSamplesHoldTheTruth(t *testing.T) {
	const servers, samples, least = 6, 10, 44
	held := map[string]int{}
	for range servers {
		sampleServer(t, samples, held)
	}
	for _, name := range []string{"keys", "no-TTL keys", "bytes of jobs", "keys of tickets"} {
		if held[name] < least {
			t.Errorf("%s: %d of %d intervals hold the truth", name, held[name], servers*samples)
		}
	}
	t.Logf("of %d intervals: %v", servers*samples, held)
}

// sampleServer counts which intervals of some samples of a server hold the truth.
func sampleServer(t *testing.T, samples int, held map[string]int) {
	t.Helper()
	server := redistest.New(t)
	for _, seed := range []func(context.Context, redis.UniversalClient) error{redistest.SeedTickets, redistest.SeedResque} {
		if err := seed(t.Context(), server.Client()); err != nil {
			t.Fatal(err)
		}
	}
	census := collect(t, server.SocketURL(), fast())
	jobs, tickets := "resque:status:<uuid>", "<ts>:cust-<int>:<rand>"
	for range samples {
		o := fast()
		o.Sample = &sampler.SampleSize{Share: 0.1}
		p := collect(t, server.SocketURL(), o)
		if p.Design.Method != profile.MethodSample || p.Totals.Probed > census.Totals.Probed/5 {
			t.Fatalf("%s of %d keys", p.Design.Method, p.Totals.Probed)
		}
		for name, holds := range map[string]bool{
			"keys":            holdsTruth(&p.Totals.Keys, census.Totals.Keys.Value),
			"no-TTL keys":     holdsTruth(p.Totals.NoTTLKeys, census.Totals.NoTTLKeys.Value),
			"bytes of jobs":   holdsTruth(namespaceOf(t, p, jobs).Bytes, namespaceOf(t, census, jobs).Bytes.Value),
			"keys of tickets": holdsTruth(&namespaceOf(t, p, tickets).Keys, namespaceOf(t, census, tickets).Keys.Value),
		} {
			if holds {
				held[name]++
			}
		}
	}
}

func holdsTruth(e *profile.Estimate, truth int64) bool {
	return e.Lo <= truth && (e.Hi == nil || truth <= *e.Hi)
}

func namespaceOf(t *testing.T, p *profile.Profile, pattern string) *profile.Namespace {
	t.Helper()
	for i := range p.Namespaces {
		if p.Namespaces[i].Pattern == pattern {
			return &p.Namespaces[i]
		}
	}
	t.Fatalf("no namespace %q", pattern)
	return nil
}
