package profile_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

// observations are keys with any names and any measures that a server can give.
var observations = rapid.SliceOf(rapid.Custom(func(t *rapid.T) profiletest.Observation {
	return profiletest.Observation{
		DB:      rapid.IntRange(0, 2).Draw(t, "db"),
		Pattern: rapid.SampledFrom([]string{"", "a", "b:<int>", "(other)", "é\u202e"}).Draw(t, "pattern"),
		Name:    rawName.Draw(t, "name"),
		Type:    rapid.SampledFrom([]string{"string", "hash", "list"}).Draw(t, "type"),
		Bytes:   rapid.Int64Range(0, 1<<40).Draw(t, "bytes"),
		NoTTL:   rapid.Bool().Draw(t, "no ttl"),
		TTLS:    float64(rapid.Int64Range(0, 1<<45).Draw(t, "pttl")) / 1000,
		IdleS:   rapid.Int64Range(0, 200*86400).Draw(t, "idle"),
	}
}))

// rawName is a key's name: any bytes, text, or something too long to be stored.
var rawName = rapid.OneOf(
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	rapid.StringN(0, 40, -1),
	rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{"x", "é", "€", "😀", "\x80", "\xf0\x9f"}).Draw(t, "piece")
		return strings.Repeat("a", rapid.IntRange(0, 4).Draw(t, "shift")) +
			strings.Repeat(piece, rapid.IntRange(profile.MaxNameBytes/4-4, profile.MaxNameBytes+4).Draw(t, "times"))
	}),
)

func TestWriteReadWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := profiletest.Fold(observations.Draw(t, "keys")...)
		c := rapid.SampledFrom([]profile.Compression{profile.Plain, profile.Gzip, profile.Zstd}).Draw(t, "compression")
		var first, second bytes.Buffer
		if err := profile.Write(&first, p, c); err != nil {
			t.Fatal(err)
		}
		again, err := profile.Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := profile.Write(&second, again, c); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("written, read and written again, it is another file")
		}
	})
}

// The profile does not show the order in which keys were seen.
func TestOrderLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := observations.Draw(t, "keys")
		for i := range keys {
			keys[i].TTLS = float64(int64(keys[i].TTLS)) // sums of whole numbers are exact
			keys[i].Name += strings.Repeat("'", i)      // ties would leave a choice of examples
		}
		shuffled := rapid.Permutation(keys).Draw(t, "shuffled")
		var a, b bytes.Buffer
		for _, w := range []struct {
			to   *bytes.Buffer
			keys []profiletest.Observation
		}{{&a, keys}, {&b, shuffled}} {
			if err := profile.Write(w.to, profiletest.Fold(w.keys...), profile.Plain); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("another order gives another file")
		}
	})
}
