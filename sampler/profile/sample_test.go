package profile_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

// sampled returns a profile of a sample of three keys without a TTL, in two groups.
func sampled() *profile.Profile {
	p := profiletest.Fold(
		profiletest.Observation{Pattern: "a", Name: "a", Type: "string", Bytes: 3, NoTTL: true},
		profiletest.Observation{Pattern: "a", Name: "b", Type: "string", Bytes: 4, NoTTL: true},
		profiletest.Observation{Pattern: "a", Name: "c", Type: "string", Bytes: 5, NoTTL: true},
	)
	p.Design.Method, p.Design.Fraction = profile.MethodSample, 0.01
	p.Design.Sample = &profile.Sample{From: "18446744073709551615", To: "0", Covered: 0.011}
	p.Nodes = []profile.Node{{Databases: []profile.Database{{Covered: pointer(0.011)}}}}
	for _, s := range []*profile.Stats{&p.Totals, &p.Namespaces[0].Stats} {
		var sums profile.ByteSums
		for _, size := range []int64{3, 4, 5} {
			sums.Add(size)
		}
		none := make([]int64, profile.SampleGroups)
		keys, bytes := append([]int64{2, 1}, none[2:]...), append([]int64{7, 5}, none[2:]...)
		s.Sample = &profile.SampleSums{Bytes: sums, NoTTL: sums, Groups: profile.Groups{
			Keys: keys, Bytes: bytes, NoTTLKeys: slices.Clone(keys), NoTTLBytes: bytes, HighIdleBytes: none,
		}}
		s.Keys = profile.Estimate{Value: 273, Lo: 90, Hi: pointer[int64](800)}
	}
	return p
}

func TestSampleIsWrittenAndRead(t *testing.T) {
	doc := plain(t, sampled())
	if err := profiletest.ValidateSchema(doc); err != nil {
		t.Error(err)
	}
	var p profile.Profile
	if err := json.Unmarshal(doc, &p); err != nil {
		t.Fatal(err)
	}
	if got := p.Totals.Sample.Bytes; got != (profile.ByteSums{Keys: 3, Bytes: 12, Squares: profile.Squares{Low: 50}, Largest: 5}) {
		t.Errorf("sums %+v", got)
	}
}

func TestCheckRefusesSamples(t *testing.T) {
	sums := func(p *profile.Profile) *profile.SampleSums { return p.Namespaces[0].Sample }
	for _, tt := range []struct {
		want   string
		breaks func(p *profile.Profile)
	}{
		{"design.sample: missing", func(p *profile.Profile) { p.Design.Sample = nil }},
		{"design.sample.method: not that of a sample", func(p *profile.Profile) { p.Design.Method = profile.MethodCensus }},
		{"design.sample.from: not a cursor position", func(p *profile.Profile) { p.Design.Sample.From = "18446744073709551616" }},
		{"design.sample.to: not a cursor position", func(p *profile.Profile) { p.Design.Sample.To = "" }},
		{"design.sample.covered: not in (0,1]", func(p *profile.Profile) { p.Design.Sample.Covered = 0 }},
		{"design.sample.covered: not in (0,1]", func(p *profile.Profile) { p.Design.Sample.Covered = math.NaN() }},
		{"nodes[0].databases[0].covered: not in (0,1]", func(p *profile.Profile) { *p.Nodes[0].Databases[0].Covered = 1.5 }},
		{"namespaces[0].sample.bytes.keys: more than were measured", func(p *profile.Profile) { sums(p).Bytes.Keys = 4 }},
		{"namespaces[0].sample.no_ttl.largest: more than bytes", func(p *profile.Profile) { sums(p).NoTTL.Largest = 13 }},
		{"namespaces[0].sample.no_ttl.bytes: negative", func(p *profile.Profile) { sums(p).NoTTL.Bytes = -1 }},
		{"namespaces[0].sample.bytes.squares: more than bytes times largest", func(p *profile.Profile) { sums(p).Bytes.Squares.High = 1 }},
		{"namespaces[0].sample.groups.keys: not 16 groups", func(p *profile.Profile) { sums(p).Groups.Keys = []int64{3} }},
		{"namespaces[0].sample.groups.bytes: do not add up", func(p *profile.Profile) { sums(p).Groups.Bytes[3]++ }},
		{"namespaces[0].sample.groups.no_ttl_keys[1]: negative", func(p *profile.Profile) { sums(p).Groups.NoTTLKeys[1] = -1 }},
	} {
		p := sampled()
		tt.breaks(p)
		if err := p.Check(); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// drawn returns sampled of slots.
func drawn() *profile.Profile {
	p := sampled()
	p.Design.Sample = &profile.Sample{Slots: &profile.SampledSlots{Salt: "MVBAJ35BSJ", Filled: 273, Drawn: 3, Keys: 273, Taken: append(make([]float64, profile.SampleGroups-1), 3)}, Covered: 0.011}
	return p
}

func TestSlotsAreWrittenAndRead(t *testing.T) {
	doc := plain(t, drawn())
	if err := profiletest.ValidateSchema(doc); err != nil {
		t.Error(err)
	}
	var p profile.Profile
	if err := json.Unmarshal(doc, &p); err != nil {
		t.Fatal(err)
	}
	if got, want := p.Design.Sample.Slots, drawn().Design.Sample.Slots; !reflect.DeepEqual(got, want) {
		t.Errorf("slots %+v", got)
	}
}

func TestCheckRefusesSlots(t *testing.T) {
	for _, tt := range []struct {
		want   string
		breaks func(s *profile.Sample)
	}{
		{"design.sample.from: present beside slots", func(s *profile.Sample) { s.To = "7" }},
		{"design.sample.slots.salt: not letters and digits", func(s *profile.Sample) { s.Slots.Salt = "a\x1b[2J" }},
		{"design.sample.slots.salt: not letters and digits", func(s *profile.Sample) { s.Slots.Salt = "" }},
		{"design.sample.slots.keys: negative", func(s *profile.Sample) { s.Slots.Keys = -1 }},
		{"design.sample.slots.drawn: more than filled", func(s *profile.Sample) { s.Slots.Drawn = 274 }},
		{"design.sample.slots.filled: more than keys", func(s *profile.Sample) { s.Slots.Filled = 274 }},
		{"design.sample.slots.taken: not 16 groups", func(s *profile.Sample) { s.Slots.Taken = s.Slots.Taken[1:] }},
		{"design.sample.slots.taken[2]: negative", func(s *profile.Sample) { s.Slots.Taken[2] = -1 }},
		{"design.sample.slots.taken: more than keys", func(s *profile.Sample) { s.Slots.Taken[2] = 273 }},
	} {
		p := drawn()
		tt.breaks(p.Design.Sample)
		if err := p.Check(); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// Squares are those of numbers without bounds, as far as 128 bits reach.
func TestSquares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum profile.Squares
		want := 0.0
		for _, n := range rapid.SliceOfN(rapid.Int64Range(0, 1<<60), 0, 200).Draw(t, "sizes") {
			sum = sum.Plus(profile.SquareOf(n))
			want += float64(n) * float64(n)
		}
		if got := sum.Float(); math.Abs(got-want) > 1e-12*want {
			t.Fatalf("%v, want %v", got, want)
		}
		text, err := json.Marshal(sum)
		if err != nil {
			t.Fatal(err)
		}
		var again profile.Squares
		if err := json.Unmarshal(text, &again); err != nil || again != sum {
			t.Fatalf("%s is read as %v (%v), want %v", text, again, err, sum)
		}
	})
}
