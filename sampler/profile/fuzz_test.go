package profile_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

// FuzzRead: any file gives an error or a profile that can be written and read
// again, and takes no more memory than the limits allow. Give it
// -fuzzminimizetime=1s: it spends its time on making seeds shorter otherwise.
func FuzzRead(f *testing.F) {
	f.Add(plain(f, profiletest.Full()))
	for _, p := range []*profile.Profile{smallest(), profiletest.Fold()} {
		for _, c := range compressions {
			data := written(f, p, c)
			f.Add(data)
			f.Add(data[:len(data)/2])
			f.Add(append(bytes.Clone(data), data...))
		}
	}
	f.Add([]byte(`{"schema":2,"tool":{"name":"keyprof"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := profile.Read(bytes.NewReader(data))
		runtime.ReadMemStats(&after)
		// Reading a small file costs buffers and tables of a fixed size, and
		// what it holds times a factor; a bomb, the document's limit.
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*profile.MaxDocumentBytes {
			t.Errorf("%d MiB allocated for %d bytes", took>>20, len(data))
		}
		if err != nil {
			return
		}
		first := plain(t, p)
		again, err := profile.Read(bytes.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, plain(t, again)) {
			t.Error("written, read and written again, it is another file")
		}
	})
}

// smallest is a profile of one key, so that a fuzzer can change most of it.
func smallest() *profile.Profile {
	return profiletest.Fold(profiletest.Observation{Pattern: "a", Name: "\xff", Type: "hash", Bytes: 72, TTLS: 0.5})
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
