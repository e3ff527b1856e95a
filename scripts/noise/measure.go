package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyprof/scanner/redistest"
)

// reading holds the bytes of all keys of a shape, read once.
type reading []int64

// readings are all of one shape.
type readings struct {
	shape    shape
	encoding string    // as OBJECT ENCODING has it
	written  reading   // before any restart
	restarts []reading // after each
	later    pair      // before and after some writes, without a restart
	twin     reading   // of another server that got the same commands
}

// measure writes the shapes to a server, restarts it and reads each time.
func measure(ctx context.Context, restarts int, shapes []shape, report *Report) (err error) {
	twins, err := measureTwins(ctx, shapes)
	if err != nil {
		return err
	}
	server, err := startWith(ctx, shapes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	all := make([]readings, len(shapes))
	for i, s := range shapes {
		all[i] = readings{shape: s, twin: twins[i]}
		if all[i].encoding, err = encodings(ctx, server.Client(), s); err != nil {
			return err
		}
		if all[i].written, err = read(ctx, server.Client(), s); err != nil {
			return err
		}
	}
	if err := server.Client().Save(ctx).Err(); err != nil {
		return fmt.Errorf("SAVE: %w", err)
	}
	for range restarts {
		if err := readRestarted(ctx, server, all); err != nil {
			return err
		}
	}
	if err := readLater(ctx, server.Client(), all); err != nil {
		return err
	}
	report.Version = version(ctx, server)
	report.measured = append(report.measured, all...)
	progress("%s, %s: %d restarts", shapes[0].name, shapes[0].spread.name, restarts)
	return nil
}

// startWith starts a server and writes the shapes to it.
func startWith(ctx context.Context, shapes []shape) (*redistest.Server, error) {
	server, err := redistest.Start(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range shapes {
		if err := s.write(ctx, server.Client()); err != nil {
			return nil, errors.Join(err, server.Stop())
		}
	}
	return server, nil
}

// measureTwins reads the shapes from a server of their own.
func measureTwins(ctx context.Context, shapes []shape) (list []reading, err error) {
	server, err := startWith(ctx, shapes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	for _, s := range shapes {
		bytes, err := read(ctx, server.Client(), s)
		if err != nil {
			return nil, err
		}
		list = append(list, bytes)
	}
	return list, nil
}

func readRestarted(ctx context.Context, server *redistest.Server, all []readings) error {
	if err := server.Restart(ctx); err != nil {
		return err
	}
	for i := range all {
		bytes, err := read(ctx, server.Client(), all[i].shape)
		if err != nil {
			return err
		}
		all[i].restarts = append(all[i].restarts, bytes)
	}
	return nil
}

// readLater reads before and after some writes.
func readLater(ctx context.Context, client *redis.Client, all []readings) (err error) {
	for i := range all {
		if s := all[i].shape; s.pop == nil {
			all[i].later, err = readGrown(ctx, client, s)
		} else {
			all[i].later, err = readSlid(ctx, client, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readGrown(ctx context.Context, client *redis.Client, s shape) (p pair, err error) {
	if p.before, err = read(ctx, client, s); err != nil {
		return p, err
	}
	if err = s.grow(ctx, client); err != nil {
		return p, err
	}
	p.after, err = read(ctx, client, s)
	return p, err
}

// readSlid reads at two times in the life of a queue. By how much it grew in
// between, which all its elements together tell, is taken off the second reading.
func readSlid(ctx context.Context, client *redis.Client, s shape) (pair, error) {
	var estimates, exact [2]reading
	for round := range 2 {
		err := s.slide(ctx, client, round)
		if err != nil {
			return pair{}, err
		}
		if estimates[round], err = read(ctx, client, s); err != nil {
			return pair{}, err
		}
		if exact[round], err = read(ctx, client, s, 0); err != nil {
			return pair{}, err
		}
	}
	for key := range estimates[1] {
		estimates[1][key] -= exact[1][key] - exact[0][key]
	}
	return pair{estimates[0], estimates[1]}, nil
}

// read asks for the bytes of all keys of the shape, by the server's own number of
// samples if none is given; 0 means all elements.
func read(ctx context.Context, client *redis.Client, s shape, samples ...int) (reading, error) {
	p := client.Pipeline()
	for i := range s.keys {
		p.MemoryUsage(ctx, s.key(i), samples...)
	}
	replies, err := p.Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("MEMORY USAGE: %w", err)
	}
	bytes := make(reading, len(replies))
	for i, reply := range replies {
		bytes[i] = reply.(*redis.IntCmd).Val()
	}
	return bytes, nil
}

// encodings returns those of the shape's keys, separated by slashes.
func encodings(ctx context.Context, client *redis.Client, s shape) (string, error) {
	p := client.Pipeline()
	for i := range s.keys {
		p.ObjectEncoding(ctx, s.key(i))
	}
	replies, err := p.Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("OBJECT ENCODING: %w", err)
	}
	var names []string
	for _, reply := range replies {
		names = append(names, reply.(*redis.StringCmd).Val())
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "/"), nil
}

func version(ctx context.Context, server *redistest.Server) string {
	info := server.Client().InfoMap(ctx, "server").Val()
	return info["Server"]["redis_version"]
}
