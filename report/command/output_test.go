package command

import (
	"errors"
	"strings"
	"testing"

	"keyprof/report/alarm"
	"keyprof/sampler/profile"
)

func TestListVerdict(t *testing.T) {
	parsed := func(text string) *alarm.Condition {
		c, err := alarm.Parse(text, alarm.TwoProfiles)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gone := &profile.Namespace{DB: 2, Pattern: "cart:\n<uuid>"}
	fewer, days, more := parsed("new_keys < -5 in cart:*"), parsed("days_to_empty < 14"), parsed("new_bytes > 1GiB")
	var stderr strings.Builder
	err := listVerdict(&stderr, alarm.Verdict{
		Findings: []alarm.Finding{
			{Condition: fewer, Namespace: gone, Figure: "-7"},
			{Condition: days, OfAll: true, Figure: "8.0 days"},
			{Condition: more, Figure: "+2.00 GiB"},
		},
		Doubts: []alarm.Doubt{{Condition: fewer, Namespace: gone, Reason: "reason", More: 1}},
	})
	const want = `keyprof: warning: fail-on: new_keys < -5 in cart:*: unknown for "cart:\n<uuid>" (db2) and 1 more: reason
keyprof: fail-on: new_keys < -5 in cart:*: "cart:\n<uuid>": -7 (db2)
keyprof: fail-on: days_to_empty < 14: 8.0 days
keyprof: fail-on: new_bytes > 1GiB: +2.00 GiB over all keys
`
	var holding *alarmError
	if got := stderr.String(); got != want || !errors.As(err, &holding) || holding.holding != 3 {
		t.Errorf("error %v, listed:\n%s", err, got)
	}
	if err := listVerdict(&stderr, alarm.Verdict{}); err != nil {
		t.Error(err)
	}
}
