package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"keyprof/scanner"
)

// maxConfigBytes is the longest configuration file that is read: the decoder takes the
// square of the number of keys.
const maxConfigBytes = 128 << 10

// setting is what a configuration file says in one place.
type setting struct {
	path  []string // key, or command and key; of a table's heading: command
	value any
	file  string
	at    string // file, line and column, for people
}

func (s setting) key() string { return s.path[len(s.path)-1] }

// isTable reports whether it is the heading of a table.
func (s setting) isTable() bool {
	_, table := s.value.(map[string]any)
	return table
}

// fail is a mistake in the file at the place of the setting.
func (s setting) fail(hint, format string, args ...any) error {
	return &usageError{problem: s.at + ": " + fmt.Sprintf(format, args...), hint: hint}
}

// readConfig reads what a configuration file says, in its order. What the keys
// mean is not looked at, but for passwords.
func readConfig(path string) ([]setting, error) {
	const hint = "name a TOML file with --config or KEYPROF_CONFIG"
	f, err := os.Open(path)
	if err != nil {
		return nil, &usageError{problem: fmt.Sprintf("reading the configuration: %v", err), hint: hint}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err == nil && len(data) > maxConfigBytes {
		err = errors.New(path + " is too long")
	}
	if err != nil {
		return nil, &usageError{problem: fmt.Sprintf("reading the configuration: %v", err), hint: hint}
	}
	settings, err := parseConfig(path, data)
	if err != nil {
		return nil, err
	}
	return settings, checkSecrecy(f, settings)
}

// parseConfig has the values from the decoder, which knows all rules of TOML,
// and the places from the parser below it, as the decoder keeps none.
func parseConfig(path string, data []byte) ([]setting, error) {
	var values map[string]any
	if err := toml.Unmarshal(data, &values); err != nil {
		var bad *toml.DecodeError
		if !errors.As(err, &bad) {
			return nil, &usageError{problem: fmt.Sprintf("%s: %v", path, err)}
		}
		line, column := bad.Position()
		// Only the message: the error's other texts quote lines, which may hold a password.
		problem := strings.TrimPrefix(bad.Error(), "toml: ")
		return nil, &usageError{problem: fmt.Sprintf("%s:%d:%d: %s", path, line, column, problem), hint: "the file is TOML: https://toml.io"}
	}
	l := locator{file: path, values: values, data: data, line: 1}
	l.parser.Reset(data)
	var table []string
	for l.parser.NextExpression() {
		switch e := l.parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = l.add(nil, e)
		case unstable.KeyValue:
			l.addValue(table, e)
		}
	}
	return l.found, l.parser.Error()
}

// locator finds where settings stand.
type locator struct {
	file   string
	values map[string]any
	parser unstable.Parser
	found  []setting

	data                  []byte
	passed, line, newline int // bytes looked at, the line there, and where that begins
}

// position is the line and column of a place, from 1; places come in their order.
func (l *locator) position(offset int) (line, column int) {
	for ; l.passed < offset; l.passed++ {
		if l.data[l.passed] == '\n' {
			l.line, l.newline = l.line+1, l.passed+1
		}
	}
	return l.line, offset - l.newline + 1
}

// addValue adds a key with its value, and those of a table in braces.
func (l *locator) addValue(table []string, n *unstable.Node) {
	path := l.add(table, n)
	if n.Value().Kind != unstable.InlineTable {
		return
	}
	for children := n.Value().Children(); children.Next(); {
		l.addValue(path, children.Node())
	}
}

// add adds what has a key, and returns the whole path of that.
func (l *locator) add(table []string, n *unstable.Node) []string {
	path := append([]string(nil), table...)
	var first *unstable.Node
	for keys := n.Key(); keys.Next(); {
		if first == nil {
			first = keys.Node()
		}
		path = append(path, string(keys.Node().Data))
	}
	line, column := l.position(int(first.Raw.Offset))
	l.found = append(l.found, setting{
		path: path, value: lookUp(l.values, path),
		file: l.file, at: fmt.Sprintf("%s:%d:%d", l.file, line, column),
	})
	return path
}

func lookUp(values map[string]any, path []string) any {
	var value any = values
	for _, key := range path {
		table, _ := value.(map[string]any)
		value = table[key]
	}
	return value
}

// checkSecrecy refuses a password that others can read. Windows has no such
// modes.
func checkSecrecy(f *os.File, settings []setting) error {
	info, err := f.Stat()
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o044 == 0 {
		return err
	}
	for _, s := range settings {
		if url, ok := s.value.(string); ok && s.key() == "url" && holdsPassword(url) {
			return s.fail("chmod 600 "+s.file+", or better name a file that holds the password with password-file",
				"others may read this file, and the URL holds a password")
		}
	}
	return nil
}

// holdsPassword is in doubt about a URL that cannot be parsed.
func holdsPassword(url string) bool {
	t, err := scanner.ParseURL(url)
	return t.Password != "" || err != nil && strings.Contains(url, "@")
}
