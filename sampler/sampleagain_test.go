package sampler_test

import (
	"testing"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// A sample is repeated in the same process and if it is about as large as what is
// asked for; else another is drawn, unless that very sample was asked for.
func TestSampleAgain(t *testing.T) {
	server, other := redistest.New(t), redistest.New(t)
	for _, s := range []*redistest.Server{server, other} {
		fillTwo(t, s.Client(), 0, 20_000)
	}
	first := sampled(t, server, sampler.SampleSize{Share: 0.1})
	for name, tt := range map[string]struct {
		server       *redistest.Server
		size         sampler.SampleSize
		same, warned bool
	}{
		"alone":                          {server, sampler.SampleSize{}, true, false},
		"as large":                       {server, sampler.SampleSize{Share: 0.1}, true, false},
		"as many keys":                   {server, sampler.SampleSize{Keys: 2000}, true, false},
		"somewhat larger":                {server, sampler.SampleSize{Share: 0.14}, true, false},
		"somewhat smaller":               {server, sampler.SampleSize{Keys: 1500}, true, false},
		"twice as large":                 {server, sampler.SampleSize{Share: 0.2}, false, false},
		"half as large":                  {server, sampler.SampleSize{Keys: 1000}, false, false},
		"alone, in another process":      {other, sampler.SampleSize{}, true, true},
		"as large, in another process":   {other, sampler.SampleSize{Share: 0.1}, false, false},
		"of a process that is not known": {server, sampler.SampleSize{}, true, true},
	} {
		again := *first
		if name == "of a process that is not known" {
			again.Nodes = []profile.Node{{}}
		}
		tt.size.Again = &again
		p := sampled(t, tt.server, tt.size)
		if same := p.Design.Sample.From == first.Design.Sample.From; same != tt.same || warned(p, "sample-other-process") != tt.warned {
			t.Errorf("%s: the same positions %v, warnings %v", name, same, p.Warnings)
		}
		if sameKeys := p.Totals.Probed == first.Totals.Probed && p.Totals.Sample.Bytes == first.Totals.Sample.Bytes; sameKeys != (tt.same && tt.server == server) {
			t.Errorf("%s: the same keys %v", name, sameKeys)
		}
	}
}

func sampled(t *testing.T, server *redistest.Server, size sampler.SampleSize) *profile.Profile {
	t.Helper()
	o := fast()
	o.Sample = &size
	p := collect(t, server.SocketURL(), o)
	if p.Design.Method != profile.MethodSample {
		t.Fatalf("%+v: %s", size, p.Design.Method)
	}
	return p
}

// What does not tell which keys of one server it is of cannot be repeated.
func TestRepeatable(t *testing.T) {
	node := profile.Node{RunID: "run-1"}
	for name, tt := range map[string]struct {
		sample *profile.Sample
		nodes  []profile.Node
		want   bool
	}{
		"a sample":            {&profile.Sample{From: "5", To: "77"}, []profile.Node{node}, true},
		"one that wraps":      {&profile.Sample{From: "18446744073709551000", To: "77"}, []profile.Node{node}, true},
		"of slots":            {&profile.Sample{Slots: &profile.SampledSlots{Salt: "s"}}, []profile.Node{node}, true},
		"a census":            {nil, []profile.Node{node}, false},
		"of nothing":          {&profile.Sample{From: "5", To: "5"}, []profile.Node{node}, false},
		"of no positions":     {&profile.Sample{From: "x", To: ""}, []profile.Node{node}, false},
		"beyond all":          {&profile.Sample{From: "5", To: "18446744073709551616"}, []profile.Node{node}, false},
		"of no server":        {&profile.Sample{From: "5", To: "77"}, nil, false},
		"of several servers":  {&profile.Sample{From: "5", To: "77"}, []profile.Node{node, node}, false},
		"of an empty profile": {nil, nil, false},
	} {
		var p profile.Profile
		p.Design.Sample, p.Nodes = tt.sample, tt.nodes
		if got := sampler.Repeatable(&p); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if sampler.Repeatable(nil) {
		t.Error("no profile can be repeated")
	}
}
