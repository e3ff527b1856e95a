// Package redistest starts the servers that keyprof's tests, demo and benchmark
// run against: real redis-server processes (plain, replicated, with TLS), a
// scripted fake for answers that a real server gives only on a bad day, and a
// TCP proxy that makes the network slow or breaks it.
//
// A real server is preferred wherever one can be made to do what a test needs:
// imitations answer SCAN with one page and invent what MEMORY USAGE says, and
// those two commands are what keyprof is about.
//
// Everything here comes in two forms: Start... returns an error and is for
// programs, New... takes a testing.TB, fails the test instead and cleans up at
// its end.
package redistest
