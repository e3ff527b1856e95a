package pattern

// numberKind returns what a run of digits is by its length and value. Times are
// limited to years of use, so that few other numbers are taken for them: Unix
// times from 2014 to 2033, dates from 1900 to 2099.
func numberKind(s string) Kind {
	unix := s[0] == '1' && len(s) >= 10 && s[1] >= '4'
	switch len(s) {
	case 8:
		if isCompactDate(s) {
			return Date8
		}
	case 10:
		if unix {
			return TS
		}
		fallthrough
	case 12, 14:
		if isCompactDateTime(s) {
			return DateTime
		}
	case 13:
		if unix {
			return TSMillis
		}
	case 16:
		if unix {
			return TSMicros
		}
	}
	return Int
}

// matchSigned recognises a negative number that fills its segment. The minus
// sign before other numbers is a delimiter.
func matchSigned(s string, delims *Delimiters) (Kind, int) {
	if len(s) < 2 || s[0] != '-' || !is(s[1], isDigit) {
		return Literal, 0
	}
	kind, n := matchDotted(s[1:])
	if n == 0 {
		kind, n = Int, span(s[1:], isDigit, len(s))
	}
	if n++; n < len(s) && !delims.is(s[n], isStrong|isMedium) || kind == SemVer {
		return Literal, 0
	}
	return kind, n
}

// matchDotted recognises numbers with dots: 1.5 is a float, 1.2.3 a version.
func matchDotted(s string) (Kind, int) {
	n, dots := dottedDigits(s)
	switch {
	case dots == 0 || !endsAt(s, n):
		return Literal, 0
	case dots == 1:
		return Float, n
	}
	return SemVer, n + preRelease(s[n:])
}

// dottedDigits returns the length of the runs of digits, with single dots
// between them, at the start of s.
func dottedDigits(s string) (n, dots int) {
	n = span(s, isDigit, len(s))
	for n > 0 && n+1 < len(s) && s[n] == '.' && is(s[n+1], isDigit) {
		n++
		n += span(s[n:], isDigit, len(s))
		dots++
	}
	return n, dots
}

// matchVersion recognises v1.2 and v1.2.3-rc.1.
func matchVersion(s string) int {
	if len(s) < 4 || s[0]|0x20 != 'v' {
		return 0
	}
	n, dots := dottedDigits(s[1:])
	if n++; dots == 0 || !endsAt(s, n) {
		return 0
	}
	return n + preRelease(s[n:])
}

// preRelease returns the length of a suffix such as -rc.1 or -SNAPSHOT.
func preRelease(s string) int {
	if len(s) < 2 || s[0] != '-' {
		return 0
	}
	word := 1 + span(s[1:], isLetter, 16)
	switch s[1:word] {
	case "alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "SNAPSHOT", "canary", "next":
	default:
		return 0
	}
	n := word
	if n < len(s) && s[n] == '.' {
		n++
	}
	n += span(s[n:], isDigit, len(s))
	if !endsAt(s, n) {
		return 0
	}
	return n
}

// matchPhone recognises a telephone number in the international form.
func matchPhone(s string) int {
	n := 1 + span(s[1:], isDigit, len(s))
	if n < 9 || n > 16 || !endsAt(s, n) {
		return 0
	}
	return n
}
