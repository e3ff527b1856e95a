package history

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// MaxLabelBytes is the longest label, in bytes. File systems take names of 255.
const MaxLabelBytes = 200

var labelSyntax = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// CheckLabel tells what makes a label unfit for being part of a file's name.
func CheckLabel(label string) error {
	switch {
	case !labelSyntax.MatchString(label):
		return errors.New("may hold letters, digits, ., _ and -, and must not begin with a dot")
	case len(label) > MaxLabelBytes:
		return fmt.Errorf("may have at most %d characters", MaxLabelBytes)
	}
	return nil
}

var forbidden = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// LabelFor is the label of a server of which only the address is known: host:port,
// or the path of a socket. What a label may not hold becomes -. Two addresses that
// differ in nothing else get the same. It may be no label at all: see CheckLabel.
func LabelFor(address string) string {
	return strings.TrimLeft(forbidden.ReplaceAllLiteralString(strings.ToLower(address), "-"), ".-")
}

const (
	stampLayout = "2006-01-02T15-04-05Z" // colons have no place in names on Windows
	suffix      = ".json.zst"
)

// fileName is the name of the profile whose walk began then.
func fileName(label string, began time.Time) string {
	return label + "-" + began.UTC().Format(stampLayout) + suffix
}

// parseName undoes fileName; not ok: the name is another's. The time is to the
// second. Since its text has a fixed length, no label can be taken for another,
// whatever it ends in.
func parseName(name string) (label string, began time.Time, ok bool) {
	stem, _ := strings.CutSuffix(name, suffix)
	cut := len(stem) - len("-") - len(stampLayout)
	if cut < 0 {
		return "", time.Time{}, false
	}
	began, err := time.Parse("-"+stampLayout, stem[cut:])
	label = stem[:cut]
	// time.Parse takes a little more than Format gives.
	if err != nil || CheckLabel(label) != nil || fileName(label, began) != name {
		return "", time.Time{}, false
	}
	return label, began, true
}
