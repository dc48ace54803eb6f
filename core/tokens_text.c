/* SPDX-License-Identifier: MIT */
#include "core/tokens_table.h"

#define LONG_WORD 7 /* letters; what is longer tends to be cut */

enum kind {
	BLANK,
	LOWER,
	UPPER,
	DIGIT,
	MARK,
	LINE,
	ACCENT, /* first bytes of a character in UTF-8 */
	TWO,
	SOUTH,
	SYMBOL,
	FAR,
	REST
};

static enum kind
kind_of_lead(unsigned char c)
{
	return c < 0xc0 ? REST
	    : c < 0xca  ? ACCENT
	    : c < 0xe0  ? TWO
	    : c < 0xe2  ? SOUTH
	    : c < 0xe3  ? SYMBOL
			: FAR;
}

static enum kind
kind_of(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return LOWER;
	if (c >= 0x80)
		return kind_of_lead(c);
	if (c >= 'A' && c <= 'Z')
		return UPPER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	if (c == '\n' || c == '\r')
		return LINE;
	return c <= ' ' ? BLANK : MARK;
}

static int64_t
beyond(int64_t n, int64_t most)
{
	return n > most ? n - most : 0;
}

/* Of a run of ${n} bytes of one ${kind}; ${before} is the run before it. */
static int64_t
run_cost(
    const struct tokens_text *w, enum kind before, enum kind kind, int64_t n)
{
	switch (kind) {
	case LOWER:
	case UPPER:
		/* behind a letter of more bytes the word goes on */
		return before == REST
		    ? n * w->letter
		    : w->word + beyond(n, LONG_WORD) * w->letter;
	case DIGIT:
		return (n + w->group - 1) / w->group * w->digits +
		    (before == BLANK ? w->spaced : 0);
	case MARK:
		return w->mark + beyond(n, 2) * w->marks;
	case LINE:
		return w->line;
	case BLANK:
		return n > 1 ? w->blank : 0;
	case ACCENT:
		return n * w->accent;
	case TWO:
		return n * w->two;
	case SOUTH:
		return n * w->south;
	case SYMBOL:
		return n * w->symbol;
	case FAR:
		return n * w->far;
	case REST:
		break;
	}
	return 0;
}

int64_t
tokens_text_cost(const struct tokens_text *w, struct str text)
{
	enum kind before = LINE, kind = LINE, next;
	int64_t cost = 0, n = 0;
	size_t i;

	for (i = 0; i < text.n; i++) {
		next = kind_of((unsigned char)text.p[i]);
		/* "HTMLParser" is one word, "htmlParser" two */
		if (next == kind || (kind == UPPER && next == LOWER)) {
			kind = next;
			n++;
			continue;
		}
		if (n > 0)
			cost += run_cost(w, before, kind, n);
		before = kind;
		kind = next;
		n = 1;
	}
	return n > 0 ? cost + run_cost(w, before, kind, n) : cost;
}
