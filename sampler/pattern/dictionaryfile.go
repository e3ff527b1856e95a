package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"
)

// Bounds on a dictionary that is read.
const (
	maxDictionaryBytes = 16 << 20
	maxDecisions       = 50_000 // of each kind
)

// Write writes d as indented JSON with sorted keys, to be read, edited and put
// under version control by people.
func (d *Dictionary) Write(w io.Writer) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// ReadDictionary reads a dictionary, or the one within a profile. It has been
// checked.
func ReadDictionary(r io.Reader) (*Dictionary, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDictionaryBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxDictionaryBytes:
		return nil, fmt.Errorf("pattern dictionary: more than %d bytes", maxDictionaryBytes)
	}
	d, err := decodeDictionary(text)
	if err != nil {
		return nil, fmt.Errorf("pattern dictionary: %w", inPlainWords(err))
	}
	if err := d.Check(); err != nil {
		return nil, fmt.Errorf("pattern dictionary: %w", err)
	}
	return d, nil
}

// decodeDictionary tells a profile by its design.
func decodeDictionary(text []byte) (*Dictionary, error) {
	var document struct {
		Design *struct {
			Patterns *Dictionary `json:"patterns"`
		} `json:"design"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if document.Design != nil {
		if document.Design.Patterns == nil {
			return nil, errors.New("the profile holds none: it was made by an older version")
		}
		return document.Design.Patterns, nil
	}
	d := &Dictionary{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // a misspelt field would be ignored
	return d, decoder.Decode(d)
}

// inPlainWords replaces an error of the JSON decoder that speaks of Go types.
func inPlainWords(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "":
		return fmt.Errorf("this is a JSON %s, want an object such as a profile has under design.patterns", wrong.Value)
	}
	return fmt.Errorf("in %s stands a JSON %s, want %s", wrong.Field, wrong.Value, wantedJSON(wrong.Type))
}

func wantedJSON(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// Check reports the first thing in d that cannot be.
func (d *Dictionary) Check() error {
	switch {
	case d.Version != DictionaryVersion:
		return fmt.Errorf("version %d, want %d", d.Version, DictionaryVersion)
	case d.K < 0 || d.K > DefaultK:
		return fmt.Errorf("k is %d, want 0 to %d", d.K, DefaultK)
	case d.Rung < 0 || d.Rung > LastRung || d.Rung > 0 && ladder[d.Rung].k != d.K:
		return fmt.Errorf("rung is %d, which is not one of k %d; leave it out", d.Rung, d.K)
	case max(len(d.Protected), len(d.Shapes), len(d.Collapsed), len(d.Fused)) > maxDecisions:
		return fmt.Errorf("more than %d decisions of one kind", maxDecisions)
	}
	if _, err := ParseDelimiters(d.Delimiters); d.Delimiters != "" && err != nil {
		return fmt.Errorf("delimiters: %w", err)
	}
	for place, words := range d.Protected {
		if err := checkPlace("protected", place, words); err != nil {
			return err
		}
	}
	for _, s := range d.Shapes {
		if err := checkPlace("shapes", s, nil); err != nil {
			return err
		}
	}
	return errors.Join(d.checkCollapsed(), d.checkFused())
}

func (d *Dictionary) checkCollapsed() error {
	for place, paths := range d.Collapsed {
		for _, words := range paths {
			if err := checkPlace("collapsed", place, words); err != nil {
				return err
			}
			if shape, _ := parseShape(place); len(words) >= countWords(shape) {
				return fmt.Errorf("collapsed: %q has no place after %q", place, words)
			}
		}
	}
	return nil
}

func (d *Dictionary) checkFused() error {
	for from, to := range d.Fused {
		if !isPattern(from) || !isPattern(to) {
			return fmt.Errorf("fused: %q: %q is no pattern", from, to)
		}
	}
	return nil
}

// checkPlace checks a shape and the words there.
func checkPlace(field, place string, words []string) error {
	if shape, ok := parseShape(place); !ok || len(shape) > MaxPattern {
		return fmt.Errorf("%s: %q is no shape: write <*> for each literal, and the rest as in a pattern", field, place)
	}
	for _, w := range words {
		if !isPattern(w) {
			return fmt.Errorf("%s: %q: %q is no literal", field, place, w)
		}
	}
	return nil
}

// maxPrinted is the length of the longest pattern with wildcards: one may take
// more room than the literal that it stands for.
const maxPrinted = MaxPattern + MaxTokens*len(wildcard)

// isPattern reports whether s can be printed.
func isPattern(s string) bool {
	return s != "" && len(s) <= maxPrinted && utf8.ValidString(s) && unprintable(s) == len(s)
}
