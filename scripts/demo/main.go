// Demo shows keyprof at work: it starts a temporary redis-server, fills it with the
// keyspaces of two real incidents, runs keyprof on it and removes everything.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"keyprof/scanner/redistest"
)

// interruptGrace is the time that an interrupted keyprof has to print its partial report.
const interruptGrace = 5 * time.Second

func main() {
	keyprof := flag.String("keyprof", "bin/keyprof", "run the `PROGRAM`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo(ctx, *keyprof, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
		os.Exit(1)
	}
}

// demo runs keyprof with extra flags. The server is stopped however it ends.
func demo(ctx context.Context, keyprof string, extra []string) (err error) {
	if _, err := os.Stat(keyprof); err != nil {
		return fmt.Errorf("%w (run make build)", err)
	}
	server, err := redistest.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	fmt.Println("Two incidents on one server: database 0 holds tickets that should expire within")
	fmt.Println("a year (incident 2), database 1 the status of every job ever run (incident 1).")
	if err := redistest.SeedTickets(ctx, server.ClientDB(0)); err != nil {
		return err
	}
	if err := redistest.SeedResque(ctx, server.ClientDB(1)); err != nil {
		return err
	}
	args := append([]string{"profile"}, extra...)
	args = append(args, server.URL())
	fmt.Printf("\n$ %s profile %s\n", keyprof, server.URL())
	return run(ctx, keyprof, args)
}

// run passes keyprof's output through. On an interrupt keyprof is interrupted as
// well, and killed if that does not end it. (A terminal interrupts both of us; a
// second interrupt makes keyprof quit at once, which suits here.)
func run(ctx context.Context, program string, args []string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptGrace
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}
