package pattern_test

import (
	"fmt"

	"keyprof/sampler/pattern"
)

func ExampleLexer_AppendPattern() {
	lexer := pattern.NewLexer()
	var buf []byte
	for _, name := range []string{
		"resque:status:3f2504e0-4f89-41d3-9a0c-0305e82c3301",
		"1774000000:cust-4711:Ab3dEf6hIj9kLm2nOp5qRs8t",
		"user:4711:profile",
	} {
		buf = lexer.AppendPattern(buf[:0], name)
		fmt.Printf("%s\n", buf)
	}
	// Output:
	// resque:status:<uuid>
	// <ts>:cust-<int>:<rand>
	// user:<int>:profile
}
