#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Install what the tests need and this machine lacks; says what and why.
# Debian 12's packages come by apt-get (as root, or with sudo), the official
# SDKs by npm, at the versions of tests/e2e/package-lock.json.  The SDKs want
# a newer Node.js than Debian has: npm brings that one, too, into the tests'
# own folder.  Run again, it finds nothing to do.
set -euo pipefail
cd "$(dirname "$0")/e2e"

# package | is it there? | why
needs='
gcc                  | command -v gcc               | builds sluice
make                 | command -v make              | builds sluice
libc6-dev            | have libc6-dev               | builds sluice
pkg-config           | command -v pkg-config        | finds the libraries
libfcgi-dev          | have libfcgi-dev             | FastCGI
libcurl4-openssl-dev | have libcurl4-openssl-dev    | talks to providers
libjson-c-dev        | have libjson-c-dev           | reads JSON
libdb5.3-dev         | have libdb5.3-dev            | the ledger
libssl-dev           | have libssl-dev              | keys
libcmocka-dev        | have libcmocka-dev           | unit tests
lighttpd             | command -v lighttpd          | end-to-end tests: the web server
curl                 | command -v curl              | tests of what the README says
db5.3-util           | command -v db5.3_verify      | verifies the ledger after chaos
nodejs               | command -v node              | runs npm and the end-to-end tests
npm                  | command -v npm               | brings the official SDKs
ca-certificates      | test -d /etc/ssl/certs       | npm verifies whom it talks to
'

have() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok'
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "needed as root, and there is no sudo: $*" >&2
		exit 1
	fi
}

install_packages() {
	local package check why missing=()

	while IFS='|' read -r package check why; do
		[ -n "$package" ] || continue
		eval "$check" >/dev/null 2>&1 && continue
		package=${package// /}
		echo "installing $package:${why}"
		missing+=("$package")
	done <<<"$needs"
	[ ${#missing[@]} -gt 0 ] || return 0
	as_root apt-get -q update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy \
		--no-install-recommends install "${missing[@]}"
}

# The SDKs' engines member says which Node.js they are tested with.
node_is_new() {
	node -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)'
}

install_sdks() {
	local omit=()

	cmp -s package-lock.json node_modules/.installed && return 0
	if node_is_new; then
		omit=(--omit=optional)
		echo "installing the SDKs (npm)"
	else
		echo "installing the SDKs and Node.js 22 (npm):" \
			"$(node --version) is too old for them"
	fi
	npm ci --loglevel=error "${omit[@]}"
	cp package-lock.json node_modules/.installed
}

PATH=$PATH:/usr/sbin
install_packages
install_sdks
