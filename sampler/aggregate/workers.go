package aggregate

import (
	"sync"

	"golang.org/x/sync/errgroup"

	"keyprof/sampler/pattern"
)

// ParallelBuilder distributes pages over several builders. It holds the first pages
// back until the survey has seen enough names, so that which words the survey protects
// depends only on the order of the scan.
type ParallelBuilder struct {
	grouping     Grouping
	highIdleOver int64
	workers      int
	OfSample     bool // the pages are a sample; set it before the first Add

	survey *pattern.Survey // nil once it is over
	held   []*Page         // that came until then, and are not yet handed on

	pages    chan *Page
	pool     sync.Pool
	group    errgroup.Group
	shared   *sharedBuilder
	builders []*Builder
}

// NewParallelBuilder returns a builder with that many workers. Keys idle for more than
// highIdleOver seconds are high-idle; below 0 none is. Finish must be called.
func NewParallelBuilder(workers int, g Grouping, highIdleOver int64) *ParallelBuilder {
	return &ParallelBuilder{
		grouping: g, highIdleOver: highIdleOver, workers: workers,
		survey: pattern.NewSurvey(g.Dictionary),
		pages:  make(chan *Page, 2*workers),
		pool:   sync.Pool{New: func() any { return new(Page) }},
	}
}

// NewPage returns an empty page.
func (f *ParallelBuilder) NewPage() *Page { return f.pool.Get().(*Page) }

// Add takes over a page: the caller must not use it again.
func (f *ParallelBuilder) Add(page *Page) {
	if f.survey == nil {
		f.pages <- page
		f.release(heldAtOnce)
		return
	}
	f.held = append(f.held, page)
	for i := range page.Keys {
		name, add := page.Keys[i].Name, f.survey.Add
		if f.grouping.Rules.Matches(name) { // its words come into no trie
			add = f.survey.Skip
		}
		if !add(name) {
			f.start()
			return
		}
	}
}

// start ends the survey and sets the builders to work.
func (f *ParallelBuilder) start() {
	known := f.grouping.Dictionary
	if known == nil {
		known = &pattern.Dictionary{}
	}
	f.grouping.Dictionary = f.survey.Extend(known)
	f.shared, f.builders = newSharedBuilder(f.workers, f.grouping, f.highIdleOver, f.OfSample)
	for _, b := range f.builders {
		f.group.Go(func() error { f.work(b); return nil })
	}
	f.survey = nil
}

// heldAtOnce is the number of held pages that are handed on with each new page. Handing
// on all at once would keep the scan from its connections for a while, and our own
// grouping would count as latency.
const heldAtOnce = 3

// release hands on up to n of the pages that were held back.
func (f *ParallelBuilder) release(n int) {
	n = min(n, len(f.held))
	for i, page := range f.held[:n] {
		f.pages <- page
		f.held[i] = nil // memory is bounded
	}
	f.held = f.held[n:]
}

func (f *ParallelBuilder) work(b *Builder) {
	for page := range f.pages {
		b.Add(page)
		page.Keys = page.Keys[:0]
		f.pool.Put(page)
	}
}

// Finish waits for the builders and returns what they folded together.
func (f *ParallelBuilder) Finish() *Builder {
	if f.survey != nil {
		f.start()
	}
	f.release(len(f.held))
	close(f.pages)
	_ = f.group.Wait() // builders do no I/O, so nothing fails
	return f.shared.finish(f.builders)
}
