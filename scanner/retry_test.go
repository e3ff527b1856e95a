package scanner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"testing"
)

func TestWhatIsWorthAnotherAttempt(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{io.EOF, true},
		{io.ErrUnexpectedEOF, true}, // closed in the middle of a reply
		{net.ErrClosed, true},
		{syscall.ECONNRESET, true},
		{syscall.ECONNREFUSED, true},
		{fmt.Errorf("dial unix: %w", fs.ErrNotExist), true},
		{errLoading, true},
		{errAnotherProcess, false},
		{errProtocol, false},
		{errors.New("anything else"), false},
	} {
		if got := isTransient(simplify(tt.err)); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}
