#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A bare Debian in the user's cache, for tests to install packages in: made by
# the first run, which takes a minute or two, and anew each month.  Prints its
# path, or why there can be none.
set -euo pipefail
release=bookworm
# Unpacked for later, not installed: what tests serve with, and libraries.
later='lighttpd spawn-fcgi apache2 apache2-suexec-custom ca-certificates
libcurl4 libdb5.3 libfcgi0ldbl libjson-c5 libssl3'

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice-tests
base=$cache/$release-$(date +%Y-%m)-$(cksum <"$0" | cut -d ' ' -f 1)
[ ! -d "$base" ] || { echo "$base"; exit; }

fail() {
	echo "no bare Debian to install packages in: $1" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || fail "only root can make one"
command -v debootstrap >/dev/null || fail "debootstrap is missing"
echo "making a bare Debian in $base" >&2
rm -rf "$cache"
mkdir -p "$cache"
new=$(mktemp -d "$cache/new.XXXXXX")
trap 'rm -rf "$new"' EXIT

# From where this machine gets its packages, too.
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' \
	'Created-By: Packages' | sed -n "s/^$release //p" | head -n 1)
debootstrap --variant=minbase $release "$new" ${mirror:+"$mirror"} \
	>"$cache/log" 2>&1 || fail "$(tail -n 3 "$cache/log")"
# No service starts in there.
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
chmod 755 "$new" "$new/usr/sbin/policy-rc.d"
# shellcheck disable=SC2086
{
	chroot "$new" apt-get -qq update
	chroot "$new" apt-get -qq install -y --download-only \
		--no-install-recommends $later
} >"$cache/log" 2>&1 || fail "$(tail -n 3 "$cache/log")"
mv "$new" "$base"
echo "$base"
