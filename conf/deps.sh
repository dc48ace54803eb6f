#!/bin/sh
# SPDX-License-Identifier: MIT
# Install the Debian packages that are missing for what you are about to do:
#	conf/deps.sh build run test check package
# Asks for nothing, says what it installs and why, needs root or sudo only
# when something is missing.
set -eu

# group  package  why
table='
build gcc                  compiles sluice
build make                 runs this Makefile
build pkg-config           finds the libraries
build libc6-dev            C library headers
build libfcgi-dev          FastCGI (fcgi2)
build libcurl4-openssl-dev HTTP to the providers
build libjson-c-dev        JSON
build libdb5.3-dev         Berkeley DB: ledger and keys
build libssl-dev           hashes and random numbers
build libjs-chart.js       the charts of the page
run   lighttpd             serves and spawns the pool
run   ca-certificates      to trust the providers
run   curl                 waits until the gateway answers
test  libcmocka-dev        unit tests
test  lighttpd             the web server of the end-to-end tests
test  apache2-bin          the same behind Apache
test  libapache2-mod-fcgid the same, Apache spawning the pool
test  nginx                the same behind nginx
test  caddy                the same behind Caddy
test  spawn-fcgi           keeps a pool for servers that spawn none
test  multiwatch           replaces responders that die
test  curl                 end-to-end tests
test  db5.3-util           db5.3_verify: is the database sound
test  nodejs               end-to-end tests with the official SDKs
test  npm                  fetches the SDKs
test  git                  the tests look at the tree
test  debootstrap          a bare Debian to install the packages in
test  chromium             looks at the page
test  groff-base           reads the manual
package dpkg-dev           dpkg-deb, and which libraries it needs
check clang-format         one style
check clang-tidy           static analysis
check cppcheck             static analysis
check pmccabe              lengths and complexity
'

missing=
for group in "$@"; do
	list=$(printf '%s\n' "$table" | awk -v g="$group" '$1 == g { print $2 }')
	[ -n "$list" ] || { echo "deps.sh: no group $group" >&2; exit 2; }
	for p in $list; do
		dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null |
			grep -q ' installed$' && continue
		# A tool that is there by other means will do (node, npm).
		case $p in
		nodejs) command -v node >/dev/null && continue ;;
		npm | git | curl | make | gcc) command -v "$p" >/dev/null && continue ;;
		esac
		case " $missing " in *" $p "*) continue ;; esac
		missing="$missing $p"
		why=$(printf '%s\n' "$table" | awk -v p="$p" \
			'$2 == p { $1 = $2 = ""; print substr($0, 3); exit }')
		echo "deps: $p is missing: $why"
	done
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null || {
		echo "deps: run as root: apt-get install$missing" >&2
		exit 1
	}
fi
# Debian's web servers would start at once, and at every boot: no policy of
# ours stays, nor do they.
# shellcheck disable=SC2016
install='
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap "rm -f $policy" EXIT
	trap "exit 1" INT TERM
	printf "#!/bin/sh\nexit 101\n" >$policy
	chmod 755 $policy
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
for p in "$@"; do
	case $p in
	lighttpd | nginx | caddy)
		DPKG_MAINTSCRIPT_PACKAGE=$p deb-systemd-helper disable $p.service
		;;
	esac
done'
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive sh -euc "$install" sh $missing
echo "deps: installed$missing"
