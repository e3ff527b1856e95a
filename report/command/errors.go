package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
)

// The exit codes, as the README lists them.
const (
	exitDone        = 0
	exitFailed      = 1 // nothing usable was written
	exitUsage       = 2
	exitIncomplete  = 4 // a profile was written and says which part is missing; check: a profile would be incomplete
	exitAlarm       = 5 // a condition of --fail-on holds
	exitInterrupted = 130
)

// exitStatusHelp lists the exit codes for users.
const exitStatusHelp = `  0    done
  1    failed: nothing usable was written
  2    usage: a bad flag, argument or URL
  4    incomplete: a profile was written, and says what is missing
  5    a condition of --fail-on holds; results were written all the same
  130  interrupted: a partial profile was written, unless interrupted twice`

// hintedError is an error with a hint on what to do about it.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// failures holds several errors, which are printed one by one.
type failures []error

func (f failures) Error() string   { return errors.Join(f...).Error() }
func (f failures) Unwrap() []error { return f }

// failuresOf returns the errors that are not nil: nil, the only one, or failures.
func failuresOf(errs ...error) error {
	var all failures
	for _, err := range errs {
		switch several := failures(nil); {
		case errors.As(err, &several):
			all = append(all, several...)
		case err != nil:
			all = append(all, err)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	default:
		return all
	}
}

// incompleteError reports that the profile that was written is incomplete.
type incompleteError struct{ reason, hint string }

func (e *incompleteError) Error() string { return "the profile is incomplete: " + e.reason }

// lackingError reports that a profile would be incomplete.
type lackingError struct{ reason string }

func (e *lackingError) Error() string { return "a profile would lack " + e.reason }

// alarmError reports that conditions hold. They have already been listed.
type alarmError struct{ holding int }

func (e *alarmError) Error() string {
	return fmt.Sprintf("%s of --fail-on hold", unit.FormatCount(int64(e.holding)))
}

// errInterruptedEarly reports an interrupt before the scan began.
var errInterruptedEarly = fmt.Errorf("%w before the scan began", sampler.ErrInterrupted)

// errInterruptedReading reports an interrupt before files were read and their contents
// printed.
var errInterruptedReading = fmt.Errorf("%w while reading files", sampler.ErrInterrupted)

// exitCode is the only function that maps errors to exit codes.
func exitCode(err error) int {
	var usage *usageError
	var incomplete *incompleteError
	var alarm *alarmError
	var lacking *lackingError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, sampler.ErrInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &incomplete), errors.As(err, &lacking):
		return exitIncomplete
	case errors.As(err, &alarm):
		return exitAlarm
	default:
		return exitFailed
	}
}

// printError prints an error and what to do about it, a line each. help is the command
// that prints help on a mistake on the command line.
func printError(w io.Writer, err error, help string) {
	if alarm := (*alarmError)(nil); err == nil || errors.As(err, &alarm) {
		return // alarms have been listed
	}
	if several := failures(nil); errors.As(err, &several) {
		for _, one := range several {
			printError(w, one, help)
		}
		return
	}
	fmt.Fprintf(w, "keyprof: error: %s\n", oneLine(err.Error()))
	if hint := hintFor(err, help); hint != "" {
		fmt.Fprintf(w, "keyprof: hint: %s\n", oneLine(hint))
	}
}

func hintFor(err error, help string) string {
	var usage *usageError
	var hinted *hintedError
	var server *scanner.Error
	var incomplete *incompleteError
	switch {
	case errors.Is(err, errInterruptedEarly):
		return "nothing was written"
	case errors.Is(err, errInterruptedReading):
		return "what was printed, if anything, is incomplete"
	case errors.Is(err, sampler.ErrInterrupted):
		return "the figures cover the keys that were scanned before the interrupt"
	case errors.As(err, &usage):
		return cmp.Or(usage.hint, help)
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &server):
		return cmp.Or(server.Hint, "if the server is fine, run keyprof again; keyprof help stunnel lists the ways to connect")
	case errors.As(err, &incomplete):
		return cmp.Or(incomplete.hint, "the figures cover what was measured; the warnings of the report say what to do about it; then run it again for all keys")
	case errors.Is(err, profile.ErrNotValid):
		return notValidHint
	case errors.Is(err, syscall.ENOSPC):
		return "free some space"
	default:
		return "check that the file or address in the message exists and that you may use it"
	}
}

// withoutPath returns err for a message that already names the file.
func withoutPath(err error) error {
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}

// notSaved returns an error that a profile could not be saved, with a hint.
func notSaved(err error, hint string) error {
	return notWritten(fmt.Errorf("saving the profile: %w", err), hint)
}

// notWritten returns err with a hint, unless the profile itself is not valid.
func notWritten(err error, hint string) error {
	if errors.Is(err, profile.ErrNotValid) {
		hint = notValidHint
	}
	return &hintedError{error: err, hint: hint}
}

const notValidHint = "this is a bug in keyprof, and another disk would not help: please report it with the message; the report above has the figures of this run"

// Messages of the library, and of the package flag below it, about flags that they
// cannot parse.
var (
	undefinedFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	invalidValue  = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-+([a-zA-Z0-9-]+): (.*)$`)
	missingValue  = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	badSyntax     = regexp.MustCompile(`^bad flag syntax: (.*)$`)
)

// onUsageError rewords the library's errors about flags, and writes flags with two
// dashes.
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
		return &usageError{problem: m[1] + " is not a flag"}
	}
	return &usageError{problem: text}
}

func dashed(name string) string { return strings.Repeat("-", min(2, len(name))) + name }

// unknownFlag suggests the most similar flag. The app itself has no flags to suggest: a
// command must come first.
func unknownFlag(c *cli.Context, name string) error {
	if strings.HasPrefix(name, "a") || strings.HasPrefix(name, "pass") { // redis-cli's -aPASSWORD: do not repeat the password
		return &usageError{problem: "unknown flag -" + name[:1] + "...", hint: "give the password with REDISCLI_AUTH, --password-file or --askpass; -a takes it after a space"}
	}
	e := &usageError{problem: "unknown flag " + dashed(name)}
	if !isCommand(c) {
		return e
	}
	if e.hint = foreignHint(c.Command, name); e.hint != "" {
		return e
	}
	if near := nearest(name, append(keysOf(c.Command), "config", "help")); near != "" {
		e.hint = "did you mean --" + near + "? keyprof " + c.Command.Name + " --help lists all"
	}
	return e
}

// isCommand reports whether the context belongs to one of our commands, and not to the
// app.
func isCommand(c *cli.Context) bool {
	return c != nil && c.Command != nil && c.App.Command(c.Command.Name) != nil
}

// flagOf returns the flag of that name, short or long, or nil.
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

// notTaken explains why a flag rejects a value.
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
