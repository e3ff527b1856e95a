package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"keyprof/scanner/info"
)

// allowed is every command that may leave this process. None of them changes
// data, touches a key's LRU/LFU clock or takes long because a key is big, but for
// MEMORY USAGE of streams (below). Subcommands are matched too: MEMORY USAGE is
// on the list, MEMORY DOCTOR is not. What each of them does at the server, in
// versions 4.0 to 8.0 of Redis and 7.2 to 8.1 of Valkey:
//
//   - HELLO, AUTH, SELECT, READONLY and CLIENT SETNAME change our connection only.
//     A server before 6.0 does not know HELLO; go-redis then goes on with AUTH.
//     READONLY is sent to nodes of a cluster: without it a replica answers
//     questions about keys with MOVED (cluster.c, getNodeByQuery).
//   - PING is O(1). It answers MISCONF where saves fail, and MASTERDOWN, LOADING
//     or BUSY where most others do.
//   - INFO takes some 15 µs, its sections less. INFO commandstats grows with the
//     number of commands that were ever called.
//   - SCAN looks at 10 times COUNT buckets at most (db.c, scanGenericCommand) and
//     returns whole buckets, of Valkey 8.1 on with the chains behind them. On a
//     primary it deletes the expired keys that it meets, and replicates that. SCAN
//     with a word in the place of the cursor walks nothing: it is turned away.
//   - PTTL, TYPE, OBJECT IDLETIME, OBJECT FREQ and OBJECT REFCOUNT are O(1), add to
//     keyspace_hits or keyspace_misses, and look up without touching the key
//     (LOOKUP_NOTOUCH). On a primary a lookup deletes a key that has expired. PTTL and
//     TYPE of a key that is gone send a keymiss event to those who subscribed to it.
//   - MEMORY USAGE looks at 5 elements, without SAMPLES, and adds to no counter. It
//     takes longer for a hash, set or sorted set that is nearly empty and has a
//     large table (some 2 ns a bucket), and for a stream with many consumers: it
//     walks them all, some 0.7 µs each (object.c, objectComputeSize). A key for
//     which it took longer than the time limit is not asked about again.
//   - CLUSTER COUNTKEYSINSLOT is O(1), GETKEYSINSLOT O(names), which is bounded
//     (namesPerKey).
//
// CLIENT NO-TOUCH is not on the list. With it on, Redis 8.0 and Valkey 8.1 crash
// when a command names a key of a slot that is being migrated (redis#13512,
// valkey#1499), and none of our probes needs it.
var allowed = map[string]bool{
	"hello": true, "auth": true, "select": true, "ping": true, readOnly: true,
	"client setname": true,
	"info":           true,
	"scan":           true, "type": true, "pttl": true, "memory usage": true,
	"object idletime": true, "object freq": true, "object refcount": true,
	countKeysInSlot: true, getKeysInSlot: true,
}

// readOnly lets a replica in a cluster answer questions about keys.
const readOnly = "readonly"

// Commands that samples of slots want, and nothing else.
const (
	countKeysInSlot = "cluster countkeysinslot"
	getKeysInSlot   = "cluster getkeysinslot" // O(names), which is bounded: namesPerKey
	getKeysRule     = "+cluster|getkeysinslot"
)

// containers are the commands whose first argument is a subcommand.
var containers = map[string]bool{"client": true, "cluster": true, "memory": true, "object": true}

// ErrNotAllowed is a command that keyprof refuses to send.
var ErrNotAllowed = errors.New("not on the allowlist of read-only commands")

// Allowed reports whether a command, such as "memory usage", may be sent.
func Allowed(name string) bool { return allowed[name] }

// AllowedCommands are all commands that may be sent, in alphabetical order.
func AllowedCommands() []string { return slices.Sorted(maps.Keys(allowed)) }

// ledger is where every command of a connection passes before it is sent, those
// of go-redis as its hook: it stops what is not allowed, and counts the rest.
type allowlist struct {
	mu   sync.Mutex
	sent map[string]int64
}

func newAllowlist() *allowlist { return &allowlist{sent: map[string]int64{}} }

// counts are the commands sent so far, by name with subcommand.
func (l *allowlist) counts() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.sent)
}

