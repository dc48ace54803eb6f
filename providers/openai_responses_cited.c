/* SPDX-License-Identifier: MIT */
/* Sources of a text: they come one by one, or with the part when it is done. */
#include "core/event.h"
#include "core/jtree.h"

#include "providers/answer.h"
#include "providers/openai_responses_decode.h"

/* Those of a client's files have no address. */
static int
put_citation(struct responses *o, const struct responses_block *b,
    const struct jnode *at, struct error *err)
{
	struct citation c = { .url = answer_str(at, "url"),
		.title = answer_str(at, "title") };

	if (!b || c.url.n == 0)
		return answer_lost(o->out, EVENT_LOST_SOURCE, err);
	(void)answer_count(at, "start_index", &c.start);
	(void)answer_count(at, "end_index", &c.end);
	return responses_put(o,
	    (struct event){
		.kind = EVENT_CITATION, .key = b->key, .citation = &c },
	    err);
}

/* Those that have not come one by one. */
int
responses_cited(struct responses *o, struct responses_block *b,
    const struct jnode *part, struct error *err)
{
	struct jnode list, item;
	size_t i;

	(void)jtree_find(part, "annotations", &list);
	for (i = 0; i < jtree_len(&list) && !b->cited; i++) {
		item = jtree_item(&list, i);
		if (put_citation(o, b, &item, err) != 0)
			return -1;
	}
	b->cited |= i > 0;
	return 0;
}

static struct responses_block *
find_part(struct responses *o, const struct jnode *root)
{
	int64_t output = 0, content = 0;

	(void)answer_count(root, "output_index", &output);
	(void)answer_count(root, "content_index", &content);
	return responses_find(o, output, content);
}

int
responses_annotation(
    struct responses *o, const struct jnode *root, struct error *err)
{
	struct responses_block *b = find_part(o, root);
	struct jnode at;

	if (!jtree_find(root, "annotation", &at))
		return 0;
	if (b)
		b->cited = true;
	return put_citation(o, b, &at, err);
}

int
responses_part_done(
    struct responses *o, const struct jnode *root, struct error *err)
{
	struct responses_block *b = find_part(o, root);
	struct jnode part;

	if (!b || b->kind != BLOCK_TEXT || !jtree_find(root, "part", &part))
		return 0;
	if (responses_cited(o, b, &part, err) != 0)
		return -1;
	return responses_close(o, b, err);
}
