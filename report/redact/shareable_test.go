package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyprof/report"
	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

var redactOptions = Options{Key: []byte("of a test"), Rare: DefaultRare}

var defaultGrouping = aggregate.Grouping{Limit: aggregate.DefaultNamespaceLimit}

// drawObservation makes an observation of any outcome, without a name.
func drawObservation(t *rapid.T) aggregate.Observation {
	o := aggregate.Observation{
		Outcome: rapid.SampledFrom([]aggregate.Outcome{aggregate.Measured, aggregate.Measured, aggregate.Stalled, aggregate.Vanished, aggregate.Denied}).Draw(t, "outcome"),
		Type:    rapid.SampledFrom([]string{"string", "hash", ""}).Draw(t, "type"),
	}
	if o.HasBytes = rapid.Bool().Draw(t, "has bytes"); o.HasBytes {
		o.Bytes = rapid.Int64Range(0, 1<<40).Draw(t, "bytes")
	}
	if o.NoTTL = rapid.Bool().Draw(t, "no TTL"); !o.NoTTL {
		o.HasTTL, o.TTLMillis = true, rapid.Int64Range(0, 1<<62).Draw(t, "TTL")
	}
	if o.HasIdle = rapid.Bool().Draw(t, "has idle"); o.HasIdle {
		o.IdleS = rapid.Int64Range(0, 1<<24).Draw(t, "idle")
	}
	if o.HasFreq = rapid.Bool().Draw(t, "has freq"); o.HasFreq {
		o.Freq = rapid.Int64Range(0, 255).Draw(t, "freq")
	}
	return o
}

// built is the profile of keys in database 1, and of half of them in database 2.
func built(g aggregate.Grouping, keys []aggregate.Observation) *profile.Profile {
	b := aggregate.NewBuilder(g, 1<<20)
	b.Add(&aggregate.Page{DB: 1, Keys: keys})
	b.Add(&aggregate.Page{DB: 2, Keys: keys[:len(keys)/2]})
	var p profile.Profile
	b.Fill(&p, aggregate.Measures{Bytes: true, TTL: true, Idle: true, Freq: true, Types: true, HighIdle: true, Since: profile.IdleSinceAccess, HorizonS: 1 << 20})
	return &p
}

