package scanner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
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
	"client setname": true, "client no-touch": true,
	"info": true,
	"scan": true, "type": true, "pttl": true, "memory usage": true,
	"object idletime": true, "object freq": true, "object refcount": true,
}

// containers are the commands whose first argument is a subcommand.
var containers = map[string]bool{"client": true, "memory": true, "object": true}

// ErrNotAllowed is a command that keyprof refuses to send.
var ErrNotAllowed = errors.New("not on the list of read-only commands")

// Allowed reports whether a command, such as "memory usage", may be sent.
func Allowed(name string) bool { return allowed[name] }

// ledger is the hook through which every command of a connection leaves: it
// stops what is not allowed before it is sent, and counts the rest by name.
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

func (l *ledger) enter(cmds ...redis.Cmder) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range cmds {
		if name := commandName(cmd.Args()); !allowed[name] {
			return fmt.Errorf("command %q: %w", name, ErrNotAllowed)
		}
	}
	for _, cmd := range cmds {
		l.sent[commandName(cmd.Args())]++
	}
	return nil
}

// commandName is the command with its subcommand, in lower case. go-redis's
// FullName leaves the subcommand out.
func commandName(args []any) string {
	name := word(args, 0)
	if containers[name] {
		name = subcommandName(name, word(args, 1))
	}
	return name
}

// subcommandName joins the names that the walk uses without allocating.
func subcommandName(name, sub string) string {
	switch {
	case name == "memory" && sub == "usage":
		return "memory usage"
	case name == "object" && sub == "idletime":
		return "object idletime"
	default:
		return name + " " + sub
	}
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
		if err := l.enter(cmd); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook checks and counts a pipeline: all of it goes or nothing.
func (l *ledger) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := l.enter(cmds...); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		return next(ctx, cmds)
	}
}
