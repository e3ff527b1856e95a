package command

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// usageError is a mistake on the command line.
type usageError struct{ problem, hint string }

func (e *usageError) Error() string { return e.problem }

// flagError returns an error for a value that a flag rejects. The reason is err, or
// problem if err is nil.
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

// keysOf returns the long names of the flags that a configuration file may set. Flags
// that hold a password are not among them.
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

// nearestHint suggests the key that is most similar to word, or lists all keys.
func nearestHint(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %q? See keyprof help config", near)
	}
	return "valid here are " + strings.Join(candidates, ", ")
}

// nearest returns the candidate most similar to word by the library's measure, or "" if
// the two begin differently: the library finds a candidate for any word.
func nearest(word string, candidates []string) string {
	var flags []cli.Flag
	for _, c := range candidates {
		flags = append(flags, &cli.BoolFlag{Name: c})
	}
	typed := strings.ReplaceAll(strings.ToLower(word), "_", "-")
	near := strings.TrimLeft(cli.SuggestFlag(flags, typed, true), "-")
	if near == "" || near[:1] != typed[:1] {
		return ""
	}
	return near
}
