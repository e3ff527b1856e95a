package command

import (
	"context"
	"io"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"keyprof/sampler"
)

// await is the exit code of a run that the first signal ends in an orderly way
// and the second at once.
func await(code <-chan int, signals <-chan os.Signal, interrupt context.CancelCauseFunc) int {
	select {
	case c := <-code:
		return c
	case <-signals:
		interrupt(sampler.ErrInterrupted)
	}
	select {
	case c := <-code:
		return c
	case <-signals:
		return exitInterrupted
	}
}

// interruptible is an action that the first signal ends, whatever it does.
func interruptible(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		_, err := untilInterrupted(c.Context, func() (struct{}, error) { return struct{}{}, action(c) })
		return err
	}
}

// untilInterrupted is what work returns, unless it is interrupted: to read a file may
// take for ever, and to print what it holds may, too. Work goes on until the process
// ends, which is soon.
func untilInterrupted[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := work()
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return *new(T), errInterruptedReading
	}
}

// urlStart is how an argument may begin that holds a URL: with the flag, and with the
// scheme.
var urlStart = regexp.MustCompile(`^(?:-{0,2}[A-Za-z-]+=)?(?:(?:rediss?|unix)://)?`)

// passwordFlags are the flags of which the value is a password.
var passwordFlags = []string{"-a", "--a", "-pass", "--pass"}

// secretIn returns where in args[i] a password may stand: that of a flag, or of a URL;
// an empty stretch if it has none.
func secretIn(args []string, i int) (start, end int) {
	arg := args[i]
	if i > 0 && slices.Contains(passwordFlags, args[i-1]) {
		return 0, len(arg)
	}
	if name, _, found := strings.Cut(arg, "="); found && slices.Contains(passwordFlags, name) {
		return len(name) + 1, len(arg)
	}
	return passwordIn(arg)
}

// passwordIn is where in an argument a user name and password may stand, that of a
// URL, with a scheme, a mistyped one, or none; an empty stretch if it has none. People
// put the one in the place of the other, and do not escape what should be.
func passwordIn(arg string) (start, end int) {
	start, at := len(urlStart.FindString(arg)), lastAt(arg)
	if at < start {
		return 0, 0
	}
	return start, at
}

// lastAt is where the last @ of an argument stands, or, if it has none, the last that
// is percent-encoded; -1 if it has neither.
func lastAt(arg string) int {
	if at := strings.LastIndexByte(arg, '@'); at >= 0 {
		return at
	}
	return strings.LastIndex(arg, "%40")
}

// hiding is a writer of messages that hides what stands before an @ in arguments that
// may be URLs. A library or the system may quote them, as they are, in quotes, or
// decoded.
type hiding struct {
	io.Writer
	*strings.Replacer
}

func (h hiding) Write(p []byte) (int, error) {
	_, err := h.WriteString(h.Writer, string(p))
	return len(p), err
}

// hideIn hides the passwords of a command line in messages.
func hideIn(w io.Writer, app *cli.App, args []string) hiding {
	var pairs []string
	for _, arg := range append(urlsIn(app, args), os.Getenv("KEYPROF_URL")) {
		start, end := passwordIn(arg)
		if start == end {
			continue
		}
		text := arg[start:end]
		quoted := strconv.Quote(text)
		forms := []string{text, quoted[1 : len(quoted)-1]}
		if decoded, err := url.PathUnescape(text); err == nil {
			forms = append(forms, decoded)
		}
		for _, form := range forms {
			pairs = append(pairs, printable(form)+"@", "***@", printable(form)+"%40", "***@")
		}
	}
	return hiding{w, strings.NewReplacer(pairs...)}
}

// nameFlags are the flags in whose values an @ is part of a name.
var nameFlags = []string{"fail-on", "match", "pattern-rule", "under"}

// urlsIn are the arguments that may be URLs, in whatever place. Those of commands that
// read files may be paths, in which an @ may stand: one that has a colon before it, or
// ends in a port, is a URL.
func urlsIn(app *cli.App, args []string) (urls []string) {
	if len(args) < 2 {
		return nil
	}
	command := app.Command(args[1])
	if command == nil {
		return args[1:]
	}
	readsFiles := findFlag(command, "config") != nil && findFlag(command, "url") == nil
	for i, arg := range args[2:] {
		name, _, _ := strings.Cut(arg, "=")
		at := lastAt(arg)
		switch {
		case at < 0, ofNames(name), ofNames(args[i+1]):
		case !readsFiles, strings.Contains(arg[:at], ":"), strings.HasPrefix(arg, "redis"), endsInPort.MatchString(arg):
			urls = append(urls, strings.TrimLeft(arg, "-"))
		}
	}
	return urls
}

var endsInPort = regexp.MustCompile(`:\d+(?:/\d*)?$`)

// ofNames reports whether an argument is one of nameFlags.
func ofNames(arg string) bool {
	name := strings.TrimLeft(arg, "-")
	return name != arg && slices.Contains(nameFlags, name)
}

// limitProcessors lets Go code run on at most n processors until it is undone. A walk
// at full speed has two busy goroutines, one that reads and one that groups. On two
// processors each waits for the other in turn and must be woken, which costs the walk
// time, and the server, too, if it is on this machine. Walks that are paced want more:
// what is felt on the probe connection sets the size of their pages, and should not be
// what another goroutine kept from it. Where GOMAXPROCS is set, that is left as it is.
// Not for concurrent use.
func limitProcessors(n int) (undo func()) {
	if set, _ := strconv.Atoi(os.Getenv("GOMAXPROCS")); set > 0 { // what else it may hold, the runtime ignores
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(min(n, before))
	return func() { runtime.GOMAXPROCS(before) }
}
