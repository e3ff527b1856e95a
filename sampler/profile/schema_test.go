package profile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

var update = flag.Bool("update", false, "write schema.json anew")

func TestSchemaIsUpToDate(t *testing.T) {
	want := generateSchema(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(profile.Schema(), want) {
		t.Error("schema.json is not what the types say: run go test ./sampler/profile -run TestSchemaIsUpToDate -update")
	}
}

func TestSchemaTakesWhatWriteWrites(t *testing.T) {
	for name, p := range map[string]*profile.Profile{
		"full":       profiletest.Full(),
		"no keys":    profiletest.Fold(),
		"nil lists":  withoutLists(),
		"no measure": withoutMeasures(),
	} {
		if err := profiletest.ValidateSchema(plain(t, p)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	doc := string(plain(t, profiletest.Full()))
	for _, tt := range []struct{ name, old, new string }{
		{"another version", `"schema": 1,`, `"schema": 2,`},
		{"version as text", `"schema": 1,`, `"schema": "1",`},
		{"another tool", `"name": "keyprof"`, `"name": "rdb"`},
		{"null in the place of a list", `"examples": [`, `"examples": null, "x": [`},
		{"unknown member", `"label": "nightly"`, `"lable": "nightly"`},
		{"negative count", `"probed": 407`, `"probed": -1`},
		{"unknown measure", `"measure": "freq"`, `"measure": "weight"`},
		{"missing member", `"complete": false,`, ``},
		{"estimate that is a number", `"keys": {`, `"keys": 3, "x": {`},
		{"fraction of a key", `"returned": 400`, `"returned": 400.5`},
	} {
		broken := strings.Replace(doc, tt.old, tt.new, 1)
		if broken == doc {
			t.Errorf("%s: the document has no %s", tt.name, tt.old)
		}
		if !json.Valid([]byte(broken)) {
			t.Errorf("%s: no JSON any more", tt.name)
		}
		if err := profiletest.ValidateSchema([]byte(broken)); err == nil {
			t.Errorf("%s: passes", tt.name)
		}
	}
}

// plain is p as Write writes it, not compressed.
func plain(t testing.TB, p *profile.Profile) []byte {
	t.Helper()
	return written(t, p, profile.Plain)
}

// written is p as Write writes it.
func written(t testing.TB, p *profile.Profile, c profile.Compression) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := profile.Write(&b, p, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutLists is a profile in which no list is set.
func withoutLists() *profile.Profile {
	p := profiletest.Full()
	p.Missing, p.Nodes, p.Largest, p.Warnings = nil, []profile.Node{{}}, nil, nil
	p.Design.Databases, p.Receipt.Commands = nil, nil
	p.Namespaces = nil
	p.Totals = profile.Stats{
		Keys: profile.Exact(0),
		TTL:  &profile.TTLStats{},
		Idle: &profile.IdleStats{Measure: profile.IdleSinceAccess},
		Freq: &profile.FreqStats{},
	}
	return p
}

// withoutMeasures is a profile of a server that answers to SCAN alone.
func withoutMeasures() *profile.Profile {
	p := profiletest.Fold()
	p.Totals = profile.Stats{Probed: 3, Keys: profile.Exact(3)}
	p.Namespaces = []profile.Namespace{{Pattern: "a", Stats: p.Totals}}
	return p
}
