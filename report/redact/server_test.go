package redact

import (
	"reflect"
	"testing"

	"keyprof/scanner/throttle"
)

func TestReason(t *testing.T) {
	for s, want := range map[string]string{
		"":           "",
		"not walked": "not walked",
		"SCAN at db.internal:6379: no reply in time":                                                           "no reply in time",
		"12,345 keys of db0 were denied by the user's ACL key patterns":                                        "12,345 keys of db0 were denied by the user's ACL key patterns",
		"12 keys of db0 stalled: not known of them: bytes, ttl":                                                "12 keys of db0 stalled: not known of them: bytes, ttl",
		"SCAN returned 3,541 keys of db0, far fewer than the 60,000 that INFO had before and the 60,000 after": "SCAN returned 3,541 keys of db0, far fewer than the 60,000 that INFO had before and the 60,000 after",
		"1 keys of db3 have names too long to ask about":                                                       "1 keys of db3 have names too long to ask about",
		"not scanned": "not scanned",
		"12 keys of db0 stalled (not measured: bytes, ttl)":             "12 keys of db0 stalled (not measured: bytes, ttl)",
		"1 keys of db3 have names too long to request":                  "1 keys of db3 have names too long to request",
		"the role changed from replica to primary during the scan":      "the role changed from replica to primary during the scan",
		"NOPERM this user has no permissions to access 'user:alice'":    "the server answered NOPERM",
		"selecting database 3 at h:1: ERR unknown command 'SELECT' 'x'": "the server answered ERR",
		"malformed reply: got \"user:alice\", expected a bulk string":   redactedText,
		"alice": redactedText,
	} {
		if got := Reason(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"that lies beyond the server's idle horizon":                                 "that lies beyond the server's idle horizon",
		`the server answered "say \"alice\" twice"; to allow it: ACL SETUSER bob +x`: "the server answered …; to allow it: ACL SETUSER <user> +x",
		"ERR unknown command 'MEMORY', with args beginning with: 'USAGE' 'user:alic": "ERR unknown command …",

		"changed from 'a' to `b`": "changed from … to …",
		`an open "quote`:          "an open …",
	} {
		if got := Text(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestInfo(t *testing.T) {
	got := info(map[string]map[string]string{
		"memory":  {"used_memory": "17", "used_memory_human": "1.5M", "mem_allocator": "jemalloc-5.3.0", "maxmemory_policy": "keys of alice"},
		"server":  {"tcp_port": "6379", "executable": "/home/alice/redis", "redis_version": "7.2.4", "bind": "10.0.0.1"},
		"modules": {"module": "name=alice"},
	})
	want := map[string]map[string]string{
		"memory": {"used_memory": "17", "used_memory_human": "1.5M", "mem_allocator": "jemalloc-5.3.0"},
		"server": {"redis_version": "7.2.4"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The causes of brakes are our own words: redaction leaves them.
func TestBrakesSurviveRedaction(t *testing.T) {
	for _, cause := range throttle.PauseReasons() {
		if got := Reason(cause); got != cause {
			t.Errorf("%q became %q", cause, got)
		}
	}
	if Reason("a key") == "a key" {
		t.Error("a cause that is not ours passes")
	}
}
