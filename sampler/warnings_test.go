package sampler

import (
	"slices"
	"testing"

	"keyprof/sampler/profile"
)

func TestGroupingWarnings(t *testing.T) {
	for _, tt := range []struct {
		p     profile.Profile
		rules []string
		want  []string
	}{
		{profile.Profile{Design: profile.Design{Patterns: &profile.Patterns{K: 64}}}, nil, nil},
		{profile.Profile{Design: profile.Design{Patterns: &profile.Patterns{K: 8, Degraded: true}}}, nil, []string{"patterns-degraded"}},
		{
			profile.Profile{
				Design:     profile.Design{Patterns: &profile.Patterns{K: 64}},
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
