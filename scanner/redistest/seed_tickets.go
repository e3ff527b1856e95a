package redistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

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
