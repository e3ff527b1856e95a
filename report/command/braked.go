package command

import (
	"io"
	"time"
)

// brakeTold is how long the walk stands back until that is said where there is no
// bar to show it.
const brakeTold = 10 * time.Second

// tellBrakes says on stderr that the walk stands back, once for each time that it
// lasts for longer than after.
func tellBrakes(stderr io.Writer, after time.Duration) func(cause string) {
	var began time.Time
	told := false
	return func(cause string) {
		switch {
		case cause == "":
			began, told = time.Time{}, false
		case began.IsZero():
			began = time.Now()
		case !told && time.Since(began) >= after:
			told = true
			warn(stderr, "the walk stands back from the server since %s; it goes on by itself", cause)
		}
	}
}
