package sampler_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

func checkServer(t *testing.T, url string, o sampler.Options) *profile.Checkup {
	t.Helper()
	r, err := sampler.Check(context.Background(), connect(t, url), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// command sends a command line to a server.
func command(t *testing.T, server *redistest.Server, line string) {
	t.Helper()
	var args []any
	for word := range strings.FieldsSeq(line) {
		args = append(args, word)
	}
	if err := server.Client().Do(context.Background(), args...).Err(); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}

// urlAs returns the server's URL for a user with the password s3cret.
func urlAs(server *redistest.Server, user string) string {
	return strings.Replace(server.URL(), "redis://", "redis://"+user+":s3cret@", 1)
}

// The forecast is consistent, and not shorter than --rate allows. Its accuracy depends
// on the machine, and is not tested.
func TestCheckForecast(t *testing.T) {
	const keys, micro = 20_000, 1e-6
	server := redistest.New(t)
	if err := redistest.Mixed(context.Background(), server.Client(), keys, 1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		page       int
		load, rate float64
	}{{100, 1, 0}, {50, 0.5, 0}, {50, 1, 20_000}} {
		o := fast()
		o.Page, o.MaxLoad, o.Rate = tt.page, tt.load, tt.rate
		w := checkServer(t, server.URL(), o).Walk
		if *w.Keys != keys {
			t.Errorf("%+v: %d keys", tt, *w.Keys)
		}
		for _, bound := range []func(*profile.CheckupRange) float64{
			func(r *profile.CheckupRange) float64 { return r.Lo }, func(r *profile.CheckupRange) float64 { return r.Hi },
		} {
			cpu, elapsed, least := bound(w.ServerCPUS), bound(w.ElapsedS), 0.0
			if tt.rate > 0 {
				least = keys / tt.rate
			}
			if math.Abs(cpu-keys*bound(w.KeyCPUS)) > micro || elapsed+micro < max(cpu/tt.load, least) || elapsed-micro > max(cpu/tt.load, least, cpu+keys/float64(tt.page)*w.LeastRTTS) {
				t.Errorf("%+v: CPU %v of %v a key, elapsed %v with round trips of %v", tt, cpu, bound(w.KeyCPUS), elapsed, w.LeastRTTS)
			}
		}
		if took := collect(t, server.URL(), o).Receipt.ElapsedS; tt.rate > 0 && took < 0.9*keys/tt.rate {
			t.Errorf("%+v: took %v", tt, took)
		}
	}
}

// --rate is a floor, and --match may leave only SCAN to do.
func TestCheckForecastFlags(t *testing.T) {
	server := newFaultServer(t)
	o := fast()
	o.Rate = 10
	if r := checkServer(t, server.URL(), o); r.Walk.ElapsedS.Lo != faultKeys/10 || r.Walk.ElapsedS.Hi != faultKeys/10 {
		t.Errorf("at 10 keys a second: %+v", r.Walk.ElapsedS)
	}
	o = fast()
	all := checkServer(t, server.URL(), o)
	o.Match = "nothing:*"
	few := checkServer(t, server.URL(), o)
	if few.Walk.KeyCPUS.Lo >= all.Walk.KeyCPUS.Lo || len(few.Walk.Basis) != len(all.Walk.Basis)+1 {
		t.Errorf("with --match %+v, without %+v", few.Walk, all.Walk)
	}
	o = fast()
	o.Databases = []int{5}
	if r := checkServer(t, server.URL(), o); *r.Walk.Keys != 0 || len(r.Server.Databases) != 2 || r.Server.Databases[0].Selected || !r.Server.Databases[1].Selected {
		t.Errorf("of an empty database: %+v of %+v", r.Walk, r.Server.Databases)
	}
}

// A check scans nothing, reads no key, and leaves no key behind. The one SCAN that it
// sends is refused.
func TestCheckWalksNothing(t *testing.T) {
	server := newFaultServer(t)
	ctx := context.Background()
	if err := server.Client().ConfigResetStat(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	r := checkServer(t, server.URL(), fast())
	counts, err := server.CommandCounts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if counts["scan"] != 1 || r.Verdict != profile.VerdictComplete || len(r.Reasons) > 0 || len(r.Missing) > 0 {
		t.Errorf("%d calls of SCAN, %+v", counts["scan"], r)
	}
	for name, n := range counts {
		if !scanner.Allowed(strings.ReplaceAll(name, "|", " ")) && !strings.HasPrefix(name, "config") {
			t.Errorf("%d calls of %s", n, name)
		}
	}
	stats := info.Parse(server.Client().Info(ctx, "commandstats").Val()).Field("cmdstat_scan")
	if !strings.Contains(stats, "failed_calls=1") {
		t.Errorf("SCAN: %s", stats)
	}
	info := info.Parse(server.Client().Info(ctx, "stats").Val())
	if misses, _ := info.Int("keyspace_misses"); info.Field("keyspace_hits") != "0" || misses > 1100 { // the README says some 1,000
		t.Errorf("%s hits, %d misses", info.Field("keyspace_hits"), misses)
	}
	if n := server.Client().DBSize(ctx).Val(); n != faultKeys {
		t.Errorf("%d keys are left", n)
	}
}

// Each command refused in turn, and all together: what is said to be missing is
// what a profile misses, and the line that is printed mends it.
func TestCheckACL(t *testing.T) {
	server := newFaultServer(t)
	const all = "ACL SETUSER prof reset on >s3cret ~* +@all "
	tests := []struct {
		name, rule string
		verdict    profile.Verdict
		missing    []profile.Measure
	}{
		{"bytes", all + "-memory|usage", profile.VerdictLacking, []profile.Measure{"bytes"}},
		{"ttl", all + "-pttl", profile.VerdictLacking, []profile.Measure{"ttl"}},
		{"idle", all + "-object|idletime", profile.VerdictLacking, []profile.Measure{"idle"}},
		{"type", all + "-type", profile.VerdictLacking, []profile.Measure{"type"}},
		{"shared integers", all + "-object|refcount", profile.VerdictLacking, nil},
		{"three of four", all + "-memory -object -type", profile.VerdictLacking, []profile.Measure{"bytes", "idle", "type"}},
		{"SCAN", all + "-scan", profile.VerdictImpossible, nil},
		{"SELECT", all + "-select", profile.VerdictLacking, nil},
		{"INFO", all + "-info", profile.VerdictLacking, nil},
		{"courtesies", all + "-ping -client", profile.VerdictComplete, nil},
		{"probes", all + "-memory -object -type -pttl", profile.VerdictImpossible, []profile.Measure{"bytes", "ttl", "idle", "type"}},
		{"nearly all", "ACL SETUSER prof reset on >s3cret +auth +hello +info +ping", profile.VerdictImpossible, []profile.Measure{"bytes", "ttl", "idle", "type"}},
		{"nearly all, and all keys", "ACL SETUSER prof reset on >s3cret ~* +info +scan", profile.VerdictImpossible, []profile.Measure{"bytes", "ttl", "idle", "type"}},
		{"everything", "ACL SETUSER prof reset on >s3cret", profile.VerdictImpossible, []profile.Measure{"bytes", "ttl", "idle", "freq", "type"}},
		{"keys of others", "ACL SETUSER prof reset on >s3cret ~family1:* +@all", profile.VerdictLacking, nil},
		{"reading", "ACL SETUSER prof reset on >s3cret %W~* +@all", profile.VerdictLacking, []profile.Measure{"ttl"}},
	}
	for _, tt := range tests {
		for _, own := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, own %t", tt.name, own), func(t *testing.T) {
				o := fast()
				o.Databases = []int{0, 1}
				if tt.name == "INFO" || tt.name == "everything" {
					o.Databases = nil
				}
				command(t, server, tt.rule)
				before := checkServer(t, urlAs(server, "prof"), o)
				wantMissing(t, before, tt.verdict, tt.missing)
				if tt.verdict == profile.VerdictComplete {
					return
				}
				if own {
					command(t, server, before.ACL.Own)
				} else {
					command(t, server, before.ACL.Add)
				}
				wantMissing(t, checkServer(t, urlAs(server, "prof"), o), profile.VerdictComplete, nil)
				p := collect(t, urlAs(server, "prof"), o)
				if !p.Complete || len(p.Missing) > 0 || p.Totals.Keys.Value != faultKeys {
					t.Errorf("the profile: %d keys, %q, %+v", p.Totals.Keys.Value, p.Nodes[0].Incomplete, p.Missing)
				}
			})
		}
	}
}

