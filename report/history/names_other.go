//go:build !unix

package history

import "io/fs"

// linkCount returns the number of hard links of a file.
func linkCount(fs.FileInfo) uint64 { return 1 }
