package command

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyprof/sampler/aggregate"
	"keyprof/sampler/pattern"
	"keyprof/sampler/pattern/patterntest"
	"keyprof/scanner"
	"keyprof/scanner/info"
	"keyprof/scanner/redistest"
)

// block is one fenced block of the README, or of a topic.
type block struct{ file, info, text string }

const (
	topicsDir   = "report/command/topics"
	benchReadme = "scripts/bench/README.md"
)

// readmeBlocks returns the blocks of the README and of all topics.
func readmeBlocks(t *testing.T) []block {
	t.Helper()
	topics, err := filepath.Glob(topicsDir + "/*.md")
	if err != nil || len(topics) < 10 {
		t.Fatalf("topics %v: %v", topics, err)
	}
	var blocks []block
	for _, file := range append([]string{"README.md"}, topics...) {
		for _, m := range regexp.MustCompile("(?ms)^```([^\n]+)\n(.*?)^```$").FindAllStringSubmatch(fileText(t, file), -1) {
			blocks = append(blocks, block{file: file, info: m[1], text: m[2]})
		}
	}
	return blocks
}

func fileText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A README that people finish is short, and names every topic.
func TestReadmeIsShort(t *testing.T) {
	readme := fileText(t, "README.md")
	if lines := strings.Count(readme, "\n"); lines > 250 {
		t.Errorf("README.md has %d lines", lines)
	}
	topics, _ := filepath.Glob(topicsDir + "/*.md")
	for _, topic := range topics {
		name := strings.TrimSuffix(filepath.Base(topic), ".md")
		first, _, _ := strings.Cut(fileText(t, topic), "\n")
		if about, ok := strings.CutPrefix(first, "# keyprof "+name+": "); !ok || !strings.Contains(readme, fmt.Sprintf("| [%s](%s) | %s |\n", name, topic, about)) {
			t.Errorf("README.md does not list %s with %q", topic, first)
		}
	}
}

func blockOf(t *testing.T, info string) string {
	t.Helper()
	for _, b := range readmeBlocks(t) {
		if b.info == info {
			return b.text
		}
	}
	t.Fatalf("README and topics have no block of %q", info)
	return ""
}

// shell runs a line in a folder of its own that has testdata in it.
func shell(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Errorf("$ %s\n%v\n%s", line, err, stderr.String())
	}
	return string(out)
}

// storyServer is a replica, for what the README shows of one. Its user lacks a
// right.
func storyServer(t *testing.T) *redistest.Server {
	t.Helper()
	ctx := context.Background()
	primary := redistest.New(t)
	if err := redistest.SeedResque(ctx, primary.Client()); err != nil {
		t.Fatal(err)
	}
	if err := redistest.SeedTickets(ctx, primary.ClientDB(3)); err != nil {
		t.Fatal(err)
	}
	replica := redistest.Replica(t, primary, "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru")
	if err := replica.Client().Do(ctx, "ACL", "SETUSER", "prof", "on", ">s3cret", "~*", "+@all", "-object|idletime").Err(); err != nil {
		t.Fatal(err)
	}
	return replica
}

// storyShell runs a line of the story against the replica in the place of the
// one that it names. Exit code 4 is part of the story, and so is what redis-cli
// is asked to do.
func storyShell(t *testing.T, dir, line string, replica *redistest.Server) string {
	t.Helper()
	real := strings.NewReplacer("redis://replica.internal:6379", replica.URL(), "-h replica.internal", "-s "+replica.Socket()).Replace(line)
	cmd := exec.Command("sh", "-c", real)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "REDISCLI_AUTH=s3cret")
	if strings.HasPrefix(line, "redis-cli") {
		cmd.Env = os.Environ()
	}
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitDone && code != exitIncomplete {
		t.Errorf("$ %s\n%v\n%s", line, err, out)
	}
	primary := regexp.MustCompile(`up, to 127\.0\.0\.1:\d+`)
	text := strings.ReplaceAll(string(out), replica.Addr(), "replica.internal:6379")
	return primary.ReplaceAllString(text, "up, to primary.internal:6379")
}

