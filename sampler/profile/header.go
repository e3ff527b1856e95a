package profile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Header is what tells the profiles in a directory apart.
type Header struct {
	Label    string
	Began    time.Time // UTC
	Complete bool
}

// ReadHeader reads no more of a profile than its header, which Write puts at the
// beginning: what follows may be damaged or missing. Errors are those of Read.
func ReadHeader(r io.Reader) (Header, error) {
	source := &source{r: r, left: MaxDocumentBytes}
	stored := bufio.NewReader(source)
	plain, err := decompressor(stored, detect(stored), MaxDocumentBytes)
	if err != nil {
		return Header{}, source.explain(err)
	}
	defer plain.Close()
	text := &metered{r: plain}
	p, err := decodeHeader(io.LimitReader(text, MaxDocumentBytes))
	switch {
	case text.err != nil && source.err == nil:
		return Header{}, text.err
	case isSyntax(err):
		return Header{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case errors.Is(err, ErrNotProfile):
		return Header{}, err
	case err != nil:
		return Header{}, source.explain(err)
	}
	return Header{p.Label, inUTC(p.Began), p.Complete}, p.checkHeader()
}

// decodeHeader decodes the members of a document up to the last that a header
// needs. Others hold what they may.
func decodeHeader(r io.Reader) (*Profile, error) {
	var p Profile
	needed := map[string]any{"schema": &p.Schema, "tool": &p.Tool, "began": &p.Began, "complete": &p.Complete}
	d := json.NewDecoder(r)
	open, err := d.Token()
	if err == nil && open != json.Delim('{') {
		err = ErrNotProfile
	}
	if err != nil {
		return nil, err
	}
	for len(needed) > 0 {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, more := name.(string)
		if !more { // but the end of the document
			break
		}
		into, wanted := needed[key]
		switch {
		case key == "label":
			into = &p.Label
		case !wanted:
			into = new(json.RawMessage)
		}
		if err := decodeMember(d, into); err != nil {
			return nil, err
		}
		delete(needed, key)
	}
	return &p, nil
}

// decodeMember decodes one value. One of another type is that of another tool.
func decodeMember(d *json.Decoder, into any) error {
	var text json.RawMessage
	if err := d.Decode(&text); err != nil {
		return err
	}
	if json.Unmarshal(text, into) != nil {
		return ErrNotProfile
	}
	return nil
}
