package sampler

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"keyprof/scanner/info"
)

// saveStatuses are the fields of INFO persistence that say "err" after a failure, and
// what that means (redis.io, INFO; rdb.c and aof.c, writes are refused with MISCONF).
var saveStatuses = []struct{ field, meaning string }{
	{"rdb_last_bgsave_status", "the last RDB save failed: where save points are set, the server refuses writes (MISCONF) until a save succeeds, unless stop-writes-on-bgsave-error is no"},
	{"aof_last_bgrewrite_status", "the last rewrite of the AOF failed: the AOF grows until one succeeds"},
	{"aof_last_write_status", "the last write to the AOF failed: the server refuses writes (MISCONF) until one succeeds"},
}

// warnSaves tells of saves that failed, before the walk or while it ran.
func warnSaves(w *warner, before, after info.Info) {
	for _, s := range saveStatuses {
		info := after
		if info.Field(s.field) != "err" {
			info = before
		}
		if info.Field(s.field) != "err" {
			continue
		}
		facts := forkFacts(info)
		if s.field == "aof_last_write_status" { // nothing is forked
			facts = ""
		}
		w.add("last-save-failed", w.node, "%s (%s:err)%s", s.meaning, s.field, facts)
	}
}

// forkFacts are what INFO says of the child process that saves, and a hint if memory
// may be why there was none.
func forkFacts(info info.Info) string {
	var facts []string
	used, _ := info.Int("used_memory")
	total, _ := info.Int("total_system_memory")
	if used > 0 && total > 0 {
		facts = append(facts, "the server uses "+humanize.IBytes(uint64(used))+" of the machine's "+humanize.IBytes(uint64(total)))
	}
	if fork, _ := info.Int("latest_fork_usec"); fork > 0 && fork < 1e12 {
		facts = append(facts, "the latest fork took "+(time.Duration(fork)*time.Microsecond).String())
	}
	if copied, _ := info.Int("rdb_last_cow_size"); copied > 0 {
		facts = append(facts, "the last save copied "+humanize.IBytes(uint64(copied))+" of memory")
	}
	if len(facts) == 0 {
		return ""
	}
	text := ". " + strings.ToUpper(facts[0][:1]) + strings.Join(facts, ", ")[1:]
	if used > total/2 && total > 0 {
		text += "; with more than half of it in use, a fork may be refused unless vm.overcommit_memory is 1"
	}
	return text
}
