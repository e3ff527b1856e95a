package sampler_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
	"keyprof/scanner/throttle"
)

// probed returns how often a server was asked what is asked about each key.
func probed(t *testing.T, server *redistest.Server) map[string]int64 {
	t.Helper()
	all, err := server.CommandCounts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	probes := map[string]int64{}
	for _, name := range []string{"memory|usage", "pttl", "type", "object|idletime"} {
		probes[name] = all[name]
	}
	return probes
}

// probedBy returns how often it was asked by what runs.
func probedBy(t *testing.T, server *redistest.Server, run func()) map[string]int64 {
	t.Helper()
	before := probed(t, server)
	run()
	after := probed(t, server)
	for name := range after {
		after[name] -= before[name]
	}
	return after
}

// A thin link is full for most of the time. A scan of it takes as long as its bytes do,
// and asks nothing twice.
func TestThinLinks(t *testing.T) {
	for _, tt := range []struct {
		name           string
		bytesPerSecond int
		keys           int
		timeout        time.Duration
	}{
		{"1 Mbit/s", 125_000, 2000, time.Second},
		{"10 KB/s", 10_000, 600, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // the link alone is busy
			server := redistest.New(t)
			mixed(t, server.Client(), tt.keys)
			var want, p *profile.Profile
			wantProbed := probedBy(t, server, func() { want = collect(t, server.SocketURL(), usual()) })
			proxy := redistest.NewProxy(t, server.Addr())
			proxy.SetLatency(10 * time.Millisecond)
			proxy.SetBandwidth(tt.bytesPerSecond)
			var notices []string
			var err error
			gotProbed := probedBy(t, server, func() {
				p, notices, err = patientlyWith(context.Background(), t, proxy.URL(), tt.timeout, time.Minute, usual())
			})
			checkWhole(t, want, p, err)
			if fmt.Sprint(gotProbed) != fmt.Sprint(wantProbed) {
				t.Errorf("asked %v, without the link %v", gotProbed, wantProbed)
			}
			r := p.Receipt
			if len(r.Stalls)+len(r.Waits)+len(notices) > 0 {
				t.Errorf("stalls %v, waits %v, noticed %q", r.Stalls, r.Waits, notices)
			}
			bytes := float64(max(r.BytesIn, r.BytesOut))
			t.Logf("%.1f s for %.0f bytes, which the link carries in %.1f s", r.ElapsedS, bytes, bytes/float64(tt.bytesPerSecond))
			if most := 3*bytes/float64(tt.bytesPerSecond) + 10; r.ElapsedS > most {
				t.Errorf("%.0f bytes took %.1f s, more than %.1f s", bytes, r.ElapsedS, most)
			}
		})
	}
}

// stopping profiles a server over a link that stops half-way for longer than the timeout,
// and goes on.
func stopping(t *testing.T, server *redistest.Server, bytesPerSecond int) (*profile.Profile, []string, error) {
	t.Helper()
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.SetLatency(10 * time.Millisecond)
	proxy.SetJitter(0.2)
	proxy.SetBandwidth(bytesPerSecond)
	o := usual()
	o.Progress = once(func() {
		proxy.Blackhole(true)
		time.AfterFunc(2500*time.Millisecond, func() { proxy.Blackhole(false) }) // the timeout is 1 s
	})
	return patiently(context.Background(), t, proxy.URL(), time.Minute, o)
}

func TestLinkStopsAndGoesOn(t *testing.T) {
	server := newFaultServer(t)
	want := collect(t, server.SocketURL(), usual())
	for _, bytesPerSecond := range []int{0, 125_000} {
		p, notices, err := stopping(t, server, bytesPerSecond)
		checkWhole(t, want, p, err)
		if len(notices) != 1 || len(p.Receipt.Waits) != 1 {
			t.Errorf("%d bytes/s: noticed %q, waits %v", bytesPerSecond, notices, p.Receipt.Waits)
		}
	}
}

