package scanner

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"keyprof/scanner/throttle"
)

// working is an Exchange with a server that works for each page, over a link.
type working struct {
	pages
	service, link time.Duration
	used          time.Duration // of the server's main thread
	share         float64       // CPU time of service
}

func (w *working) LeastRoundTrip() time.Duration { return w.link }

func (w *working) CPUTime(context.Context) (time.Duration, bool) { return time.Hour + w.used, true }

func (w *working) Receive(ctx context.Context) (*Trip, error) {
	time.Sleep(w.link + w.service)
	w.used += time.Duration(float64(w.service) * w.share)
	trip, err := w.pages.Receive(ctx)
	if trip != nil {
		trip.Service = throttle.Service(w.link+w.service, w.link)
	}
	return trip, err
}

// The share of its main thread that a server uses for a walk is the one that was asked
// for, here and over a link, also where a part of each page's time is not its own. The
// clock is the test's: how fast the machine is does not matter.
func TestLoadIsKept(t *testing.T) {
	for _, link := range []time.Duration{0, 100 * time.Microsecond, 2 * time.Millisecond} {
		for _, load := range []float64{0.01, 0.08, 0.1} {
			for _, share := range []float64{1, 0.6, 1.5} {
				synctest.Test(t, func(t *testing.T) {
					x := &working{service: 500 * time.Microsecond, link: link, share: share}
					for i := range 4000 {
						x.names = append(x.names, []string{fmt.Sprint(i)})
					}
					w := newWalk(x, &recorder{})
					w.Pacer.MaxLoad = load
					w.Pacer.WorksLater = share > 1 // as KeyDB does
					if err := w.Run(context.Background()); err != nil {
						t.Fatal(err)
					}
					elapsed := time.Since(w.Tally.Began)
					if got := float64(x.used) / float64(elapsed); got < load*0.9 || got > load*1.1 {
						t.Errorf("link %v, load %v, CPU %v of service: the server used %.4f of its main thread", link, load, share, got)
					}
				})
			}
		}
	}
}

// unsure is an Exchange whose server tells its CPU time, or does not.
type unsure struct {
	pages
	cpu  time.Duration
	told bool
}

func (u *unsure) CPUTime(context.Context) (time.Duration, bool) { return u.cpu, u.told }

// A long page is ours. Where the connection was lost, only the time is in which the
// server was at work, if it tells that.
func TestLongWaitIsCharged(t *testing.T) {
	for _, tt := range []struct {
		told, lost bool
		want       time.Duration
	}{{true, true, 2 * time.Second}, {false, true, 3 * time.Second}, {true, false, 3 * time.Second}} {
		w := newWalk(&unsure{cpu: time.Hour + 2*time.Second, told: tt.told}, &recorder{})
		w.cpu = time.Hour
		trip := &Trip{Service: 3 * time.Second}
		if tt.lost {
			trip.wasted = 3 * time.Second
		}
		if got := w.ours(context.Background(), trip, true); got != tt.want || trip.Service != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
