package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clusterSlots is the number of slots of a cluster.
const clusterSlots = 16384

// NewCluster is New for a cluster of so many primaries, which have about as many
// slots each. It returns when every one of them serves its slots.
func NewCluster(tb testing.TB, nodes int, args ...string) []*Server {
	tb.Helper()
	return Binary("").NewCluster(tb, nodes, args...)
}

// NewCluster is like the function NewCluster, for this program.
func (b Binary) NewCluster(tb testing.TB, nodes int, args ...string) []*Server {
	tb.Helper()
	servers := make([]*Server, nodes)
	for i := range servers {
		servers[i] = b.newNode(tb, args)
		// Nodes with one epoch settle it by themselves, but one at a time.
		clusterCommand(tb, servers[i], "SET-CONFIG-EPOCH", i+1)
		slots := []any{"ADDSLOTS"} // ADDSLOTSRANGE is of 7.0
		for slot := clusterSlots * i / nodes; slot < clusterSlots*(i+1)/nodes; slot++ {
			slots = append(slots, slot)
		}
		clusterCommand(tb, servers[i], slots...)
	}
	for _, s := range servers[1:] {
		s.meet(tb, servers[0])
	}
	for _, s := range servers {
		s.awaitCluster(tb, func(ctx context.Context) bool { return s.serves(ctx, nodes) })
	}
	return servers
}

// ClusterReplica adds a replica to a node that NewCluster made, and returns when it has
// the node's data and reports itself as its replica.
func ClusterReplica(tb testing.TB, primary *Server, args ...string) *Server {
	tb.Helper()
	s := primary.binary.newNode(tb, args)
	s.meet(tb, primary)
	id := primary.nodeID(tb)
	s.awaitCluster(tb, func(ctx context.Context) bool {
		return s.Client().Do(ctx, "CLUSTER", "REPLICATE", id).Err() == nil // fails until s knows that node
	})
	if err := s.awaitLink(tb.Context()); err != nil {
		tb.Fatalf("redistest: replica: %v\n%s", err, s.Log())
	}
	s.awaitCluster(tb, func(ctx context.Context) bool {
		return strings.Contains(s.Client().ClusterInfo(ctx).Val(), "cluster_state:ok")
	})
	return s
}

// Migrate starts to move a slot between two nodes of a cluster, moves these keys of it,
// and stops there: from has the slot MIGRATING and to has it IMPORTING, each with some of
// its keys, until CLUSTER SETSLOT says otherwise.
func Migrate(tb testing.TB, from, to *Server, slot int, keys ...string) {
	tb.Helper()
	clusterCommand(tb, to, "SETSLOT", slot, "IMPORTING", from.nodeID(tb))
	clusterCommand(tb, from, "SETSLOT", slot, "MIGRATING", to.nodeID(tb))
	command := []any{"MIGRATE", "127.0.0.1", to.port, "", 0, startTimeout.Milliseconds(), "KEYS"}
	for _, key := range keys {
		command = append(command, key)
	}
	if reply, err := from.Client().Do(tb.Context(), command...).Text(); err != nil || reply != "OK" {
		tb.Fatalf("redistest: MIGRATE: %q, %v", reply, err)
	}
}

// newNode starts a node that knows no other.
func (b Binary) newNode(tb testing.TB, args []string) *Server {
	tb.Helper()
	return b.New(tb, slices.Concat([]string{"--cluster-enabled", "yes"}, args)...)
}

// meet introduces a node to another.
func (s *Server) meet(tb testing.TB, other *Server) {
	tb.Helper()
	clusterCommand(tb, s, "MEET", "127.0.0.1", other.port)
}

// nodeID returns the name of a node among the nodes of its cluster.
func (s *Server) nodeID(tb testing.TB) string {
	tb.Helper()
	id, err := s.Client().Do(tb.Context(), "CLUSTER", "MYID").Text()
	if err != nil {
		tb.Fatalf("redistest: CLUSTER MYID: %v", err)
	}
	return id
}

// awaitCluster waits until the nodes have exchanged enough gossip.
func (s *Server) awaitCluster(tb testing.TB, ready func(context.Context) bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	for !ready(ctx) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			tb.Fatalf("redistest: the cluster at %s is not ready: %s", s.Addr(), s.Client().ClusterInfo(context.WithoutCancel(ctx)).Val())
		}
	}
}

// serves reports whether a node knows all others, and that all slots are served.
func (s *Server) serves(ctx context.Context, nodes int) bool {
	info := s.Client().ClusterInfo(ctx).Val()
	return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(nodes))
}

func clusterCommand(tb testing.TB, s *Server, args ...any) {
	tb.Helper()
	if err := s.Client().Do(tb.Context(), append([]any{"CLUSTER"}, args...)...).Err(); err != nil {
		tb.Fatalf("redistest: CLUSTER %v: %v", args[0], err)
	}
}

// StartReplica starts a server of the primary's program that copies primary, and
// returns when the copy is complete and the link is up. The primary must have been made by Start.
func StartReplica(ctx context.Context, primary *Server, args ...string) (*Server, error) {
	link := []string{"--replicaof", "127.0.0.1", strconv.Itoa(primary.port)}
	if primary.password != "" {
		link = append(link, "--masterauth", primary.password)
	}
	s, err := primary.binary.Start(ctx, append(link, args...)...)
	if err != nil {
		return nil, err
	}
	if err := s.awaitLink(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("replica: %w\n%s", err, s.Log()), s.Stop())
	}
	return s, nil
}

// Replica is StartReplica for tests; see New.
func Replica(tb testing.TB, primary *Server, args ...string) *Server {
	tb.Helper()
	s, err := StartReplica(tb.Context(), primary, args...)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s.stopAtEnd(tb)
	return s
}

// awaitLink returns when the replica has the primary's data. A LOADING reply in the
// meantime is no error.
func (s *Server) awaitLink(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		info, err := s.Client().Info(ctx, "replication").Result()
		if err == nil && strings.Contains(info, "master_link_status:up") {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Sentinel starts a Sentinel that watches primary under a name. It is stopped when the
// test ends.
func Sentinel(tb testing.TB, name string, primary *Server) *Server {
	tb.Helper()
	dir, err := tempDir()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	// A Sentinel wants a file, which it rewrites, as its first argument.
	file := filepath.Join(dir, "sentinel.conf")
	watch := fmt.Appendf(nil, "sentinel monitor %s 127.0.0.1 %d 1\n", name, primary.port)
	if err := os.WriteFile(file, watch, 0o600); err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	l := plainListen()
	args := l.args
	l.args = func(port int) []string {
		return append(args(port), "--unixsocket", filepath.Join(dir, "s"), "--sentinel")
	}
	s, err := primary.binary.startOf(tb.Context(), dir, []string{file}, l, nil)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s.stopAtEnd(tb)
	return s
}
