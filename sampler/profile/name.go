package profile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// MaxNameBytes is the longest key name that is stored whole, in bytes.
const MaxNameBytes = 1024

// KeyName is a key's name in a form that JSON can hold: key names are arbitrary
// bytes of up to 512 MiB.
type KeyName struct {
	// Name is the key's name; when Escaped, with \xNN for bytes that are not
	// UTF-8 and \\ for a backslash; when Length is set, its first MaxNameBytes.
	Name    string `json:"name"`
	Escaped bool   `json:"name_escaped,omitempty"`
	Length  int    `json:"name_length,omitempty"` // bytes of the whole name, when it was cut
	Hash    string `json:"name_xxh64,omitempty"`  // XXH64 of the whole name in hexadecimal, when it was cut
}

// NewKeyName returns the storable form of a key's name.
func NewKeyName(raw string) KeyName {
	var k KeyName
	if len(raw) > MaxNameBytes {
		k.Length = len(raw)
		k.Hash = fmt.Sprintf("%016x", xxhash.Sum64String(raw))
		raw = CutName(raw)
	}
	if utf8.ValidString(raw) {
		k.Name = strings.Clone(raw)
		return k
	}
	k.Escaped = true
	k.Name = escapeInvalid(raw)
	return k
}

// CutName cuts raw to at most MaxNameBytes, not within a UTF-8 sequence.
func CutName(raw string) string {
	if len(raw) <= MaxNameBytes {
		return raw
	}
	cut := MaxNameBytes
	for back := 0; back < utf8.UTFMax && !utf8.RuneStart(raw[cut]); back++ {
		cut--
	}
	return raw[:cut]
}

func escapeInvalid(raw string) string {
	var b strings.Builder
	for len(raw) > 0 {
		r, size := utf8.DecodeRuneInString(raw)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, raw[0])
		case r == '\\':
			b.WriteString(`\\`)
		default:
			b.WriteString(raw[:size])
		}
		raw = raw[size:]
	}
	return b.String()
}

// Raw returns the key's name as the server knows it, or its beginning if Length says
// that it was cut. The error reports an escape that NewKeyName never writes.
func (k KeyName) Raw() (string, error) {
	if !k.Escaped {
		return k.Name, nil
	}
	var b strings.Builder
	for rest := k.Name; rest != ""; {
		before, after, found := strings.Cut(rest, `\`)
		b.WriteString(before)
		if !found {
			break
		}
		c, tail, err := unescape(after)
		if err != nil {
			return "", err
		}
		b.WriteByte(c)
		rest = tail
	}
	return b.String(), nil
}

// unescape reads one escape; s is the text after the backslash.
func unescape(s string) (c byte, rest string, err error) {
	if strings.HasPrefix(s, `\`) {
		return '\\', s[1:], nil
	}
	if len(s) < 3 || s[0] != 'x' {
		return 0, "", errors.New("key name: bad escape")
	}
	n, err := strconv.ParseUint(s[1:3], 16, 8)
	if err != nil {
		return 0, "", errors.New("key name: bad escape")
	}
	return byte(n), s[3:], nil
}

// hashForm is the form of KeyName.Hash.
var hashForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (k *KeyName) check() error {
	raw, err := k.Raw()
	cut := k.Length != 0
	return first(
		checkTexts(text{"name", k.Name}),
		firstBroken(
			condition{err != nil, "name", "bad escape"},
			condition{len(raw) > MaxNameBytes, "name", "too long"},
			condition{cut && k.Length <= MaxNameBytes, "name_length", "not above the longest whole name"},
			condition{cut != hashForm.MatchString(k.Hash), "name_xxh64", "does not match name_length"},
		),
	)
}