// enter lets n commands of a name out, and counts them.
func (l *allowlist) permit(name string, n int64) error {
	if n == 0 {
		return nil
	}
	if !allowed[name] {
		return fmt.Errorf("command %q: %w", name, ErrNotAllowed)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[name] += n
	return nil
}

// commandName is the command with its subcommand, in lower case. go-redis's
// FullName leaves the subcommand out.
func commandName(args []any) string {
	name := word(args, 0)
	if containers[name] {
		name += " " + word(args, 1)
	}
	return name
}

func word(args []any, i int) string {
	if i >= len(args) {
		return ""
	}
	s, _ := args[i].(string)
	return strings.ToLower(s)
}

// DialHook leaves dialling as it is.
func (l *allowlist) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook checks and counts one command.
func (l *allowlist) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := l.permit(commandName(cmd.Args()), 1); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook refuses go-redis's pipelines: ours are Conn.RoundTrip's.
func (l *allowlist) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		err := fmt.Errorf("a pipeline of %d commands: %w", len(cmds), ErrNotAllowed)
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
		return err
	}
}

// defaultUser is who a connection is that did not log in.
const defaultUser = "default"

// NewUser is what keyprof calls a user of its own when it proposes one.
const NewUser = "prof"

// User is the ACL user of this connection.
func (c *Conn) User() string { return cmp.Or(c.target.Username, defaultUser) }

// ACLRule is the command that allows our user what rule says, such as "+scan".
func (c *Conn) ACLRule(rule string) string {
	return fmt.Sprintf("ACL SETUSER %s %s", c.User(), rule)
}

// ACLOwn is the command that makes a user of keyprof's own. When we are logged in
// as a user who is not the default one, it is that user, who keeps the password
// and loses every other right; else a new one.
func (c *Conn) ACLOwn() string {
	if c.User() == defaultUser {
		return ACLNewUser(c.Node)
	}
	return c.ACLRule(aclAll(c.Node))
}

// ACLNewUser is the command that makes a new user who may do what keyprof does
// and nothing else, as this version of the server understands it. PASSWORD
// stands for one.
func ACLNewUser(n info.Node) string {
	return "ACL SETUSER " + NewUser + " on >PASSWORD " + aclAll(n)
}

// aclAll takes all rights away and allows what keyprof sends.
func aclAll(n info.Node) string {
	rules := []string{ACLReadKeys(n), "-@all"}
	if n.AtLeast(7, 0) {
		rules = []string{"resetkeys", "resetchannels", "-@all", ACLReadKeys(n)}
	}
	for _, command := range AllowedCommands() {
		if (command == countKeysInSlot || command == getKeysInSlot) && !info.SlotTables(n) {
			continue // not needed
		}
		rules = append(rules, "+"+strings.ReplaceAll(command, " ", "|"))
	}
	return strings.Join(rules, " ")
}

// ACLSlots allows the user of this connection what a sample of slots needs.
func (c *Conn) ACLSlots() string {
	return c.ACLRule(CountKeysInSlot.ACLRule() + " " + getKeysRule)
}

// ACLReadKeys is the key pattern that lets a user read all keys, and write none
// where the server can tell these apart.
func ACLReadKeys(n info.Node) string {
	if n.AtLeast(7, 0) {
		return "%R~*"
	}
	return "~*"
}

// ACLProbes allows a user who may not see all keys these probes on all of them.
// From 7.0 this goes without giving the user's other commands more keys.
func ACLProbes(n info.Node, probes []Probe) string {
	rules := []string{ACLReadKeys(n)}
	for _, p := range probes {
		rules = append(rules, p.ACLRule())
	}
	text := strings.Join(rules, " ")
	if n.AtLeast(7, 0) {
		return "(" + text + ")"
	}
	return text
}

// AskScan reports why SCAN may not be sent: ACL refuses it, or the server does not
// know it. It sends SCAN with a word in the place of the cursor, which a server
// turns away before anything is walked (db.c, parseScanCursorOrReply), but after it
// has asked for permission. That adds 1 to the calls of SCAN and to errorstat_ERR.
// The error is an *Error; [IsReply] tells one of the server from a lost connection.
func (c *Conn) CheckScan(ctx context.Context) error {
	return c.withRetry(ctx, func(ctx context.Context) error {
		err := c.conn.Process(ctx, redis.NewCmd(ctx, "scan", "x"))
		if IsReply(err) && !commandRefused(err) && !serverUnavailable(err) && !isUnavailable(err) {
			return nil // what it finds wrong is the cursor
		}
		if err != nil {
			return c.refusedTo("SCAN", "+scan", err)
		}
		return nil
	})
}
