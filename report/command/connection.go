package command

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"keyprof/report/unit"
	"keyprof/scanner"
)

const connectionCategory = "Connection"

// environmentHelp lists the variables that keyprof reads.
const environmentHelp = `  KEYPROF_CONFIG  the file of --config, when the command line names none
  KEYPROF_URL     the server, when the command line names none
  REDISCLI_AUTH   the password, when nothing else gives one
  NO_COLOR        no colors`

// connectionFlags returns the flags of the connection. They have redis-cli's names
// where it has them.
func connectionFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "url", Aliases: []string{"u"}, Usage: "`URL` of the server; KEYPROF_URL may have it, too"},
		&cli.StringFlag{Name: "host", Aliases: []string{"H"}, Usage: "`HOST` name or address; -h HOST is the same"},
		&cli.IntFlag{Name: "port", Aliases: []string{"p"}, Usage: "`PORT` of the server", DefaultText: strconv.Itoa(scanner.DefaultPort)},
		&cli.StringFlag{Name: "socket", Aliases: []string{"s"}, Usage: "`PATH` of the server's unix socket"},
		&cli.StringFlag{Name: "db", Aliases: []string{"n"}, Usage: "databases to scan: a `LIST` such as 0,3", DefaultText: "all"},
		&cli.StringFlag{Name: "user", Usage: "ACL user `NAME`"},
		&cli.BoolFlag{Name: "askpass", Usage: "ask for the password; REDISCLI_AUTH may have it, too"},
		&cli.StringFlag{Name: "password-file", Usage: "read the password from the first line of `FILE`"},
		&cli.StringFlag{Name: "pass", Aliases: []string{"a"}, Usage: "`PASSWORD` on the command line, where others see it"},
		&cli.BoolFlag{Name: "tls", Usage: "use TLS, as rediss:// does"},
		&cli.StringFlag{Name: "cacert", Usage: "trust the CAs in `FILE` (PEM) in place of the system's"},
		&cli.StringFlag{Name: "cacertdir", Usage: "trust the CAs in the files of `DIR` (PEM)"},
		&cli.StringFlag{Name: "cert", Usage: "client certificate in `FILE` (PEM)"},
		&cli.StringFlag{Name: "key", Usage: "private key of --cert in `FILE` (PEM)"},
		&cli.StringFlag{Name: "sni", Usage: "server `NAME` to send and to verify"},
		&cli.BoolFlag{Name: "insecure", Usage: "do not verify the server's certificate"},
		&cli.DurationFlag{Name: "max-wait", Usage: "wait at most `DURATION` for a server that is lost, loading or busy; 0s: not at all", Value: scanner.DefaultMaxWait},
		&cli.DurationFlag{Name: "timeout", Usage: "wait at most `DURATION` for a reply", Value: scanner.DefaultTimeout},
	}
	for _, f := range flags {
		setCategory(f, connectionCategory)
	}
	return flags
}

func setCategory(f cli.Flag, category string) {
	switch f := f.(type) {
	case *cli.StringFlag:
		f.Category = category
	case *cli.IntFlag:
		f.Category = category
	case *cli.BoolFlag:
		f.Category = category
	case *cli.DurationFlag:
		f.Category = category
	}
}

// connection holds the connection parameters.
type connection struct {
	URL, Host, Socket string
	URLFile           string // configuration file that sets the URL; empty: none
	Port              int
	Databases         string
	User              string
	AskPass           bool
	PasswordFile      string
	Password          scanner.Secret // of --pass
	TLS               bool
	Files             scanner.TLSFiles
	CACertDir         string
	Timeout, MaxWait  time.Duration
	Hide              func(error) error // removes secrets from an error; nil: keep all
}

func connectionOf(c *cli.Context) (connection, error) {
	argument, err := oneArgument(c, "URL")
	if err != nil {
		return connection{}, err
	}
	if argument != "" && c.String("url") != "" {
		return connection{}, errNamedTwice
	}
	conn := connection{
		URL: cmp.Or(argument, c.String("url")), URLFile: fileOf(c, "url"), Host: c.String("host"), Port: c.Int("port"), Socket: c.String("socket"),
		Databases: c.String("db"), User: c.String("user"),
		AskPass: c.Bool("askpass"), PasswordFile: c.String("password-file"), Password: scanner.Secret(c.String("pass")),
		TLS:       c.Bool("tls"),
		Files:     scanner.TLSFiles{CACert: c.String("cacert"), Cert: c.String("cert"), Key: c.String("key"), SNI: c.String("sni"), Insecure: c.Bool("insecure")},
		CACertDir: c.String("cacertdir"),
		Timeout:   c.Duration("timeout"), MaxWait: c.Duration("max-wait"),
	}
	switch {
	case c.IsSet("pass") && conn.Password == "":
		return connection{}, &usageError{problem: "--pass needs a password"}
	case conn.Timeout <= 0:
		return connection{}, &usageError{problem: "--timeout must be more than 0"}
	case conn.MaxWait < 0:
		return connection{}, &usageError{problem: "--max-wait must not be negative"}
	}
	return conn, conn.checkPlaces()
}

