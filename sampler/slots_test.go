package sampler_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

// slotNode returns a cluster of one node whose slots are sampled, also where they have no
// tables of their own.
func slotNode(t *testing.T) *redistest.Server {
	t.Helper()
	t.Cleanup(sampler.TreatAsSlotTables())
	return redistest.NewCluster(t, 1)[0]
}

// seedSlots writes keys of namespaces, one of them under tags.
func seedSlots(t *testing.T, server *redistest.Server, keys int) {
	t.Helper()
	seedWith(t, server.Client(), keys, func(i int, rng *rand.Rand) string {
		switch p := rng.Float64(); {
		case p < 0.5:
			return fmt.Sprintf("user:%d", i)
		case p < 0.8:
			return fmt.Sprintf("session:%d", i)
		default:
			return fmt.Sprintf("cart:{shop%d}:%d", rng.IntN(60), i)
		}
	})
}

func seedWith(t *testing.T, client *redis.Client, keys int, name func(i int, rng *rand.Rand) string) {
	t.Helper()
	rng, pipe := rand.New(rand.NewPCG(1, 2)), client.Pipeline()
	for i := range keys {
		pipe.Set(t.Context(), name(i, rng), make([]byte, rng.IntN(400)), 0)
		if pipe.Len() == 1000 || i == keys-1 {
			if _, err := pipe.Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// ofShare returns options for a sample.
func ofShare(share float64) sampler.Options {
	o := fast()
	o.Sample = &sampler.SampleSize{Share: share}
	return o
}

// Samples of the slots of a real server hold the truth. Draws are independent: of
// 60 with 95 in 100 fewer than 48 hold in one of a million runs. The number of keys
// in a draw has a standard deviation of 172, nearly all of it from the 60 tags, whose
// slots are drawn with a chance of 0.2, to keep half of their keys. 1,000 is 5.8 of
// these: 60 draws are that near, all but once in a million runs.
func TestSlotSamplesHoldTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	const samples, least = 60, 48
	server := slotNode(t)
	seedSlots(t, server, 30_000)
	census := collect(t, server.SocketURL(), fast())
	held := map[string]int{}
	for range samples {
		p := collect(t, server.SocketURL(), ofShare(0.1))
		if p.Design.Method != profile.MethodSample || p.Design.Sample.Slots == nil || warned(p, "sample-refused") {
			t.Fatalf("%s, %+v, %v", p.Design.Method, p.Design.Sample, p.Warnings)
		}
		if n := p.Totals.Probed; n < 2000 || n > 4000 || !p.Totals.Keys.IsExact() || p.Totals.Keys.Value != 30_000 {
			t.Fatalf("%d keys tell that there are %+v", n, p.Totals.Keys)
		}
		for i := range census.Namespaces {
			truth := &census.Namespaces[i]
			ns := namespaceOf(t, p, truth.Pattern)
			held["keys of "+ns.Pattern] += boolInt(holdsTruth(&ns.Keys, truth.Keys.Value))
			held["bytes of "+ns.Pattern] += boolInt(holdsTruth(ns.Bytes, truth.Bytes.Value))
		}
		held["bytes"] += boolInt(holdsTruth(p.Totals.Bytes, census.Totals.Bytes.Value))
	}
	t.Log(held)
	if len(held) != 7 {
		t.Errorf("%d figures", len(held))
	}
	for what, n := range held {
		if n < least {
			t.Errorf("%s: %d of %d intervals hold the truth", what, n, samples)
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The keys that a sample had are measured again, in small pages as in large ones.
func TestSlotsAgain(t *testing.T) {
	server := slotNode(t)
	seedSlots(t, server, 20_000)
	first := collect(t, server.SocketURL(), ofShare(0.05))
	o := fast()
	o.Sample, o.Page = &sampler.SampleSize{Again: first}, 7
	again := collect(t, server.SocketURL(), o)
	if a, b := first.Design.Sample.Slots, again.Design.Sample.Slots; b == nil || a.Salt != b.Salt || a.Drawn != b.Drawn || !slices.Equal(a.Taken, b.Taken) {
		t.Errorf("slots %+v, then %+v", a, b)
	}
	if first.Totals.Probed != again.Totals.Probed || !slices.Equal(first.Totals.Sample.Groups.Bytes, again.Totals.Sample.Groups.Bytes) {
		t.Errorf("%d keys, then %d; bytes by group %v, then %v", first.Totals.Probed, again.Totals.Probed, first.Totals.Sample.Groups.Bytes, again.Totals.Sample.Groups.Bytes)
	}
	o.Sample.Share = 0.06 // as many, about
	if p := collect(t, server.SocketURL(), o); p.Design.Sample.Slots.Salt != first.Design.Sample.Slots.Salt {
		t.Error("other slots were drawn for a sample of about as many keys")
	}
	o.Sample.Share = 0.2
	if p := collect(t, server.SocketURL(), o); p.Design.Sample.Slots.Salt == first.Design.Sample.Slots.Salt {
		t.Error("a sample of four times as many keys is not drawn anew")
	}
}

// A server that cannot be sampled by slots is scanned in full, and the profile says
// why.
func TestSlotsRefused(t *testing.T) {
	server := slotNode(t)
	client := server.Client()
	seedWith(t, client, 5000, func(i int, rng *rand.Rand) string { return fmt.Sprintf("k:{t%d}:%d", rng.IntN(20), i) })
	refused := func(what, url string, o sampler.Options, why string) {
		t.Helper()
		p := collect(t, url, o)
		i := slices.IndexFunc(p.Warnings, func(w profile.Warning) bool { return w.Code == "sample-refused" })
		if p.Design.Method != profile.MethodCensus || p.Totals.Probed != client.DBSize(t.Context()).Val() || !p.Complete || i < 0 || !strings.Contains(p.Warnings[i].Text, why) {
			t.Errorf("%s: a %s of %d keys, complete %v (%v), %v", what, p.Design.Method, p.Totals.Probed, p.Complete, p.Missing, p.Warnings)
		}
	}
	refused("few slots", server.SocketURL(), ofShare(0.5), "needs 30 slots: this one would have 20, of the 20 that")
	seedSlots(t, server, 3000)
	if p := collect(t, server.SocketURL(), ofShare(0.0001)); p.Design.Sample == nil || p.Totals.Probed < 60 || p.Totals.Probed > 250 {
		t.Errorf("a sample of less than a key is one of %d, and not of 128 or so", p.Totals.Probed)
	}
	match := ofShare(0.5)
	match.Match = "*"
	refused("--match", server.SocketURL(), match, "--match")
	command(t, server, "ACL SETUSER prof on >s3cret ~* -@all +hello +auth +info +scan +type +pttl +memory|usage +object +ping +client")
	allow := "ACL SETUSER prof +cluster|countkeysinslot +cluster|getkeysinslot"
	refused("no permission to count", urlAs(server, "prof"), ofShare(0.2), allow)
	do(t, client, "ACL", "SETUSER", "prof", "+cluster|countkeysinslot")
	refused("no permission to name", urlAs(server, "prof"), ofShare(0.2), allow)
	do(t, client, "ACL", "SETUSER", "prof", "+cluster|getkeysinslot")
	if p := collect(t, urlAs(server, "prof"), ofShare(0.2)); p.Design.Sample == nil || p.Design.Sample.Slots == nil {
		t.Errorf("with these permissions: %v", p.Warnings)
	}
	for _, share := range []float64{1, 3} {
		if p := collect(t, server.SocketURL(), ofShare(share)); p.Design.Method != profile.MethodCensus || warned(p, "sample-refused") {
			t.Errorf("a share of %v: %v", share, p.Warnings)
		}
	}
	if info.SlotTables(connect(t, server.SocketURL()).Node) {
		return
	}
	seedWith(t, client, 2000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("hot:{tag}:%d", i) })
	refused("a hot slot where cursors do not go over slots", server.SocketURL(), ofShare(0.5), "SCAN does not scan slots one by one")
}

// A sample that ends too early gives no estimate of all keys: a large slot may be
// missing from it, or make up nearly all of it.
func TestSlotsInterrupted(t *testing.T) {
	server := slotNode(t)
	seedSlots(t, server, 20_000)
	ctx, stop := context.WithCancelCause(t.Context())
	o := ofShare(0.2)
	o.Progress = func(p sampler.Progress) {
		if p.Fraction > 0.5 {
			stop(sampler.ErrInterrupted)
		}
	}
	p, err := sampler.Collect(ctx, connect(t, server.SocketURL()), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if n := p.Totals.Probed; p.Complete || n < 1000 || n > 3500 || p.Totals.Keys.Value != n || !p.Totals.Keys.IsExact() {
		t.Errorf("complete %v (%s), %d keys measured, told %+v", p.Complete, p.Nodes[0].Incomplete, n, p.Totals.Keys)
	}
}

// Each node of a cluster is sampled for itself.
func TestSlotsOfAShard(t *testing.T) {
	t.Cleanup(sampler.TreatAsSlotTables())
	nodes := redistest.NewCluster(t, 3)
	addresses := make([]string, len(nodes))
	for i, n := range nodes {
		addresses[i] = n.Addr()
	}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses})
	defer cluster.Close()
	pipe := cluster.Pipeline()
	for i := range 12_000 {
		pipe.Set(t.Context(), fmt.Sprintf("user:%d", i), "x", 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		there := n.Client().DBSize(t.Context()).Val()
		p := collect(t, n.URL(), ofShare(0.2))
		if p.Totals.Keys.Value != there || p.Design.Sample == nil || p.Design.Sample.Slots.Keys != there || p.Totals.Probed > there/3 {
			t.Errorf("%d keys: %+v, %+v, %v", there, p.Totals.Keys, p.Design.Sample, p.Warnings)
		}
	}
}

// Nothing but what the server is allowed to be asked goes out, in bounded numbers.
func TestSlotCommands(t *testing.T) {
	server := slotNode(t)
	seedSlots(t, server, 20_000)
	monitor := redistest.NewMonitor(t, server)
	p := collect(t, server.SocketURL(), ofShare(0.1))
	seen, err := monitor.Stop()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, args := range seen {
		if strings.EqualFold(args[0], "cluster") {
			counts["cluster "+strings.ToLower(args[1])]++
		}
	}
	for _, name := range []string{"cluster countkeysinslot", "cluster getkeysinslot"} {
		if !scanner.Allowed(name) || counts[name] == 0 || counts[name] != p.Receipt.Commands[name] {
			t.Errorf("%s: the server saw %d, the receipt says %d", name, counts[name], p.Receipt.Commands[name])
		}
	}
	if len(counts) != 2 || counts["cluster countkeysinslot"] != scanner.Slots {
		t.Errorf("the server saw %v", counts)
	}
}

// Keys that have expired and are still there are in the slots' numbers, and in no
// figure.
func TestSlotsWithExpiredKeys(t *testing.T) {
	t.Cleanup(sampler.TreatAsSlotTables())
	server := redistest.NewCluster(t, 1, "--enable-debug-command", "yes")[0]
	client := server.Client()
	command(t, server, "DEBUG SET-ACTIVE-EXPIRE 0")
	seedWith(t, client, 20_000, func(i int, rng *rand.Rand) string { return fmt.Sprintf("%d:%d", rng.IntN(1000), i) })
	pipe, rng := client.Pipeline(), rand.New(rand.NewPCG(3, 3))
	for i := range 20_000 {
		if rng.IntN(4) == 0 {
			pipe.Set(t.Context(), fmt.Sprintf("gone:%d", i), "x", time.Millisecond)
		}
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	expired := client.DBSize(t.Context()).Val() - 20_000
	p := collect(t, server.SocketURL(), ofShare(0.2))
	lost := p.Totals.Vanished + p.Totals.Expired
	if slots := p.Design.Sample.Slots.Keys; slots < 20_000+expired*9/10 || lost < expired/10 {
		t.Errorf("%d keys in slots, %d expired; of the sample %d were gone", slots, expired, lost)
	}
	if e := p.Totals.Keys; e.IsExact() || !holdsTruth(&e, 20_000) || e.Lo < 15_000 || *e.Hi > 25_000 {
		t.Errorf("of 20000 keys and %d expired ones %d tell %+v to %d", expired, p.Totals.Probed, e, *e.Hi)
	}
}

// Keys added while a sample is measured widen its intervals, and the profile says so.
func TestSlotsThatGrow(t *testing.T) {
	server := slotNode(t)
	seedSlots(t, server, 5000)
	o, grown := ofShare(0.2), false
	o.Progress = func(sampler.Progress) {
		if !grown {
			grown = true
			seedWith(t, server.Client(), 50_000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("new:%d", i) })
		}
	}
	p := collect(t, server.SocketURL(), o)
	if !warned(p, "keyspace-changed") {
		t.Errorf("no warning that the keyspace has changed: %v", p.Warnings)
	}
	if e := p.Totals.Keys; e.Lo > 5000 || e.Hi == nil || *e.Hi < 55_000 {
		t.Errorf("from 5,000 keys to 55,000: %+v to %d", e, *e.Hi)
	}
}
