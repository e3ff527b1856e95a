package redistest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMonitorSeesEveryCommand(t *testing.T) {
	s := New(t)
	client := s.Client()
	client.Set(t.Context(), "before", "x", 0)
	m := NewMonitor(t, s)
	hard := "a\xff\x00\n\r\t\a\b\"\\ ]é"
	client.Set(t.Context(), hard, "", 0)
	client.Do(t.Context(), "Memory", "Usage", hard)
	got, err := m.Stop()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"set", hard, ""}, {"memory", "Usage", hard}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMonitorsDoNotMixUpTheirEnds(t *testing.T) {
	s := New(t, "--requirepass", "x")
	a, b := NewMonitor(t, s), NewMonitor(t, s)
	if _, err := a.Stop(); err != nil {
		t.Error(err)
	}
	s.Client().ConfigGet(t.Context(), "save")
	got, err := b.Stop()
	if err != nil {
		t.Error(err)
	}
	want := [][]string{{"hello", "3", "auth", "(redacted)", "(redacted)"}} // and no CONFIG
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMonitorFailsWhenTheServerDies(t *testing.T) {
	s := New(t)
	m := NewMonitor(t, s)
	s.Kill()
	if _, err := m.Stop(); err == nil {
		t.Error("no error")
	}
}

func TestParseMonitorLine(t *testing.T) {
	for _, bad := range []string{"", "+OK\r\n", `+1.2 [0 lua] `, `+1.2 [0 x:1] "open`, `+1.2 [0 x:1] bare`} {
		if args, err := parseMonitorLine(bad); err == nil {
			t.Errorf("%q gave %q", bad, args)
		}
	}
}
