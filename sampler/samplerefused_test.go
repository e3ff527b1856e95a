package sampler_test

import (
	"fmt"
	"strings"
	"testing"

	"keyprof/sampler"
	"keyprof/sampler/profile"
	"keyprof/scanner/redistest"
)

// Where a stretch of SCAN's way is no fair sample all keys are walked, and the
// profile says why.
func TestSampleRefused(t *testing.T) {
	const keys = 2000
	for name, odd := range map[string]string{
		"a proxy":            "rlec_version:7.4\r\nrun_id:1\r\ncluster_enabled:0",
		"a table for a slot": "run_id:1\r\nredis_mode:cluster\r\ncluster_enabled:1",
		"nobody knows":       "cluster_enabled:0",
	} {
		fake := strange(t, odd, keys)
		o := fast()
		o.Sample = &sampler.SampleSize{Share: 0.1}
		p := collect(t, fake.URL(), o)
		if p.Design.Method != profile.MethodCensus || p.Totals.Keys.Value != keys || !isExact(&p.Totals.Keys) || !warned(p, "sample-refused") {
			t.Errorf("%s: %s of %+v keys, warnings %v", name, p.Design.Method, p.Totals.Keys, p.Warnings)
		}
	}
}

// strange is a server that says something odd of itself. Its cursors are in no order.
func strange(t *testing.T, odd string, keys int) *redistest.Fake {
	t.Helper()
	info := fmt.Sprintf("# Server\r\nredis_version:7.4.0\r\n%s\r\nrole:slave\r\nmaster_link_status:up\r\nmaxmemory_policy:noeviction\r\n# Keyspace\r\ndb0:keys=%d,expires=0\r\n", odd, keys)
	var names []string
	for i := range keys {
		names = append(names, fmt.Sprintf("user:%d", i))
	}
	return redistest.NewFake(t, redistest.FakeOptions{}, func(args []string) string {
		switch strings.ToLower(args[0]) {
		case "info":
			return redistest.Bulk(info)
		case "scan":
			return redistest.ScanPage(0, names...)
		case "type":
			return redistest.Simple("string")
		case "pttl":
			return redistest.Integer(-1)
		case "memory", "object":
			return redistest.Integer(100)
		default:
			return redistest.Simple("OK")
		}
	})
}
