package pattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern/patterntest"
)

func TestTokens(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"", ""},
		{"user_profile:12", "literal(user_profile) delimiter(:) <int>(12)"},
		{"a-b-c:x", "literal(a-b-c) delimiter(:) literal(x)"},
		// Weak delimiters keep words apart where they are the only structure.
		{"app_user_bob", "literal(app) delimiter(_) literal(user) delimiter(_) literal(bob)"},
		{"user12%3Ax", "literal(user) <int>(12) delimiter(%3A) literal(x)"},
		{"k:\x00\x01", "literal(k) delimiter(:) <bin>(\x00\x01)"},
		{"{a}", "delimiter({) literal(a) delimiter(})"},
	} {
		var got []string
		for _, tok := range NewLexer().Tokens(tt.name) {
			got = append(got, fmt.Sprintf("%s(%s)", tok.Kind, tok.Text(tt.name)))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("tokens of %q (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEscapes(t *testing.T) {
	checkPairs(t, []pair{
		{"", `""`},
		{`""`, `\""`},
		{`a"b`, `a"b`},
		{"<uuid>", `\<uuid\>`},
		{`a\b`, `a\\b`},
		{"x:<rand>:1", `x:\<rand\>:<int>`},
	})
}

// TestUnprintable lists characters that must not reach a terminal.
func TestUnprintable(t *testing.T) {
	for _, bad := range []string{
		"\x1b[31m", "\x7f", "\u0085", "\u009b", "\u200b", "\u200d", "\u202e", "\u2028", "\u2029", "\u2066", "\ufeff", "\ue000",
		"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\n", "\t", "\r", "\x00",
	} {
		if got := Of("user:1:x" + bad + "y:z"); got != "user:<int>:<bin>" {
			t.Errorf("pattern with %q is %q", bad, got)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{strings.Repeat("a:", 40), strings.Repeat("a:", MaxSegments) + "<...>"},
		{strings.Repeat("{", 100_000), strings.Repeat("{", MaxTokens-1) + "<...>"},
		{strings.Repeat("用", 100) + ":" + strings.Repeat("户", 100), strings.Repeat("用", 100) + ":<...>"},
		{strings.Repeat("用", 1000), "<...>"},
		{"k:" + strings.Repeat("z", 100_000), "k:<rand>"},
	} {
		if got := Of(tt.name); got != tt.want {
			t.Errorf("pattern of %.20q… is %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestLinear reads long names that would be slowest if a step looked at the
// same text again and again: that would take minutes, even on a fast machine.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time: make soak")
	}
	lexer := NewLexer()
	for _, unit := range []string{
		":", "{", "a-", "a_b-", "eyJ-", "eyJ.", "1.", "1-", "x7G-", "用", "用1", "a@", "a.", "%3A", "f:", "ab12", "12x", "-", "=", "A+/",
	} {
		name := strings.Repeat(unit, 512<<10/len(unit))
		start := time.Now()
		lexer.Tokens("k:" + name)
		lexer.Tokens(name + "\xff")
		lexer.Tokens(name + ".@=/:%\xac")
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("512 KiB of %q took %v", unit, took)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	lexer := NewLexer()
	dst := make([]byte, 0, MaxPattern)
	names := []string{
		"user:123", "img:\xff", "a:" + strings.Repeat("x-1:", 300), "sha256:bob@example.com", "useSha256:2001:db8::1",
		"\xac\xed\x00\x05t\x00\x06user:1", "用户:١٢٣", "oauth2:V1StGXR8_Z5jdHi6B-myT",
	}
	allocs := testing.AllocsPerRun(100, func() {
		for _, name := range names {
			dst = lexer.AppendPattern(dst[:0], name)
		}
	})
	if allocs != 0 {
		t.Errorf("AppendPattern allocates %v times", allocs)
	}
}

// TestProperties checks the promises of the package on names of all sorts.
func TestProperties(t *testing.T) {
	pieces := rapid.OneOf(
		rapid.StringMatching(`[a-z]{1,8}|[0-9]{1,14}|[0-9a-f]{8,40}|[A-Za-z0-9_-]{1,50}|[:/{}#.,@%=+<>"\\_ -]{1,3}`),
		rapid.SampledFrom([]string{"2024-01-02", "T15:04:05Z", "10.0.0.1", "2001:db8::", "https://", "eyJ", "64x64", "0x", "%3A", "\xac\xed\x00\x05t\x00\x02"}),
		rapid.String(),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) }),
	)
	lexer := NewLexer()
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), "")
		checkPromises(t, lexer, name)
		checkPromises(t, drawDelimiters(t).newLexer(), name)
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{
		"", "resque:status:550e8400-e29b-41d4-a716-446655440000", "share_V1StGXR8_Z5jdHi6B-myT", "img:\xff\x00",
		"page:https://x.y/z", "rl6:2001:db8::1", "a@b.co", "2024-01-02T15:04:05.1+02:00", "<uuid>", "用户:١٢٣", "64x64",
		"\xac\xed\x00\x05t\x00\x06user:1", "eyJh.eyJz.x", "b:Zm9vYmFyYmF6cXV4MTIzNA==", "v1.2.3-rc.1", "+4915112345678", "-1.5",
		"a:b:c:d:e:f:g:h:i:j:k:l:m", "%3A%2f", "0xdAC17F958D2ee523a2206206994597C13D831ec7", "cache9e107d9d372bb6826bd81d3542a419d6",
	} {
		for _, strong := range []string{DefaultDelimiters, "-_", "%.@", "<>\\\""} {
			f.Add(seed, strong)
		}
	}
	f.Fuzz(func(t *testing.T, name, strong string) {
		lexer := delimitersIn(strong).newLexer()
		checkPromises(t, lexer, name)
		checkPromises(t, lexer, strings.Repeat(name, 30))
	})
}

// checkPromises fails unless everything holds that the package promises of any
// name.
func checkPromises(t rapid.TB, lexer *Lexer, name string) {
	t.Helper()
	pattern := string(lexer.AppendPattern(nil, name))
	checkParses(t, lexer, name)
	fresh := &Lexer{delims: lexer.delims}
	if again := string(fresh.AppendPattern(nil, name)); again != pattern {
		t.Fatalf("pattern of %q is %q, and %q the second time", name, pattern, again)
	}
	if pattern == "" || len(pattern) > MaxPattern || !utf8.ValidString(pattern) {
		t.Fatalf("pattern of %q has %d bytes, or is not valid UTF-8: %q", name, len(pattern), pattern)
	}
	for _, r := range pattern {
		if !unicode.IsPrint(r) {
			t.Fatalf("pattern of %q contains %U: %q", name, r, pattern)
		}
	}
	placeholders := checkTiling(t, lexer, name)
	if n := unescapedAngles(pattern); n != placeholders {
		t.Fatalf("pattern of %q has %d placeholders, and reads as %d: %q", name, placeholders, n, pattern)
	}
}

// checkTiling checks that the tokens cover name in order, without gaps, and
// returns how many are placeholders.
func checkTiling(t rapid.TB, lexer *Lexer, name string) (placeholders int) {
	t.Helper()
	tokens, end := lexer.Tokens(name), int32(0)
	for _, tok := range tokens {
		if tok.Start != end || tok.End <= tok.Start {
			t.Fatalf("tokens of %q overlap, or leave a gap: %v", name, tokens)
		}
		end = tok.End
		if tok.Kind.IsPlaceholder() {
			placeholders++
		}
	}
	if int(end) != len(name) {
		t.Fatalf("tokens of %q end at %d: %v", name, end, tokens)
	}
	return placeholders
}

// unescapedAngles counts the < that have no backslash before them.
func unescapedAngles(pattern string) (n int) {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '<':
			n++
		}
	}
	return n
}

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

