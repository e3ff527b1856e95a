package command

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"keyprof/report/unit"
	"keyprof/scanner"
)

const connectionCategory = "Connection"

// environmentHelp lists what --help should say besides flags.
const environmentHelp = `ENVIRONMENT
  KEYPROF_CONFIG  the file of --config, when the command line names none
  KEYPROF_URL     the server, when the command line names none
  REDISCLI_AUTH   the password, when nothing else gives one
  NO_COLOR        no colours`

// connectionFlags are redis-cli's where it has them.
func connectionFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "url", Usage: "`URL` of the server, as the argument has it"},
		&cli.StringFlag{Name: "host", Aliases: []string{"H"}, Usage: "`HOST` name or address of the server"},
		&cli.IntFlag{Name: "port", Aliases: []string{"p"}, Usage: "`PORT` of the server", DefaultText: strconv.Itoa(scanner.DefaultPort)},
		&cli.StringFlag{Name: "socket", Aliases: []string{"s"}, Usage: "`PATH` of the server's unix socket"},
		&cli.StringFlag{Name: "db", Aliases: []string{"n"}, Usage: "walk the databases in `LIST`, such as 0 or 0,3, or all", DefaultText: "the URL's, else all that are not empty"},
		&cli.StringFlag{Name: "user", Usage: "ACL user `NAME`"},
		&cli.BoolFlag{Name: "askpass", Usage: "ask for the password on the terminal"},
		&cli.StringFlag{Name: "password-file", Usage: "read the password from the first line of `FILE`"},
		&cli.BoolFlag{Name: "tls", Usage: "use TLS, as rediss:// does"},
		&cli.StringFlag{Name: "cacert", Usage: "trust the authorities in `FILE` (PEM) in place of the system's"},
		&cli.StringFlag{Name: "cert", Usage: "client certificate `FILE` (PEM)"},
		&cli.StringFlag{Name: "key", Usage: "private key `FILE` (PEM) of the client certificate"},
		&cli.StringFlag{Name: "sni", Usage: "server `NAME` to ask for and to find in its certificate"},
		&cli.BoolFlag{Name: "insecure", Usage: "do not verify the server's certificate"},
		&cli.DurationFlag{Name: "max-wait", Usage: "wait at most `DURATION` at a stretch for a server that was lost, is loading or is busy; 0s: not at all", Value: scanner.DefaultMaxWait},
		&cli.DurationFlag{Name: "timeout", Usage: "wait at most `DURATION` for an answer", Value: scanner.DefaultTimeout},
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

// connection is how to reach the server, as the command line says it.
type connection struct {
	URL, Host, Socket string
	URLFile           string // configuration file that holds the URL; empty: none does
	Port              int
	Databases         string
	User              string
	AskPass           bool
	PasswordFile      string
	TLS               bool
	Files             scanner.TLSFiles
	Timeout, MaxWait  time.Duration
	Hide              func(error) error // what must not be told; nil: nothing
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
		AskPass: c.Bool("askpass"), PasswordFile: c.String("password-file"),
		TLS:     c.Bool("tls"),
		Files:   scanner.TLSFiles{CACert: c.String("cacert"), Cert: c.String("cert"), Key: c.String("key"), SNI: c.String("sni"), Insecure: c.Bool("insecure")},
		Timeout: c.Duration("timeout"), MaxWait: c.Duration("max-wait"),
	}
	switch {
	case conn.Timeout <= 0:
		return connection{}, &usageError{problem: "--timeout must be more than 0"}
	case conn.MaxWait < 0:
		return connection{}, &usageError{problem: "--max-wait must not be negative"}
	}
	return conn, conn.checkPlaces()
}

var errNamedTwice = &usageError{problem: "the server is named twice", hint: "give a URL, or --host and --port, or --socket"}

