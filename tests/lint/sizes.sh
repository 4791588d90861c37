#!/bin/sh
# SPDX-License-Identifier: MIT
# sizes.sh ROOT - fail on a file over 600 lines, a function over 60 lines and
# a main.c of app or ctl over 60; and on words that promise work for later.
set -eu
cd "$1"
status=0
files=$(find core plugins include -name '*.[ch]' 2>/dev/null | sort)

too_long() { # FILE LINES MAX
	printf '%s: %d lines, expected at most %d: split it\n' "$@"
	status=1
}

for file in $files; do
	lines=$(wc -l <"$file")
	max=600
	case $file in core/app/main.c | core/ctl/main.c) max=60 ;; esac
	[ "$lines" -le "$max" ] || too_long "$file" "$lines" "$max"
	head -n 1 "$file" | grep -q 'SPDX-License-Identifier: MIT' || {
		echo "$file: no SPDX line at the top"
		status=1
	}
done

# shellcheck disable=SC2086 # words are wanted
if [ -n "$files" ] && grep -n -w -E \
	'TODO|FIXME|XXX|strcpy|strcat|sprintf|vsprintf|atoi|strtok' $files
then
	echo "expected none of these words"
	status=1
fi

if [ -n "$files" ] && ctags --version 2>/dev/null | grep -q Universal; then
	# shellcheck disable=SC2086 # words are wanted
	ctags -f - --kinds-C=f --fields=ne $files | awk -F '\t' '
	{
		line = end = 0
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/) line = substr($i, 6)
			if ($i ~ /^end:/) end = substr($i, 5)
		}
		if (end - line + 1 > 60) {
			printf "%s: %s has %d lines, expected at most 60\n",
				$2, $1, end - line + 1
			bad = 1
		}
	}
	END { exit bad }' || status=1
fi
exit $status
