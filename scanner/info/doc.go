// Package info reads what a Redis or Valkey server says of itself in INFO: its
// fields, its role, version and memory, and in which order its cursors go over the
// keys. It does no I/O.
package info
