package sampler_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
	"keyprof/scanner/throttle"
)

// Environment variables of TestMatrix: the servers to try, as scripts/servers prints
// them, and a file for its table.
const (
	matrixServers = "KEYPROF_SERVERS"
	matrixTable   = "KEYPROF_MATRIX"
)

// matrix are the tests that every server must pass.
var matrix = []struct {
	name string
	test func(*testing.T, redistest.Binary)
}{
	{"census", censusIsTrue},
	{"slot in migration", migrationIsSurvived},
	{"replica", replicaIsProfiled},
	{"cluster replica", clusterReplicaIsProfiled},
	{"failed save", failedSaveIsNoObstacle},
	{"ACL line", aclLineSuffices},
	{"commands", commandsAreAllowed},
	{"cluster far away", farClusterIsProfiled},
}

// Every test on every server that scripts/servers prints, or on the one on the PATH.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("make matrix runs it")
	}
	var table strings.Builder
	fmt.Fprint(&table, "| server |")
	for _, m := range matrix {
		fmt.Fprintf(&table, " %s |", m.name)
	}
	fmt.Fprintf(&table, "\n| --- |%s\n", strings.Repeat(" --- |", len(matrix)))
	for line := range strings.Lines(cmp.Or(os.Getenv(matrixServers), "redis-server")) {
		fields := append(strings.Fields(line), "", "")
		fmt.Fprintf(&table, "| %s |", fields[0])
		t.Run(fields[0], func(t *testing.T) {
			for _, m := range matrix {
				verdict := "fails"
				if t.Run(m.name, func(t *testing.T) { m.test(t, redistest.Binary(fields[2])) }) {
					verdict = "ok"
				}
				fmt.Fprintf(&table, " %s |", verdict)
			}
		})
		fmt.Fprintln(&table)
	}
	if path := os.Getenv(matrixTable); path != "" {
		if err := os.WriteFile(path, []byte(table.String()), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// usual returns the options of a profile without flags.
func usual() sampler.Options {
	o := fast()
	o.Workers, o.Page = sampler.DefaultWorkers, 0
	o.MaxLoad, o.LatencyBudget, o.Guarded = throttle.DefaultMaxLoad, throttle.DefaultLatencyBudget, true
	return o
}

// counts holds the figures on which a census and an independent client must agree.
type counts struct {
	keys, noTTL int64
	types       map[string]int64
}

// countsOf asks for each key by itself.
func countsOf(t *testing.T, clients ...*redis.Client) counts {
	t.Helper()
	ctx := context.Background()
	c := counts{types: map[string]int64{}}
	for _, client := range clients {
		for _, key := range client.Keys(ctx, "*").Val() {
			c.keys++
			c.types[client.Type(ctx, key).Val()]++
			if client.Do(ctx, "pttl", key).Val() == int64(-1) {
				c.noTTL++
			}
		}
	}
	return c
}

// checkCensus holds a census against what the server has.
func checkCensus(t *testing.T, p *profile.Profile, want counts) {
	t.Helper()
	got := counts{keys: p.Totals.Keys.Value, types: map[string]int64{}}
	if n := p.Totals.NoTTLKeys; n != nil {
		got.noTTL = n.Value
	}
	for kind, stats := range p.Totals.Types {
		got.types[kind] = stats.Keys
	}
	if !p.Complete || len(p.Missing) > 0 || got.keys != want.keys || got.noTTL != want.noTTL || !maps.Equal(got.types, want.types) {
		t.Errorf("complete %v (%s), missing %v: %+v, want %+v", p.Complete, p.Nodes[0].Incomplete, p.Missing, got, want)
	}
}

// checkAlive fails if the process is not the one that was started, or does not answer.
func checkAlive(t *testing.T, servers ...*redistest.Server) {
	t.Helper()
	for _, s := range servers {
		info, err := s.Client().Info(context.Background(), "server").Result()
		if want := fmt.Sprintf("process_id:%d\r\n", s.PID()); err != nil || !strings.Contains(info, want) {
			t.Errorf("the server that was process %d: %v", s.PID(), err)
		}
	}
}

func censusIsTrue(t *testing.T, binary redistest.Binary) {
	server := binary.New(t)
	clients := []*redis.Client{server.Client(), server.ClientDB(2)}
	for i, client := range clients {
		mixed(t, client, 3000-1000*i)
	}
	checkCensus(t, collect(t, server.URL(), usual()), countsOf(t, clients...))
}

func mixed(t *testing.T, client redis.UniversalClient, keys int) {
	t.Helper()
	if err := redistest.Mixed(context.Background(), client, keys, 1); err != nil {
		t.Fatal(err)
	}
}

// mixedCluster returns a cluster of two primaries with keys of all types.
func mixedCluster(t *testing.T, binary redistest.Binary) []*redistest.Server {
	t.Helper()
	nodes := binary.NewCluster(t, 2)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr(), nodes[1].Addr()}})
	defer client.Close()
	mixed(t, client, 2000)
	return nodes
}

