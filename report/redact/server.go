package redact

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"keyprof/sampler/profile"
)

// redactedText replaces text that may hold anything.
const redactedText = "<redacted>"

// Server redacts what identifies the deployment in all parts of a profile except
// its namespaces and keys, and marks it as redacted. The result shares with p what
// did not have to change.
func Server(p *profile.Profile) *profile.Profile {
	shown, a := *p, addressesOf(p)
	shown.Label = ""
	shown.Design.Redacted = true
	shown.Design.PatternRules = nil
	if p.Design.Match != "" {
		shown.Design.Match = redactedText
	}
	shown.Nodes = mapSlice(p.Nodes, a.node)
	shown.Missing = mapSlice(p.Missing, a.missing)
	shown.Warnings = mapSlice(p.Warnings, a.warning)
	shown.Receipt.Waits = mapSlice(p.Receipt.Waits, func(w profile.Wait) profile.Wait {
		w.Cause = Reason(w.Cause)
		return w
	})
	shown.Receipt.Brakes = mapSlice(p.Receipt.Brakes, func(b profile.Brake) profile.Brake {
		b.Cause = Reason(b.Cause)
		return b
	})
	return &shown
}

// mapSlice applies f to each element. nil stays nil.
func mapSlice[T any](list []T, f func(T) T) []T {
	if list == nil {
		return nil
	}
	result := make([]T, len(list))
	for i, v := range list {
		result[i] = f(v)
	}
	return result
}

// addresses maps the address of each node to its alias.
type addresses map[string]string

func addressesOf(p *profile.Profile) addresses {
	a := addresses{}
	for i, n := range p.Nodes {
		a[n.Address] = fmt.Sprintf("node-%d", i+1)
	}
	return a
}

// alias returns the alias of an address.
func (a addresses) alias(address string) string {
	if alias, ok := a[address]; ok {
		return alias
	}
	return redactedText
}

func (a addresses) node(n profile.Node) profile.Node {
	n.Address = a.alias(n.Address)
	n.RunID, n.ReplID = "", ""
	n.Incomplete = Reason(n.Incomplete)
	n.Info = info(n.Info)
	n.Databases = mapSlice(n.Databases, func(db profile.Database) profile.Database {
		db.Incomplete = Reason(db.Incomplete)
		return db
	})
	return n
}

func (a addresses) missing(m profile.Missing) profile.Missing {
	m.Node = a.alias(m.Node)
	m.Reason = Reason(m.Reason)
	m.Remedy = Text(m.Remedy)
	return m
}

// safeScopes matches the scopes of warnings that hold no name.
var safeScopes = regexp.MustCompile(`^(namespaces|db\d+)?$`)

// safeWarnings lists the codes of warnings whose text holds outside text only in
// quotes.
var safeWarnings = []string{
	"cluster-mode", "idle-horizon", "info-refused", "key-stalled", "keys-denied", "keys-missing", "keys-moved", "keyspace-changed", "last-save-failed", "measure-refused", "names-too-long", "namespaces-limited", "odd-figure", "patterns-degraded", "patterns-other-lexing", "sample-disagrees",
	"primary", "replica-link-down", "rule-unused", "sample-other-process", "sample-refused", "save-in-progress", "server-changed", "shared-integers", "wrong-replies",
}

func (a addresses) warning(w profile.Warning) profile.Warning {
	if !safeScopes.MatchString(w.Scope) {
		w.Scope = a.alias(w.Scope)
	}
	if w.Text = Text(w.Text); !slices.Contains(safeWarnings, w.Code) {
		w.Text = redactedText
	}
	return w
}

var (
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?|'[^']*'?|` + "`[^`]*`?")
	// arguments matches the part of an error where Redis quotes the command.
	arguments = regexp.MustCompile(`(?s),? with args beginning with.*`)
	inWord    = regexp.MustCompile(`(\w)'(s?\b)`)
	user      = regexp.MustCompile(`ACL SETUSER \S+`)
)

// Text returns a sentence of keyprof without what it quotes.
func Text(s string) string {
	s = arguments.ReplaceAllString(quotes(s), "")
	return user.ReplaceAllString(s, "ACL SETUSER <user>")
}

// quotes replaces quoted text. It leaves apostrophes within words alone.
func quotes(s string) string {
	const apostrophe = "\x00"
	s = inWord.ReplaceAllString(s, "${1}"+apostrophe+"${2}")
	return strings.ReplaceAll(quoted.ReplaceAllString(s, "…"), apostrophe, "'")
}

// redactedError is an error whose text may quote names.
type redactedError struct{ error }

func (e redactedError) Error() string { return Text(e.error.Error()) }

func (e redactedError) Unwrap() error { return e.error }

// Error returns err with its text redacted, or err itself if o is nil.
func Error(err error, o *Options) error {
	if err == nil || o == nil {
		return err
	}
	return redactedError{err}
}

