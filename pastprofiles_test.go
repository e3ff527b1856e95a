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
	past, err := openHistory(&historyOptions{Dir: dir, Label: "prod", Keep: 90, Compare: true}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer past.close()
	tonight := profiletest.Fold()
	tonight.Label, tonight.Began = "prod", tonight.Began.AddDate(0, 0, 30)
	tonight.Ended = tonight.Began.Add(time.Minute)
	for range 2 { // what is wrong is told once
		c := past.changes(tonight)
		if c == nil || c.Old.Began.Format("01-02") != "12-10" {
			t.Fatalf("tonight is compared with %+v", c)
		}
	}
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "passing over "+foreign) {
		t.Errorf("warnings: %s", got)
	}
	past.options.Compare = false
	if past.changes(tonight) != nil {
		t.Error("a comparison that nobody asked for")
	}
}

// On the first night there is nothing to compare with, and nothing to warn of; later
// there should be.
func TestNothingToCompareWith(t *testing.T) {
	dir := t.TempDir()
	var stderr bytes.Buffer
	past, err := openHistory(&historyOptions{Dir: dir, Label: "prod", Keep: 90, Compare: true}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer past.close()
	if past.changes(profiletest.Fold()) != nil || stderr.Len() > 0 {
		t.Errorf("the first night: %s", stderr.String())
	}
	nights(t, dir, 1) // an incomplete one
	if past.changes(profiletest.Fold()) != nil || !strings.Contains(stderr.String(), "holds no complete profile of prod") {
		t.Errorf("after an incomplete night: %s", stderr.String())
	}
}

// Without --save-dir there is nothing to do anywhere.
func TestNoHistory(t *testing.T) {
	past, err := openHistory(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if past.changes(profiletest.Fold()) != nil || past.save(profiletest.Fold()) != nil {
		t.Error("a run without a history has one")
	}
	past.close()
}