func inJSON(t rapid.TB, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// variablePart generates the parts of a name that are data; no figure looks like them
// by chance.
var variablePart = rapid.Custom(func(t *rapid.T) string {
	form := rapid.SampledFrom([]string{
		"zq%s", "Zq%sQx", "zq-%s", "7135%s77135", "zq%s@qzmail.example", "c0ffee00-zq%s", "zqé%s", "zq'%s", "%s%%3Azqzq", "\xff\xfezqzq%s", "\x1b[31mzqzq%s",
	}).Draw(t, "form")
	return fmt.Sprintf(form, rapid.StringMatching(`[a-z]{2,6}|[0-9]{6,9}`).Draw(t, "text"))
})

// drawParts draws a name, and the parts of it that must not be seen.
func drawParts(t *rapid.T) (name string, parts []string) {
	template := rapid.SampledFrom([]string{
		"user:%s:cart", "user:%s", "%s", "a/%s/%s", "resque:status:%s", "views_%s-%s", "{%s}:x", "%s:orders:12", "session:%s:" + strings.Repeat("long", 300),
	}).Draw(t, "template")
	args := make([]any, strings.Count(template, "%s"))
	for i := range args {
		part := variablePart.Draw(t, "part")
		args[i], parts = part, append(parts, part)
	}
	return fmt.Sprintf(template, args...), parts
}

// outputs are a profile in all forms that it is shown in.
func outputs(t *rapid.T, p *profile.Profile) map[report.Format]string {
	all := map[report.Format]string{}
	for _, format := range report.Formats() {
		var b bytes.Buffer
		if err := report.Write(&b, p, report.Options{Format: format, Top: -1, Width: 10_000}); err != nil {
			t.Fatal(err)
		}
		all[format] = b.String()
	}
	return all
}

// asServed adds to a profile of keys what a server says of itself, with names
// wherever it may quote some.
func asServed(p *profile.Profile, name string) {
	p.Schema, p.Tool = profile.SchemaVersion, profile.Tool{Name: profile.ToolName, Version: "test"}
	p.Began = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	p.Ended, p.Label = p.Began, "zqlabel"
	name = strings.ToValidUTF8(name, "")
	answer := "ERR unknown command 'MEMORY', with args beginning with: 'USAGE' '" + name + "'"
	p.Design.Method, p.Design.Databases = profile.MethodCensus, []int{1, 2}
	p.Design.Match, p.Design.PatternRules = name, []string{name + "=zqrule"}
	p.Missing = []profile.Missing{{Measure: profile.MeasureFreq, Node: "zqhost:6379", Reason: answer, Remedy: "ACL SETUSER zquser +object|freq"}}
	p.Nodes = []profile.Node{{
		Address: "zqhost:6379", Role: profile.RolePrimary, RunID: "zqrunid", ReplID: "zqreplid", Incomplete: "MEMORY at zqhost:6379: " + answer,
		Databases: []profile.Database{{DB: 1, Incomplete: answer}},
		Info: map[string]map[string]string{
			"server":      {"config_file": "/etc/" + name, "redis_version": "7.2.4", "tcp_port": "64646"},
			"replication": {"slave0": "ip=10.66.77.88,port=1", "connected_slaves": "1", "master_host": "zqhost"},
			"keyspace":    {"db0": "keys=1,expires=0,avg_ttl=0", "db1": name},
			"search":      {"index_" + name: "7"},
		},
	}}
	p.Warnings = []profile.Warning{
		{Code: "measure-refused", Scope: "zqhost:6379", Text: fmt.Sprintf("freq was not measured: the server answered %q; to allow it: ACL SETUSER zquser +object|freq", answer)},
		{Code: "rule-unused", Scope: name, Text: "this pattern rule matched no key"},
		{Code: "some-later-code", Scope: name, Text: "the key " + name + " is odd"},
	}
	p.Receipt.Commands = map[string]int64{}
	p.Receipt.Waits = []profile.Wait{{Cause: "dial tcp 10.66.77.88:1: " + answer, Count: 1}}
}

// No part of a name that is data, nor anything that identifies the server, is
// in what is printed or written; and all figures of the whole stay.
func TestRedactedProfilesTellNoData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []aggregate.Observation
		secrets := []string{"zqlabel", "zqhost", "zquser", "zqrule", "zqrunid", "zqreplid", "10.66.77.88", `"64646"`}
		for range rapid.IntRange(1, 60).Draw(t, "keys") {
			o := drawObservation(t)
			name, parts := drawParts(t)
			o.Name = name
			keys, secrets = append(keys, o), append(secrets, parts...)
		}
		p := built(defaultGrouping, keys)
		asServed(p, keys[0].Name)
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		before := inJSON(t, p)
		shown, _, err := Profile(p, redactOptions)
		if err != nil {
			t.Fatal(err)
		}
		if inJSON(t, p) != before {
			t.Fatal("redacting has changed the profile")
		}
		if shown.Totals.Keys != p.Totals.Keys && shown.Totals.Keys.Value != p.Totals.Keys.Value || !shown.Design.Redacted {
			t.Fatal("figures have changed, or the profile is not marked")
		}
		for format, text := range outputs(t, shown) {
			for _, secret := range secrets {
				// Control characters and invalid bytes are escaped in print.
				secret = strings.TrimPrefix(strings.TrimPrefix(secret, "\xff\xfe"), "\x1b[31m")
				if len(secret) >= 4 && strings.Contains(text, secret) {
					t.Fatalf("%q is in the report as %s:\n%s", secret, format, text)
				}
			}
		}
		var saved bytes.Buffer
		if err := profile.Write(&saved, shown, profile.Plain); err != nil {
			t.Fatal(err)
		}
		again, err := profile.Read(&saved)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Profile(again, redactOptions); err != nil { // what is redacted can be redacted
			t.Fatal(err)
		}
	})
}

