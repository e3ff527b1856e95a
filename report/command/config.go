package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/urfave/cli/v2"

	"keyprof/report"
	"keyprof/scanner"
)

// configurable lets a configuration file set a command's flags.
func configurable(command *cli.Command) {
	if len(command.Flags) == 0 {
		return
	}
	command.Flags = append(command.Flags, &cli.StringFlag{
		Name: "config", EnvVars: []string{"KEYPROF_CONFIG"},
		Usage: "read flags from `FILE` (TOML)",
	})
	command.Before = cli.BeforeFunc(interruptible(configure))
	action := command.Action
	command.Action = func(c *cli.Context) error { return blame(c, action(c)) }
}

// configure sets the flags that only the file sets. It checks the whole file, whichever
// command reads it.
func configure(c *cli.Context) error {
	path := c.String("config")
	if path == "" {
		return nil
	}
	settings, err := readConfig(path)
	if err != nil {
		return err
	}
	applicable := map[string]setting{}
	for _, s := range settings {
		if err := checkSetting(c.App, s); err != nil {
			return err
		}
		if len(s.path) == 1 && !s.isTable() && findFlag(c.Command, s.key()) != nil && applicable[s.key()].path == nil {
			applicable[s.key()] = s
		}
		if len(s.path) == 2 && s.path[0] == c.Command.Name { // takes precedence over a setting for all commands
			applicable[s.key()] = s
		}
	}
	given := givenKeys(c)
	maps.DeleteFunc(applicable, func(key string, _ setting) bool { return given[key] })
	c.Context = context.WithValue(c.Context, configuredKey{}, applicable)
	return setFlags(c, applicable)
}

func setFlags(c *cli.Context, settings map[string]setting) error {
	for key, s := range settings {
		texts, _ := flagTexts(findFlag(c.Command, key), s.value)
		for _, text := range texts {
			if err := c.Set(key, text); err != nil {
				return s.fail("", "%s: %v", key, err)
			}
		}
	}
	return nil
}

// configuredKey is the context key of the settings in use, by key.
type configuredKey struct{}

func configured(c *cli.Context) map[string]setting {
	settings, _ := c.Context.Value(configuredKey{}).(map[string]setting)
	return settings
}

// fileOf returns the file that sets a flag, or "" if no file does.
func fileOf(c *cli.Context, key string) string { return configured(c)[key].file }

var namedFlag = regexp.MustCompile(`--([a-z][a-z-]*)`)

// blame adds to an error about a flag the place where the file sets it.
func blame(c *cli.Context, err error) error {
	var usage *usageError
	if !errors.As(err, &usage) {
		return err
	}
	var places []string
	for _, m := range namedFlag.FindAllStringSubmatch(usage.problem, -1) {
		if s, ok := configured(c)[m[1]]; ok {
			places = append(places, m[0]+" is set in "+s.at)
		}
	}
	if len(places) == 0 {
		return err
	}
	where := strings.Join(slices.Compact(places), "; ")
	return &usageError{problem: usage.problem, hint: strings.Trim(where+"; "+usage.hint, "; ")}
}

// givenKeys returns the keys that the command line or the environment decides. The keys
// of a server's address belong together, and so do those of a password: once one
// is given, the file sets none of them.
func givenKeys(c *cli.Context) map[string]bool {
	given := map[string]bool{}
	for _, key := range keysOf(c.Command) {
		given[key] = c.IsSet(key)
	}
	if c.String("output") == "-" {
		given["format"] = true // only the profile is printed
	}
	if given["format"] && c.String("format") == string(report.JSON) {
		given["depth"], given["under"] = true, true // a JSON document is always complete
	}
	if c.Command.Name == "diff" && c.NArg() > 0 {
		given["save-dir"], given["label"] = true, true // the command line names the profiles
	}
	url := cmp.Or(c.Args().First(), c.String("url"))
	places := []string{"url", "host", "port", "socket"}
	if !slices.ContainsFunc(places, func(key string) bool { return given[key] }) {
		url = cmp.Or(url, os.Getenv("KEYPROF_URL"))
	}
	named, err := scanner.ParseURL(url)
	inURL := url != "" && err == nil
	together(given, places, url != "")
	together(given, []string{"askpass", "password-file"}, c.IsSet("pass") || os.Getenv("REDISCLI_AUTH") != "" || inURL && named.Password != "")
	together(given, []string{"user"}, inURL && named.Username != "")
	together(given, []string{"db"}, inURL && named.DB != nil)
	return given
}

// together marks all keys as given if one of them is, or if otherwise is true:
// something else replaces them.
func together(given map[string]bool, keys []string, otherwise bool) {
	if !otherwise && !slices.ContainsFunc(keys, func(key string) bool { return given[key] }) {
		return
	}
	for _, key := range keys {
		given[key] = true
	}
}

// checkSetting rejects keys that no command has and values of the wrong type.
func checkSetting(app *cli.App, s setting) error {
	commands := configurableCommands(app)
	if len(s.path) > 1 || s.isTable() {
		name := s.path[0]
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == name })
		if i < 0 {
			return s.fail(nearestHint(name, namesOf(commands)), "unknown table %q", name)
		}
		commands = commands[i : i+1]
	}
	switch {
	case s.isTable() && len(s.path) == 1:
		return nil
	case len(s.path) > 2:
		return s.fail("", "unknown key %q", strings.Join(s.path[1:], "."))
	}
	for _, command := range commands {
		if f := findFlag(command, s.key()); f != nil && slices.Contains(keysOf(command), s.key()) {
			if _, want := flagTexts(f, s.value); want != "" {
				return s.fail("", "%s: want %s", s.key(), want)
			}
			return nil
		}
	}
	return unknownKey(s, commands)
}

