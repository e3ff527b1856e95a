package scanner_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"keyprof/scanner"
	"keyprof/scanner/redistest"
)

// stalling is a fake server that replies to one command about one key only after the
// reply was found to be late, as late decides.
func stalling(t *testing.T, slow, late string, types map[string]string) (*redistest.Fake, *scanner.Conn) {
	t.Helper()
	noticed, answered := make(chan struct{}), false
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch command := strings.ToLower(strings.Join(args, " ")); {
		case command == slow && !answered:
			answered = true
			<-noticed
			return late
		case args[0] == "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:c0ffee\r\n")
		case args[0] == "type":
			return redistest.Simple(types[args[1]])
		case args[0] == "memory", args[0] == "pttl":
			return redistest.Integer(int64(len(args[len(args)-1])))
		default:
			return redistest.Simple("OK")
		}
	})
	notice := sync.OnceFunc(func() { close(noticed) })
	t.Cleanup(notice)
	conn, err := scanner.Connect(context.Background(), target(t, fake.URL()), 500*time.Millisecond, scanner.RetryPolicy{
		MaxWait: time.Minute, Notice: func(error) { notice() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return fake, conn
}

// about returns two probes of each key.
func about(keys ...string) (requests []scanner.Request) {
	for _, key := range keys {
		requests = append(requests, scanner.Request{Probe: scanner.MemoryUsage, Key: key}, scanner.Request{Probe: scanner.PTTL, Key: key})
	}
	return requests
}

func sentTimes(fake *redistest.Fake, command string) (n int) {
	for _, args := range fake.Calls() {
		if strings.EqualFold(strings.Join(args, " "), command) {
			n++
		}
	}
	return n
}

// A late reply is awaited on the same connection. The command is not sent again, and the
// reply is used.
func TestLateReply(t *testing.T) {
	tests := []struct {
		name, slow string
		types      map[string]string
		culprit    string
	}{
		{"behind a reply that came", "memory usage cc", nil, "cc"},
		{"the first of all, and no stream", "memory usage a", nil, "a"},
		// Like a server that sends all replies to a pipeline at once.
		{"the first of all, with a stream behind it", "memory usage a", map[string]string{"a": "string", "bb": "stream", "cc": "list"}, "bb"},
		// It reads some 16 kB of a pipeline at a time.
		{"behind a reply that came, with streams before and behind it", "memory usage bb", map[string]string{"a": "stream", "bb": "string", "cc": "stream"}, "cc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake, conn := stalling(t, tt.slow, redistest.Integer(7), tt.types)
			for range 2 {
				replies, _, err := conn.RoundTrip(context.Background(), about("a", "bb", "cc"), nil, nil)
				if err != nil || len(replies) != 6 || replies[1].Int != 1 || replies[5].Int != 2 {
					t.Fatalf("%+v, %v", replies, err)
				}
			}
			stalls := conn.Stalls()
			if len(stalls) != 1 || stalls[0].Key != tt.culprit || stalls[0].Probe != scanner.MemoryUsage || !stalls[0].Answered || stalls[0].Took < 500*time.Millisecond {
				t.Errorf("stalls %+v", stalls)
			}
			if n := sentTimes(fake, "memory usage "+tt.culprit); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if sent, connected := conn.Cost().Commands["memory usage"], sentTimes(fake, "info"); sent != 5 || connected != 1 {
				t.Errorf("%d times MEMORY USAGE, %d times INFO", sent, connected)
			}
		})
	}
}

// When the connection with a late reply is lost, the other commands are sent again, and
// the command without a reply is not.
func TestLateReplyNeverComes(t *testing.T) {
	tests := []struct {
		name, slow string
		types      map[string]string
		culprits   string
	}{
		{"behind a reply that came", "memory usage cc", nil, "cc"},
		{"the first of all, and no stream", "memory usage a", nil, "a"},
		{"the first of all, with streams behind it", "memory usage a", map[string]string{"bb": "stream", "cc": "stream"}, "bb cc"},
		{"behind a reply that came, with streams before and behind it", "memory usage bb", map[string]string{"a": "stream", "cc": "stream"}, "cc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake, conn := stalling(t, tt.slow, redistest.HangUpAfter(0, ""), tt.types)
			replies, _, err := conn.RoundTrip(context.Background(), about("a", "bb", "cc"), nil, nil)
			if err != nil || len(replies) != 6 {
				t.Fatalf("%+v, %v", replies, err)
			}
			for i, r := range about("a", "bb", "cc") {
				stalled := r.Probe == scanner.MemoryUsage && strings.Contains(tt.culprits, r.Key)
				if errors.Is(replies[i].Err, scanner.ErrStalled) != stalled {
					t.Errorf("%s of %q: %+v", r.Probe, r.Key, replies[i])
				}
				if want := 1; stalled && sentTimes(fake, "memory usage "+r.Key) > want {
					t.Errorf("MEMORY USAGE of %q was sent again", r.Key)
				}
			}
			if got := conn.Stalls(); len(got) != len(strings.Fields(tt.culprits)) || got[0].Answered {
				t.Errorf("stalls %+v", got)
			}
		})
	}
}

