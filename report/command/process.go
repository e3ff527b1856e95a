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

// await returns the exit code of a run. The first signal ends the run in an orderly
// way, the second at once.
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

// interruptible returns an action that the first signal ends at any point.
func interruptible(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		_, err := untilInterrupted(c.Context, func() (struct{}, error) { return struct{}{}, action(c) })
		return err
	}
}

// untilInterrupted returns the result of work, unless it is interrupted first: reading
// a file or printing may block forever. After an interrupt, work goes on until the
// process ends, which is soon.
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

// urlStart matches the possible start of an argument that holds a URL: the flag and the
// scheme.
var urlStart = regexp.MustCompile(`^(?:-{0,2}[A-Za-z-]+=)?(?:(?:rediss?|unix)://)?`)

// passwordFlags lists the flags whose value is a password.
var passwordFlags = []string{"-a", "--a", "-pass", "--pass"}

// secretIn returns the range of args[i] that may hold a password, as the value of a
// flag or in a URL. The range is empty if there is none.
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

// passwordIn returns the range of an argument that may hold the user name and password
// of a URL, with a scheme, a mistyped one, or none. The range is empty if there is
// none. It covers both, since users confuse the two and leave special characters
// unescaped.
func passwordIn(arg string) (start, end int) {
	start, at := len(urlStart.FindString(arg)), lastAt(arg)
	if at < start {
		return 0, 0
	}
	return start, at
}

// lastAt returns the index of the last @ of an argument, else of the last
// percent-encoded @, else -1.
func lastAt(arg string) int {
	if at := strings.LastIndexByte(arg, '@'); at >= 0 {
		return at
	}
	return strings.LastIndex(arg, "%40")
}

// hiding is a writer of messages that hides the text before an @ in arguments that may
// be URLs. A library or the system may quote them unchanged, in quotes, or decoded.
type hiding struct {
	io.Writer
	*strings.Replacer
}

func (h hiding) Write(p []byte) (int, error) {
	_, err := h.WriteString(h.Writer, string(p))
	return len(p), err
}

// hideIn returns a writer that hides the passwords of a command line in messages.
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

// nameFlags lists the flags whose values are names, in which an @ is an ordinary
// character.
var nameFlags = []string{"fail-on", "match", "pattern-rule", "under"}

// urlsIn returns the arguments that may be URLs, in any position. Arguments of commands
// that read files may be paths that contain an @: there, an argument is a URL only if
// it has a colon before the @, or ends in a port.
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

// ofNames reports whether an argument sets one of nameFlags.
func ofNames(arg string) bool {
	name := strings.TrimLeft(arg, "-")
	return name != arg && slices.Contains(nameFlags, name)
}

// limitProcessors limits Go code to n processors until undo is called. A scan at full
// speed has two busy goroutines: one reads, one groups. On two processors each waits
// for the other in turn and must be woken. That slows the scan, and also the server if
// it is on this machine. A scan with a limited rate needs more processors: the latency
// on the probe connection sets its page size, and must not include delays by another
// goroutine. If GOMAXPROCS is set, it is left unchanged. Not for concurrent use.
func limitProcessors(n int) (undo func()) {
	if set, _ := strconv.Atoi(os.Getenv("GOMAXPROCS")); set > 0 { // the runtime ignores any other value
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(min(n, before))
	return func() { runtime.GOMAXPROCS(before) }
}