// TestShortTokens checks how many short random tokens are recognized. Those
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

// TestSoftware lists names that well-known programs and libraries write.
func TestSoftware(t *testing.T) {
	const (
		uuid  = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
		hex32 = "9f86d081884c7d659a2feaa0c55ad015"
		hex64 = hex32 + "a3bf4f1b2b0b822cd15d6c15b0f00a08"
	)
	checkPairs(t, []pair{
		// job queues
		{"resque:worker:web-12:4711:mailers,default", "resque:worker:web-<int>:<int>:mailers,default"},
		{"resque:status:" + uuid, "resque:status:<uuid>"},
		{"stat:failed:2024-01-02", "stat:failed:<date>"},
		{"web-1.prod:4521:8f4a1b2c3d4e:workers", "web-<int>.prod:<int>:<hex>:workers"},
		{"celery-task-meta-" + uuid, "celery-task-meta-<uuid>"},
		{"_kombu.binding.celery.pidbox", "_kombu.binding.celery.pidbox"},
		{"unacked_mutex", "unacked_mutex"},
		{"bull:email:repeat:" + hex32 + ":1700000000000", "bull:email:repeat:<hex32>:<ts_ms>"},
		{"bull:email:stalled-check", "bull:email:stalled-check"},
		{"rq:job:" + uuid, "rq:job:<uuid>"},
		{"rq:worker:" + hex32, "rq:worker:<hex32>"},
		{"huey.redis.results.myapp", "huey.redis.results.myapp"},
		{"dramatiq:default.DQ.msgs", "dramatiq:default.DQ.msgs"},
		{"airflow:my_etl:scheduled__2024-01-02T00:00:00+00:00", "airflow:my_etl:scheduled__<datetime>"},
		// web frameworks
		{"views/products/123-20240102150405/" + hex32, "views/products/<int>-<datetime>/<hex32>"},
		{":1:views.decorators.cache.cache_page..GET." + hex32 + ".en-us.UTC", ":<int>:views.decorators.cache.cache_page..GET.<hex32>.en-us.UTC"},
		{":1:django.contrib.sessions.cache0q4q7pv4c2hfs6r6gd2n1ua0b3xk5m2t", ":<int>:django.contrib.sessions.cache<rand>"},
		{"laravel_database_horizon:job:123", "laravel_database_horizon:job:<int>"},
		{"laravel_cache:illuminate:queue:restart", "laravel_cache:illuminate:queue:restart"},
		{"spring:session:sessions:expires:" + uuid, "spring:session:sessions:expires:<uuid>"},
		{
			"spring:session:index:org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME:bob@example.com",
			"spring:session:index:org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME:<email>",
		},
		{"users::42", "users::<int>"}, // Spring's cache
		{"PHPREDIS_SESSION:0q4q7pv4c2hfs6r6gd2n1ua0b3", "PHPREDIS_SESSION:<rand>"},
		{"{/w3svc/1/root_l3tk1q2bsx4zr0y5vw3mno1p}_Data", "{/w3svc/<int>/root_<rand>}_Data"},
		{"sess:V1StGXR8_Z5jdHi6B-myT0aQ9cKz2xLw", "sess:<rand>"},
		{"next-auth:session:" + uuid, "next-auth:session:<uuid>"},
		{"socket.io#/#V1StGXR8Z5jdHi6BAAAA#", "socket.io#/#<rand>#"},
		{"rack:session:2::" + hex64, "rack:session:<int>::<hex64>"},
		{"rack::attack:28333333:req/ip:10.0.0.1", "rack::attack:<int>:req/ip:<ip4>"},
		{"LIMITER/10.1.2.3/api.login/10/1/minute", "LIMITER/<ip4>/api.login/<int>/<int>/minute"},
		{"apq:" + hex64, "apq:<hex64>"},
		// applications
		{"wp:options:alloptions", "wp:options:alloptions"},
		{"wp_1:post_meta:4532", "wp_<int>:post_meta:<int>"},
		{"zc:k:0d4_CONFIG_GLOBAL", "zc:k:0d4_CONFIG_GLOBAL"}, // Magento
		{"_DISCOURSE_GLOBAL:site-settings", "_DISCOURSE_GLOBAL:site-settings"},
		{"session:gitlab:2::" + hex64, "session:gitlab:<int>::<hex64>"},
		{"etag:/my-group/my-project/issues/123/realtime_changes", "etag:/my-group/my-project/issues/<int>/realtime_changes"},
		{"feed:home:109876543210987654", "feed:home:<int>"}, // Mastodon
		{"keycloak:sessions:" + uuid, "keycloak:sessions:<uuid>"},
		{"superset_results" + uuid, "superset_results<uuid>"},
		{"superset_data_cache" + hex32, "superset_data_cache<hex32>"},
		// gateways and infrastructure
		{"ratelimit:" + uuid + ":10.0.0.1:1700000000:minute", "ratelimit:<uuid>:<ip4>:<ts>:minute"}, // Kong
		{"traefik/http/routers/web-app/rule", "traefik/http/routers/web-app/rule"},
		{"pod:web-6d4cf56db6-x7k2p:logs", "pod:web-<rand>:logs"},
		{"arn:aws:s3:::my-bucket/key", "arn:aws:s3:::my-bucket/key"},
		{"traceparent:00-" + hex32 + "-00f067aa0ba902b7-01", "traceparent:<int>-<hex32>-<hex16>-<int>"},
		// things that keys are about
		{"geo:u4pruydqqvj", "geo:<rand>"},
		{"device:ios:A1B2C3D4-E5F6-7890-ABCD-EF1234567890", "device:ios:<uuid>"},
		{"device:356938035643809:last", "device:<int>:last"},
		{"otp:+15551234567", "otp:<phone>"},
		{"app:1.24.3:config", "app:<version>:config"},
		{"report:2024-01", "report:<month>"},
		{"kpi:2024-W05", "kpi:<week>"},
		{"hits:2024010113", "hits:<datetime>"},
		{"i18n:en-US:messages", "i18n:en-US:messages"},
		{"price:BTC-USD:2024-01-02", "price:BTC-USD:<date>"},
		{"fx:EUR/USD", "fx:EUR/USD"},
		{"sk_live_51H8f2kLkdIwHu7ix28a3tqPa", "sk_live_<rand>"},
		{"pi_3MtwBwLkdIwHu7ix28a3tqPa", "pi_<rand>"},
		{"cache:products?page=2&sort=price", "cache:products?page=<int>&sort=price"},
		{"myapp:{user:1000}.following", "myapp:{user:<int>}.following"},
		{`{"user":123,"type":"x"}`, `{"user":<int>,"type":"x"}`},
	})
}