// With several batches in flight the server may be executing any of them.
func TestLateReplyToOneOfSeveralTrips(t *testing.T) {
	for late, answered := range map[string]bool{redistest.HangUpAfter(0, ""): false, redistest.Integer(1): true} {
		for _, culprit := range []string{"a", "ccc"} {
			types := map[string]string{"a": "string", "bb": "string", "ccc": "string"}
			if types[culprit] = "stream"; culprit == "a" {
				types[culprit] = "hash"
			}
			fake, conn := stalling(t, "memory usage a", late, types)
			for _, key := range []string{"a", "bb", "ccc"} {
				conn.Send(context.Background(), &scanner.Batch{Requests: append(about(key), scanner.Request{Probe: scanner.Type, Key: key})})
			}
			for range 3 {
				trip, err := conn.Receive(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				key := trip.Requests[0].Key
				if stalled := !answered && key == culprit; errors.Is(trip.Replies[0].Err, scanner.ErrStalled) != stalled || trip.Replies[1].Int != int64(len(key)) {
					t.Errorf("%q: %+v", key, trip.Replies)
				}
			}
			if stalls := conn.Stalls(); len(stalls) != 1 || stalls[0].Key != culprit || stalls[0].Answered != answered {
				t.Errorf("%s, answered %v: stalls %+v", culprit, answered, stalls)
			}
			if n := sentTimes(fake, "memory usage "+culprit); n != 1 && culprit == "a" || n > 1 {
				t.Errorf("sent %d times", n)
			}
		}
	}
}

// slowFake replies to MEMORY USAGE of some keys only after the reply was found to be
// late, as late decides, and to INFO with the run ids in turn.
func slowFake(t *testing.T, slow map[string]string, runIDs ...string) (*redistest.Fake, *scanner.Conn) {
	t.Helper()
	noticed, infos := make(chan struct{}, 10), 0
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch args[0] {
		case "info":
			infos++
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:" + runIDs[min(infos, len(runIDs))-1] + "\r\n")
		case "memory":
			if late := slow[args[2]]; late != "" {
				<-noticed
				return late
			}
			fallthrough
		case "pttl":
			return redistest.Integer(1)
		default:
			return redistest.Simple("string")
		}
	})
	t.Cleanup(func() { close(noticed) })
	conn, err := scanner.Connect(context.Background(), target(t, fake.URL()), 300*time.Millisecond, scanner.RetryPolicy{
		MaxWait: time.Minute, Notice: func(error) {
			select {
			case noticed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return fake, conn
}

// Each late command of a batch is recorded.
func TestTwoLateReplies(t *testing.T) {
	_, conn := slowFake(t, map[string]string{"a": redistest.Integer(7), "cc": redistest.Integer(8)}, "c0ffee")
	replies, _, err := conn.RoundTrip(context.Background(), about("a", "bb", "cc"), nil, nil)
	if err != nil || replies[0].Int != 7 || replies[4].Int != 8 {
		t.Fatalf("%+v, %v", replies, err)
	}
	stalls := conn.Stalls()
	if len(stalls) != 2 || stalls[0].Key != "a" || stalls[1].Key != "cc" || !stalls[0].Answered || !stalls[1].Answered {
		t.Errorf("%+v", stalls)
	}
}

// A scan that ends at a late reply names the command, for example when the server was
// restarted meanwhile.
func TestLateReplyEndsTheWalk(t *testing.T) {
	_, conn := slowFake(t, map[string]string{"bb": redistest.HangUpAfter(0, "")}, "c0ffee", "decaf")
	if _, _, err := conn.RoundTrip(context.Background(), about("a", "bb", "cc"), nil, nil); err == nil || !strings.Contains(err.Error(), "a different server process") {
		t.Fatal(err)
	}
	if stalls := conn.Stalls(); len(stalls) != 1 || stalls[0].Key != "bb" || stalls[0].Answered {
		t.Errorf("%+v", stalls)
	}
}

// When the wait for a late reply exceeds MaxWait, the scan ends: asking for more on
// another connection would not help the server.
func TestLateReplyBeyondMaxWait(t *testing.T) {
	never := make(chan struct{})
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch args[0] {
		case "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:c0ffee\r\n")
		case "memory":
			<-never
			return redistest.Integer(1)
		default:
			return redistest.Simple("string")
		}
	})
	t.Cleanup(func() { close(never) })
	conn, err := scanner.Connect(context.Background(), target(t, fake.URL()), 200*time.Millisecond, scanner.RetryPolicy{MaxWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, _, err := conn.RoundTrip(context.Background(), about("a"), nil, nil); err == nil || !strings.Contains(err.Error(), "no reply in time; gave up after 1s") {
		t.Errorf("%v", err)
	}
	if n, stalls := conn.Cost().Commands["info"], conn.Stalls(); n != 1 || len(stalls) != 1 || stalls[0].Key != "a" || stalls[0].Answered {
		t.Errorf("%d times INFO, stalls %+v", n, stalls)
	}
}

// A late reply to a command sent besides the pages is not taken for that to a request.
func TestLateReplyBesideThePages(t *testing.T) {
	const timeout = 100 * time.Millisecond
	answered := false
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(strings.Join(args, " ")) {
		case "info cpu":
			if !answered {
				answered = true
				time.Sleep(3 * timeout)
			}
			return redistest.Bulk("# CPU\r\nused_cpu_sys_main_thread:1\r\nused_cpu_user_main_thread:1\r\n")
		case "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:c0ffee\r\n")
		case "scan 0 count 10":
			return redistest.ScanPage(0, "a")
		case "pttl a":
			return redistest.Integer(7)
		default:
			return redistest.Simple("OK")
		}
	})
	conn, err := scanner.Connect(context.Background(), target(t, fake.URL()), timeout, scanner.RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.CPUTime(context.Background()); ok {
		t.Fatal("the reply was not late")
	}
	replies, page, err := conn.RoundTrip(context.Background(), []scanner.Request{{Probe: scanner.PTTL, Key: "a"}}, &scanner.Scan{Count: 10}, nil)
	if err != nil || len(replies) != 1 || replies[0].Int != 7 || len(page.Names) != 1 {
		t.Errorf("%+v, %+v, %v", replies, page, err)
	}
}

