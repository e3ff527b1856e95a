package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

const completionHelp = `Prints a script that completes commands, flags, values and files.

Examples:
  source <(keyprof completion bash)
  keyprof completion bash > /etc/bash_completion.d/keyprof
  keyprof completion zsh > "${fpath[1]}/_keyprof"
  keyprof completion fish > ~/.config/fish/completions/keyprof.fish`

// shells are those that the completion command knows.
var shells = []struct {
	name  string
	write func(io.Writer, *cli.App)
}{
	{"bash", writeBash}, {"zsh", writeZsh}, {"fish", writeFish},
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print a completion script for a shell",
		ArgsUsage:   "bash|zsh|fish",
		Description: completionHelp,
		Action: func(c *cli.Context) error {
			name, err := oneArgument(c, "shell")
			if err != nil {
				return err
			}
			for _, shell := range shells {
				if shell.name == name {
					shell.write(c.App.Writer, c.App)
					return nil
				}
			}
			return &usageError{problem: fmt.Sprintf("shell %q is not one of bash, zsh, fish", name), hint: "keyprof completion bash|zsh|fish"}
		},
	}
}

// writeBash works with bash 3.2, as macOS has it, and without the package
// bash-completion.
func writeBash(w io.Writer, app *cli.App) {
	var values, flags, arguments strings.Builder
	for _, c := range shownCommands(app) {
		var names []string
		for _, o := range options(c) {
			names = append(names, o.names...)
			if o.value != nil {
				fmt.Fprintf(&values, "        %s) %s return ;;\n", c.Name+"/"+strings.Join(o.names, "|"+c.Name+"/"), bashAnswer(*o.value))
			}
		}
		fmt.Fprintf(&flags, "            %s) _keyprof_offer -W '%s' ;;\n", c.Name, strings.Join(names, " "))
		if answer := bashAnswer(argumentSlot(c)); answer != "" {
			fmt.Fprintf(&arguments, "        %s) %s ;;\n", c.Name, answer)
		}
	}
	fmt.Fprintf(w, bashScript, strings.Join(namesOf(shownCommands(app)), " "), &values, &flags, &arguments)
}

func bashAnswer(s slot) string {
	switch {
	case s.files:
		return "_keyprof_files;"
	case len(s.words) > 0:
		return "_keyprof_offer -W '" + strings.Join(s.words, " ") + "';"
	default:
		return ""
	}
}

const bashScript = `# bash completion for keyprof

# _keyprof_offer completes the word from what compgen generates.
_keyprof_offer() {
    local line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(compgen "$@" -- "$cur")
}

_keyprof_files() {
    compopt -o filenames 2>/dev/null
    _keyprof_offer -f
}

_keyprof() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        _keyprof_offer -W '%s --help --version'
        return
    fi
    # bash parts words at = signs, as in --format=csv.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case ${COMP_WORDS[1]}/$prev in
%s    esac
    if [[ $cur == -* ]]; then
        case ${COMP_WORDS[1]} in
%s        esac
        return
    fi
    case ${COMP_WORDS[1]} in
%s    esac
}

complete -F _keyprof keyprof
`

func writeZsh(w io.Writer, app *cli.App) {
	var commands, cases strings.Builder
	for _, c := range shownCommands(app) {
		fmt.Fprintf(&commands, "        %s\n", quote(c.Name+":"+c.Usage))
		fmt.Fprintf(&cases, "        %s)\n            _arguments -S", c.Name)
		for _, o := range options(c) {
			fmt.Fprintf(&cases, " \\\n                %s", zshOption(o))
		}
		if s := argumentSlot(c); s.placeholder != "" {
			fmt.Fprintf(&cases, " \\\n                %s", quote("1:"+zshText(s.placeholder)+":"+zshAction(s)))
		}
		cases.WriteString(" ;;\n")
	}
	fmt.Fprintf(w, zshScript, &commands, &cases)
}

// zshOption is a flag in the notation of _arguments.
func zshOption(o option) string {
	exclude, tail := "("+strings.Join(o.names, " ")+")", "["+zshText(o.usage)+"]"
	if o.repeatable {
		exclude = "*"
	}
	if o.value != nil {
		tail += ":" + zshText(o.value.placeholder) + ":" + zshAction(*o.value)
	}
	var specs []string
	for _, name := range o.names {
		if o.value != nil {
			name += "=" // the value may also follow without one
		}
		specs = append(specs, quote(exclude+name+tail))
	}
	return strings.Join(specs, " ")
}

func zshAction(s slot) string {
	switch {
	case s.files:
		return "_files"
	case len(s.words) > 0:
		return "(" + strings.Join(s.words, " ") + ")"
	default:
		return " "
	}
}

var zshEscapes = strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`)

func zshText(s string) string { return zshEscapes.Replace(s) }

// quote makes one word of a text, for any of the shells.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

const zshScript = `#compdef keyprof
# zsh completion for keyprof

_keyprof() {
    local -a commands
    commands=(
%s    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
%s    esac
}

if [[ $funcstack[1] == _keyprof ]]; then
    _keyprof "$@"
else
    compdef _keyprof keyprof
fi
`

func writeFish(w io.Writer, app *cli.App) {
	fmt.Fprint(w, "# fish completion for keyprof\n\ncomplete -c keyprof -f\n")
	for _, c := range shownCommands(app) {
		fmt.Fprintf(w, "\ncomplete -c keyprof -n __fish_use_subcommand -a %s -d %s\n", c.Name, fishQuote(c.Usage))
		here := "complete -c keyprof -n '__fish_seen_subcommand_from " + c.Name + "'"
		if answer := fishAnswer(argumentSlot(c)); answer != "" {
			fmt.Fprintf(w, "%s%s\n", here, answer)
		}
		for _, o := range options(c) {
			fmt.Fprintf(w, "%s%s -d %s%s\n", here, fishNames(o.names), fishQuote(o.usage), fishValue(o.value))
		}
	}
}

func fishNames(names []string) string {
	var text strings.Builder
	for _, name := range names {
		if long, ok := strings.CutPrefix(name, "--"); ok {
			text.WriteString(" -l " + long)
		} else {
			text.WriteString(" -s " + name[1:])
		}
	}
	return text.String()
}

func fishValue(s *slot) string {
	switch {
	case s == nil:
		return ""
	case s.files:
		return " -r -F"
	default:
		return " -x" + fishAnswer(*s)
	}
}

func fishAnswer(s slot) string {
	switch {
	case s.files:
		return " -F"
	case len(s.words) > 0:
		return " -a " + fishQuote(strings.Join(s.words, " "))
	default:
		return ""
	}
}

var fishEscapes = strings.NewReplacer(`\`, `\\`, "'", `\'`)

func fishQuote(s string) string { return "'" + fishEscapes.Replace(s) + "'" }
