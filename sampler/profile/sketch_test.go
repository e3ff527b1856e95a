package profile_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

// sketchValue is a length of time or a size, many of them equal.
var sketchValue = rapid.OneOf(
	rapid.SampledFrom([]float64{0, 1, 60, 3600, 1e-320, 0.001, 1 << 40}),
	rapid.Float64Range(0, 1e15),
	rapid.Map(rapid.Int64Range(0, 1000), func(n int64) float64 { return float64(n) }),
)

func sketchOf(values ...float64) *profile.Sketch {
	var s profile.Sketch
	for _, v := range values {
		s.Add(v)
	}
	return &s
}

func encoded(t interface{ Fatal(...any) }, s *profile.Sketch) string {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// However values are ordered and shared out among sketches that are merged,
// the encoding is the same: also when some of them come from a file.
func TestSketchForgetsOrderAndShards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(sketchValue, 0, 300).Draw(t, "values")
		want := encoded(t, sketchOf(values...))
		shards := make([]profile.Sketch, rapid.IntRange(1, 5).Draw(t, "shards"))
		for _, v := range rapid.Permutation(values).Draw(t, "order") {
			shards[rapid.IntRange(0, len(shards)-1).Draw(t, "shard")].Add(v)
		}
		var all profile.Sketch
		for i := range shards {
			shard := &shards[i]
			if rapid.Bool().Draw(t, "by file") {
				shard = new(profile.Sketch)
				if err := json.Unmarshal([]byte(encoded(t, &shards[i])), shard); err != nil {
					t.Fatal(err)
				}
			}
			before := encoded(t, shard)
			all.Merge(shard)
			if encoded(t, shard) != before {
				t.Fatal("Merge has changed its argument")
			}
		}
		if got := encoded(t, &all); got != want {
			t.Fatalf("%s\n%s", got, want)
		}
		if all.Count() != int64(len(values)) {
			t.Fatalf("count %d of %d", all.Count(), len(values))
		}
	})
}

func TestSketchAddAfterRead(t *testing.T) {
	var s profile.Sketch
	if err := json.Unmarshal([]byte(encoded(t, sketchOf(1, 2, 3))), &s); err != nil {
		t.Fatal(err)
	}
	s.Add(0)
	if got, want := encoded(t, &s), encoded(t, sketchOf(0, 1, 2, 3)); got != want || s.Count() != 4 {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSketchAccuracy(t *testing.T) {
	qs := []float64{0, 0.01, 0.5, 0.9, 0.99, 1}
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0.001, 1e15), 1, 500).Draw(t, "values")
		got := sketchOf(values...).Quantiles(qs...)
		slices.Sort(values)
		for i, q := range qs {
			exact := values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
			if math.Abs(got[i]-exact) > exact*profile.SketchAccuracy*(1+1e-9) {
				t.Errorf("quantile %v of %d values: %v, exactly %v", q, len(values), got[i], exact)
			}
		}
	})
}

func TestSketchEmpty(t *testing.T) {
	var s profile.Sketch
	if s.Count() != 0 || !slices.Equal(s.Quantiles(0, 0.5), []float64{0, 0}) {
		t.Error("the zero Sketch is not empty")
	}
	var again profile.Sketch
	if err := json.Unmarshal([]byte(encoded(t, &s)), &again); err != nil || again.Count() != 0 {
		t.Error(err)
	}
}

func TestSketchPanicsForNoValue(t *testing.T) {
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v is taken", v)
				}
			}()
			sketchOf(v)
		}()
	}
}

// Many goroutines may read a sketch in a profile: run with -race.
func TestSketchManyReaders(t *testing.T) {
	var s profile.Sketch
	for i := range 1000 {
		s.Add(float64(i * i))
	}
	d := profile.NewDistribution(&s, 0, 999*999, profile.SumOf(333_000))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var sum profile.Sketch
			sum.Merge(d.Sketch)
			if d.Sketch.Quantiles(1)[0] < 999*999*0.98 || d.Sketch.Count() != 1000 {
				t.Error("wrong quantile or count")
			}
			encoded(t, d.Sketch)
		})
	}
	readers.Wait()
}

