package aggregate

import (
	"sync"

	"golang.org/x/sync/errgroup"

	"keyprof/sampler/pattern"
)

// Folder hands the pages of a scan to several builders. It holds the first
// pages back until the survey has seen enough names: what it protects depends
// on the order of the scan alone.
type Folder struct {
	grouping     Grouping
	highIdleOver int64
	workers      int
	Sampled      bool // the scan is of a sample; to be set before the first page

	survey *pattern.Survey // nil once it is over
	held   []*Page         // that came until then, and are not yet handed on

	pages     chan *Page
	pool      sync.Pool
	group     errgroup.Group
	reservoir *reservoir
	builders  []*Builder
}

// NewFolder makes a folder with so many workers. Keys idle for more than highIdleOver
// seconds are high-idle; below 0 none is. Finish must be called.
func NewFolder(workers int, g Grouping, highIdleOver int64) *Folder {
	return &Folder{
		grouping: g, highIdleOver: highIdleOver, workers: workers,
		survey: pattern.NewSurvey(g.Dictionary),
		pages:  make(chan *Page, 2*workers),
		pool:   sync.Pool{New: func() any { return new(Page) }},
	}
}

// Fresh returns an empty page.
func (f *Folder) Fresh() *Page { return f.pool.Get().(*Page) }

// Add takes over a page: the caller must not use it again.
func (f *Folder) Add(page *Page) {
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
func (f *Folder) start() {
	known := f.grouping.Dictionary
	if known == nil {
		known = &pattern.Dictionary{}
	}
	f.grouping.Dictionary = f.survey.Extend(known)
	f.reservoir, f.builders = newReservoir(f.workers, f.grouping, f.highIdleOver, f.Sampled)
	for _, b := range f.builders {
		f.group.Go(func() error { f.work(b); return nil })
	}
	f.survey = nil
}

// heldAtOnce is how many of the pages that were held back are handed on beside each
// new one. All at once would keep the scan from its connections for a while, and what
// is felt on them would be our own grouping.
const heldAtOnce = 3

// release hands on up to n of the pages that were held back.
func (f *Folder) release(n int) {
	n = min(n, len(f.held))
	for i, page := range f.held[:n] {
		f.pages <- page
		f.held[i] = nil // memory is bounded
	}
	f.held = f.held[n:]
}

func (f *Folder) work(b *Builder) {
	for page := range f.pages {
		b.Add(page)
		page.Keys = page.Keys[:0]
		f.pool.Put(page)
	}
}

// Finish waits for the builders and returns what they folded together.
func (f *Folder) Finish() *Builder {
	if f.survey != nil {
		f.start()
	}
	f.release(len(f.held))
	close(f.pages)
	_ = f.group.Wait() // builders do no I/O, so nothing fails
	return f.reservoir.finish(f.builders)
}
