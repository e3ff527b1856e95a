package redistest

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// batchKeys is the number of keys that a seeder writes in one round trip.
const batchKeys = 1000

// batch collects the writes of a seeder and sends them every batchKeys keys.
type batch struct {
	ctx  context.Context
	pipe redis.Pipeliner
	keys int // in pipe
}

func newBatch(ctx context.Context, client redis.UniversalClient) *batch {
	return &batch{ctx: ctx, pipe: client.Pipeline()}
}

// done ends one key, and the round trip if it was the last one of it.
func (b *batch) done() error {
	if b.keys++; b.keys < batchKeys {
		return nil
	}
	return b.flush()
}

// flush sends what is left; go-redis reports the first command that failed.
func (b *batch) flush() error {
	b.keys = 0
	if _, err := b.pipe.Exec(b.ctx); err != nil {
		return fmt.Errorf("seeding: %w", err)
	}
	return nil
}

// expire sets the TTL of a key just written; 0 means none.
func (b *batch) expire(key string, ttl time.Duration) {
	if ttl > 0 {
		b.pipe.PExpire(b.ctx, key, ttl)
	}
}

// newRand returns a seeder's source of random numbers: the same seed gives the same keys
// and values on every machine.
func newRand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x6b657970726f66)) // "keyprof"
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// token returns n random base-62 digits.
func token(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = base62[r.IntN(len(base62))]
	}
	return string(b)
}

// hexToken returns n random hexadecimal digits; n must be even.
func hexToken(r *rand.Rand, n int) string {
	return hex.EncodeToString(randomBytes(r, n/2))
}

