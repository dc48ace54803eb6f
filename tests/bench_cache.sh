#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The part of `make bench` about the response cache: a Markdown table.
#
#	ENTRIES=100000 SECONDS_PER_ROUND=10 tests/bench_cache.sh
set -eu
cd "$(dirname "$0")/.."
bench=${BUILD:-build}/tests/bench_cache
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo '| the response cache | |'
echo '|---|---|'
"$bench" "$dir" "${ENTRIES:-100000}" "${SECONDS_PER_ROUND:-5}"
