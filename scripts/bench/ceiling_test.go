package main

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyprof/sampler"
	"keyprof/scanner"
	"keyprof/scanner/redistest"
	"keyprof/scanner/throttle"
)

// The ceiling asks about every key what keyprof asks, and nothing else.
func TestCeilingAsksWhatKeyprofAsks(t *testing.T) {
	const keys = 5000
	server := seeded(t, keys)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	asked := askedBy(t, server, func() {
		run, err := (&tools{self: self}).ceiling(socketLink(server, keys)).run(t.Context())
		if err != nil || run.Keys < keys || run.Keys > keys+200 { // where the ranges meet some are walked twice
			t.Errorf("the ceiling walked %d of %d keys: %v", run.Keys, keys, err)
		}
	})
	byKeyprof := askedBy(t, server, func() { census(t, server) })
	for _, probe := range []string{"memory usage", "pttl", "object idletime", "type", "object refcount"} {
		ceiling, keyprof := distinct(asked[probe]), distinct(byKeyprof[probe])
		more := len(keyprof) - len(ceiling)
		if rehearsed := 20; probe == "object refcount" {
			more = max(0, more-rehearsed) // before the scan keyprof measures some keys of any size
		}
		maps.DeleteFunc(ceiling, func(key string, _ bool) bool { return keyprof[key] })
		if more != 0 || len(ceiling) > 0 {
			t.Errorf("keyprof asks for %s of %d keys more, and the ceiling of %d that keyprof does not ask for", probe, more, len(ceiling))
		}
	}
	if got := len(distinct(asked["memory usage"])); got != keys {
		t.Errorf("%d of %d keys were asked about", got, keys)
	}
	for command := range asked {
		if !scanner.Allowed(command) {
			t.Errorf("it sent %s", command)
		}
	}
	if pages, most := len(asked["scan"]), keys/50; pages > most {
		t.Errorf("%d pages", pages)
	}
}

// askedBy returns the last argument of all that a server was asked, by command.
func askedBy(t *testing.T, server *redistest.Server, work func()) map[string][]string {
	t.Helper()
	monitor := redistest.NewMonitor(t, server)
	work()
	commands, err := monitor.Stop()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string][]string{}
	for _, c := range commands {
		name := c[0]
		switch name {
		case "memory", "object", "client":
			name += " " + strings.ToLower(c[1])
		}
		asked[name] = append(asked[name], c[len(c)-1])
	}
	return asked
}

func distinct(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

func census(t *testing.T, server *redistest.Server) {
	t.Helper()
	target, err := scanner.ParseURL(server.SocketURL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := scanner.Connect(t.Context(), target, scanner.DefaultTimeout, scanner.RetryPolicy{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := sampler.Collect(t.Context(), conn, sampler.Options{MaxLoad: 1, Page: throttle.FullSpeedPage, Workers: 1})
	if err != nil || !p.Complete {
		t.Fatal(p, err)
	}
}

func TestCeilingOfAnEmptyServer(t *testing.T) {
	server := redistest.New(t)
	if n, err := walkCeiling("unix", server.Socket()); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
}

// Names may hold anything, and be longer than what is read at once.
func TestCeilingReadsAnyName(t *testing.T) {
	server := redistest.New(t)
	names := []string{"a\r\nb", "", strings.Repeat("long", 50_000)}
	for i, name := range names {
		if err := server.Client().Set(t.Context(), name, strconv.Itoa(i), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	asked := askedBy(t, server, func() {
		if n, err := walkCeiling("unix", server.Socket()); err != nil || n < 3 {
			t.Errorf("%d keys, %v", n, err)
		}
	})
	got := slices.Sorted(maps.Keys(distinct(asked["type"])))
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("asked about %.40q", got)
	}
}

func TestCeilingEndsOnErrors(t *testing.T) {
	server := redistest.New(t, "--requirepass", "s3cret")
	if _, err := walkCeiling("unix", server.Socket()); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("error = %v", err)
	}
}