func unknownKey(s setting, commands []*cli.Command) error {
	if s.key() == "password" || s.key() == "pass" {
		return s.fail("name a file that holds the password with password-file", "a password does not belong here")
	}
	if slices.Contains(namesOf(commands), s.key()) {
		return s.fail("", "%s is a command: want a table, [%s]", s.key(), s.key())
	}
	var keys []string
	for _, command := range commands {
		keys = append(keys, keysOf(command)...)
	}
	slices.Sort(keys)
	where := ""
	if len(s.path) == 2 {
		where = " for " + s.path[0]
	}
	return s.fail(nearestHint(s.key(), slices.Compact(keys)), "unknown key %q%s", s.key(), where)
}

func configurableCommands(app *cli.App) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(app.Commands), func(c *cli.Command) bool { return findFlag(c, "config") == nil })
}

// flagTexts returns value as one would type it after the flag, once for each use. If
// the flag does not take the value, want describes what it takes.
func flagTexts(f cli.Flag, value any) (texts []string, want string) {
	_, isText := value.(string)
	_, isWhole := value.(int64)
	_, isFloat := value.(float64)
	_, isBool := value.(bool)
	items, isList := value.([]any)
	one := []string{fmt.Sprint(value)}
	switch f.(type) {
	case *cli.BoolFlag:
		return one, unless(isBool, "true or false")
	case *cli.IntFlag, *cli.Int64Flag:
		return one, unless(isWhole, "a whole number")
	case *cli.Float64Flag:
		return one, unless(isWhole || isFloat, "a number")
	case *cli.StringSliceFlag:
		texts, ok := eachOf[string](items)
		return texts, unless(isList && ok, "a list of texts in quotes")
	}
	if f.Names()[0] == "db" && !isText {
		if isWhole {
			items, isList = []any{value}, true
		}
		numbers, ok := eachOf[int64](items)
		return []string{strings.Join(numbers, ",")}, unless(isList && ok && len(items) > 0, `a list of numbers, or a text such as "0,3" or "all"`)
	}
	return one, unless(isText, "a text in quotes")
}

func unless(ok bool, want string) string {
	if ok {
		return ""
	}
	return want
}

// eachOf formats items if all are of type T.
func eachOf[T any](items []any) ([]string, bool) {
	var texts []string
	for _, item := range items {
		if _, ok := item.(T); !ok {
			return nil, false
		}
		texts = append(texts, fmt.Sprint(item))
	}
	return texts, true
}

// maxConfigBytes is the largest configuration file, in bytes. The decoder's time grows
// with the square of the number of keys.
const maxConfigBytes = 128 << 10

// setting is one entry of a configuration file.
type setting struct {
	path  []string // key, or command and key; for a table's heading: command
	value any
	file  string
	at    string // file, line and column, for messages
}

func (s setting) key() string { return s.path[len(s.path)-1] }

// isTable reports whether the setting is the heading of a table.
func (s setting) isTable() bool {
	_, table := s.value.(map[string]any)
	return table
}

// fail returns an error about the setting, with its place in the file.
func (s setting) fail(hint, format string, args ...any) error {
	return &usageError{problem: s.at + ": " + fmt.Sprintf(format, args...), hint: hint}
}

// readConfig returns the settings of a file, in file order. It checks no keys, except
// that passwords are secret.
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

// parseConfig takes the values from the decoder, which implements all of TOML, and
// their places from the parser below it. The decoder's strict mode would name the keys
// of an inline table without that table, and its time grows with the square of their
// number.
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

// locator finds the line and column of each setting.
type locator struct {
	file   string
	values map[string]any
	parser unstable.Parser
	found  []setting

	data                  []byte
	passed, line, newline int // bytes read, the line there, and where that line begins
}

// position returns the line and column of an offset, both from 1. Offsets must not
// decrease between calls.
func (l *locator) position(offset int) (line, column int) {
	for ; l.passed < offset; l.passed++ {
		if l.data[l.passed] == '\n' {
			l.line, l.newline = l.line+1, l.passed+1
		}
	}
	return l.line, offset - l.newline + 1
}

// addValue adds a key with its value, and the keys of an inline table.
func (l *locator) addValue(table []string, n *unstable.Node) {
	path := l.add(table, n)
	if n.Value().Kind != unstable.InlineTable {
		return
	}
	for children := n.Value().Children(); children.Next(); {
		l.addValue(path, children.Node())
	}
}

// add adds a node that has a key, and returns its full path.
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

// checkSecrecy rejects a file with a password that other users can read. Windows has no
// such file modes.
func checkSecrecy(f *os.File, settings []setting) error {
	info, err := f.Stat()
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o044 == 0 {
		return err
	}
	for _, s := range settings {
		if url, ok := s.value.(string); ok && s.key() == "url" && holdsPassword(url) {
			return s.fail("chmod 600 "+s.file+", or better name a file that holds the password with password-file",
				"others may read this file, and its URL has a password")
		}
	}
	return nil
}

// holdsPassword reports whether a URL has a password, or may have one but cannot be
// parsed.
func holdsPassword(url string) bool {
	t, err := scanner.ParseURL(url)
	return t.Password != "" || err != nil && strings.Contains(url, "@")
}