var errNamedTwice = &usageError{problem: "the server is named twice", hint: "give a URL, or --host and --port, or --socket"}

// checkPlaces requires that the server is named exactly once.
func (c *connection) checkPlaces() error {
	byHost := c.Host != "" || c.Port != 0
	switch {
	case c.URL != "" && (byHost || c.Socket != ""), byHost && c.Socket != "":
		return errNamedTwice
	case c.URL == "" && !byHost && c.Socket == "":
		c.URL = os.Getenv("KEYPROF_URL")
		if c.URL == "" {
			return &usageError{problem: "no server given", hint: "give its URL, such as redis://127.0.0.1:6379 for this machine, or set KEYPROF_URL"}
		}
	}
	return nil
}

// open connects and returns the databases to scan. While it waits for the server, it
// says so on stderr, after interrupt has made room on the screen.
func (c *connection) open(ctx context.Context, stdin io.Reader, stderr io.Writer, interrupt func()) (*scanner.Conn, []int, error) {
	target, err := c.target(ctx, stdin, stderr)
	if err != nil {
		return nil, nil, err
	}
	databases, err := c.databases(target)
	if err != nil {
		return nil, nil, err
	}
	conn, err := scanner.Connect(ctx, target, c.Timeout, scanner.RetryPolicy{
		MaxWait: c.MaxWait,
		Notice:  c.notice(stderr, interrupt),
	})
	switch {
	case err == nil && ctx.Err() == nil:
		return conn, databases, nil
	case err == nil:
		conn.Close()
	}
	if ctx.Err() != nil {
		err = errInterruptedEarly
	}
	return nil, nil, err
}

// noticeEvery is the interval between two notices, with the same cause, that keyprof
// waits for the server.
const noticeEvery = time.Minute

// notice returns a function that says on stderr that keyprof waits for the server.
func (c *connection) notice(stderr io.Writer, interrupt func()) func(error) {
	var last string
	var said time.Time
	return func(cause error) {
		if c.Hide != nil {
			cause = c.Hide(cause)
		}
		if cause.Error() == last && time.Since(said) < noticeEvery {
			return // the receipt counts them
		}
		last, said = cause.Error(), time.Now()
		interrupt()
		warn(stderr, "%v: retrying for up to %s", cause, unit.FormatElapsed(c.MaxWait.Seconds()))
	}
}

// target returns the server to connect to. It asks for a password on the terminal last,
// when everything else is valid.
func (c *connection) target(ctx context.Context, stdin io.Reader, stderr io.Writer) (scanner.Target, error) {
	t, err := c.place()
	if err != nil {
		return t, err
	}
	switch {
	case t.Password == "":
	case c.URLFile != "":
		warn(stderr, "%s has a password in its url; better use password-file there, REDISCLI_AUTH or --askpass", c.URLFile)
	case c.URL != os.Getenv("KEYPROF_URL"):
		warn(stderr, "a password in the URL shows in the list of processes; better use REDISCLI_AUTH, --password-file or --askpass")
	}
	if c.Password != "" {
		warn(stderr, "a password given with -a or --pass shows in the list of processes; better use REDISCLI_AUTH, --password-file or --askpass")
	}
	if c.User != "" {
		t.Username = c.User
	}
	plain := t // after an interrupt, only the goroutine below reads it
	if t, err = untilInterrupted(ctx, func() (scanner.Target, error) { return c.secure(plain) }); err != nil {
		if errors.Is(err, errInterruptedReading) {
			return t, err
		}
		return t, &usageError{problem: err.Error(), hint: "--cacert, --cert and --key name PEM files, --cacertdir a folder of them"}
	}
	if t.Password, err = c.password(ctx, t.Password, stdin, stderr); err != nil {
		return t, err
	}
	if t.Username != "" && t.Password == "" {
		// Without a password there is no AUTH, and the scan would run as the default
		// user.
		return t, &usageError{
			problem: "--user needs a password", // do not print the name: it may be a misplaced password
			hint:    "set REDISCLI_AUTH, or use --password-file or --askpass; a user with nopass takes any password",
		}
	}
	return t, nil
}

func (c *connection) place() (scanner.Target, error) {
	switch {
	case c.URL != "":
		t, err := scanner.ParseURL(c.URL)
		var bad *scanner.URLError
		if errors.As(err, &bad) {
			return t, &usageError{problem: strings.TrimPrefix(c.URLFile+": "+bad.Error(), ": "), hint: bad.Hint}
		}
		return t, err
	case c.Socket != "":
		return scanner.Target{Network: "unix", Address: c.Socket}, nil
	}
	host, port := c.Host, c.Port
	switch {
	case strings.Contains(host, "://"): // a password may be anywhere in it
		return scanner.Target{}, &usageError{problem: "--host takes a name or an address, not a URL", hint: "give the URL as the argument, or with --url"}
	case host == "":
		host = "127.0.0.1"
	}
	if port == 0 {
		port = scanner.DefaultPort
	}
	if port < 1 || port > 65535 {
		return scanner.Target{}, &usageError{problem: fmt.Sprintf("port %d is not between 1 and 65535", port)}
	}
	return scanner.Target{Network: "tcp", Address: net.JoinHostPort(host, strconv.Itoa(port))}, nil
}

