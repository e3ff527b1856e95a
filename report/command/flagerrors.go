package command

import (
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// What the library and the package flag below it say of flags that they cannot
// read.
var (
	undefinedFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	invalidValue  = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-+([a-zA-Z0-9-]+): (.*)$`)
	missingValue  = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	badSyntax     = regexp.MustCompile(`^bad flag syntax: (.*)$`)
)

// onUsageError says in plain words, and with two dashes, what is wrong with a
// flag.
func onUsageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if m := undefinedFlag.FindStringSubmatch(text); m != nil {
		return unknownFlag(c, m[1])
	}
	if m := invalidValue.FindStringSubmatch(text); m != nil {
		return &usageError{problem: dashed(m[2]) + " " + m[1] + " is " + notTaken(flagOf(c, m[2]), m[3])}
	}
	if m := missingValue.FindStringSubmatch(text); m != nil {
		return &usageError{problem: "flag " + dashed(m[1]) + " needs a value"}
	}
	if m := badSyntax.FindStringSubmatch(text); m != nil {
		return &usageError{problem: m[1] + " is no flag"}
	}
	return &usageError{problem: text}
}

func dashed(name string) string { return strings.Repeat("-", min(2, len(name))) + name }

// unknownFlag suggests the flag that is most like it. A command must come first
// for there to be any.
func unknownFlag(c *cli.Context, name string) error {
	if strings.HasPrefix(name, "a") || strings.HasPrefix(name, "pass") { // redis-cli's -a, with a password
		return &usageError{problem: "unknown flag -" + name[:1] + "...", hint: "a password is given with REDISCLI_AUTH, --password-file or --askpass"}
	}
	e := &usageError{problem: "unknown flag " + dashed(name)}
	if !isCommand(c) {
		return e
	}
	if near := nearest(name, append(keysOf(c.Command), "config", "help")); near != "" {
		e.hint = "did you mean --" + near + "? keyprof " + c.Command.Name + " --help lists all"
	}
	return e
}

// isCommand reports whether the context is one of a command of ours, and not of
// the program alone.
func isCommand(c *cli.Context) bool {
	return c != nil && c.Command != nil && c.App.Command(c.Command.Name) != nil
}

// flagOf is the flag of that name, short or long; nil if there is none.
func flagOf(c *cli.Context, name string) cli.Flag {
	if !isCommand(c) {
		return nil
	}
	for _, f := range c.Command.Flags {
		for _, is := range f.Names() {
			if is == name {
				return f
			}
		}
	}
	return nil
}

// notTaken says why a flag does not take a value.
func notTaken(f cli.Flag, reason string) string {
	if strings.HasSuffix(reason, "out of range") {
		return "too large a number"
	}
	switch f.(type) {
	case *cli.IntFlag, *cli.Int64Flag:
		return "not a whole number"
	case *cli.Float64Flag:
		return "not a number"
	case *cli.DurationFlag:
		return "not a duration, such as 30s or 2m"
	case *cli.BoolFlag:
		return "neither true nor false"
	}
	return "not a value that it takes: " + reason
}
