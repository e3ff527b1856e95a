package command

import (
	"strings"
	"testing"
	"time"
)

func TestTellBrakes(t *testing.T) {
	var out strings.Builder
	tell := tellBrakes(&out, 0)
	for _, cause := range []string{"it began to save (RDB)", "it began to save (RDB)", "it began to save (RDB)", "", "it loads a data set", "it loads a data set"} {
		tell(cause)
	}
	want := "keyprof: warning: the scan pauses since it began to save (RDB); it resumes by itself\n" +
		"keyprof: warning: the scan pauses since it loads a data set; it resumes by itself\n"
	if out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
	out.Reset()
	tell = tellBrakes(&out, time.Hour)
	tell("it loads a data set")
	tell("it loads a data set")
	tell("")
	if out.String() != "" {
		t.Errorf("said %q of a short one", out.String())
	}
}
