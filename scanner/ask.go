package scanner

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// AskScan tells whether the server has SCAN, without walking anything: SCAN
// without a cursor is turned away before it is carried out, and is no call in
// the server's commandstats. The error is an *Error; [IsReply] tells one of the
// server, which does not know the command, from a lost connection.
//
// Whether our ACL user may send it cannot be told so: Redis counts a command's
// arguments before it asks for permission.
func (c *Conn) AskScan(ctx context.Context) error {
	return c.patiently(ctx, func(ctx context.Context) error {
		err := c.conn.Process(ctx, redis.NewCmd(ctx, "scan"))
		if IsReply(err) && !refused(err) && !waitable(err) && !blocks(err) {
			return nil // what it finds wrong is that the cursor is missing
		}
		if err != nil {
			return c.refusedTo("walking with SCAN", "+scan", err)
		}
		return nil
	})
}

// HasACL reports whether users of this server may be refused commands by ACL,
// which came with Redis 6. It is true of a server that does not tell its version.
func (n Node) HasACL() bool {
	engine, _ := n.Engine()
	return engine != "redis" || n.AtLeast(6, 0)
}
