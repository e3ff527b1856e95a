package sampler_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
)

// oddServer answers questions about its keys by answer once the rehearsal is over,
// and has some fields in INFO.
type oddServer struct {
	info   func() string
	answer func(command string) string
	scans  int // the first is the rehearsal's
}

const oddKeys = 12

func (s *oddServer) handle(args []string) string {
	command := strings.ToLower(args[0])
	if (command == "memory" || command == "object") && len(args) > 1 {
		command += " " + strings.ToLower(args[1])
	}
	switch command {
	case "info":
		return redistest.Bulk(s.info())
	case "ping", "client", "select":
		return redistest.Simple("OK")
	case "scan":
		s.scans++
		reply := redistest.ArrayHeader(2) + redistest.Bulk("0") + redistest.ArrayHeader(oddKeys)
		for i := range oddKeys {
			reply += redistest.Bulk(fmt.Sprintf("key:%d", i))
		}
		return reply
	}
	if s.scans > 1 && s.answer != nil {
		if reply := s.answer(command); reply != "" {
			return reply
		}
	}
	return saneAnswer(command)
}

func saneAnswer(command string) string {
	switch command {
	case "type":
		return redistest.Simple("string")
	case "memory usage", "object idletime", "object freq", "pttl", "object refcount":
		return redistest.Integer(100)
	}
	return redistest.UnknownCommand([]string{command})
}

const saneInfo = "# Server\r\nredis_version:7.0.15\r\nrun_id:1\r\nuptime_in_seconds:%s\r\n# Memory\r\nused_memory:%s\r\nused_memory_startup:%s\r\nmaxmemory:%s\r\nmaxmemory_policy:%s\r\n" +
	"# Stats\r\nexpired_keys:%s\r\nevicted_keys:%s\r\n# Replication\r\nrole:master\r\nmaster_replid:a\r\n# CPU\r\nused_cpu_sys:%s\r\nused_cpu_user:%s\r\n# Cluster\r\ncluster_enabled:0\r\n# Keyspace\r\ndb0:keys=%s,expires=%s,avg_ttl=0\r\n"

// oddInfo returns INFO with these values, the last one again and again.
func oddInfo(values ...string) string {
	args := make([]any, strings.Count(saneInfo, "%s"))
	for i := range args {
		args[i] = values[min(i, len(values)-1)]
	}
	return fmt.Sprintf(saneInfo, args...)
}

// walkOdd profiles an odd server, and fails unless the scan can be written and read.
func walkOdd(t testing.TB, s *oddServer, o sampler.Options) *profile.Profile {
	t.Helper()
	fake, err := redistest.StartFake(redistest.FakeOptions{}, s.handle)
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	target, err := scanner.ParseURL(fake.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := scanner.Connect(context.Background(), target, time.Minute, scanner.RetryPolicy{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := sampler.Collect(context.Background(), conn, o)
	if err != nil {
		t.Fatalf("nothing was profiled: %v", err)
	}
	var b bytes.Buffer
	if err := profile.Write(&b, p, profile.Plain); err != nil {
		t.Fatalf("the walk is lost: %v", err)
	}
	if _, err := profile.Read(&b); err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	return p
}

var (
	oddNumbers = []string{"", "0", "1", "12", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "nan", "-nan", "inf", "-inf", "1e300", "0x10", "12.5", "a\xffb", "many", strings.Repeat("9", 5000)}
	oddReplies = []string{
		"", "", "", redistest.Integer(0), redistest.Integer(-1), redistest.Integer(-2), redistest.Integer(-3), redistest.Integer(255), redistest.Integer(256),
		redistest.Integer(1 << 44), redistest.Integer(1<<44 + 1), redistest.Integer(1<<63 - 1), redistest.Integer(-1 << 63), redistest.Null(),
		redistest.Error("ERR what"), redistest.Error("ERR no such key"), redistest.Error("NOPERM no"), redistest.Error("MOVED 1 h:1"), redistest.Error("ASK 1 h:1"),
		redistest.Error("ERR An LFU maxmemory policy is selected"), redistest.Error("\xff"),
	}
	oddTypes = []string{"", "", redistest.Simple("string"), redistest.Simple("\xff\xfe"), redistest.Simple(""), redistest.Simple("none"), redistest.Simple(strings.Repeat("t", 5000)), redistest.Simple("\x1b[31m"), redistest.Error("ERR An LFU maxmemory policy is selected"), redistest.Error("ERR what")}
)

// Whatever figures a server gives, the scan is not lost.
func TestOddFiguresNeverLoseAWalk(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 1))
		one := func(of ...string) string { return of[rng.IntN(len(of))] }
		distinct := 0
		s := &oddServer{
			info: func() string {
				values := make([]string, strings.Count(saneInfo, "%s"))
				for i := range values {
					values[i] = one(oddNumbers...)
				}
				values[4] = one("noeviction", "allkeys-lfu", "\xff", "")
				return oddInfo(values...)
			},
			answer: func(command string) string {
				if command == "type" {
					distinct++
					return one(append(oddTypes, redistest.Simple(fmt.Sprintf("type%d", distinct)))...)
				}
				return one(oddReplies...)
			},
		}
		o := fast()
		if seed%2 == 1 {
			o.Sample = &sampler.SampleSize{Keys: 5}
		}
		if t.Run(fmt.Sprint(seed), func(t *testing.T) { walkOdd(t, s, o) }); t.Failed() {
			return
		}
	}
}