// TestFamilies checks that the lexer alone groups every family that it can:
// 98 % of its names in one namespace (one for each of its words), and none of
// these namespaces holds names of another family.
func TestFamilies(t *testing.T) {
	const perFamily = 5_000
	rng := rand.New(rand.NewPCG(1, 2))
	owner := map[string]string{}
	lexer := NewLexer()
	for _, f := range patterntest.Families() {
		counts := map[string]int{}
		for _, name := range f.Generate(rng, perFamily) {
			counts[string(lexer.AppendPattern(nil, name))]++
		}
		for p := range counts {
			if other, taken := owner[p]; taken {
				t.Errorf("%q holds names of %s and of %s", p, other, f.Name)
			}
			owner[p] = f.Name
		}
		if !f.NeedsTrie() {
			checkFamily(t, f, counts, perFamily)
		}
	}
}

func checkFamily(t *testing.T, f patterntest.Family, counts map[string]int, total int) {
	t.Helper()
	main, share := "", 0
	for p, n := range counts {
		if n*f.Words()*2 >= total {
			share += n
		}
		if n > counts[main] {
			main = p
		}
	}
	t.Logf("%-20s %7.3f %%  %3d  %s", f.Name, 100*float64(share)/float64(total), len(counts), main)
	if f.Words() == 1 && main != f.Want {
		t.Errorf("%s: namespace %q, want %q", f.Name, main, f.Want)
	}
	if share*100 < total*98 {
		t.Errorf("%s: %d of %d names in the main namespaces: %v", f.Name, share, total, counts)
	}
}
