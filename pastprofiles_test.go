package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

// nights saves a profile for each of n nights, of which every third is incomplete.
func nights(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		p := profiletest.Fold()
		p.Label, p.Began, p.Complete = "prod", p.Began.AddDate(0, 0, i), i%3 != 0
		p.Ended = p.Began.Add(time.Minute)
		name := "prod-" + p.Began.Format("2006-01-02T15-04-05Z") + ".json.zst"
		if err := profile.WriteFile(filepath.Join(dir, name), p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPreviousProfiles(t *testing.T) {
	dir := t.TempDir()
	nights(t, dir, 20)
	foreign := filepath.Join(dir, "prod-2999-01-01T00-00-00Z.json.zst")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	past, err := openHistory(&historyOptions{Dir: dir, Label: "prod", Keep: 90, Changes: true}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer past.close()
	var began []string
	for range 2 { // what is wrong is told once
		began = nil
		for _, s := range past.previous() {
			began = append(began, s.Profile.Began.Format("01-02"))
		}
	}
	if got := strings.Join(began, " "); got != "12-10 12-08 12-07 12-05 12-04 12-02 12-01 11-29" {
		t.Errorf("previous are %s", got)
	}
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "passing over "+foreign) {
		t.Errorf("warnings: %s", got)
	}
	past.options.Changes = false
	if previous := past.previous(); previous != nil {
		t.Errorf("%d profiles that nobody asked for", len(previous))
	}
}

// Without --save-dir there is nothing to do anywhere.
func TestNoHistory(t *testing.T) {
	past, err := openHistory(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if past.previous() != nil || past.save(profiletest.Fold()) != nil {
		t.Error("a run without a history has one")
	}
	past.close()
}
