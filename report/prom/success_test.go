package prom

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

const success = "keyprof_last_success_timestamp_seconds{deployment=shop}"

// An incomplete run keeps the time of the last complete one, however often.
func TestLastSuccessIsCarriedOver(t *testing.T) {
	path := write(t, whole(), nil, 20)
	p := whole()
	p.Complete = false
	for range 3 {
		p.Began, p.Ended = p.Began.Add(24*time.Hour), p.Ended.Add(24*time.Hour)
		if err := WriteFile(path, p, nil, Options{Top: 20}); err != nil {
			t.Fatal(err)
		}
		got := read(t, path)
		if got[success] != timestamp(ended) || got["keyprof_last_run_timestamp_seconds{deployment=shop}"] != timestamp(p.Ended) || got["keyprof_run_complete{deployment=shop}"] != 0 {
			t.Error(got)
		}
	}
	p.Complete = true
	if err := WriteFile(path, p, nil, Options{Top: 20}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path)[success]; got != timestamp(p.Ended) {
		t.Errorf("after a complete run: %v", got)
	}
}

// An older file that does not tell is none.
func TestOlderFile(t *testing.T) {
	const line = "# TYPE keyprof_last_success_timestamp_seconds gauge\nkeyprof_last_success_timestamp_seconds"
	tests := []struct {
		name, text string
		want       float64 // 0: none
	}{
		{"good", line + "{deployment=\"shop\"} 1.7e9\n", 1.7e9},
		{"of two", line + "{deployment=\"mail\"} 1.6e9\nkeyprof_last_success_timestamp_seconds{deployment=\"shop\"} 1.7e9\n", 1.7e9},
		{"empty", "", 0},
		{"of another deployment", line + "{deployment=\"mail\"} 1.7e9\n", 0},
		{"of no deployment", line + " 1.7e9\n", 0},
		{"in the future", line + "{deployment=\"shop\"} 9e9\n", 0},
		{"negative", line + "{deployment=\"shop\"} -1\n", 0},
		{"not a number", line + "{deployment=\"shop\"} NaN\n", 0},
		{"infinite", line + "{deployment=\"shop\"} +Inf\n", 0},
		{"cut in a number", line + "{deployment=\"shop\"} 17", 0},
		{"cut in a label", line + "{deployment=\"shop", 0},
		{"damaged behind it", line + "{deployment=\"shop\"} 1.7e9\nkeyprof_run_complete{{{\n", 0},
		{"damaged", "\x00\xff{{{\n" + line + "{deployment=\"shop\"} 1.7e9\n", 0},
		{"another type", "# TYPE keyprof_last_success_timestamp_seconds counter\nkeyprof_last_success_timestamp_seconds{deployment=\"shop\"} 1.7e9\n", 0},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "keyprof.prom")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := whole()
		p.Complete = false
		if err := WriteFile(path, p, nil, Options{Top: 20}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := read(t, path)[success]; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzOlderFile(f *testing.F) {
	f.Add([]byte("# TYPE keyprof_last_success_timestamp_seconds gauge\nkeyprof_last_success_timestamp_seconds{deployment=\"shop\"} 1.7e9\n"))
	f.Add([]byte("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\n# HELP a b\n"))
	p := whole()
	p.Complete = false
	path := filepath.Join(f.TempDir(), "keyprof.prom")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if v := lastSuccess(path, p); v != nil && !(*v > 0 && *v <= timestamp(p.Ended)) {
			t.Errorf("%v", *v)
		}
	})
}
