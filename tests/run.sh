#!/bin/bash
# SPDX-License-Identifier: MIT
#
# All tests: unit, then end to end.  Installs what they need first.
# The last line is "N passed, N failed, N skipped".
#
#	tests/run.sh             everything
#	tests/run.sh 04 07       of the end-to-end tests only these files
#
# $SLUICE_CRASH_S and $SLUICE_E2E_SILENCE_S: how long the tests that kill, and
# those that wait, go on; each file gets that on top of its three minutes.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

tests/setup.sh || exit 1
make -s || exit 1
SLUICE_BIN=$(realpath "${BUILD:-build}/sluice")
export SLUICE_BIN
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0 skipped=0

# add FILE PATTERN NAME: add up the numbers that PATTERN finds in FILE
add() {
	local n

	while read -r n; do
		(($3 += n))
	done < <(sed -nE "s/$2/\1/p" "$1")
}

run_unit() {
	local before=$failed

	make -s unit 2>&1 | tee "$logs/unit"
	local status=${PIPESTATUS[0]}
	add "$logs/unit" '^\[  PASSED  \] ([0-9]+) test.*' passed
	add "$logs/unit" '^\[  SKIPPED \] ([0-9]+) test.*' skipped
	add "$logs/unit" '^\[  FAILED  \] ([0-9]+) test.*' failed
	# a crash counts nothing
	[ "$status" -eq 0 ] || [ "$failed" -gt "$before" ] || ((failed += 1))
}

# Node.js as tests/setup.sh brought it, else the machine's own.
find_node() {
	local node

	for node in tests/e2e/node_modules/node-linux-*/bin/node; do
		[ -x "$node" ] && echo "$node" && return
	done
	command -v node
}

run_e2e() {
	local before=$failed files=() n
	local limit_s=$((180 + ${SLUICE_CRASH_S:-0} + ${SLUICE_E2E_SILENCE_S:-0}))

	for n in "${@:-}"; do
		files+=(tests/e2e/"$n"*.test.mjs)
	done
	"$(find_node)" --test --test-concurrency=1 --test-timeout=$((limit_s * 1000)) \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination="$logs/e2e" \
		"${files[@]}"
	local status=$?
	add "$logs/e2e" '^# pass ([0-9]+)' passed
	add "$logs/e2e" '^# skipped ([0-9]+)' skipped
	add "$logs/e2e" '^# fail ([0-9]+)' failed
	add "$logs/e2e" '^# cancelled ([0-9]+)' failed
	[ "$status" -eq 0 ] || [ "$failed" -gt "$before" ] || ((failed += 1))
}

[ $# -gt 0 ] || run_unit
run_e2e "$@"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
