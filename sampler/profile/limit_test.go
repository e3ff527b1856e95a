package profile

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// blanks are n spaces, which compress well.
func blanks(n int) []byte { return bytes.Repeat([]byte(" "), n) }

// squeezed is data, compressed.
func squeezed(t *testing.T, c Compression, data []byte) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w, err := compressor(&b, c)
	if c == Zstd { // whose usual window is beyond the limits of these tests
		w, err = zstd.NewWriter(&b, zstd.WithWindowSize(64<<10), zstd.WithEncoderConcurrency(1))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestDocumentLimit(t *testing.T) {
	const limit = 1 << 20
	for _, c := range []Compression{Plain, Gzip, Zstd} {
		for _, size := range []int{limit, limit + 1, 5 * limit} {
			data, err := readDocument(squeezed(t, c, blanks(size)), limit)
			if size <= limit && (err != nil || len(data) != size) {
				t.Errorf("compression %d, %d bytes: %d, %v", c, size, len(data), err)
			}
			if size > limit && !errors.Is(err, ErrTooLarge) {
				t.Errorf("compression %d, %d bytes: error %v", c, size, err)
			}
		}
	}
}

// A bomb is not decompressed beyond the limit.
func TestDocumentBomb(t *testing.T) {
	const limit = 1 << 20
	for _, c := range []Compression{Gzip, Zstd} {
		bomb := squeezed(t, c, blanks(40*limit))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := readDocument(bomb, limit); !errors.Is(err, ErrTooLarge) {
			t.Errorf("compression %d: %v", c, err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 20*limit {
			t.Errorf("compression %d: %d MiB allocated", c, took>>20)
		}
	}
}

// Frames of zstd say what they need; those that ask for too much are refused
// before they get it.
func TestDocumentZstdClaims(t *testing.T) {
	for name, frame := range map[string]string{
		"window": "\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00",
		"size":   "\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x00\x00",
	} {
		if _, err := readDocument(strings.NewReader(frame), MaxDocumentBytes); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		text string
		want budget
	}{
		{`{}`, budget{0, 1, 1}},
		{`{"a":1,"b":2}`, budget{0, 1, 2}},
		{`{"a":[{},{},{"x":[1,2,3]}]}`, budget{2, 4, 10}},
		{`{"a":"{,[\",{","b":"\\"}`, budget{0, 1, 2}},
		{`{"a":"unfinished,,,`, budget{0, 1, 1}},
		{`"\`, budget{}},
	} {
		if got := count([]byte(tt.text)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestBudgetLimits(t *testing.T) {
	for _, text := range []string{
		`{"warnings":[0` + strings.Repeat(",0", MaxRows+1) + "]}",
		`{"namespaces":[{"largest":[{}` + strings.Repeat(",{}", MaxObjects) + "]}]}",
		`{"design":{"databases":[0` + strings.Repeat(",0", MaxValues) + "]}}",
	} {
		if err := checkBudget([]byte(text)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%.30s...: %v", text, err)
		}
	}
}
