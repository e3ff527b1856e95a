package profile

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// fault is what is wrong with a document, and where: place is a path such as
// namespaces[3].ttl.histogram[2].
type fault struct {
	place   string
	problem string
}

func (f *fault) Error() string { return f.place + ": " + f.problem }

// rule is one line of a table of conditions that a document must not meet.
type rule struct {
	broken  bool
	place   string
	problem string
}

// firstBroken is the fault of the first rule that is broken.
func firstBroken(rules ...rule) error {
	for _, r := range rules {
		if r.broken {
			return &fault{r.place, r.problem}
		}
	}
	return nil
}

// first is the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// within puts a place before that of a fault; nil stays nil.
func within(place string, err error) error {
	f, ok := err.(*fault)
	if !ok {
		return err
	}
	return &fault{place + "." + f.place, f.problem}
}

// each checks the elements of a list. A list that is nil is missing: the
// document's lists are empty, never absent.
func each[T any](place string, list []T, check func(*T) error) error {
	if list == nil {
		return &fault{place, "missing"}
	}
	for i := range list {
		if err := check(&list[i]); err != nil {
			return within(fmt.Sprintf("%s[%d]", place, i), err)
		}
	}
	return nil
}

// figure is a number of a document and its place.
type figure struct {
	place string
	value float64
}

// whole is the figure of a count.
func whole(place string, n int64) figure { return figure{place, float64(n)} }

// maybe is the figure of a count that may be absent, which breaks no rule.
func maybe(place string, n *int64) figure {
	if n == nil {
		return whole(place, 0)
	}
	return whole(place, *n)
}

// checkFigures refuses figures that are negative or not finite.
func checkFigures(figures ...figure) error {
	for _, f := range figures {
		if err := firstBroken(
			rule{math.IsNaN(f.value) || math.IsInf(f.value, 0), f.place, "not a finite number"},
			rule{f.value < 0, f.place, "negative"},
		); err != nil {
			return err
		}
	}
	return nil
}

// text is a string of a document and its place.
type text struct{ place, value string }

// checkTexts refuses strings that encoding/json would alter silently, so that
// two of them could become the same.
func checkTexts(texts ...text) error {
	for _, t := range texts {
		if !utf8.ValidString(t.value) {
			return &fault{t.place, "not UTF-8"}
		}
	}
	return nil
}

// addSaturating is a+b for counts, and the largest int64 when that overflows:
// the sums of a hostile file must not wrap round to something plausible.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
