package redistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/redis/go-redis/v9"
)

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
