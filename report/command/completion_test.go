package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// completions lists the expected completions of lines. The last word of a line is being
// typed.
var completions = []struct {
	line string
	want []string // among others, unless only is set
	only bool
}{
	{"keyprof ", append([]string{"profile", "report"}, "completion", "version"), false},
	{"keyprof prof", []string{"profile"}, true},
	{"keyprof profile --form", []string{"--format"}, true},
	{"keyprof profile --quiet --max-", []string{"--max-duration", "--max-load"}, false},
	{"keyprof profile --format ", []string{"text", "json", "csv", "markdown"}, false},
	{"keyprof check --format ", []string{"text", "json"}, true},
	{"keyprof report -f mark", []string{"markdown"}, true},
	{"keyprof profile redis://a --sort no", []string{"no-ttl-bytes"}, true},
	{"keyprof patterns --format j", []string{"json"}, true},
	{"keyprof profile --db a", []string{"all"}, true},
	{"keyprof report ni", []string{"nightly run.json"}, true},
	{"keyprof report --top 5 ni", []string{"nightly run.json"}, true},
	{"keyprof profile --config set", []string{"settings.toml"}, true},
	{"keyprof profile --label se", nil, true},
	{"keyprof profile se", nil, true},
	{"keyprof schema se", nil, true},
	{"keyprof completion z", []string{"zsh"}, true},
	{"keyprof help samp", []string{"sampling"}, true},
}

// shellFolder has the completion script of a shell in it, and some files.
func shellFolder(t *testing.T, shell string) string {
	t.Helper()
	dir := t.TempDir()
	script := runHere(t, "completion", shell)
	for name, text := range map[string]string{"script": script, "nightly run.json": "", "settings.toml": "", "seldom": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ask runs a program of a shell in a folder.
func ask(t *testing.T, dir, shell string, args ...string) string {
	t.Helper()
	cmd := exec.Command(shell, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	return string(out)
}

func checkOffers(t *testing.T, offers func(line string) []string) {
	t.Helper()
	for _, tt := range completions {
		got := offers(tt.line)
		for _, want := range tt.want {
			if !slices.Contains(got, want) {
				t.Errorf("%q offers %q, want %q", tt.line, got, want)
			}
		}
		if tt.only && len(got) != len(tt.want) {
			t.Errorf("%q offers %q, want only %q", tt.line, got, tt.want)
		}
	}
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
}

// bashOffers asks as readline does, which parts words at = as well.
const bashOffers = `set -u
source ./script
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_keyprof
printf '%s\n' "${COMPREPLY[@]-}"
`

func TestBashCompletion(t *testing.T) {
	dir := shellFolder(t, "bash")
	offers := func(words ...string) []string {
		return lines(ask(t, dir, "bash", append([]string{"--norc", "-c", bashOffers, "bash"}, words...)...))
	}
	checkOffers(t, func(line string) []string { return offers(strings.Split(line, " ")...) })
	if got := offers("keyprof", "report", "--format", "=", "js"); !slices.Equal(got, []string{"json"}) {
		t.Errorf("--format=js offers %q", got)
	}
	if got := offers("keyprof", "report", "--format", "="); !slices.Equal(got, []string{"text", "json", "csv", "markdown"}) {
		t.Errorf("--format= offers %q", got)
	}
	if got := offers("keyprof", "redis://a", "--form"); !slices.Equal(got, []string{"--format"}) {
		t.Errorf("after a URL, --form offers %q", got)
	}
	if registered := ask(t, dir, "bash", "--norc", "-c", "source ./script; complete -p keyprof"); registered != "complete -F _keyprof keyprof\n" {
		t.Errorf("registered: %q", registered)
	}
}

func needShell(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(name + " is not installed")
	}
}

func TestFishCompletion(t *testing.T) {
	needShell(t, "fish")
	dir := shellFolder(t, "fish")
	checkOffers(t, func(line string) []string {
		var words []string
		for _, offer := range lines(ask(t, dir, "fish", "--no-config", "-c", "source script; complete -C "+"'"+line+"'")) {
			word, _, _ := strings.Cut(offer, "\t") // a description follows
			words = append(words, strings.ReplaceAll(word, `\ `, " "))
		}
		return words
	})
}

// zshOffers types lines, each with a tab, on a terminal of its own. What adds
// offers writes them to a file as well.
const zshOffers = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "cd $PWD; autoload -Uz compinit && compinit -u -D && source ./script"
zpty -w z 'compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
    local -a found
    builtin compadd -O found "$@"
    print -rl -- "offer "$^found >>offers
    builtin compadd "$@"
}'
zpty -w z 'finish() { BUFFER=; print finished >>offers }; zle -N finish; bindkey "^T" finish; bindkey "^I" complete-word; print ready >>offers'
await() {
    repeat 200; do
        while zpty -r -t z screen; do :; done
        [[ -r offers ]] && grep -q "$1" offers && return
        sleep 0.05
    done
    exit 1
}
await ready
for line; do
    rm offers
    zpty -w -n z "$line"$'\t\x14'
    await finished
    cat offers
done
zpty -d z
`

func TestZshCompletion(t *testing.T) {
	needShell(t, "zsh")
	dir := shellFolder(t, "zsh")
	var typed []string
	for _, c := range completions {
		typed = append(typed, c.line)
	}
	answers := strings.Split(ask(t, dir, "zsh", append([]string{"-f", "-c", zshOffers, "zsh"}, typed...)...), "finished\n")
	checkOffers(t, func(line string) []string {
		var words []string
		for _, answer := range lines(answers[slices.Index(typed, line)]) {
			word := strings.ReplaceAll(strings.TrimPrefix(answer, "offer "), `\ `, " ")
			if word != "" && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
		return words
	})
}

// The values of a flag in --help are those offered for completion.
func TestChoicesAreThoseOfHelp(t *testing.T) {
	choices := regexp.MustCompile("`[A-Z]+`: ([a-z-]+(, [a-z-]+)+)$")
	found := 0
	for _, c := range newApp(nil, nil, nil).Commands {
		for _, f := range c.Flags {
			usage := f.(interface{ GetUsage() string }).GetUsage()
			if m := choices.FindStringSubmatch(usage); m != nil {
				found++
				if got := strings.Join(optionOf(c, f).value.words, ", "); got != m[1] {
					t.Errorf("keyprof %s --%s offers %q; --help says %q", c.Name, f.Names()[0], got, m[1])
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("%d flags with choices", found)
	}
}
