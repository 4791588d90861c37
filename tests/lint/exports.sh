#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh FILE.so... - fail on a plugin that exports more or less than
# gv_plugin.
set -eu
status=0
[ $# -gt 0 ] || { echo "no plugin to look at" && exit 1; }
for file in "$@"; do
	names=$(nm -D --defined-only "$file" | awk '{ print $NF }' | sort |
		tr '\n' ' ')
	[ "$names" = "gv_plugin " ] || {
		echo "$file: exports '$names', expected gv_plugin alone"
		status=1
	}
done
exit $status
