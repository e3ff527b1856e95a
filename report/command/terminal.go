package command

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"keyprof/report/unit"
	"keyprof/sampler"
	"keyprof/sampler/profile"
)

// isTerminal reports whether a reader or writer is one.
func isTerminal(stream any) bool {
	f, ok := osFile(stream)
	return ok && term.IsTerminal(int(f.Fd()))
}

// osFile returns the file behind a reader or writer.
func osFile(stream any) (*os.File, bool) {
	if out, ok := stream.(*output); ok {
		stream = out.Writer
	}
	f, ok := stream.(*os.File)
	return f, ok
}

// wantsColor follows no-color.org: it returns true on a terminal, unless NO_COLOR is
// set. On Windows, only Windows Terminal supports colors.
func wantsColor(w io.Writer) bool {
	if runtime.GOOS == "windows" && os.Getenv("WT_SESSION") == "" {
		return false
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminalWidth returns the width of a terminal in columns, or 0 if w is no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := osFile(w)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// widest is the longest readable line, in columns.
const widest = 140

// reportWidth returns the width of a report in columns: that of the terminal, up to
// widest; 0 if w is no terminal.
func reportWidth(w io.Writer) int { return min(terminalWidth(w), widest) }

// warn writes one line for the user.
func warn(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "keyprof: warning: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// oneLine makes a message safe for a terminal, since it may quote a server or a file.
// It hides the passwords of URLs.
func oneLine(text string) string {
	text = printable(userinfo.ReplaceAllString(strings.TrimSpace(text), "${1}***@"))
	if len(text) > maxMessage {
		return strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// maxMessage is the longest message, in bytes.
const maxMessage = 8 << 10

// userinfo matches text that may hold a password in anything that looks like a URL,
// such as one that a server quotes. The scheme may be mistyped, and the @
// percent-encoded.
var userinfo = regexp.MustCompile(`(://|\brediss?(?:://?|//|/))[^\s"']*(?:@|%40)`)

// printable returns text on one line, without characters that a terminal may interpret.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case profile.Hidden(r):
			return '?'
		default:
			return r
		}
	}, text)
}

// barSteps is the resolution of the bar.
const barSteps = 10_000

// barInterval is the shortest time between two repaints: a fast scan has many pages a
// second.
const barInterval = 100 * time.Millisecond

// bar shows the progress of a scan: per cent, keys, keys per second, time left.
type bar struct {
	*progressbar.ProgressBar
	began, painted time.Time
	last           sampler.Progress
	paused         string // why the scan is paused; empty: it is not
}

func newBar(w io.Writer) *bar {
	return &bar{began: time.Now(), ProgressBar: progressbar.NewOptions(barSteps,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("scanning"),
	)}
}

func (b *bar) show(p sampler.Progress) {
	now := time.Now()
	if now.Sub(b.painted) < barInterval {
		return
	}
	b.painted, b.last = now, p
	if b.paused != "" {
		b.Describe(fmt.Sprintf("%s keys, paused: %s", unit.FormatCount(p.Keys), b.paused))
		_ = b.RenderBlank()
		return
	}
	perSecond := float64(p.Keys) / now.Sub(b.began).Seconds()
	b.Describe(fmt.Sprintf("%s keys, %s/s", unit.FormatCount(p.Keys), unit.FormatCount(int64(perSecond))))
	_ = b.Set(int(p.Fraction * barSteps)) // a bar that cannot be painted is no reason to stop
}

// pause shows why the scan is paused, until it resumes.
func (b *bar) pause(cause string) {
	b.paused = cause
	b.show(b.last)
}

// finish removes the bar from the screen.
func (b *bar) finish() { _ = b.Finish() }

// interrupt clears the bar for a line of text. A nil bar has nothing to clear.
func (b *bar) interrupt() {
	if b != nil {
		_ = b.Clear()
	}
}

// minPauseTold is the length of a pause from which it is reported, if no bar shows it.
const minPauseTold = 10 * time.Second

// tellPauses returns a function that reports pauses of the scan on stderr, once for
// each pause longer than after.
func tellPauses(stderr io.Writer, after time.Duration) func(cause string) {
	var began time.Time
	told := false
	return func(cause string) {
		switch {
		case cause == "":
			began, told = time.Time{}, false
		case began.IsZero():
			began = time.Now()
		case !told && time.Since(began) >= after:
			told = true
			warn(stderr, "the scan pauses: %s; it resumes by itself", cause)
		}
	}
}
