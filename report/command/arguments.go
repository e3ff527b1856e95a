package command

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// withCommand returns a command line that has a command: a first argument that is a
// server's URL or address, or a flag of profile, means keyprof profile. The name of a
// command takes precedence.
func withCommand(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 || app.Command(args[1]) != nil {
		return args, nil
	}
	first := args[1]
	profiles := slices.Insert(slices.Clone(args), 1, "profile")
	switch info, err := os.Stat(first); {
	case strings.Contains(first, "://"):
		return profiles, nil
	case first == "-h" && isHost(args[2:]) && app.Command(args[2]) != nil:
		return []string{args[0], args[2], "--help"}, nil
	case first == "-h" && !isHost(args[2:]):
		return args, nil
	case strings.HasPrefix(first, "-") && ofProfile(app.Command("profile"), first):
		return profiles, nil
	case err == nil && !info.IsDir():
		return nil, &usageError{
			problem: fmt.Sprintf("%q is a file, not a command", first),
			hint:    fmt.Sprintf("keyprof report %s prints a saved profile", first),
		}
	case endsInPort.MatchString(first):
		return profiles, nil
	}
	return args, nil
}

// ofProfile reports whether an argument is a flag of the profile command, or a flag of
// redis-cli for which that command has a hint.
func ofProfile(profile *cli.Command, arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name == "h" || foreignHint(profile, name) != "" ||
		slices.ContainsFunc(profile.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// isHost reports whether -h is followed by a host, as in redis-cli, and is not short
// for --help. rest holds the arguments after -h.
func isHost(rest []string) bool { return len(rest) > 0 && !strings.HasPrefix(rest[0], "-") }

// flagsFirst moves a command's flags before its arguments. Users type flags anywhere,
// but the library takes everything after the first argument as arguments.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	command := app.Command(args[1])
	if command == nil {
		return args, nil
	}
	connects := findFlag(command, "host") != nil
	if wantsHelp(args[2:], connects) {
		return []string{args[0], args[1], "--help"}, nil
	}
	takesValue := valueFlags(command)
	flags, arguments := []string{args[0], args[1]}, []string(nil)
	for rest := args[2:]; len(rest) > 0; {
		arg := rest[0]
		rest = rest[1:]
		if arg == "-h" && connects {
			arg = "--host"
		}
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

// wantsHelp reports whether the command line asks for help. The library would take an
// argument beside --help as the name of a command. In a command that connects, -h HOST
// names the host, as in redis-cli.
func wantsHelp(args []string, connects bool) bool {
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case arg == "--help", arg == "-h" && !(connects && isHost(args[i+1:])):
			return true
		}
	}
	return false
}

// valueFlags returns the names of the flags that take a value from the next argument.
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

// oneArgument returns the command's only argument, or "" if it has none.
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

// foreignHint returns the alternative to a flag that users expect, such as one of
// redis-cli, and that the command lacks. It returns "" for any other flag.
func foreignHint(command *cli.Command, name string) string {
	has := func(flag string) bool { return findFlag(command, flag) != nil }
	switch name {
	case "i", "sleep":
		if has("rate") {
			return "--rate KEYS scans at most so many keys a second, --max-load SHARE limits the load on the server"
		}
		return "keyprof profile has --rate KEYS and --max-load SHARE: see keyprof help safety"
	case "pattern":
		if has("match") {
			return "--match GLOB scans only keys that match; --pattern-rule REGEX=NAME makes a namespace of them"
		}
		return "--under PREFIX shows only the namespaces that begin with it: see keyprof help namespaces"
	case "csv", "json", "html":
		return formatHint(command, name)
	case "limit":
		if has("sample") {
			return "--top N lists so many namespaces, --sample N measures so many keys"
		}
		return "--top N lists so many namespaces"
	case "bigkeys", "memkeys":
		return "keyprof profile lists the largest keys and the largest namespaces without a flag"
	case "watch":
		return "keyprof profile --save-dir DIR --diff prints what changed since the last run: see keyprof help history"
	}
	return ""
}

func formatHint(command *cli.Command, format string) string {
	formats := flagWords(command.Name, "format")
	switch {
	case findFlag(command, "format") == nil:
		return "keyprof report --format " + format + " FILE prints a saved profile in that format"
	case slices.Contains(formats, format):
		return "write --format " + format
	default:
		return "--format takes " + strings.Join(formats, ", ")
	}
}
