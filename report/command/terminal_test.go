package command

import (
	"strings"
	"testing"
	"time"
)

func TestTellPauses(t *testing.T) {
	var out strings.Builder
	tell := tellPauses(&out, 0)
	for _, cause := range []string{"an RDB save started", "an RDB save started", "an RDB save started", "", "a data set is being loaded", "a data set is being loaded"} {
		tell(cause)
	}
	want := "keyprof: warning: the scan pauses: an RDB save started; it resumes by itself\n" +
		"keyprof: warning: the scan pauses: a data set is being loaded; it resumes by itself\n"
	if out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
	out.Reset()
	tell = tellPauses(&out, time.Hour)
	tell("a data set is being loaded")
	tell("a data set is being loaded")
	tell("")
	if out.String() != "" {
		t.Errorf("said %q of a short one", out.String())
	}
}
