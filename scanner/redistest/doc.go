// Package redistest starts the servers for keyprof's tests, demo and benchmark: real
// redis-server processes (plain, replicated, with TLS), a scripted fake for replies that
// a real server rarely gives, and a TCP proxy that makes the network slow or breaks it.
//
// A real server is used wherever one can be made to do what a test needs: imitations
// reply to SCAN with one page and invent MEMORY USAGE, and keyprof depends on those two
// commands.
//
// Each constructor has two forms: Start... returns an error and is for programs; New...
// takes a testing.TB, fails the test instead, and cleans up at its end.
package redistest