// Figures that make no sense are absent, and named.
func TestOddFiguresAreAbsent(t *testing.T) {
	for value, wantOdd := range map[string]bool{"-5": true, "nan": true, "-inf": true, "9223372036854775808": true, "a\xffb": true, "7": false} {
		p := walkOdd(t, &oddServer{info: func() string { return oddInfo(value) }}, fast())
		n := p.Nodes[0]
		absent := n.UptimeS == nil && n.UsedMemory == nil && n.Maxmemory == nil && n.IdleHorizonS == nil && n.Databases[0].Before == nil && n.Databases[0].After == nil &&
			p.Receipt.ServerCPUS == nil && p.Receipt.ExpiredMeanwhile == nil
		if absent != wantOdd || warned(p, "odd-figure") != wantOdd || p.Totals.Keys.Value != oddKeys {
			t.Errorf("%q: %+v, %+v, warnings %v", value, n, p.Receipt, p.Warnings)
		}
		if named := slices.ContainsFunc(p.Warnings, func(w profile.Warning) bool {
			return strings.Contains(w.Text, fmt.Sprintf("%q for %q", value, "used_memory"))
		}); named != wantOdd {
			t.Errorf("%q: named %v: %v", value, named, p.Warnings)
		}
	}
}

// Sizes that add up to more than any server holds make no sense.
func TestOddSizesDoNotOverflow(t *testing.T) {
	p := walkOdd(t, &oddServer{
		info: func() string { return oddInfo("7") },
		answer: func(command string) string {
			if command == "memory usage" {
				return redistest.Integer(1 << 44)
			}
			return ""
		},
	}, fast())
	if p.Totals.Bytes.Value != oddKeys<<44 {
		t.Errorf("%d bytes", p.Totals.Bytes.Value)
	}
}

// An answer of TYPE that is no text is no type.
func TestOddTypes(t *testing.T) {
	n := 0
	s := &oddServer{info: func() string { return oddInfo("7") }, answer: func(command string) string {
		if command != "type" {
			return ""
		}
		n++
		return redistest.Simple([]string{"a\xffb", "", "hash"}[n%3])
	}}
	p := walkOdd(t, s, fast())
	if types := p.Totals.Types; len(types) != 2 || types["hash"].Keys != oddKeys/3 || types[profile.OtherType].Keys != oddKeys*2/3 || !warned(p, "odd-figure") || !p.Complete {
		t.Errorf("types %v, complete %v, warnings %v", types, p.Complete, p.Warnings)
	}
}

// A key that went between two questions has no type, which is nothing odd.
func TestGoneKeysAreNotOdd(t *testing.T) {
	s := &oddServer{info: func() string { return oddInfo("7") }, answer: func(command string) string {
		return map[string]string{"type": redistest.Simple("none"), "memory usage": redistest.Null(), "pttl": redistest.Integer(-2), "object idletime": redistest.Null()}[command]
	}}
	if p := walkOdd(t, s, fast()); warned(p, "odd-figure") || !p.Complete {
		t.Errorf("complete %v, warnings %v", p.Complete, p.Warnings)
	}
}
