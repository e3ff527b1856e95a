package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// element is a part of a collection: a field and its value, or a member, which is the two
// joined.
type element struct {
	name  string
	value string
	at    int // place in the collection
}

func (e element) member() string { return e.name + ":" + e.value }

// spread sets how the sizes of elements vary.
type spread struct {
	name string
	same bool                           // all keys have the same elements
	size func(r *rand.Rand, at int) int // bytes
}

var (
	constant  = spread{"constant", false, func(*rand.Rand, int) int { return 24 }}
	logNormal = spread{"log-normal", false, logNormalSize}
	oneLarge  = spread{"1 in 100 is 50 times larger", false, func(r *rand.Rand, _ int) int { return largeIf(r.IntN(100) == 0) }}
	// Tables of one server with the same names and size have the same order.
	sameLogNormal = spread{"log-normal, same in all keys", true, logNormalSize}
	sameOneLarge  = spread{"1 in 100 is larger, same in all keys", true, func(_ *rand.Rand, at int) int { return largeIf(at%100 == 0) }}
)

// logNormalSize has a median of 40 and a relative standard deviation of 1.3.
func logNormalSize(r *rand.Rand, _ int) int {
	return int(min(40*math.Exp(r.NormFloat64()), 20_000))
}

func largeIf(large bool) int {
	if large {
		return 50 * 24
	}
	return 24
}

// collection is a type whose size MEMORY USAGE estimates.
type collection struct {
	name    string // as TYPE has it
	spreads []spread
	add     func(ctx context.Context, p redis.Pipeliner, key string, elements []element)
	// pop removes elements from..to-1, the first that are left. It is nil where
	// none is first.
	pop func(ctx context.Context, p redis.Pipeliner, key string, from, to int)
}

var collections = []collection{
	{"hash", []spread{constant, logNormal, oneLarge, sameLogNormal, sameOneLarge}, addToHash, nil},
	{"set", []spread{constant, logNormal, oneLarge, sameLogNormal, sameOneLarge}, addToSet, nil},
	{"zset", []spread{constant, logNormal, oneLarge}, addToSortedSet, popFromSortedSet},
	{"list", []spread{constant, logNormal, oneLarge}, addToList, popFromList},
	{"stream", []spread{constant, logNormal, oneLarge}, addToStream, popFromStream},
}

func addToHash(ctx context.Context, p redis.Pipeliner, key string, elements []element) {
	pairs := make([]any, 0, 2*len(elements))
	for _, e := range elements {
		pairs = append(pairs, e.name, e.value)
	}
	p.HSet(ctx, key, pairs...)
}

func addToSet(ctx context.Context, p redis.Pipeliner, key string, elements []element) {
	members := make([]any, len(elements))
	for i, e := range elements {
		members[i] = e.member()
	}
	p.SAdd(ctx, key, members...)
}

func addToSortedSet(ctx context.Context, p redis.Pipeliner, key string, elements []element) {
	members := make([]redis.Z, len(elements))
	for i, e := range elements {
		members[i] = redis.Z{Score: float64(e.at), Member: e.member()}
	}
	p.ZAdd(ctx, key, members...)
}

func addToList(ctx context.Context, p redis.Pipeliner, key string, elements []element) {
	values := make([]any, len(elements))
	for i, e := range elements {
		values[i] = e.value
	}
	p.RPush(ctx, key, values...)
}

func addToStream(ctx context.Context, p redis.Pipeliner, key string, elements []element) {
	for _, e := range elements {
		p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: entryID(e.at), Values: []string{"data", e.value}})
	}
}

func entryID(at int) string { return fmt.Sprintf("1700000000000-%d", at+1) }

func popFromSortedSet(ctx context.Context, p redis.Pipeliner, key string, from, to int) {
	p.ZPopMin(ctx, key, int64(to-from))
}

func popFromList(ctx context.Context, p redis.Pipeliner, key string, from, to int) {
	p.LPopCount(ctx, key, to-from)
}

func popFromStream(ctx context.Context, p redis.Pipeliner, key string, _, to int) {
	p.XTrimMinID(ctx, key, entryID(to))
}

// shape is a number of similar keys.
type shape struct {
	collection
	spread   spread
	elements int // of one key
	keys     int
}

// shapesOf returns the shapes of one type and spread, one for each size that fits.
func shapesOf(c collection, s spread, o options) []shape {
	var shapes []shape
	for _, n := range o.sizes {
		shapes = append(shapes, shape{c, s, n, min(max(o.elements/n, 1), o.maxKeys)})
	}
	return shapes
}

func (s shape) key(i int) string { return fmt.Sprintf("%s:%d:%d", s.name, s.elements, i) }

const text = "keyprof measures how far figures move"

// elementsOf returns elements from..to-1 of key i, always the same ones.
func (s shape) elementsOf(i, from, to int) []element {
	if s.spread.same {
		i = 0
	}
	r := rand.New(rand.NewPCG(uint64(i), uint64(from)))
	elements := make([]element, 0, to-from)
	for at := from; at < to; at++ {
		size := s.spread.size(r, at)
		value := strings.Repeat(text, size/len(text)+1)[:size]
		elements = append(elements, element{fmt.Sprintf("%04d.%06d", i, at), value, at})
	}
	return elements
}

// write writes all keys, with commands of up to 500 elements.
func (s shape) write(ctx context.Context, client *redis.Client) error {
	return s.eachKey(ctx, client, "writing", func(p redis.Pipeliner, i int) {
		for part := range slices.Chunk(s.elementsOf(i, 0, s.elements), 500) {
			s.add(ctx, p, s.key(i), part)
		}
	})
}

// addedLater is the number of elements added to a hash and a set after the last restart.
const addedLater = 4

// grow adds so few elements to tables that only a rehash shows.
func (s shape) grow(ctx context.Context, client *redis.Client) error {
	return s.eachKey(ctx, client, "adding elements", func(p redis.Pipeliner, i int) {
		s.add(ctx, p, s.key(i), s.elementsOf(i, s.elements, s.elements+addedLater))
	})
}

// slide does what happens to queues: elements leave at the front, and as many join
// at the end. It may be called for round 0, 1 and so on.
func (s shape) slide(ctx context.Context, client *redis.Client, round int) error {
	return s.eachKey(ctx, client, "moving elements on", func(p redis.Pipeliner, i int) {
		from, to := s.gone(i, round), s.gone(i, round+1)
		s.add(ctx, p, s.key(i), s.elementsOf(i, s.elements+from, s.elements+to))
		s.pop(ctx, p, s.key(i), from, to)
	})
}

// gone returns the number of elements removed from the front of key i in a number of
// rounds: up to a tenth of all in each.
func (s shape) gone(i, rounds int) int {
	n := 0
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(i), ^uint64(round)))
		n += 1 + r.IntN(max(s.elements/10, 1))
	}
	return n
}

// eachKey sends what queue puts into a pipeline for each key, a few at a time.
func (s shape) eachKey(ctx context.Context, client *redis.Client, doing string, queue func(p redis.Pipeliner, i int)) error {
	p := client.Pipeline()
	for i := range s.keys {
		queue(p, i)
		if p.Len() < 50 && i < s.keys-1 {
			continue
		}
		if _, err := p.Exec(ctx); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return nil
}
