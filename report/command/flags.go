package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// flagsFirst puts a command's flags before its arguments. People type flags
// anywhere; the library takes what follows the first argument for arguments.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	command := app.Command(args[1])
	if command == nil {
		return args, nil
	}
	if wantsHelp(args[2:]) {
		return []string{args[0], args[1], "--help"}, nil
	}
	takesValue := valueFlags(command)
	flags, arguments := []string{args[0], args[1]}, []string(nil)
	for rest := args[2:]; len(rest) > 0; {
		arg := rest[0]
		rest = rest[1:]
		switch name := strings.TrimLeft(arg, "-"); {
		case arg == "--":
			arguments = append(arguments, rest...)
			rest = nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			arguments = append(arguments, arg)
		case takesValue[name]:
			if len(rest) == 0 {
				return nil, &usageError{problem: fmt.Sprintf("flag %s needs a value", arg)}
			}
			flags = append(flags, arg, rest[0])
			rest = rest[1:]
		default:
			flags = append(flags, arg)
		}
	}
	return append(append(flags, "--"), arguments...), nil
}

// wantsHelp reports whether help is asked for, among whatever else. The library
// would take an argument for the name of a command to help with.
func wantsHelp(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--help") || slices.Contains(args, "-h")
}

// valueFlags are the names of the flags that take a value from the next argument.
func valueFlags(c *cli.Command) map[string]bool {
	names := map[string]bool{}
	for _, f := range c.Flags {
		if _, isSwitch := f.(*cli.BoolFlag); isSwitch {
			continue
		}
		for _, name := range f.Names() {
			names[name] = true
		}
	}
	return names
}

// oneArgument is the command's only argument, empty when it has none.
func oneArgument(c *cli.Context, what string) (string, error) {
	if c.NArg() > 1 {
		return "", &usageError{problem: fmt.Sprintf("%s takes one %s, not %d", c.Command.Name, what, c.NArg())}
	}
	return c.Args().First(), nil
}

func noArguments(c *cli.Context) error {
	if c.NArg() > 0 {
		return &usageError{problem: c.Command.Name + " takes no arguments"}
	}
	return nil
}

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

// keysOf are the long names of the flags that a file may set.
func keysOf(command *cli.Command) []string {
	var keys []string
	for _, f := range command.Flags {
		if name := f.Names()[0]; name != "config" && name != "help" {
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
