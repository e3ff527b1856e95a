package profile

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// blanks returns n spaces, which compress well.
func blanks(n int) []byte { return bytes.Repeat([]byte(" "), n) }

// squeezed returns data, compressed.
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
	} {
		for _, chunk := range []int{1, 3, len(tt.text)} {
			var m limitMeter
			var err error
			for part := range slices.Chunk([]byte(tt.text), chunk) {
				err = errors.Join(err, m.count(part))
			}
			if m.budget != tt.want || err != nil {
				t.Errorf("%s by %d bytes: %v, %v, want %v", tt.text, chunk, m.budget, err, tt.want)
			}
		}
	}
}

// Text that exceeds a limit is rejected at once: the rest is not read.
func TestBudgetLimits(t *testing.T) {
	for name, text := range map[string]string{
		"rows":     `{"warnings":[0` + strings.Repeat(",0", MaxRows+1),
		"objects":  `{"namespaces":[` + strings.Repeat(`{"a":[{}`+strings.Repeat(",{}", 999)+"]},", MaxObjects/1000),
		"values":   `{"namespaces":[` + strings.Repeat("["+strings.Repeat("0,", 999)+"0],", MaxValues/1000),
		"elements": `{"namespaces":[{"types":{"":0` + strings.Repeat(`,"":0`, MaxElements+1),
		"text":     `{"label":"` + strings.Repeat("x", MaxStringBytes+1),
		"name":     `{"` + strings.Repeat(`\"`, MaxStringBytes/2+1),
		"number":   `{"schema":` + strings.Repeat("1", MaxStringBytes+1),
		"blanks":   `{"schema":1` + strings.Repeat("\n", MaxStringBytes+1),
		"nested":   strings.Repeat(`{"a":`, MaxDepth+1),
		"lists":    `{"a":` + strings.Repeat("[", MaxDepth),
	} {
		endless := io.MultiReader(strings.NewReader(text), noMore{t})
		if _, err := Read(endless); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		endless = io.MultiReader(strings.NewReader(`{"schema":1,`+text[1:]), noMore{t})
		if _, err := ReadHeader(endless); !errors.Is(err, ErrTooLarge) {
			t.Errorf("header with %s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"zeros": "\x00", "lines": "some text\n", "list": "[["} {
		if _, err := Read(io.MultiReader(strings.NewReader(strings.Repeat(text, 8<<10)), noMore{t})); !errors.Is(err, ErrNotProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// noMore is a reader that must not be asked.
type noMore struct{ testing.TB }

func (r noMore) Read([]byte) (int, error) {
	r.Error("read on")
	return 0, io.ErrUnexpectedEOF
}

// A text of 250 MB that takes 15 KB on the disk costs next to no memory.
func TestLongTextCostsNothing(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd} {
		bomb := squeezed(t, c, append([]byte(`{"schema":1,"tool":{"name":"keyprof"},"label":"`), bytes.Repeat([]byte("a "), 50<<20)...))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Read(bomb); !errors.Is(err, ErrTooLarge) {
			t.Errorf("compression %d: %v", c, err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("compression %d: %d MiB allocated", c, took>>20)
		}
	}
}
