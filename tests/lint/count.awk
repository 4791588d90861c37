# SPDX-License-Identifier: MIT
# count.awk - "PASSED FAILED" of a `ctest -V` log: the single tests of cmocka
# programs, and one for each test that is something else.  With -v show=1:
# the output of the tests that failed instead.

/^ *[0-9]+: / {
	id = $1 + 0
	text = $0
	sub(/^ *[0-9]+: /, "", text)
	output[id] = output[id] text "\n"
}
/^ *[0-9]+: \[  PASSED  \] [0-9]+ test\(s\)/ {
	cmocka[id] = 1
	passed[id] += $5
}
/^ *[0-9]+: \[  FAILED  \] [0-9]+ test\(s\)/ {
	cmocka[id] = 1
	failed[id] += $5
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
	match($0, /#[0-9]+/)
	id = substr($0, RSTART + 1, RLENGTH - 1) + 0
	ok = $0 ~ / Passed +[0-9.]+ sec/
	skipped = $0 ~ /\*\*\*Skipped/
	if (!cmocka[id]) {
		passed[id] = ok
	}
	# A program that died or hung after its last report, too.
	if (!ok && !skipped && !failed[id]) {
		failed[id] = 1
	}
	all_passed += passed[id]
	all_failed += failed[id]
	if (show && !ok && !skipped) {
		print "--- " $0
		n = split(output[id], lines, "\n")
		for (i = n > 60 ? n - 60 : 1; i < n; i++) {
			print lines[i]
		}
	}
}
END {
	if (!show) {
		print all_passed + 0, all_failed + 0
	}
}
