package scanner

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Error is a failure to reach or to use a server, with a hint.
type Error struct {
	Doing string // the action that failed, with the address
	Err   error
	Hint  string // a way to fix it; may be empty
}

// Error returns one line without credentials.
func (e *Error) Error() string { return e.Doing + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var (
	errLoading  = errors.New("LOADING the server is loading its data set into memory")
	errNoAnswer = errors.New("no reply in time")
	errClosed   = errors.New("the server closed the connection")
	errReset    = errors.New("the connection was reset")
	errNotRedis = errors.New("this is not a Redis or Valkey server")
	// errAnotherProcess ends a scan: a cursor is valid in one process only.
	errAnotherProcess = errors.New("a different server process answers than at the start of the scan (restart or failover): its remaining keys cannot be scanned")
	errUnknownProcess = errors.New("INFO is refused, so it is unknown whether the same server process answers")
)

// hints are the hints for error replies, by their first word: the rest of the text
// differs between versions.
var hints = map[string]string{
	"NOAUTH":      "the server requires a password: set REDISCLI_AUTH, or use --password-file or --askpass",
	"WRONGPASS":   "check the user name (--user) and the password",
	"NOPERM":      "the ACL user lacks a permission: keyprof check prints the ACL rule that keyprof needs",
	"LOADING":     "wait until the server has loaded its data, then run keyprof again",
	"MASTERDOWN":  "this replica has lost its primary and does not serve stale data: use another replica, or wait until the link is up",
	"BUSY":        "a script is running on the server: wait until it ends, then run keyprof again",
	"DENIED":      "the server is in protected mode: connect from its own host (for example through an SSH tunnel), or set a password on it",
	"CLUSTERDOWN": "part of the cluster is down, so its nodes refuse commands on keys: wait until all slots are covered, or set cluster-allow-reads-when-down to yes on the node",
	"MOVED":       "this cluster node does not own the key: profile the node that does",
	"NOPROTO":     "the server supports neither RESP3 nor RESP2: is it a Redis or Valkey server?",
}

// tooManyClients is part of the reply of a server that has reached maxclients.
const tooManyClients = "max number of clients"

// unavailableCodes are the first words of error replies that hold for every command at
// the moment. They end a scan; other errors concern one key.
var unavailableCodes = map[string]bool{
	"NOAUTH": true, "LOADING": true, "MASTERDOWN": true, "BUSY": true, "CLUSTERDOWN": true, "DENIED": true,
}

// wrapError wraps err with the action that failed and a hint.
func wrapError(doing string, t Target, err error) *Error {
	var already *Error
	if errors.As(err, &already) {
		return already
	}
	return &Error{Doing: doing, Err: simplify(err), Hint: hint(t, err)}
}

// simplify replaces library errors by plain ones.
func simplify(err error) error {
	switch {
	case err == nil:
		return nil
	case timedOut(err):
		return errNoAnswer
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return errClosed
	case isAny(err, connectionReset):
		return errReset
	case notRedis(err):
		return errNotRedis
	}
	return err
}

func hint(t Target, err error) string {
	var reply redis.Error
	if errors.As(err, &reply) || errors.Is(err, errLoading) {
		return serverHint(err)
	}
	if h := tlsHint(t, err); h != "" {
		return h
	}
	return networkHint(t, err)
}

func serverHint(err error) string {
	text := replyText(err)
	switch {
	case hints[firstWord(text)] != "":
		return hints[firstWord(text)]
	case strings.Contains(text, "SELECT is not allowed in cluster mode"):
		return "a cluster node has only database 0: leave out --db and the database number in the URL"
	case strings.HasPrefix(text, "ERR unknown command"):
		return "the command was renamed or disabled (rename-command), or a proxy answers: connect to the server itself, or restore the command's name"
	case strings.Contains(text, "DB index is out of range"):
		return "the server has fewer databases: INFO keyspace lists those that hold keys"
	case strings.Contains(text, tooManyClients):
		return "the server has reached its limit of clients: raise maxclients, or wait until others disconnect"
	case strings.Contains(text, "invalid password"), strings.Contains(text, "without any password configured"):
		return hints["WRONGPASS"]
	default:
		return ""
	}
}

// loginFailed is go-redis's prefix of the server's reply to AUTH.
const loginFailed = "failed to authenticate: "

// replyText returns the server's reply without go-redis's prefix.
func replyText(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, loginFailed); i >= 0 {
		text = text[i+len(loginFailed):]
	}
	return text
}

