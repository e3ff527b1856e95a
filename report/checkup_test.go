package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"keyprof/sampler/profile"
)

// hostileResult has in every text what must not reach a terminal.
func hostileResult() *profile.Checkup {
	const evil = "a\x1b[2J\u202e\u009b\nb\x00"
	return &profile.Checkup{
		Schema: profile.CheckupSchemaVersion, Tool: profile.Tool{Name: evil, Version: evil}, Checked: time.Unix(0, 0),
		Verdict: profile.VerdictImpossible, Reasons: []string{evil}, Hint: evil,
		Server: profile.CheckupServer{
			Address: evil, Role: evil, Engine: evil, Version: evil, Policy: evil,
			Link:      &profile.CheckupLink{Primary: evil, Status: evil},
			Databases: []profile.CheckupDatabase{{DB: 1, Selected: true, Refusal: evil}, {DB: 2, Keys: new(int64(3))}},
		},
		Measures: []profile.CheckupMeasure{{Measure: evil, Command: evil, Allowed: true}, {Measure: evil, Command: evil}},
		Missing:  []profile.Missing{{Measure: evil, Node: evil, Reason: evil, Remedy: evil}},
		Scan:     profile.ScanAllowed, ACL: profile.CheckupACL{User: evil, Add: evil, Own: evil},
		Walk:     profile.CheckupWalk{MaxLoad: 1, Page: 1, Match: evil, KeyCPUS: &profile.CheckupRange{Lo: 1e-6, Hi: 3e-6}, Basis: []string{evil}},
		Warnings: []profile.Warning{{Code: evil, Scope: evil, Text: evil}}, Commands: map[string]int64{evil: 1},
	}
}

func checkupText(t *testing.T, r *profile.Checkup, f Format) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteCheckup(&out, r, Options{Format: f}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCheckupIsSafe(t *testing.T) {
	for _, format := range CheckupFormats() {
		text := checkupText(t, hostileResult(), format)
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && profile.Hidden(r) }) {
			t.Errorf("%s holds what a terminal obeys: %q", format, text)
		}
	}
	var back profile.Checkup
	if err := json.Unmarshal([]byte(checkupText(t, hostileResult(), JSON)), &back); err != nil || back.Hint != hostileResult().Hint {
		t.Errorf("read back: %q, %v", back.Hint, err)
	}
	if err := WriteCheckup(&bytes.Buffer{}, hostileResult(), Options{Format: CSV}); err == nil {
		t.Error("csv is no format of a check")
	}
}

// If INFO is refused, the number of keys is unknown, and the text gives figures for a
// million keys.
func TestCheckupWithoutKeys(t *testing.T) {
	text := checkupText(t, hostileResult(), Text)
	for _, want := range []string{"unknown, as INFO is refused. A million keys would take 1s to 3s", "No profile can be made.", "only db1; not db2 (3 keys by INFO)"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// A command is one line however long it is, to be copied.
func TestCheckupCommandsAreWhole(t *testing.T) {
	r := hostileResult()
	r.ACL = profile.CheckupACL{User: "prof", Add: "ACL SETUSER prof " + strings.Repeat("+memory|usage ", 30) + "+scan"}
	if text := checkupText(t, r, Text); !strings.Contains(text, "\n  "+r.ACL.Add+"\n") {
		t.Errorf("the command is broken:\n%s", text)
	}
}
