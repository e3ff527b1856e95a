package aggregate

import (
	"sync"
	"unsafe"

	"keyprof/sampler/pattern"
)

// Bounds on the memory of all builders together. A builder that has had its
// share is merged into the shared builder and starts afresh: as
// builders merge exactly, this changes no figure. Only when the shared builder is
// full too, all of them coarsen their tries. So the number of builders makes no
// difference to the final coarseness.
const (
	maxSharedBytes  = 22 << 20
	maxWorkersBytes = 6 << 20 // of all other builders together
	// A builder looks how large it is after so many keys. A name makes at most
	// one namespace, and most take less than keyBytes while they have few keys;
	// the larger the share, the longer it takes to look.
	minMemoryCheckEvery = 64
	maxMemoryCheckEvery = 512
	keyBytes            = 8 << 10
	// maxLeaves bounds the namespaces before fusion.
	maxLeaves = 2 * DefaultNamespaceLimit
)

// shared is a builder that others pour into.
type sharedBuilder struct {
	mu          sync.Mutex
	builder     *Builder
	maxBytes    int // bytes that it takes, more or less: as much as was poured
	workerBytes int // bytes that each of the others may hold
}

// newSharedBuilder makes n builders that share their memory, and what they pour
// into.
func newSharedBuilder(n int, g Grouping, highIdleOver int64, sampled bool) (*sharedBuilder, []*Builder) {
	r := &sharedBuilder{builder: NewBuilder(g, highIdleOver), workerBytes: maxWorkersBytes / n}
	r.builder.OfSample = sampled
	builders := make([]*Builder, n)
	for i := range builders {
		builders[i] = NewBuilder(g, highIdleOver)
		builders[i].OfSample = sampled
		builders[i].shared = r
		builders[i].memoryCheckEvery = min(max(r.workerBytes/keyBytes, minMemoryCheckEvery), maxMemoryCheckEvery)
	}
	return r, builders
}

// absorb merges b, which takes that many bytes, and empties it. Both have the same
// coarseness after that. As measuring the shared builder takes as long as
// adding hundreds of keys, it does so only when it may be full: what two
// builders take together is no less than what they take once merged.
func (r *sharedBuilder) absorb(b *Builder, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.builder.Merge(b)
	if r.maxBytes += bytes; r.maxBytes > maxSharedBytes || r.builder.leaves() > maxLeaves {
		r.maxBytes = r.builder.shrink(maxSharedBytes)
	}
	b.reset()
	b.coarsenTo(r.builder.coarseness)
}

// finish returns what all builders have folded.
func (r *sharedBuilder) finish(builders []*Builder) *Builder {
	for _, b := range builders {
		r.absorb(b, b.footprint())
	}
	return r.builder
}

// checkMemory keeps the builder within its memory.
func (b *Builder) checkMemory() {
	b.sinceMemoryCheck = 0
	if b.shared == nil {
		b.shrink(maxSharedBytes)
	} else if bytes := b.footprint(); bytes > b.shared.workerBytes {
		b.shared.absorb(b, bytes)
	}
}

// shrink lowers the bounds of the tries until they take at most limit bytes,
// and returns how many they take then. What is frequent is given up only if that
// alone makes far too many namespaces, and not for its size.
func (b *Builder) shrink(limit int) (bytes int) {
	bytes = b.footprint()
	for b.coarseness < pattern.MaxProtectedCoarseness && bytes > limit || b.coarseness < pattern.MaxCoarseness && b.leaves() > maxLeaves {
		b.coarsenTo(b.coarseness + 1)
		bytes = b.footprint()
	}
	return bytes
}

// leaves returns the number of namespaces before related ones are fused.
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
	n := int(unsafe.Sizeof(*a)) + cap(a.types)*int(unsafe.Sizeof(typeAmount{})) + a.joint.footprint()
	if a.freq != nil {
		n += int(unsafe.Sizeof(*a.freq))
	}
	for _, q := range []*quantity{&a.size, &a.ttlMillis, &a.idleS, &a.idlePlusTTLMillis} {
		n += q.sketch.Footprint()
	}
	return n + a.variance.footprint() + a.examples.footprint() + a.largest.footprint()
}

// footprint returns the number of bytes that s points to.
func (s *topKeys) footprint() int { return cap(s.kept)*int(unsafe.Sizeof(topKey{})) + s.pointees }

// pointees returns about the number of bytes that s points to.
func (s *topKey) pointees() int {
	n := (len(s.name) + 15) &^ 15 // as the allocator rounds
	if s.cut != nil {
		n += len(s.cut.Name) + len(s.cut.Hash) + int(unsafe.Sizeof(*s.cut))
	}
	return n
}
