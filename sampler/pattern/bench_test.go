package pattern

import (
	"math/rand/v2"
	"strings"
	"testing"

	"keyprof/sampler/pattern/patterntest"
)

// BenchmarkAppendPattern measures the names of all families, mixed. They lie
// side by side in memory, as in the reply that they come in.
func BenchmarkAppendPattern(b *testing.B) {
	names := patterntest.Mix(rand.New(rand.NewPCG(1, 2)), patterntest.Families(), 1000)
	all := strings.Join(names, "")
	for i, name := range names {
		names[i], all = all[:len(name)], all[len(name):]
	}
	bench(b, names)
}

// BenchmarkAdversarial measures the longest names that Redis users have sent.
func BenchmarkAdversarial(b *testing.B) {
	for _, unit := range []string{":", "a-", "eyJ-", "1.", "x7G-", "用", "a@", "%3A", "f:"} {
		b.Run(unit, func(b *testing.B) {
			bench(b, []string{strings.Repeat(unit, 512<<10/len(unit))})
		})
	}
}

func bench(b *testing.B, names []string) {
	total := 0
	for _, name := range names {
		total += len(name)
	}
	lexer := NewLexer()
	dst := make([]byte, 0, MaxPattern)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = lexer.AppendPattern(dst[:0], names[i])
		if i++; i == len(names) {
			i = 0
		}
	}
	b.ReportMetric(float64(total)/float64(len(names)), "B/key")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/key")
}

// BenchmarkTrie measures lexing and the trie together, as a run uses them.
func BenchmarkTrie(b *testing.B) {
	names := patterntest.Mix(rand.New(rand.NewPCG(1, 2)), patterntest.Families(), 1000)
	total := 0
	all := strings.Join(names, "")
	for i, name := range names {
		total += len(name)
		names[i], all = all[:len(name)], all[len(name):]
	}
	survey := NewSurvey(nil)
	for _, name := range names {
		survey.Add(name)
	}
	trie := newCounting(survey.Dictionary(), names...)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		trie.At(names[i]).names++
		if i++; i == len(names) {
			i = 0
		}
	}
	b.ReportMetric(float64(total)/float64(len(names)), "B/key")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/key")
}
