#!/bin/sh
# SPDX-License-Identifier: MIT
# The laws of the house, proved: `make check`.  Each check prints what breaks
# it; any output of a check fails the run.
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build}/check
mkdir -p "$build"
std='-std=c11 -D_GNU_SOURCE -I.'
sources=$(ls core/*.c providers/*.c fcgi/*.c)
headers=$(ls core/*.h providers/*.h fcgi/*.h)
tests=$(ls tests/*.c tests/unit/*.[ch])
passed=0
failed=0

# check NAME COMMAND...: passes when the command prints nothing
check() {
	name=$1
	shift
	out=$("$@" 2>&1 | head -60)
	if [ -z "$out" ]; then
		passed=$((passed + 1))
		echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
		printf '%s\n' "$out" | sed 's/^/     /'
	fi
}

arrows() {
	grep -nE '#include "(fcgi|providers)/' core/*.[ch]
	grep -nE '#include "fcgi/' providers/*.[ch]
	grep -nE '#include "providers/' fcgi/*.[ch] | grep -v '^fcgi/main\.c:'
}

headers_alone() {
	for h in $headers; do
		# shellcheck disable=SC2086
		gcc $std -Wall -Wextra -Werror -fsyntax-only -x c "$h" 2>&1 |
			grep -v 'pragma once in main file'
	done
}

# pmccabe: modified complexity, traditional, statements, first line, lines
sizes() {
	# shellcheck disable=SC2086
	pmccabe $sources | awk -F'\t' '
		$5 > 60 { print $6 ": " $7 ": " $5 " lines, 60 allowed" }
		$1 > 15 { print $6 ": " $7 ": complexity " $1 ", 15 allowed" }'
	# shellcheck disable=SC2086
	wc -l $sources | awk '$2 != "total" && $1 > 520 {
		print $2 ": " $1 " lines, about 500 allowed" }'
	# shellcheck disable=SC2086
	wc -l $headers | awk '$2 != "total" && $1 > 230 {
		print $2 ": " $1 " lines, 230 allowed" }'
}

# Banned: unbounded, hidden state, or for people only.
words() {
	# shellcheck disable=SC2086
	grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|gets|alloca|localtime|gmtime|system)\(' \
		$sources
}

style() {
	# shellcheck disable=SC2086
	clang-format --dry-run $sources $headers $tests 2>&1 |
		grep -E 'warning:' | cut -d: -f1 | sort | uniq -c
}

# A build of everything with warnings as errors and gcc's analyzer.
analyzer() {
	# shellcheck disable=SC2086
	make -s -j2 BUILD="$build/analyzer" WERROR=1 \
		CFLAGS='-O2 -fanalyzer' "$build/analyzer/libsluice.a" 2>&1 |
		grep -E 'warning|error' 
}

# The archive would silently take the first of two.
exported_twice() {
	nm -g --defined-only "$build/analyzer/libsluice.a" |
		awk 'NF == 3 { print $3 }' | sort | uniq -d
}

tidy() {
	# shellcheck disable=SC2086
	printf '%s\n' $sources | xargs -P 2 -n 6 clang-tidy --quiet \
		--checks='-*,bugprone-*,cert-*,clang-analyzer-*,misc-*,-bugprone-easily-swappable-parameters,-bugprone-assignment-in-if-condition,-cert-dcl03-c,-misc-static-assert,-misc-no-recursion,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling' \
		-- $std 2>/dev/null | grep -E 'warning:|error:'
}

cppcheck_run() {
	# shellcheck disable=SC2086
	cppcheck --quiet --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem -j 2 -I. $sources 2>&1 |
		grep -E 'warning:|error:|performance:|portability:'
}

workplace() {
	git grep -nIE '/work/|/tmp/brief|registry\.npmjs|deb\.debian\.org' -- . \
		':!tests/check.sh'
}

check 'core knows neither fcgi nor providers' arrows
check 'each header stands alone' headers_alone
check 'functions fit a screen, files do one thing' sizes
check 'no banned function' words
check 'one format' style
check 'no path or host of a workplace' workplace
check 'gcc -fanalyzer, warnings are errors' analyzer
check 'no two files export the same name' exported_twice
check 'clang-tidy' tidy
check 'cppcheck' cppcheck_run

echo "check: $passed passed, $failed failed"
[ $failed = 0 ]
