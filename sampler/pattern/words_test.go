package pattern

import (
	"math/rand/v2"
	"strings"
	"testing"

	"keyprof/sampler/pattern/patterntest"
)

// TestWordsStay lists names that people choose and that look a little like
// random tokens or numbered words. They stay as they are.
func TestWordsStay(t *testing.T) {
	for word := range strings.FieldsSeq(`
		user profile oauth2 utf8 utf8mb4 utf16 base64 base62 ipv4 ipv6 ip6 sha1 sha256 sha256sum useSha256 md5
		md5hash s3 s3Bucket ec2 v2 V2 v12 i18n l10n a11y k8s mp3 mp4 h264 h265enc wp_ laravel_database x509 rl6
		userProfile ProductViewHistory HTTPServer2 XMLHttpRequest getElementById APIKeys iOSApp eCommerce
		linux_amd64 arm64 win32 log4j2 neo4j web3js p2p b2b B2BSales e2eTests c3p0 r2d2 2fa 3d 24h 7d 30d 1st
		csv2sql img2pptx face2face deadbeef cafebabe facade decade defaced added qwerty vkontakte xkcd rhythm
		en-US pt_BR zh-Hans BTC-USD BTCUSDT EURUSD PHPSESSID GLOBAL_CONFIG __heartbeats__ _kombu Przybylski
		Szczecin Schwarzschild Worcestershire strengths crwth wxyz django.contrib jsonrpc2 grpcweb protobuf3
		covid19 iso8601 rfc3339 hs256 rs512 int64 float32 crc32 aes128 murmur3 blake2b tls13 jdk17 py312 es2015
		OAuth2AuthorizationCode1 Sha256WithRSAEncryption2 Top100ProductsByCountry1 HTTPServer2XMLParser
		x86 vp9 av1 html5 css3 jQuery3 node.js vue3 web2 oauth2client OAuth2Client Utf8String Base64Encoder
	`) {
		if got := Of(word); got != word {
			t.Errorf("pattern of %q is %q", word, got)
		}
	}
}

// TestRandomTokens lists random tokens as they are written in the wild.
func TestRandomTokens(t *testing.T) {
	for token := range strings.FieldsSeq(`
		dQw4w9WgXcQ 9bZkp7q19f0 x7Gk2Qa aZ3kP9x Ab3xY9z 8f3kD02jKs u4pruydqqvj 0q4q7pv4c2hfs6r6gd2n1ua0b3
		V1StGXR8Z5jdHi6BAAAA clh3v0p1s0000mjrz8q1r2t5w tz4a98xxat96iws9zmbrgj3a 9m4e2mr0ui3e8a215n4g
		41mBlwiope5VEiamopWoV8x4 52meCs8ViNedVTIMrEcuZyTI 69woREubYizhcMmbWDfaRgif 1ssnSTAuetywo733O11wlts0
		51H8f2kLkdIwHu7ix28a3tqPa JBSWY3DPEHPK3PXPJBSWY3DP B08N5WRWNW vFp6pgX4tZ8vAn0cQwLs3K
	`) {
		if got := Of("k:" + token); got != "k:<rand>" {
			t.Errorf("pattern of %q is %q", token, got)
		}
	}
}

// TestShortTokens checks how many short random tokens are recognised. Those
// that are not stay literals, for the trie to collapse. What matters more is
// that none is cut to pieces in many ways.
func TestShortTokens(t *testing.T) {
	const n = 5000
	rng := rand.New(rand.NewPCG(7, 7))
	for _, tt := range []struct {
		template string
		percent  int // the least share of <rand>
	}{
		{"{b62:8}", 65},
		{"{b62:10}", 75},
		{"{b62:12}", 85},
		{"{b62:16}", 97},
		{"{b62:20}", 99},
		{"{b62:32}", 99},
		{"{b36:16}", 90},
		{"{b36:20}", 95},
		{"{b36:24}", 97},
		{"{b36:32}", 99},
		{"{b64url:22}", 97},
		{"{b64url:32}", 98},
	} {
		hits := 0
		for range n {
			if Of(patterntest.Expand(rng, tt.template)) == "<rand>" {
				hits++
			}
		}
		if hits*100 < tt.percent*n {
			t.Errorf("%s: %d of %d are <rand>, want %d %%", tt.template, hits, n, tt.percent)
		}
	}
}

// TestSlugsStay checks that names made of words are never taken for tokens.
func TestSlugsStay(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 20_000 {
		slug := patterntest.Expand(rng, "{slug}")
		for _, s := range []string{slug, strings.ReplaceAll(slug, "-", "_"), strings.ReplaceAll(slug, "-", ""), strings.ToUpper(slug)} {
			if got := Of(s); got != s {
				t.Errorf("pattern of %q is %q", s, got)
			}
		}
	}
}
