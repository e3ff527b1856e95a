package pattern

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustRules(t *testing.T, texts ...string) *Rules {
	t.Helper()
	rules, err := ParseRules(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestRules(t *testing.T) {
	rules := mustRules(t,
		`^tenant:([^:]+):=tenant:$1:*`,
		`:lock$=locks`,
		`^(?P<app>\w+)/x=${app}_$$`,
		`^a=b$=equals`,
		`^never$=never`,
	)
	for name, want := range map[string]string{
		"tenant:acme:orders:17": "tenant:acme:*",
		"tenant:acme:lock":      "tenant:acme:*", // the first that matches
		"order:17:lock":         "locks",
		"web/x1":                "web_$",
		"a=b":                   "equals",
		"user:17":               "",
		"tenant:\x1b[31m:x":     "tenant:<bin>",
	} {
		if got, _ := rules.Match(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	if diff := cmp.Diff([]string{`^never$=never`}, rules.Unused()); diff != "" {
		t.Errorf("rules that matched nothing (-want +got):\n%s", diff)
	}
}

func TestRulesNameNamespaces(t *testing.T) {
	trie := NewTrie(nil, counters)
	trie.SetRules(mustRules(t, `^user:=people`))
	for _, name := range []string{"user:1", "user:x", "job:1"} {
		trie.At(name).names++
	}
	checkGroups(t, trie, map[string]int{"people": 2, "job:<int>": 1})
}

func TestBadRules(t *testing.T) {
	for _, tt := range []struct {
		rule string
		at   int
		want string
	}{
		{"nothing", 7, "there is no ="},
		{"=x", 0, "REGEX is empty"},
		{"x=", 2, "NAME is empty"},
		{"ab(c=x", 2, "missing closing )"},
		{"aa(?:b=c", 2, "missing closing )"},
		{":3)|a=x", 2, "unexpected )"},
		{"[x]a[x=1", 4, "missing closing ]"},
		{"abc[d=x", 3, "missing closing ]"},
		{"a(b)=x$2", 6, "has 1 capture, not $2"},
		{"a(b)=x$y", 6, "$ must be followed by"},
		{"a=${b}", 2, "has 0 captures, not ${b}"},
		{"a=b\x1b[0m", 3, "printable"},
	} {
		_, err := ParseRules("^fine=fine", tt.rule)
		var bad *RuleError
		if !errors.As(err, &bad) {
			t.Errorf("%q: error %v", tt.rule, err)
			continue
		}
		if bad.Offset != tt.at || !strings.Contains(bad.Reason, tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("at character %d of", tt.at+1)) {
			t.Errorf("%q: wrong at %d, want %d:\n%v", tt.rule, bad.Offset, tt.at, err)
		}
	}
}

// Another's file may hold any number of rules, and short ones that stand for much.
func TestRulesAreBounded(t *testing.T) {
	numbered := func(n int, format string) (texts []string) {
		for i := range n {
			texts = append(texts, fmt.Sprintf(format, i))
		}
		return texts
	}
	if _, err := ParseRules(numbered(MaxRules, `^tenant%d:([^:]+):\d+$=t$1`)...); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	for name, texts := range map[string][]string{
		"300000 rules, but at most 1000":                     numbered(300_000, "^x%d:=y"),
		"a rule has 4097 bytes, but at most 4096":            {strings.Repeat("x", 4095) + "=y"},
		"the first 1 rules are too large when added up":      {`^[\pL\pN]{900}$=x`},
		"the regular expressions of the first 1":             {`((\pL{1,10}){1,10}){1,9}=x`},
		"are too large when added up":                        numbered(MaxRules, `(a|b|c|%d){900}=x`),
		"expression nests too deeply: at character 1 of \"(": {strings.Repeat("(", 1500) + strings.Repeat(")", 1500) + "=x"},
	} {
		if _, err := ParseRules(texts...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %s: %.200v", name, err)
		}
	}
}

// Text longer than any pattern is not a pattern, and is not parsed.
func TestLongTextIsNoPattern(t *testing.T) {
	long := strings.Repeat("a:", 1<<20)
	if elements, ok := defaultDelimiters.Elements(long); ok || elements != nil {
		t.Errorf("%d elements", len(elements))
	}
	if got := defaultDelimiters.RollUp(long, 1<<19); got != long {
		t.Errorf("rolled up to %d bytes", len(got))
	}
}
