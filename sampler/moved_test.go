package sampler_test

import (
	"fmt"
	"strings"
	"testing"

	"keyprof/scanner/redistest"
)

// A slot that is on its way from one node to another has keys on both: the one that
// imports it does not answer about them, and that is no failure.
func TestMovedKeys(t *testing.T) {
	t.Parallel()
	nodes := redistest.NewCluster(t, 2)
	from, to := nodes[0], nodes[1]
	slot, err := from.Client().ClusterKeySlot(t.Context(), "{b}").Result()
	if err != nil || slot >= 8192 {
		t.Fatalf("slot %d, %v: it should be one of the first node's", slot, err)
	}
	const keys, moved = 40, 25
	var names []string
	for i := range keys {
		names = append(names, fmt.Sprintf("{b}:%d", i))
		do(t, from.Client(), "set", names[i], "x")
	}
	redistest.Migrate(t, from, to, int(slot), names[:moved]...)

	p := collect(t, from.URL(), fast())
	if !p.Complete || p.Totals.Keys.Value != keys-moved || p.Totals.Moved != 0 {
		t.Errorf("the node that gives the slot away: complete %v, %d keys, %d moved", p.Complete, p.Totals.Keys.Value, p.Totals.Moved)
	}
	p = collect(t, to.URL(), fast())
	if p.Complete || p.Totals.Keys.Value != 0 || p.Totals.Moved != moved || p.Totals.Failed != 0 || len(p.Missing) > 0 || !warned(p, "keys-moved") {
		t.Errorf("the node that imports it: complete %v, %d keys, %d moved, %d failed, missing %v, warnings %v",
			p.Complete, p.Totals.Keys.Value, p.Totals.Moved, p.Totals.Failed, p.Missing, p.Warnings)
	}
}

// A replica of a cluster answers about its keys also where INFO, which says that it is
// one, is refused.
func TestClusterReplicaWithoutInfo(t *testing.T) {
	t.Parallel()
	primary := redistest.NewCluster(t, 1)[0]
	const keys = 30
	for i := range keys {
		do(t, primary.Client(), "set", fmt.Sprint("key:", i), "x")
	}
	replica := redistest.ClusterReplica(t, primary)
	do(t, replica.Client(), "acl", "setuser", "prof", "on", ">s3cret", "~*", "+@all", "-info")
	o := fast()
	o.Databases = []int{0}
	p := collect(t, strings.Replace(replica.URL(), "://", "://prof:s3cret@", 1), o)
	if !p.Complete || p.Totals.Keys.Value != keys || p.Totals.Moved != 0 {
		t.Errorf("complete %v, %d keys, %d moved", p.Complete, p.Totals.Keys.Value, p.Totals.Moved)
	}
}
