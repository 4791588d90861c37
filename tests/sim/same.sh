#!/bin/sh
# SPDX-License-Identifier: MIT
# same.sh FIRST COUNT SIM_RANDOM...: a run is a function of its seed alone.  Each
# program (of another compiler, with sanitizers) and each process (with other
# addresses and dirty memory) must print the same, the hash over all events
# included.
set -eu

seed=$1
scenarios=$2
shift 2
said=$(mktemp)
first=$(mktemp)
trap 'rm -f "$said" "$first"' EXIT

compare() { # WHAT
	[ -s "$first" ] || cp "$said" "$first"
	printf '%s  %s\n' "$(tail -n 1 "$said")" "$1"
	cmp -s "$first" "$said" || {
		diff "$first" "$said" || :
		printf 'the same seeds gave another run\n'
		exit 1
	}
}

for program in "$@"; do
	"$program" "$seed" "$scenarios" >"$said"
	compare "$program"
	MALLOC_PERTURB_=90 MALLOC_MMAP_THRESHOLD_=4096 \
		"$program" "$seed" "$scenarios" >"$said"
	compare "the same, dirty memory elsewhere"
done
