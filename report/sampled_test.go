package report

import (
	"strings"
	"testing"

	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

func TestAboutText(t *testing.T) {
	for _, tt := range []struct {
		value, lo, hi int64 // hi below 0: none
		want          string
	}{
		{1234, 1234, 1234, "1,234"},
		{1_234_567, 1_210_000, 1_259_000, "about 1,235,000 (±2.0 %)"},
		{1_234_567, 1_000_000, 1_300_000, "about 1,230,000 (±19.0 %)"},
		{100, 99, 102, "about 100 (±2.0 %)"},
		{100, 17, 563, "between 17 and 563"},
		{0, 0, 381, "between 0 and 381"},
		{5000, 3000, -1, "at least 3,000"},
	} {
		e := profile.Estimate{Value: tt.value, Lo: tt.lo, Hi: &tt.hi}
		if tt.hi < 0 {
			e.Hi = nil
		}
		if got := aboutText(&e, unit.FormatCount); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt, got, tt.want)
		}
	}
}

// A sample is held against INFO, and against the server's memory.
func TestSampleLines(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(p *profile.Profile)
		want   string
	}{
		"zombies on a replica":    {func(*profile.Profile) {}, "fewer (expired but not yet deleted by its primary, or keys changed during the scan)."},
		"agreement":               {func(p *profile.Profile) { p.Nodes[0].Databases[0].Before.Keys -= 60_000 }, ": they agree."},
		"far off for chance":      {func(p *profile.Profile) { p.Nodes[0].Databases[0].Before.Keys -= 42_000 }, ": by chance so far off in one of some thousand samples"},
		"more than INFO has":      {func(p *profile.Profile) { p.Nodes[0].Databases[0].Before.Keys = 9 }, " more (duplicates or new keys)."},
		"on a primary":            {func(p *profile.Profile) { p.Nodes[0].Role = profile.RolePrimary }, "fewer (expired keys that SCAN deleted, or keys changed during the scan)."},
		"INFO does not tell":      {func(p *profile.Profile) { p.Nodes[0].Databases[0].Before = nil }, "INFO lacks the fields for it."},
		"no share of positions":   {func(p *profile.Profile) { p.Nodes[0].Databases[0].Covered = nil }, "Keys, db0: not sampled."},
		"not all were walked":     {func(p *profile.Profile) { p.Complete = false }, "not all keys were scanned and measured."},
		"most of the memory":      {func(*profile.Profile) {}, "Unexplained: 646 MiB (12.5 %)."},
		"half of it":              {func(p *profile.Profile) { p.Nodes[0].Info["memory"]["used_memory"] = "10000000000" }, "That is much: the sample may have missed large keys"},
		"no upper end":            {func(p *profile.Profile) { p.Totals.Bytes.Hi = nil }, "A few keys hold so many bytes that the sample gives only a lower bound of the total: at least "},
		"the rule of three":       {func(*profile.Profile) {}, "Up to 146 keys larger than the largest measured may exist (95 %)."},
		"slots":                   {ofSlots(0), " in 812 slots, chosen at random from 5,461 that hold 4,000,000 keys; INFO has the same count."},
		"slots that change":       {ofSlots(7), "; INFO had 4,000,007 before."},
		"large keys by slots":     {ofSlots(0), "may exist (95 %), or more if they share hash tags."},
		"a sample of all of them": {func(p *profile.Profile) { p.Design.Sample.Covered = 1 }, "No key is larger than the largest one measured."},
	} {
		p := sample().build()
		tt.change(p)
		var text strings.Builder
		for _, l := range infoChecks(newView(p, Options{})) {
			text.WriteString(l.String() + "\n")
		}
		if !strings.Contains(text.String(), tt.want) {
			t.Errorf("%s: %s\nwant %q", name, text.String(), tt.want)
		}
	}
}

// ofSlots makes a sample one of slots; INFO has so many more keys than they do.
func ofSlots(more int64) func(p *profile.Profile) {
	return func(p *profile.Profile) {
		p.Design.Sample = &profile.Sample{Slots: &profile.SampledSlots{Salt: "SALT", Filled: 5461, Drawn: 812, Keys: 4_000_000}, Covered: 0.02}
		p.Nodes[0].Databases[0].Before.Keys = 4_000_000 + more
	}
}

// No sentence says of all keys what is known only of some.
func TestSamplesDoNotSpeakOfAll(t *testing.T) {
	got := write(t, sample().build(), Options{})
	for _, claim := range []string{"Every key has", "No single key is", "of its keys ever expires", "complete:"} {
		if strings.Contains(got, claim) {
			t.Errorf("%q in\n%s", claim, got)
		}
	}
}
