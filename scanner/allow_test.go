package scanner

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"keyprof/scanner/info"
)

func nodeOf(version string) info.Node {
	return info.Node{Info: info.Parse("# Server\r\n" + version + "\r\n")}
}

// The ACL rule grants all that may be sent to this version, and no more.
func TestACLNewUser(t *testing.T) {
	tests := []struct {
		version, keys string
	}{
		{"redis_version:6.0.16", "prof on >PASSWORD ~* -@all +"},
		{"redis_version:6.2.14", "prof on >PASSWORD ~* -@all +"},
		{"redis_version:7.0.15", "prof on >PASSWORD resetkeys resetchannels -@all %R~* +"},
		{"redis_version:7.2.0", "prof on >PASSWORD resetkeys resetchannels -@all %R~* +"},
		{"redis_version:7.2.4\r\nvalkey_version:8.0.1", "prof on >PASSWORD resetkeys resetchannels -@all %R~* +"},
		{"redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nrun_id:c0ffee\r\ncluster_enabled:1", "prof on >PASSWORD resetkeys resetchannels -@all %R~* +"},
		{"used_memory:1", "prof on >PASSWORD ~* -@all +"},
	}
	for _, tt := range tests {
		rule := ACLNewUser(nodeOf(tt.version))
		if !strings.HasPrefix(rule, "ACL SETUSER "+tt.keys) {
			t.Errorf("%s: %s", tt.version, rule)
		}
		var commands []string
		for word := range strings.FieldsSeq(rule) {
			if command, ok := strings.CutPrefix(word, "+"); ok {
				commands = append(commands, strings.ReplaceAll(command, "|", " "))
			}
		}
		want := slices.DeleteFunc(AllowedCommands(), func(c string) bool {
			return strings.HasPrefix(c, "cluster ") && !strings.Contains(tt.version, "cluster_enabled:1")
		})
		if !slices.Equal(commands, want) {
			t.Errorf("%s allows %q", tt.version, commands)
		}
	}
}

// CLIENT NO-TOUCH crashes Redis 8.0 and Valkey 8.1 while a slot is migrated.
func TestNoTouchIsNeverSent(t *testing.T) {
	if Allowed("client no-touch") {
		t.Error("CLIENT NO-TOUCH may be sent")
	}
}

func TestEveryProbeIsAllowed(t *testing.T) {
	for probe := range numProbes {
		if !Allowed(Probe(probe).String()) {
			t.Errorf("%s is a probe and not on the allow-list", Probe(probe))
		}
	}
}

func TestAllowlistRefuses(t *testing.T) {
	l := newAllowlist()
	for _, name := range []string{"get", "memory doctor", "memory", "object", "config get", "flushall", "SCAN", ""} {
		if err := l.permit(name, 1); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if len(l.counts()) != 0 {
		t.Errorf("counted %v", l.counts())
	}
}
