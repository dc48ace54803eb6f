#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make bench`: what sluice costs, measured on this machine against the same
# lighttpd and the same scripted upstream without it, in alternating rounds.
# Everything is on 127.0.0.1 and takes about two minutes.  Prints Markdown.  Fails only when an answer was wrong or the ledger incomplete:
# the aims are for the reader.
#
#	SECONDS_PER_ROUND=1 STREAMS=500 HELD=1000 tests/bench.sh
set -euo pipefail
cd "$(dirname "$0")/.."
chunks=stream-225-20 # 50 a second for four and a half seconds
round_s=${SECONDS_PER_ROUND:-1} streams=${STREAMS:-500} held=${HELD:-1000}
sluice=${SLUICE:-$PWD/build/sluice}
failovers=100 races=200 hedges=50 hedge_ms=20
dir=$(mktemp -d)
pids=()
bad=0

# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	exec 3>&-
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap cleanup EXIT

compile() {
	"${CC:-cc}" -O2 -std=c11 -D_GNU_SOURCE -o "$dir/$1" "tests/$1.c"
}

# filled FILE: wait until somebody has written into it
filled() {
	local i

	for ((i = 0; i < 600; i++)); do
		[ ! -s "$1" ] || return 0
		sleep 0.05
	done
	echo "nothing in $1" >&2
	return 1
}

