package redistest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
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

// Names in the server certificate of WriteCertificates, beside 127.0.0.1 and ::1.
const (
	TLSHost  = "localhost"
	TLSAlias = "redis.test" // does not resolve: for tests of SNI
)

// Certificates holds the files of a temporary certificate authority, all PEM.
type Certificates struct {
	CAFile         string // certificate of the authority that signed the other two
	CertFile       string // client certificate, common name "keyprof"
	KeyFile        string // key of CertFile
	ServerCertFile string // server certificate for localhost, redis.test, 127.0.0.1 and ::1
	ServerKeyFile  string // key of ServerCertFile
}

// WriteCertificates makes a new authority and its files in dir, valid for a day.
// A second call gives an authority that a client of the first must not trust.
func WriteCertificates(dir string) (Certificates, error) {
	files := Certificates{
		CAFile:         filepath.Join(dir, "ca.pem"),
		CertFile:       filepath.Join(dir, "client.pem"),
		KeyFile:        filepath.Join(dir, "client.key"),
		ServerCertFile: filepath.Join(dir, "server.pem"),
		ServerKeyFile:  filepath.Join(dir, "server.key"),
	}
	ca, err := newAuthority(files.CAFile)
	if err != nil {
		return Certificates{}, err
	}
	if err := ca.issue(serverTemplate(), files.ServerCertFile, files.ServerKeyFile); err != nil {
		return Certificates{}, err
	}
	if err := ca.issue(clientTemplate(), files.CertFile, files.KeyFile); err != nil {
		return Certificates{}, err
	}
	return files, nil
}

// authority signs certificates. Its key is never written.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(certFile string) (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := newTemplate("keyprof test authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	ca := &authority{cert: template, key: key}
	der, err := ca.sign(template, key)
	if err != nil {
		return nil, err
	}
	return ca, writePEM(certFile, "CERTIFICATE", der)
}

// issue makes a key and a certificate for it.
func (a *authority) issue(template *x509.Certificate, certFile, keyFile string) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	der, err := a.sign(template, key)
	if err != nil {
		return err
	}
	if err := writePEM(certFile, "CERTIFICATE", der); err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(keyFile, "PRIVATE KEY", secret)
}

// sign returns the certificate in DER.
func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func serverTemplate() *x509.Certificate {
	c := newTemplate("keyprof test server")
	c.DNSNames = []string{TLSHost, TLSAlias}
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return c
}

func clientTemplate() *x509.Certificate {
	c := newTemplate("keyprof")
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return c
}

func newTemplate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// FreeAddress returns "127.0.0.1:port" with a port that was free a moment ago.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	port, err := freePort()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// NewStunnel runs stunnel with a configuration, which must say "foreground = yes", until
// the test ends. It returns when stunnel accepts connections at accept. A missing stunnel
// fails the test.
func NewStunnel(tb testing.TB, config, accept string) {
	tb.Helper()
	path, err := exec.LookPath("stunnel")
	if err != nil {
		path, err = exec.LookPath("stunnel4")
	}
	if err != nil {
		tb.Fatal("stunnel is not installed; run scripts/install-redis --with-stunnel")
	}
	file := filepath.Join(tb.TempDir(), "stunnel.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	p, err := startProcess(path, []string{file})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() {
			tb.Logf("redistest: log of stunnel at %s:\n%s", accept, p.log.String())
		}
	})
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", accept); err == nil {
			_ = conn.Close()
			return
		}
	}
	tb.Fatalf("redistest: stunnel does not listen at %s", accept)
}