// The encoding is part of the document: a change of it needs a new schema.
func TestSketchEncodingIsFixed(t *testing.T) {
	const want = `"BAIOZPQHrYOl8D8AAAAAAAAAAAUDAALcAoRA3AIC"`
	if got := encoded(t, sketchOf(0, 1, 1000, 1000, 1000, 1000, 1e6)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Other programs can read the encoding: it is DDSketch's own.
func TestSketchEncodingIsDDSketch(t *testing.T) {
	s := sketchOf(0, 0, 0.25)
	for i := range 500 {
		s.Add(float64(i * i))
	}
	wire, err := base64.StdEncoding.DecodeString(strings.Trim(encoded(t, s), `"`))
	if err != nil {
		t.Fatal(err)
	}
	dd, err := ddsketch.DecodeDDSketch(wire, store.DefaultProvider, nil)
	if err != nil {
		t.Fatal(err)
	}
	qs := []float64{0, 0.25, 0.5, 0.99, 1}
	want, _ := dd.GetValuesAtQuantiles(qs)
	if got := s.Quantiles(qs...); !slices.Equal(got, want) || dd.GetCount() != 503 {
		t.Errorf("%v; as a DDSketch %v of %v", got, want, dd.GetCount())
	}
}

// A sketch says what the library's would, whatever its values.
func TestSketchIsADDSketch(t *testing.T) {
	m, err := mapping.NewCubicallyInterpolatedMapping(profile.SketchAccuracy)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var s profile.Sketch
		dd := ddsketch.NewDDSketchFromStoreProvider(m, store.SparseStoreConstructor)
		for _, v := range rapid.SliceOfN(sketchValue, 1, 300).Draw(t, "values") {
			for range rapid.SampledFrom([]int{1, 1, 1, 300}).Draw(t, "times") {
				s.Add(v)
				_ = dd.Add(v)
			}
		}
		if float64(s.Count()) != dd.GetCount() {
			t.Fatalf("count %d, in a DDSketch %v", s.Count(), dd.GetCount())
		}
		// Both count ranks from 0; halves keep either from rounding to another.
		n := int(s.Count())
		for _, rank := range []int{0, n / 3, n / 2, n - 1} {
			want, _ := dd.GetValueAtQuantile(min(1, (float64(rank)+0.5)/max(1, float64(n-1))))
			if got := s.Quantiles((float64(rank) + 0.5) / float64(n))[0]; math.Abs(got-want) > want*1e-9 {
				t.Fatalf("value %d of %d: %v, in a DDSketch %v", rank, n, got, want)
			}
		}
	})
}

// Times that spread over seven powers of ten, as those of 1000 keys may, must
// not take a page of counters each: thousands of namespaces have them.
func TestSketchIsSmall(t *testing.T) {
	for _, tt := range []struct{ values, most int }{{1, 8}, {10, 32}, {100, 256}, {1000, 512}, {100_000, 1024}} {
		var s profile.Sketch
		for i := range tt.values {
			s.Add(math.Pow(10, 7*float64(i)/float64(tt.values)))
		}
		if got := s.Footprint(); got > tt.most {
			t.Errorf("%d values take %d bytes, want at most %d", tt.values, got, tt.most)
		}
	}
}

// sketchGamma must be what gives the accuracy that is promised.
func TestSketchMapping(t *testing.T) {
	m, err := mapping.NewCubicallyInterpolatedMapping(profile.SketchAccuracy)
	if err != nil {
		t.Fatal(err)
	}
	dd := ddsketch.NewDDSketchFromStoreProvider(m, store.DefaultProvider)
	_ = dd.Add(1e6)
	want, _ := dd.GetValueAtQuantile(0)
	if got := sketchOf(1e6).Quantiles(0)[0]; math.Abs(got-want) > 1e-6 {
		t.Errorf("%v, want %v", got, want)
	}
}

