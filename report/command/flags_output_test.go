package command

import (
	"strings"
	"testing"

	"keyprof/report/alarm"
)

// The topic of alarms lists all metrics, those of a change apart from the others.
func TestTopicListsMetrics(t *testing.T) {
	topic, _ := findTopic("alarms")
	ofProfile, ofChange, found := strings.Cut(topic.text, "## Metrics of a change")
	if !found {
		t.Fatal("there is no section of metrics of a change")
	}
	for _, list := range [][]alarm.Metric{alarm.Metrics(), alarm.ChangeMetrics()} {
		for _, m := range list {
			_, err := alarm.Parse(m.Name+" > 0 in *", alarm.OneProfile)
			section := ofProfile
			if err != nil && strings.Contains(err.Error(), "compares two profiles") {
				section = ofChange
			}
			if !strings.Contains(section, "\n| `"+m.Name+"` ") {
				t.Errorf("keyprof help alarms does not list %s", m.Name)
			}
		}
	}
}
