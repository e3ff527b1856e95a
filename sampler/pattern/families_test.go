package pattern

import (
	"math/rand/v2"
	"testing"

	"keyprof/sampler/pattern/patterntest"
)

// TestFamilies checks that the lexer alone groups every family that it can:
// 98 % of its names in one namespace (one for each of its words), and none of
// these namespaces holds names of another family.
func TestFamilies(t *testing.T) {
	const perFamily = 5_000
	rng := rand.New(rand.NewPCG(1, 2))
	owner := map[string]string{}
	lexer := NewLexer()
	for _, f := range patterntest.Families() {
		counts := map[string]int{}
		for _, name := range f.Generate(rng, perFamily) {
			counts[string(lexer.AppendPattern(nil, name))]++
		}
		for p := range counts {
			if other, taken := owner[p]; taken {
				t.Errorf("%q holds names of %s and of %s", p, other, f.Name)
			}
			owner[p] = f.Name
		}
		if !f.NeedsTrie() {
			checkFamily(t, f, counts, perFamily)
		}
	}
}

func checkFamily(t *testing.T, f patterntest.Family, counts map[string]int, total int) {
	t.Helper()
	main, share := "", 0
	for p, n := range counts {
		if n*f.Words()*2 >= total {
			share += n
		}
		if n > counts[main] {
			main = p
		}
	}
	t.Logf("%-20s %7.3f %%  %3d  %s", f.Name, 100*float64(share)/float64(total), len(counts), main)
	if f.Words() == 1 && main != f.Want {
		t.Errorf("%s: namespace %q, want %q", f.Name, main, f.Want)
	}
	if share*100 < total*98 {
		t.Errorf("%s: %d of %d names in the main namespaces: %v", f.Name, share, total, counts)
	}
}
