package sampler_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

const shortKeys = 20_000

// writeKeys sets n keys of a family.
func writeKeys(t *testing.T, client *redis.Client, family string, n int) {
	t.Helper()
	piped(t, client, func(pipe redis.Pipeliner) {
		eachName(family, n, func(name string) { pipe.Set(context.Background(), name, "x", 0) })
	})
}

func deleteKeys(t *testing.T, client *redis.Client, family string, n int) {
	t.Helper()
	piped(t, client, func(pipe redis.Pipeliner) {
		eachName(family, n, func(name string) { pipe.Unlink(context.Background(), name) })
	})
}

// walkChanged profiles database 0 while early is called after a tenth of the scan, and
// late after its last page.
func walkChanged(t *testing.T, server *redistest.Server, early, late func()) *profile.Profile {
	t.Helper()
	o := small()
	o.Databases = []int{0}
	calls := 0
	o.Progress = func(p sampler.Progress) {
		if calls == 0 && p.Fraction > 0.1 {
			calls++
			early()
		} else if calls == 1 && p.Fraction >= 1 {
			calls++
			late()
		}
	}
	p := collect(t, server.SocketURL(), o)
	if calls != 2 {
		t.Fatalf("%d of 2 changes were made", calls)
	}
	return p
}

// A database whose keys are deleted and written anew in mid-scan is not complete.
func TestKeysMissing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *redis.Client) (early, late func()){
		"FLUSHALL, and as many new keys": func(t *testing.T, c *redis.Client) (early, late func()) {
			return func() { do(t, c, "flushall") }, func() { writeKeys(t, c, "new", shortKeys) }
		},
		"SWAPDB, and back": func(t *testing.T, c *redis.Client) (early, late func()) {
			swap := func() { do(t, c, "swapdb", 0, 1) }
			return swap, swap
		},
		"a deletion of most keys, and as many new ones": func(t *testing.T, c *redis.Client) (early, late func()) {
			return func() { deleteKeys(t, c, "old", shortKeys*9/10) }, func() { writeKeys(t, c, "new", shortKeys*9/10) }
		},
		"a deletion of a third, and as many new ones": func(t *testing.T, c *redis.Client) (early, late func()) {
			return func() { deleteKeys(t, c, "old", shortKeys/3) }, func() { writeKeys(t, c, "new", shortKeys/3) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.New(t)
			writeKeys(t, server.Client(), "old", shortKeys)
			early, late := change(t, server.Client())
			p := walkChanged(t, server, early, late)
			db := p.Nodes[0].Databases[0]
			if p.Complete || !warned(p, "keys-missing") || db.Before.Keys != shortKeys || db.After.Keys != shortKeys {
				t.Errorf("complete %v, %d of %+v and %+v, warnings %v", p.Complete, db.Returned, db.Before, db.After, p.Warnings)
			}
			if want := "far fewer than the 20,000 that INFO had before and the 20,000 after"; !strings.Contains(p.Nodes[0].Incomplete, want) {
				t.Errorf("incomplete: %q", p.Nodes[0].Incomplete)
			}
		})
	}
}

// Changes that leave no keys missing do not make a profile incomplete.
func TestNoKeysMissing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *redis.Client) (early, late func()){
		"growth": func(t *testing.T, c *redis.Client) (early, late func()) {
			return func() { writeKeys(t, c, "new", shortKeys) }, func() {}
		},
		"shrinkage": func(t *testing.T, c *redis.Client) (early, late func()) {
			return func() { deleteKeys(t, c, "old", shortKeys/2) }, func() {}
		},
		"expiry, and as many new keys": func(t *testing.T, c *redis.Client) (early, late func()) {
			return func() {
				piped(t, c, func(pipe redis.Pipeliner) {
					eachName("old", shortKeys, func(name string) { pipe.PExpire(context.Background(), name, 1) })
				})
				eventually(t, func() bool { return c.DBSize(context.Background()).Val() == 0 })
			}, func() { writeKeys(t, c, "new", shortKeys) }
		},
		"eviction, and as many new keys": func(t *testing.T, c *redis.Client) (early, late func()) {
			do(t, c, "config", "set", "maxmemory-policy", "allkeys-random")
			return func() {
					do(t, c, "config", "set", "maxmemory", "1")
					eventually(t, func() bool { return c.Info(context.Background(), "keyspace").Val() == "# Keyspace\r\n" })
				}, func() {
					do(t, c, "config", "set", "maxmemory", "0")
					writeKeys(t, c, "new", shortKeys)
				}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.New(t)
			writeKeys(t, server.Client(), "old", shortKeys)
			early, late := change(t, server.Client())
			if p := walkChanged(t, server, early, late); warned(p, "keys-missing") || !p.Complete {
				t.Errorf("complete %v, %+v, warnings %v", p.Complete, p.Nodes[0].Databases, p.Warnings)
			}
		})
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		if t.Context().Err() != nil {
			t.Fatal("it never came to be")
		}
	}
}

