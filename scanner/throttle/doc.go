// Package throttle decides how fast a scan may go and how much it asks for at a time: it
// chooses pauses that keep the load on the server within its limit, pages that delay
// other clients by no more than the latency budget, and when to pause for the server's
// sake. It does no I/O and reads no clock: callers pass times in.
package throttle
