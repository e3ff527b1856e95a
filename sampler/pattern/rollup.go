package pattern

// RollUp returns what p has in common with all patterns of the same first
// segments, at most depth of them, as parted by delimiters of the first level.
// What is left out is <...>. Text that is no pattern stays as it is.
func (d *Delimiters) RollUp(p string, depth int) string {
	r := patternReader{delims: d, rest: p}
	segments, boundary := 0, true
	for r.rest != "" {
		before := len(p) - len(r.rest)
		if p == emptyPattern || !r.element() {
			return p
		}
		mark := r.marks[len(r.marks)-1]
		strong := d.levelOf(mark)&isStrong != 0
		if !strong && boundary {
			if segments++; segments > depth {
				return p[:before] + kindNames[Rest]
			}
		}
		boundary = strong
	}
	return p
}
