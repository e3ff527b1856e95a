package profile

import "fmt"

// Limits on the parts of a document. They bound the memory that Read takes to
// about 1 GiB beside the text, since two bytes of JSON can stand for a struct
// of 256. 4,096 namespaces with well filled tables have about 700,000 objects
// and 4 million values.
const (
	MaxRows    = 1 << 16 // elements of lists at the top: namespaces, nodes, warnings, ...
	MaxObjects = 1 << 21 // objects
	MaxValues  = 1 << 23 // values, lists and objects counted twice
)

// budget is what a document has of each thing that is limited.
type budget struct{ rows, objects, values int }

// checkBudget refuses a document that passes a limit, without decoding it.
func checkBudget(data []byte) error {
	b := count(data)
	for _, limit := range []struct {
		n, most int
		what    string
	}{
		{b.rows, MaxRows, "rows"},
		{b.objects, MaxObjects, "objects"},
		{b.values, MaxValues, "values"},
	} {
		if limit.n > limit.most {
			return fmt.Errorf("%w: more than %d %s", ErrTooLarge, limit.most, limit.what)
		}
	}
	return nil
}

// rowDepth is how deep an element of a list of a document is: within the
// document, and within the list.
const rowDepth = 2

// count counts what JSON text has. If it is not valid JSON the numbers mean
// little, and the decoder says so later.
func count(data []byte) (b budget) {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i)
		case '{':
			b.objects++
			b.values++
			depth++
		case '[':
			b.values++
			depth++
		case '}', ']':
			depth--
		case ',':
			b.values++
			if depth == rowDepth {
				b.rows++
			}
		}
	}
	return b
}

// stringEnd is the index of the quote that ends the string that begins at
// start, or the end of data.
func stringEnd(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data)
}