// secure adds TLS to t, if the connection uses TLS.
func (c *connection) secure(t scanner.Target) (scanner.Target, error) {
	wanted := c.TLS || c.CACertDir != "" || c.Files != scanner.TLSFiles{}
	if t.TLS == nil && !wanted {
		return t, nil
	}
	host, _, err := net.SplitHostPort(t.Address)
	if err != nil {
		host = c.Files.SNI // a socket has no host
	}
	if err := c.Files.Apply(&t, host); err != nil || c.CACertDir == "" {
		return t, err
	}
	return t, trustDir(t.TLS, c.CACertDir)
}

// maxCACertBytes is the largest file of --cacertdir that is read, in bytes.
const maxCACertBytes = 1 << 20

// trustDir adds the certificates in the files of a directory to those of --cacert.
// Without --cacert they replace the system's.
func trustDir(config *tls.Config, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading --cacertdir: %w", err)
	}
	if config.RootCAs == nil {
		config.RootCAs = x509.NewCertPool()
	}
	found := false
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxCACertBytes {
			continue
		}
		pem, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading --cacertdir: %w", err)
		}
		found = config.RootCAs.AppendCertsFromPEM(pem) || found
	}
	if !found {
		return fmt.Errorf("reading --cacertdir: no PEM certificate in the files of %s", dir)
	}
	return nil
}

// password returns the password to log in with, or "" for none. A flag takes precedence
// over the URL, and the URL over the environment, unless a file holds the URL.
func (c *connection) password(ctx context.Context, inURL scanner.Secret, stdin io.Reader, stderr io.Writer) (scanner.Secret, error) {
	environment := scanner.Secret(os.Getenv("REDISCLI_AUTH"))
	switch {
	case c.AskPass && c.PasswordFile != "", c.Password != "" && (c.AskPass || c.PasswordFile != ""):
		return "", &usageError{problem: "give only one of --askpass, --password-file and --pass"}
	case c.Password != "":
		return c.Password, nil
	case c.AskPass:
		return askPassword(ctx, stdin, stderr)
	case c.PasswordFile != "":
		return untilInterrupted(ctx, func() (scanner.Secret, error) { return readPassword(c.PasswordFile) })
	case environment == "" || inURL != "" && c.URLFile == "":
		return inURL, nil
	default:
		return environment, nil
	}
}

// askPassword reads a password without echo. An interrupt restores the terminal.
func askPassword(ctx context.Context, stdin io.Reader, stderr io.Writer) (scanner.Secret, error) {
	file, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", &usageError{problem: "--askpass needs a terminal", hint: "use --password-file or REDISCLI_AUTH"}
	}
	before, err := term.GetState(int(file.Fd()))
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	fmt.Fprint(stderr, "Password: ")
	defer fmt.Fprintln(stderr)
	type answer struct {
		password []byte
		err      error
	}
	typed := make(chan answer, 1)
	go func() {
		b, err := term.ReadPassword(int(file.Fd()))
		typed <- answer{b, err}
	}()
	select {
	case a := <-typed:
		if a.err != nil {
			return "", fmt.Errorf("reading the password: %w", a.err)
		}
		return scanner.Secret(a.password), nil
	case <-ctx.Done():
		return "", errors.Join(errInterruptedEarly, term.Restore(int(file.Fd()), before))
	}
}

// maxPasswordBytes is the longest password that is read from a file, in bytes.
const maxPasswordBytes = 64 << 10

// readPassword returns the first line of a file, without its line break.
func readPassword(path string) (scanner.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", &usageError{problem: fmt.Sprintf("reading --password-file: %v", err), hint: "name a file that holds the password on its first line"}
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxPasswordBytes+1)).ReadString('\n')
	if len(line) > maxPasswordBytes {
		err = fmt.Errorf("its first line has more than %d bytes", maxPasswordBytes)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", &usageError{problem: fmt.Sprintf("reading --password-file: %v", err), hint: "name a file that holds the password on its first line"}
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", &usageError{problem: "reading --password-file: its first line is empty"}
	}
	return scanner.Secret(line), nil
}

// databases returns the databases to scan: those of --db, else the URL's, else nil for
// all. The command line may name them only once; --db may override the URL of a file.
func (c *connection) databases(t scanner.Target) ([]int, error) {
	switch {
	case c.Databases != "" && t.DB != nil && c.URLFile == "":
		return nil, &usageError{problem: "the URL and --db both name a database"}
	case c.Databases != "":
		dbs, err := scanner.ParseDatabases(c.Databases)
		if err != nil {
			return nil, &usageError{problem: "--db: " + err.Error(), hint: "write a list such as 0,3, or all"}
		}
		return dbs, nil
	case t.DB != nil:
		return []int{*t.DB}, nil
	default:
		return nil, nil
	}
}