// checkPlaces sees to it that the server is named once.
func (c *connection) checkPlaces() error {
	byHost := c.Host != "" || c.Port != 0
	switch {
	case c.URL != "" && (byHost || c.Socket != ""), byHost && c.Socket != "":
		return errNamedTwice
	case c.URL == "" && !byHost && c.Socket == "":
		c.URL = os.Getenv("KEYPROF_URL")
		if c.URL == "" {
			return &usageError{problem: "no server given", hint: "write its URL behind the command, redis://HOST[:PORT], or set KEYPROF_URL"}
		}
	}
	return nil
}

// open connects, and says which databases are to be walked. It tells of a server
// that it waits for, after interrupt made room on the screen.
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

// noticeEvery is how often it is said that the server is waited for, for the same
// cause as before.
const noticeEvery = time.Minute

// notice says on stderr that the server is waited for.
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
		warn(stderr, "%v: trying again for up to %s", cause, unit.FormatElapsed(c.MaxWait.Seconds()))
	}
}

// target is where to connect. The terminal is asked for a password last, when
// all else is right.
func (c *connection) target(ctx context.Context, stdin io.Reader, stderr io.Writer) (scanner.Target, error) {
	t, err := c.place()
	if err != nil {
		return t, err
	}
	switch {
	case t.Password == "":
	case c.URLFile != "":
		warn(stderr, "%s holds a password in its url; better use password-file in it, REDISCLI_AUTH or --askpass", c.URLFile)
	case c.URL != os.Getenv("KEYPROF_URL"):
		warn(stderr, "a password in the URL can be seen in the list of processes; better use REDISCLI_AUTH, --password-file or --askpass")
	}
	if c.User != "" {
		t.Username = c.User
	}
	plain := t // what goes on reading after an interrupt has it for itself
	if t, err = untilInterrupted(ctx, func() (scanner.Target, error) { return c.secure(plain) }); err != nil {
		if errors.Is(err, errInterruptedReading) {
			return t, err
		}
		return t, &usageError{problem: err.Error(), hint: "--cacert, --cert and --key name PEM files"}
	}
	if t.Password, err = c.password(ctx, t.Password, stdin, stderr); err != nil {
		return t, err
	}
	if t.Username != "" && t.Password == "" {
		// Without a password nobody logs in, and the walk would be the default user's.
		return t, &usageError{
			problem: "a user name without a password", // the name may be the password, in the wrong place
			hint:    "set REDISCLI_AUTH, or use --password-file or --askpass; for a user with nopass any password will do",
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
	case strings.Contains(host, "://"): // in which a password may stand anywhere
		return scanner.Target{}, &usageError{problem: "--host has a URL", hint: "give the URL as the argument, or with --url"}
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

// secure is t with TLS, where that is wanted.
func (c *connection) secure(t scanner.Target) (scanner.Target, error) {
	wanted := c.TLS || c.Files != scanner.TLSFiles{}
	if t.TLS == nil && !wanted {
		return t, nil
	}
	host, _, err := net.SplitHostPort(t.Address)
	if err != nil {
		host = c.Files.SNI // a socket has no host
	}
	return t, c.Files.Apply(&t, host)
}

// password is the one to log in with; empty: none. What is asked for by a flag
// beats the URL's, and that beats the environment's, unless a file holds the URL.
func (c *connection) password(ctx context.Context, inURL scanner.Secret, stdin io.Reader, stderr io.Writer) (scanner.Secret, error) {
	environment := scanner.Secret(os.Getenv("REDISCLI_AUTH"))
	switch {
	case c.AskPass && c.PasswordFile != "":
		return "", &usageError{problem: "--askpass and --password-file exclude each other"}
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

// askPassword reads a password that does not show. An interrupt leaves the
// terminal as it was.
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

// maxPasswordBytes is the longest password that is read from a file.
const maxPasswordBytes = 64 << 10

// readPassword is the first line of a file, without its line break.
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

// databases are those to walk: --db's, else the URL's, else nil for all. On the
// command line only one may name them; --db may be meant to beat a file's URL.
func (c *connection) databases(t scanner.Target) ([]int, error) {
	switch {
	case c.Databases != "" && t.DB != nil && c.URLFile == "":
		return nil, &usageError{problem: "the URL names a database and --db too"}
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
