// Command keyprof profiles live Redis and Valkey keyspaces: which namespaces
// hold the memory, which keys never expire, and which nobody touches.
package main

import (
	"os"

	"keyprof/report/command"
)

// version is set by the linker for releases.
var version = "devel"

func main() { os.Exit(command.Main(version)) }
