package command

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"keyprof/report/unit"
	"keyprof/sampler"
)

// barSteps is how finely the bar knows how far the walk is.
const barSteps = 10_000

// barInterval keeps a fast walk from repainting at each page.
const barInterval = 100 * time.Millisecond

// bar shows how far a walk is: per cent, keys, keys a second, time left.
type bar struct {
	*progressbar.ProgressBar
	began, painted time.Time
	last           sampler.Progress
	braked         string // why the walk stands back; empty: it does not
}

func newBar(w io.Writer) *bar {
	return &bar{began: time.Now(), ProgressBar: progressbar.NewOptions(barSteps,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("walking"),
	)}
}

func (b *bar) show(p sampler.Progress) {
	now := time.Now()
	if now.Sub(b.painted) < barInterval {
		return
	}
	b.painted, b.last = now, p
	if b.braked != "" {
		b.Describe(fmt.Sprintf("%s keys, standing back: %s", unit.FormatCount(p.Keys), b.braked))
		_ = b.RenderBlank()
		return
	}
	perSecond := float64(p.Keys) / now.Sub(b.began).Seconds()
	b.Describe(fmt.Sprintf("%s keys, %s/s", unit.FormatCount(p.Keys), unit.FormatCount(int64(perSecond))))
	_ = b.Set(int(p.Fraction * barSteps)) // a bar that cannot be painted is no reason to stop
}

// brake shows why the walk stands back, for as long as it does.
func (b *bar) brake(cause string) {
	b.braked = cause
	b.show(b.last)
}

// finish takes the bar off the screen.
func (b *bar) finish() { _ = b.Finish() }

// interrupt makes room for a line of text. A nil bar has nothing to make room.
func (b *bar) interrupt() {
	if b != nil {
		_ = b.Clear()
	}
}

// brakeTold is how long the walk stands back until that is said where there is no
// bar to show it.
const brakeTold = 10 * time.Second

// tellBrakes says on stderr that the walk stands back, once for each time that it
// lasts for longer than after.
func tellBrakes(stderr io.Writer, after time.Duration) func(cause string) {
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
			warn(stderr, "the walk stands back from the server since %s; it goes on by itself", cause)
		}
	}
}
