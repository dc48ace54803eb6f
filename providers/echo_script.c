/* SPDX-License-Identifier: MIT */
#include "providers/echo_script.h"

#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"

#include "providers/history.h"

#define MAX_WORDS        100000
#define MAX_WAIT_MS      600000
#define MAX_PROMPT_BYTES ((size_t)256 << 20)

/* A prefix and, where there is a suffix, a number between the two. */
static const struct directive {
	const char *prefix, *suffix;
	size_t at;        /* member of struct echo_script */
	int64_t min, max; /* of the number; without one, min is the value */
} directives[] = {
	{ "error-after-", "", offsetof(struct echo_script, error_after), 1,
	    MAX_WORDS },
	{ "cut-after-", "", offsetof(struct echo_script, cut_after), 1,
	    MAX_WORDS },
	{ "wait-", "ms", offsetof(struct echo_script, wait_ms), 0,
	    MAX_WAIT_MS },
	{ "slow-", "ms", offsetof(struct echo_script, slow_ms), 0,
	    MAX_WAIT_MS },
	{ "words-", "", offsetof(struct echo_script, words), 1, MAX_WORDS },
	{ "error-", "", offsetof(struct echo_script, status), 400, 599 },
	{ "two-tools", NULL, offsetof(struct echo_script, tools), 2, 0 },
	{ "tool", NULL, offsetof(struct echo_script, tools), 1, 0 },
	{ "think", NULL, offsetof(struct echo_script, think), 1, 0 },
	{ "refuse", NULL, offsetof(struct echo_script, refuse), 1, 0 },
	{ "length", NULL, offsetof(struct echo_script, length), 1, 0 },
	{ "hang", NULL, offsetof(struct echo_script, hang), 1, 0 },
};

static bool
obey(const struct directive *d, struct str word, struct echo_script *s)
{
	int64_t *member = (int64_t *)(void *)((char *)s + d->at);
	size_t suffix = d->suffix ? strlen(d->suffix) : 0;
	struct str number;

	if (!d->suffix) {
		if (str_is(word, d->prefix))
			*member = d->min;
		return str_is(word, d->prefix);
	}
	if (!str_starts(word, d->prefix))
		return false;
	number = str_skip(word, strlen(d->prefix));
	if (number.n < suffix ||
	    memcmp(number.p + number.n - suffix, d->suffix, suffix) != 0)
		return false;
	number.n -= suffix;
	return str_i64(number, d->min, d->max, member) == 0;
}

/* Obey the words of ${line} between the separators. */
static int
read_directives(
    struct str line, char separator, struct echo_script *s, struct error *err)
{
	struct str word;
	size_t i;

	while (line.n > 0) {
		line = str_split(line, separator, &word);
		if (word.n == 0 || str_is(word, "echo"))
			continue;
		for (i = 0; i < sizeof(directives) / sizeof(*directives); i++)
			if (obey(&directives[i], word, s))
				break;
		if (i == sizeof(directives) / sizeof(*directives))
			return error_set(err, ERROR_NOT_FOUND,
			    "echo knows no \"%.*s\"", STR_ARG(word));
	}
	return 0;
}

int
echo_script_model(struct echo_script *s, struct str name, struct error *err)
{
	return read_directives(name, '+', s, err);
}

int
echo_script_prompt(struct echo_script *s, struct arena *a, struct str *prompt,
    struct error *err)
{
	struct buf *rest = buf_new(a, MAX_PROMPT_BYTES);
	struct str line, todo = *prompt;

	while (todo.n > 0) {
		todo = str_split(todo, '\n', &line);
		if (str_starts(line, "#echo ")) {
			line = str_trim(str_skip(line, strlen("#echo")));
			if (read_directives(line, ' ', s, err) != 0)
				return -1;
			continue;
		}
		if (rest->n > 0)
			buf_addch(rest, '\n');
		buf_adds(rest, line);
	}
	*prompt = buf_str(rest);
	return 0;
}

struct str
echo_last_words(struct arena *a, const struct chat *chat, bool *is_result)
{
	struct buf *results = buf_new(a, MAX_PROMPT_BYTES);
	const struct turn *t, *last = NULL;
	const struct part *p;

	*is_result = false;
	for (t = chat->turns; t; t = t->next)
		if (t->role == ROLE_USER)
			last = t;
	for (p = last ? last->parts : NULL; p; p = p->next) {
		if (p->kind != PART_TOOL_RESULT)
			continue;
		if (*is_result)
			buf_addch(results, '\n');
		*is_result = true;
		buf_adds(results, history_text(a, p->parts, "\n"));
	}
	if (*is_result || !last)
		return buf_str(results);
	return history_text(a, last->parts, "\n");
}
