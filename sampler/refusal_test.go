package sampler_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// refusal describes a profile made without some commands.
type refusal struct {
	commands   []string // as ACL names them
	missing    []profile.Measure
	warning    string // code of a warning; empty: none is expected for this
	incomplete bool
}

// refusals are all commands that a scan can do without, each alone, and all of
// them together but for the least that says something about a key.
var refusals = []refusal{
	{},
	{commands: []string{"memory|usage"}, missing: []profile.Measure{profile.MeasureBytes}, warning: "measure-refused"},
	{commands: []string{"pttl"}, missing: []profile.Measure{profile.MeasureTTL}, warning: "measure-refused"},
	{commands: []string{"object|idletime"}, missing: []profile.Measure{profile.MeasureIdle}, warning: "measure-refused"},
	{commands: []string{"type"}, missing: []profile.Measure{profile.MeasureType}, warning: "measure-refused"},
	{commands: []string{"object|refcount"}, warning: "shared-integers"},
	{commands: []string{"object|freq"}},
	{commands: []string{"info"}, warning: "info-refused", incomplete: true},
	{commands: []string{"select"}, incomplete: true},
	{commands: []string{"ping"}},
	{commands: []string{"client|setname"}},
	{
		commands: []string{"pttl", "object|idletime", "object|freq", "object|refcount", "memory|usage", "info", "select", "ping", "client|setname"},
		missing:  []profile.Measure{profile.MeasureBytes, profile.MeasureTTL, profile.MeasureIdle, profile.MeasureFreq},
		warning:  "measure-refused", incomplete: true,
	},
}

// figures returns those of database 0 that a refusal may take away, and none may change.
func figures(p *profile.Profile) map[string]int64 {
	f := map[string]int64{}
	for _, n := range p.Namespaces {
		if n.DB != 0 {
			continue
		}
		f["keys in "+n.Pattern] = n.Keys.Value
		for name, e := range map[string]*profile.Estimate{"bytes": n.Bytes, "ttl": n.NoTTLKeys} {
			if e != nil {
				f[name+" in "+n.Pattern] = e.Value
			}
		}
		for name, s := range n.Types {
			f["type "+name+" in "+n.Pattern] = s.Keys
		}
	}
	return f
}

// fillForRefusals makes keys of several types, with and without a TTL.
func fillForRefusals(t *testing.T, client *redis.Client) {
	t.Helper()
	ctx := context.Background()
	piped(t, client, func(pipe redis.Pipeliner) {
		for i := range 200 {
			pipe.Set(ctx, fmt.Sprintf("page:%d", i), strings.Repeat("x", i), 0)
			pipe.Set(ctx, fmt.Sprintf("hits:%d", i), i, time.Hour)
			pipe.RPush(ctx, fmt.Sprintf("jobs:%d", i), "a", "b")
		}
	})
}

// check compares a profile with one of a user who may do all, of which it may
// lack what is missing and nothing else.
func (r refusal) check(t *testing.T, all, p *profile.Profile) {
	t.Helper()
	missing := []profile.Measure{}
	for _, m := range p.Missing {
		missing = append(missing, m.Measure)
	}
	slices.Sort(missing)
	if want := slices.Sorted(slices.Values(r.missing)); !slices.Equal(missing, want) || p.Complete == r.incomplete {
		t.Errorf("missing %v, want %v; complete %v (%s)", missing, want, p.Complete, p.Nodes[0].Incomplete)
	}
	if r.warning != "" && !warned(p, r.warning) {
		t.Errorf("warnings %v, want %s", p.Warnings, r.warning)
	}
	want := figures(all)
	maps.DeleteFunc(want, func(name string, _ int64) bool {
		return slices.ContainsFunc(missing, func(m profile.Measure) bool { return strings.HasPrefix(name, string(m)) })
	})
	if diff := cmp.Diff(want, figures(p)); diff != "" {
		t.Errorf("figures of a user who may do all (-), of this one (+):\n%s", diff)
	}
	checkSums(t, p)
}

func TestEachCommandRefusedByACL(t *testing.T) {
	server := redistest.New(t)
	fillForRefusals(t, server.Client())
	do(t, server.ClientDB(3), "set", "elsewhere", "x")
	all := collect(t, server.SocketURL(), fast())
	for _, r := range refusals {
		t.Run(strings.Join(r.commands, " "), func(t *testing.T) {
			rules := slices.DeleteFunc(slices.Clone(fullRules), func(rule string) bool {
				return slices.Contains(r.commands, strings.TrimPrefix(rule, "+"))
			})
			r.check(t, all, collect(t, aclUser(t, server, rules...), small()))
		})
	}
}

// A provider takes commands away for everybody, with all their subcommands.
func TestEachCommandRenamedAway(t *testing.T) {
	reference := redistest.New(t)
	fillForRefusals(t, reference.Client())
	all := collect(t, reference.SocketURL(), fast())
	for _, r := range []refusal{
		{commands: []string{"memory"}, missing: []profile.Measure{profile.MeasureBytes}, warning: "measure-refused"},
		{commands: []string{"pttl"}, missing: []profile.Measure{profile.MeasureTTL}, warning: "measure-refused"},
		{commands: []string{"type"}, missing: []profile.Measure{profile.MeasureType}, warning: "measure-refused"},
		{commands: []string{"object"}, missing: []profile.Measure{profile.MeasureIdle}, warning: "measure-refused"},
		{commands: []string{"info"}, warning: "info-refused", incomplete: true},
		{commands: []string{"hello", "client", "select"}},
	} {
		t.Run(strings.Join(r.commands, " "), func(t *testing.T) {
			var args []string
			for _, c := range r.commands {
				args = append(args, "--rename-command", c, "")
			}
			server := redistest.New(t, args...)
			fillForRefusals(t, server.Client())
			r.check(t, all, collect(t, server.SocketURL(), small()))
		})
	}
}
