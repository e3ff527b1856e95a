package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyprof/sampler/pattern/patterntest"
)

// expand returns each format with the numbers from first to last in all its
// places.
func expand(first, last int, formats ...string) (names []string) {
	for _, format := range formats {
		for i := first; i <= last; i++ {
			names = append(names, fmt.Sprintf(format, i))
		}
	}
	return names
}

func TestSingleDigitsAreNumbers(t *testing.T) {
	for _, tt := range []struct {
		names []string
		want  map[string]int
	}{
		// Digits that change together.
		{expand(1, 9, "web%[1]d:user%[1]d"), map[string]int{"web<int>:user<int>": 9}},
		{expand(1, 9, "shard%[1]d:a%[1]d:b%[1]d"), map[string]int{"shard<int>:a<int>:b<int>": 9}},
		{expand(1, 9, "x:web%[1]d-user%[1]d:y"), map[string]int{"x:web<int>-user<int>:y": 9}},
		{expand(1, 12, "web%[1]d:user%[1]d"), map[string]int{"web<int>:user<int>": 12}},
		{expand(1, 12, "x:web%[1]d-user%[1]d-y"), map[string]int{"x:web<int>-user<int>-y": 12}},
		{expand(8, 10, "web%[1]d:user%[1]d"), map[string]int{"web<int>:user<int>": 3}},
		{expand(7, 9, "web%[1]d:user1%[1]d"), map[string]int{"web7:user<int>": 1, "web8:user<int>": 1, "web9:user<int>": 1}},
		// A digit within a word.
		{expand(1, 5, "x:web%d-main"), map[string]int{"x:web<int>-main": 5}},
		// Those that do not change stay.
		{expand(1, 9, "s3:web%[1]d:user%[1]d"), map[string]int{"s3:web<int>:user<int>": 9}},
		{expand(1, 9, "x:sha1-web%[1]d-user%[1]d"), map[string]int{"x:sha1-web<int>-user<int>": 9}},
		// Two or three are versions.
		{expand(1, 3, "api%[1]d:db%[1]d"), map[string]int{"api1:db1": 1, "api2:db2": 1, "api3:db3": 1}},
		{expand(1, 5, "v%d:x"), map[string]int{"v1:x": 1, "v2:x": 1, "v3:x": 1, "v4:x": 1, "v5:x": 1}},
		{expand(1, 30, "flag:v%d:x"), map[string]int{"flag:v<int>:x": 30}},
		// Names of technology, unless a sequence shows that they are none.
		{expand(0, 99, "room:x%d"), map[string]int{"room:x<int>": 100}},
		{
			[]string{"arch:x86", "arch:x64", "arch:arm64", "arch:i386", "arch:i686"},
			map[string]int{"arch:x86": 1, "arch:x64": 1, "arch:arm64": 1, "arch:i386": 1, "arch:i686": 1},
		},
		{
			[]string{"f:ipv4", "f:ipv6", "f:utf8", "f:mp3", "f:mp4", "f:sha1", "f:sha256", "f:sha512"},
			map[string]int{"f:ipv4": 1, "f:ipv6": 1, "f:utf8": 1, "f:mp3": 1, "f:mp4": 1, "f:sha1": 1, "f:sha256": 1, "f:sha512": 1},
		},
	} {
		checkInAnyOrder(t, tt.names, tt.want)
	}
}

// checkInAnyOrder fails unless names become these namespaces, in one trie or in
// several.
func checkInAnyOrder(t *testing.T, names []string, want map[string]int) {
	t.Helper()
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		shuffled := slices.Clone(names)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		at := rng.IntN(len(names))
		trie := newCounting(nil, shuffled[:at]...)
		trie.Merge(newCounting(nil, shuffled[at:]...))
		if diff := cmp.Diff(want, patternsOf(trie.Namespaces())); diff != "" {
			t.Errorf("%q and so on: namespaces (-want +got):\n%s", names[0], diff)
		}
	}
}

// Words that end in a digit are more of those that end in a number.
func TestWordsWithDigitsJoinThoseWithNumbers(t *testing.T) {
	names := []string{"user:anna7"}
	for range 10 {
		names = append(names, "user:bob3", "user:admin", "user:v2")
	}
	for i, s := range slugs(500) {
		names = append(names, fmt.Sprintf("user:%s%d", s, 10+i))
	}
	checkInAnyOrder(t, names, map[string]int{"user:<*><int>": 511, "user:admin": 10, "user:v2": 10})
}

// Pieces of short random tokens do not stay beside the wildcard that has the
// other tokens, but words that people wrote do.
func TestPiecesOfShortTokens(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"alpha:{b36:3}", "alpha:<*>"},
		{"alpha:{b36:4}", "alpha:<*>"},
		{"alpha:{b36:5}", "alpha:<*>"},
		{"alpha:{hex5}:x", "alpha:<*>:x"},
		{"{slug}:{b36:5}", "<*>:<*>"},
	} {
		for _, n := range []int{2_000, 20_000} {
			names := patterntest.Family{Template: tt.template}.Generate(rand.New(rand.NewPCG(12, uint64(n))), n)
			checkGroups(t, newCounting(nil, names...), map[string]int{tt.want: n})
		}
	}
	names := expand(10, 59, "size:w%d", "size:h%d", "size:of%d")
	for _, s := range slugs(10_000) {
		names = append(names, "size:"+s)
	}
	checkGroups(t, newCounting(nil, names...), map[string]int{"size:<*>": 10_000, "size:w<int>": 50, "size:h<int>": 50, "size:of<int>": 50})
}

// Names with two random tokens, neither of which was recognized, join those in
// which both were.
func TestTwoTokensThatReadLikeWords(t *testing.T) {
	const n = 20_000
	names := patterntest.Family{Template: "chat:T{b36:8}:C{b36:8}"}.Generate(rand.New(rand.NewPCG(13, 1)), n)
	got := patternsOf(newCounting(nil, names...).Namespaces())
	if most := got["chat:<rand>:<rand>"]; most < n*99/100 {
		t.Errorf("%d of %d names are in chat:<rand>:<rand>, of %v", most, n, got)
	}
}
