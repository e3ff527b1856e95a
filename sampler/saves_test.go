package sampler_test

import (
	"slices"
	"strings"
	"testing"

	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// savesWarned returns the text of a profile's warning of a failed save.
func savesWarned(p *profile.Profile) string {
	i := slices.IndexFunc(p.Warnings, func(w profile.Warning) bool { return w.Code == "last-save-failed" })
	if i < 0 {
		return ""
	}
	return p.Warnings[i].Text
}

func TestLastSaveFailed(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	do(t, server.Client(), "set", "k", "x")
	if p := collect(t, server.URL(), fast()); savesWarned(p) != "" {
		t.Errorf("before: %q", savesWarned(p))
	}
	if err := server.FailSaves(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := savesWarned(collect(t, server.URL(), fast()))
	for _, want := range []string{"the last RDB save failed", "refuses writes (MISCONF)", "(rdb_last_bgsave_status:err). The server uses ", " of the machine's ", "the latest fork took "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	if strings.Contains(text, "overcommit") {
		t.Errorf("a small server is told of vm.overcommit_memory: %q", text)
	}
	if r := checkServer(t, server.URL(), fast()); !slices.Contains(codes(r), "last-save-failed") {
		t.Errorf("check: %q", codes(r))
	}
}

// A machine whose memory is in use by more than half.
func TestLastSaveFailedForLackOfMemory(t *testing.T) {
	t.Parallel()
	info := func(used string) func() string {
		return func() string {
			return oddInfo(used) + "# Persistence\r\nrdb_last_bgsave_status:ok\r\naof_last_bgrewrite_status:err\r\n# Memory\r\ntotal_system_memory:1000\r\nused_memory:" + used + "\r\n"
		}
	}
	for used, want := range map[string]bool{"501": true, "499": false} {
		text := savesWarned(walkOdd(t, &oddServer{info: info(used)}, fast()))
		if !strings.HasPrefix(text, "the last rewrite of the AOF failed") || strings.Contains(text, "vm.overcommit_memory is 1") != want {
			t.Errorf("%s of 1000 bytes: %q", used, text)
		}
	}
}
