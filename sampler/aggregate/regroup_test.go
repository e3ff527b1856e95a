package aggregate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern"
	"keyprof/sampler/pattern/patterntest"
	"keyprof/sampler/profile"
)

// built returns the profile of keys in database 1, and of half of them in database 2.
func built(g Grouping, keys []Observation) *profile.Profile {
	return builtBy(NewBuilder(g, 1<<20), keys)
}

func builtBy(b *Builder, keys []Observation) *profile.Profile {
	b.Add(&Page{DB: 1, Keys: keys})
	b.Add(&Page{DB: 2, Keys: keys[:len(keys)/2]})
	var p profile.Profile
	b.Fill(&p, everything)
	return &p
}

func inJSON(t rapid.TB, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// drawHardName returns an observation whose name is hard to keep, at times.
func drawHardName(t *rapid.T) Observation {
	o := drawObservation(t)
	switch rapid.IntRange(0, 20).Draw(t, "hard") {
	case 0:
		o.Name = strings.Repeat("long:", 300) + o.Name
	case 1:
		o.Name = "\xff\\" + o.Name
	}
	return o
}

// All namespaces, read back from a profile and merged, are the totals: nothing
// that is saved of a namespace is lost in merging.
func TestSavedNamespacesAddUpToTheTotals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := built(defaultGrouping, rapid.SliceOfN(rapid.Custom(drawHardName), 1, 200).Draw(t, "keys"))
		var saved profile.Profile
		if err := json.Unmarshal([]byte(inJSON(t, p)), &saved); err != nil {
			t.Fatal(err)
		}
		var all []*profile.Namespace
		for i := range saved.Namespaces {
			all = append(all, &saved.Namespaces[i])
		}
		if len(all) == 1 { // nothing is merged then
			return
		}
		sum, err := merged(all, measuresOf(&saved.Totals))
		if err != nil {
			t.Fatal(err)
		}
		if want, got := inJSON(t, p.Totals), inJSON(t, sum.Stats); got != want {
			t.Fatalf("totals, and the sum of the namespaces:\n%s", firstDifference(want, got))
		}
	})
}

// Figures of namespaces, added up one by one, are those of the totals; a sum of which
// a part was not measured is not known.
func TestSums(t *testing.T) {
	p := built(defaultGrouping, []Observation{
		{Name: "user:1", HasBytes: true, Bytes: 100, HasTTL: true, TTLMillis: 1500, Type: "string"},
		{Name: "cart", HasBytes: true, Bytes: 4000, NoTTL: true, Type: "hash"},
		{Name: "job:17:x", HasBytes: true, Bytes: 30, HasTTL: true, TTLMillis: 86_400_000, Type: "string"},
	})
	var sets []*profile.Stats
	for i := range p.Namespaces {
		sets = append(sets, &p.Namespaces[i].Stats)
	}
	bytes := func(s *profile.Stats) *profile.Estimate { return s.Bytes }
	if want, got := inJSON(t, p.Totals.Bytes), inJSON(t, SumEstimates(sets, bytes)); got != want {
		t.Errorf("%s bytes, want %s", got, want)
	}
	if got := Sum(sets, func(s *profile.Stats) *int64 { return &s.Probed }); *got != p.Totals.Probed {
		t.Errorf("%d keys, want %d", *got, p.Totals.Probed)
	}
	for name, of := range map[string]func(*profile.Stats) *profile.Distribution{
		"sizes": func(s *profile.Stats) *profile.Distribution { return s.Size },
		"TTLs":  func(s *profile.Stats) *profile.Distribution { return s.TTL.RemainS },
		"idle":  func(s *profile.Stats) *profile.Distribution { return s.Idle.IdleS },
	} {
		if want, got := inJSON(t, of(&p.Totals)), inJSON(t, Join(sets, of)); got != want {
			t.Errorf("%s: %s", name, firstDifference(want, got))
		}
	}
	sets[0].Bytes = nil
	if SumEstimates(sets, bytes) != nil || Sum(sets, func(*profile.Stats) *int64 { return nil }) != nil {
		t.Error("a sum of what was not measured")
	}
}

