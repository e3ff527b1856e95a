package command

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed topics/*.md
var topicFiles embed.FS

// topic is a chapter of the manual.
type topic struct {
	name  string // what to type after keyprof help
	title string // the first line without the name
	text  string // Markdown that reads well on a terminal
}

// topics returns the chapters of the manual, sorted by name.
func topics() []topic {
	files, _ := fs.Glob(topicFiles, "topics/*.md") // the pattern is valid
	var all []topic
	for _, file := range files {
		text, err := topicFiles.ReadFile(file)
		if err != nil {
			panic(err) // the file is part of the program
		}
		first, _, _ := strings.Cut(string(text), "\n")
		_, title, _ := strings.Cut(first, ": ")
		all = append(all, topic{strings.TrimSuffix(path.Base(file), ".md"), title, string(text)})
	}
	return all
}

func topicNames() []string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.name)
	}
	return names
}

// findTopic returns the topic of that name; ok is false if there is none.
func findTopic(name string) (t topic, ok bool) {
	all := topics()
	i := slices.IndexFunc(all, func(t topic) bool { return t.name == name })
	if i < 0 {
		return topic{}, false
	}
	return all[i], true
}

func topicCommand() *cli.Command {
	return &cli.Command{
		Name:            "help",
		Aliases:         []string{"h"},
		Usage:           "explain a topic or a command",
		ArgsUsage:       "[TOPIC|COMMAND]",
		HideHelpCommand: true,
		Description:     "Examples:\n  keyprof help\n  keyprof help sampling\n  keyprof help profile",
		Action: func(c *cli.Context) error {
			word, err := oneArgument(c, "topic or command")
			if err != nil {
				return err
			}
			return explain(c, word)
		},
	}
}

// explain prints a topic or the flags of a command. For a word that names both, it
// prints the topic and where to find the flags.
func explain(c *cli.Context, word string) error {
	if word == "" {
		return cli.ShowAppHelp(c)
	}
	command := c.App.Command(word)
	t, found := findTopic(word)
	switch {
	case found && command != nil:
		_, err := fmt.Fprintf(c.App.Writer, "%s\nkeyprof %s --help lists the flags.\n", t.text, word)
		return err
	case found:
		_, err := fmt.Fprint(c.App.Writer, t.text)
		return err
	case command != nil:
		return cli.ShowCommandHelp(c, word)
	}
	return &usageError{problem: fmt.Sprintf("unknown topic or command %q", word), hint: unknownTopicHint(c.App, word)}
}

func unknownTopicHint(app *cli.App, word string) string {
	names := append(namesOf(shownCommands(app)), topicNames()...)
	const all = "keyprof help lists topics and commands"
	if near := nearest(word, names); near != "" {
		return fmt.Sprintf("did you mean keyprof help %s? %s", near, all)
	}
	return all
}
