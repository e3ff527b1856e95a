// Package history keeps the profiles that are made of a deployment night after
// night: the files of one label in a directory.
//
// A file is called LABEL-2026-11-21T03-00-00Z.json.zst, after the label of the
// profile and the second in which its walk began, in UTC. Only files that are
// called so, and hold the profile that their name promises, are ever read as such
// or deleted. All else in the directory is left alone, other labels included.
package history
