#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The part of `make bench` about the ledger: a Markdown table.
#
#	SECONDS_PER_ROUND=10 CALLS=1000000 tests/bench_ledger.sh
set -eu
cd "$(dirname "$0")/.."
bench=${BUILD:-build}/tests/bench_ledger
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo '| the ledger | |'
echo '|---|---|'
seconds=${SECONDS_PER_ROUND:-5}
"$bench" "$dir/most" append "$seconds" process
"$bench" "$dir/paced" append "$seconds" process 20000
"$bench" "$dir/power" append "$seconds" power
"$bench" "$dir/fill" fill "${CALLS:-100000}"
