package scanner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/redis/go-redis/v9"
)

// DefaultMaxWait is how long a server that does not answer for the moment is
// waited for.
const DefaultMaxWait = 5 * time.Minute

// Pauses between attempts grow from the first to the longest.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 5 * time.Second
)

// Patience says how long to wait for a server that cannot be used for the
// moment: the connection was lost, its data set is loading, a script keeps it
// busy, it is a replica without its primary, or has no connection left.
type RetryPolicy struct {
	MaxWait time.Duration     // at a stretch; 0: not at all
	Notice  func(cause error) // called when a wait begins; may be nil
}

// Wait is a stretch of time in which the server could not be used.
type Wait struct {
	Cause string // why it began
	Took  time.Duration
}

// passing reports whether it is worth asking again after a while.
func isTransient(err error) bool {
	switch {
	case errors.Is(err, errNoAnswer), errors.Is(err, errClosed), errors.Is(err, errReset), isAny(err, connectionRefused), isAny(err, unreachable):
		return true
	case errors.Is(err, fs.ErrNotExist): // a server that ends takes its socket with it
		return true
	}
	return serverUnavailable(err)
}

// waitable reports whether the server itself says that it cannot be used for
// the moment.
func serverUnavailable(err error) bool {
	var reply redis.Error
	if errors.Is(err, errLoading) {
		return true
	}
	if !errors.As(err, &reply) {
		return false
	}
	text := replyText(reply)
	return slices.Contains([]string{"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN"}, firstWord(text)) || strings.Contains(text, tooManyClients)
}

// patiently attempts something, and attempts it again on a new connection to
// the same server process for as long as patience lasts. When ctx ends it waits
// no more.
func (c *Conn) withRetry(ctx context.Context, attempt func(context.Context) error) error {
	err := attempt(ctx)
	if err == nil || !isTransient(err) || c.retry.MaxWait <= 0 || ctx.Err() != nil {
		return err
	}
	if c.waitingFor != nil && time.Since(c.waitingFor.since) >= c.retry.MaxWait {
		return waited(err, c.retry.MaxWait) // for a late reply
	}
	return c.wait(ctx, err, func(ctx context.Context) error {
		if err := c.reconnect(ctx); err != nil {
			return err
		}
		defer context.AfterFunc(ctx, c.wire.close)()
		return attempt(ctx)
	})
}

// wait attempts something again and again, with growing pauses.
func (c *Conn) wait(ctx context.Context, cause error, attempt func(context.Context) error) error {
	if c.retry.Notice != nil && c.waitingFor == nil { // else it was said when the reply was late
		c.retry.Notice(cause)
	}
	c.monitor.suspend()
	defer c.monitor.resume()
	began := time.Now()
	// An attempt may hang for longer than there is patience.
	patient, stop := context.WithTimeoutCause(ctx, c.retry.MaxWait, errNoAnswer)
	defer stop()
	first := causeOf(cause)
	defer func() { c.waits = append(c.waits, Wait{first, time.Since(began)}) }()
	pauses := backoff.ExponentialBackOff{
		InitialInterval: firstPause, MaxInterval: longestPause,
		Multiplier: backoff.DefaultMultiplier, RandomizationFactor: backoff.DefaultRandomizationFactor,
	}
	for {
		left := c.retry.MaxWait - time.Since(began)
		if left <= 0 {
			return waited(cause, c.retry.MaxWait)
		}
		select {
		case <-time.After(min(pauses.NextBackOff(), left)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		switch err := attempt(patient); {
		case err == nil:
			return nil
		case ctx.Err() != nil: // the attempt may have failed for that alone
			return context.Cause(ctx)
		case !isTransient(err):
			return err
		case patient.Err() == nil && !errors.Is(err, errNoAnswer): // not due to the end of patience alone
			cause = err
		}
	}
}

// waited adds to err that waiting was in vain.
func waited(err error, d time.Duration) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Doing: e.Doing, Err: fmt.Errorf("%w; gave up after %s", e.Err, d), Hint: e.Hint}
}

// causeOf is why a wait began, without what was being done.
func causeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return err.Error()
}
