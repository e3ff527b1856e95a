// Package info parses the INFO of a Redis or Valkey server: its fields, its role, version
// and memory, and whether SCAN returns its keys in hash order. It does no I/O.
package info
