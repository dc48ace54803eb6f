#!/bin/sh
# SPDX-License-Identifier: MIT
# `make run`: serve this build on http://127.0.0.1:8080 (PORT=... for another)
# with lighttpd, data in build/run.  Providers are those whose key variable is
# set, and echo.  SLUICE_CONFIG names a configuration, if you have one.
set -eu
cd "$(dirname "$0")/.."
port=${PORT:-8080}
dir=$PWD/build/run
sluice=$PWD/build/sluice
base=http://127.0.0.1:$port

mkdir -p "$dir"
chmod 700 "$dir"
export SLUICE_DATA_DIR="${SLUICE_DATA_DIR:-$dir/data}"

sed -e "s|^var.program .*|var.program = \"$sluice\"|" \
	-e "s|^var.www .*|var.www = \"$PWD/build/www\"|" \
	-e "s|^var.run .*|var.run = \"$dir\"|" \
	-e "s|^var.port .*|var.port = $port|" conf/lighttpd.conf >"$dir/lighttpd.conf"

"$sluice" check || exit 1
PATH=$PATH:/usr/sbin lighttpd -D -f "$dir/lighttpd.conf" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; exit 0' INT TERM
trap 'kill $server 2>/dev/null || true' EXIT

tries=0
until curl -fsS -o "$dir/health" "$base/healthz" 2>"$dir/curl.err"; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ] || ! kill -0 $server 2>/dev/null; then
		echo "the gateway does not answer:" >&2
		cat "$dir/curl.err" "$dir/lighttpd.log" >&2
		exit 1
	fi
	sleep 0.1
done

key=$("$sluice" key create --name "make run" --json |
	sed 's/.*"key":"\([^"]*\)".*/\1/')

cat <<EOT

sluice serves on $base/v1 (OpenAI) and $base (Anthropic).
A fresh gateway key, shown only now:

    $key

Try it:

    curl $base/v1/chat/completions -H "Authorization: Bearer $key" \\
      -H 'Content-Type: application/json' \\
      -d '{"model":"echo/echo","messages":[{"role":"user","content":"Hello"}]}'

    OPENAI_BASE_URL=$base/v1 OPENAI_API_KEY=$key
    new OpenAI({ baseURL: "$base/v1", apiKey: "$key" })

    ANTHROPIC_BASE_URL=$base ANTHROPIC_API_KEY=$key
    new Anthropic({ baseURL: "$base", apiKey: "$key" })

What it cost:  $base, with this key (or one made with --admin), or
    SLUICE_DATA_DIR=$SLUICE_DATA_DIR build/sluice ledger tail

Stop with Ctrl-C.
EOT
wait $server
