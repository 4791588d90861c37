#!/bin/sh
# SPDX-License-Identifier: MIT
# planning.sh ROOT GVCTL [--write] - the run of gvctl sim that OPERATIONS shows
# is what gvctl prints, but for the processor's time; --write puts it there.
set -eu
doc=$1/docs/OPERATIONS.md
gvctl=$2
prompt='    $ gvctl sim '
options=$(grep -F "$prompt" "$doc" | cut -c 17-)
[ -n "$options" ] || { echo "$doc: found no '$prompt'" && exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086 # words are wanted
"$gvctl" sim $options >"$work/run"
sed 's/^./    &/' "$work/run" >"$work/now"

# Before the run, the run, behind it.
awk -v prompt="$prompt" -v work="$work" '
	BEGIN { part = "before" }
	part == "shown" && /^[^ ]/ { part = "behind" }
	{ print >(work "/" part) }
	index($0, prompt) == 1 { part = "shown" }' "$doc"

if [ "${3:-}" = --write ]; then
	{ cat "$work/before" "$work/now" && echo && cat "$work/behind"; } \
		>"$work/doc"
	cat "$work/doc" >"$doc"
	exit
fi
for name in shown now; do
	sed 's/, [^,]* CPU s, .*//; $ { /^$/d; }' "$work/$name" \
		>"$work/$name.less"
done
diff "$work/shown.less" "$work/now.less" || {
	echo "$doc shows another run, mend it with:"
	echo "sh tests/lint/planning.sh . $gvctl --write"
	exit 1
}