// Without a MaxWait a late reply ends the scan.
func TestLateReplyWithoutMaxWait(t *testing.T) {
	server := redistest.New(t)
	conn, err := scanner.Connect(context.Background(), target(t, server.URL()), 200*time.Millisecond, scanner.RetryPolicy{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := server.Pause(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = server.Resume() }()
	if _, _, err := conn.RoundTrip(context.Background(), about("a"), nil, nil); err == nil || !strings.Contains(err.Error(), "no reply in time") {
		t.Errorf("%v", err)
	}
}

// Where connections are closed before our time limit, a command that takes longer is
// sent at most twice.
func TestConnectionCutAtALongCommand(t *testing.T) {
	fake := redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch {
		case args[0] == "memory" && args[2] == "bb":
			time.Sleep(1100 * time.Millisecond)
			return redistest.HangUpAfter(0, "")
		case args[0] == "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nrun_id:c0ffee\r\n")
		case args[0] == "memory", args[0] == "pttl":
			return redistest.Integer(1)
		default:
			return redistest.Simple("OK")
		}
	})
	conn, err := scanner.Connect(context.Background(), target(t, fake.URL()), time.Minute, scanner.RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	replies, _, err := conn.RoundTrip(context.Background(), about("a", "bb", "cc"), nil, nil)
	if err != nil || len(replies) != 6 || !errors.Is(replies[2].Err, scanner.ErrStalled) || replies[4].Int != 1 {
		t.Errorf("%+v, %v", replies, err)
	}
	if n := sentTimes(fake, "memory usage bb"); n != 2 {
		t.Errorf("sent %d times", n)
	}
}
