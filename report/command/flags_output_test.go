package command

import (
	"regexp"
	"strings"
	"testing"

	"keyprof/report/alarm"
)

// Help names all metrics where they can be used, and no others.
func TestFailOnHelpListsMetrics(t *testing.T) {
	for _, list := range [][]alarm.Metric{alarm.Metrics(), alarm.ChangeMetrics()} {
		for _, m := range list {
			line := regexp.MustCompile(`(?m)^  ` + m.Name + ` +` + regexp.QuoteMeta(m.Help) + `$`)
			_, err := alarm.Parse(m.Name+" > 0 in *", alarm.OneProfile)
			ofChange := err != nil && strings.Contains(err.Error(), "compares two profiles")
			if line.MatchString(failOnHelp) == ofChange || !line.MatchString(failOnDiffHelp) {
				t.Errorf("%s: of profiles: %v, of comparisons: %v", m.Name, line.MatchString(failOnHelp), line.MatchString(failOnDiffHelp))
			}
		}
	}
	for line := range strings.SplitSeq(failOnHelp+"\n"+failOnDiffHelp, "\n") {
		if len(line) > 90 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}
