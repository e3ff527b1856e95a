package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"keyprof/scanner/redistest"
)

// onServer measures on a fresh server with n mixed keys.
func (b *bench) onServer(ctx context.Context, n int, measure func(context.Context, *redistest.Server) error) (err error) {
	server, err := redistest.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	b.report.Versions["redis-server"] = infoField(server.Client().Info(ctx, "server").Val(), "redis_version")
	began := time.Now()
	if err := seed(ctx, server, n); err != nil {
		return err
	}
	progress("wrote %s in %.1f s", keys(n), time.Since(began).Seconds())
	return measure(ctx, server)
}

// seed writes n mixed keys. While the server executes some of them the next are
// generated, which takes about as long.
func seed(ctx context.Context, s *redistest.Server, n int) error {
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket()})
	defer client.Close()
	var writers errgroup.Group
	writers.SetLimit(2)
	err := redistest.Mixed(ctx, background{client, &writers}, n, 1)
	return errors.Join(err, writers.Wait())
}

// background is a client whose pipelines run on other goroutines. Keys do not depend on
// one another, and no pipeline has only a part of one. Errors go to the group.
type background struct {
	redis.UniversalClient
	writers *errgroup.Group
}

// Pipeline implements redis.UniversalClient.
func (b background) Pipeline() redis.Pipeliner {
	return &backgroundPipeline{Pipeliner: b.UniversalClient.Pipeline(), client: b}
}

type backgroundPipeline struct {
	redis.Pipeliner
	client background
}

// Exec implements redis.Pipeliner. It returns before the commands have run.
func (p *backgroundPipeline) Exec(ctx context.Context) ([]redis.Cmder, error) {
	full := p.Pipeliner
	p.Pipeliner = p.client.UniversalClient.Pipeline()
	p.client.writers.Go(func() error {
		_, err := full.Exec(ctx)
		return err
	})
	return nil, ctx.Err()
}

// serverCPU returns the CPU seconds that the server has used so far.
func serverCPU(ctx context.Context, s *redistest.Server) (float64, error) {
	info, err := s.Client().Info(ctx, "cpu").Result()
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(infoField(info, field), 64)
		if err != nil {
			return 0, fmt.Errorf("INFO cpu: %s: %w", field, err)
		}
		sum += seconds
	}
	return sum, nil
}

// infoField returns the value of "name:value" in the text of INFO, or "".
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
