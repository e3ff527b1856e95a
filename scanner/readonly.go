package scanner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// allowed is every command that may leave this process. None of them changes
// data or touches a key's LRU/LFU clock, and none is O(N) on a big key as we
// send it. Subcommands are matched too: MEMORY USAGE is on the list, MEMORY
// DOCTOR is not. SELECT, HELLO, AUTH and CLIENT change our connection only.
var allowed = map[string]bool{
	"hello": true, "auth": true, "select": true, "ping": true,
	"client setname": true, noTouch: true,
	"info": true,
	"scan": true, "type": true, "pttl": true, "memory usage": true,
	"object idletime": true, "object freq": true, "object refcount": true,
	countKeysInSlot: true, getKeysInSlot: true,
}

// Commands that samples of slots want, and nothing else.
const (
	countKeysInSlot = "cluster countkeysinslot"
	getKeysInSlot   = "cluster getkeysinslot" // O(names), which is bounded: namesPerKey
	getKeysRule     = "+cluster|getkeysinslot"
)

// noTouch is known to servers from 7.2.
const noTouch = "client no-touch"

// containers are the commands whose first argument is a subcommand.
var containers = map[string]bool{"client": true, "cluster": true, "memory": true, "object": true}

// ErrNotAllowed is a command that keyprof refuses to send.
var ErrNotAllowed = errors.New("not on the list of read-only commands")

// Allowed reports whether a command, such as "memory usage", may be sent.
func Allowed(name string) bool { return allowed[name] }

// AllowedCommands are all commands that may be sent, in alphabetical order.
func AllowedCommands() []string { return slices.Sorted(maps.Keys(allowed)) }

// ledger is where every command of a connection passes before it is sent, those
// of go-redis as its hook: it stops what is not allowed, and counts the rest.
type ledger struct {
	mu   sync.Mutex
	sent map[string]int64
}

func newLedger() *ledger { return &ledger{sent: map[string]int64{}} }

// counts are the commands sent so far, by name with subcommand.
func (l *ledger) counts() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.sent)
}

// enter lets n commands of a name out, and counts them.
func (l *ledger) enter(name string, n int64) error {
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
func (l *ledger) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook checks and counts one command.
func (l *ledger) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := l.enter(commandName(cmd.Args()), 1); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook refuses go-redis's pipelines: ours are Conn.RoundTrip's.
func (l *ledger) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		err := fmt.Errorf("a pipeline of %d commands: %w", len(cmds), ErrNotAllowed)
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
		return err
	}
}
