// Package throttle decides how fast a walk may go and how much it asks for at a time:
// pauses that keep the load on the server, pages that keep other clients waiting for
// no longer than the latency budget, and when to pause for the server's sake. It does
// no I/O and reads no clock: times are passed in.
package throttle
