package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
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
