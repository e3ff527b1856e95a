package scanner

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// AskScan reports why SCAN may not be sent: ACL refuses it, or the server does not
// know it. It sends SCAN with a word in the place of the cursor, which a server
// turns away before anything is walked (db.c, parseScanCursorOrReply), but after it
// has asked for permission. That adds 1 to the calls of SCAN and to errorstat_ERR.
// The error is an *Error; [IsReply] tells one of the server from a lost connection.
func (c *Conn) AskScan(ctx context.Context) error {
	return c.patiently(ctx, func(ctx context.Context) error {
		err := c.conn.Process(ctx, redis.NewCmd(ctx, "scan", "x"))
		if IsReply(err) && !refused(err) && !waitable(err) && !blocks(err) {
			return nil // what it finds wrong is the cursor
		}
		if err != nil {
			return c.refusedTo("walking with SCAN", "+scan", err)
		}
		return nil
	})
}
