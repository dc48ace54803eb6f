#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install what the tests need and this machine lacks; says what and why.
# Debian's packages come by conf/deps.sh, the official SDKs by npm, at the
# versions of tests/e2e/package-lock.json.  The SDKs want a newer Node.js than
# Debian has: npm brings that one, too, into the tests' own folder.  Run
# again, it finds nothing to do.
set -eu
cd "$(dirname "$0")/e2e"

../../conf/deps.sh build test
../debian.sh >/dev/null || true	# the tests that need it are skipped, then
cmp -s package-lock.json node_modules/.installed && exit 0

# The SDKs' `engines` says 22 or newer.
omit=optional
if node -e 'process.exit(+(parseInt(process.versions.node) < 22))'; then
	echo "setup: installing the official SDKs with npm"
else
	omit=
	echo "setup: installing the official SDKs with npm, and Node.js 22," \
		"because $(node --version) is too old for them"
fi
npm ci --no-progress --loglevel=error ${omit:+--omit=$omit}
cp package-lock.json node_modules/.installed
