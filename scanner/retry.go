package scanner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultMaxWait limits the wait for a server that is temporarily unavailable.
const DefaultMaxWait = 5 * time.Minute

// Delays between attempts grow from the first to the longest.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 5 * time.Second
)

// RetryPolicy sets how long to wait for a server that is temporarily unavailable: the
// connection was lost, the data set is loading, a script is running, a replica has lost
// its primary, or maxclients is reached.
type RetryPolicy struct {
	MaxWait time.Duration     // for one outage; 0: do not wait
	Notice  func(cause error) // called when a wait starts; may be nil
}

// Wait is a period in which the server was unavailable.
type Wait struct {
	Cause string // the error that started it
	Took  time.Duration
}

// isTransient reports whether err may go away by itself.
func isTransient(err error) bool {
	switch {
	case errors.Is(err, errNoAnswer), errors.Is(err, errClosed), errors.Is(err, errReset), isAny(err, connectionRefused), isAny(err, unreachable):
		return true
	case errors.Is(err, fs.ErrNotExist): // a server removes its socket when it exits
		return true
	}
	return serverUnavailable(err)
}

// serverUnavailable reports whether the server itself replied that it is temporarily
// unavailable.
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

// withRetry runs attempt, and runs it again on a new connection to the same server
// process for as long as the policy allows. When ctx ends it stops waiting.
func (c *Conn) withRetry(ctx context.Context, attempt func(context.Context) error) error {
	err := attempt(ctx)
	if err == nil || !isTransient(err) || c.retry.MaxWait <= 0 || ctx.Err() != nil {
		return err
	}
	if c.waitingFor != nil && time.Since(c.waitingFor.since) >= c.retry.MaxWait {
		return waited(err, c.retry.MaxWait) // that time went to a late reply
	}
	return c.wait(ctx, err, func(ctx context.Context) error {
		if err := c.reconnect(ctx); err != nil {
			return err
		}
		defer context.AfterFunc(ctx, c.wire.close)()
		return attempt(ctx)
	})
}

// wait repeats attempt with growing delays.
func (c *Conn) wait(ctx context.Context, cause error, attempt func(context.Context) error) error {
	if c.retry.Notice != nil && c.waitingFor == nil { // otherwise it was called when the reply was late
		c.retry.Notice(cause)
	}
	c.monitor.suspend()
	defer c.monitor.resume()
	began := time.Now()
	// An attempt may hang for longer than the policy allows.
	patient, stop := context.WithTimeoutCause(ctx, c.retry.MaxWait, errNoAnswer)
	defer stop()
	first := causeOf(cause)
	defer func() { c.waits = append(c.waits, Wait{first, time.Since(began)}) }()
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		left := c.retry.MaxWait - time.Since(began)
		if left <= 0 {
			return waited(cause, c.retry.MaxWait)
		}
		select {
		case <-time.After(min(jitter(pause), left)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		switch err := attempt(patient); {
		case err == nil:
			return nil
		case ctx.Err() != nil: // the attempt may have failed because of that
			return context.Cause(ctx)
		case !isTransient(err):
			return err
		case patient.Err() == nil && !errors.Is(err, errNoAnswer): // otherwise only the time was up
			cause = err
		}
	}
}

// waited adds to err how long the retries took.
func waited(err error, d time.Duration) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Doing: e.Doing, Err: fmt.Errorf("%w; gave up after %s", e.Err, d), Hint: e.Hint}
}

// causeOf returns the text of a cause without the action that failed.
func causeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return err.Error()
}
