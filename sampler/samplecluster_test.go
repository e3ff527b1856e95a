package sampler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler/estimate"
	"keyprof/sampler/profile"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

// shards are the nodes of a small cluster.
const shards = 3

// fillCluster makes keys some of which have hash tags: those of one tag are in one
// slot, but at positions of their own.
func fillCluster(t *testing.T, nodes []*redistest.Server) {
	t.Helper()
	var addrs []string
	for _, node := range nodes {
		addrs = append(addrs, node.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer client.Close()
	ctx, pipe := context.Background(), client.Pipeline()
	for i := range 20_000 {
		pipe.Set(ctx, fmt.Sprintf("user:%d", 1_000_000+i), strings.Repeat("x", i*7919%300), 0)
		pipe.Set(ctx, fmt.Sprintf("cart:{%d}:%d", 1000+i%10, 1_000_000+i), strings.Repeat("x", i*7919%200), 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

// The nodes of a cluster before Redis 7.4 have one table each, in which keys are at
// the positions of their whole names: each node is sampled by itself, and the sums of
// the nodes hold the truth of the cluster.
func TestSamplesOfACluster(t *testing.T) {
	const parts = 16
	nodes := redistest.NewCluster(t, shards)
	if ok, why := info.RandomCursors(connect(t, nodes[0].URL()).Node); !ok {
		t.Skip(why) // on a newer server, which walks slot by slot
	}
	fillCluster(t, nodes)
	var censuses []*profile.Profile
	var samples [][]*profile.Profile
	for _, node := range nodes {
		censuses = append(censuses, collect(t, node.SocketURL(), fast()))
		samples = append(samples, dealt(t, node, parts, grouped(censuses[len(censuses)-1])))
	}
	held, seen := holding{}, int64(0)
	for i := range parts {
		var keys, bytes []profile.Estimate
		for k, census := range censuses {
			p := samples[k][i]
			seen += p.Totals.Probed
			holdNode(t, held, p, census)
			keys, bytes = append(keys, p.Totals.Keys), append(bytes, *p.Totals.Bytes)
		}
		held.add("keys of the cluster", new(estimate.Sum(keys...)), 40_000)
		held.add("bytes of the cluster", new(estimate.Sum(bytes...)), bytesOf(censuses))
	}
	held.check(t)
	if seen != 40_000 {
		t.Errorf("all samples have %d keys", seen)
	}
}

// holdNode holds the namespaces of a node against those of its census.
func holdNode(t *testing.T, held holding, p, census *profile.Profile) {
	t.Helper()
	for i := range census.Namespaces {
		of := &census.Namespaces[i]
		ns := namespaceOf(t, p, of.Pattern)
		held.add("keys of "+of.Pattern, &ns.Keys, of.Keys.Value)
		held.add("bytes of "+of.Pattern, ns.Bytes, of.Bytes.Value)
	}
}

func bytesOf(censuses []*profile.Profile) (n int64) {
	for _, p := range censuses {
		n += p.Totals.Bytes.Value
	}
	return n
}
