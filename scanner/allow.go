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

// allowed lists every command that this process may send. None of them changes data,
// touches a key's LRU/LFU clock or takes long because a key is big, except MEMORY USAGE
// of streams (below). Subcommands are matched too: MEMORY USAGE is on the list, MEMORY
// DOCTOR is not. What each of them does on the server, in versions 4.0 to 8.0 of Redis
// and 7.2 to 8.1 of Valkey:
//
//   - HELLO, AUTH, SELECT, READONLY and CLIENT SETNAME change only our connection. A server
//     before 6.0 does not know HELLO; go-redis then continues with AUTH. READONLY is sent to
//     nodes of a cluster: without it a replica answers commands on keys with MOVED
//     (cluster.c, getNodeByQuery).
//   - PING is O(1). It returns MISCONF where saves fail, and MASTERDOWN, LOADING or BUSY
//     where most other commands do.
//   - INFO takes some 15 µs, its sections less. INFO commandstats grows with the number of
//     commands that were ever called.
//   - SCAN visits at most 10 times COUNT buckets (db.c, scanGenericCommand) and returns whole
//     buckets, from Valkey 8.1 on with the chains behind them. On a primary it deletes the
//     expired keys that it visits, and replicates the deletions. SCAN with a word instead of a
//     cursor scans no keys: the server rejects it.
//   - PTTL, TYPE, OBJECT IDLETIME, OBJECT FREQ and OBJECT REFCOUNT are O(1), add to
//     keyspace_hits or keyspace_misses, and look up without touching the key
//     (LOOKUP_NOTOUCH). On a primary a lookup deletes a key that has expired. PTTL and TYPE of
//     a nonexistent key send a keymiss event to its subscribers.
//   - MEMORY USAGE without SAMPLES visits 5 elements and adds to no counter. It takes longer
//     for a hash, set or sorted set that is nearly empty and has a large table (some 2 ns a
//     bucket), and for a stream with many consumers: it visits all of them, some 0.7 µs each
//     (object.c, objectComputeSize). A key for which it exceeded the time limit is not
//     probed again.
//   - CLUSTER COUNTKEYSINSLOT is O(1), GETKEYSINSLOT is O(keys returned), which is bounded
//     (namesPerKey).
//
// CLIENT NO-TOUCH is not on the list. With it on, Redis 8.0 and Valkey 8.1 crash when a
// command names a key of a slot that is being migrated (redis#13512, valkey#1499), and
// none of our probes needs it.
var allowed = map[string]bool{
	"hello": true, "auth": true, "select": true, "ping": true, readOnly: true,
	"client setname": true,
	"info":           true,
	"scan":           true, "type": true, "pttl": true, "memory usage": true,
	"object idletime": true, "object freq": true, "object refcount": true,
	countKeysInSlot: true, getKeysInSlot: true,
}

// readOnly lets a replica in a cluster reply to commands on keys.
const readOnly = "readonly"

// Commands that only samples of slots use.
const (
	countKeysInSlot = "cluster countkeysinslot"
	getKeysInSlot   = "cluster getkeysinslot" // O(names), which is bounded: namesPerKey
	getKeysRule     = "+cluster|getkeysinslot"
)

// containers lists the commands whose first argument is a subcommand.
var containers = map[string]bool{"client": true, "cluster": true, "memory": true, "object": true}

// ErrNotAllowed is returned for a command that is not on the allowlist.
var ErrNotAllowed = errors.New("not on the allowlist of read-only commands")

// Allowed reports whether a command, such as "memory usage", may be sent.
func Allowed(name string) bool { return allowed[name] }

// AllowedCommands returns all commands that may be sent, in alphabetical order.
func AllowedCommands() []string { return slices.Sorted(maps.Keys(allowed)) }

// allowlist checks and counts every command of a connection before it is sent; for those
// of go-redis it is a hook.
type allowlist struct {
	mu   sync.Mutex
	sent map[string]int64
}

func newAllowlist() *allowlist { return &allowlist{sent: map[string]int64{}} }

// counts returns the commands sent so far, by name with subcommand.
func (l *allowlist) counts() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.sent)
}

// permit counts n commands of a name; it fails if the name is not allowed.
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

// commandName returns the command with its subcommand, in lower case. go-redis's FullName
// leaves the subcommand out.
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

// DialHook returns next unchanged.
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

// ProcessPipelineHook refuses go-redis's pipelines: Conn.RoundTrip sends ours.
func (l *allowlist) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		err := fmt.Errorf("a pipeline of %d commands: %w", len(cmds), ErrNotAllowed)
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
		return err
	}
}

// defaultUser is the ACL user of a connection that did not log in.
const defaultUser = "default"

// NewUser is the name of the ACL user that keyprof suggests to create.
const NewUser = "prof"

// User returns the ACL user of this connection.
func (c *Conn) User() string { return cmp.Or(c.target.Username, defaultUser) }

// ACLRule returns the command that grants our user a rule such as "+scan".
func (c *Conn) ACLRule(rule string) string {
	return fmt.Sprintf("ACL SETUSER %s %s", c.User(), rule)
}

// ACLOwn returns the command that sets up a user with keyprof's permissions only. If we
// are logged in as a user other than the default one, it is that user, who keeps the
// password and loses all other permissions; otherwise a new one.
func (c *Conn) ACLOwn() string {
	if c.User() == defaultUser {
		return ACLNewUser(c.Node)
	}
	return c.ACLRule(aclAll(c.Node))
}

// ACLNewUser returns the command that creates a user with keyprof's permissions only, in
// the syntax of this version of the server. PASSWORD stands for the password.
func ACLNewUser(n info.Node) string {
	return "ACL SETUSER " + NewUser + " on >PASSWORD " + aclAll(n)
}

// aclAll returns rules that revoke all permissions and grant what keyprof sends.
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

// ACLSlots returns the command that grants our user what a sample of slots needs.
func (c *Conn) ACLSlots() string {
	return c.ACLRule(CountKeysInSlot.ACLRule() + " " + getKeysRule)
}

// ACLReadKeys returns the key pattern that lets a user read all keys, and write none
// where the server distinguishes the two.
func ACLReadKeys(n info.Node) string {
	if n.AtLeast(7, 0) {
		return "%R~*"
	}
	return "~*"
}

// ACLProbes returns rules that grant these probes on all keys to a user restricted to
// some. From 7.0 on they do not extend the user's other commands to more keys.
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

// CheckScan returns an error if SCAN cannot be sent, because the ACL denies it or the
// server does not know it. It sends SCAN with a word instead of a cursor, which a server
// rejects after it has checked permissions and before it scans anything (db.c,
// parseScanCursorOrReply). That adds 1 to the calls of SCAN and to errorstat_ERR. The
// error is an *Error; [IsReply] distinguishes the server's own from a lost connection.
func (c *Conn) CheckScan(ctx context.Context) error {
	return c.withRetry(ctx, func(ctx context.Context) error {
		err := c.conn.Process(ctx, redis.NewCmd(ctx, "scan", "x"))
		if IsReply(err) && !commandRefused(err) && !serverUnavailable(err) && !isUnavailable(err) {
			return nil // it complains about the cursor only
		}
		if err != nil {
			return c.refusedTo("SCAN", "+scan", err)
		}
		return nil
	})
}