func wantMissing(t *testing.T, r *profile.Checkup, verdict profile.Verdict, missing []profile.Measure) {
	t.Helper()
	var got []profile.Measure
	for _, m := range r.Missing {
		got = append(got, m.Measure)
	}
	if r.Verdict != verdict || !slices.Equal(got, missing) || (len(r.Reasons) > 0) != (verdict != profile.VerdictComplete) {
		t.Errorf("%s: %q, missing %q; want %s, %q", r.Verdict, r.Reasons, got, verdict, missing)
	}
}

// A new user of keyprof's own is proposed to those who are the default user.
func TestCheckACLOfDefaultUser(t *testing.T) {
	server := newFaultServer(t)
	r := checkServer(t, server.URL(), fast())
	if r.ACL.Add != "" || r.ACL.User != "default" {
		t.Errorf("%+v", r.ACL)
	}
	command(t, server, strings.Replace(r.ACL.Own, "PASSWORD", "s3cret", 1))
	wantMissing(t, checkServer(t, urlAs(server, scanner.NewUser), fast()), profile.VerdictComplete, nil)
	if p := collect(t, urlAs(server, scanner.NewUser), fast()); !p.Complete || len(p.Missing) > 0 {
		t.Errorf("%+v", p.Nodes[0])
	}
}

