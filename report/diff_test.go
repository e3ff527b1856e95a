package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"keyprof/report/diff"
	"keyprof/sampler/profile"
)

// later is the profile of a fixture some hours after the others.
func later(f fixture, hours float64) *profile.Profile {
	p := f.build()
	shift := time.Duration(hours * float64(time.Hour))
	p.Began, p.Ended = p.Began.Add(shift), p.Ended.Add(shift)
	return p
}

// with is a fixture of which one set of keys is another.
func (f fixture) with(pattern string, change func(*keySet)) fixture {
	sets := make([]keySet, len(f.sets))
	copy(sets, f.sets)
	for i := range sets {
		if sets[i].pattern == pattern {
			change(&sets[i])
		}
	}
	f.sets = sets
	return f
}

// nights are pairs of profiles.
func nights() map[string][2]*profile.Profile {
	shrunk := tickets().with("<ts>:cust-<int>:<rand>", func(s *keySet) { s.n, s.noTTL = s.n+2000, 0.995 })
	grown := resque().with("resque:status:<uuid>", func(s *keySet) { s.n += 3100 })
	grown.sets = append(grown.sets[:7:7], keySet{pattern: "cart:<int>", typ: "hash", n: 800, size: [2]float64{90, 400}, noTTL: 1, idle: [2]float64{1, 80000}})
	upgraded := later(resque(), 24)
	upgraded.Nodes[0].Version = "7.2.4"
	cut := incomplete()
	pairs := map[string][2]*profile.Profile{
		"tickets":   {tickets().build(), later(shrunk, 4)},
		"resque":    {resque().build(), later(grown, 24)},
		"upgraded":  {resque().build(), upgraded},
		"same":      {gitlab().build(), later(gitlab(), 24)},
		"hostile":   {later(empty(), 0), later(hostile(), 24)},
		"databases": {databases().build(), later(databases(), 24)},
		"cut":       {cut.build(), later(cut, 24)},
		"sample":    {sample().build(), later(sample().with("session:<rand>", func(s *keySet) { s.n += 160 }), 24)},
	}
	for name, pair := range pairs {
		for _, p := range pair {
			p.Nodes[0].RunID, p.Nodes[0].ReplID = "run-1", "repl-1"
		}
		if name == "upgraded" {
			pair[1].Nodes[0].RunID = "run-2"
		}
	}
	return pairs
}

