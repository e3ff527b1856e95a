package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// pingTLS asks for a sign of life with the given CA and, unless it is empty,
// client certificate.
func pingTLS(t *testing.T, s *TLSServer, caFile string, host string, withCert bool) error {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: host}
	config.RootCAs.AppendCertsFromPEM(pem)
	if withCert {
		cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), TLSConfig: config, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	return client.Ping(t.Context()).Err()
}

func TestTLSServer(t *testing.T) {
	s := NewTLS(t)
	if !strings.HasPrefix(s.URL(), "rediss://") {
		t.Errorf("URL = %s", s.URL())
	}
	for _, host := range []string{"127.0.0.1", TLSHost, TLSAlias} {
		if err := pingTLS(t, s, s.CAFile, host, false); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := pingTLS(t, s, s.CAFile, "elsewhere.test", false); err == nil {
		t.Error("a wrong host name was accepted")
	}
	other, err := WriteCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := pingTLS(t, s, other.CAFile, TLSHost, false); err == nil {
		t.Error("a foreign authority was accepted")
	}
	if err := s.Client().Ping(t.Context()).Err(); err != nil {
		t.Errorf("plain unix socket: %v", err)
	}
}

func TestTLSServerThatWantsCertificates(t *testing.T) {
	s := NewTLS(t, "--tls-auth-clients", "yes")
	if err := pingTLS(t, s, s.CAFile, TLSHost, true); err != nil {
		t.Errorf("with certificate: %v", err)
	}
	if err := pingTLS(t, s, s.CAFile, TLSHost, false); err == nil {
		t.Error("no certificate was needed")
	}
}