func TestRollUp(t *testing.T) {
	var keys []Observation
	for i := range int64(40) {
		for _, name := range []string{"resque:status:%d", "resque:queue:%d", "cart:%d", "resque"} {
			keys = append(keys, Observation{Name: strings.ReplaceAll(name, "%d", fmt.Sprint(1000+i)), HasBytes: true, Bytes: 100 + i, NoTTL: true, Type: "string"})
		}
	}
	p := built(defaultGrouping, keys)
	for _, tt := range []struct {
		under string
		depth int
		want  string
	}{
		{"", 1, "cart:<...> 40, resque 40, resque:<...> 80"},
		{"", 2, "cart:<int> 40, resque 40, resque:queue:<...> 40, resque:status:<...> 40"},
		{"", 3, "cart:<int> 40, resque 40, resque:queue:<int> 40, resque:status:<int> 40"},
		{"resque:", 1, "cart:<int> 40, resque 40, resque:queue:<...> 40, resque:status:<...> 40"},
	} {
		rolled, err := RollUp(p, tt.under, tt.depth)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, n := range rolled.Namespaces {
			if n.DB == 1 {
				rows = append(rows, fmt.Sprintf("%s %d", n.Pattern, n.Keys.Value))
			}
		}
		if got := strings.Join(rows, ", "); got != tt.want {
			t.Errorf("depth %d below %q:\n got %s\nwant %s", tt.depth, tt.under, got, tt.want)
		}
	}
	if len(p.Namespaces) != 8 {
		t.Errorf("%d namespaces in the profile that was rolled up, want 8 as before", len(p.Namespaces))
	}
}

// Two profiles of the same keys, grouped by decisions that were made on
// different nights, are the same in all figures once they are regrouped.
func TestRegroupedProfilesAreTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := patterntest.Mix(rng, patterntest.Families(), 200)
	keys := make([]Observation, len(names))
	for i, name := range names {
		keys[i] = Observation{
			Name: name, HasBytes: true, Bytes: rng.Int64N(1000), HasTTL: true, TTLMillis: rng.Int64N(1 << 40),
			HasIdle: true, IdleS: rng.Int64N(1 << 22), Type: "string",
		}
	}
	decide := func(names []string) Grouping {
		survey := pattern.NewSurvey(nil)
		for _, name := range names {
			survey.Add(name)
		}
		g := Grouping{Limit: DefaultNamespaceLimit, Dictionary: survey.Dictionary()}
		b := NewBuilder(g, -1)
		for _, name := range names {
			b.Add(&Page{Keys: []Observation{{Name: name}}})
		}
		g.Dictionary = b.dictionary()
		return g
	}
	a, b := built(decide(names[:500]), keys), built(decide(names[2000:]), keys)
	if len(a.Namespaces) == len(b.Namespaces) {
		t.Logf("both groupings have %d namespaces", len(a.Namespaces))
	}
	a, b, err := Regroup(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if want, got := inJSON(t, a.Namespaces), inJSON(t, b.Namespaces); got != want {
		t.Fatalf("the same keys, regrouped:\n%s", firstDifference(want, got))
	}
	if len(a.Namespaces) < 2*len(patterntest.Families()) { // of two databases
		t.Errorf("only %d namespaces are left", len(a.Namespaces))
	}
}