// names are observations of so many names of each template.
func names(templates map[string]int) (keys []aggregate.Observation) {
	for template, n := range templates {
		for i := range n {
			keys = append(keys, aggregate.Observation{Name: strings.ReplaceAll(template, "%d", fmt.Sprint(1000+i)), HasBytes: true, Bytes: 100, Type: "string"})
		}
	}
	return keys
}

// rowsOf returns the redacted namespaces of database 1, with their keys.
func rowsOf(t *testing.T, g aggregate.Grouping, keys []aggregate.Observation) string {
	t.Helper()
	p := built(g, keys)
	p.Design.PatternRules = g.Rules.Texts()
	shown, _, err := Profile(p, redactOptions)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, ns := range shown.Namespaces {
		if ns.DB == 1 {
			rows = append(rows, fmt.Sprintf("%s %d", ns.Pattern, ns.Keys.Value))
		}
	}
	return strings.Join(rows, ", ")
}

func TestRedactedNamespaces(t *testing.T) {
	rules, err := pattern.ParseRules(`^tenant:([^:]+):=tenant:$1:*`, `^vip=cost $$5`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		names map[string]int
		rules *pattern.Rules
		want  string
	}{
		{"words of the software stay", map[string]int{"resque:failed": 1, "sidekiq:queue:%d": 3}, nil, "resque:failed 1, sidekiq:queue:<int> 3"},
		{"frequent words stay", map[string]int{"basket:%d": 100, "bin:%d": 30}, nil, "<*>:<int> 30, basket:<int> 100"},
		{"users with few keys are joined", map[string]int{"basket:alice:%d": 40, "basket:bob:%d": 40, "basket:carol": 1}, nil, "basket:<*> 1, basket:<*>:<int> 80"},
		{"what is behind them is told together", map[string]int{"user:alice:basket:%d": 40, "user:bob:basket:%d": 40, "user:bob:zebra": 1}, nil, "user:<*>:<*> 1, user:<*>:basket:<int> 80"},
		{"tenants repeat their words", map[string]int{"acme:orders:%d": 200, "globex:orders:%d": 200, "initech:orders:%d": 200, "hooli:orders:%d": 200, "basket:%d": 200}, nil, "<*>:orders:<int> 800, basket:<int> 200"},
		{"a rule's own words stay", map[string]int{"tenant:acme:x": 5, "tenant:globex:y": 5, "vip": 1}, rules, "cost $5 1, tenant:<*>:* 10"},
	} {
		g := defaultGrouping
		g.Rules = tt.rules
		if got := rowsOf(t, g, names(tt.names)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A name's token is the same wherever the name stands, and another in each run.
func TestTokensTellNamesApart(t *testing.T) {
	p := built(defaultGrouping, names(map[string]int{"user:%d": 40, "user:list": 1}))
	first, _, err := Profile(p, redactOptions)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := Profile(p, Options{Key: []byte("of another run"), Rare: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Largest) < 20 {
		t.Fatalf("%d largest keys", len(first.Largest))
	}
	seen := map[string]string{}
	for i, k := range first.Largest {
		raw := p.Largest[i].Name
		if before, met := seen[k.Name]; met && before != raw {
			t.Errorf("%s and %s are both %s", before, raw, k.Name)
		}
		seen[k.Name] = raw
		if same := k.Name == other.Largest[i].Name; same != (raw == "user:list") {
			t.Errorf("%s is %s in both runs: %v", raw, k.Name, same)
		}
	}
	for _, k := range slices.Concat(first.Namespaces[0].Largest, first.Namespaces[1].Examples, first.Totals.Examples) {
		if seen[k.Name] == "" {
			t.Errorf("%s is called otherwise among the largest of all", k.Name)
		}
	}
}

func TestRedactedNameGroups(t *testing.T) {
	groups := aggregate.GroupNames(slices.Values([]string{"user:alice", "user:bob", "queue:zebra:17", "resque:failed"}), defaultGrouping)
	if err := NameGroups(groups, redactOptions, nil); err != nil {
		t.Fatal(err)
	}
	text := inJSON(t, groups)
	for _, secret := range []string{"alice", "bob", "zebra", ":17"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	if len(groups.Namespaces) != 3 || !strings.Contains(text, `"resque:failed"`) {
		t.Errorf("namespaces: %s", text)
	}
}
