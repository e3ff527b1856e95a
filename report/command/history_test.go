package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyprof/sampler/aggregate"
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
	for range 2 { // a problem is reported once
		c := past.changes(tonight)
		if c == nil || c.Old.Began.Format("01-02") != "12-10" {
			t.Fatalf("tonight is compared with %+v", c)
		}
	}
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "ignoring "+foreign) {
		t.Errorf("warnings: %s", got)
	}
	past.options.Compare = false
	if past.changes(tonight) != nil {
		t.Error("a comparison that nobody asked for")
	}
}

// dated saves a complete profile that began then.
func dated(t *testing.T, dir string, began time.Time) (path string) {
	t.Helper()
	p := profiletest.Fold()
	p.Label, p.Began, p.Ended = "prod", began, began.Add(time.Minute)
	path = filepath.Join(dir, "prod-"+began.Format("2006-01-02T15-04-05Z")+".json.zst")
	if err := profile.WriteFile(path, p); err != nil {
		t.Fatal(err)
	}
	return path
}

// One profile of a clock that was wrong does not stand for the last night as long as
// it stays.
func TestProfileOfTheFuture(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UTC().Truncate(time.Second)
	older, old := dated(t, dir, now.AddDate(0, 0, -2)), dated(t, dir, now.AddDate(0, 0, -1))
	future := dated(t, dir, now.AddDate(1, 0, 0))
	var stderr bytes.Buffer
	past, err := openHistory(&historyOptions{Dir: dir, Label: "prod", Keep: 2, Compare: true, Regroup: true}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer past.close()
	warned := func(stderr *bytes.Buffer) {
		t.Helper()
		if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "ignoring "+future+": ") {
			t.Errorf("warnings: %s", got)
		}
		stderr.Reset()
	}
	if _, err := past.grouping(aggregate.Grouping{}); err != nil {
		t.Error(err)
	}
	warned(&stderr)
	tonight := profiletest.Fold()
	tonight.Label, tonight.Began, tonight.Ended = "prod", now.Add(time.Second), now.Add(time.Minute)
	if c := past.changes(tonight); c == nil || c.Old.Source != old || stderr.Len() > 0 {
		t.Errorf("tonight is compared with %+v: %s", c, stderr.String())
	}

	sources, err := newestSources(dir, "prod", &stderr)
	if err != nil || len(sources) != 2 || sources[1].name != old {
		t.Errorf("keyprof diff compares %v, %v", sources, err)
	}
	warned(&stderr)

	if err := past.save(tonight); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, %s", err, stderr.String())
	}
	if newest, err := newestSources(dir, "prod", &stderr); err != nil || len(newest) != 2 || newest[0].name != old || !newest[1].Began.Equal(tonight.Began) {
		t.Errorf("there stay %v, %v", newest, err)
	}
	if _, err := os.Stat(older); err == nil {
		t.Error("nothing was pruned")
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
