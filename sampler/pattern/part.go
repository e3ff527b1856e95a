package pattern

// A region is a stretch without strong or medium delimiters, such as
// celery-task-meta or an URL-safe random token. Its parts lie between its weak
// delimiters. Whether a weak delimiter separates words or is one of 64 random
// characters can be told only by looking at several parts together, which this
// file does.

// part is one part of a region; it may be empty.
type part struct {
	start, end int
	all        class // the classes of its bytes
}

// partAt returns the part that starts at start.
func (l *Lexer) partAt(start int) part {
	p := part{start: start, end: start}
	for p.end < len(l.text) {
		c := classOf[l.text[p.end]]
		if c&isDelim != 0 {
			break
		}
		p.all |= c
		p.end++
	}
	return p
}

// in returns the text of p.
func (l *Lexer) in(p part) string { return l.text[p.start:p.end] }

// more reports whether a weak delimiter, and so another part, follows p.
func (l *Lexer) more(p part) bool { return p.end < len(l.text) && l.delims.is(l.text[p.end], isWeak) }

// readPart reads the part at pos, or the run of parts that are one opaque token.
func (l *Lexer) readPart() {
	p := l.partAt(l.pos)
	glued := gluedUUID(l.text[p.start:], p.end-p.start)
	if !glued && l.more(p) && l.pos >= l.noRunBefore && !l.standsAlone(p) && l.run(p) {
		return
	}
	switch {
	case p.start == p.end:
		l.delimiter(isWeak)
	case glued:
		l.literal(part{p.start, p.end - uuidFirst, p.all})
		l.push(UUID, min(l.pos+uuidLen, len(l.text)))
	default:
		l.single(p)
	}
}

// standsAlone reports whether p cannot be a piece of a random token.
func (l *Lexer) standsAlone(p part) bool {
	return p.all&isSpecial != 0 || isFixedHex(l.in(p), p.all) || isClearWord(l.in(p), p.all)
}

// run tries to read the run of parts that starts with p as one token.
func (l *Lexer) run(first part) bool {
	end, rest := l.runEnd(first)
	if end == first.end { // a part alone is what single reads
		return false
	}
	text, tail := l.text[first.start:end], l.text[first.end+1:end]
	if isPrefix(l.in(first), first.all) && (isRandom(tail, rest) && !onlyWhole(len(text), len(tail), rest) || isLongHex(tail, rest)) {
		return false // single reads the prefix, and then comes the tail
	}
	if kind := opaque(text, first.all|rest|isDash); kind != Literal {
		l.push(kind, end)
		return true
	}
	l.noRunBefore = end
	return false
}

// runEnd returns where the run that starts with p ends, and the classes of all
// that follows p in it. A run ends before a part that is clearly something
// else: a word, a number, a date, a UUID.
func (l *Lexer) runEnd(p part) (end int, rest class) {
	delim := class(0) // between the parts of rest: none before the first
	for l.more(p) {
		next := l.partAt(p.end + 1)
		if next.end > next.start && l.breaksRun(next) {
			break
		}
		rest |= next.all | delim
		p, delim = next, isDash
	}
	return p.end, rest
}

// breaksRun reports whether p, within a run, is no piece of a random token. By
// chance a piece of 64 random characters looks like that once in a thousand
// tokens.
func (l *Lexer) breaksRun(p part) bool {
	if p.all.only(isDigit) && p.end-p.start >= 3 || l.standsAlone(p) {
		return true
	}
	_, n := l.compact(p.start)
	return n > 0
}

// isPrefix reports whether s may be a short word or number before a random
// token, as in sk_live_…, u_… or 17-….
func isPrefix(s string, all class) bool {
	switch {
	case all.only(isDigit), all.only(isLower | isNonHex):
		return len(s) > 0
	case all.only(isUpper | isNonHex):
		return len(s) > 1
	}
	letters := span(s, isLetter, len(s))
	digits := span(s[letters:], isDigit, 2)
	return letters >= 2 && letters+digits == len(s) && !all.isMixed()
}

// isLongHex reports whether s is one part of so many hexadecimal digits, as in
// i-0a1b2c3d4e5f67890, that it is no piece of a token with other letters.
func isLongHex(s string, all class) bool {
	return len(s) >= longLength && all&isDigit != 0 && all.isHex() && !all.isMixed()
}

// onlyWhole reports whether a token of the whole length is usual, and one of
// the length without its first part is not: then the first part belongs to it.
// Where neither is usual, a single character is a prefix only before a usual one.
func onlyWhole(whole, tail int, inTail class) bool {
	if usualLength(tail, inTail) {
		return false
	}
	return whole-tail == 2 || usualLength(whole, inTail|isDash)
}

// usualLength reports whether random tokens of n characters are common: those
// of 16, 24, 32, 48, 64 or 96 bytes in base 64, nanoids, and, where no - or _
// shows that it is base 64, round numbers.
func usualLength(n int, all class) bool {
	switch n {
	case 11, 21, 22, 32, 43, 64, 86, 128:
		return true
	case 16, 20, 24, 26, 36, 40, 44, 48, 88:
		return all&isDash == 0
	}
	return false
}
