package command

import (
	"strings"
	"testing"

	"keyprof/report"
)

// On a terminal only examples are clipped, and left out where there is no room
// worth it.
func TestExamplesAreClipped(t *testing.T) {
	names := []string{"user:" + strings.Repeat("1", 30), "a", `q"` + "\xff"}
	for width, want := range map[int][]string{
		0:  {`user:<int>   such as "user:` + strings.Repeat("1", 30) + `"`, `<bin>   such as "q\"\xff"`, "1  33.3  a\n"},
		50: {`user:<int>   such as "user:1111111…` + "\n", `<bin>   such as "q\"\xff"`},
		30: {"user:<int>\n", "<bin>\n"},
	} {
		groups := groupsOf(names)
		var out strings.Builder
		writeGroupsText(&out, groups, 0, width)
		for line := range strings.Lines(out.String()) {
			if columns := report.Columns(strings.TrimSuffix(line, "\n")); width > 0 && columns > width {
				t.Errorf("width %d: %d columns: %s", width, columns, line)
			}
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("width %d: want %q in\n%s", width, text, out.String())
			}
		}
	}
}
