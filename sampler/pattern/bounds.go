package pattern

// Bounds on the trie. They form a ladder: each rung gives coarser namespaces
// than the one before, down to a single one. Going down the ladder is a pure
// function of the trie, so tries that were filled apart end with the same
// namespaces on the same rung.

// DefaultK is how many different literals a node of the first level keeps
// apart before they collapse, as long as the namespaces are few enough.
const DefaultK = 64

// rung is a place on the ladder of bounds.
type rung struct {
	k        int // literals kept apart at the first level
	elements int // of a shape, before the rest of the name is cut off
	spares   protected
}

// protected says what a rung spares of what the dictionary protects.
type protected uint8

const (
	sparesAll protected = iota
	sparesShapes
	sparesNothing
)

// ladder begins with the bounds that hold for almost every keyspace. Those
// below LowestFair no longer show a namespace as a person would write it; they
// keep a trie within its memory whatever the names are.
var ladder = [...]rung{
	{DefaultK, MaxTokens, sparesAll},
	{32, 32, sparesAll},
	{16, 24, sparesAll},
	{8, 16, sparesAll},
	{4, 12, sparesAll},
	{2, 8, sparesAll},
	{1, 6, sparesAll},
	{0, 4, sparesAll},
	{0, 2, sparesAll},
	{0, 1, sparesAll},
	{0, 0, sparesAll},
	{0, 0, sparesShapes},
	{0, 0, sparesNothing},
}

// Rungs are numbered from 0, the widest bounds.
const (
	LowestFair      = 4               // the last whose namespaces read well
	LowestProtected = 10              // the last that spares what is protected
	LastRung        = len(ladder) - 1 // it has one namespace only
)

// levelShift narrows the levels below the first: 64, 32, 32, 16, 16, 16, 8, …
// The deeper a node, the more of its kind there are.
var levelShift = [...]int{0, 1, 1, 2, 2, 2, 3}

// literals returns how many literals a node of this level keeps apart.
func (r rung) literals(level int) int {
	return r.k >> levelShift[min(level, len(levelShift)-1)]
}

// rungOf returns the highest rung whose K is at most k.
func rungOf(k int) int {
	for i, r := range ladder {
		if r.k <= k {
			return i
		}
	}
	return LastRung
}