func compared(t testing.TB, pair [2]*profile.Profile, o diff.Options) *diff.Comparison {
	t.Helper()
	o.Tool = profile.Tool{Name: "keyprof", Version: "0.1.0"}
	o.Force = true
	c, err := diff.Compare(pair[0], pair[1], o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writeDiff(t testing.TB, c *diff.Comparison, o DiffOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteDiff(&out, c, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDiffGolden(t *testing.T) {
	for name, pair := range nights() {
		c := compared(t, pair, diff.Options{OldSource: "monday.json.zst", NewSource: "tuesday.json.zst"})
		golden(t, "diff-"+name+".txt", writeDiff(t, c, DiffOptions{}))
		if name == "tickets" || name == "hostile" {
			golden(t, "diff-"+name+".md", writeDiff(t, c, DiffOptions{Options: Options{Format: Markdown}}))
			golden(t, "diff-"+name+".csv", writeDiff(t, c, DiffOptions{Options: Options{Format: CSV}}))
		}
		if name == "resque" {
			golden(t, "diff-resque-under.txt", writeDiff(t, c, DiffOptions{Options: Options{Under: "resque:", Sort: SortKeys}}))
			golden(t, "diff-resque-narrow.txt", writeDiff(t, c, DiffOptions{Options: Options{Width: 70, Top: 1}}))
			golden(t, "diff-resque-wide.txt", writeDiff(t, c, DiffOptions{Options: Options{Width: 140, Color: true}, MinAmount: mib}))
			golden(t, "diff-resque-nothing-under.txt", writeDiff(t, c, DiffOptions{Options: Options{Under: "reskue"}}))
		}
	}
}

// Names come from servers: none of them moves a cursor, or makes a line of its own.
func TestDiffIsSafe(t *testing.T) {
	c := compared(t, nights()["hostile"], diff.Options{OldSource: "a\x1b[31m\n.json", NewSource: "b\u202e.json"})
	c.Caveats = append(c.Caveats, diff.Caveat{Code: "x\x1b", Text: "y\n\x1b[2J"})
	for _, format := range Formats() {
		text := writeDiff(t, c, DiffOptions{Options: Options{Format: format}})
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || profile.Hidden(r)) {
				t.Errorf("%s: %q is printed as it is", format, r)
				break
			}
		}
	}
	records, err := csv.NewReader(strings.NewReader(writeDiff(t, c, DiffOptions{Options: Options{Format: CSV}}))).ReadAll()
	if err != nil || len(records) != len(c.Namespaces)+1 {
		t.Errorf("%d records of %d namespaces: %v", len(records), len(c.Namespaces), err)
	}
	for _, r := range records {
		for _, text := range r {
			if strings.HasPrefix(text, "=") || strings.HasPrefix(text, "@") {
				t.Errorf("a spreadsheet would take %q for a formula", text)
			}
		}
	}
}

func TestDiffJSONIsWhole(t *testing.T) {
	c := compared(t, nights()["resque"], diff.Options{})
	var read diff.Comparison
	if err := json.Unmarshal([]byte(writeDiff(t, c, DiffOptions{Options: Options{Format: JSON, Top: 1}})), &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Namespaces) != len(c.Namespaces) {
		t.Errorf("%d namespaces of %d", len(read.Namespaces), len(c.Namespaces))
	}
	if err := WriteDiff(&bytes.Buffer{}, c, DiffOptions{Options: Options{Format: JSON, Under: "a"}}); err == nil {
		t.Error("--under with JSON is accepted")
	}
}

// Rows that are not listed are summed up, so that the table adds up whatever is
// left out.
func TestDiffTableAddsUp(t *testing.T) {
	c := compared(t, nights()["resque"], diff.Options{})
	for _, o := range []DiffOptions{{}, {Options: Options{Top: 1}}, {MinAmount: 1e12}, {MinGrowth: 0.5}} {
		o.Options = o.withDefaults()
		v := newDiffView(c, o)
		shown, rest := v.split()
		var sum float64
		for _, r := range shown {
			sum += *r.Changes[diff.Bytes].Delta
		}
		if part, ok := sumOf(diff.Bytes, rest); ok && part.Delta != nil {
			sum += *part.Delta
		}
		if total := *c.Totals.Changes[diff.Bytes].Delta; sum != total {
			t.Errorf("%+v: the rows add up to %v, not %v", o, sum, total)
		}
		for _, r := range shown {
			if o.MinAmount > size(r.Changes[diff.Bytes]) {
				t.Errorf("%s changed by less than %v", r.Pattern, o.MinAmount)
			}
		}
	}
}

func TestDiffSorts(t *testing.T) {
	c := compared(t, nights()["resque"], diff.Options{})
	for sort, first := range map[Sort]string{SortBytes: "resque:status:<uuid>", SortKeys: "session:<rand>", SortNoTTLBytes: "resque:status:<uuid>"} {
		o := DiffOptions{Options: Options{Sort: sort}}
		o.Options = o.withDefaults()
		if v := newDiffView(c, o); v.chosen[0].Pattern != first && sort != SortKeys {
			t.Errorf("by %s, %s is first, not %s", sort, v.chosen[0].Pattern, first)
		}
	}
}

// Keys that the old scan may have evicted are not counted as evictions by the server,
// and the table says so.
func TestOwnEvictionsAreLeftOut(t *testing.T) {
	line := diff.ServerLine{Name: "evicted_keys", Kind: diff.Counter, Change: diff.Change{Delta: ptr(1566.0)}, Ours: 434}
	s, _ := serverSection(&diff.Comparison{Server: []diff.ServerLine{line}})
	row := s.table.rows[0]
	if row[0].text != "evicted keys (since old), less 434 by the old scan" || row[3].text != "+1,566" {
		t.Errorf("%+v", row)
	}
}

// Whatever either side lacks, there is a report of what changed in every format.
func TestDiffOfWhatIsLacking(t *testing.T) {
	fixtures := []func() fixture{databases, refused, incomplete, hostile, empty, counters} // the small ones
	rapid.Check(t, func(t *rapid.T) {
		draw := func(hours float64) *profile.Profile {
			p := later(rapid.SampledFrom(fixtures).Draw(t, "fixture")(), hours)
			damage(t, p)
			return p
		}
		c, err := diff.Compare(draw(0), draw(rapid.SampledFrom([]float64{-1, 0, 0.1, 4, 24}).Draw(t, "hours")), diff.Options{
			Force: true, Earlier: []*profile.Profile{draw(-48), draw(-24)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range Formats() {
			var out discard
			if err := WriteDiff(&out, c, DiffOptions{Options: Options{Format: format}}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// damage takes away what a server may not tell, or an ACL refuse.
func damage(t *rapid.T, p *profile.Profile) {
	lacks := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	stats := []*profile.Stats{&p.Totals}
	for i := range p.Namespaces {
		stats = append(stats, &p.Namespaces[i].Stats)
	}
	noTTL, noBytes, noIdle := lacks("TTL"), lacks("bytes"), lacks("idle")
	for _, s := range stats {
		if noTTL {
			s.TTL, s.NoTTLKeys, s.NoTTLBytes, s.IdleByTTL = nil, nil, nil, nil
		}
		if noBytes {
			s.Bytes, s.SampledBytes, s.NoTTLBytes, s.HighIdleBytes, s.Size, s.Types = nil, nil, nil, nil, nil, nil
		}
		if noIdle {
			s.Idle, s.HighIdleKeys, s.HighIdleBytes, s.IdleByTTL = nil, nil, nil, nil
		}
	}
	switch n := &p.Nodes[0]; {
	case lacks("nodes"):
		p.Nodes = nil
	case lacks("second node"):
		p.Nodes = append(p.Nodes, *n)
	case lacks("INFO"):
		n.Info, n.RunID, n.Policy, n.Version, n.Maxmemory, n.UsedMemory, n.UptimeS, n.IdleHorizonS = nil, "", "", "", nil, nil, nil, nil
	default:
		n.RunID, n.ReplID = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "run"), "r"
		n.Policy = rapid.SampledFrom([]string{"noeviction", "volatile-lru", "volatile-ttl", "allkeys-lru", "allkeys-lfu"}).Draw(t, "policy")
		limit := rapid.SampledFrom([]int64{0, 1, 1 << 24, 1 << 40}).Draw(t, "limit")
		n.Maxmemory = &limit
	}
	if lacks("all of it") {
		p.Complete = false
	}
	p.Ended = p.Ended.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds")) * time.Second)
}
