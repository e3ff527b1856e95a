package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// usageError is a mistake on the command line.
type usageError struct{ problem, hint string }

func (e *usageError) Error() string { return e.problem }

// flagError is a value that a flag does not take: err says why, else problem.
func flagError(flag string, err error, problem string) error {
	if err != nil {
		return &usageError{problem: fmt.Sprintf("--%s: %v", flag, err)}
	}
	return &usageError{problem: fmt.Sprintf("--%s %s", flag, problem)}
}

func findFlag(command *cli.Command, name string) cli.Flag {
	for _, f := range command.Flags {
		if f.Names()[0] == name {
			return f
		}
	}
	return nil
}

// keysOf returns the long names of the flags that a file may set: a password has no
// place there.
func keysOf(command *cli.Command) []string {
	var keys []string
	for _, f := range command.Flags {
		if name := f.Names()[0]; name != "config" && name != "help" && name != "pass" {
			keys = append(keys, name)
		}
	}
	return keys
}

func namesOf(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

// nearestHint is the candidate that was probably meant, or else all.
func nearestHint(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "valid here are " + strings.Join(candidates, ", ")
}

// nearest is the candidate that was probably meant, empty if none is like word.
func nearest(word string, candidates []string) string {
	typed := strings.ReplaceAll(strings.ToLower(word), "_", "-")
	distance := func(a string) int { return smetrics.WagnerFischer(typed, a, 1, 1, 1) }
	near := slices.MinFunc(candidates, func(a, b string) int { return distance(a) - distance(b) })
	if distance(near) <= max(1, (len(word)+1)/3) { // 2 letters in the wrong order count 2
		return near
	}
	return ""
}

func list[T ~string](items []T) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = string(item)
	}
	return strings.Join(words, ", ")
}