// shape is a text without what differs from run to run: figures, and where lines
// break.
func shape(text string) string {
	text = regexp.MustCompile(`(?s)• .*?\n\n`).ReplaceAllString(text, "\n\n") // what was timed
	text = regexp.MustCompile(`[0-9][0-9.,:-]*( [KMG]iB| %|ms|µs|m|s|h)*[0-9smh]*`).ReplaceAllString(text, "N")
	return strings.Join(strings.Fields(text), " ")
}

// TestReadmeStory runs what the topic check shows of a replica, one after the other.
// UPDATE=1 writes the output into it.
func TestReadmeStory(t *testing.T) {
	dir, replica, told := workFolder(t), storyServer(t), 0
	for _, b := range readmeBlocks(t) {
		if b.info != "console replica" {
			continue
		}
		told++
		command, want, _ := strings.Cut(strings.TrimPrefix(b.text, "$ "), "\n")
		got := storyShell(t, dir, command, replica)
		if shape(got) == shape(want) {
			continue
		}
		differs(t, b, command, got)
	}
	if told < 3 {
		t.Errorf("the story has %d parts", told)
	}
}

func workFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(testdata, filepath.Join(dir, "testdata")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestReadmeReports runs each "$ command" of README and topics and compares what it
// prints. UPDATE=1 writes the output into them.
func TestReadmeReports(t *testing.T) {
	dir := workFolder(t)
	for _, b := range readmeBlocks(t) {
		if b.info != "console" {
			continue
		}
		command, want, _ := strings.Cut(strings.TrimPrefix(b.text, "$ "), "\n")
		got := shell(t, dir, command)
		if got == want {
			continue
		}
		differs(t, b, command, got)
	}
}

// TestReadmeDecisions checks that the example of decisions is the file by which
// the topic namespaces groups names, and that its table has all there is to decide.
func TestReadmeDecisions(t *testing.T) {
	const path = "testdata/decisions.json"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := blockOf(t, "json"); got != string(text) {
		t.Errorf("the decisions are not those of %s:\n%s", path, got)
	}
	read, err := readDecisions(path)
	if err != nil {
		t.Fatal(err)
	}
	if read.Dictionary.Lexer != pattern.Version {
		t.Errorf("%s has lexer %d, it is %d", path, read.Dictionary.Lexer, pattern.Version)
	}
	topic := fileText(t, topicsDir+"/namespaces.md")
	for _, field := range reflect.VisibleFields(reflect.TypeFor[pattern.Dictionary]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !strings.Contains(topic, "\n| `"+name+"` |") {
			t.Errorf("the topic does not explain %s of the decisions", name)
		}
	}
}

// TestReadmeCommands runs the examples against a real server in the place of
// the one that they name.
func TestReadmeCommands(t *testing.T) {
	server := redistest.New(t)
	if err := redistest.Mixed(context.Background(), server.Client(), 500, 1); err != nil {
		t.Fatal(err)
	}
	for _, db := range []int{0, 3} {
		if err := server.ClientDB(db).Set(context.Background(), "session:1", "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	dir := workFolder(t)
	config := strings.ReplaceAll(blockOf(t, "toml"), "redis://replica.internal:6379", server.SocketURL())
	for name, text := range map[string]string{"keyprof.toml": config, "keyprof.password": "s3cret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ran := 0
	for _, b := range readmeBlocks(t) {
		for line := range strings.Lines(b.text) {
			if b.info == "sh" && strings.HasPrefix(line, "keyprof ") && !strings.Contains(line, "--askpass") {
				shell(t, dir, strings.ReplaceAll(line, "redis://replica.internal:6379", server.SocketURL()))
				ran++
			}
		}
	}
	if ran < 8 {
		t.Errorf("ran %d examples", ran)
	}
}

// helpExamples are the example lines of a command's --help.
func helpExamples(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.Command("keyprof", command, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "keyprof "+command+" ") && strings.HasPrefix(line, "keyprof") && !strings.Contains(line, "[command options]") && !strings.Contains(line, " - ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Examples in --help parse: what they name does not exist here, so each must
// fail for that reason and no other.
func TestHelpExamplesParse(t *testing.T) {
	t.Setenv("REDISCLI_AUTH", "in the place of --askpass")
	for _, command := range []string{"profile", "check", "report"} {
		examples := helpExamples(t, command)
		if len(examples) < 3 {
			t.Errorf("%s --help has %d examples", command, len(examples))
		}
		for _, example := range examples {
			line := strings.ReplaceAll(strings.ReplaceAll(example, "replica.internal", "127.0.0.1:1"), ":6379", "")
			line = regexp.MustCompile(` \|.*| > [\w.]+$|--askpass|--cacert \S+`).ReplaceAllString(line, "")
			line = strings.ReplaceAll(strings.ReplaceAll(line, "db.internal:6380", "127.0.0.1:1"), "-p 56379", "-p 1")
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = t.TempDir()
			cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != exitFailed {
				t.Errorf("%s: exit code %d, want %d (no such server or file)", line, code, exitFailed)
			}
		}
	}
}

// The ACL rules of README and topics are those that keyprof check prints, and a user made
// by the rule for this server's version misses nothing.
func TestReadmeACL(t *testing.T) {
	for _, version := range []string{"6.0", "7.0"} {
		node := info.Node{Info: info.Parse("# Server\nredis_version:" + version + ".0\n")}
		for _, b := range readmeBlocks(t) {
			if got := strings.TrimSpace(b.text); b.info == "acl "+version && got != scanner.ACLNewUser(node) {
				t.Errorf("for %s %s has\n%s\nand keyprof prints\n%s", version, b.file, got, scanner.ACLNewUser(node))
			}
		}
	}
	server := redistest.New(t)
	ctx := context.Background()
	if err := redistest.Mixed(ctx, server.Client(), 200, 1); err != nil {
		t.Fatal(err)
	}
	var rule []any
	for word := range strings.FieldsSeq(blockOf(t, "acl 7.0")) {
		rule = append(rule, strings.ReplaceAll(word, "PASSWORD", "s3cret"))
	}
	if err := server.Client().Do(ctx, rule...).Err(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDISCLI_AUTH", "s3cret")
	out := shell(t, t.TempDir(), "keyprof profile --user prof --format json "+server.SocketURL())
	if !strings.Contains(out, `"missing": []`) || !strings.Contains(out, `"complete": true`) || strings.Contains(out, "refused") {
		t.Errorf("with the README's ACL rule: %.500s", out)
	}
}

// The stunnel configuration of the README works, with the certificates of a
// server that wants one from its clients.
func TestReadmeStunnel(t *testing.T) {
	server := redistest.NewTLS(t, "--tls-auth-clients", "yes")
	accept := redistest.FreeAddress(t)
	config := strings.NewReplacer(
		"127.0.0.1:56379", accept, "redis.example.com:6380", server.Addr(),
		"/etc/stunnel/ca.pem", server.CAFile, "checkHost = redis.example.com", "checkHost = localhost",
		"/etc/stunnel/client.pem", server.CertFile, "/etc/stunnel/client.key", server.KeyFile,
	).Replace(blockOf(t, "ini"))
	redistest.NewStunnel(t, config, accept)
	if out := shell(t, t.TempDir(), "keyprof profile redis://"+accept); !strings.Contains(out, "complete") {
		t.Errorf("through stunnel: %s", out)
	}
	server.Kill()
	cmd := exec.Command("keyprof", "profile", "redis://"+accept)
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "behind stunnel") {
		t.Errorf("with a dead server behind stunnel: exit code %d, %s", cmd.ProcessState.ExitCode(), out)
	}
}

// Every exit code of the program stands in the README and in --help.
func TestExitCodesAreDocumented(t *testing.T) {
	readme := fileText(t, "README.md")
	for _, code := range []int{exitDone, exitFailed, exitUsage, exitIncomplete, exitAlarm, exitInterrupted} {
		if !strings.Contains(readme, fmt.Sprintf("\n| %d |", code)) {
			t.Errorf("the README does not list exit code %d", code)
		}
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^  %d +\S`, code)).MatchString(exitStatusHelp) {
			t.Errorf("--help does not list exit code %d", code)
		}
	}
}

// differs fails because a command prints other than its block says, or mends the
// block if UPDATE is set.
func differs(t *testing.T, b block, command, got string) {
	t.Helper()
	if os.Getenv("UPDATE") == "" {
		t.Errorf("$ %s prints other than %s says (UPDATE=1 go test -run Readme ./report/command mends it):\n%s", command, b.file, got)
		return
	}
	if err := os.WriteFile(b.file, []byte(strings.Replace(fileText(t, b.file), b.text, "$ "+command+"\n"+got, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReadmeFamilies checks that the topic namespaces shows what becomes of each family
// of names that grouping is tested with.
func TestReadmeFamilies(t *testing.T) {
	var table strings.Builder
	for i, f := range patterntest.Families() {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		example := f.Generate(rng, 1)[0]
		names := f.Generate(rng, 1000)
		namespace := namespaceOf(names)
		if f.Words() > 1 { // each word has a row of its own, as all are literals
			namespace = namespaceOf([]string{example})
			if !hasNamespace(append(names, example), namespace) {
				t.Errorf("%s: among others, %q is not in %s", f.Name, example, namespace)
			}
		}
		fmt.Fprintf(&table, "| `%s` | `%s` |\n", cell(shorten(example)), cell(namespace))
	}
	if !strings.Contains(fileText(t, topicsDir+"/namespaces.md"), table.String()) {
		t.Errorf("the topic's table of namespaces should be\n%s", table.String())
	}
}

// namespaceOf is the namespace of most of the names.
func namespaceOf(names []string) string {
	groups := groupsOf(names)
	return slices.MinFunc(groups.Namespaces, byNames).Pattern
}

func hasNamespace(names []string, namespace string) bool {
	return slices.ContainsFunc(groupsOf(names).Namespaces, func(n aggregate.NameGroup) bool { return n.Pattern == namespace })
}

func groupsOf(names []string) *aggregate.NameGroups {
	return aggregate.GroupNames(slices.Values(names), aggregate.Grouping{Limit: aggregate.DefaultNamespaceLimit})
}

// shorten prints a name for a table.
func shorten(name string) string {
	quoted := strconv.QuoteToASCII(name)
	quoted = quoted[1 : len(quoted)-1]
	if len(quoted) > 60 {
		return quoted[:59] + "…"
	}
	return quoted
}

// cell escapes what would end a cell of a Markdown table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// benchMarkers enclose what `make bench` wrote, in benchReadme.
const (
	benchBegins = "<!-- bench -->\n"
	benchEnds   = "<!-- /bench -->\n"
)

// TestReadmeBench checks that benchReadme shows what `make bench` measured last.
// UPDATE=1 writes it there.
func TestReadmeBench(t *testing.T) {
	want := fileText(t, "testdata/bench.md")
	before, rest, begins := strings.Cut(fileText(t, benchReadme), benchBegins)
	got, after, ends := strings.Cut(rest, benchEnds)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no place for the table between %q and %q", benchReadme, benchBegins, benchEnds)
	case got == want:
	case os.Getenv("UPDATE") == "":
		t.Errorf("the table of %s is not that of testdata/bench.md (UPDATE=1 go test -run ReadmeBench ./report/command mends it)", benchReadme)
	default:
		if err := os.WriteFile(benchReadme, []byte(before+benchBegins+want+benchEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
