# SPDX-License-Identifier: MIT
# awk -f keys.awk README.md PAGE: print PAGE with the table of keys, which
# README has and a unit test holds against the schema, in place of @KEYS@.

# `code` is italic in a manual; what troff would take for its own is quoted.
function roff(s,    out) {
	gsub(/\\/, "\\e", s)
	while (match(s, /`[^`]*`/)) {
		out = out substr(s, 1, RSTART - 1) "\\fI" \
			substr(s, RSTART + 1, RLENGTH - 2) "\\fR"
		s = substr(s, RSTART + RLENGTH)
	}
	out = out s
	return (out ~ /^[.']/ ? "\\&" : "") out
}

FNR == NR {
	if (split($0, cell, / *\| */) == 6 && cell[2] ~ /^`[^` ]+`$/) {
		key[++n] = substr(cell[2], 2, length(cell[2]) - 2)
		type[n] = cell[3]
		fallback[n] = cell[4]
		meaning[n] = cell[5]
	}
	next
}

/^@KEYS@$/ {
	for (i = 1; i <= n; i++) {
		print ".It Cm " key[i] " : No " roff(type[i])
		print roff(meaning[i])
		if (fallback[i] != "")
			print ".br\nDefault: " roff(fallback[i])
	}
	next
}
{ print }