// A database that is emptied, or exchanged for one with as many keys, is not complete.
func TestKeysEmptied(t *testing.T) {
	t.Parallel()
	for _, change := range [][]any{{"flushall"}, {"flushdb"}, {"swapdb", 0, 1}} {
		server := redistest.New(t)
		writeKeys(t, server.Client(), "old", shortKeys)
		writeKeys(t, server.ClientDB(1), "other", shortKeys)
		p := walkChanged(t, server, func() { do(t, server.Client(), change...) }, func() {})
		if !warned(p, "keys-missing") || p.Complete || !strings.Contains(p.Nodes[0].Incomplete, strings.ToUpper(change[0].(string))) {
			t.Errorf("%s: complete %v, %q, warnings %v", change, p.Complete, p.Nodes[0].Incomplete, p.Warnings)
		}
	}
}

// However many keys come and go, SCAN returns about as many as there are.
func TestNoKeysMissingInChurn(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	writeKeys(t, server.Client(), "old", shortKeys)
	var names []string
	eachName("old", shortKeys, func(name string) { names = append(names, name) })
	rng, made := rand.New(rand.NewPCG(3, 4)), 0
	o := small()
	o.Page = 100
	o.Progress = func(sampler.Progress) { // 200 keys for each page of 100
		piped(t, server.Client(), func(pipe redis.Pipeliner) {
			for range 200 {
				i := rng.IntN(len(names))
				pipe.Unlink(context.Background(), names[i])
				made++
				names[i] = fmt.Sprint("new:", made)
				pipe.Set(context.Background(), names[i], "x", 0)
			}
		})
	}
	p := collect(t, server.SocketURL(), o)
	if !p.Complete || warned(p, "keys-missing") || made < shortKeys {
		t.Errorf("%d keys were exchanged: complete %v, %+v", made, p.Complete, p.Nodes[0].Databases)
	}
}

// A replica hides the keys that have expired and that INFO counts.
func TestNoKeysMissingOfAReplica(t *testing.T) {
	t.Parallel()
	replica := newExpiredReplica(t, 2000, 8000)
	p := collect(t, replica.SocketURL(), fast())
	if db := p.Nodes[0].Databases[0]; !p.Complete || db.Returned != 2000 || db.Before.Keys != 10_000 {
		t.Errorf("complete %v, %+v", p.Complete, db)
	}
}

// A node of a cluster that gives slots away, and gets others, has fewer keys than SCAN
// would return, or other ones.
func TestNoKeysMissingOfAClusterNode(t *testing.T) {
	t.Parallel()
	nodes := redistest.NewCluster(t, 2)
	from, to := nodes[0], nodes[1]
	names := map[*redistest.Server][]string{}
	for i := range 4000 {
		name := fmt.Sprint("key:", i)
		for _, node := range nodes {
			if node.Client().Set(t.Context(), name, "x", 0).Err() == nil {
				names[node] = append(names[node], name)
			}
		}
	}
	id := func(s *redistest.Server) string { return s.Client().ClusterMyID(t.Context()).Val() }
	move := func(from, to *redistest.Server, n int) {
		host, port, _ := strings.Cut(to.Addr(), ":")
		var slots []int64
		for _, name := range names[from][:n] {
			slot := from.Client().ClusterKeySlot(t.Context(), name).Val()
			if !slices.Contains(slots, slot) {
				slots = append(slots, slot)
				do(t, to.Client(), "cluster", "setslot", slot, "importing", id(from))
				do(t, from.Client(), "cluster", "setslot", slot, "migrating", id(to))
			}
			do(t, from.Client(), "migrate", host, port, name, 0, 1000)
		}
		for _, slot := range slots {
			for {
				keys := from.Client().ClusterGetKeysInSlot(t.Context(), int(slot), 100).Val()
				if len(keys) == 0 {
					break
				}
				for _, key := range keys {
					do(t, from.Client(), "migrate", host, port, key, 0, 1000)
				}
			}
			do(t, to.Client(), "cluster", "setslot", slot, "node", id(to))
			do(t, from.Client(), "cluster", "setslot", slot, "node", id(to))
		}
	}
	p := walkChanged(t, from, func() { move(from, to, 500) }, func() { move(to, from, 500) })
	if !p.Complete || warned(p, "keys-missing") {
		t.Errorf("complete %v, %q, %+v, warnings %v", p.Complete, p.Nodes[0].Incomplete, p.Nodes[0].Databases, p.Warnings)
	}
}
