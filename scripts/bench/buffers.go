package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Buffers holds the memory of a program's connections from CLIENT LIST, in bytes. The
// sums are of one moment; they miss what came and went between two samples.
type Buffers struct {
	Connections int   `json:"connections"` // at most, at a time
	Total       int64 `json:"total"`       // largest sum of tot-mem
	// Fields has the largest value of each field, of one connection.
	Fields map[string]int64 `json:"fields"`
}

// bufferFields lists the fields of CLIENT LIST about memory: used and free part of the
// query buffer, arguments, size and peak of the fixed reply buffer, its used part, length
// and bytes of the list of replies, and the total.
var bufferFields = []string{"qbuf", "qbuf-free", "argv-mem", "rbs", "rbp", "obl", "oll", "omem", "tot-mem"}

func (b *Buffers) add(list string, leaveOut ...int64) {
	connections, total := 0, int64(0)
	for line := range strings.Lines(list) {
		fields := clientFields(line)
		if slices.Contains(leaveOut, fields["id"]) {
			continue
		}
		connections++
		total += fields["tot-mem"]
		for _, name := range bufferFields {
			if b.Fields == nil {
				b.Fields = map[string]int64{}
			}
			b.Fields[name] = max(b.Fields[name], fields[name])
		}
	}
	b.Connections, b.Total = max(b.Connections, connections), max(b.Total, total)
}

// clientFields returns the numbers in a line of CLIENT LIST.
func clientFields(line string) map[string]int64 {
	fields := map[string]int64{}
	for word := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(word, "=")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			fields[name] = n
		}
	}
	return fields
}

func (b Buffers) String() string {
	text := fmt.Sprintf("%d connections, tot-mem %d in all; largest", b.Connections, b.Total)
	for _, name := range bufferFields {
		text += fmt.Sprintf(" %s %d", name, b.Fields[name])
	}
	return text
}

// writer writes new keys at a steady rate. If nil, it writes none.
type writer struct {
	client *redis.Client
	id     atomic.Int64 // of its connection
	sets   atomic.Int64
	cancel context.CancelFunc
	ended  chan error
}

// startWriter opens a connection on which one key is written at a time.
func (f *fullServer) startWriter(ctx context.Context) *writer {
	ctx, cancel := context.WithCancel(ctx)
	w := &writer{cancel: cancel, ended: make(chan error, 1)}
	w.client = redis.NewClient(&redis.Options{Network: "unix", Addr: f.server.Socket(), PoolSize: 1, DisableIdentity: true})
	first := f.keys + 1
	f.keys += 1_000_000 // names that refill does not use
	go func() { w.ended <- w.write(ctx, first) }()
	return w
}

func (w *writer) write(ctx context.Context, first int) error {
	conn := w.client.Conn()
	defer conn.Close()
	id, err := conn.ClientID(ctx).Result()
	w.id.Store(id)
	for n := first; err == nil && ctx.Err() == nil; n++ {
		err = conn.Set(context.WithoutCancel(ctx), fmt.Sprintf("full:%09d", n), fullText, 0).Err()
		w.sets.Add(1)
		time.Sleep(writerGap)
	}
	return err
}

func (w *writer) count() int64 {
	if w == nil {
		return 0
	}
	return w.sets.Load()
}

func (w *writer) connection() int64 {
	if w == nil {
		return 0
	}
	return w.id.Load()
}

func (w *writer) stop() error {
	if w == nil {
		return nil
	}
	w.cancel()
	err := <-w.ended
	_ = w.client.Close() // its only connection is closed
	return err
}
