package info

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Info holds a reply to INFO: fields by section, as the server wrote them. Section names
// are in lower case ("memory").
type Info map[string]map[string]string

// Parse parses a reply to INFO. It ignores lines that are not "field:value": INFO grows
// with every version and fork.
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

// Field returns the value of a field in whichever section it is; empty if the server does
// not send it.
func (i Info) Field(name string) string {
	for _, fields := range i {
		if v, ok := fields[name]; ok {
			return v
		}
	}
	return ""
}

// Int returns a field that is a whole number.
func (i Info) Int(name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(i.Field(name), 10, 64)
	return n, err == nil
}

// Float returns a field that is a finite decimal number.
func (i Info) Float(name string) (x float64, ok bool) {
	x, err := strconv.ParseFloat(i.Field(name), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// Bytes returns a field that is a size: from 0 to less than 2^56, so that sums do not
// overflow.
func (i Info) Bytes(name string) (n int64, ok bool) {
	n, ok = i.Int(name)
	return n, ok && n >= 0 && n < 1<<56
}

// counts lists the fields used in profiles that count something.
var counts = []string{
	"uptime_in_seconds", "maxmemory", "total_system_memory", "used_memory", "used_memory_rss", "used_memory_startup",
	"mem_clients_normal", "mem_clients_slaves", "mem_aof_buffer", "mem_cluster_links",
	"mem_replication_backlog", "mem_total_replication_buffers", "rdb_last_cow_size", "latest_fork_usec",
	"expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses",
}

// seconds lists the fields used in profiles that are CPU times.
var seconds = []string{"used_cpu_user", "used_cpu_sys", "used_cpu_user_main_thread", "used_cpu_sys_main_thread"}

// InvalidField is a field of INFO with an impossible value.
type InvalidField struct{ Field, Value string }

// Validated returns i without the invalid fields, and those, sorted by name: counts and
// CPU times that are not numbers, negative, infinite or too large, and text that is not
// UTF-8. Lines of databases stay, so that these are scanned; see Keyspace.Invalid.
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

// isInvalid reports whether the field cannot have this value.
func isInvalid(name, value string) bool {
	switch {
	case !utf8.ValidString(name + value):
		return true
	case value == "": // not reported
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

// MaxSeconds is longer than any server runs; as a time.Duration it does not overflow.
const MaxSeconds = 1 << 33

// Keyspace holds one database's line of INFO keyspace.
type Keyspace struct {
	Keys    int64 // keys, including those expired but not yet removed
	Expires int64 // keys with a TTL
	Invalid bool  // a figure of the line is invalid and 0 here
}

// Databases returns the databases that are not empty, by number.
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

// keyspaceBits limits the number of keys to more than a server can hold; sums do not
// overflow.
const keyspaceBits = 48

// parseKeyspace parses "keys=3,expires=1,avg_ttl=0".
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
