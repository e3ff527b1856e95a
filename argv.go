package main

import "strings"

// passwordIn is where in a URL its user name and password stand; an empty stretch
// if it has none. People put the one in the place of the other.
func passwordIn(arg string) (start, end int) {
	scheme := strings.Index(arg, "://")
	at := strings.LastIndexByte(arg, '@')
	if scheme < 0 || at < scheme {
		return 0, 0
	}
	return scheme + len("://"), at
}
