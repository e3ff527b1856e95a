package sampler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"keyprof/sampler"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fast returns options for a scan at full speed.
func fast() sampler.Options {
	return sampler.Options{
		IdleOver: 30 * 24 * time.Hour, Grouping: aggregate.Grouping{Limit: aggregate.DefaultNamespaceLimit},
		Workers: 2, Page: 100, MaxLoad: 1,
		Tool: profile.Tool{Name: "keyprof", Version: "test"},
	}
}

func connect(t testing.TB, url string) *scanner.Conn {
	t.Helper()
	target, err := scanner.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := scanner.Connect(context.Background(), target, scanner.DefaultTimeout, scanner.RetryPolicy{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// collect profiles the server at url, and checks the document.
func collect(t testing.TB, url string, o sampler.Options) *profile.Profile {
	t.Helper()
	p, err := sampler.Collect(context.Background(), connect(t, url), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatalf("the profile does not pass its own check: %v", err)
	}
	return p
}

// doer is a client, or one connection of it.
type doer interface {
	Do(ctx context.Context, args ...any) *redis.Cmd
}

func do(t *testing.T, client doer, args ...any) {
	t.Helper()
	if err := client.Do(context.Background(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

func warned(p *profile.Profile, code string) bool {
	return slices.ContainsFunc(p.Warnings, func(w profile.Warning) bool { return w.Code == code })
}

func find(t *testing.T, p *profile.Profile, pattern string) profile.Namespace {
	t.Helper()
	for _, n := range p.Namespaces {
		if n.Pattern == pattern {
			return n
		}
	}
	t.Fatalf("no namespace %q among %d", pattern, len(p.Namespaces))
	return profile.Namespace{}
}

func TestEmptyServer(t *testing.T) {
	p := collect(t, redistest.New(t).SocketURL(), fast())
	if !p.Complete || p.Totals.Keys.Value != 0 || len(p.Namespaces) != 0 || len(p.Missing) != 0 {
		t.Errorf("complete %v, %d keys, %d namespaces, missing %v", p.Complete, p.Totals.Keys.Value, len(p.Namespaces), p.Missing)
	}
}

// Every command that reaches the server is on the list, and nothing that we
// send changes an idle time (incident: a profiler that flattens the eviction
// order).
func TestReadOnly(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t, "--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru")
	client := server.Client()
	if err := redistest.Mixed(ctx, client, 5000, 1); err != nil {
		t.Fatal(err)
	}
	idleOf := func(key string) time.Duration { return time.Duration(1000*(1+len(key)%7)) * time.Second }
	if err := redistest.AgeAll(ctx, client, idleOf); err != nil {
		t.Fatal(err)
	}
	monitor := redistest.NewMonitor(t, server)
	p := collect(t, server.SocketURL(), fast())
	seen, err := monitor.Stop()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, args := range seen {
		name := args[0]
		if name == "memory" || name == "object" || name == "client" {
			name += " " + strings.ToLower(args[1])
		}
		names[name]++
	}
	for name := range names {
		if !scanner.Allowed(name) {
			t.Errorf("the server saw %q, which is not on the allow-list", name)
		}
	}
	for name, n := range p.Receipt.Commands {
		if name != "hello" && name != "auth" && int64(names[name]) != n {
			t.Errorf("the receipt says %d times %q, the server saw %d", n, name, names[name])
		}
	}
	if want := int64(5000); p.Receipt.Commands["memory usage"] < want {
		t.Errorf("receipt %v: the monitor watched no full run", p.Receipt.Commands)
	}
	for _, key := range client.Keys(ctx, "*").Val() {
		idle := client.ObjectIdleTime(ctx, key).Val()
		if want := idleOf(key); idle < want || idle > want+time.Minute {
			t.Errorf("%q is idle for %v after the walk, was for %v", key, idle, want)
		}
	}
}

// normalize takes out of a profile what may differ between two runs over the
// same keys: times and cost.
func normalize(t *testing.T, p *profile.Profile) string {
	t.Helper()
	c := *p
	c.Began, c.Ended = time.Time{}, time.Time{}
	c.Receipt = profile.Receipt{}
	c.Nodes = slices.Clone(p.Nodes)
	for i := range c.Nodes {
		c.Nodes[i].Info, c.Nodes[i].UsedMemory, c.Nodes[i].UptimeS, c.Nodes[i].IdleHorizonS = nil, nil, nil, nil
	}
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Idle times and remaining TTLs move while a test runs, so this one uses an LFU
// server without TTLs: there everything stands still.
func TestWorkersAndPagesDoNotShow(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t, "--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lfu", "--lfu-decay-time", "0")
	client := server.Client()
	if err := redistest.Mixed(ctx, client, 10_000, 2); err != nil {
		t.Fatal(err)
	}
	for _, key := range client.Keys(ctx, "*").Val() {
		client.Persist(ctx, key)
	}
	reference := ""
	for _, workers := range []int{1, 2, 8} {
		for _, page := range []int{1, 7, 50, 1000} {
			o := fast()
			o.Workers, o.Page = workers, page
			got := normalize(t, collect(t, server.SocketURL(), o))
			if reference == "" {
				reference = got
			}
			if got != reference {
				t.Errorf("%d workers, page %d: another profile (-first +this):\n%.2000s", workers, page, cmp.Diff(reference, got))
			}
		}
	}
}

func TestFrequencyInThePlaceOfIdle(t *testing.T) {
	server := redistest.New(t, "--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lfu")
	do(t, server.Client(), "set", "user:1", "x")
	p := collect(t, server.SocketURL(), fast())
	if p.Totals.Idle != nil || p.Totals.HighIdleKeys != nil || len(p.Missing) != 0 {
		t.Errorf("idle %v, high-idle %v, missing %v: under LFU there is none, and nothing is refused", p.Totals.Idle, p.Totals.HighIdleKeys, p.Missing)
	}
	if p.Totals.Freq == nil || len(p.Totals.Freq.Histogram) != 1 || p.Totals.Freq.Histogram[0].Keys != 1 {
		t.Errorf("frequency %+v", p.Totals.Freq)
	}
}

// Small integers are shared between keys while no maxmemory is set; their idle
// times mean nothing, on 7.0 as well (redis-facts, rule 11).
func TestSharedIntegersHaveNoIdleTime(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t)
	client := server.Client()
	for i := range 100 {
		do(t, client, "set", fmt.Sprintf("shared:%d", i), i)
		do(t, client, "set", fmt.Sprintf("counter:%d", i), 1_000_000+i)
		do(t, client, "set", fmt.Sprintf("word:%d", i), "abc")
	}
	if err := redistest.AgeAll(ctx, client, func(key string) time.Duration {
		if strings.HasPrefix(key, "shared") {
			return -1
		}
		return time.Hour
	}); err != nil {
		t.Fatal(err)
	}
	p := collect(t, server.SocketURL(), fast())
	for pattern, want := range map[string]int64{"shared:<int>": 0, "counter:<int>": 100, "word:<int>": 100} {
		n := find(t, p, pattern)
		var idle int64
		if n.Idle.IdleS != nil {
			idle = n.Idle.IdleS.Count
		}
		if idle != want || n.Idle.SharedKeys != 100-want {
			t.Errorf("%s: %d idle times and %d shared, want %d and %d", pattern, idle, n.Idle.SharedKeys, want, 100-want)
		}
	}
}

func TestReplica(t *testing.T) {
	ctx := context.Background()
	primary := redistest.New(t, "--enable-debug-command", "yes")
	client := primary.Client()
	do(t, client, "debug", "set-active-expire", "0")
	for i := range 50 {
		do(t, client, "set", fmt.Sprintf("gone:%d", i), "x", "px", "1")
		do(t, client, "set", fmt.Sprintf("here:%d", i), "x")
	}
	replica := redistest.Replica(t, primary)
	time.Sleep(20 * time.Millisecond)
	p := collect(t, replica.SocketURL(), fast())
	if got := p.Nodes[0].Role; got != profile.RoleReplica {
		t.Errorf("role %q", got)
	}
	if got := p.Totals.Idle.Measure; got != profile.IdleSinceWriteOrLocalRead {
		t.Errorf("idle is called %q on a replica", got)
	}
	if warned(p, "primary") || !p.Complete {
		t.Errorf("complete %v, warnings %v", p.Complete, p.Warnings)
	}
	if p.Totals.Keys.Value != 50 {
		t.Errorf("%d keys, want the 50 that are not expired", p.Totals.Keys.Value)
	}
	if n := replica.Client().DBSize(ctx).Val(); n != 100 {
		t.Errorf("the replica holds %d keys after the walk, want 100: it must not remove any", n)
	}
}

func TestThresholdBeyondTheHorizon(t *testing.T) {
	server := redistest.New(t)
	do(t, server.Client(), "set", "a:1", "some text that is no number")
	p := collect(t, server.SocketURL(), fast())
	if p.Totals.HighIdleKeys != nil || !warned(p, "idle-horizon") {
		t.Errorf("high-idle %v, warnings %v: a server just started cannot tell 30 days", p.Totals.HighIdleKeys, p.Warnings)
	}
	o := fast()
	o.IdleOver = time.Second
	time.Sleep(2100 * time.Millisecond)
	p = collect(t, server.SocketURL(), o)
	if p.Totals.HighIdleKeys == nil || p.Totals.HighIdleKeys.Value != 1 || warned(p, "idle-horizon") {
		t.Errorf("high-idle %+v, warnings %v; want 1 key", p.Totals.HighIdleKeys, p.Warnings)
	}

	// The horizon is that of the scan's end: idle times go on while it runs.
	o.Rate, o.Page = 1, 1
	o.Progress = func(sampler.Progress) { time.Sleep(1500 * time.Millisecond) }
	n := collect(t, server.SocketURL(), o).Nodes[0]
	if *n.IdleHorizonS <= *n.UptimeS {
		t.Errorf("horizon %d s, uptime at the beginning %d s: the walk took more than a second", *n.IdleHorizonS, *n.UptimeS)
	}
}

// aclUser makes a user with these rules and returns the URL to log in with.
func aclUser(t *testing.T, server *redistest.Server, rules ...string) string {
	t.Helper()
	args := []any{"acl", "setuser", "prof", "reset", "on", ">secret"}
	for _, r := range rules {
		args = append(args, r)
	}
	do(t, server.Client(), args...)
	return "redis://prof:secret@" + server.Addr()
}

var fullRules = []string{
	"~*", "+scan", "+type", "+pttl", "+object|idletime", "+object|freq", "+object|refcount", "+memory|usage",
	"+info", "+ping", "+select", "+hello", "+auth", "+client|setname",
}

// Each command is taken away in turn: the scan goes on, says what is missing,
// and names the rule that allows it.
func TestRefusedMeasures(t *testing.T) {
	server := redistest.New(t)
	for i := range 300 {
		do(t, server.Client(), "set", fmt.Sprintf("user:%d", i), "some text")
	}
	tests := []struct {
		without string
		missing profile.Measure
		absent  func(profile.Stats) bool
	}{
		{"+memory|usage", profile.MeasureBytes, func(s profile.Stats) bool { return s.Bytes == nil && s.Size == nil && s.NoTTLBytes == nil }},
		{"+pttl", profile.MeasureTTL, func(s profile.Stats) bool { return s.NoTTLKeys == nil && s.TTL == nil }},
		{"+object|idletime", profile.MeasureIdle, func(s profile.Stats) bool { return s.Idle == nil && s.IdleByTTL == nil }},
		{"+type", profile.MeasureType, func(s profile.Stats) bool { return len(s.Types) == 0 && s.SampledBytes == nil }},
	}
	for _, tt := range tests {
		t.Run(tt.without, func(t *testing.T) {
			rules := slices.DeleteFunc(slices.Clone(fullRules), func(r string) bool { return r == tt.without })
			p := collect(t, aclUser(t, server, rules...), fast())
			if !p.Complete || p.Totals.Keys.Value != 300 {
				t.Errorf("complete %v, %d keys", p.Complete, p.Totals.Keys.Value)
			}
			if len(p.Missing) != 1 || p.Missing[0].Measure != tt.missing || !strings.HasSuffix(p.Missing[0].Remedy, "prof "+tt.without) {
				t.Errorf("missing %+v", p.Missing)
			}
			if !warned(p, "measure-refused") || !tt.absent(p.Totals) {
				t.Errorf("warnings %v, totals %+v", p.Warnings, p.Totals)
			}
		})
	}
}

func TestRefusedInfoAndSelect(t *testing.T) {
	server := redistest.New(t)
	do(t, server.Client(), "set", "user:1", "some text")
	do(t, server.ClientDB(3), "set", "user:1", "some text")
	var rules []string
	for _, r := range fullRules {
		if r != "+info" && r != "+select" && r != "+ping" && r != "+client|setname" && r != "+object|refcount" {
			rules = append(rules, r)
		}
	}
	url := aclUser(t, server, rules...)
	p := collect(t, url, fast())
	if p.Complete || p.Totals.Keys.Value != 1 || p.Nodes[0].Role != "unknown" {
		t.Errorf("complete %v, %d keys, role %s: other databases are not known", p.Complete, p.Totals.Keys.Value, p.Nodes[0].Role)
	}
	o := fast()
	o.Databases = []int{0}
	if !collect(t, url, o).Complete {
		t.Error("database 0 alone was asked for, and walked")
	}
	if !warned(p, "info-refused") || !warned(p, "shared-integers") || p.Totals.HighIdleKeys != nil {
		t.Errorf("warnings %v", p.Warnings)
	}
}

func TestRefusedSelectLeavesADatabaseOut(t *testing.T) {
	server := redistest.New(t)
	do(t, server.Client(), "set", "user:1", "some text")
	do(t, server.ClientDB(3), "set", "user:1", "some text")
	rules := slices.DeleteFunc(slices.Clone(fullRules), func(r string) bool { return r == "+select" })
	p := collect(t, aclUser(t, server, rules...), fast())
	if p.Complete || p.Totals.Keys.Value != 1 || !p.Nodes[0].Databases[0].Complete || p.Nodes[0].Databases[1].Complete {
		t.Errorf("complete %v, %d keys, databases %+v", p.Complete, p.Totals.Keys.Value, p.Nodes[0].Databases)
	}
}

func TestRefusedAltogether(t *testing.T) {
	server := redistest.New(t)
	do(t, server.Client(), "set", "user:1", "some text")
	for _, tt := range []struct {
		rules []string
		want  string
	}{
		{[]string{"~*", "+info", "+hello"}, "NOPERM"},
		{[]string{"~*", "+info", "+scan"}, "every command"},
	} {
		url := aclUser(t, server, tt.rules...)
		_, err := sampler.Collect(context.Background(), connect(t, url), fast())
		var failed *scanner.Error
		if !errors.As(err, &failed) || !strings.Contains(failed.Error(), tt.want) || failed.Hint == "" {
			t.Errorf("rules %v: %v (hint %q)", tt.rules, err, failed.Hint)
		}
	}
}

// Keys that are denied say nothing of the commands: no idle time is dropped
// because the few names that were tried first are not ours.
func TestDeniedKeysInTheRehearsal(t *testing.T) {
	server := redistest.New(t)
	for i := range 500 {
		do(t, server.Client(), "set", fmt.Sprintf("theirs:%d", i), "some text")
	}
	do(t, server.Client(), "set", "mine:1", "some text")
	p := collect(t, aclUser(t, server, append([]string{"~mine:*"}, fullRules[1:]...)...), fast())
	if warned(p, "shared-integers") || p.Totals.Keys.Value != 1 || p.Totals.Idle.IdleS == nil {
		t.Errorf("%d keys, idle %+v, warnings %v", p.Totals.Keys.Value, p.Totals.Idle, p.Warnings)
	}
}

// A user limited to a prefix still sees all names in SCAN.
func TestKeysDeniedByPattern(t *testing.T) {
	server := redistest.New(t)
	for i := range 40 {
		do(t, server.Client(), "set", fmt.Sprintf("mine:%d", i), "some text")
		do(t, server.Client(), "set", fmt.Sprintf("theirs:%d", i), "some text")
	}
	rules := append([]string{"~mine:*"}, fullRules[1:]...)
	p := collect(t, aclUser(t, server, rules...), fast())
	if p.Complete || p.Totals.Keys.Value != 40 || p.Totals.Denied != 40 || len(p.Missing) != 0 || !warned(p, "keys-denied") {
		t.Errorf("%d keys, %d denied, missing %v", p.Totals.Keys.Value, p.Totals.Denied, p.Missing)
	}
	if find(t, p, "theirs:<int>").Denied != 40 {
		t.Error("denied keys are counted by namespace")
	}
}

// PTTL wants the right to read a key; a user who may only write it gets
// everything else.
func TestMeasureDeniedForAllKeys(t *testing.T) {
	server := redistest.New(t)
	for i := range 40 {
		do(t, server.Client(), "set", fmt.Sprintf("user:%d", i), "some text")
	}
	p := collect(t, aclUser(t, server, append([]string{"%W~*"}, fullRules[1:]...)...), fast())
	if !p.Complete || p.Totals.Keys.Value != 40 || len(p.Missing) != 1 || p.Missing[0].Measure != profile.MeasureTTL || !strings.HasSuffix(p.Missing[0].Remedy, "%R~*") {
		t.Errorf("complete %v, %d keys, missing %+v", p.Complete, p.Totals.Keys.Value, p.Missing)
	}
}

// Operations on a server in the middle of a scan.
func TestChangesDuringTheWalk(t *testing.T) {
	ctx := context.Background()
	primary, other := redistest.New(t), redistest.New(t)
	if err := redistest.Mixed(ctx, primary.Client(), 3000, 6); err != nil {
		t.Fatal(err)
	}
	replica := redistest.Replica(t, primary)
	during := func(change func()) *profile.Profile {
		o, once := fast(), sync.OnceFunc(change)
		o.Page = 10
		o.Progress = func(p sampler.Progress) {
			if p.Keys > 500 {
				once()
			}
		}
		return collect(t, replica.SocketURL(), o)
	}
	p := during(func() { do(t, replica.Client(), "config", "set", "maxmemory-policy", "allkeys-lfu") })
	if !p.Complete || p.Totals.Keys.Value != 3000 || p.Totals.Failed != 0 || !warned(p, "server-changed") {
		t.Errorf("policy: complete %v, %d keys, %d failed, warnings %v", p.Complete, p.Totals.Keys.Value, p.Totals.Failed, p.Warnings)
	}
	if p.Totals.Idle.IdleS.Count == 0 || p.Totals.Idle.IdleS.Count >= 3000 {
		t.Errorf("%d idle times: those of keys probed before the change", p.Totals.Idle.IdleS.Count)
	}
	p = during(func() { do(t, replica.Client(), "replicaof", "no", "one") })
	if p.Complete || p.Nodes[0].Incomplete != "the role changed from replica to primary during the scan" || p.Totals.Keys.Value != 3000 {
		t.Errorf("promoted: complete %v (%s), %d keys", p.Complete, p.Nodes[0].Incomplete, p.Totals.Keys.Value)
	}
	host, port, _ := net.SplitHostPort(other.Addr())
	p = during(func() {
		do(t, replica.Client(), "replicaof", host, port)
		time.Sleep(2 * time.Second)
	})
	if p.Complete || p.Nodes[0].Incomplete == "" {
		t.Errorf("another primary: complete %v", p.Complete)
	}
}

func TestNotAllDatabasesExist(t *testing.T) {
	o := fast()
	o.Databases = []int{5, 99}
	p := collect(t, redistest.New(t).SocketURL(), o)
	if p.Complete || !p.Nodes[0].Databases[0].Complete || p.Nodes[0].Databases[1].Complete {
		t.Errorf("complete %v, databases %+v", p.Complete, p.Nodes[0].Databases)
	}
}

func TestHostileNames(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t)
	names := []string{"", "\x1b[31mred", "a\nb", `quo"te`, "\xff\xfe", "\x00", "<uuid>", strings.Repeat("long", scanner.MaxName/4), strings.Repeat("x", 2000), "tab\t", "\u202eevil", `back\slash`}
	for _, name := range names {
		if err := server.Client().Set(ctx, name, "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	p := collect(t, server.SocketURL(), fast())
	if got := p.Totals.Keys.Value; got != int64(len(names)) || !p.Complete {
		t.Fatalf("%d keys, want %d", got, len(names))
	}
	var back []string
	for _, k := range p.Largest {
		raw, err := k.Raw()
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, raw)
	}
	for _, name := range names {
		if !slices.Contains(back, name[:min(len(name), profile.MaxNameBytes)]) {
			t.Errorf("%.40q cannot be read back", name)
		}
	}
}

func TestDatabases(t *testing.T) {
	server := redistest.New(t)
	for _, db := range []int{0, 3, 9} {
		do(t, server.ClientDB(db), "set", fmt.Sprintf("only:in:%d", db), "x")
	}
	keysIn := func(o sampler.Options) map[int]int64 {
		found := map[int]int64{}
		for _, n := range collect(t, server.SocketURL(), o).Namespaces {
			found[n.DB] += n.Keys.Value
		}
		return found
	}
	o := fast()
	if got := keysIn(o); !maps.Equal(got, map[int]int64{0: 1, 3: 1, 9: 1}) {
		t.Errorf("all: %v", got)
	}
	o.Databases = []int{9, 5}
	if got := keysIn(o); !maps.Equal(got, map[int]int64{9: 1}) {
		t.Errorf("5 and 9: %v", got)
	}
	o.Databases = []int{99}
	_, err := sampler.Collect(context.Background(), connect(t, server.SocketURL()), o)
	if err == nil || !strings.Contains(err.Error(), "database 99") {
		t.Errorf("a database that is out of range: %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	server := redistest.New(t)
	if err := redistest.Mixed(context.Background(), server.Client(), 5000, 3); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancelCause(context.Background())
	o := fast()
	o.Page = 10
	o.Progress = func(p sampler.Progress) {
		if p.Keys > 1000 {
			interrupt(sampler.ErrInterrupted)
		}
	}
	p, err := sampler.Collect(ctx, connect(t, server.SocketURL()), o)
	if err != nil {
		t.Fatal(err)
	}
	db := p.Nodes[0].Databases[0]
	if p.Complete || db.Complete || db.Cursor == "" || db.Incomplete != "interrupted" {
		t.Errorf("complete %v, database %+v", p.Complete, db)
	}
	if got := p.Totals.Keys.Value; got != db.Returned || got < 1000 || got > 2000 {
		t.Errorf("%d keys probed of %d returned: the page at hand is finished, no more", got, db.Returned)
	}
}

func TestTimeUp(t *testing.T) {
	server := redistest.New(t)
	for _, db := range []int{0, 3} {
		if err := redistest.Mixed(context.Background(), server.ClientDB(db), 2000, 3); err != nil {
			t.Fatal(err)
		}
	}
	inTime, early := sampler.ErrTimeUp.Error(), "not scanned: "+sampler.ErrTimeUp.Error()
	for limit, want := range map[time.Duration][]string{
		500 * time.Millisecond: {inTime, "not scanned"},
		1:                      {early, "not scanned"},
	} {
		o := fast()
		o.Page, o.Rate, o.MaxDuration = 10, 1000, limit
		p := collect(t, server.SocketURL(), o)
		dbs := p.Nodes[0].Databases
		if got := []string{dbs[0].Incomplete, dbs[1].Incomplete}; p.Complete || !slices.Equal(got, want) || p.Nodes[0].Incomplete != want[0] {
			t.Errorf("%v: complete %v, databases: %q", limit, p.Complete, got)
		}
		if err := p.Check(); err != nil {
			t.Errorf("%v: %v", limit, err)
		}
		if got := p.Totals.Keys.Value; got != dbs[0].Returned || got > 1000 {
			t.Errorf("%v: %d keys probed of %d returned", limit, got, dbs[0].Returned)
		}
	}
}

func TestLostConnection(t *testing.T) {
	server := redistest.New(t)
	if err := redistest.Mixed(context.Background(), server.Client(), 5000, 4); err != nil {
		t.Fatal(err)
	}
	proxy := redistest.NewProxy(t, server.Addr())
	conn := connect(t, proxy.URL())
	proxy.CutAfter(100_000)
	p, err := sampler.Collect(context.Background(), conn, fast())
	if err != nil {
		t.Fatal(err)
	}
	if p.Complete || p.Nodes[0].Incomplete == "" || p.Totals.Keys.Value == 0 || p.Totals.Keys.Value >= 5000 {
		t.Errorf("complete %v (%s), %d keys", p.Complete, p.Nodes[0].Incomplete, p.Totals.Keys.Value)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}

func TestRate(t *testing.T) {
	server := redistest.New(t)
	if err := redistest.Mixed(context.Background(), server.Client(), 1000, 5); err != nil {
		t.Fatal(err)
	}
	o := fast()
	o.Page, o.Rate = 10, 1000
	p := collect(t, server.SocketURL(), o)
	if p.Receipt.ElapsedS < 0.9 || p.Receipt.PausedS < 0.5 {
		t.Errorf("1,000 keys at 1,000 a second took %.2f s with %.2f s of pauses", p.Receipt.ElapsedS, p.Receipt.PausedS)
	}
}

// The receipt states exactly what the scan added to the server's counters.
func TestReceiptAgreesWithTheServer(t *testing.T) {
	ctx := context.Background()
	server := redistest.New(t)
	client := server.Client()
	if err := redistest.Mixed(ctx, client, 3000, 7); err != nil {
		t.Fatal(err)
	}
	before := stats(t, client)
	p := collect(t, server.SocketURL(), fast())
	after := stats(t, client)
	r := &p.Receipt
	for name, got := range map[string]int64{
		"keyspace_hits": r.KeyspaceHits, "keyspace_misses": r.KeyspaceMisses, "expired_keys": *r.ExpiredMeanwhile,
	} {
		if want := after[name] - before[name]; got != want {
			t.Errorf("%s: the receipt says %d, the server counted %d", name, got, want)
		}
	}
	if r.KeyspaceHits < 3*3000 || r.CommandS == nil || *r.CommandS <= 0 || *r.CommandS > r.ElapsedS {
		t.Errorf("hits %d, commands took %v of %v s", r.KeyspaceHits, r.CommandS, r.ElapsedS)
	}
}

// stats returns the numbers in INFO stats.
func stats(t *testing.T, client *redis.Client) map[string]int64 {
	t.Helper()
	text, err := client.Info(context.Background(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]int64{}
	for name := range info.Parse(text)["stats"] {
		numbers[name], _ = info.Parse(text).Int(name)
	}
	return numbers
}

// Rate is a ceiling, after a wait as well.
func TestRateIsKept(t *testing.T) {
	server := newFaultServer(t)
	proxy := redistest.NewProxy(t, server.Addr())
	o := small()
	o.Rate = 2000
	o.Progress = once(func() {
		proxy.Blackhole(true)
		time.AfterFunc(500*time.Millisecond, func() { proxy.Blackhole(false) })
	})
	p, _, err := patiently(context.Background(), t, proxy.URL(), 10*time.Second, o)
	if err != nil {
		t.Fatal(err)
	}
	if least := float64(faultKeys)/o.Rate + 0.5 - 0.1; !p.Complete || p.Receipt.ElapsedS < least {
		t.Errorf("complete %v, %d keys at %v a second and half a second without an answer took %.2f s", p.Complete, faultKeys, o.Rate, p.Receipt.ElapsedS)
	}
}
