package pattern

// structured recognises at pos, which follows a delimiter of level boundary,
// the forms that contain delimiters themselves. It returns the length, 0 for
// none. What the name does not contain anywhere is not looked for.
func (l *Lexer) structured(pos int, boundary level) (Kind, int) {
	s := l.text[pos:]
	c := classOf[s[0]]
	if boundary&(isStrong|isMedium) != 0 {
		if kind, n := l.spanning(s, c); n > 0 {
			return kind, n
		}
	}
	if l.all&isDot != 0 && c&isLower != 0 {
		if n := matchJWT(s); n > 0 {
			return JWT, n
		}
	}
	return l.compact(pos)
}

// compact recognises at pos the forms with dots and weak delimiters only. It
// takes a bounded time, so it may be tried at every part of a region.
func (l *Lexer) compact(pos int) (Kind, int) {
	s := l.text[pos:]
	switch c := classOf[s[0]]; {
	case c&isDigit != 0:
		return l.fromDigit(s, pos > 0 && l.text[pos-1] == '.')
	case c&isLetter != 0:
		return l.fromLetter(s)
	}
	return Literal, 0
}

// spanning tries the forms that contain strong or medium delimiters. After a
// weak delimiter they are too unlikely to be worth the time.
func (l *Lexer) spanning(s string, c class) (Kind, int) {
	switch {
	case c&isAlnum != 0:
		return l.spanningAlnum(s, c)
	case s[0] == ':':
		return IP6, matchIP6(s)
	case s[0] == '+':
		return Phone, matchPhone(s)
	case s[0] == '-':
		return matchSigned(s, l.delims)
	}
	return Literal, 0
}

// spanningAlnum tries those that start with a letter or digit.
func (l *Lexer) spanningAlnum(s string, c class) (Kind, int) {
	if c&isLower != 0 && l.all&(isSlash|isPercent) != 0 {
		if n := matchURL(s); n > 0 {
			return URL, n
		}
	}
	if l.all&isAt != 0 {
		if n := matchEmail(s); n > 0 {
			return Email, n
		}
	}
	if l.all&isColon != 0 && c&isNonHex == 0 {
		if n := matchIP6(s); n > 0 {
			return IP6, n
		}
	}
	if l.all&isPad != 0 {
		return Base64, matchBase64(s)
	}
	return Literal, 0
}

// fromDigit tries the forms that start with a digit. A number with a dot is no
// float if a dot stands before it too: the dots are delimiters then.
func (l *Lexer) fromDigit(s string, afterDot bool) (Kind, int) {
	if kind, n := matchTime(s); n > 0 {
		return kind, n
	}
	if l.all&isDot != 0 {
		if n := matchIP4(s); n > 0 {
			return IP4, n
		}
		if afterDot {
			return l.fromHex(s)
		}
		if kind, n := matchDotted(s); n > 0 {
			return kind, n
		}
	}
	return l.fromHex(s)
}

// fromLetter tries the forms that start with a letter.
func (l *Lexer) fromLetter(s string) (Kind, int) {
	if l.all&isDot != 0 {
		if n := matchVersion(s); n > 0 {
			return SemVer, n
		}
	}
	if is(s[0], isNonHex) {
		return Literal, 0
	}
	return l.fromHex(s)
}

// fromHex tries the forms that start with a hexadecimal digit.
func (l *Lexer) fromHex(s string) (Kind, int) {
	if l.all&isDash != 0 {
		if n := matchUUID(s); n > 0 {
			return UUID, n
		}
	}
	return MAC, matchMAC(s)
}
