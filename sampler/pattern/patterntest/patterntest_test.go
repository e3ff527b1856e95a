package patterntest

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
)

func TestFamilies(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Families() {
		if f.Name == "" || f.Template == "" || f.Want == "" || seen[f.Name] {
			t.Errorf("family %+v is incomplete, or not the first of its name", f)
		}
		seen[f.Name] = true
	}
	if len(seen) < 30 {
		t.Errorf("%d families, want 30 or more", len(seen))
	}
}

func TestExpand(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct{ template, want string }{
		{"plain", `plain`},
		{"a{b}c", `a\{b\}c`},
		{"a{", `a\{`},
		{"{{int:7-9}}", `\{[789]\}`},
		{"{uuid}", `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`},
		{"{hex7}", `[0-9a-f]{7}`},
		{"{ts}", `1[78]\d{8}`},
		{"{tsms}", `1[78]\d{11}`},
		{"{date}", `202[456]-\d\d-\d\d`},
		{"{time:200601}", `202[456]\d\d`},
		{"{b36:5}", `[0-9a-z]{5}`},
		{"{b62:40}", `[0-9A-Za-z]{40}`},
		{"{b64url:43}", `[-\w]{43}`},
		{"{nanoid}", `[-\w]{21}`},
		{"{ulid}", `01[0-9A-HJKMNP-TV-Z]{24}`},
		{"{ksuid}", `[23][0-9A-Za-z]{26}`},
		{"{ip4}", `\d+\.\d+\.\d+\.\d+`},
		{"{ip6}", `2001:db8:[0-9a-f:]+`},
		{"{email}", `[a-z]+(\.[a-z]+|\d+)?@[a-z.]+`},
		{"{slug}", `[a-z]+(-[a-z]+){1,3}`},
		{"{word:eu,us}", `eu|us`},
	} {
		re := regexp.MustCompile(`^(` + tt.want + `)$`)
		for range 100 {
			if got := Expand(rng, tt.template); !re.MatchString(got) {
				t.Fatalf("Expand(%q) is %q, want %s", tt.template, got, tt.want)
			}
		}
	}
}

func TestExpandBinary(t *testing.T) {
	if got := Expand(rand.New(rand.NewPCG(1, 2)), "x{bin:16}"); len(got) != 17 || got[0] != 'x' {
		t.Errorf("Expand is %q, want x and 16 bytes", got)
	}
}

func TestMixIsReproducible(t *testing.T) {
	mix := func() []string { return Mix(rand.New(rand.NewPCG(5, 6)), Families(), 10) }
	if a, b := mix(), mix(); !slices.Equal(a, b) || len(a) != 10*len(Families()) {
		t.Error("the same seed does not give the same names")
	}
}

func TestWords(t *testing.T) {
	for template, want := range map[string]int{"a:{int:1-2}": 1, "{word:a,b,c}:x": 3} {
		if got := (Family{Template: template}).Words(); got != want {
			t.Errorf("Words of %q is %d, want %d", template, got, want)
		}
	}
}
