// Package command implements keyprof's command line: its commands, their flags,
// and what they print.
package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"keyprof/sampler/profile"
)

// version is the release that Main was given.
var version = "devel"

const appDescription = `Shows which namespaces hold the memory, which keys never expire, and which keys
nobody touches. It changes no data and limits its load: see keyprof help safety.

Examples:
  keyprof check redis://replica.internal:6379
  keyprof profile redis://replica.internal:6379
  keyprof profile -o tonight.json.zst redis://replica.internal:6379
  keyprof report --under session: tonight.json.zst
  keyprof diff monday.json.zst tuesday.json.zst`

// Main runs the command line in os.Args and returns the exit code of the process.
// keyprof reports release as its version.
func Main(release string) int {
	version = release
	hideArguments()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, interrupt := context.WithCancelCause(context.Background())
	code := make(chan int, 1)
	go func() { code <- run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr) }()
	exit := await(code, signals, interrupt)
	profile.RemoveUnfinished()
	return exit
}

// run is the whole program, so that tests can call it. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	app := newApp(stdin, out, stderr)
	err := runApp(ctx, app, &args)
	if failed := out.failed(); err == nil && failed != nil { // help, for one, ignores write errors
		err = &hintedError{error: failed, hint: writingHint}
	}
	printError(hideIn(stderr, app, args), err, helpCommand(app, args))
	return exitCode(err)
}

// runApp runs the command line in args, or prints completions for it. It inserts a
// missing command into args.
func runApp(ctx context.Context, app *cli.App, args *[]string) error {
	if last := len(*args) - 1; last > 0 && (*args)[last] == completionFlag {
		return offerCompletions(ctx, app, (*args)[:last])
	}
	complete, err := withCommand(app, *args)
	if err != nil {
		return err
	}
	*args = complete
	ordered, err := flagsFirst(app, complete)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, ordered)
}

// helpCommand returns the command that prints help on the flags in use.
func helpCommand(app *cli.App, args []string) string {
	if len(args) > 1 && app.Command(args[1]) != nil {
		return "keyprof " + args[1] + " --help lists flags and examples"
	}
	return "keyprof help lists all commands"
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:        "keyprof",
		Usage:       "profile live Redis and Valkey keyspaces",
		UsageText:   "keyprof COMMAND [flags] [arguments]",
		Description: appDescription,
		Reader:      stdin, Writer: stdout, ErrWriter: stderr,
		Version:                   version,
		DisableSliceFlagSeparator: true,
		// Only run turns errors into exit codes, so that deferred calls are not
		// skipped.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action:         noCommand,
		Flags:          []cli.Flag{cli.HelpFlag}, // the library adds it only with its own help command
		Commands:       []*cli.Command{profileCommand(), checkCommand(), reportCommand(), diffCommand(), patternsCommand(), schemaCommand(), completionCommand(), manCommand(), versionCommand(), topicCommand()},
	}
	for _, c := range app.Commands {
		if c.Name != "profile" && c.Name != "check" { // these two handle interrupts by themselves
			c.Action = interruptible(c.Action)
		}
		c.OnUsageError = onUsageError // commands do not inherit the app's
		configurable(c)
		c.UsageText = usageLine(c)
	}
	return app
}

// noCommand handles a first argument that is not a command.
func noCommand(c *cli.Context) error {
	if c.NArg() == 0 {
		if err := cli.ShowAppHelp(c); err != nil || os.Getenv("KEYPROF_URL") == "" {
			return err
		}
		_, err := fmt.Fprintln(c.App.Writer, "\nKEYPROF_URL is set: `keyprof profile` profiles it.")
		return err
	}
	const all = "keyprof help lists all commands"
	word := c.Args().First()
	unknown := &usageError{problem: fmt.Sprintf("unknown command %q", word), hint: all}
	if near := nearest(word, namesOf(shownCommands(c.App))); near != "" {
		unknown.hint = fmt.Sprintf("did you mean keyprof %s? %s", near, all)
	}
	if word == "localhost" || strings.Contains(word, ".") { // perhaps the name of a server
		unknown.hint = fmt.Sprintf("keyprof profile %s profiles the server of that name; %s", word, all)
	}
	return unknown
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		Description: "Examples:\n  keyprof version",
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.App.Writer, "keyprof", version)
			return err
		},
	}
}

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:        "schema",
		Usage:       "print the JSON Schema of the profile document",
		Description: "Examples:\n  keyprof schema > keyprof.schema.json",
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			_, err := c.App.Writer.Write(profile.Schema())
			return err
		},
	}
}
