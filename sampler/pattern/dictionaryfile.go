package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
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

// Decisions are what a file says of how names are to be grouped.
type Decisions struct {
	Dictionary *Dictionary
	Rules      []string // as they were written, in order; a dictionary alone has none
}

// ReadDecisions reads a dictionary, alone or as it stands in a profile or in
// what the patterns command prints, which hold the rules as well. The dictionary
// has been checked.
func ReadDecisions(r io.Reader) (*Decisions, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDictionaryBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxDictionaryBytes:
		return nil, fmt.Errorf("pattern dictionary: more than %d bytes", maxDictionaryBytes)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as editors on Windows write
	d, err := decodeDecisions(text)
	if err != nil {
		return nil, fmt.Errorf("pattern dictionary: %w", inPlainWords(err, text))
	}
	if err := d.Dictionary.Check(); err != nil {
		return nil, fmt.Errorf("pattern dictionary: %w", err)
	}
	return d, nil
}

// recorded is how decisions stand in a longer document.
type recorded struct {
	Patterns json.RawMessage `json:"patterns"`
	Rules    []string        `json:"pattern_rules"`
	Redacted bool            `json:"redacted"`
	// What else the patterns command prints means nothing here.
	Names      json.RawMessage `json:"names"`
	Namespaces json.RawMessage `json:"namespaces"`
}

// decodeDecisions tells a profile by its design, and what the patterns command
// printed by its patterns.
func decodeDecisions(text []byte) (*Decisions, error) {
	var document struct {
		Design   *recorded       `json:"design"`
		Patterns json.RawMessage `json:"patterns"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	switch {
	case document.Design != nil:
		return document.Design.decisions(json.Unmarshal)
	case document.Patterns != nil:
		var printed recorded
		if err := unmarshalStrictly(text, &printed); err != nil {
			return nil, err
		}
		return printed.decisions(unmarshalStrictly)
	}
	d := &Decisions{Dictionary: &Dictionary{}}
	return d, unmarshalStrictly(text, d.Dictionary)
}

func (r *recorded) decisions(unmarshal func([]byte, any) error) (*Decisions, error) {
	if r.Redacted {
		return nil, errors.New("it is redacted: some of its decisions, and its rules, were left out")
	}
	if r.Patterns == nil || string(r.Patterns) == "null" {
		return nil, errors.New("the profile holds none: it was made by an older version")
	}
	d := &Decisions{&Dictionary{}, r.Rules}
	return d, unmarshal(r.Patterns, d.Dictionary)
}

// unmarshalStrictly is for what people edit: a misspelt field would be ignored.
func unmarshalStrictly(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// inPlainWords replaces an error of the JSON decoder that speaks of Go or its
// types.
func inPlainWords(err error, text []byte) error {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("the file is empty")
	case errors.As(err, &syntax):
		return fmt.Errorf("the file is not JSON: line %d", 1+bytes.Count(text[:syntax.Offset], []byte("\n")))
	case !errors.As(err, &wrong):
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
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
