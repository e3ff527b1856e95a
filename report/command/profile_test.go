package command

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"keyprof/report"
	"keyprof/report/redact"
	"keyprof/sampler/profile/profiletest"
)

// A profile that cannot be saved since it is not valid is printed, however it was to
// be delivered, and no disk is blamed.
func TestNotValidProfileIsPrinted(t *testing.T) {
	p := profiletest.Full()
	p.Receipt.ElapsedS = -1
	for name, o := range map[string]profileOptions{
		"a file, quietly":   {Output: filepath.Join(t.TempDir(), "p.json"), Quiet: true},
		"standard output":   {Output: "-"},
		"a report, as JSON": {Report: report.Options{Format: report.JSON}},
		"a history":         {History: &historyOptions{}, Output: filepath.Join(t.TempDir(), "p.json")},
	} {
		var out, problems bytes.Buffer
		failed, _ := o.deliver(redact.Shareable{Profile: p}, nil, &out, &problems)
		if failed == nil || !strings.Contains(failed.Error(), "elapsed_s: negative") {
			t.Errorf("%s: %v", name, failed)
			continue
		}
		if hint := hintFor(failed, ""); hint != notValidHint {
			t.Errorf("%s: hint %q", name, hint)
		}
		if n := strings.Count(out.String(), "What this cost the server"); n != 1 {
			t.Errorf("%s: %d reports", name, n)
		}
	}
}
