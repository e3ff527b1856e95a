package info

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Info is a server's answer to INFO: fields by section, as the server wrote
// them. Section names are in lower case ("memory").
type Info map[string]map[string]string

// Parse reads an answer to INFO. Lines that are no "field:value" are
// passed over: INFO grows with every version and every fork.
func Parse(text string) Info {
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

// Float is a field that is a decimal number, and finite.
func (i Info) Float(name string) (x float64, ok bool) {
	x, err := strconv.ParseFloat(i.Field(name), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// Bytes is a field that is a size: from 0 to less than 2^56, so that sums do not
// overflow.
func (i Info) Bytes(name string) (n int64, ok bool) {
	n, ok = i.Int(name)
	return n, ok && n >= 0 && n < 1<<56
}

// counts are the fields that profiles use and that count something.
var counts = []string{
	"uptime_in_seconds", "maxmemory", "total_system_memory", "used_memory", "used_memory_rss", "used_memory_startup",
	"mem_clients_normal", "mem_clients_slaves", "mem_aof_buffer", "mem_cluster_links",
	"mem_replication_backlog", "mem_total_replication_buffers", "rdb_last_cow_size", "latest_fork_usec",
	"expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses",
}

// seconds are the fields that profiles use and that are CPU times.
var seconds = []string{"used_cpu_user", "used_cpu_sys", "used_cpu_user_main_thread", "used_cpu_sys_main_thread"}

// OddFigure is a field of INFO whose value makes no sense.
type InvalidField struct{ Field, Value string }

// Sane returns i without the fields that make no sense, and these, by name: counts
// and CPU times that are no numbers, negative, infinite or too large, and text that is
// not UTF-8. Lines of databases stay, so that these are walked; see Keyspace.Odd.
func (i Info) Validated() (Info, []InvalidField) {
	sane, odd := Info{}, []InvalidField{}
	for section, fields := range i {
		kept := make(map[string]string, len(fields))
		for name, value := range fields {
			database := section == "keyspace"
			isOdd := isInvalid(name, value) || database && parseKeyspace(value).Invalid
			if isOdd {
				odd = append(odd, InvalidField{name, value})
			}
			if !isOdd || database {
				kept[name] = value
			}
		}
		sane[section] = kept
	}
	slices.SortFunc(odd, func(a, b InvalidField) int { return cmp.Compare(a.Field, b.Field) })
	return sane, odd
}

// makesNoSense reports whether a field cannot be what its name says.
func isInvalid(name, value string) bool {
	switch {
	case !utf8.ValidString(name + value):
		return true
	case value == "": // not told
		return false
	case slices.Contains(counts, name):
		_, err := strconv.ParseUint(value, 10, 63)
		return err != nil
	case slices.Contains(seconds, name):
		x, err := strconv.ParseFloat(value, 64)
		return err != nil || !(x >= 0 && x <= MaxSeconds) // NaN is neither
	}
	return false
}

// MostSeconds is longer than a server runs; as a time.Duration it does not overflow.
const MaxSeconds = 1 << 33

// Keyspace is one database's line in INFO keyspace.
type Keyspace struct {
	Keys    int64 // keys, those expired but not yet removed included
	Expires int64 // keys with a TTL
	Invalid bool  // a figure of the line makes no sense; it is 0 here
}

// Databases are the databases that are not empty, by number.
func (i Info) Databases() map[int]Keyspace {
	dbs := map[int]Keyspace{}
	for field, value := range i["keyspace"] {
		number, isDB := strings.CutPrefix(field, "db")
		n, err := strconv.ParseUint(number, 10, 31)
		if !isDB || err != nil {
			continue
		}
		dbs[int(n)] = parseKeyspace(value)
	}
	return dbs
}

// keyspaceBits is more than the keys that a server can hold; sums of less do not
// overflow.
const keyspaceBits = 48

// parseKeyspace reads "keys=3,expires=1,avg_ttl=0".
func parseKeyspace(value string) (k Keyspace) {
	for item := range strings.SplitSeq(value, ",") {
		name, number, _ := strings.Cut(item, "=")
		into := map[string]*int64{"keys": &k.Keys, "expires": &k.Expires}[name]
		if into == nil {
			continue
		}
		n, err := strconv.ParseUint(number, 10, keyspaceBits)
		if err != nil {
			k.Invalid = true
			continue
		}
		*into = int64(n)
	}
	return k
}
