package aggregate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
	notWithRaceDetector(t)
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