// uuid returns a random UUID of version 4.
func uuid(r *rand.Rand) string {
	b := randomBytes(r, 16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// between returns a random duration in [lo, hi), in whole seconds.
func between(r *rand.Rand, lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.Int64N(int64((hi-lo)/time.Second)))*time.Second
}

// RestoreIdle writes a string with a TTL (0 for none) and an idle time, as if it had not
// been used for that long. Redis counts idle times in whole seconds, up to 194 days. A
// small integer (0 to 9999) may share its idle time with all equal ones; under an LFU
// policy the server ignores the idle time; and the server's uptime, which a profile may
// compare with idle times, does not change.
func RestoreIdle(ctx context.Context, client redis.UniversalClient, key, value string, ttl, idle time.Duration) error {
	if err := client.Set(ctx, key, value, ttl).Err(); err != nil {
		return err
	}
	return Age(ctx, client, idle, key)
}

// Age gives existing keys of any type the same idle time, keeping their TTLs, by DUMP and
// RESTORE ... IDLETIME; see RestoreIdle. It takes two round trips whatever the number of
// keys. A missing key is an error.
func Age(ctx context.Context, client redis.UniversalClient, idle time.Duration, keys ...string) error {
	return age(ctx, client, keys, func(string) time.Duration { return idle })
}

func age(ctx context.Context, client redis.UniversalClient, keys []string, idle func(string) time.Duration) error {
	if len(keys) == 0 {
		return nil
	}
	dumps, ttls, err := dumpAll(ctx, client, keys)
	if err != nil {
		return err
	}
	restore := client.Pipeline()
	for i, key := range keys {
		restore.Do(ctx, "RESTORE", key, restoreTTL(ttls[i]), dumps[i],
			"REPLACE", "IDLETIME", int64(idle(key)/time.Second))
	}
	_, err = restore.Exec(ctx)
	return err
}

// restoreTTL converts a reply to PTTL to the argument of RESTORE, in milliseconds: no TTL
// is negative for the one and 0 for the other.
func restoreTTL(ttl time.Duration) int64 {
	if ttl < 0 {
		return 0
	}
	return max(1, ttl.Milliseconds())
}

// dumpAll returns the serialized values and the remaining TTLs of keys.
func dumpAll(ctx context.Context, client redis.UniversalClient, keys []string) ([]string, []time.Duration, error) {
	pipe := client.Pipeline()
	dumpCmds := make([]*redis.StringCmd, len(keys))
	ttlCmds := make([]*redis.DurationCmd, len(keys))
	for i, key := range keys {
		dumpCmds[i], ttlCmds[i] = pipe.Dump(ctx, key), pipe.PTTL(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, nil, fmt.Errorf("dump: %w", err)
	}
	dumps := make([]string, len(keys))
	ttls := make([]time.Duration, len(keys))
	for i := range keys {
		dumps[i], ttls[i] = dumpCmds[i].Val(), ttlCmds[i].Val()
	}
	return dumps, ttls, nil
}

// AgeAll gives every key of the client's database the idle time that idle returns for it;
// see Age. It scans the database, so idle may be called twice for a key and must return
// the same. A negative result leaves the key unchanged.
func AgeAll(ctx context.Context, client redis.UniversalClient, idle func(key string) time.Duration) error {
	var cursor uint64
	for {
		keys, next, err := client.Scan(ctx, cursor, "", batchKeys).Result()
		if err != nil {
			return err
		}
		keys = slices.DeleteFunc(keys, func(key string) bool { return idle(key) < 0 })
		if err := age(ctx, client, keys, idle); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Mixed writes n keys of all core types in a dozen families, each key once: more than
// half are strings of 16 B to 16 KiB, few collections are large, about half of the keys
// have a TTL, from an hour to two years. The database should be empty before. The same
// seed gives the same keys, values and TTLs. A million keys take under a minute and about
// 0.7 GB.
func Mixed(ctx context.Context, client redis.UniversalClient, n int, seed uint64) error {
	m := &mixer{batch: newBatch(ctx, client), r: newRand(seed)}
	m.text = token(m.r, 64<<10)
	for i := range n {
		f := pickFamily(m.r)
		key := f.write(m, i)
		m.expire(key, mixedTTL(m.r, f.volatile))
		if err := m.done(); err != nil {
			return err
		}
	}
	return m.flush()
}

// mixer holds the state of Mixed.
type mixer struct {
	*batch
	r    *rand.Rand
	text string // values are pieces of it, which is faster than generating each
}

// family is one kind of key. Its write method gets a number that no other key
// has, to put into the name.
type family struct {
	weight   int // per cent of all keys
	volatile int // per cent of its keys that have a TTL
	write    func(m *mixer, i int) (key string)
}

var families = []family{
	{24, 95, func(m *mixer, _ int) string { return m.set("session:"+uuid(m.r), m.value(80, 400)) }},
	{16, 85, func(m *mixer, _ int) string { return m.set("cache:page:"+hexToken(m.r, 40), m.page()) }},
	{12, 5, func(m *mixer, i int) string { return m.set(fmt.Sprintf("user:%d:token", i), m.value(16, 64)) }},
	{10, 10, func(m *mixer, i int) string { return m.set(fmt.Sprintf("counter:%d", i), m.r.IntN(20_000)) }},
	{13, 5, func(m *mixer, i int) string { return m.hash(fmt.Sprintf("user:%d:profile", i), 3, 12) }},
	{3, 50, func(m *mixer, i int) string { return m.hash(fmt.Sprintf("cart:{%d}:items", i), 5, 200) }},
	{6, 30, func(m *mixer, i int) string { return m.list(fmt.Sprintf("timeline:%d", i)) }},
	{5, 20, func(m *mixer, i int) string { return m.stringSet(fmt.Sprintf("tags:%d", i)) }},
	{4, 20, func(m *mixer, i int) string { return m.intSet(fmt.Sprintf("followers:%d", i)) }},
	{5, 60, func(m *mixer, i int) string { return m.sortedSet(rankName(m.r, i)) }},
	{2, 80, func(m *mixer, i int) string { return m.stream(fmt.Sprintf("events:%d", i)) }},
}

// pickFamily chooses a family at random by weight. The weights sum to 100.
func pickFamily(r *rand.Rand) family {
	at := r.IntN(100)
	for _, f := range families {
		if at -= f.weight; at < 0 {
			return f
		}
	}
	panic("redistest: the families' weights do not sum to 100")
}

// mixedTTL returns 0 for none, or a TTL from an hour to two years: each span of lengths
// is as likely as the others. None is so short that keys expire while a test counts them.
func mixedTTL(r *rand.Rand, volatile int) time.Duration {
	if r.IntN(100) >= volatile {
		return 0
	}
	const hour, day = time.Hour, 24 * time.Hour
	edges := []time.Duration{hour, 6 * hour, day, 7 * day, 30 * day, 180 * day, 730 * day}
	i := r.IntN(len(edges) - 1)
	return between(r, edges[i], edges[i+1])
}

func rankName(r *rand.Rand, i int) string {
	day := time.Date(2024, time.January, 1+r.IntN(365), 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("rank:%s:%d", day.Format(time.DateOnly), i)
}

// value returns a text of lo to hi-1 bytes.
func (m *mixer) value(lo, hi int) string {
	n := lo + m.r.IntN(hi-lo)
	at := m.r.IntN(len(m.text) - n)
	return m.text[at : at+n]
}

// page returns a text whose length varies as that of web pages does: mostly
// short, sometimes 16 KiB.
func (m *mixer) page() string {
	switch p := m.r.IntN(100); {
	case p < 75:
		return m.value(100, 600)
	case p < 97:
		return m.value(600, 3000)
	default:
		return m.value(3000, 16<<10)
	}
}

// size returns the number of elements of a collection: lo to hi-1, and a hundred
// times that in one of 2,000.
func (m *mixer) size(lo, hi int) int {
	n := lo + m.r.IntN(hi-lo)
	if m.r.IntN(2000) == 0 {
		n *= 100
	}
	return n
}

// The methods below write one key of one type, and return its name.

func (m *mixer) set(key string, value any) string {
	m.pipe.Set(m.ctx, key, value, 0)
	return key
}

func (m *mixer) hash(key string, lo, hi int) string {
	n := m.size(lo, hi)
	pairs := make([]any, 0, 2*n)
	for i := range n {
		pairs = append(pairs, "field"+strconv.Itoa(i), m.value(5, 40))
	}
	m.pipe.HSet(m.ctx, key, pairs...)
	return key
}

func (m *mixer) list(key string) string {
	m.pipe.RPush(m.ctx, key, m.texts(m.size(1, 20))...)
	return key
}

func (m *mixer) stringSet(key string) string {
	m.pipe.SAdd(m.ctx, key, m.texts(m.size(1, 20))...)
	return key
}

// intSet writes a set of integers, which Redis keeps in a compact form up to 512.
func (m *mixer) intSet(key string) string {
	members := make([]any, m.size(1, 60))
	for i := range members {
		members[i] = m.r.Int32()
	}
	m.pipe.SAdd(m.ctx, key, members...)
	return key
}

func (m *mixer) sortedSet(key string) string {
	members := make([]redis.Z, m.size(1, 30))
	for i := range members {
		members[i] = redis.Z{Score: float64(m.r.IntN(100_000)), Member: m.value(8, 24)}
	}
	m.pipe.ZAdd(m.ctx, key, members...)
	return key
}

// stream writes one command an entry, as there is none for several.
func (m *mixer) stream(key string) string {
	for i := range m.size(1, 6) {
		m.pipe.XAdd(m.ctx, &redis.XAddArgs{
			Stream: key,
			ID:     "1700000000000-" + strconv.Itoa(i+1), // the server's clock would differ each time
			Values: []any{"kind", "click", "data", m.value(10, 80)},
		})
	}
	return key
}

func (m *mixer) texts(n int) []any {
	texts := make([]any, n)
	for i := range texts {
		texts[i] = m.value(10, 60)
	}
	return texts
}

// The size of SeedResque's keyspace: a tenth of the first incident's keys, with values a
// tenth as long.
const (
	ResqueStatusKeys = 54_507 // strings resque:status:<uuid>
	ResqueFailedJobs = 700    // elements of the list resque:failed
	ResqueOtherKeys  = 185    // lists, sets, hashes and counters beside these
)

// SeedResque writes the keyspace of incident 1: the status of every job ever run, kept
// forever in strings of a few hundred bytes whose name field repeats their options; the
// suspected but innocent list of failed jobs; and the other keys of a job system. None
// has a TTL. It is the same every time.
func SeedResque(ctx context.Context, client redis.UniversalClient) error {
	r := newRand(1)
	b := newBatch(ctx, client)
	for range ResqueStatusKeys {
		id := uuid(r)
		b.pipe.Set(ctx, "resque:status:"+id, jobStatus(r, id), 0)
		if err := b.done(); err != nil {
			return err
		}
	}
	if err := seedFailed(b, r); err != nil {
		return err
	}
	return seedJobSystem(b, r)
}

// jobStatus returns the JSON of resque-status. It has the payload twice, which is the
// second bug of the incident.
func jobStatus(r *rand.Rand, id string) string {
	payload := jobPayload(r)
	return fmt.Sprintf(`{"time":%d,"status":"completed","uuid":"%s","options":%s,"name":"DeliverWebhook(%s)","num":1,"total":1,"message":"Completed"}`,
		1_644_000_000+r.IntN(25_000_000), id, payload, strings.ReplaceAll(payload, `"`, `\"`))
}

func jobPayload(r *rand.Rand) string {
	return fmt.Sprintf(`{"account_id":%d,"event":"invoice.updated","url":"https://hooks.example.com/%s","body":"%s"}`,
		r.IntN(100_000), hexToken(r, 16), token(r, 60+r.IntN(160)))
}

func seedFailed(b *batch, r *rand.Rand) error {
	for range ResqueFailedJobs {
		b.pipe.RPush(b.ctx, "resque:failed", failedJob(r))
	}
	return b.flush()
}

// failedJob returns the JSON of a failed job: mostly its stack trace.
func failedJob(r *rand.Rand) string {
	var trace strings.Builder
	for range 10 + r.IntN(10) {
		fmt.Fprintf(&trace, `"/srv/app/releases/%d/lib/%s.rb:%d:in 'perform'",`,
			20_220_000+r.IntN(1200), token(r, 12), 1+r.IntN(900))
	}
	return fmt.Sprintf(`{"failed_at":"2022/07/%02d 03:%02d:00 UTC","payload":%s,"exception":"Net::ReadTimeout","backtrace":[%s],"worker":"app%d:%d:*","queue":"webhooks"}`,
		1+r.IntN(28), r.IntN(60), jobPayload(r), strings.TrimSuffix(trace.String(), ","), r.IntN(8), r.IntN(30_000))
}

// seedJobSystem writes ResqueOtherKeys keys: 24 queues, 1 set of their names,
// 80 sets of payloads awaiting work, 60 hashes and 20 counters.
func seedJobSystem(b *batch, r *rand.Rand) error {
	for i := range 24 {
		queue := fmt.Sprintf("q%02d", i)
		b.pipe.SAdd(b.ctx, "resque:queues", queue)
		for range 1 + r.IntN(20) {
			b.pipe.RPush(b.ctx, "resque:queue:"+queue, jobPayload(r))
		}
	}
	for i := range 80 {
		for range 5 + r.IntN(40) {
			b.pipe.SAdd(b.ctx, fmt.Sprintf("resque:pending:%d", i), jobPayload(r))
		}
	}
	for i := range 60 {
		b.pipe.HSet(b.ctx, fmt.Sprintf("resque:worker:app%d:%d", i%8, 4000+i),
			"run_at", "2022/07/01 03:00:00 UTC", "queue", "webhooks", "payload", jobPayload(r))
	}
	for i := range 20 {
		b.pipe.Set(b.ctx, fmt.Sprintf("resque:stat:processed:app%d", i), r.IntN(1_000_000), 0)
	}
	return b.flush()
}

// The size of SeedTickets's keyspace, as on the staging server of the second incident.
const (
	TicketKeys        = 49_124
	TicketKeysWithTTL = 653
)

const (
	ticketEpoch = 1_669_888_800 // Unix time of the newest ticket; 2022-12-01 10:00 UTC
	ticketYear  = 365 * 24 * time.Hour
)

// SeedTickets writes the keyspace of incident 2: strings named "<unix
// time>:cust-<number>:<24 base-62 digits>" that should all expire within a year; only
// TicketKeysWithTTL of them have a TTL. The names and values are the same every time; the
// remaining TTLs are between an hour and a year.
func SeedTickets(ctx context.Context, client redis.UniversalClient) error {
	r := newRand(2)
	b := newBatch(ctx, client)
	for i := range TicketKeys {
		var ttl time.Duration // 0: none
		// Spread evenly over the keys, and exactly as many as there should be.
		if i*TicketKeysWithTTL/TicketKeys != (i+1)*TicketKeysWithTTL/TicketKeys {
			ttl = between(r, time.Hour, ticketYear)
		}
		b.pipe.Set(ctx, ticketName(r), ticketValue(r), ttl)
		if err := b.done(); err != nil {
			return err
		}
	}
	return b.flush()
}

func ticketName(r *rand.Rand) string {
	issued := ticketEpoch - r.Int64N(int64(ticketYear/time.Second))
	return fmt.Sprintf("%d:cust-%d:%s", issued, 1000+r.IntN(9000), token(r, 24))
}

func ticketValue(r *rand.Rand) string {
	return fmt.Sprintf(`{"event":%d,"seat":"%c%d","price":%d,"barcode":"%s"}`,
		r.IntN(5000), 'A'+rune(r.IntN(26)), 1+r.IntN(60), 1000+r.IntN(20000), hexToken(r, 32))
}
