package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"keyprof/report"
	"keyprof/report/alarm"
	"keyprof/report/diff"
	"keyprof/report/redact"
	"keyprof/report/unit"
	"keyprof/sampler/profile"
)

// output is the standard output. It remembers the first error of a write.
type output struct {
	io.Writer
	mu  sync.Mutex // an interrupted action may still write
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func readProfile(path string, stdin io.Reader) (*profile.Profile, error) {
	var p *profile.Profile
	var err error
	if path == "-" {
		p, err = profile.Read(stdin)
		path = "standard input"
	} else {
		p, err = profile.ReadFile(path)
	}
	if err != nil {
		if inFile := errors.Unwrap(err); path != "standard input" && inFile != nil {
			err = inFile // without the path that ReadFile adds
		}
		return nil, &hintedError{error: fmt.Errorf("reading %s: %w", path, withoutPath(err)), hint: readHint(err)}
	}
	return p, nil
}

func readHint(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "keyprof profile -o FILE URL makes a profile"
	case errors.Is(err, profile.ErrNewerSchema):
		return "use the keyprof that wrote it, or a newer one"
	case errors.Is(err, profile.ErrTruncated):
		return "the file is incomplete: copy it again"
	default:
		return "give a file that keyprof profile -o FILE wrote"
	}
}

// show prints a report. On a terminal the report has the terminal's width, up to
// widest; elsewhere its width is fixed.
func show(stdout io.Writer, shown redact.Shareable, o report.Options) error {
	if err := checkUnder(shown, o.Under); err != nil {
		return err
	}
	o.Color, o.Width = wantsColor(stdout), reportWidth(stdout)
	if err := report.Write(stdout, shown.Profile, o); err != nil {
		return notWritten(err, writingHint)
	}
	return nil
}

// writingHint is the hint for a report that cannot be printed.
const writingHint = "check where the output goes: the disk may be full, or the pipe closed"

// source is a profile and its origin.
type source struct {
	name string
	*profile.Profile
}

// compare compares the two newest of several profiles, which are sorted by time. The
// others supply earlier rates.
func compare(sources []source, o diff.Options) (*diff.Comparison, error) {
	n := len(sources) - 2
	before, after := sources[n], sources[n+1]
	o.Tool = profile.Tool{Name: profile.ToolName, Version: version}
	o.OldSource, o.NewSource = before.name, after.name
	for _, s := range sources[:n] {
		o.Earlier = append(o.Earlier, s.Profile)
	}
	c, err := diff.Compare(before.Profile, after.Profile, o)
	if refused := (*diff.Refusal)(nil); errors.As(err, &refused) {
		return nil, &hintedError{error: err, hint: refused.Hint}
	}
	return c, err
}

// showChanges prints a comparison, with colors and width as stdout allows.
func showChanges(stdout io.Writer, c *diff.Comparison, o report.DiffOptions) error {
	o.Color, o.Width = wantsColor(stdout), reportWidth(stdout)
	if err := report.WriteDiff(stdout, c, o); err != nil {
		return &hintedError{error: err, hint: writingHint}
	}
	return nil
}

// listAlarms evaluates the conditions on a profile and prints the result.
func listAlarms(stderr io.Writer, p redact.Shareable, conditions []*alarm.Condition) error {
	return listVerdict(stderr, p.Evaluate(conditions))
}

// listVerdict prints the conditions that hold and those that could not be evaluated, a
// line each. It returns an alarmError if any holds.
func listVerdict(stderr io.Writer, verdict alarm.Verdict) error {
	for _, d := range verdict.Doubts {
		warn(stderr, "fail-on: %s: unknown%s: %s", d.Condition, doubtful(d), d.Reason)
	}
	for _, f := range verdict.Findings {
		fmt.Fprintf(stderr, "keyprof: fail-on: %s\n", oneLine(fmt.Sprintf("%s: %s", f.Condition, finding(f))))
	}
	if n := len(verdict.Findings); n > 0 {
		return &alarmError{holding: n}
	}
	return nil
}

func finding(f alarm.Finding) string {
	switch {
	case f.Namespace != nil:
		return fmt.Sprintf("%s: %s (db%d)", report.NamespaceText(f.Namespace), f.Figure, f.Namespace.DB)
	case f.Node != nil:
		return fmt.Sprintf("%s: %s", report.NodeText(f.Node), f.Figure)
	case f.OfAll:
		return f.Figure
	default:
		return f.Figure + " over all keys"
	}
}

// doubtful returns the text that follows "unknown".
func doubtful(d alarm.Doubt) string {
	if d.Namespace == nil {
		return ""
	}
	text := fmt.Sprintf(" for %s (db%d)", report.NamespaceText(d.Namespace), d.Namespace.DB)
	if d.More > 0 {
		text += fmt.Sprintf(" and %s more", unit.FormatCount(int64(d.More)))
	}
	return text
}
