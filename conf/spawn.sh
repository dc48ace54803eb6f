#!/bin/sh
# SPDX-License-Identifier: MIT
# A pool of responders on a socket for systems without systemd: run it from
# inittab, runit, supervisord or the like, as root or as the user itself.
# SIGTERM lets running streams finish; a responder that dies is replaced.
set -eu
program=${SLUICE_PROGRAM:-/usr/lib/sluice/sluice.fcgi}
socket=${SLUICE_SOCKET:-/run/sluice/sluice.sock}
pool=${SLUICE_POOL:-2}	# responder processes: one for each core is plenty
user=${SLUICE_USER:-sluice}
group=${SLUICE_GROUP:-www-data}	# the web server's: nobody else may connect

# shellcheck disable=SC2046
exec spawn-fcgi -n -s "$socket" -b 1024 -M 0660 \
	$([ "$(id -u)" != 0 ] || echo "-u $user -U $user -G $group") \
	-- /usr/bin/multiwatch -f "$pool" -- "$program"
