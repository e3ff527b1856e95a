package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"
	"runtime"
	"strconv"
)

// The ceiling is the speed of the fastest possible program that asks what keyprof asks:
// one raw connection with two cursor ranges and one pipeline of each in flight, so that
// the server always has work. A pipeline has four probes for each key of the current
// page, OBJECT REFCOUNT for the small strings of the page before, and the SCAN for the
// next page, like keyprof's.
//
// It leaves out all that makes a profile: it keeps nothing of a reply but names, the
// cursor, and whether a key is a small string. It supports neither TLS nor passwords, nor
// databases other than 0; it has no deadlines and no limits on what a server may
// announce, and does not check whether the server's cursors are those of a hash table. It
// scans to the end of the page at which the ranges meet, so that some keys are probed
// twice, and does not drop names that SCAN repeats.

// ceilingChild is the first argument of the child process that measures the ceiling.
const ceilingChild = "ceiling"

// ceilingMain scans the server at a network address, and prints how many keys it probed.
func ceilingMain(args []string) {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench ceiling NETWORK ADDRESS")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(1) // as keyprof has it
	n, err := walkCeiling(args[0], args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "ceiling: error: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(n)
}

func walkCeiling(network, address string) (keys int64, err error) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	c := &ceilingConn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	const middle = 1 << 63
	ranges := []*ceilingRange{{end: middle}, {at: middle}}
	for _, r := range ranges {
		if err := c.send(r); err != nil {
			return 0, err
		}
	}
	for len(ranges) > 0 {
		r := ranges[0]
		ranges = ranges[1:]
		if err := c.receive(r); err != nil {
			return 0, err
		}
		keys += int64(len(r.names))
		if r.over && len(r.names) == 0 && len(r.suspects) == 0 {
			continue
		}
		if err := c.send(r); err != nil {
			return 0, err
		}
		ranges = append(ranges, r)
	}
	return keys, nil
}

// ceilingRange is a scan from one position to another. A position is a cursor with its
// bits reversed: SCAN goes up them.
type ceilingRange struct {
	at, end  uint64 // end 0: where SCAN says that it is over
	over     bool
	names    [][]byte // of the page at hand
	suspects [][]byte // names of small strings in the page before
	block    []byte   // that has the names
}

type ceilingConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte // pipeline
}

const ceilingScanCount = "100"

// send sends the pipeline of a range.
func (c *ceilingConn) send(r *ceilingRange) error {
	c.out = c.out[:0]
	for _, name := range r.names {
		c.ask("*3\r\n$6\r\nmemory\r\n$5\r\nusage\r\n", name)
		c.ask("*2\r\n$4\r\npttl\r\n", name)
		c.ask("*3\r\n$6\r\nobject\r\n$8\r\nidletime\r\n", name)
		c.ask("*2\r\n$4\r\ntype\r\n", name)
	}
	for _, name := range r.suspects {
		c.ask("*3\r\n$6\r\nobject\r\n$8\r\nrefcount\r\n", name)
	}
	if !r.over {
		c.ask("*4\r\n$4\r\nscan\r\n", strconv.AppendUint(nil, bits.Reverse64(r.at), 10))
		c.out = append(c.out, "$5\r\ncount\r\n$3\r\n"+ceilingScanCount+"\r\n"...)
	}
	_, err := c.conn.Write(c.out)
	return err
}

// ask adds a command up to its last argument, and that.
func (c *ceilingConn) ask(command string, arg []byte) {
	c.out = append(c.out, command...)
	c.out = append(c.out, '$')
	c.out = strconv.AppendInt(c.out, int64(len(arg)), 10)
	c.out = append(c.out, '\r', '\n')
	c.out = append(c.out, arg...)
	c.out = append(c.out, '\r', '\n')
}

// receive reads the replies to the pipeline of a range, which then has the names of its
// next page.
func (c *ceilingConn) receive(r *ceilingRange) error {
	asked := len(r.suspects)
	suspects := make([][]byte, 0, len(r.names))
	for _, name := range r.names {
		small, err := c.probed(len(name))
		if err != nil {
			return err
		}
		if small {
			suspects = append(suspects, name)
		}
	}
	r.suspects, r.names = suspects, nil
	if err := c.skip(asked); err != nil || r.over {
		return err
	}
	return c.page(r)
}

// probed reads the replies to the four probes of a key with a name of n bytes, and
// reports whether it may be a shared integer: then keyprof asks for its OBJECT REFCOUNT.
func (c *ceilingConn) probed(n int) (bool, error) {
	line, err := c.line()
	if err != nil {
		return false, err
	}
	size := -1 // of a key that is gone
	if line[0] == ':' {
		size = number(line[1:])
	}
	if err := c.skip(2); err != nil {
		return false, err
	}
	line, err = c.line()
	return size >= 0 && size <= smallString(n) && bytes.Equal(line, []byte("+string")), err
}

// smallString returns the largest reply of MEMORY USAGE for a key that holds an integer
// and has a name of n bytes, as in package sampler (sharedBytes).
func smallString(n int) int { return 72 + max(n+25, (n+10)*5/4) }

// page reads the reply to SCAN.
func (c *ceilingConn) page(r *ceilingRange) error {
	if line, err := c.line(); err != nil || string(line) != "*2" {
		return errors.Join(err, errNotScan)
	}
	var err error
	if r.block, err = c.bulk(nil); err != nil {
		return err
	}
	cursor, err := strconv.ParseUint(string(r.block), 10, 64)
	if err != nil {
		return err
	}
	r.at = bits.Reverse64(cursor)
	r.over = r.at == 0 || r.end > 0 && r.at >= r.end
	line, err := c.line()
	if err != nil || line[0] != '*' {
		return errors.Join(err, errNotScan)
	}
	return c.names(r, number(line[1:]))
}

var errNotScan = errors.New("malformed reply to SCAN")

// names reads n names into one block.
func (c *ceilingConn) names(r *ceilingRange, n int) (err error) {
	r.block = make([]byte, 0, max(len(r.block), 50*n))
	r.names = make([][]byte, n)
	for i := range r.names {
		began := len(r.block)
		if r.block, err = c.bulk(r.block); err != nil {
			return err
		}
		r.names[i] = r.block[began:]
	}
	return nil
}

// bulk reads a string and appends it.
func (c *ceilingConn) bulk(b []byte) ([]byte, error) {
	line, err := c.line()
	if err != nil || line[0] != '$' {
		return b, errors.Join(err, errNotScan)
	}
	for left := number(line[1:]) + len("\r\n"); left > 0; {
		part, err := c.in.Peek(min(left, c.in.Size()))
		if err != nil {
			return b, err
		}
		b = append(b, part...)
		left -= len(part)
		if _, err := c.in.Discard(len(part)); err != nil {
			return b, err
		}
	}
	return b[:len(b)-len("\r\n")], nil
}

// skip discards replies of one line each. An error reply ends the scan: no server of the
// benchmark refuses anything.
func (c *ceilingConn) skip(answers int) error {
	for range answers {
		if _, err := c.line(); err != nil {
			return err
		}
	}
	return nil
}

// line reads a line without its end.
func (c *ceilingConn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 3 || line[0] == '-' {
		return nil, fmt.Errorf("the server replied %.100q", line)
	}
	return line[:len(line)-2], nil
}

// number parses the digits of a number that is not negative.
func number(digits []byte) (n int) {
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}
