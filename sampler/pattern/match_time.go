package pattern

// matchTime recognises dates, months, weeks, and dates with a time of day.
// Compact ones without a T are left to numberKind.
func matchTime(s string) (Kind, int) {
	if len(s) < 7 || !isYear(s) {
		return Literal, 0
	}
	kind, n := matchDay(s)
	if n == 0 {
		return matchMonthOrWeek(s)
	}
	if t := matchClock(s[n:]); t > 0 {
		return DateTime, n + t
	}
	if kind == Date8 || !endsAt(s, n) {
		return Literal, 0
	}
	return kind, n
}

// matchDay recognises 2024-01-02 and 20240102.
func matchDay(s string) (Kind, int) {
	if len(s) >= 8 && isCompactDate(s[:8]) {
		return Date8, 8
	}
	if len(s) < 10 || s[7] != s[4] || !isMonth(s[5:]) || !isDay(s[8:]) {
		return Literal, 0
	}
	switch s[4] {
	case '-', '/', '.', '_':
		return Date, 10
	}
	return Literal, 0
}

// matchMonthOrWeek recognises 2024-01, 2024-W05 and 2024W05.
func matchMonthOrWeek(s string) (Kind, int) {
	if s[4] == '-' && isMonth(s[5:]) && endsAt(s, 7) {
		return Month, 7
	}
	i := 4
	if s[i] == '-' {
		i++
	}
	if s[i] == 'W' && inRange(s[i+1:], 1, 53) && endsAt(s, i+3) {
		return Week, i + 3
	}
	return Literal, 0
}

// matchClock recognises the time of day after a date: T15, T15:04,
// T15:04:05.000Z, T150405+0100. After a space the minutes must be there.
func matchClock(s string) int {
	if len(s) < 3 || !inRange(s[1:], 0, 23) {
		return 0
	}
	n := 3
	if minutes := matchSixty(s[n:]); minutes > 0 {
		n += minutes
		n += matchSixty(s[n:])
		n += fraction(s[n:])
	} else if s[0] == ' ' {
		return 0
	}
	switch s[0] {
	case 'T', 't', ' ':
	default:
		return 0
	}
	if n += matchZone(s[n:]); !endsAt(s, n) {
		return 0
	}
	return n
}

// matchSixty recognises minutes or seconds, with or without a colon.
func matchSixty(s string) int {
	i := 0
	if len(s) > 0 && s[0] == ':' {
		i = 1
	}
	if !inRange(s[i:], 0, 60) {
		return 0
	}
	return i + 2
}

func fraction(s string) int {
	if len(s) < 2 || s[0] != '.' && s[0] != ',' || !is(s[1], isDigit) {
		return 0
	}
	return 1 + span(s[1:], isDigit, 9)
}

// matchZone recognises Z, +01, +0100 and +01:00.
func matchZone(s string) int {
	switch {
	case len(s) > 0 && (s[0] == 'Z' || s[0] == 'z'):
		return 1
	case len(s) < 3 || s[0] != '+' && s[0] != '-' || !inRange(s[1:], 0, 14):
		return 0
	}
	return 3 + matchSixty(s[3:])
}

// isCompactDate reports whether s starts with a date like 20240102.
func isCompactDate(s string) bool {
	return isYear(s) && isMonth(s[4:]) && isDay(s[6:])
}

// isCompactDateTime reports whether s is such a date with hours, and perhaps
// minutes and seconds.
func isCompactDateTime(s string) bool {
	if !isCompactDate(s) || !inRange(s[8:], 0, 23) {
		return false
	}
	for i := 10; i < len(s); i += 2 {
		if !inRange(s[i:], 0, 59) {
			return false
		}
	}
	return true
}

func isYear(s string) bool  { return len(s) >= 4 && inRange(s, 19, 20) && inRange(s[2:], 0, 99) }
func isMonth(s string) bool { return inRange(s, 1, 12) }
func isDay(s string) bool   { return inRange(s, 1, 31) }

// inRange reports whether s starts with two digits whose value is from lo to hi.
func inRange(s string, lo, hi int) bool {
	if len(s) < 2 || !is(s[0], isDigit) || !is(s[1], isDigit) {
		return false
	}
	v := int(s[0]-'0')*10 + int(s[1]-'0')
	return lo <= v && v <= hi
}
