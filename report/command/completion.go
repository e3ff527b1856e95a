package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const completionHelp = `Prints a script that completes commands, flags, values and files.

Examples:
  source <(keyprof completion bash)
  keyprof completion bash > /etc/bash_completion.d/keyprof
  keyprof completion zsh > "${fpath[1]}/_keyprof"
  keyprof completion fish > ~/.config/fish/completions/keyprof.fish`

// shells lists the shells that the completion command supports.
var shells = []string{"bash", "zsh", "fish"}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print a completion script for a shell",
		ArgsUsage:   strings.Join(shells, "|"),
		Description: completionHelp,
		Action: func(c *cli.Context) error {
			name, err := oneArgument(c, "shell")
			if err != nil {
				return err
			}
			switch name {
			case "bash":
				_, err = io.WriteString(c.App.Writer, bashScript)
			case "zsh":
				_, err = io.WriteString(c.App.Writer, zshScript)
			case "fish":
				err = writeFish(c.App.Writer, c.App)
			default:
				err = &usageError{problem: fmt.Sprintf("shell %q is not one of bash, zsh, fish", name), hint: "keyprof completion bash|zsh|fish"}
			}
			return err
		},
	}
}

// completionFlag is the library's last argument of a command line that asks for
// completions. The argument before it is the word being typed.
const completionFlag = "--generate-bash-completion"

// filesOffer asks a script to complete file names.
const filesOffer = ":files"

// offerCompletions prints the completions of the last word of a command line, one a
// line, with a description after a tab. The library calls the command's hook; by itself
// it would offer only flags and commands.
func offerCompletions(ctx context.Context, app *cli.App, args []string) error {
	args, _ = withCommand(app, args)
	app.EnableBashCompletion = true
	app.BashComplete = func(*cli.Context) { offerCommands(app) }
	call := []string{args[0], completionFlag}
	if len(args) > 2 && app.Command(args[1]) != nil {
		c := app.Command(args[1])
		c.BashComplete = func(*cli.Context) { offerWords(app.Writer, c, args[2:]) }
		call = slices.Insert(call, 1, args[1])
	}
	return app.RunContext(ctx, call)
}

func offerCommands(app *cli.App) {
	for _, c := range shownCommands(app) {
		fmt.Fprintf(app.Writer, "%s\t%s\n", c.Name, c.Usage)
	}
	fmt.Fprint(app.Writer, "--help\tshow help\n--version\tprint the version\n")
}

// offerWords prints the completions of the last word after a command.
func offerWords(w io.Writer, c *cli.Command, words []string) {
	words = slices.DeleteFunc(words, func(word string) bool { return word == "=" }) // bash splits words there
	typed, before := words[len(words)-1], ""
	if len(words) > 1 {
		before = words[len(words)-2]
	}
	flags := options(c)
	for _, o := range flags {
		if o.value != nil && slices.Contains(o.names, before) {
			offerValue(w, *o.value)
			return
		}
	}
	if !strings.HasPrefix(typed, "-") {
		offerValue(w, argumentSlot(c))
		return
	}
	for _, o := range flags {
		for _, name := range o.names {
			fmt.Fprintf(w, "%s\t%s\n", name, o.usage)
		}
	}
}

func offerValue(w io.Writer, s slot) {
	if s.files {
		fmt.Fprintln(w, filesOffer)
	}
	for _, word := range s.words {
		fmt.Fprintln(w, word)
	}
}

// bashScript runs on bash 3.2, which macOS has, and needs no package bash-completion.
const bashScript = `# bash completion for keyprof

_keyprof() {
    local cur=${COMP_WORDS[COMP_CWORD]} word description
    COMPREPLY=()
    [[ $cur == = ]] && cur=
    while IFS=$'\t' read -r word description; do
        if [[ $word == ` + filesOffer + ` ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -f -- "$cur")
        elif [[ $word == "$cur"* ]]; then
            COMPREPLY+=("$word")
        fi
    done < <("${COMP_WORDS[@]:0:COMP_CWORD}" "$cur" ` + completionFlag + ` 2>/dev/null)
}

complete -F _keyprof keyprof
`

const zshScript = `#compdef keyprof
# zsh completion for keyprof

_keyprof() {
    local offer
    local -a before offers
    before=("${(@)words[1,CURRENT-1]}")
    if [[ $PREFIX == --*=* ]]; then
        before+=("${PREFIX%%=*}")
        compset -P '*='
    fi
    for offer in "${(@f)$("${before[@]}" "$PREFIX" ` + completionFlag + ` 2>/dev/null)}"; do
        case $offer in
            ` + filesOffer + `) _files ;;
            ?*) offers+=("${${offer%%$'\t'*}//:/\\:}:${${offer#*$'\t'}:-}") ;;
        esac
    done
    if [[ $PREFIX == -* ]]; then
        _describe -o flag offers
    elif (( $#offers )); then
        _describe word offers
    fi
}

if [[ $funcstack[1] == _keyprof ]]; then
    _keyprof "$@"
else
    compdef _keyprof keyprof
fi
`

// writeFish writes the library's script, then the values of flags and the arguments,
// which that script lacks.
func writeFish(w io.Writer, app *cli.App) error {
	for _, c := range app.Commands {
		markFiles(c)
	}
	script, err := app.ToFishCompletion()
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(strings.ReplaceAll(script, "`", "")) // back quotes mark placeholders
	text.WriteString("complete -c keyprof -n __fish_keyprof_no_subcommand -f\n")
	for _, c := range shownCommands(app) {
		here := "complete -c keyprof -n '__fish_seen_subcommand_from " + c.Name + "'"
		if s := argumentSlot(c); !s.files {
			fmt.Fprintf(&text, "%s -f -a '%s'\n", here, strings.Join(s.words, " "))
		}
		for _, o := range options(c) {
			if o.value != nil && len(o.value.words) > 0 {
				fmt.Fprintf(&text, "%s%s -x -a '%s'\n", here, fishNames(o.names), strings.Join(o.value.words, " "))
			}
		}
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// markFiles tells the library which flags take files.
func markFiles(c *cli.Command) {
	for _, f := range c.Flags {
		if text, ok := f.(*cli.StringFlag); ok {
			text.TakesFile = optionOf(c, f).value.files
		}
	}
}

// fishNames returns the names of a flag in the notation of fish's complete.
func fishNames(names []string) string {
	text := ""
	for _, name := range names {
		if long, ok := strings.CutPrefix(name, "--"); ok {
			text += " -l " + long
		} else {
			text += " -s " + name[1:]
		}
	}
	return text
}
