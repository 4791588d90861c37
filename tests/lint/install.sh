#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh BUILD CC ROOT FOLDER - what cmake --install puts
# anywhere finds its own plugins, and its header makes another one.
set -eu
build=$1
cc=$2
root=$3
folder=$4/install
rm -rf "$folder"
trap 'rm -rf "$folder"' EXIT
umask 022
cmake --install "$build" --prefix "$folder/a place" >/dev/null
node="$folder/a place/bin/grapevine"

expect() { # WORDS
	"$node" --list-plugins --plugin-dir "$folder" | grep -q "$1" || {
		"$node" --list-plugins --plugin-dir "$folder"
		echo "found none of '$1'"
		exit 1
	}
}

for name in logger echo broadcaster; do
	expect "^$name .* ok .*/a place/lib.*/$name\.so"
done
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/README.md" \
	>"$folder/greeter.c"
"$cc" -shared -fPIC -I "$folder/a place/include" -o "$folder/greeter.so" \
	"$folder/greeter.c"
expect '^greeter .* ok '
"$folder/a place/bin/gvctl" --version >/dev/null
