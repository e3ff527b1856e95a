package scanner

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// DefaultPort is the default port of Redis.
const DefaultPort = 6379

// Secret is a password. It formats as stars, so that no message, log or document contains
// it by accident.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "***" }

// maskPrefix is the length of a secret's prefix that is masked wherever it appears, in
// bytes: servers truncate what they quote (server.c, afterErrorReply: 128 bytes), so the
// rest may be missing.
const maskPrefix = 8

// Mask returns text with stars in place of the secret, or of its beginning.
func (s Secret) Mask(text string) string {
	if s == "" {
		return text
	}
	begin := string(s[:min(len(s), maskPrefix)])
	var masked strings.Builder
	for {
		before, rest, found := strings.Cut(text, begin)
		masked.WriteString(before)
		if !found {
			return masked.String()
		}
		masked.WriteString(s.String())
		n := 0
		for end := string(s[len(begin):]); n < len(rest) && n < len(end) && rest[n] == end[n]; {
			n++
		}
		text = rest[n:]
	}
}

// Target holds the address of one server and how to log in.
type Target struct {
	Network  string // "tcp" or "unix"
	Address  string // host:port or socket path
	Username string // ACL user; empty: the default user
	Password Secret
	TLS      *tls.Config // nil: no TLS
	DB       *int        // database in the URL; nil if it has none
}

// URLError is an invalid URL. Its text never repeats any part of the URL: with a
// character that should have been escaped, any part may be the password.
type URLError struct {
	Problem string // the problem
	Hint    string // how to write it
}

// Error returns the problem with the URL.
func (e *URLError) Error() string { return "invalid URL: " + e.Problem }

// urlForms has no user:password@ behind a scheme, which commands mask wherever they print it.
const urlForms = "write redis://HOST[:PORT][/DB], rediss:// for TLS, or unix:///PATH[?db=N]; a user and password stand before HOST, as USER:PASSWORD@"

const passwordHint = urlForms + "; percent-encode special characters in a password, or set REDISCLI_AUTH"

// ParseURL parses a redis://, rediss:// or unix:// URL, or a short form: host:port, or
// the path of a socket. Errors are *URLError.
func ParseURL(raw string) (Target, error) {
	switch {
	case strings.HasPrefix(raw, "/"):
		return Target{Network: "unix", Address: raw}, nil
	case !strings.Contains(raw, "://"):
		raw = "redis://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The library's error repeats the URL and thus the password.
		return Target{}, &URLError{Problem: "syntax error", Hint: passwordHint}
	}
	// An unescaped #, / or ? in a password ends the host there.
	if u.Fragment != "" || strings.Contains(u.Path, "@") || strings.Contains(u.RawQuery, "@") {
		return Target{}, &URLError{Problem: "unexpected # or @", Hint: passwordHint}
	}
	var t Target
	switch u.Scheme {
	case "redis", "rediss":
		t, err = parseTCP(u)
	case "unix":
		t, err = parseUnix(u)
	default:
		err = &URLError{Problem: "unsupported scheme", Hint: urlForms}
	}
	if err != nil {
		return Target{}, err
	}
	t.Username, t.Password = credentials(u)
	return t, nil
}

func credentials(u *url.URL) (string, Secret) {
	password, _ := u.User.Password()
	return u.User.Username(), Secret(password)
}

func parseTCP(u *url.URL) (Target, error) {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = strconv.Itoa(DefaultPort)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return Target{}, &URLError{Problem: "the port is not between 1 and 65535", Hint: urlForms}
	}
	t := Target{Network: "tcp", Address: net.JoinHostPort(host, port)}
	if u.Scheme == "rediss" {
		t.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	query := u.Query()
	if path := strings.Trim(u.Path, "/"); path != "" {
		query.Add("db", path)
	}
	var err error
	t.DB, err = databaseOf(query)
	return t, err
}

func parseUnix(u *url.URL) (Target, error) {
	path := u.Host + u.Path // unix://./relative puts "." into the host
	if strings.TrimSpace(path) == "" {
		return Target{}, &URLError{Problem: "the path of the socket is missing", Hint: urlForms}
	}
	db, err := databaseOf(u.Query())
	return Target{Network: "unix", Address: path, DB: db}, err
}

// databaseOf returns the only supported query parameter.
func databaseOf(query url.Values) (*int, error) {
	for name := range query {
		if name != "db" {
			return nil, &URLError{Problem: "unknown parameter; only db is supported", Hint: "use keyprof's flags; " + passwordHint}
		}
	}
	values := query["db"]
	if len(values) == 0 {
		return nil, nil
	}
	n, err := strconv.Atoi(values[0])
	if len(values) > 1 || err != nil || n < 0 {
		return nil, &URLError{Problem: "the database is not a number from 0 up", Hint: passwordHint}
	}
	return &n, nil
}

// ParseDatabases parses a list of database numbers such as "0,3". It returns nil for
// "all".
func ParseDatabases(list string) ([]int, error) {
	if list == "all" || list == "" {
		return nil, nil
	}
	var dbs []int
	seen := map[int]bool{}
	for item := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("database %q is not a number from 0 up", item)
		}
		if seen[n] {
			return nil, errors.New("database " + item + " is listed twice")
		}
		seen[n] = true
		dbs = append(dbs, n)
	}
	return dbs, nil
}

// TLSFiles holds the settings of a TLS connection, named as in redis-cli.
type TLSFiles struct {
	CACert   string // file of PEM certificates to trust instead of the system's
	Cert     string // file of the client certificate, PEM
	Key      string // file of its private key, PEM
	SNI      string // name to send and to check; empty: the host
	Insecure bool   // do not verify the server's certificate
}

// Apply turns TLS on for the target, or changes the settings if a rediss:// URL has
// turned it on. The error names the file that cannot be used.
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

// maxPEMBytes is the maximum size of a file of certificates; a whole system's authorities
// take some 250,000 bytes.
const maxPEMBytes = 8 << 20

func readPEM(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pem, err := io.ReadAll(io.LimitReader(file, maxPEMBytes+1))
	if err == nil && len(pem) > maxPEMBytes {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxPEMBytes)
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
		return errors.New("--cert and --key must be given together")
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
