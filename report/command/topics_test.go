package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every file of a topic is part of the program, and its first line names it.
func TestTopics(t *testing.T) {
	files, err := filepath.Glob("report/command/topics/*.md")
	if err != nil || len(files) < 10 || len(files) != len(topics()) {
		t.Fatalf("%d topics in the program, %d files (%v)", len(topics()), len(files), err)
	}
	listed := runHere(t, "help")
	for i, topic := range topics() {
		text, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if first := "# keyprof " + topic.name + ": " + topic.title; topic.title == "" || !strings.HasPrefix(string(text), first+"\n\n") {
			t.Errorf("%s does not begin with %q", files[i], first)
		}
		if !strings.HasPrefix(runHere(t, "help", topic.name), string(text)) {
			t.Errorf("keyprof help %s does not print %s", topic.name, files[i])
		}
		if !strings.Contains(listed, topic.name+"  ") || !strings.Contains(listed, "  "+topic.title+"\n") {
			t.Errorf("keyprof help does not list %s", topic.name)
		}
	}
}

// The topics lead to topics that there are.
func TestTopicsNameTopics(t *testing.T) {
	for _, topic := range topics() {
		for _, part := range strings.Split(topic.text, "`keyprof help ")[1:] {
			name, _, _ := strings.Cut(part, "`")
			if _, found := findTopic(name); !found && name != "TOPIC" {
				t.Errorf("%s leads to %q, which is no topic", topic.name, name)
			}
		}
	}
}
