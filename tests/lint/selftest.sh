#!/bin/sh
# SPDX-License-Identifier: MIT
# selftest.sh - every lint passes a small good tree, and fails on each of a row
# of bad ones.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
status=0
spdx='/* SPDX-License-Identifier: MIT */'

good_tree() {
	rm -rf "${tree:?}/"*
	mkdir -p "$tree/core/base" "$tree/core/mesh" "$tree/core/host" \
		"$tree/core/app" "$tree/core/net" "$tree/plugins/echo" \
		"$tree/include/grapevine" "$tree/docs"
	file core/base/buf.h
	file core/mesh/mesh.c '#include "base/buf.h"' \
		'log_info("mesh",' '    "peer_up", "peer up");'
	file core/host/loader.c '#include <dlfcn.h>' \
		'#include <grapevine/plugin.h>'
	file core/net/net.c '#include <uv.h>'
	file plugins/echo/echo.c '#include <grapevine/plugin.h>' \
		'#include <string.h>'
	echo '| mesh | `peer_up` | info | x |' >"$tree/docs/OPERATIONS.md"
}

file() { # PATH LINE...
	path=$tree/$1
	shift
	printf '%s\n' "$spdx" "$@" >"$path"
}

layers() {
	cmake -DROOT="$tree" -P "$here/layers.cmake"
}

sizes() {
	sh "$here/sizes.sh" "$tree"
}

events() {
	sh "$here/events.sh" "$tree"
}

passes() { # LINT
	"$1" >"$tree/out" 2>&1 || {
		echo "$1 fails on a good tree:"
		cat "$tree/out"
		status=1
	}
}

# The tree is made good again after each.
fails() { # LINT WORD, about: a word of its message
	if "$1" >"$tree/out" 2>&1; then
		echo "$1 passes although: $2"
		status=1
	elif ! grep -q -- "$2" "$tree/out"; then
		echo "$1 fails, but not because of: $2"
		cat "$tree/out"
		status=1
	fi
	good_tree
}

long() { # N: so many lines
	awk -v n="$1" 'BEGIN { while (n-- > 0) print "int line;" }'
}

good_tree
passes layers
passes sizes
passes events

file core/base/buf.h '#include "mesh/mesh.h"'
fails layers "floor 'base' must not include"
file core/mesh/mesh.c '#include "host/host.h"'
fails layers "floor 'mesh' must not include"
file core/mesh/mesh.c '#include <host/host.h>'
fails layers "floor 'mesh' must not include"
file core/mesh/mesh.c '#include <grapevine/plugin.h>'
fails layers "floor 'mesh' must not include"
file core/mesh/mesh.c '#include "../host/host.h"'
fails layers "say the floor"
file core/mesh/mesh.c '#include <uv.h>'
fails layers "uv.h"
file core/host/api.c '#include <dlfcn.h>'
fails layers "dlfcn.h"
file core/net/net.c '#include <cjson/cJSON.h>'
fails layers "cJSON.h"
file plugins/echo/echo.c '#include "base/buf.h"'
fails layers "plugins include"
file plugins/echo/echo.c '#include "../../core/base/buf.h"'
fails layers "plugins include"
file plugins/echo/echo.c '#include <base/buf.h>'
fails layers "plugins include"

file core/base/buf.h "$(long 600)"
fails sizes "601 lines"
file core/app/main.c "$(long 60)"
fails sizes "core/app/main.c: 61 lines"
echo 'int no_licence;' >"$tree/core/base/buf.h"
fails sizes "no SPDX"
file core/base/buf.h '/* TODO: later */'
fails sizes "none of these words"
file core/base/buf.h 'x = atoi(y);'
fails sizes "none of these words"
if ctags --version 2>/dev/null | grep -q Universal; then
	file core/mesh/mesh.c 'static int' 'f(void)' '{' "$(long 60)" '}'
	fails sizes "f has 6"
fi

file core/mesh/mesh.c 'log_warn("mesh", "unheard_of", "msg");'
fails events unheard_of
file core/mesh/mesh.c 'log_warn(' '    "mesh",' '    "unheard_of",' '    "m");'
fails events unheard_of

count() { # EXPECTED, log on stdin
	got=$(awk -f "$here/count.awk")
	[ "$got" = "$1" ] || {
		echo "count.awk: found '$got', expected '$1'"
		status=1
	}
}

count "8 5" <<'END'
1: [       OK ] a
1: [  PASSED  ] 5 test(s).
 1/6 Test  #1: unit.a .....   Passed    0.01 sec
2: [  PASSED  ] 2 test(s).
2: [  FAILED  ] 3 test(s), listed below:
2: [  FAILED  ] x
 2/6 Test  #2: unit.b .....***Failed    0.01 sec
 3/6 Test  #3: lint.c .....   Passed    0.01 sec
 4/6 Test  #4: unit.d .....Subprocess aborted***Exception:   0.01 sec
 5/6 Test  #5: e ..........***Timeout   9.01 sec
 6/6 Test  #6: f ..........***Skipped   0.01 sec
END

cc=${CC:-cc}
command -v "$cc" >/dev/null || exit $status

exports() {
	sh "$here/exports.sh" "$tree/p.so"
}

hardening() {
	sh "$here/hardening.sh" "$tree/p"
}

plugin() { # LINE...: p.so
	printf '%s\n' "$@" >"$tree/p.c"
	"$cc" -shared -fPIC -o "$tree/p.so" "$tree/p.c"
}

program() { # FLAG...: p
	echo 'int main(void) { return 0; }' >"$tree/p.c"
	"$cc" "$@" -o "$tree/p" "$tree/p.c"
}

hard="-fPIE -pie -Wl,-z,relro,-z,now,-z,noexecstack"
plugin 'int gv_plugin;'
passes exports
plugin 'int gv_plugin;' 'int helper;'
fails exports helper
plugin 'static int gv_plugin;' 'int other;'
fails exports other
# shellcheck disable=SC2086 # words are wanted
{
	program $hard
	passes hardening
	program $hard -no-pie -fno-pie
	fails hardening "no PIE"
	program $hard -Wl,-z,norelro
	fails hardening "no RELRO"
	program $hard -Wl,-z,lazy
	fails hardening "no BIND_NOW"
	program $hard -Wl,-z,execstack
	fails hardening "no stack"
}
exit $status