func tlsHint(t Target, err error) string {
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &record):
		return "the server does not speak TLS on this port: use redis:// and leave out --tls"
	case errors.As(err, &unknown):
		return "name the CA certificate that the server's certificate is signed with: --cacert FILE"
	case errors.As(err, &name):
		return "the certificate is for another host name: set the name in it with --sni NAME"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid: renew it"
	case strings.Contains(err.Error(), "tls: "):
		return "the TLS handshake failed: the server may require another client certificate (--cert and --key)"
	default:
		return ""
	}
}

func networkHint(t Target, err error) string {
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup):
		return "check the host name"
	case isAny(err, connectionRefused):
		return "nothing listens there: check host and port, and that the server or tunnel is running"
	case errors.Is(err, os.ErrNotExist) && t.Network == "unix":
		return "check the path of the socket, and that the server is running"
	case errors.Is(err, os.ErrPermission):
		return "this user may not open the socket: join the server's group, or use TCP"
	case notRedis(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), isAny(err, connectionReset):
		return closedHint(t)
	case timedOut(err) && t.TLS != nil:
		return "check host and port, firewalls, and whether the port speaks TLS (if not: redis://, without --tls)"
	case timedOut(err):
		return "check host and port, firewalls, and whether the port requires TLS (rediss://)"
	default:
		return ""
	}
}

func isAny(err error, targets []error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

func closedHint(t Target) string {
	switch {
	case t.TLS != nil && len(t.TLS.Certificates) == 0:
		return "the server may require a client certificate (--cert and --key); also check that a Redis or Valkey server listens there"
	case t.TLS == nil && t.Network == "tcp":
		return "check host and port; if the port requires TLS, use rediss://; behind stunnel, its log says whether a certificate was refused or the server behind it is down; a proxy that closes the connection on HELLO, INFO or SCAN (twemproxy, Envoy) cannot be profiled: connect to the servers behind it"
	default:
		return "check that a Redis or Valkey server listens there"
	}
}

func timedOut(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// notRedis reports whether err is go-redis's error for a reply that is not RESP.
func notRedis(err error) bool {
	text := err.Error()
	return errors.Is(err, errNotRedis) || strings.Contains(text, "redis: can't parse") || strings.Contains(text, "redis: invalid reply")
}

// failed wraps an error of a command on this connection.
func (c *Conn) failed(doing string, err error) *Error {
	return wrapError(fmt.Sprintf("%s at %s", doing, c.Node.Address), c.target, err)
}

// InfoDenied reports whether the ACL denied INFO.
func (c *Conn) InfoDenied() bool {
	return c.infoErr != nil && firstWord(replyText(c.infoErr)) == "NOPERM"
}

// InfoError returns why INFO was refused, with a hint where there is one; empty if it was
// not refused.
func (c *Conn) InfoError() string {
	if c.infoErr == nil {
		return ""
	}
	failed := c.refusedTo("INFO", "+info", c.infoErr)
	return strings.TrimSuffix(fmt.Sprintf("the server answered %q; %s", failed.Err.Error(), failed.Hint), "; ")
}

// refusedTo is failed for a command that the ACL may deny altogether: the hint then names
// the rule that grants it.
func (c *Conn) refusedTo(doing, rule string, err error) *Error {
	failed := c.failed(doing, err)
	if firstWord(err.Error()) == "NOPERM" {
		failed.Hint = "to allow it: " + c.ACLRule(rule)
	}
	return failed
}

// IsReply reports whether err is the server's own reply. After an error reply to Select
// the connection can be used as before; RoundTrip closes it on every error.
func IsReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}
