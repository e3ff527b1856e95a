package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

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
