#!/bin/sh
# SPDX-License-Identifier: MIT
# events.sh ROOT - fail on an event in a log_* call of core/ that the table of
# docs/OPERATIONS.md does not have as `mod` | `event`.
set -eu
cd "$1"
status=0
events=$(find core -name '*.[ch]' ! -path 'core/base/log*' -exec cat {} + |
	tr '\n' ' ' |
	grep -o -E \
	'\<(log_(error|warn|info|debug|trace)|log_write|LOG_AT)\([^;"]*"[a-z]+",[[:space:]]*"[a-z_]+"' |
	sed -E 's/.*"([a-z]+)",[[:space:]]*"([a-z_]+)"/\1 \2/' | sort -u)

while read -r mod event; do
	[ -n "$event" ] || continue
	grep -q -E "^\| $mod \| \`$event\` \|" docs/OPERATIONS.md || {
		echo "docs/OPERATIONS.md: no row for the event '$event' of $mod"
		status=1
	}
done <<END
$events
END
exit $status
