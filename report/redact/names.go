package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

// DefaultRare is the default of Options.Rare. A person or a customer seldom has
// that many keys; a kind of key that has fewer matters little.
const DefaultRare = 100

// Options controls redaction.
type Options struct {
	Key  []byte // secret and random, new in each run: the key of the hash that makes tokens
	Rare int64  // keys; words that cover fewer keys are replaced
	// Delimiters are the delimiters by which names were split; nil: the defaults.
	Delimiters *pattern.Delimiters
}

// Row is a namespace whose name is to be redacted.
type Row struct {
	Pattern string
	Keys    int64
	Rule    bool // named by a pattern rule
}

// Names redacts names, based on all namespaces together.
type Names struct {
	key       []byte
	delims    *pattern.Delimiters
	root      *wordTree
	shown     map[string]bool // words
	templates []template
}

// NewNames decides which words of these namespaces are shown. rules are the pattern
// rules that named some of them.
func NewNames(o Options, rows []Row, rules []string) *Names {
	delims := o.Delimiters
	if delims == nil {
		delims = (&pattern.Dictionary{}).FirstLevel()
	}
	n := &Names{key: o.Key, delims: delims, root: &wordTree{}, shown: map[string]bool{}}
	for _, row := range rows {
		if elements, ok := n.delims.Elements(row.Pattern); ok && !row.Rule {
			n.root.add(elements, row.Keys)
		}
	}
	n.root.decide(o.Rare, n.shown)
	for _, rule := range rules[:min(len(rules), pattern.MaxRules)] { // who made more was not keyprof
		if t, ok := parseTemplate(rule); ok {
			n.templates = append(n.templates, t)
		}
	}
	return n
}

// Pattern returns the redacted name of a namespace.
func (n *Names) Pattern(p string, rule bool) string {
	if rule {
		for _, t := range n.templates {
			if t.made.MatchString(p) {
				return t.shown
			}
		}
	}
	elements, ok := n.delims.Elements(p)
	if !ok { // of a rule that is not known any more
		return pattern.Wildcard
	}
	var b strings.Builder
	at := n.root
	for _, e := range elements {
		text := e.Text
		if e.Word && !at.shows(text) {
			text = pattern.Wildcard
		}
		b.WriteString(text)
		at = at.next(text)
	}
	return b.String()
}

// Key returns a key with its name redacted, given the redacted name of its
// namespace. A name without data stays.
func (n *Names) Key(k profile.Key, namespace string) profile.Key {
	raw := rawName(k.KeyName)
	if k.Length == 0 && (raw == namespace || raw == "") {
		return k
	}
	k.KeyName = profile.NewKeyName(namespace + " #" + n.token(raw+k.Hash))
	return k
}

// KeyAlone is like Key, for a key whose namespace is unknown.
func (n *Names) KeyAlone(k profile.Key) profile.Key {
	return n.Key(k, n.Pattern(n.delims.Of(rawName(k.KeyName)), false))
}

// rawName returns the name as the server has it, or its beginning.
func rawName(k profile.KeyName) string {
	raw, err := k.Raw()
	if err != nil { // not written by us
		return k.Name
	}
	return raw
}

// tokenBytes is the length of a token, enough to tell the names of a profile apart.
const tokenBytes = 6

func (n *Names) token(name string) string {
	mac := hmac.New(sha256.New, n.key)
	fmt.Fprint(mac, name)
	return hex.EncodeToString(mac.Sum(nil)[:tokenBytes])
}

// isShown reports whether all words of a text are shown somewhere.
func (n *Names) isShown(text string) bool {
	elements, ok := n.delims.Elements(text)
	for _, e := range elements {
		if e.Word && !n.shown[e.Text] && !vocabulary[e.Text] {
			return false
		}
	}
	return ok
}

// Dictionary returns the grouping decisions whose words are all shown.
func (n *Names) Dictionary(d *pattern.Dictionary) *pattern.Dictionary {
	shown := *d
	shown.Protected, shown.Collapsed, shown.Fused = map[string][]string{}, map[string][][]string{}, map[string]string{}
	shown.Shapes = n.allShown(d.Shapes)
	for place, words := range d.Protected {
		if kept := n.allShown(words); len(kept) > 0 && (place == "" || n.isShown(place)) {
			shown.Protected[place] = kept
		}
	}
	for place, paths := range d.Collapsed {
		for _, words := range paths {
			if kept := n.allShown(words); len(kept) == len(words) && n.isShown(place) {
				shown.Collapsed[place] = append(shown.Collapsed[place], words)
			}
		}
	}
	for from, to := range d.Fused {
		if n.isShown(from) && n.isShown(to) {
			shown.Fused[from] = to
		}
	}
	return &shown
}