// A stopped link is not blamed on a key: all keys are strings, for which no command
// takes long, and the server used no CPU time while the link was stopped.
func TestStoppedLinkBlamesNoKey(t *testing.T) {
	p, _, err := stopping(t, newFaultServer(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if stalls := p.Receipt.Stalls; len(stalls) > 0 {
		t.Errorf("stalls %+v", stalls)
	}
}

// A link that stops and then loses its connections takes no key with it: the server was
// idle, so all that was on its way is asked for again.
func TestStoppedLinkIsReset(t *testing.T) {
	for _, kind := range []string{"string", "stream"} {
		server := redistest.New(t)
		piped(t, server.Client(), func(pipe redis.Pipeliner) {
			eachName("k:", 10_000, func(name string) {
				if kind == "string" {
					pipe.Set(context.Background(), name, "v", 0)
				} else {
					pipe.XAdd(context.Background(), &redis.XAddArgs{Stream: name, Values: []string{"a", "b"}})
				}
			})
		})
		proxy := redistest.NewProxy(t, server.Addr())
		proxy.SetLatency(25 * time.Millisecond)
		o := usual()
		o.Progress = once(func() {
			proxy.Blackhole(true)
			time.AfterFunc(2500*time.Millisecond, func() { proxy.Reset(); proxy.Blackhole(false) }) // the timeout is 1 s
		})
		p, notices, err := patiently(context.Background(), t, proxy.URL(), time.Minute, o)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Complete || len(p.Receipt.Stalls) > 0 || len(notices) != 1 {
			t.Errorf("%ss: complete %v, %s; %d stalls, noticed %q", kind, p.Complete, p.Nodes[0].Incomplete, len(p.Receipt.Stalls), notices)
		}
	}
}

// throughStunnel returns the address of a tunnel to a server: a stunnel at each end, and the
// proxy between them.
func throughStunnel(t *testing.T, server *redistest.Server) (addr string, between *redistest.Proxy) {
	t.Helper()
	certs, err := redistest.WriteCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const both = "foreground = yes\npid =\nsyslog = no\ndebug = err\n[redis]\naccept = %s\nconnect = %s\n"
	there, here := redistest.FreeAddress(t), redistest.FreeAddress(t)
	redistest.NewStunnel(t, fmt.Sprintf(both+"cert = %s\nkey = %s\n", there, server.Addr(), certs.ServerCertFile, certs.ServerKeyFile), there)
	between = redistest.NewProxy(t, there)
	redistest.NewStunnel(t, fmt.Sprintf(both+"client = yes\nCAfile = %s\nverifyChain = yes\ncheckHost = %s\n", here, between.Addr(), certs.CAFile, redistest.TLSHost), here)
	return here, between
}

// Real stunnel on both sides of a link of 20 ms. At full speed pages travel side by side,
// so that far more keys come than one page a round trip would bring.
func TestThroughStunnel(t *testing.T) {
	const keys, roundTrip = 30_000, 20 * time.Millisecond
	server := redistest.New(t)
	mixed(t, server.Client(), keys)
	want := collect(t, server.SocketURL(), usual())
	addr, between := throughStunnel(t, server)
	between.SetLatency(roundTrip / 2)
	between.SetJitter(0.2)
	fullSpeed := usual()
	fullSpeed.MaxLoad, fullSpeed.Page = 1, throttle.FullSpeedPage
	for name, o := range map[string]sampler.Options{"defaults": usual(), "full speed": fullSpeed} {
		p, notices, err := patientlyWith(context.Background(), t, "redis://"+addr, 10*time.Second, time.Minute, o)
		checkWhole(t, want, p, err)
		r := p.Receipt
		onePage := float64(r.Returned) / float64(r.Commands["scan"]) / roundTrip.Seconds()
		got := float64(r.Returned) / r.ElapsedS
		t.Logf("%s: %.0f keys/s; one page a round trip would be %.0f", name, got, onePage)
		if len(notices)+len(r.Stalls) > 0 {
			t.Errorf("%s: noticed %q, stalls %v", name, notices, r.Stalls)
		}
		if o.MaxLoad == 1 && got < 1.3*onePage {
			t.Errorf("%s: %.0f keys/s, one page a round trip would be %.0f", name, got, onePage)
		}
	}
}

// farClusterIsProfiled returns a node of a cluster 20 ms away. From Redis 7.4 and Valkey 8 on
// its cursors have no order, so that pages cannot travel side by side.
func farClusterIsProfiled(t *testing.T, binary redistest.Binary) {
	server := binary.NewCluster(t, 1)[0]
	mixed(t, server.Client(), 5000)
	want := countsOf(t, server.Client())
	proxy := redistest.NewProxy(t, server.Addr())
	proxy.SetLatency(10 * time.Millisecond)
	proxy.SetJitter(0.2)
	p, notices, err := patientlyWith(context.Background(), t, proxy.URL(), 10*time.Second, time.Minute, usual())
	if err != nil {
		t.Fatal(err)
	}
	checkCensus(t, p, want)
	if r := p.Receipt; len(notices)+len(r.Stalls) > 0 {
		t.Errorf("noticed %q, stalls %v", notices, r.Stalls)
	}
	t.Logf("%.0f keys/s, %.1f pages", float64(p.Receipt.Returned)/p.Receipt.ElapsedS, float64(p.Receipt.Commands["scan"]))
	checkAlive(t, server)
}
