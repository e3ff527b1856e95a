package command

import (
	"os"
	"strings"
	"unsafe"
)

// hideArguments overwrites the passwords of URLs among the arguments of the
// process, so that the list of processes does not show them for the time of a
// walk. On Linux os.Args are the process's own memory, which ps reads; what goes
// on using them gets copies.
func hideArguments() {
	own := os.Args
	os.Args = make([]string, len(own))
	for i, arg := range own {
		os.Args[i] = strings.Clone(arg)
		if start, end := passwordIn(os.Args[i]); start < end {
			overwrite(arg, start, end)
		}
	}
}

// overwrite puts stars in the place of text[start:end], which must lie in memory
// that may be written to.
func overwrite(text string, start, end int) {
	bytes := unsafe.Slice(unsafe.StringData(text), len(text))
	for i := start; i < end; i++ {
		bytes[i] = '*'
	}
}
