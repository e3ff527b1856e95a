// Package history keeps the profiles of a deployment over time: the files of one
// label in a directory.
//
// A file is named LABEL-2026-11-21T03-00-00Z.json.zst, after the label of the
// profile and the second in which its scan began, in UTC. Only files that are named
// so, and hold the profile of their name, are ever read as profiles or deleted. All
// other files in the directory are left alone, those of other labels included.
package history
