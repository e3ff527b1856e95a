package prom

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"keyprof/report/diff"
	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
)

var ended = time.Date(2026, 3, 2, 8, 10, 12, 500e6, time.UTC)

func exact(n int64) *profile.Estimate { return new(profile.Exact(n)) }

// stats of keys: so many, of so many bytes each; of the keys, a quarter has a TTL
// and half are high-idle.
func stats(keys, size int64) profile.Stats {
	return profile.Stats{
		Probed: keys, Keys: profile.Exact(keys), Bytes: exact(keys * size),
		NoTTLKeys: exact(keys - keys/4), NoTTLBytes: exact((keys - keys/4) * size),
		HighIdleKeys: exact(keys / 2), HighIdleBytes: exact(keys / 2 * size),
		Examples: []profile.Key{}, Largest: []profile.Key{},
	}
}

func namespace(db int, pattern string, keys, size int64) profile.Namespace {
	return profile.Namespace{DB: db, Pattern: pattern, Stats: stats(keys, size)}
}

// whole is a profile with all that there can be, of these namespaces.
func whole(namespaces ...profile.Namespace) *profile.Profile {
	p := &profile.Profile{
		Schema: profile.SchemaVersion, Tool: profile.Tool{Name: profile.ToolName, Version: "1.2.3"}, Label: "shop",
		Began: ended.Add(-10 * time.Minute), Ended: ended, Complete: true, Missing: []profile.Missing{},
		Design: profile.Design{Method: profile.MethodCensus, Fraction: 1, Databases: []int{0}, IdleOverS: 2592000, Patterns: &pattern.Dictionary{Version: pattern.DictionaryVersion, K: pattern.DefaultK}},
		Nodes: []profile.Node{{
			Address: "replica.internal:6379", UsedMemory: new(int64(5 << 30)), Maxmemory: new(int64(8 << 30)), Databases: []profile.Database{},
			Info: map[string]map[string]string{"memory": {"used_memory_rss": "6442450944"}},
		}},
		Namespaces: namespaces, Largest: []profile.Key{}, Warnings: []profile.Warning{},
		Receipt: profile.Receipt{
			Commands: map[string]int64{"scan": 100, "memory usage": 5000}, ElapsedS: 590, MainThreadS: 118, ServerCPUS: new(59.0), MaxLoad: 0.25, Page: 20,
		},
	}
	p.Totals = sumOf(namespaces)
	return p
}

func sumOf(namespaces []profile.Namespace) profile.Stats {
	t := stats(0, 0)
	for _, ns := range namespaces {
		t.Probed += ns.Probed
		t.Keys = profile.Exact(t.Keys.Value + ns.Keys.Value)
		for _, part := range []struct{ to, from *profile.Estimate }{
			{t.Bytes, ns.Bytes}, {t.NoTTLKeys, ns.NoTTLKeys}, {t.NoTTLBytes, ns.NoTTLBytes}, {t.HighIdleKeys, ns.HighIdleKeys}, {t.HighIdleBytes, ns.HighIdleBytes},
		} {
			*part.to = profile.Exact(part.to.Value + part.from.Value)
		}
	}
	return t
}

// comparison has one runway of each kind; the second is known at one rate only.
func comparison() *diff.Comparison {
	return &diff.Comparison{Runways: []diff.Runway{
		{Limit: diff.PoolEmpty, Days: new(10.0), Soonest: new(2.5)},
		{Limit: diff.MaxmemoryFull, Days: new(40.0)},
	}}
}

// read parses a file as node_exporter does: samples as name{label=value,...}. A
// duplicate sample fails the test.
func read(t *testing.T, path string) map[string]float64 {
	t.Helper()
	samples := map[string]float64{}
	for name, family := range families(t, path) {
		for _, m := range family.GetMetric() {
			id := name + labels(m)
			if _, twice := samples[id]; twice {
				t.Errorf("%s is there twice", id)
			}
			if family.GetType() != dto.MetricType_GAUGE || m.TimestampMs != nil {
				t.Errorf("%s is no plain gauge", id)
			}
			samples[id] = m.GetGauge().GetValue()
		}
	}
	return samples
}

func families(t *testing.T, path string) map[string]*dto.MetricFamily {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func labels(m *dto.Metric) string {
	var parts []string
	for _, l := range m.GetLabel() {
		parts = append(parts, l.GetName()+"="+l.GetValue())
	}
	if parts == nil {
		return ""
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

// write writes a profile to a file of its own.
func write(t *testing.T, p *profile.Profile, c *diff.Comparison, top int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyprof.prom")
	if err := WriteFile(path, p, c, Options{Top: top}); err != nil {
		t.Fatal(err)
	}
	return path
}

// names are those of the metrics that have samples.
func names(samples map[string]float64) map[string]bool {
	found := map[string]bool{}
	for id := range samples {
		name, _, _ := strings.Cut(id, "{")
		found[name] = true
	}
	return found
}
