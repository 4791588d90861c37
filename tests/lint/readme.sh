#!/bin/sh
# SPDX-License-Identifier: MIT
# readme.sh ROOT CC NODE FOLDER - the plugin in the README compiles without a
# warning, has at most 60 lines, and this node takes it.
set -eu
root=$1
cc=$2
node=$3
folder=$4/readme
rm -rf "$folder"
mkdir -m 755 "$folder"
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/README.md" \
	>"$folder/greeter.c"
lines=$(wc -l <"$folder/greeter.c")
if [ "$lines" -lt 20 ] || [ "$lines" -gt 60 ]; then
	echo "README.md: found a plugin of $lines lines, expected 20 to 60" >&2
	exit 1
fi
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror -shared -fPIC \
	-I "$root/include" -o "$folder/greeter.so" "$folder/greeter.c"
chmod 755 "$folder/greeter.so"
"$node" --plugin-dir "$folder" --list-plugins | grep -q '^greeter .* ok '
