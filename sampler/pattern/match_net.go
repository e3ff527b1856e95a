package pattern

import "strings"

// Addresses. net/netip and net/url are not used: they allocate an error for
// each name that is no address, and most are not.

// matchIP4 recognises four numbers up to 255 with dots between them.
func matchIP4(s string) int {
	n := 0
	for i := range 4 {
		if i > 0 {
			if n >= len(s) || s[n] != '.' {
				return 0
			}
			n++
		}
		digits := span(s[n:], isDigit, 4)
		if digits == 0 || digits > 3 || digits == 3 && s[n:n+3] > "255" {
			return 0
		}
		n += digits
	}
	if !endsAt(s, n) || n+1 < len(s) && s[n] == '.' && is(s[n+1], isDigit) {
		return 0
	}
	return n
}

// ip6 is what is known of an IPv6 address while it is read.
type ip6 struct {
	end    int  // after the last whole group or ::
	groups int  // of 16 bits
	gap    bool // :: was seen
}

// matchIP6 recognises an IPv6 address. Numbers and short words with colons
// between them have the same form, so an address with a gap must start as
// addresses in use do, and one without a gap must contain a letter.
func matchIP6(s string) int {
	a := readIP6(s)
	if a.end == 0 || !endsAt(s, a.end) {
		return 0
	}
	hasLetter := classes(s[:a.end])&isLetter != 0
	switch {
	case !a.gap:
		if a.groups != 8 || !hasLetter || a.end < fullIP6 && !hasUsualPrefix(s) {
			return 0
		}
	case s[0] == ':':
		if a.groups == 0 {
			return 0
		}
	case !hasUsualPrefix(s) || !hasLetter && a.groups < 3:
		return 0
	}
	return a.end
}

// fullIP6 is the length of an address with three digits a group: short words
// and numbers reach it less often.
const fullIP6 = 31

// readIP6 reads as many whole groups as there are.
func readIP6(s string) (a ip6) {
	i := 0
	if strings.HasPrefix(s, "::") {
		a.gap, i = true, 2
	}
	for a.groups < 8 {
		if n := matchIP4(s[i:]); n > 0 && (a.gap || a.groups == 6) {
			a.groups, a.end = a.groups+2, i+n
			return a
		}
		n := hexRun(s[i:])
		if n == 0 || n > 4 || !endsAt(s, i+n) {
			return a
		}
		i += n
		a.groups, a.end = a.groups+1, i
		switch {
		case strings.HasPrefix(s[i:], "::") && !a.gap:
			a.gap, i, a.end = true, i+2, i+2
		case i < len(s) && s[i] == ':':
			i++
		default:
			return a
		}
	}
	return a
}

// hexRun returns how many hexadecimal digits s starts with, at most 5.
func hexRun(s string) int {
	n := 0
	for n < len(s) && n < 5 && isHexDigit(s[n]) {
		n++
	}
	return n
}

// hasUsualPrefix reports whether the first group of an address is that of a
// global, a unique local, a link-local or a multicast address, or of NAT64.
func hasUsualPrefix(s string) bool {
	if strings.HasPrefix(s, "64:") {
		return true
	}
	if hexRun(s) != 4 {
		return false
	}
	switch s[0] | 0x20 {
	case '2', '3':
		return true
	case 'f':
		second := s[1] | 0x20
		return second == 'c' || second == 'd' || second == 'e' && s[2] >= '8' || second == 'f'
	}
	return false
}

// matchMAC recognises six pairs of hexadecimal digits.
func matchMAC(s string) int {
	const n = 17
	if len(s) < n || s[2] != ':' && s[2] != '-' || !endsAt(s, n) {
		return 0
	}
	letter := false
	for i := range n {
		switch {
		case i%3 == 2:
			if s[i] != s[2] {
				return 0
			}
		case !isHexDigit(s[i]):
			return 0
		case is(s[i], isLetter):
			letter = true
		}
	}
	if !letter { // more likely a time
		return 0
	}
	return n
}

// The bounds of RFC 5321 keep the search for an @ short.
const (
	maxLocal  = 64
	maxDomain = 255
)

// matchEmail recognises an e-mail address whose domain has a dot.
func matchEmail(s string) int {
	n := 0
	for n < len(s) && n <= maxLocal && (is(s[n], isAlnum|isDot|isDash|isSpecial) || s[n] == '+') {
		n++
	}
	if n == 0 || n >= len(s) || s[n] != '@' {
		return 0
	}
	domain := matchDomain(s[n+1:])
	if domain == 0 {
		return 0
	}
	return n + 1 + domain
}

// matchDomain returns the length of the longest domain at the start of s that
// ends in a label of two or more letters.
func matchDomain(s string) int {
	run := 0
	for run < len(s) && run < maxDomain && (is(s[run], isAlnum|isDot) || s[run] == '-') {
		run++
	}
	longest := 0
	for i := 1; i < run; i++ {
		if s[i] != '.' || s[i-1] == '.' {
			continue
		}
		letters := span(s[i+1:run], isLetter, run)
		if letters >= 2 && endsAt(s, i+1+letters) {
			longest = i + 1 + letters
		}
	}
	return longest
}

// matchURL recognises scheme://, which makes all that follows part of the URL,
// also where it is percent-encoded.
func matchURL(s string) int {
	n := span(s, isLower, 12)
	if n < 2 {
		return 0
	}
	if rest := s[n:]; strings.HasPrefix(rest, "://") || len(rest) >= 9 && strings.EqualFold(rest[:9], "%3A%2F%2F") {
		return len(s)
	}
	return 0
}
