#!/bin/sh
# SPDX-License-Identifier: MIT
# lto.sh SOURCE COMPILER GRAPEVINE WORK - who builds with -flto of his own, as
# some distributions do, gets plugins that can be loaded and programs that link.
set -eu
source=$1
compiler=$2
grapevine=$3
work=$4/lto
rm -rf "$work"
trap 'rm -rf "$work"' EXIT

build() { # NAME ARGUMENT...
	build=$work/$1
	shift
	{
		cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="$compiler" \
			"$@" &&
			cmake --build "$build" --target plugin_echo \
				test_base_err
	} >"$work.log" 2>&1 || {
		tail -n 20 "$work.log"
		exit 1
	}
	"$build/tests/test_base_err" >/dev/null 2>&1
	"$grapevine" --list-plugins --plugin-dir "$build/plugins" |
		grep -q ' ok .*/echo.so' || {
		echo "$*: $build/plugins/echo.so is no plugin"
		exit 1
	}
}

build flags -DCMAKE_C_FLAGS='-O2 -flto'
build option -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON
