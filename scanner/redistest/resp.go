package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// hangUpMark at the end of a reply tells the fake to close the connection. It is
// no possible end of a RESP message.
const hangUpMark = "\x00hang up"

// Simple returns the reply +text.
func Simple(text string) string { return "+" + text + "\r\n" }

// Error returns the reply -text; text begins with the code, as in "LOADING Redis
// is loading the dataset in memory".
func Error(text string) string { return "-" + text + "\r\n" }

// Integer returns the reply :n.
func Integer(n int64) string { return ":" + strconv.FormatInt(n, 10) + "\r\n" }

// Bulk returns data as a bulk string.
func Bulk(data string) string {
	return "$" + strconv.Itoa(len(data)) + "\r\n" + data + "\r\n"
}

// Null returns the null of RESP2, which clients of RESP3 understand as well.
func Null() string { return "$-1\r\n" }

// Array returns an array of bulk strings, which is also how a command is sent.
func Array(items ...string) string {
	var b strings.Builder
	b.WriteString(ArrayHeader(int64(len(items))))
	for _, item := range items {
		b.WriteString(Bulk(item))
	}
	return b.String()
}

// ArrayHeader announces an array of n elements, which the caller appends, or not:
// ArrayHeader(2_000_000_000) alone is a hostile reply.
func ArrayHeader(n int64) string { return "*" + strconv.FormatInt(n, 10) + "\r\n" }

// ScanPage returns the reply of SCAN: the next cursor and a page of key names.
func ScanPage(cursor uint64, keys ...string) string {
	return ArrayHeader(2) + Bulk(strconv.FormatUint(cursor, 10)) + Array(keys...)
}

// HangUpAfter returns a reply of which only the first n bytes are sent (all, if
// there are fewer); the connection is closed after them.
func HangUpAfter(n int, reply string) string {
	return reply[:min(n, len(reply))] + hangUpMark
}

// UnknownCommand is the Handler of a server that knows no commands: it replies with the
// error of Redis 7.0.
func UnknownCommand(args []string) string {
	var rest strings.Builder
	for _, arg := range args[1:] {
		fmt.Fprintf(&rest, "'%s' ", arg)
	}
	return Error(fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", args[0], rest.String()))
}

const (
	maxArgs     = 1 << 20  // of a command sent to a Fake
	maxArgBytes = 64 << 20 // of one argument
)

// readCommand reads an array of bulk strings, or one line of words as telnet
// sends it.
func readCommand(r *bufio.Reader) ([]string, error) {
	line, err := readLine(r)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(line, "*") {
		if words := strings.Fields(line); len(words) > 0 {
			return words, nil
		}
		return nil, errors.New("empty command")
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 1 || n > maxArgs {
		return nil, fmt.Errorf("bad command header %q", line)
	}
	args := make([]string, n)
	for i := range args {
		if args[i], err = readBulk(r); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func readBulk(r *bufio.Reader) (string, error) {
	line, err := readLine(r)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimPrefix(line, "$"))
	if err != nil || n < 0 || n > maxArgBytes {
		return "", fmt.Errorf("bad argument header %q", line)
	}
	data := make([]byte, n+2)
	if _, err := io.ReadFull(r, data); err != nil {
		return "", err
	}
	return string(data[:n]), nil
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
