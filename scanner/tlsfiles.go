package scanner

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
)

// TLSFiles are the settings of a TLS connection, by redis-cli's names.
type TLSFiles struct {
	CACert   string // file of PEM certificates to trust in place of the system's
	Cert     string // file of the client certificate, PEM
	Key      string // file of its private key, PEM
	SNI      string // name to send and to check; empty: the host
	Insecure bool   // do not verify the server's certificate
}

// Apply turns TLS on for the target, or changes it when a rediss:// URL turned
// it on already. The error names the file that cannot be used.
func (f TLSFiles) Apply(t *Target, host string) error {
	if t.TLS == nil {
		t.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	if f.SNI != "" {
		t.TLS.ServerName = f.SNI
	}
	t.TLS.InsecureSkipVerify = f.Insecure
	if err := f.applyCA(t.TLS); err != nil {
		return err
	}
	return f.applyCert(t.TLS)
}

// maxPEMBytes is the longest file of certificates that is read; the authorities of
// a whole system take some 250,000 bytes.
const maxPEMBytes = 8 << 20

func readPEM(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pem, err := io.ReadAll(io.LimitReader(file, maxPEMBytes+1))
	if err == nil && len(pem) > maxPEMBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, maxPEMBytes)
	}
	return pem, err
}

func (f TLSFiles) applyCA(c *tls.Config) error {
	if f.CACert == "" {
		return nil
	}
	pem, err := readPEM(f.CACert)
	if err != nil {
		return fmt.Errorf("reading --cacert: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("reading --cacert: no PEM certificate in %s", f.CACert)
	}
	return nil
}

func (f TLSFiles) applyCert(c *tls.Config) error {
	switch {
	case f.Cert == "" && f.Key == "":
		return nil
	case f.Cert == "" || f.Key == "":
		return errors.New("--cert and --key go together")
	}
	cert, err := readPEM(f.Cert)
	if err != nil {
		return fmt.Errorf("reading --cert: %w", err)
	}
	key, err := readPEM(f.Key)
	if err != nil {
		return fmt.Errorf("reading --key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("reading --cert and --key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}
