package pattern

import "testing"

// pair is a name and the pattern that it should have.
type pair struct{ name, want string }

func checkPairs(t *testing.T, pairs []pair) {
	t.Helper()
	lexer := NewLexer()
	for _, p := range pairs {
		if got := string(lexer.AppendPattern(nil, p.name)); got != p.want {
			t.Errorf("pattern of %q is %q, want %q", p.name, got, p.want)
		}
	}
}

// TestKinds has for every kind names that contain it, and names that look
// similar and do not.
func TestKinds(t *testing.T) {
	for _, group := range []struct {
		kind  Kind
		pairs []pair
	}{
		{UUID, []pair{
			{"550e8400-e29b-41d4-a716-446655440000", "<uuid>"},
			{"A:550E8400-E29B-41D4-A716-446655440000", "A:<uuid>"},
			{"a-550e8400-e29b-41d4-a716-446655440000-b", "a-<uuid>-b"},
			{"550e8400-e29b-41d4-a716-446655440000_550e8400-e29b-41d4-a716-446655440000", "<uuid>_<uuid>"},
			{"results550e8400-e29b-41d4-a716-446655440000", "results<uuid>"},
			{"urn:uuid:{550e8400-e29b-41d4-a716-446655440000}", "urn:uuid:{<uuid>}"},
		}},
		{ULID, []pair{
			{"01HQ3K5Z8W9X2Y4V6T7R8S9P0Q", "<ulid>"},
			{"e:01hq3k5z8w9x2y4v6t7r8s9p0q:x", "e:<ulid>:x"},
			{"81HQ3K5Z8W9X2Y4V6T7R8S9P0Q", "<rand>"}, // more than 48 bits of time
			{"01HQ3K5Z8W9X2Y4V6T7R8S9P0L", "<rand>"}, // L is not in the alphabet
		}},
		{KSUID, []pair{
			{"2NxGkQz1Jb7WvY3rT5pLmXc9DfA", "<ksuid>"},
			{"msg:2NxGkQz1Jb7WvY3rT5pLmXc9DfAb", "msg:<rand>"},
		}},
		{NanoID, []pair{
			{"V1StGXR8_Z5jdHi6B-myT", "<nanoid>"},
			{"share_V1StGXR8_Z5jdHi6B-myT", "share_<nanoid>"},
			{"share_-1StGXR8_Z5jdHi6B-my_", "share_<nanoid>"},
			{"my-long-project-names", "my-long-project-names"}, // of the same length
		}},
		{Hex16, []pair{{"4bf92f3577b34da6", "<hex16>"}}},
		{Hex24, []pair{{"o:507f1f77bcf86cd799439011", "o:<hex24>"}}},
		{Hex32, []pair{
			{"9e107d9d372bb6826bd81d3542a419d6", "<hex32>"},
			{"cache9e107d9d372bb6826bd81d3542a419d6", "cache<hex32>"},
			{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "<int>-<hex32>-<hex16>-<int>"},
		}},
		{Hex40, []pair{
			{"2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "<hex40>"},
			{"0xdAC17F958D2ee523a2206206994597C13D831ec7", "0x<hex40>"},
		}},
		{Hex64, []pair{{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "<hex64>"}}},
		{Hex128, []pair{{
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" +
				"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "<hex128>",
		}}},
		{Hex, []pair{
			{"8f4a1b2c3d4e", "<hex>"},
			{"d4e5f6a", "<hex>"},
			{"DE89370400440532013000", "DE<int>"},
			{"deadbeef", "deadbeef"},
			{"face2face", "face2face"},
		}},
		{Rand, []pair{
			{"dQw4w9WgXcQ", "<rand>"},
			{"s:x7Gk2Qa", "s:<rand>"},
			{"sess_Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z", "sess_<rand>"},
			{"12-Ab3dEf6hIj9kLm2nOp5qRs8", "<int>-<rand>"},
			{"Ab3dEf6hIj9kLm2nOp5qRs8-items", "<rand>-items"},
			{"web-6d4cf56db6-x7k2p", "web-<rand>"},
		}},
		{Base64, []pair{
			{"b:Zm9vYmFyYmF6cXV4MTIzNA==", "b:<b64>"},
			{"cache/user/Zm9vYmFyYmF6cXV4MTIzNA==", "cache/user/<b64>"},
			{"q83vEjRWeJCrze8SNFZ4kKvN7w+/x9", "<b64>"},
			{"color=blue", "color=blue"},
			{"views/products/list+all", "views/products/list+all"},
		}},
		{JWT, []pair{
			{"jwt:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0:x", "jwt:<jwt>:x"},
			{"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0.", "<jwt>"},
		}},
		{Int, []pair{
			{"0", "<int>"},
			{"a:-5", "a:<int>"},
			{"a-5", "a-<int>"},
			{"user123", "user<int>"},
			{"123abc", "<int>abc"},
			{"64x64", "<int>x<int>"},
			{"١٢٣", "<int>"},
			{"99999999999999999999999999", "<int>"},
			{"user7", "user7"},
			{"U024BE7LH", "U024BE7LH"},
		}},
		{Float, []pair{
			{"12.5", "<float>"},
			{"geo:-73.98,40.7", "geo:<float>,<float>"},
			{"user.123.456", "user.<int>.<int>"}, // the dots are delimiters here
		}},
		{SemVer, []pair{
			{"1.2.3", "<version>"},
			{"app-v1.2:x", "app-<version>:x"},
			{"1.2.3-rc.1", "<version>"},
			{"1.2.3-SNAPSHOT", "<version>"},
			{"1.2.3-items", "<version>-items"},
			{"v2", "v2"},
		}},
		{Phone, []pair{
			{"otp:+4915112345678", "otp:<phone>"},
			{"+1234567", "+<int>"},
			{"+12345678901234567", "+<int>"},
		}},
		{Date, []pair{
			{"2024-01-02", "<date>"},
			{"2024/01/02/x", "<date>/x"},
			{"log-2024_01_02.gz", "log-<date>.gz"},
			{"2024-01-02-15", "<date>-<int>"},
			{"2024-13-02", "<int>-<int>-<int>"},
			{"2024-01/02", "<month>/<int>"},
		}},
		{Date8, []pair{{"20240102", "<date8>"}, {"log20240102", "log<date8>"}, {"20241302", "<int>"}}},
		{Month, []pair{{"report:2024-01", "report:<month>"}, {"2024-1", "<int>-<int>"}}},
		{Week, []pair{{"2024-W05", "<week>"}, {"2024W53", "<week>"}, {"2024-W54", "<int>-W<int>"}}},
		{DateTime, []pair{
			{"2024-01-02T15:04:05Z", "<datetime>"},
			{"at:2024-01-02T15:04:05.123+02:00:x", "at:<datetime>:x"},
			{"2024-01-02 15:04", "<datetime>"},
			{"2024-01-02T15", "<datetime>"},
			{"20240102T150405Z", "<datetime>"},
			{"2024010113", "<datetime>"},
			{"20240102150405", "<datetime>"},
			{"2024-01-02Tuesday", "<int>-<int>-02Tuesday"},
		}},
		{TS, []pair{{"1700000000", "<ts>"}, {"1399999999", "<int>"}, {"2000000000", "<int>"}}},
		{TSMillis, []pair{{"1700000000123", "<ts_ms>"}, {"9780306406157", "<int>"}}},
		{TSMicros, []pair{{"1700000000123456", "<ts_us>"}, {"4111111111111111", "<int>"}}},
		{IP4, []pair{
			{"10.0.0.1", "<ip4>"},
			{"10.0.0.0/24", "<ip4>/<int>"},
			{"host-10.0.0.1:80", "host-<ip4>:<int>"},
			{"256.0.0.1", "<version>"},
			{"1.2.3.4.5", "<version>"},
		}},
		{IP6, []pair{
			{"2001:db8::1", "<ip6>"},
			{"rl:2001:db8:85a3:8d3:1319:8a2e:370:7348:GET", "rl:<ip6>:GET"},
			{"[fe80::1]:6379", "[<ip6>]:<int>"},
			{"fe80::", "<ip6>"},
			{"::1", "<ip6>"},
			{"::ffff:10.0.0.1", "<ip6>"},
			{"2001:db8::1:count", "<ip6>:count"},
			{"abc::1", "abc::<int>"},
			{"a:b:c:1:2:3:4:5", "a:b:c:<int>:<int>:<int>:<int>:<int>"},
			{"Cache::User", "Cache::User"},
		}},
		{MAC, []pair{
			{"aa:bb:cc:00:11:22", "<mac>"},
			{"dev:aa-bb-cc-00-11-22:x", "dev:<mac>:x"},
			{"10:20:30:40:50:60", "<int>:<int>:<int>:<int>:<int>:<int>"},
		}},
		{Email, []pair{
			{"bob@example.com", "<email>"},
			{"u:bob.smith+tag@mail.example.co.uk:cart", "u:<email>:cart"},
			{"to=bob@my.co-op.com&x=1", "to=<email>&x=<int>"},
			{"bob@example.com-verified", "<email>-verified"},
			{"jürgen@example.de", "<email>"},
			{"bob@localhost", "bob@localhost"},
			{"@babel/core", "@babel/core"},
		}},
		{URL, []pair{
			{"page:https://example.com/a?b=c#d", "page:<url>"},
			{"redis://h:1", "<url>"},
			{"page:https%3A%2F%2Fexample.com", "page:<url>"},
			{"a://b", "a://b"},
		}},
		{Bin, []pair{
			{"img:\xff\x00", "img:<bin>"},
			{"img:thumb:a\x01:b", "img:thumb:<bin>"},
			{"\x00", "<bin>"},
			{"img::\xff", "img:<bin>"},  // binary data that starts with a colon
			{"img:?:\xff", "img:<bin>"}, // and some that has one later
			{"user:12:\xff", "user:<int>:<bin>"},
		}},
		{Rest, []pair{
			{"a:b:c:d:e:f:g:h:i:j:k:l:m:n", "a:b:c:d:e:f:g:h:i:j:k:l:<...>"},
		}},
		{Java, []pair{
			{"\xac\xed\x00\x05t\x00\x06user:1", "<java>user:<int>"},
			{"\xac\xed\x00\x05t\x00\x07user:1", "<bin>"}, // the length is wrong
		}},
		{Delimiter, []pair{
			{":::", ":::"},
			{"a%3A12%2fb", "a%3A<int>%2fb"},
			{"100%", "<int>%"},
		}},
		{Literal, []pair{{"用户:资料", "用户:资料"}, {"user_profile", "user_profile"}}},
	} {
		t.Run(group.kind.String(), func(t *testing.T) { checkPairs(t, group.pairs) })
	}
}

func TestKindString(t *testing.T) {
	seen := map[string]bool{}
	for k := range numKinds {
		s := k.String()
		if s == "" || seen[s] {
			t.Errorf("kind %d has the name %q, which is empty or not unique", k, s)
		}
		seen[s] = true
		if got := s[0] == '<'; got != k.IsPlaceholder() {
			t.Errorf("IsPlaceholder of %s is %v", s, !got)
		}
	}
	if got := Kind(200).String(); got != "Kind(200)" {
		t.Errorf("String of an unknown kind is %q", got)
	}
}