// A decision made in one database applies to all in the next run, so it must apply to
// all in this run.
func TestDatabasesAgree(t *testing.T) {
	b := NewBuilder(defaultGrouping, -1)
	words, many := &Page{DB: 1}, &Page{DB: 0}
	for _, word := range []string{"cat", "dog", "emu", "gnu", "yak"} {
		words.Keys = append(words.Keys, Observation{Name: word + ":17"})
	}
	for i := range 90 {
		many.Keys = append(many.Keys, Observation{Name: fmt.Sprintf("w%c%cz:17", 'a'+i%26, 'a'+i/26)})
	}
	var tonight, tomorrow profile.Profile
	b.Add(words)
	b.Add(many)
	b.Fill(&tonight, Measures{})
	g := defaultGrouping
	g.Dictionary = tonight.Design.Patterns
	again := NewBuilder(g, -1)
	again.Add(words)
	again.Add(many)
	again.Fill(&tomorrow, Measures{})
	if want, got := inJSON(t, tonight), inJSON(t, tomorrow); got != want {
		t.Errorf("the same keys on the next night:\n%s", firstDifference(want, got))
	}
}

// Names that a rule takes say nothing of others: the order of a scan must not
// show through them.
func TestSurveyLeavesOutWhatRulesTake(t *testing.T) {
	rules, err := pattern.ParseRules("^[a-z]+-x:=slugs")
	if err != nil {
		t.Fatal(err)
	}
	g := defaultGrouping
	g.Rules = rules
	var names []string
	for i := range 90 {
		names = append(names, fmt.Sprintf("s%c%c-x:17", 'a'+i%26, 'a'+i/26))
	}
	for _, word := range []string{"cat", "dog", "emu"} {
		names = append(names, word+":1", word+":2")
	}
	groups := GroupNames(slices.Values(names), g)
	if len(groups.Namespaces) != 4 {
		t.Errorf("namespaces %+v, want slugs and three others", groups.Namespaces)
	}
}

// vocabulary returns n words that read like words.
func vocabulary(n int) (words []string) {
	for i := range n {
		words = append(words, fmt.Sprintf("%c%c%c%c", "bdfglmnprt"[i%10], "aeiou"[i/10%5], "lmnrs"[i/50%5], "aeo"[i%3]))
	}
	return words
}

// Words that are all met as often, at several levels, are no kinds of things: a
// random half of them must not stand, nor all at each level.
func TestUniformWordsAtManyLevels(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	for _, tt := range []struct {
		words                    int
		fewest, most             int // levels
		before, delimiter, after string
		rows                     int // at most
	}{
		{30, 4, 4, "shop:", ":", ":4711", 900},
		{40, 4, 4, "shop:", ":", ":4711", 40},
		{50, 4, 4, "shop:", ":", ":4711", 50},
		{60, 4, 4, "shop:", ":", ":4711", 60},
		{60, 10, 10, "", ":", "", 60},
		{60, 1, 6, "/", "/", "/index.html", 360},
	} {
		var want []string
		for seed := range uint64(3) {
			rng, words := rand.New(rand.NewPCG(seed, 1)), vocabulary(tt.words)
			groups := groupRandom(func() string {
				list := make([]string, tt.fewest+rng.IntN(tt.most-tt.fewest+1))
				for i := range list {
					list[i] = words[rng.IntN(len(words))]
				}
				return tt.before + strings.Join(list, tt.delimiter) + tt.after
			})
			rows := patternsOf(groups)
			if groups.Degraded || len(rows) > tt.rows {
				t.Errorf("%+v: %d namespaces, degraded %v; the first %s", tt, len(rows), groups.Degraded, rows[0])
			}
			if want == nil {
				want = rows
			}
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Errorf("%+v: other names of the same kind have other namespaces:\n%.500s", tt, diff)
			}
		}
	}
}

// groupRandom groups 60,000 names.
func groupRandom(draw func() string) *NameGroups {
	return GroupNames(func(yield func(string) bool) {
		for range 60_000 {
			if !yield(draw()) {
				return
			}
		}
	}, Grouping{Limit: DefaultNamespaceLimit})
}

func patternsOf(groups *NameGroups) (list []string) {
	for _, n := range groups.Namespaces {
		list = append(list, n.Pattern)
	}
	slices.Sort(list)
	return list
}
