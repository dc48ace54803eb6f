/* SPDX-License-Identifier: MIT */
#include "core/reference.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/jtext.h"

struct str
reference_find(struct arena *a, struct str path, struct str input)
{
	struct arena *scratch = arena_new(REFERENCE_MAX_BYTES);
	struct str answer = STR_NONE, text, said;
	FILE *f = path.n > 0 ? fopen(str_cstr(a, path), "re") : NULL;
	char *line = NULL;
	size_t cap = 0, read = 0;
	ssize_t n;

	while (f != NULL && answer.p == NULL && read < REFERENCE_MAX_BYTES &&
	    (n = getline(&line, &cap, f)) > 0) {
		struct error ignored = { .kind = ERROR_NONE };

		read += (size_t)n;
		text = str_trim((struct str){ line, (size_t)n });
		arena_reset(scratch);
		if (jtext_check(text, &ignored) != 0)
			continue;
		said = jtext_str(scratch, text, "input");
		if (said.p != NULL && str_eq(said, input))
			answer = jtext_str(a, text, "answer");
	}
	free(line);
	if (f != NULL)
		fclose(f);
	arena_free(scratch);
	return answer;
}