free_port() {
	local port

	while port=$((20000 + RANDOM % 12000)); do
		(: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# --- what is started ---

start_upstream() {
	"$dir/upstream" >"$dir/port" &
	pids+=($!)
	filled "$dir/port"
	direct=$(<"$dir/port")
}

# Three targets, of which two fail; races.  A breaker knows each target once.
routes() {
	local i s

	for s in 429 500; do
		for ((i = 0; i < failovers; i++)); do
			echo "\"over-$s-$i\": { \"fallback\": [" \
				"\"up/status-$s-0-$i-a\"," \
				"\"up/status-$s-0-$i-b\", \"up/fine\" ] },"
		done
	done
	echo '"kept": { "model": "up/slow-20", "cache": "on" },'
	echo '"race": { "race": [ "up/stream-3-200", "up/stream-3-3" ] },'
	echo '"hedge": { "race": [ "up/stream-3-150", "up/stream-3-3" ],' \
		"\"hedge_ms\": $hedge_ms },"
	echo '"trial": { "experiment": "bench" }'
}

configure() {
	local price='"price": { "input": "1", "output": "4" }' sep='' m

	export SLUICE_CONFIG=$dir/sluice.json
	cat >"$SLUICE_CONFIG" <<-EOT
		{ "data_dir": "$dir/data",
		  "server": { "max_calls": 4000 },
		  "log": { "file": "$dir/sluice.log", "level": "warn" },
		  "providers": {
		    "up": { "api": "openai", "key": "k",
		            "base_url": "http://127.0.0.1:$direct/v1" },
		    "ant": { "api": "anthropic", "key": "k",
		             "base_url": "http://127.0.0.1:$direct" } },
		  "models": {
	EOT
	for m in up/json ant/json up/slow-20 up/hang-3-0 "up/$chunks" \
		"ant/$chunks" up/slow-100 up/slow-101 up/judge; do
		echo "$sep \"$m\": { $price }" >>"$SLUICE_CONFIG"
		sep=,
	done
	echo '}, "routes": {' >>"$SLUICE_CONFIG"
	routes >>"$SLUICE_CONFIG"
	echo '}, "experiments": { "bench": {' \
		'"arms": [ "up/slow-100", "up/slow-101" ],' \
		'"judge": "up/judge", "sample": 1, "stop": "never",' \
		'"budget_usd": "1000" } } }' >>"$SLUICE_CONFIG"
	"$sluice" check >"$dir/check" || { cat "$dir/check"; exit 1; }
	KEY=$("$sluice" key create --name bench --json |
		sed 's/.*"key": *"\([^"]*\)".*/\1/')
	export KEY
}

# fastcgi PORT PROCESSES: a pool behind a port
fastcgi() {
	cat <<-EOT
		\$SERVER["socket"] == "127.0.0.1:$1" { fastcgi.server = ("/" => ((
		  "socket" => "$dir/$1.sock", "bin-path" => "$sluice",
		  "max-procs" => $2, "listen-backlog" => 1024,
		  "bin-environment" => ("BENCH_POOL" => "$1"),
		  "check-local" => "disable", "tcp-fin-propagate" => "enable"))) }
	EOT
}

# One lighttpd, as conf/lighttpd.conf has it, with three ports: its own proxy,
# two responders, one responder.
start_lighttpd() {
	proxy=$(free_port) two=$(free_port) one=$(free_port)
	cat >"$dir/lighttpd.conf" <<-EOT
		server.modules = ("mod_fastcgi", "mod_proxy")
		server.bind = "127.0.0.1"
		server.port = $proxy
		server.document-root = "$dir"
		server.errorlog = "$dir/lighttpd.log"
		server.stream-response-body = 1
		server.max-fds = 8192
		server.max-connections = 4000
		server.max-keep-alive-requests = 60000
		\$SERVER["socket"] == "127.0.0.1:$proxy" {
		  proxy.server = ("" => (("host" => "127.0.0.1", "port" => $direct))) }
	EOT
	{ fastcgi "$two" 2; fastcgi "$one" 1; } >>"$dir/lighttpd.conf"
	PATH=$PATH:/usr/sbin lighttpd -D -f "$dir/lighttpd.conf" &
	pids+=($!)
	for port in "$two" "$one"; do
		curl -fsS --retry 20 --retry-all-errors --retry-delay 1 \
			-o "$dir/health" "http://127.0.0.1:$port/healthz" \
			2>"$dir/curl.err" || { cat "$dir"/*.err; exit 1; }
	done
}

# The responders of a port.
responders() {
	local pid

	for pid in $(pgrep -P "${pids[1]}"); do
		! grep -qz "^BENCH_POOL=$1\$" "/proc/$pid/environ" ||
			echo "$pid"
	done
}

# memory_of FIELD PID...: in KB, added up
memory_of() {
	local files=("${@:2}")

	files=("${files[@]/#//proc/}")
	awk -v field="^$1:" '$0 ~ field { sum += $2 } END { print sum }' \
		"${files[@]/%//smaps_rollup}"
}

pss() {
	memory_of Pss "$@"
}

# --- measuring ---

failed() {
	echo "failed: $*" >&2
	bad=1
}

# measured FILE MODE ARGS...: one line of figures into FILE; bad calls show
measured() {
	local file=$1 line

	shift
	line=$("$dir/bench_client" "$@")
	echo "$line" >>"$file"
	[ "$(cut -d' ' -f2 <<<"$line")" = 0 ] || failed "$*: $line"
}

load_rounds() {
	local i conns

	for conns in 1 16; do
		for i in 1 2 3; do
			load direct "$conns" "$direct" json
			load proxy "$conns" "$proxy" json "${pids[1]}"
			load same "$conns" "$two" up/json "${pool2[@]}"
			load cross "$conns" "$two" ant/json "${pool2[@]}"
			load miss "$conns" "$two" up/slow-20 "${pool2[@]}"
			load hit "$conns" "$two" kept "${pool2[@]}"
		done
	done
}

# load NAME CONNS PORT MODEL [PID...]
load() {
	measured "$dir/load.$1.$2" load "$3" "$4" "$2" "$round_s" "${@:5}"
}

# median FILE COLUMN
median() {
	cut -d' ' -f"$2" "$1" | sort -n | awk '
		{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# ms MICROSECONDS
ms() {
	awk -v us="$1" 'BEGIN { printf "%.2f", us / 1000 }'
}

# What starting has left goes back after a second without a call.
idle() {
	sleep 5
	idle_kb=$(($(pss "${pool2[@]}") / 2))
	private_kb=$(($(memory_of Private_Dirty "${pool2[@]}") / 2))
}

warm() {
	local port

	for port in "$one" "$two"; do
		measured "$dir/load.same.warm" load "$port" up/json 4 0.1
	done
}

# What each open stream adds to the memory of the pool.
hold_streams() {
	local client before

	before=$(pss "${pool2[@]}")
	mkfifo "$dir/end"
	"$dir/bench_client" hold "$two" up/hang-3-0 "$held" \
		<"$dir/end" >"$dir/held" &
	client=$!
	exec 3>"$dir/end"
	filled "$dir/held"
	stream_kb=$((($(pss "${pool2[@]}") - before) / held))
	exec 3>&-
	wait "$client"
	[[ $(<"$dir/held") == *' 0' ]] || failed "held: $(<"$dir/held")"
}

# stream NAME PORT MODEL [PID...]
stream() {
	measured "$dir/stream.$1" stream "$2" "$3" "$streams" 2.5 "${@:4}"
}

stream_rounds() {
	local i

	for i in 1 2 3; do
		stream direct "$direct" "$chunks"
		stream proxy "$proxy" "$chunks" "${pids[1]}"
		stream one "$one" "up/$chunks" "${pool1[@]}"
		stream two "$two" "up/$chunks" "${pool2[@]}"
		stream cross "$one" "ant/$chunks" "${pool1[@]}"
	done
}

# quantiles: p50 and p99 of what is on stdin
quantiles() {
	sort -n | awk '{ v[NR] = $1 } END {
		print v[int((NR + 1) / 2)], v[int(NR * 99 / 100)] }'
}

# traced FILE MODEL COUNT REQUESTS: as `each` of the client; the upstream's
# view of it, which is so many requests for each call
traced() {
	curl -fsS -o "$dir/before" "http://127.0.0.1:$direct/trace"
	measured "$dir/each.$1" each "$one" "$2" "$3"
	sleep 0.3 # losers leave
	curl -fsS -o "$dir/trace.$1" "http://127.0.0.1:$direct/trace"
	[ "$(wc -l <"$dir/trace.$1")" = $(($3 * $4)) ] ||
		failed "$2: not $4 requests for each of $3 calls"
}

# All by the upstream's clock, but the client's delay to the first token.
routing() {
	local s

	for s in 429 500; do
		traced "$s" "over-$s-" "$failovers" 3
		# from the end of an error answer to the next request
		awk 'left > 0 { print $2 - left }
			{ left = /^status/ ? $4 : 0 }' "$dir/trace.$s" |
			quantiles >"$dir/over.$s"
	done
	traced race race "$races" 2
	traced hedge hedge "$hedges" 2
	# from the winner's first chunk to the loser's end
	awk '/^stream-3-3 / { first = $3 } /^stream-3-200 / { gone = $5 ? $5 : 1e15 }
		NR % 2 == 0 { print gone - first }' "$dir/trace.race" |
		quantiles >"$dir/lost"
	# from the first request to the hedge
	awk 'NR % 2 { came = $2; next } { print $2 - came }' \
		"$dir/trace.hedge" | quantiles >"$dir/hedged"
}

# The same answers, with and without a shadow and a judge behind each.
trial_rounds() {
	local i

	for i in 1 2 3 4 5; do
		load alone 4 "$two" up/slow-100
		load trial 4 "$two" trial
	done
	for ((i = 0; i < 400; i++)); do
		"$sluice" experiment report bench --json >"$dir/report"
		! grep -q '"waiting":0,' "$dir/report" || return 0
		sleep 0.2
	done
	failed 'trials still wait'
}

# How many calls sluice has had, by what the clients counted.
calls_made() {
	cat "$dir"/load.{same,cross,miss,hit}.* "$dir"/held \
		"$dir"/stream.{one,two,cross} "$dir"/each.* "$dir/cgi.chat" |
		awk '{ sum += $1 } END { print sum }'
}

rows_ended() {
	"$sluice" ledger export --format jsonl | grep -vc '"ended_at":null' ||
		true
}

# --- telling ---

declare -A names=(
	[direct]='upstream directly'
	[proxy]='lighttpd mod_proxy'
	[same]='sluice, same format'
	[miss]='sluice, a provider that takes 20 ms'
	[hit]='sluice, the answer of that from its cache'
	[cross]='sluice, OpenAI client, Anthropic upstream'
	[one]='sluice, one responder'
	[two]='sluice, two responders (CPU of both)'
	[alone]='without an experiment'
	[trial]='each call shadowed and judged'
)

load_table() {
	local name conns f

	echo '| 2 KB chat, 1 KB JSON answer | connections | requests/s' \
		'| p50 ms | p99 ms | CPU ms per request |'
	echo '|---|---:|---:|---:|---:|---:|'
	for conns in 1 16; do
		for name in direct proxy same cross miss hit; do
			f=$dir/load.$name.$conns
			echo "| ${names[$name]} | $conns | $(median "$f" 3)" \
				"| $(ms "$(median "$f" 4)")" \
				"| $(ms "$(median "$f" 5)")" \
				"| $(ms "$(median "$f" 6)") |"
		done
	done
}

stream_table() {
	local name f

	echo "| $streams streams of 50 tokens/s | tokens/s | delay p50 ms" \
		'| p99 ms | first token p50 ms | p99 ms | CPU' \
		'| machine idle |'
	echo '|---|---:|---:|---:|---:|---:|---:|---:|'
	for name in direct proxy one two cross; do
		f=$dir/stream.$name
		echo "| ${names[$name]} | $(median "$f" 3)" \
			"| $(ms "$(median "$f" 4)") | $(ms "$(median "$f" 5)")" \
			"| $(ms "$(median "$f" 6)") | $(ms "$(median "$f" 7)")" \
			"| $(median "$f" 8) % | $(median "$f" 9) % |"
	done
}

# aim WHAT VALUE UNIT [LIMIT]: a row of the table of aims
aim() {
	awk -v what="$1" -v v="$2" -v unit="$3" -v limit="${4:-}" 'BEGIN {
		printf "| %s | %s %s | ", what, v, unit
		if (limit == "")
			print "| |"
		else
			printf "< %s %s | %s |\n", limit, unit,
				v + 0 < limit + 0 ? "met" : "MISSED" }'
}

# more NAME BASE CONNS COLUMN: what NAME takes longer than BASE, in ms
more() {
	ms $(($(median "$dir/load.$1.$3" "$4") - $(median "$dir/load.$2.$3" "$4")))
}

aim_table() {
	local name conns

	echo '| | measured | aim | |'
	echo '|---|---:|---:|---|'
	for conns in 1 16; do
		for name in same cross; do
			aim "added to mod_proxy, p50, $name, connections: $conns" \
				"$(more $name proxy $conns 4)" ms 0.3
			aim "CPU per request, $name, connections: $conns" \
				"$(ms "$(median "$dir/load.$name.$conns" 6)")" \
				ms 0.3
		done
	done
	aim 'PSS of an idle responder' "$idle_kb" KB 4096
	aim 'of it private, not shared libraries' "$private_kb" KB
	aim 'PSS of a responder when all of this is over' "$later_kb" KB
	aim "PSS of each of $held open streams" "$stream_kb" KB 64
	aim "CPU of one responder, $streams streams" \
		"$(median "$dir/stream.one" 8)" % 40
	aim 'plain CGI, a chat, until the process ends' \
		"$(ms "$(median "$dir/cgi.chat" 3)")" ms 15
	aim 'plain CGI, a chat, until the answer is complete' \
		"$(ms "$(median "$dir/cgi.chat" 5)")" ms
	aim 'plain CGI, GET /v1/models, until the process ends' \
		"$(ms "$(median "$dir/cgi.models" 3)")" ms 15
}

# ms_of FILE COLUMN
ms_of() {
	ms "$(cut -d' ' -f"$2" "$1")"
}

routing_table() {
	local s

	echo '| | p50 ms | p99 ms | aim |'
	echo '|---|---:|---:|---|'
	for s in 429 500; do
		echo "| $s answered until the next target is asked" \
			"| $(ms_of "$dir/over.$s" 1) | $(ms_of "$dir/over.$s" 2)" \
			'| < 2 |'
	done
	echo "| race: first token of the faster one until it is the client's" \
		"| $(ms_of "$dir/each.race" 3) | $(ms_of "$dir/each.race" 4)" \
		'| < 1 |'
	echo '| race: that token until the loser is closed' \
		"| $(ms_of "$dir/lost" 1) | $(ms_of "$dir/lost" 2) | < 50 |"
	echo "| hedge of $hedge_ms ms: the second request" \
		"| $(ms_of "$dir/hedged" 1) | $(ms_of "$dir/hedged" 2)" \
		"| > $hedge_ms |"
}

trial_table() {
	local name f p50

	echo '| answers of 100 ms, connections: 4 | calls | p50 ms | p99 ms |'
	echo '|---|---:|---:|---:|'
	for name in alone trial; do
		f=$dir/load.$name.4
		echo "| ${names[$name]} | $(awk '{ n += $1 } END { print n }' "$f")" \
			"| $(ms "$(median "$f" 4)") | $(ms "$(median "$f" 5)") |"
	done
	p50=$(median "$dir/load.alone.4" 4)
	echo
	echo "The shadow adds $(awk -v a="$p50" \
		-v b="$(median "$dir/load.trial.4" 4)" \
		'BEGIN { printf "%.2f", 100 * (b - a) / a }') % to p50 (aim: 1);" \
		"verdicts: $(sed 's/.*"judged":\([0-9]*\).*/\1/' "$dir/report")."
}

# --- the run ---

for program in upstream bench_client; do
	compile $program
done
start_upstream
configure
start_lighttpd
mapfile -t pool1 < <(responders "$one")
mapfile -t pool2 < <(responders "$two")
idle
warm
hold_streams
load_rounds
stream_rounds
routing
measured "$dir/cgi.chat" cgi "$sluice" up/json 50
measured "$dir/cgi.models" cgi "$sluice" - 50
sleep 3
later_kb=$(($(pss "${pool2[@]}") / 2))
made=$(calls_made) rows=$(rows_ended)
trial_rounds

echo "Measured on $(nproc) cores," \
	"$(sed -n 's/^model name.*: //p;T;q' /proc/cpuinfo), $(date -u +%F)."
echo "CPU is that of sluice's responders, for mod_proxy that of lighttpd."
echo
load_table
echo
stream_table
echo
routing_table
echo
trial_table
echo
aim_table
echo
echo "Ledger: $rows rows of $made calls."
[ "$rows" = "$made" ] || failed "the ledger has $rows rows of $made calls"
exit $bad
