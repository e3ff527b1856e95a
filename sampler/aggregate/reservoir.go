package aggregate

import (
	"sync"
	"unsafe"

	"keyprof/sampler/pattern"
)

// Bounds on the memory of all builders together. A builder that has had its
// share pours what it has folded into the reservoir and starts afresh: as
// builders merge exactly, this changes no figure. Only when the reservoir is
// full too, all of them lower the bounds of their tries. So how many builders
// there are makes no difference to where those bounds end.
const (
	reservoirBytes = 22 << 20
	workerBytes    = 6 << 20 // of all other builders together
	// A builder looks how large it is after so many keys. A name makes at most
	// one namespace, and most take less than keyBytes while they have few keys;
	// the larger the share, the longer it takes to look.
	weighAtLeastEvery = 64
	weighAtMostEvery  = 512
	keyBytes          = 8 << 10
	// maxLeaves bounds the namespaces before fusion.
	maxLeaves = 2 * DefaultNamespaceLimit
)

// reservoir is a builder that others pour into.
type reservoir struct {
	mu      sync.Mutex
	builder *Builder
	atMost  int // bytes that it takes, more or less: as much as was poured
	share   int // bytes that each of the others may hold
}

// newReservoir makes n builders that share their memory, and what they pour
// into.
func newReservoir(n int, g Grouping, highIdleOver int64, sampled bool) (*reservoir, []*Builder) {
	r := &reservoir{builder: NewBuilder(g, highIdleOver), share: workerBytes / n}
	r.builder.Sampled = sampled
	builders := make([]*Builder, n)
	for i := range builders {
		builders[i] = NewBuilder(g, highIdleOver)
		builders[i].Sampled = sampled
		builders[i].overflow = r
		builders[i].weighEvery = min(max(r.share/keyBytes, weighAtLeastEvery), weighAtMostEvery)
	}
	return r, builders
}

// take empties b, which takes so many bytes, into the reservoir. Both have the
// same bounds after that. As to look how large the reservoir is takes as long as
// to fold hundreds of keys, it does so only when it may be full: what two
// builders take together is no less than what they take once merged.
func (r *reservoir) take(b *Builder, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.builder.Merge(b)
	if r.atMost += bytes; r.atMost > reservoirBytes || r.builder.leaves() > maxLeaves {
		r.atMost = r.builder.relieve(reservoirBytes)
	}
	b.reset()
	b.lowerTo(r.builder.rung)
}

// finish returns what all builders have folded.
func (r *reservoir) finish(builders []*Builder) *Builder {
	for _, b := range builders {
		r.take(b, b.footprint())
	}
	return r.builder
}

// weigh makes sure that the builder stays within its memory.
func (b *Builder) weigh() {
	b.sinceWeighed = 0
	if b.overflow == nil {
		b.relieve(reservoirBytes)
	} else if bytes := b.footprint(); bytes > b.overflow.share {
		b.overflow.take(b, bytes)
	}
}

// relieve lowers the bounds of the tries until they take at most limit bytes,
// and returns how many they take then. What is frequent is given up only if that
// alone makes far too many namespaces, and not for its size.
func (b *Builder) relieve(limit int) (bytes int) {
	bytes = b.footprint()
	for b.rung < pattern.LowestProtected && bytes > limit || b.rung < pattern.LastRung && b.leaves() > maxLeaves {
		b.lowerTo(b.rung + 1)
		bytes = b.footprint()
	}
	return bytes
}

// leaves returns the number of namespaces before fusion.
func (b *Builder) leaves() (n int) {
	for _, trie := range b.tries {
		n += trie.Leaves()
	}
	return n
}

// footprint returns about how many bytes the namespaces take.
func (b *Builder) footprint() (bytes int) {
	for _, trie := range b.tries {
		bytes += trie.Footprint((*accumulator).footprint)
	}
	return bytes
}

// footprint returns the number of bytes that the accumulator takes.
func (a *accumulator) footprint() int {
	n := int(unsafe.Sizeof(*a)) + cap(a.types)*int(unsafe.Sizeof(typeTally{})) + a.joint.footprint()
	if a.freq != nil {
		n += int(unsafe.Sizeof(*a.freq))
	}
	for _, q := range []*quantity{&a.size, &a.ttlMillis, &a.idleS, &a.idlePlusTTLMillis} {
		n += q.sketch.Footprint()
	}
	return n + a.dispersion.footprint() + a.examples.footprint() + a.largest.footprint()
}

// footprint returns the number of bytes that s points to.
func (s *standouts) footprint() int { return cap(s.kept)*int(unsafe.Sizeof(standout{})) + s.pointees }

// pointees returns about the number of bytes that s points to.
func (s *standout) pointees() int {
	n := (len(s.name) + 15) &^ 15 // as the allocator rounds
	if s.cut != nil {
		n += len(s.cut.Name) + len(s.cut.Hash) + int(unsafe.Sizeof(*s.cut))
	}
	return n
}
