#!/bin/sh
# SPDX-License-Identifier: MIT
# hardening.sh PROGRAM - fail unless it is position independent, all of its
# relocations are read-only, bound at the start, and its stack runs no code.
set -eu
program=$1
status=0

expect() { # WHAT READELF-FLAG PATTERN
	readelf -W "$2" "$program" | grep -q -E "$3" || {
		echo "$program: no $1"
		status=1
	}
}

expect "PIE" -h 'Type: +DYN'
expect "RELRO" -l GNU_RELRO
expect "BIND_NOW" -d 'BIND_NOW|FLAGS.*NOW'
expect "stack without code" -l 'GNU_STACK .* RW +0x'
exit $status
