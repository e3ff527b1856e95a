package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Every flag of every command is a key, and of one type wherever it is known.
func TestEveryFlagIsAKey(t *testing.T) {
	types := map[string]string{}
	values := map[string]any{
		"*cli.BoolFlag": true, "*cli.IntFlag": int64(3), "*cli.Int64Flag": int64(3), "*cli.Float64Flag": 0.5, "*cli.StringFlag": "a",
		"*cli.DurationFlag": "1s", "*cli.StringSliceFlag": []any{"a", "b"},
	}
	for _, command := range configurableCommands(newApp(nil, nil, nil)) {
		for _, key := range keysOf(command) {
			kind := fmt.Sprintf("%T", findFlag(command, key))
			if types[key] == "" {
				types[key] = kind
			}
			if types[key] != kind {
				t.Errorf("--%s is %s for %s and %s elsewhere", key, kind, command.Name, types[key])
			}
			value, known := values[kind]
			if _, want := flagTexts(findFlag(command, key), value); !known || want != "" {
				t.Errorf("a file cannot set --%s (%s): %s", key, kind, want)
			}
		}
	}
	if len(types) < 20 {
		t.Errorf("%d keys", len(types))
	}
}

func TestFlagTexts(t *testing.T) {
	db, text := &cli.StringFlag{Name: "db"}, &cli.StringFlag{Name: "under"}
	tests := []struct {
		flag  cli.Flag
		value any
		want  string // texts, or what is wanted
	}{
		{db, "0,3", `["0,3"]`},
		{db, int64(3), `["3"]`},
		{db, []any{int64(0), int64(3)}, `["0,3"]`},
		{db, []any{}, "a list of numbers"},
		{db, []any{"0"}, "a list of numbers"},
		{db, 1.5, "a list of numbers"},
		{text, int64(3), "a text"},
		{text, true, "a text"},
		{&cli.BoolFlag{Name: "quiet"}, false, `["false"]`},
		{&cli.BoolFlag{Name: "quiet"}, "true", "true or false"},
		{&cli.IntFlag{Name: "page"}, 1.5, "a whole number"},
		{&cli.Float64Flag{Name: "rate"}, int64(5000), `["5000"]`},
		{&cli.Float64Flag{Name: "rate"}, 1e6, `["1e+06"]`},
		{&cli.DurationFlag{Name: "timeout"}, int64(3), "a text"},
		{&cli.StringSliceFlag{Name: "pattern-rule"}, []any{"a,b", "c"}, `["a,b" "c"]`},
		{&cli.StringSliceFlag{Name: "pattern-rule"}, []any{}, `[]`},
		{&cli.StringSliceFlag{Name: "pattern-rule"}, "a", "a list of texts"},
		{&cli.StringSliceFlag{Name: "pattern-rule"}, []any{int64(3)}, "a list of texts"},
	}
	for _, tt := range tests {
		texts, want := flagTexts(tt.flag, tt.value)
		got := want
		if want == "" {
			got = fmt.Sprintf("%q", texts)
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s = %v: %s, want %s", tt.flag.Names()[0], tt.value, got, tt.want)
		}
	}
}

func TestConfigMistakes(t *testing.T) {
	app := newApp(nil, nil, nil)
	tests := []struct{ text, want string }{
		{"page = 1\npage = 2", "c.toml:2:1: key page is already defined"},
		{"page = 1\nquiet = yes", "c.toml:2:9"},
		{"[[profile]]\npage = 1", `c.toml:1:3: profile is a command: want a table, [profile]`},
		{"profile = 3", `c.toml:1:1: profile is a command: want a table, [profile]`},
		{"profile = {page = 1, tpo = 3}", `c.toml:1:22: unknown key "tpo" for profile`},
		{"profile.walk.page = 1", `c.toml:1:1: unknown key "walk.page"`},
		{"[profile.walk]", `c.toml:1:2: unknown key "walk" for profile`},
		{"[schema]\nx = 1", `c.toml:1:2: unknown table "schema"`},
		{"config = 'x'", `c.toml:1:1: unknown key "config"`},
		{"report.page = 3", `c.toml:1:1: unknown key "page" for report`},
		{"report.top = 1979-05-27", `c.toml:1:1: top: want a whole number`},
	}
	for _, tt := range tests {
		settings, err := parseConfig("c.toml", []byte(tt.text))
		for _, s := range settings {
			if err == nil {
				err = checkSetting(app, s)
			}
		}
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || exitCode(err) != exitUsage {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	app := newApp(nil, nil, nil)
	f.Add([]byte("url = 'a'\n[profile]\nx.y = {z = [1, {a = 2}]}\n[[report]]\n"))
	f.Add([]byte("profile.db = [0, 3]\n'' = 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		settings, err := parseConfig("c.toml", data)
		for _, s := range settings {
			if err == nil {
				err = checkSetting(app, s)
			}
		}
	})
}
