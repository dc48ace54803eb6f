#!/bin/sh
# SPDX-License-Identifier: MIT
# `make deb`: the Debian package of this build, with nothing but dpkg-dev.
#	conf/deb/build.sh BUILD
set -eu
cd "$(dirname "$0")/../.."
build=$(realpath "$1")
version=$(sed -n 's/.*SLUICE_VERSION "\(.*\)"/\1/p' core/version.h)
arch=$(dpkg --print-architecture)
root=$build/deb/root
doc=$root/usr/share/doc/sluice
package=$build/dist/sluice_${version}_$arch.deb

rm -rf "$build/deb"
umask 022
mkdir -p "$build/dist" "$root/DEBIAN"
make -s install BUILD="$1" DESTDIR="$root" PREFIX=/usr >/dev/null
strip --strip-unneeded "$root/usr/bin/sluice"
gzip -9n "$root"/usr/share/man/man*/*
install -D -m 640 conf/start.json "$root/etc/sluice/sluice.json"
for unit in conf/sluice.socket conf/sluice@.service; do
	[ ! -f $unit ] || install -D -m 644 $unit \
		"$root/usr/lib/systemd/system/${unit#conf/}"
done
install -m 644 conf/deb/README.Debian conf/deb/copyright "$doc"

# dpkg-shlibdeps looks for a source package where it runs.
mkdir -p "$build/deb/debian"
printf 'Source: sluice\n\nPackage: sluice\nArchitecture: any\n' \
	>"$build/deb/debian/control"
depends=$(cd "$build/deb" && dpkg-shlibdeps -O "$root/usr/bin/sluice" |
	sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb: no shared libraries found" >&2; exit 1; }

sed -e "s|@VERSION@|$version|" -e "s|@ARCH@|$arch|" \
	-e "s|@DEPENDS@|$depends|" \
	-e "s|@SIZE@|$(du -sk --exclude=DEBIAN "$root" | cut -f 1)|" \
	conf/deb/control >"$root/DEBIAN/control"
echo /etc/sluice/sluice.json >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) \
	>"$root/DEBIAN/md5sums"
for script in postinst prerm postrm; do
	install -m 755 conf/deb/$script "$root/DEBIAN/$script"
done
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "$package"