func codes(r *profile.Checkup) (codes []string) {
	for _, w := range r.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

func TestCheckWarnings(t *testing.T) {
	primary := newFaultServer(t)
	replica := redistest.Replica(t, primary)
	r := checkServer(t, replica.URL(), fast())
	if got := codes(r); !slices.Equal(got, []string{"idle-horizon"}) || r.Server.Role != "replica" || r.Server.Link.Status != "up" || r.Server.Link.HeardS == nil || r.Server.Link.DownS != nil || *r.Walk.Keys != faultKeys {
		t.Errorf("replica: %q, %+v, %+v", got, r.Server, r.Server.Link)
	}
	o := fast()
	o.IdleOver = time.Nanosecond // shorter than any uptime but 0 seconds
	time.Sleep(1100 * time.Millisecond)
	if got := codes(checkServer(t, replica.URL(), o)); len(got) > 0 {
		t.Errorf("replica, with a short threshold: %q", got)
	}
	command(t, replica, "REPLICAOF 127.0.0.1 1")
	r = checkServer(t, replica.URL(), fast())
	if got := codes(r); !slices.Contains(got, "replica-link-down") || r.Server.Link.Status != "down" || r.Server.Link.Primary != "127.0.0.1:1" || r.Verdict != profile.VerdictComplete {
		t.Errorf("replica with its link down: %q, %+v, %s", got, r.Server.Link, r.Verdict)
	}
	never := redistest.New(t, "--replicaof", "127.0.0.1 1")
	r = checkServer(t, never.URL(), fast())
	if got := fmt.Sprint(r.Warnings); r.Server.Link.DownS != nil || !strings.Contains(got, "has not reached its primary") {
		t.Errorf("replica that never synchronised: %s, %+v", got, r.Server.Link)
	}
	lfu := redistest.New(t, "--maxmemory-policy", "allkeys-lfu", "--maxmemory", "100mb")
	r = checkServer(t, lfu.URL(), fast())
	if got := codes(r); !slices.Equal(got, []string{"lfu-policy", "primary"}) || r.Measures[2].Measure != profile.MeasureFreq || r.Verdict != profile.VerdictComplete {
		t.Errorf("LFU: %q, %+v", got, r)
	}
	cluster := redistest.NewCluster(t, 1)[0]
	r = checkServer(t, cluster.URL(), fast())
	if got := codes(r); !slices.Contains(got, "cluster-mode") || r.Verdict != profile.VerdictComplete {
		t.Errorf("cluster: %q, %+v", got, r)
	}
}

// Renamed commands are refused for good: no ACL line helps.
func TestCheckRenamed(t *testing.T) {
	tests := []struct {
		command string
		verdict profile.Verdict
		missing []profile.Measure
	}{
		{"MEMORY", profile.VerdictLacking, []profile.Measure{"bytes"}},
		{"SCAN", profile.VerdictImpossible, nil},
		{"CLIENT", profile.VerdictComplete, nil},
	}
	for _, tt := range tests {
		server := redistest.New(t, "--rename-command", tt.command, "HIDDEN")
		r := checkServer(t, server.SocketURL(), fast())
		wantMissing(t, r, tt.verdict, tt.missing)
		if r.ACL.Add != "" || (r.Scan == profile.ScanRefused) != (tt.command == "SCAN") {
			t.Errorf("%s renamed: %+v, SCAN %s", tt.command, r.ACL, r.Scan)
		}
	}
}

// saying returns a fake that says this of itself, and of keys what answer is.
func saying(t *testing.T, info, answer string) *redistest.Fake {
	t.Helper()
	return redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "info":
			return redistest.Bulk("# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:9\r\n" + info + "\r\n# Keyspace\r\ndb0:keys=7,expires=0\r\n")
		case "scan":
			return redistest.Error("ERR invalid cursor")
		case "ping", "client":
			return redistest.Simple("OK")
		case "type":
			if strings.HasPrefix(answer, ":") {
				return redistest.Simple("none")
			}
			return answer
		default:
			return answer
		}
	})
}