// sketchHead returns the mapping of an encoded sketch without values.
func sketchHead(t testing.TB) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.Trim(encoded(t, new(profile.Sketch)), `"`))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSketchRefuses(t *testing.T) {
	head := string(sketchHead(t))
	other := bytes.Clone([]byte(head))
	other[3] ^= 1
	for _, tt := range []struct{ name, wire, want string }{
		{"nothing", "", "another mapping"},
		{"half a mapping", head[:9], "another mapping"},
		{"another accuracy", string(other), "another mapping"},
		{"two mappings", head + head, "unexpected data"},
		{"no bins in a block", head + "\x05", "cut short"},
		{"fewer bins than it says", head + "\x05\x02\x00\x02", "cut short"},
		{"2^64 bins", head + "\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x02", "cut short"},
		{"more bins than it says", head + "\x05\x01\x00\x02\x02\x02", "unexpected data"},
		{"negative values", head + "\x07\x01\x00\x02", "unexpected data"},
		{"bin out of range", head + "\x05\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "impossible bin"},
		{"bins that are not in order", head + "\x05\x02\x04\x02\x01\x02", "impossible bin"},
		{"a bin that is there twice", head + "\x05\x02\x04\x02\x00\x02", "impossible bin"},
		{"an empty bin", head + "\x05\x01\x00\x00", "impossible bin"},
		{"half a key", head + "\x05\x01\x00\xfe\x80\x80\x80\x80\x80\x80\x80\x3f", "impossible bin"},
		{"zeros without a count", "\x04", "cut short"},
		{"no zeros", "\x04\x00" + head, "impossible bin"},
		{"another block", head + "\x09\x01\x00", "unexpected data"},
	} {
		var s profile.Sketch
		text, _ := json.Marshal([]byte(tt.wire))
		err := json.Unmarshal(text, &s)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
	for _, text := range []string{`1`, `{}`, `"%"`, `"A"`, `"AA=A"`} {
		if err := json.Unmarshal([]byte(text), new(profile.Sketch)); err == nil {
			t.Errorf("%s passes", text)
		}
	}
}

func TestNewDistribution(t *testing.T) {
	if profile.NewDistribution(nil, 0, 0, profile.Sum{}) != nil || profile.NewDistribution(new(profile.Sketch), 0, 0, profile.Sum{}) != nil {
		t.Error("no keys have a distribution")
	}
	s := sketchOf(1000, 1000, 1000)
	d := profile.NewDistribution(s, 1000, 1000, profile.SumOfThousandths(3_000_001))
	if d.Count != 3 || d.Min != 1000 || d.P50 != 1000 || d.P90 != 1000 || d.P99 != 1000 || d.Max != 1000 || d.Mean != 1000 {
		t.Errorf("%+v", d)
	}
	s.Add(5)
	if d.Sketch.Count() != 3 {
		t.Error("the distribution changes with the sketch it was made from")
	}
}

// FuzzSketchUnmarshal: any text gives an error or a sketch that answers, and
// that has the same encoding once it was taken apart.
func FuzzSketchUnmarshal(f *testing.F) {
	for _, s := range []*profile.Sketch{{}, sketchOf(0), sketchOf(0, 1, 2, 3, 1e9, 1e9)} {
		b, _ := json.Marshal(s)
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s profile.Sketch
		if s.UnmarshalJSON(data) != nil {
			return
		}
		q := s.Quantiles(0, 0.5, 1)
		if q[0] > q[1] || q[1] > q[2] || s.Count() < 0 {
			t.Errorf("quantiles %v of %d", q, s.Count())
		}
		var again profile.Sketch
		again.Merge(&s)
		if again.Count() != s.Count() {
			t.Errorf("count %d is %d when merged", s.Count(), again.Count())
		}
		b := encoded(t, &again)
		var third profile.Sketch
		if err := third.UnmarshalJSON([]byte(b)); err != nil {
			t.Fatal(err)
		}
		third.Merge(&profile.Sketch{})
		if encoded(t, &third) != b {
			t.Error("encoded twice, it differs")
		}
	})
}
