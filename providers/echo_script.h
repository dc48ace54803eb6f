/* SPDX-License-Identifier: MIT */
/*
 * What echo shall do.  It is said by directives: the model's name is a list
 * of them joined by '+' ("echo/think+slow-200ms"), and lines of the prompt
 * may add more ("#echo slow-200ms error-after-3"; such lines are not echoed).
 *
 *	echo           nothing special
 *	wait-300ms     wait before the first word
 *	slow-200ms     wait before every other word
 *	words-1000     that many words instead of the echo
 *	think          a thinking block first
 *	tool           call the first tool offered with {"echo":"<text>"}
 *	               (also where tool_choice asks for a call);
 *	               tool results, once they come, are echoed like words
 *	two-tools      call the first two, or the only one twice
 *	refuse         refuse to answer, in the same words
 *	length         stop as if max_tokens had been reached
 *	error-529      answer with that status, 400 to 599
 *	error-after-3  an error inside the stream after so many words
 *	cut-after-3    a broken connection after so many words
 *	hang           no word and no end
 */
#ifndef PROVIDERS_ECHO_SCRIPT_H
#define PROVIDERS_ECHO_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct chat;
struct error;

struct echo_script {
	int64_t wait_ms, slow_ms, words, status;
	int64_t error_after, cut_after; /* words; 0: never */
	int64_t tools, think, refuse, length, hang;
};

/*
 * echo_script_model(s, name, err):
 * Obey the directives of the model ${name}.
 *
 * Returns  0, or -1: ERROR_NOT_FOUND naming the unknown one.
 */
int echo_script_model(struct echo_script *s, struct str name, struct error *err)
    __attribute__((warn_unused_result));

/*
 * echo_script_prompt(s, a, prompt, err):
 * Obey the "#echo" lines of ${*prompt} and take them out, in ${a}.
 *
 * Returns  0, or -1 as above.
 */
int echo_script_prompt(struct echo_script *s, struct arena *a,
    struct str *prompt, struct error *err) __attribute__((warn_unused_result));

/*
 * echo_last_words(a, chat, is_result):
 * Returns  what the user said last, or with ${*is_result} what the tools
 *          answered.
 */
struct str echo_last_words(
    struct arena *a, const struct chat *chat, bool *is_result);

#endif