func (n *Names) allShown(texts []string) (kept []string) {
	for _, t := range texts {
		if n.isShown(t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// wordTree is a node in the tree of all patterns, reached by the elements before
// it.
type wordTree struct {
	keys     int64 // of all namespaces that go through it
	children map[string]*wordTree
	words    map[string]bool // the children that are words; once decided, all of them are shown
	strong   bool            // a delimiter of the first level leads to it
}

func (p *wordTree) child(text string) *wordTree {
	if p.children == nil {
		p.children, p.words = map[string]*wordTree{}, map[string]bool{}
	}
	if p.children[text] == nil {
		p.children[text] = &wordTree{}
	}
	return p.children[text]
}

func (p *wordTree) add(elements []pattern.Element, keys int64) {
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

// merge adds the tree below from to p.
func (p *wordTree) merge(from *wordTree) {
	p.keys += from.keys
	p.strong = from.strong
	for text, c := range from.children {
		p.child(text).merge(c)
		if from.words[text] {
			p.words[text] = true
		}
	}
}

// decide selects the words at and below p that are shown. The others are merged
// into one wildcard, so that the names below them are decided together.
func (p *wordTree) decide(rare int64, shown map[string]bool) {
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
		c.decide(rare, shown)
	}
}

// manyTenants is the number of words followed by the same word from which they are
// taken for data: acme:orders, globex:orders.
const manyTenants = 4

// repeated returns the words that share with others the word that follows them, as
// in acme:orders and globex:orders.
func (p *wordTree) repeated() map[string]bool {
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
			repeated[word] = repeated[word] || len(words) >= manyTenants
		}
	}
	return repeated
}

// shows reports whether a word is shown here. Below nil, where no namespace leads,
// only words of the vocabulary are.
func (p *wordTree) shows(word string) bool { return vocabulary[word] || p != nil && p.words[word] }

// next returns the node of an element; nil if no namespace leads there.
func (p *wordTree) next(text string) *wordTree {
	if p == nil {
		return nil
	}
	return p.children[text]
}

// template matches the names that a pattern rule gives: its own words are shown,
// captured text is data.
type template struct {
	made  *regexp.Regexp // a name that the rule gave
	shown string
}

// captures matches the references to captures in the name of a rule.
var captures = regexp.MustCompile(`\$\$|\$\d+|\$\{\w+\}`)

// parseTemplate reads a rule, REGEX=NAME.
func parseTemplate(rule string) (template, bool) {
	at := strings.LastIndexByte(rule, '=')
	if at < 0 {
		return template{}, false
	}
	name := rule[at+1:]
	var made, shown strings.Builder
	for name != "" {
		use := captures.FindStringIndex(name)
		if use == nil {
			use = []int{len(name), len(name)}
		}
		text, capture := name[:use[0]], name[use[0]:use[1]]
		name = name[use[1]:]
		if capture == "$$" {
			text, capture = text+"$", ""
		}
		made.WriteString(regexp.QuoteMeta(text))
		shown.WriteString(text)
		if capture != "" {
			made.WriteString(".*")
			shown.WriteString(pattern.Wildcard)
		}
	}
	expr, err := regexp.Compile("^(?s:" + made.String() + ")$")
	return template{expr, shown.String()}, err == nil
}

// vocabulary lists words that are shown however few keys they cover: those of
// software that uses Redis. None may be the name of a person, a place or a company,
// or of anything of theirs.
var vocabulary = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`
		active archive async attempts auth backup batch buffer cache cached caches celery channel channels
		cleanup client clients cluster config configs configuration consumer consumers count counter counters
		cron current daily data database dead default delay delayed disabled enabled error errors event events
		expire expired expires expiry failed failure failures feature features feed flag flags global hash
		health heartbeat history hourly id ids idempotency index indexes info init instance instances item
		items job jobs key keys kombu last latest leader leaderboard leaderboards limit limits limiter list
		lists lock locked locks log login logs lookup mail main master mem memory message messages meta
		metadata metric metrics migration migrations mutex next nonce notification notifications online
		otp page pages pending permission permissions ping presence primary priority process processed
		processes processing producer producers profile profiles progress pubsub queue queued queues quota
		rate ratelimit ratelimits recent redlock refresh replica request requests reserved resque result
		results retries retry role roles rq running schedule scheduled scheduler schedules schema score
		scores semaphore seq sequence server servers service services session sessions set sets setting
		settings shard shared sidekiq snapshot sorted stale stat state stats status stream streams sync
		system tag tags task tasks temp temporary throttle timeout timestamp tmp token tokens total totals
		ttl unacked unique user users value values version versions waiting wait warmup weekly worker workers
		zset`) {
		words[w] = true
	}
	return words
}()
