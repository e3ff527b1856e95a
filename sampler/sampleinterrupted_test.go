package sampler_test

import (
	"context"
	"testing"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// A sample that is interrupted is one of fewer positions: what it covered is told,
// and its estimates are of all keys.
func TestInterruptedSample(t *testing.T) {
	const keys, parts = 40_000, 8
	server := redistest.New(t)
	fillTwo(t, server.Client(), 0, keys)
	held := holding{}
	for part := range parts {
		p := interruptedSample(t, server, part, parts)
		covered := *p.Nodes[0].Databases[0].Covered
		if p.Complete || covered < 0.4/parts || covered > 0.9/parts {
			t.Errorf("complete %v, covered %v of %v", p.Complete, covered, 1.0/parts)
		}
		held.add("keys", &p.Totals.Keys, keys)
		held.add("keys of carts", &namespaceOf(t, p, "cart:<int>").Keys, keys/4)
	}
	held.check(t)
}

// interruptedSample is one that ends at half of its way.
func interruptedSample(t *testing.T, server *redistest.Server, part, parts int) *profile.Profile {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	o := small()
	o.Match = "*" // else DBSIZE tells how many keys there are
	o.Sample = &sampler.SampleSize{Again: dealtFrom(server.Client(), part, parts)}
	o.Progress = once(func() { cancel(sampler.ErrInterrupted) })
	p, err := sampler.Collect(ctx, connect(t, server.SocketURL()), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}
