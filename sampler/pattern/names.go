package pattern

import "strings"

// namesWithDigits are words of technology that end in two or more digits. They
// are names, not a word and a number.
var namesWithDigits = makeNames(`
	utf16 utf32 ucs16 base16 base32 base36 base45 base58 base62 base64 base85 base91 ascii85
	sha224 sha256 sha384 sha512 ripemd160 crc16 crc32 crc64 fnv32 fnv64 xxh32 xxh64 xxh128 murmur32
	aes128 aes192 aes256 rsa2048 rsa4096 blake256 blake512 ed25519 x25519 curve25519 secp256 chacha20
	hs256 hs384 hs512 rs256 rs384 rs512 es256 es384 es512 ps256 ps384 ps512
	x86 x64 x509 x25 amd64 arm64 arm32 win16 win32 win64 mips64 ppc64 i386 i486 i586 i686 linux64
	int16 int32 int64 uint16 uint32 uint64 float16 float32 float64 bfloat16 decimal128
	h261 h263 h264 h265 mp42 av01 vp80 ieee754 iso8601 iso27001 iso3166 iso4217 iso639 rfc822 rfc2822 rfc3339
	tls10 tls11 tls12 tls13 http10 http11 http20 oauth10 oauth20 saml11 saml20 web20 web30 socks5h
	covid19 sqlite32 py27 py36 py37 py38 py39 py310 py311 py312 py313 jdk11 jdk17 jdk21 java11 java17
	es2015 es2016 es2017 es2018 es2019 es2020 gb2312 gbk18030 gb18030 latin10 windows1252 cp1252 log10 log4j12
`)

func makeNames(words string) map[string]bool {
	names := map[string]bool{}
	for _, w := range strings.Fields(words) {
		names[w] = true
	}
	return names
}

// maxNameWithDigits is longer than any of them.
const maxNameWithDigits = 16

// isNameWithDigits reports whether the digits belong to the word before them:
// sha256, useSha256, v12.
func isNameWithDigits(before, digits string) bool {
	start := len(before)
	for start > 0 && is(before[start-1], isLetter) {
		start--
	}
	letters := before[start:]
	if len(letters) == 1 && letters[0]|0x20 == 'v' {
		return len(digits) <= 3
	}
	return isKnownName(letters, digits) || isKnownName(letters[lastHump(letters):], digits)
}

// lastHump returns where the last word of a camel-case name begins.
func lastHump(s string) int {
	for i := len(s) - 1; i > 0; i-- {
		if is(s[i], isUpper) && is(s[i-1], isLower) {
			return i
		}
	}
	return 0
}

// isKnownName looks letters and digits up, in any case, without allocating.
func isKnownName(letters, digits string) bool {
	var buf [maxNameWithDigits]byte
	n := len(letters) + len(digits)
	if n > len(buf) || letters == "" {
		return false
	}
	for i := range len(letters) {
		buf[i] = letters[i] | 0x20
	}
	copy(buf[len(letters):], digits)
	return namesWithDigits[string(buf[:n])]
}
