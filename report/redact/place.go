package redact

import "keyprof/sampler/pattern"

// place is where the elements before it lead, in a tree of all patterns.
type place struct {
	keys     int64 // of all namespaces that go through it
	children map[string]*place
	words    map[string]bool // the children that are words; once settled, all of them are shown
	strong   bool            // a delimiter of the first level leads to it
}

func (p *place) child(text string) *place {
	if p.children == nil {
		p.children, p.words = map[string]*place{}, map[string]bool{}
	}
	if p.children[text] == nil {
		p.children[text] = &place{}
	}
	return p.children[text]
}

func (p *place) add(elements []pattern.Element, keys int64) {
	for _, e := range elements {
		next := p.child(e.Text)
		if e.Word {
			p.words[e.Text] = true
		}
		next.strong = e.Strong
		next.keys += keys
		p = next
	}
}

// merge adds the tree below from to that below p.
func (p *place) merge(from *place) {
	p.keys += from.keys
	p.strong = from.strong
	for text, c := range from.children {
		p.child(text).merge(c)
		if from.words[text] {
			p.words[text] = true
		}
	}
}

// settle decides which words at and below p are shown, and joins the others as
// one wildcard, whose names are then looked at together.
func (p *place) settle(rare int64, shown map[string]bool) {
	repeated := p.repeated()
	for word := range p.words {
		c := p.children[word]
		if vocabulary[word] || c.keys >= rare && !repeated[word] {
			shown[word] = true
			continue
		}
		p.child(pattern.Wildcard).merge(c)
		delete(p.children, word)
		delete(p.words, word)
	}
	for _, c := range p.children {
		c.settle(rare, shown)
	}
}

// manyAlike is how many words followed by the same word are more likely data
// than schema.
const manyAlike = 4

// repeated are the words that share with others the word that follows them:
// the orders of acme:orders and globex:orders.
func (p *place) repeated() map[string]bool {
	followed := map[string][]string{}
	for word := range p.words {
		if vocabulary[word] {
			continue
		}
		for delim, after := range p.children[word].children {
			if !after.strong {
				continue
			}
			for next := range after.words {
				followed[delim+next] = append(followed[delim+next], word)
			}
		}
	}
	repeated := map[string]bool{}
	for _, words := range followed {
		for _, word := range words {
			repeated[word] = repeated[word] || len(words) >= manyAlike
		}
	}
	return repeated
}

// shows reports whether a word is shown here. Where no namespace leads, only
// words of the vocabulary are.
func (p *place) shows(word string) bool { return vocabulary[word] || p != nil && p.words[word] }

// next is where an element leads; nil where no namespace does.
func (p *place) next(text string) *place {
	if p == nil {
		return nil
	}
	return p.children[text]
}
