package scanner

import (
	"strconv"
	"strings"
	"time"
)

// Info is a server's answer to INFO: fields by section, as the server wrote
// them. Section names are in lower case ("memory").
type Info map[string]map[string]string

// ParseInfo reads an answer to INFO. Lines that are no "field:value" are
// passed over: INFO grows with every version and every fork.
func ParseInfo(text string) Info {
	info := Info{}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, isSection := strings.CutPrefix(line, "# "); isSection {
			section = strings.ToLower(strings.TrimSpace(name))
			info[section] = map[string]string{}
			continue
		}
		field, value, found := strings.Cut(line, ":")
		if !found || field == "" {
			continue
		}
		if info[section] == nil {
			info[section] = map[string]string{}
		}
		info[section][field] = value
	}
	return info
}

// Field is the value of a field in whichever section it stands; empty when the
// server does not send it.
func (i Info) Field(name string) string {
	for _, fields := range i {
		if v, ok := fields[name]; ok {
			return v
		}
	}
	return ""
}

// Int is a field that is a whole number.
func (i Info) Int(name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(i.Field(name), 10, 64)
	return n, err == nil
}

// Float is a field that is a decimal number.
func (i Info) Float(name string) (x float64, ok bool) {
	x, err := strconv.ParseFloat(i.Field(name), 64)
	return x, err == nil
}

// Keyspace is one database's line in INFO keyspace.
type Keyspace struct {
	Keys    int64 // keys, those expired but not yet removed included
	Expires int64 // keys with a TTL
}

// Databases are the databases that are not empty, by number.
func (i Info) Databases() map[int]Keyspace {
	dbs := map[int]Keyspace{}
	for field, value := range i["keyspace"] {
		number, isDB := strings.CutPrefix(field, "db")
		n, err := strconv.Atoi(number)
		if !isDB || err != nil || n < 0 {
			continue
		}
		dbs[n] = parseKeyspace(value)
	}
	return dbs
}

// parseKeyspace reads "keys=3,expires=1,avg_ttl=0".
func parseKeyspace(value string) Keyspace {
	var k Keyspace
	for item := range strings.SplitSeq(value, ",") {
		name, number, _ := strings.Cut(item, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 {
			continue
		}
		switch name {
		case "keys":
			k.Keys = n
		case "expires":
			k.Expires = n
		}
	}
	return k
}

// commandTime adds up the usec of INFO commandstats over the commands that may
// be sent. Before 7.0 subcommands are not told apart.
func (i Info) commandTime() time.Duration {
	var sum int64
	for field, value := range i["commandstats"] {
		name, isCommand := strings.CutPrefix(field, "cmdstat_")
		name = strings.ReplaceAll(name, "|", " ")
		if !isCommand || !allowed[name] && !containers[name] {
			continue
		}
		for item := range strings.SplitSeq(value, ",") {
			if usec, ok := strings.CutPrefix(item, "usec="); ok {
				n, _ := strconv.ParseInt(usec, 10, 64) // not a number: nothing is known
				sum += n
			}
		}
	}
	return time.Duration(sum) * time.Microsecond
}

// cpuTime is what the main thread has used, or the whole process.
func (i Info) cpuTime() (time.Duration, bool) {
	for _, thread := range []string{"_main_thread", ""} {
		user, ok := i.Float("used_cpu_user" + thread)
		sys, alsoOK := i.Float("used_cpu_sys" + thread)
		if ok && alsoOK {
			return time.Duration((user + sys) * float64(time.Second)), true
		}
	}
	return 0, false
}