// States that a real server is in for a moment only.
func TestCheckMoments(t *testing.T) {
	for info, want := range map[string]string{
		"role:slave\r\nmaster_link_status:down\r\nmaster_sync_in_progress:1": "sync-in-progress",
		"role:slave\r\nmaster_link_status:up\r\nasync_loading:1":             "sync-in-progress",
		"role:master\r\nrdb_bgsave_in_progress:1":                            "save-in-progress",
		"role:master\r\naof_rewrite_in_progress:1":                           "save-in-progress",
	} {
		r := checkServer(t, saying(t, info, redistest.Integer(-1)).URL(), fast())
		if !slices.Contains(codes(r), want) || r.Verdict != profile.VerdictComplete {
			t.Errorf("%q: %q, %s", info, codes(r), r.Verdict)
		}
	}
}

// A node of a cluster that owns few of the slots sends most questions on.
func TestCheckMoved(t *testing.T) {
	for _, role := range []string{"master", "slave"} {
		fake := saying(t, "role:"+role+"\r\ncluster_enabled:1", redistest.Error("MOVED 3999 127.0.0.1:6381"))
		want := map[string]profile.Verdict{"master": profile.VerdictComplete, "slave": profile.VerdictImpossible}[role]
		r := checkServer(t, fake.URL(), fast())
		if r.Verdict != want || role == "slave" && !strings.Contains(r.Hint, "+readonly), or profile the primary") {
			t.Errorf("%s: %s, %q, %q", role, r.Verdict, r.Reasons, r.Hint)
		}
		for _, call := range fake.Calls() {
			if strings.EqualFold(call[0], "scan") && (len(call) != 2 || call[1] != "x") {
				t.Errorf("sent %q", call)
			}
		}
	}
}
