package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Imports go one way: what may import what of ours. Test support is left out.
var layers = map[string][]string{
	"keyprof/scanner/info":     {},
	"keyprof/scanner/throttle": {},
	"keyprof/scanner":          {"keyprof/scanner/throttle"},
	"keyprof/sampler/packed":   {},
	"keyprof/sampler/profile":  {"keyprof/sampler/packed"},
	"keyprof/sampler/pattern":  {},
	"keyprof/sampler/estimate": {"keyprof/sampler/packed", "keyprof/sampler/profile"},
	"keyprof/sampler/redact":   {"keyprof/sampler/packed", "keyprof/sampler/profile", "keyprof/sampler/pattern"},
	"keyprof/sampler/checkup":  {"keyprof/sampler/packed", "keyprof/sampler/profile"},
	"keyprof/sampler/history":  {"keyprof/sampler/packed", "keyprof/sampler/profile"},
	"keyprof/sampler":          {"keyprof/scanner", "keyprof/scanner/throttle", "keyprof/sampler/checkup", "keyprof/sampler/estimate", "keyprof/sampler/packed", "keyprof/sampler/profile", "keyprof/sampler/pattern", "keyprof/sampler/redact"},
	"keyprof/report/unit":      {},
	"keyprof/report/diff":      {"keyprof/report/unit", "keyprof/sampler/packed", "keyprof/sampler/profile"},
	"keyprof/report/alarm":     {"keyprof/report/unit", "keyprof/report/diff", "keyprof/sampler/packed", "keyprof/sampler/profile"},
	"keyprof/report":           {"keyprof/report/unit", "keyprof/report/diff", "keyprof/sampler/estimate", "keyprof/sampler/checkup", "keyprof/sampler/packed", "keyprof/sampler/profile"},
	"keyprof/report/prom":      {"keyprof/report", "keyprof/sampler/estimate", "keyprof/report/diff", "keyprof/report/unit", "keyprof/sampler/checkup", "keyprof/sampler/packed", "keyprof/sampler/profile"},
}

// foreign are packages that a layer must not come to depend on.
var foreign = map[string][]string{
	"keyprof/report/alarm":    {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/diff":     {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report/prom":     {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/report":          {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/profile": {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/pattern": {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/redact":  {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler/history": {"github.com/redis/go-redis", "github.com/urfave/cli"},
	"keyprof/sampler":         {"github.com/urfave/cli"},
	"keyprof/scanner":         {"github.com/urfave/cli"},
}

// pure may be imported by every layer above it: it reads text and nothing else.
const pure = "keyprof/scanner/info"

func TestImportsGoOneWay(t *testing.T) {
	for layer, allowed := range layers {
		out, err := exec.Command("go", "list", "-deps", layer).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if strings.HasPrefix(dep, "keyprof") && dep != layer && dep != pure && !slices.Contains(allowed, dep) {
				t.Errorf("%s imports %s", layer, dep)
			}
			for _, prefix := range foreign[layer] {
				if strings.HasPrefix(dep, prefix) {
					t.Errorf("%s depends on %s", layer, dep)
				}
			}
		}
	}
}
