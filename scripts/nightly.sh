#!/bin/sh
# nightly.sh: profiles one server into its history, for cron or systemd. It prints
# nothing when all is well, and what is wrong otherwise.
#
#   scripts/nightly.sh [-n] [FILE]
#
# FILE holds the settings, as scripts/nightly/nightly.conf explains them; without
# it they are taken from the environment. -n profiles nothing: it tells what a
# profile would find and take, by keyprof check.
#
# The exit code is keyprof's, or 1 when there is no tunnel, 2 when a setting is
# missing.
# shellcheck disable=SC2317 # of functions that only trap calls
set -eu

say() { printf 'nightly: %s\n' "$*" >&2; }

fail() {
	say "error: $1"
	[ -z "${2-}" ] || say "hint: $2"
	exit "${3:-1}"
}

usage() { fail "$1" "scripts/nightly.sh [-n] [FILE]" 2; }

read_settings() {
	case $1 in */*) file=$1 ;; *) file=./$1 ;; esac # . would look for it in PATH
	if [ ! -f "$file" ] || [ ! -r "$file" ]; then
		fail "$1 cannot be read" "name a file of settings that the user $(id -un) may read" 2
	fi
	# shellcheck disable=SC1090
	. "$file"
}

# need NAME VALUE
need() { [ -n "$2" ] || fail "$1 is not set" "scripts/nightly/nightly.conf lists the settings" 2; }

# complaints are the lines of stunnel's log that say what went wrong, a line each.
# Before it listens they look like "[!] text", then like "DATE TIME LOG3[0]: text".
# They may quote the certificate of whoever answers there.
complaints() {
	LC_ALL=C tr -cd '[:print:]\n' <"$work/log" >"$work/text"
	sed -n -e '/error queue:/d' -e '/No more addresses/d' -e '/No remote host/d' -e '/Configuration failed/d' \
		-e 's/^\[!\] //p' -e 's/^\[\.\] \(.* ([0-9]*)\)$/\1/p' \
		-e 's/^.* LOG[0-4]\[[^]]*\]: //p' "$work/text" | awk '!told[$0]++' | head -n 8
}

# tell_complaints tells them, and what to do.
tell_complaints() {
	complaints | while read -r line; do say "stunnel: $line"; done
	advice=$(advise "$(complaints)")
	[ -z "$advice" ] || say "hint: $advice"
}

# advise says what to do about refusals, which stunnel tells in terms of TLS. With
# TLS 1.3 our certificate is looked at when the tunnel stands already: who refuses
# it hangs up, as does a tunnel to a server that is down, and the alert that tells
# the one from the other may get lost.
advise() {
	case $1 in
	*'Subject checks failed'*) echo "the server's certificate is for another name: see checkHost in $STUNNEL_CONF" ;;
	*'Pre-verification error'*) echo "the server's certificate is not of the authority in CAfile, or has run out: see $STUNNEL_CONF" ;;
	*' alert '*) echo "the other end refuses this end, most likely its certificate: see cert and key in $STUNNEL_CONF" ;;
	*)
		if grep -q 'Certificate accepted at depth=0' "$work/log" && grep -q ' 0 byte(s) sent to socket' "$work/log"; then
			echo "the certificate of the other end is good, but it hung up: the server that it leads to may be down, or our certificate is refused; the log there says which"
		fi
		;;
	esac
}

# tell_start says why stunnel has ended before it listened.
tell_start() {
	# Its complaints do not name the file that they are about.
	sed -n 's/^\[ \] \(Loading .*file: .*\)/\1/p' "$work/log" | tail -n 1 | while read -r line; do say "stunnel: $line"; done
	if [ -n "$(complaints)" ]; then
		tell_complaints
	else
		tail -n 3 "$work/log" | while read -r line; do say "stunnel: $line"; done
	fi
}

nap() { sleep 0.1 2>/dev/null || sleep 1; } # POSIX knows whole seconds only

# open_tunnel starts stunnel, with the secrets as its current folder, and waits
# until it listens. To connect for a try would open a connection to the server.
open_tunnel() {
	grep -Eq '^[[:space:]]*foreground[[:space:]]*=[[:space:]]*yes' "$STUNNEL_CONF" ||
		fail "$STUNNEL_CONF has no line: foreground = yes" "else stunnel would outlive the job" 2
	: >"$work/log"
	(cd "$secrets" && exec "$STUNNEL" "$STUNNEL_CONF") </dev/null >"$work/log" 2>&1 &
	tunnel=$!
	naps=0
	until grep -q ' bound to ' "$work/log"; do
		if ! kill -0 "$tunnel" 2>/dev/null; then
			tunnel=
			tell_start
			fail "stunnel ended before it listened" "mend $STUNNEL_CONF; its files are looked for in $secrets"
		fi
		naps=$((naps + 1))
		[ "$naps" -le 100 ] || fail "stunnel has not said in its log that it listens" "$STUNNEL_CONF needs a line: debug = info, and none with output ="
		nap
	done
}

close_tunnel() {
	[ -n "$tunnel" ] || return 0
	kill "$tunnel" 2>/dev/null || :
	wait "$tunnel" || :
	tunnel=
}

cleanup() {
	close_tunnel
	rm -rf "$work"
}

# interrupted lets keyprof save what it has. It is its child alone that is told:
# what signals the whole group has told keyprof already, and the second signal
# makes it quit at once.
interrupted() {
	[ -n "$job" ] || exit "$2"
	signalled=yes
	[ "$1" != TERM ] || kill -TERM "$job" 2>/dev/null || :
}

# run runs keyprof and sets status to its exit code. Nobody reads a report that is
# not printed to a terminal; what changed since last night is kept for an alarm, and
# so is what keyprof says of itself until it has ended: see tell_messages.
run() {
	exec 3>&1 4>&2
	[ "$dry" = yes ] || [ -t 1 ] || exec 3>"$work/changes"
	[ -t 2 ] || exec 4>"$work/messages"
	"$KEYPROF" "$@" >&3 2>&4 3>&- 4>&- &
	exec 3>&- 4>&-
	job=$!
	status=0
	wait "$job" || status=$?
	while [ "$signalled" = yes ]; do # it was the wait that ended
		signalled=no
		again=0
		wait "$job" || again=$?
		[ "$again" = 127 ] || status=$again # 127: the job had ended, too
	done
	[ ! -f "$work/messages" ] || tell_messages >&2
}

# tell_messages prints what keyprof said: of conditions that hold, and of warnings, the
# first 40 each, as a condition "in *" may hold for each of thousands of namespaces.
tell_messages() {
	awk '/^keyprof: (fail-on|warning): / && ++told[$2] > 40 { next }
		{ print }
		END { for (kind in told) if (told[kind] > 40) print "keyprof: " kind " and " told[kind] - 40 " more" }' "$work/messages"
}

# tell_changes prints the beginning of what changed, and how to see the rest.
tell_changes() {
	head -n 40 "$work/changes"
	[ "$(wc -l <"$work/changes")" -le 40 ] || echo "… all of it: keyprof diff --save-dir $DIR --label $LABEL"
}

# try_settings lets keyprof read the conditions and the label, which no server is
# needed for, and looks for the folders.
try_settings() {
	set -- --save-dir "$work/none" --label "$LABEL"
	while read -r condition; do
		case $condition in '' | '#'*) continue ;; esac
		set -- "$@" --fail-on "$condition"
	done <<-END
		${FAIL_ON-}
	END
	try=0
	"$KEYPROF" diff "$@" >/dev/null 2>"$work/try" || try=$?
	if [ "$try" = 2 ]; then
		cat "$work/try" >&2
		exit 2
	fi
	[ -d "$(dirname "$DIR")" ] || fail "the folder of DIR=$DIR is not there" "make it, or correct DIR" 2
	[ -z "${PROM_FILE-}" ] || [ -w "$(dirname "$PROM_FILE")" ] || fail "the user $(id -un) may not write to the folder of PROM_FILE=$PROM_FILE" "make it, or correct PROM_FILE" 2
}

check() {
	try_settings
	if [ -f "$secrets/password" ]; then
		set -- --password-file "$secrets/password"
	fi
	run check "$@"
}

profile() {
	set -- --save-dir "$DIR" --label "$LABEL" --keep "${KEEP:-90}" --diff
	if [ -f "$secrets/password" ]; then
		set -- "$@" --password-file "$secrets/password"
	fi
	if [ -n "${PROM_FILE-}" ]; then
		set -- "$@" --prom-file "$PROM_FILE"
	fi
	while read -r condition; do
		case $condition in '' | '#'*) continue ;; esac
		set -- "$@" --fail-on "$condition"
	done <<-END
		${FAIL_ON-}
	END
	run profile "$@"
}

dry=no
case ${1-} in
-n)
	dry=yes
	shift
	;;
-*) usage "unknown option $1" ;;
esac
[ $# -le 1 ] || usage "more than one file of settings"
[ $# = 0 ] || read_settings "$1"

need KEYPROF_URL "${KEYPROF_URL-}"
need LABEL "${LABEL-}"
need DIR "${DIR-}"
export KEYPROF_URL
[ -z "${KEYPROF_CONFIG-}" ] || export KEYPROF_CONFIG
KEYPROF=${KEYPROF:-keyprof}
STUNNEL=${STUNNEL:-stunnel}
STUNNEL_CONF=${STUNNEL_CONF-}
secrets=${CREDENTIALS_DIRECTORY:-${SECRETS:-/etc/keyprof/secrets}}
case $STUNNEL_CONF in '' | /*) ;; *) STUNNEL_CONF=$PWD/$STUNNEL_CONF ;; esac

command -v "$KEYPROF" >/dev/null || fail "$KEYPROF is not there" "set KEYPROF to the path of the program" 2
[ -z "$STUNNEL_CONF" ] || command -v "$STUNNEL" >/dev/null || fail "$STUNNEL is not there" "install stunnel (package stunnel4 or stunnel), or set STUNNEL to its path" 2
if [ -d "$secrets" ] && [ ! -x "$secrets" ]; then
	fail "$secrets may not be entered by the user $(id -un)" "run the job as the user that owns it"
fi

umask 077
tunnel='' job='' signalled=no status=0
work=$(mktemp -d)
trap cleanup EXIT
trap 'interrupted TERM 143' TERM
trap 'interrupted INT 130' INT
trap 'interrupted HUP 129' HUP

[ -z "$STUNNEL_CONF" ] || open_tunnel
if [ "$dry" = yes ]; then check; else profile; fi
close_tunnel
case $status in
0 | 2) ;;
5) [ ! -f "$work/changes" ] || tell_changes ;;
*) [ -z "$STUNNEL_CONF" ] || tell_complaints ;;
esac
exit "$status"
