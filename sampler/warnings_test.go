package sampler

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

func TestOtherLexing(t *testing.T) {
	for _, tt := range []struct {
		dict *pattern.Dictionary
		want string
	}{
		{nil, ""},
		{&pattern.Dictionary{Lexer: pattern.Version}, ""},
		{&pattern.Dictionary{}, "do not record their lexing rules"},
		{&pattern.Dictionary{Lexer: pattern.Version + 1}, fmt.Sprintf("with lexing rules %d", pattern.Version+1)},
	} {
		c := &collector{opts: Options{Grouping: aggregate.Grouping{Dictionary: tt.dict}}}
		w := warner{}
		c.warnGrouping(&w, &profile.Profile{Design: profile.Design{Patterns: &pattern.Dictionary{K: 64}}})
		switch {
		case tt.want == "" && len(w.list) == 0:
		case len(w.list) != 1 || w.list[0].Code != "patterns-other-lexing" || !strings.Contains(w.list[0].Text, tt.want):
			t.Errorf("%+v: warnings %v, want one with %q", tt.dict, w.list, tt.want)
		}
	}
}

func TestGroupingWarnings(t *testing.T) {
	for _, tt := range []struct {
		p     profile.Profile
		rules []string
		want  []string
	}{
		{profile.Profile{Design: profile.Design{Patterns: &pattern.Dictionary{K: 64}}}, nil, nil},
		{profile.Profile{Design: profile.Design{Patterns: &pattern.Dictionary{K: 8, Degraded: true}}}, nil, []string{"patterns-degraded"}},
		{
			profile.Profile{
				Design:     profile.Design{Patterns: &pattern.Dictionary{K: 64}},
				Namespaces: []profile.Namespace{{Pattern: profile.OtherPattern, Other: true}},
			},
			[]string{"^x=y"},
			[]string{"namespaces-limited", "rule-unused"},
		},
	} {
		w := warner{}
		(&collector{unusedRules: tt.rules}).warnGrouping(&w, &tt.p)
		var got []string
		for _, warning := range w.list {
			got = append(got, warning.Code)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("warnings %v, want %v", got, tt.want)
		}
	}
}
