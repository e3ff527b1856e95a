package scanner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		url              string
		network, address string
		user, password   string
		db               int // -1: none
		tls              bool
		serverName       string
	}{
		{url: "redis://10.0.0.1", network: "tcp", address: "10.0.0.1:6379", db: -1},
		{url: "redis://", network: "tcp", address: "127.0.0.1:6379", db: -1},
		{url: "redis://cache.internal:7000/3", network: "tcp", address: "cache.internal:7000", db: 3},
		{url: "redis://[::1]:6380/", network: "tcp", address: "[::1]:6380", db: -1},
		{url: "redis://:s3cret@h", network: "tcp", address: "h:6379", password: "s3cret", db: -1},
		{url: "redis://prof:p%40ss%2Fword@h/0", network: "tcp", address: "h:6379", user: "prof", password: "p@ss/word", db: 0},
		{url: "rediss://db.example.com:6380", network: "tcp", address: "db.example.com:6380", db: -1, tls: true, serverName: "db.example.com"},
		{url: "rediss://[::1]", network: "tcp", address: "[::1]:6379", db: -1, tls: true, serverName: "::1"},
		{url: "unix:///run/redis.sock", network: "unix", address: "/run/redis.sock", db: -1},
		{url: "unix://u:p@/run/redis.sock?db=2", network: "unix", address: "/run/redis.sock", user: "u", password: "p", db: 2},
		{url: "localhost:6380", network: "tcp", address: "localhost:6380", db: -1},
		{url: "cache.internal/2", network: "tcp", address: "cache.internal:6379", db: 2},
		{url: "/run/redis.sock", network: "unix", address: "/run/redis.sock", db: -1},
		{url: "redis://h?db=5", network: "tcp", address: "h:6379", db: 5},
	}
	for _, tt := range tests {
		got, err := ParseURL(tt.url)
		if err != nil {
			t.Errorf("ParseURL(%q): %v", tt.url, err)
			continue
		}
		db := -1
		if got.DB != nil {
			db = *got.DB
		}
		if got.Network != tt.network || got.Address != tt.address || got.Username != tt.user || string(got.Password) != tt.password || db != tt.db {
			t.Errorf("ParseURL(%q) = %s %s user %q password %q db %d", tt.url, got.Network, got.Address, got.Username, string(got.Password), db)
		}
		if (got.TLS != nil) != tt.tls || tt.tls && got.TLS.ServerName != tt.serverName {
			t.Errorf("ParseURL(%q): TLS %v", tt.url, got.TLS)
		}
	}
}

func TestParseURLRefusesWithoutRepeatingThePassword(t *testing.T) {
	for _, url := range []string{
		"http://h", "://h", "localhost:port", "redis://:hunter2@h:99999", "redis://:hunter2@h:0", "redis://:hunter2@h/x",
		"redis://:hunter2@h/-1", "redis://:hunter2@h/0/1", "redis://:hunter2@h?protocol=3", "redis://:hunter2@h/1?db=2",
		"redis://:hunter2%zz@h", "redis://:hun#ter2@h:port", "redis://u:hunter2@h:hunter2", "unix://", "unix://:hunter2@?db=1",
		"redis://:12/hunter2@host/0", "redis://a/hunter2@host", "redis://:123?hunter2=x@h", "redis://:6379#hunter2@other:6379", "hunter2://h",
		"redis-sentinel://h", "redis://:hunter2 @h\x00", "redis://[::1",
	} {
		_, err := ParseURL(url)
		var bad *URLError
		if !errors.As(err, &bad) {
			t.Errorf("ParseURL(%q): %v, want a *URLError", url, err)
			continue
		}
		if bad.Hint == "" {
			t.Errorf("ParseURL(%q): no hint", url)
		}
		if strings.Contains(bad.Error()+bad.Hint, "hunter2") {
			t.Errorf("ParseURL(%q) repeats the password: %v", url, bad)
		}
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	target := Target{Password: "hunter2"}
	for _, text := range []string{fmt.Sprint(target), fmt.Sprintf("%+v", target), fmt.Sprintf("%#v", target), fmt.Sprintf("%s %v %q", target.Password, target.Password, target.Password)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password shows in %s", text)
		}
	}
}

func TestParseDatabases(t *testing.T) {
	for list, want := range map[string][]int{"": nil, "all": nil, "0": {0}, "3,0, 7": {3, 0, 7}} {
		if got, err := ParseDatabases(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseDatabases(%q) = %v, %v; want %v", list, got, err, want)
		}
	}
	for _, list := range []string{"x", "-1", "0,0", "1,", ",", "0 1"} {
		if got, err := ParseDatabases(list); err == nil {
			t.Errorf("ParseDatabases(%q) = %v, want an error", list, got)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, url := range []string{"redis://u:p@h:1/2", "rediss://[::1]/?db=1", "unix:///a?db=0", "redis://%zz"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		target, err := ParseURL(url)
		if err != nil {
			var bad *URLError
			if !errors.As(err, &bad) || bad.Hint == "" {
				t.Fatalf("ParseURL(%q): %v is no *URLError with a hint", url, err)
			}
			return
		}
		if target.Address == "" || target.Network != "tcp" && target.Network != "unix" || target.DB != nil && *target.DB < 0 {
			t.Fatalf("ParseURL(%q) = %+v", url, target)
		}
	})
}
