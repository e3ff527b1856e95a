// Package scanner scans the keys of one Redis or Valkey server: it connects, identifies
// the server, and iterates over its databases with SCAN, sending the caller's probes of
// keys with each page.
//
// It does not interpret the replies: package sampler does. Of keyprof's packages it
// imports scanner/info, which parses INFO, and scanner/throttle, which decides how fast
// and how much to ask. It never sends a command that is not on its allowlist (see
// [Allowed]).
package scanner