// A slot is being moved, the lowest of those that its new node has: each of the two
// has some of its keys. Neither must crash (CLIENT NO-TOUCH: redis#13512,
// valkey#1499), and the census of each is of all keys that answer there.
func migrationIsSurvived(t *testing.T, binary redistest.Binary) {
	nodes := mixedCluster(t, binary)
	const tag = "{travel}"
	if slot := scanner.SlotOf(tag); slot >= scanner.Slots/2 {
		t.Fatalf("slot %d is of the second node", slot)
	}
	const keys, moved = 600, 300
	var names []string
	piped(t, nodes[0].Client(), func(pipe redis.Pipeliner) {
		eachName(tag, keys, func(name string) {
			names = append(names, name)
			pipe.Set(context.Background(), name, "some text", 0)
		})
	})
	redistest.Migrate(t, nodes[0], nodes[1], scanner.SlotOf(tag), names[:moved]...)
	for i, node := range nodes {
		there := node.Client().DBSize(context.Background()).Val()
		p := collect(t, node.URL(), usual())
		checkAlive(t, nodes...)
		// Keys that have come over answer MOVED until the slot is the new node's.
		away := int64(moved * i)
		if !p.Complete || p.Totals.Keys.Value != there-away || p.Totals.Moved != away || p.Totals.Failed != 0 {
			t.Errorf("node %d with %d keys: complete %v (%s), %d keys, %d moved, %d failed",
				i, there, p.Complete, p.Nodes[0].Incomplete, p.Totals.Keys.Value, p.Totals.Moved, p.Totals.Failed)
		}
	}
}

func replicaIsProfiled(t *testing.T, binary redistest.Binary) {
	primary := binary.New(t)
	mixed(t, primary.Client(), 1000)
	replica := redistest.Replica(t, primary)
	p := collect(t, replica.URL(), usual())
	checkCensus(t, p, countsOf(t, primary.Client()))
	if p.Nodes[0].Role != profile.RoleReplica {
		t.Errorf("the role is %s", p.Nodes[0].Role)
	}
	checkAlive(t, primary, replica)
}

func clusterReplicaIsProfiled(t *testing.T, binary redistest.Binary) {
	primary := mixedCluster(t, binary)[0]
	replica := redistest.ClusterReplica(t, primary)
	checkCensus(t, collect(t, replica.URL(), usual()), countsOf(t, primary.Client()))
	checkAlive(t, primary, replica)
}

// Saves fail, so that PING answers MISCONF: an incident in which a profile is wanted.
func failedSaveIsNoObstacle(t *testing.T, binary redistest.Binary) {
	server := binary.New(t)
	mixed(t, server.Client(), 1000)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := server.FailSaves(ctx); err != nil {
		t.Fatal(err)
	}
	if err := server.Client().Ping(ctx).Err(); err == nil || !strings.HasPrefix(err.Error(), "MISCONF") {
		t.Fatalf("PING answers %v", err)
	}
	checkCensus(t, collect(t, server.URL(), usual()), countsOf(t, server.Client()))
}

// The server takes the line that keyprof prints, and its user may do all that a
// profile needs, a sample of a cluster's slots included.
func aclLineSuffices(t *testing.T, binary redistest.Binary) {
	for _, node := range []*redistest.Server{binary.New(t), binary.NewCluster(t, 1)[0]} {
		mixed(t, node.Client(), 1000)
		line := scanner.ACLNewUser(connect(t, node.URL()).Node)
		var command []any
		for _, word := range strings.Fields(line) {
			command = append(command, word)
		}
		do(t, node.Client(), command...)
		url := strings.Replace(node.URL(), "://", "://"+scanner.NewUser+":PASSWORD@", 1)
		checkCensus(t, collect(t, url, usual()), countsOf(t, node.Client()))
		o := usual()
		o.Sample = &sampler.SampleSize{Share: 0.5}
		if p := collect(t, url, o); len(p.Missing) > 0 || p.Design.Sample == nil || !p.Complete {
			t.Errorf("a sample: complete %v, missing %v, %v", p.Complete, p.Missing, p.Warnings)
		}
	}
}

// Nothing but commands on the list reaches the server: MONITOR shows subcommands,
// and commandstats the commands that MONITOR leaves out.
func commandsAreAllowed(t *testing.T, binary redistest.Binary) {
	allowed := scanner.AllowedCommands()
	var names []string
	for _, command := range allowed {
		name, _, _ := strings.Cut(command, " ")
		names = append(names, name, strings.ReplaceAll(command, " ", "|"))
	}
	for _, server := range []*redistest.Server{binary.New(t), binary.NewCluster(t, 1)[0]} {
		mixed(t, server.Client(), 1000)
		monitor := redistest.NewMonitor(t, server)
		before, err := server.CommandCounts(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		o := usual()
		o.Sample = &sampler.SampleSize{Share: 0.5}
		collect(t, server.URL(), usual())
		collect(t, server.URL(), o)
		after, err := server.CommandCounts(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		seen, err := monitor.Stop()
		if err != nil {
			t.Fatal(err)
		}
		for name, n := range after {
			if n > before[name] && !slices.Contains(names, name) {
				t.Errorf("the server counted %q", name)
			}
		}
		for _, args := range seen {
			one, two := args[0], strings.ToLower(strings.Join(args[:min(len(args), 2)], " "))
			if !slices.Contains(allowed, one) && !slices.Contains(allowed, two) {
				t.Errorf("the server saw %q", two)
			}
		}
		if len(seen) < 2*1000 {
			t.Errorf("the server saw %d commands: no full run", len(seen))
		}
	}
}
