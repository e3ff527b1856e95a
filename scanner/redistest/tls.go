package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TLSServer is a Server whose TCP port speaks TLS only. Its unix socket, which
// Client uses, does not.
type TLSServer struct {
	*Server
	Certificates
}

// StartTLS is Start with TLS on the TCP port and certificates of its own. The
// server asks for no client certificate unless the args say
// "--tls-auth-clients", "yes" (or "optional").
func StartTLS(ctx context.Context, args ...string) (*TLSServer, error) {
	dir, err := tempDir()
	if err != nil {
		return nil, err
	}
	files, err := WriteCertificates(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := Binary("").startIn(ctx, dir, tlsListen(files), args)
	if err != nil {
		if strings.Contains(err.Error(), "tls-port") {
			err = fmt.Errorf("this redis-server is built without TLS: %w", err)
		}
		return nil, err
	}
	return &TLSServer{Server: s, Certificates: files}, nil
}

// NewTLS is StartTLS for tests; see New.
func NewTLS(tb testing.TB, args ...string) *TLSServer {
	tb.Helper()
	s, err := StartTLS(tb.Context(), args...)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s.stopAtEnd(tb)
	return s
}

func tlsListen(files Certificates) listen {
	return listen{scheme: "rediss", args: func(port int) []string {
		return []string{
			"--port", "0",
			"--tls-port", strconv.Itoa(port),
			"--tls-ca-cert-file", files.CAFile,
			"--tls-cert-file", files.ServerCertFile,
			"--tls-key-file", files.ServerKeyFile,
			"--tls-auth-clients", "no",
		}
	}}
}
