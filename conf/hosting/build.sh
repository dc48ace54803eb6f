#!/bin/sh
# SPDX-License-Identifier: MIT
# `make dist-hosting`: pack the tarball for shared hosting around the program
# that the Makefile has linked for it.
#	conf/hosting/build.sh BUILD
set -eu
cd "$(dirname "$0")/../.."
build=$1
version=$(sed -n 's/.*SLUICE_VERSION "\(.*\)"/\1/p' core/version.h)
dir=$build/hosting/pack
tarball=$build/dist/sluice-hosting-$version-$(uname -m).tar.gz

rm -rf "$dir"
umask 022
mkdir -p "$build/dist" "$dir"
cp -R "$build/www/." "$dir"
install -m 644 conf/hosting/README.txt "$dir"
install -m 644 conf/htaccess "$dir/.htaccess"
install -m 600 conf/start.json "$dir/sluice.json"
install -m 755 -s "$build/hosting/sluice.fcgi" "$dir/sluice.fcgi"
# What is linked in wants to be named.
{
	cat conf/deb/copyright
	for package in libfcgi-dev libjson-c-dev libdb5.3-dev \
		libjs-chart.js; do
		printf '\n\n======== in this package: %s\n\n' $package
		cat /usr/share/doc/$package/copyright
	done
} >"$dir/LICENSES.txt"

# Names without ./, or unpacking would change the mode of the folder itself.
(cd "$dir" && find . -type f -printf '%P\n' | LC_ALL=C sort) |
	tar -C "$dir" --owner=0 --group=0 --numeric-owner -czf "$tarball" -T -
echo "$tarball"
