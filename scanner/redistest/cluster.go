package redistest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clusterSlots is how many slots a cluster has.
const clusterSlots = 16384

// NewCluster is New for a cluster of so many primaries, which have about as many
// slots each. It returns when every one of them serves its slots.
func NewCluster(tb testing.TB, nodes int, args ...string) []*Server {
	tb.Helper()
	servers := make([]*Server, nodes)
	for i := range servers {
		servers[i] = New(tb, slices.Concat([]string{"--cluster-enabled", "yes"}, args)...)
		// Nodes with one epoch settle it by themselves, but one at a time.
		clusterCommand(tb, servers[i], "SET-CONFIG-EPOCH", i+1)
		clusterCommand(tb, servers[i], "ADDSLOTSRANGE", clusterSlots*i/nodes, clusterSlots*(i+1)/nodes-1)
	}
	for _, s := range servers[1:] {
		clusterCommand(tb, s, "MEET", "127.0.0.1", servers[0].port)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	for _, s := range servers {
		for !s.serves(ctx, nodes) {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				tb.Fatalf("redistest: the cluster at %s is not ready: %s", s.Addr(), s.Client().ClusterInfo(context.WithoutCancel(ctx)).Val())
			}
		}
	}
	return servers
}

// serves reports whether a node knows all others, and that all slots are served.
func (s *Server) serves(ctx context.Context, nodes int) bool {
	info := s.Client().ClusterInfo(ctx).Val()
	return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(nodes))
}

func clusterCommand(tb testing.TB, s *Server, args ...any) {
	tb.Helper()
	if err := s.Client().Do(tb.Context(), append([]any{"CLUSTER"}, args...)...).Err(); err != nil {
		tb.Fatalf("redistest: %s: %v", fmt.Sprint(args...), err)
	}
}
