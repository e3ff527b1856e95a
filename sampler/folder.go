package sampler

import (
	"sync"

	"golang.org/x/sync/errgroup"

	"keyprof/sampler/pattern"
)

// folder hands the pages of a walk to several builders. It holds the first
// pages back until the survey has seen enough names: what it protects depends
// on the order of the walk alone.
type folder struct {
	grouping     Grouping
	highIdleOver int64
	workers      int
	sampled      bool // the walk is of a sample

	survey *pattern.Survey // nil once it is over
	held   []*Page         // that came until then, and are not yet handed on

	pages     chan *Page
	pool      sync.Pool
	group     errgroup.Group
	reservoir *reservoir
	builders  []*Builder
}

func newFolder(workers int, g Grouping, highIdleOver int64) *folder {
	return &folder{
		grouping: g, highIdleOver: highIdleOver, workers: workers,
		survey: pattern.NewSurvey(g.Dictionary),
		pages:  make(chan *Page, 2*workers),
		pool:   sync.Pool{New: func() any { return new(Page) }},
	}
}

// fresh is an empty page.
func (f *folder) fresh() *Page { return f.pool.Get().(*Page) }

// add takes over a page.
func (f *folder) add(page *Page) {
	if f.survey == nil {
		f.pages <- page
		f.release(heldAtOnce)
		return
	}
	f.held = append(f.held, page)
	for i := range page.Keys {
		name, add := page.Keys[i].Name, f.survey.Add
		if f.grouping.Rules.Matches(name) { // its words come into no trie
			add = f.survey.Pass
		}
		if !add(name) {
			f.start()
			return
		}
	}
}

// start ends the survey and sets the builders to work.
func (f *folder) start() {
	known := f.grouping.Dictionary
	if known == nil {
		known = &pattern.Dictionary{}
	}
	f.grouping.Dictionary = f.survey.Extend(known)
	f.reservoir, f.builders = newReservoir(f.workers, f.grouping, f.highIdleOver, f.sampled)
	for _, b := range f.builders {
		f.group.Go(func() error { f.work(b); return nil })
	}
	f.survey = nil
}

// heldAtOnce is how many of the pages that were held back are handed on beside each
// new one. All at once would keep the walk from its connections for a while, and what
// is felt on them would be our own grouping.
const heldAtOnce = 3

// release hands on up to n of the pages that were held back.
func (f *folder) release(n int) {
	n = min(n, len(f.held))
	for i, page := range f.held[:n] {
		f.pages <- page
		f.held[i] = nil // memory is bounded
	}
	f.held = f.held[n:]
}

func (f *folder) work(b *Builder) {
	for page := range f.pages {
		b.Add(page)
		page.Keys = page.Keys[:0]
		f.pool.Put(page)
	}
}

// finish waits for the builders and returns what they folded together.
func (f *folder) finish() *Builder {
	if f.survey != nil {
		f.start()
	}
	f.release(len(f.held))
	close(f.pages)
	_ = f.group.Wait() // builders do no I/O, so nothing fails
	return f.reservoir.finish(f.builders)
}