// safeReasons matches sentences of keyprof; all other text may hold anything. Both
// the present and older wordings are listed, as saved profiles have them.
var safeReasons = regexp.MustCompile(`not walked|interrupted|no (?:answer|reply) in time|` +
	`the connection was closed by the other side|the server closed the connection|the connection was reset|` +
	`connection refused|no such file or directory|no route to host|network is unreachable|` +
	`another server process answers there than at the beginning: what is left of its keys cannot be told|` +
	`a different server process answers than at the start of the scan \(restart or failover\): its remaining keys cannot be scanned|` +
	`INFO is refused, so it is unknown whether the same server process answers|` +
	`INFO is refused, so whether the same server process answers there cannot be told|` +
	`not scanned|the role changed from \w+ to \w+ during the scan|` +
	`[\d,]+ keys of db\d+ (?:got an invalid reply|have names too long to request|stalled \(not measured: [a-z, ]+\))|` +
	`INFO is refused, so databases other than 0 are unknown: name those to scan with --db|` +
	`the server is synchronizing with its primary: its data set is being replaced|` +
	`the server follows another primary than when the scan began: its data set was replaced|` +
	`[\d,]+ keys of db\d+ were (?:denied by the user's ACL key patterns|answered in a way that makes no sense)|` +
	`[\d,]+ keys of db\d+ (?:have names too long to ask about|stalled(?:: not known of them: [a-z, ]+)?)|` +
	`SCAN returned [\d,]+ keys of db\d+, far fewer than the [\d,]+ that INFO had before and the [\d,]+ after|` +
	`INFO is refused, so databases other than 0 are not known: name those to walk with --db|` +
	`the server is being synchronized from its primary: its data set is exchanged|` +
	`the server follows another primary than at the beginning: its data set was exchanged|` +
	`its role changed from \w+ to \w+ while the walk ran|` +
	`a data set is being loaded|the link to the primary went down|an RDB save started|an AOF rewrite started|` +
	`key eviction started|evictions rose sharply|replication fell behind|` +
	`it loads a data set|its link to the primary went down|it began to save \(RDB\)|it began to rewrite its AOF|` +
	`it began to evict keys|it evicts many more keys than before|its replication fell behind`)

// errorCodes matches the first words of errors from a server.
var errorCodes = regexp.MustCompile(`\b(?:ERR|NOPERM|NOAUTH|WRONGPASS|LOADING|MASTERDOWN|BUSY|DENIED|CLUSTERDOWN|MOVED|READONLY|MISCONF|OOM)\b`)

// Reason returns why something could not be done, without the text of a server,
// which may quote names of keys.
func Reason(s string) string {
	if s == "" {
		return ""
	}
	if own := safeReasons.FindString(s); own != "" {
		return own
	}
	if code := errorCodes.FindString(s); code != "" {
		return "the server answered " + code
	}
	return redactedText
}

// sections lists the sections of INFO that Redis itself writes and keyprof
// requests. Those of modules may hold names.
var sections = map[string]bool{
	"server": true, "clients": true, "memory": true, "persistence": true, "stats": true,
	"replication": true, "cpu": true, "cluster": true, "keyspace": true,
}

// identifyingFields lists the fields of INFO that identify a server.
var identifyingFields = map[string]bool{
	"tcp_port": true, "master_port": true, "process_id": true, "run_id": true, "redis_build_id": true,
	"redis_git_sha1": true, "server_time_usec": true, "master_replid": true, "master_replid2": true,
}

// safeFields lists fields of INFO that hold words but identify nobody.
var safeFields = map[string]bool{
	"redis_version": true, "valkey_version": true, "server_name": true, "redis_mode": true, "server_mode": true,
	"role": true, "maxmemory_policy": true, "mem_allocator": true, "multiplexing_api": true,
	"rdb_last_bgsave_status": true, "aof_last_bgrewrite_status": true, "aof_last_write_status": true,
	"master_link_status": true, "master_failover_state": true,
}

var (
	figureForm   = regexp.MustCompile(`^-?\d+(\.\d+)?[BKMGTP%]?$`)
	keyspaceForm = regexp.MustCompile(`^(\w+=\d+,?)+$`)
	wordForm     = regexp.MustCompile(`^[a-z0-9.-]{1,40}$`)
)

// info returns the figures of INFO, and some words.
func info(all map[string]map[string]string) map[string]map[string]string {
	if all == nil {
		return nil
	}
	shown := maps.Clone(all)
	maps.DeleteFunc(shown, func(section string, _ map[string]string) bool { return !sections[section] })
	for section, fields := range shown {
		kept := maps.Clone(fields)
		maps.DeleteFunc(kept, func(name, value string) bool { return !infoShown(section, name, value) })
		shown[section] = kept
	}
	return shown
}

func infoShown(section, name, value string) bool {
	switch {
	case identifyingFields[name]:
		return false
	case section == "keyspace":
		return keyspaceForm.MatchString(value)
	case safeFields[name]:
		return wordForm.MatchString(value)
	default:
		return figureForm.MatchString(value)
	}
}
