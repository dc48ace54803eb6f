/* SPDX-License-Identifier: MIT */
/*
 * Sources of a text: OpenAI's stand beside it, by their places; those of
 * Perplexity and xAI beside the choices, for all of it; a tool of Mistral's
 * says them within it.
 */
#include "core/event.h"
#include "core/jtree.h"

#include "providers/answer.h"
#include "providers/openai_decode.h"

static int
put_source(struct openai *o, const struct citation *c, struct error *err)
{
	o->cited = true;
	if (c->url.n == 0 || !o->running || o->kind != BLOCK_TEXT)
		return answer_lost(o->out, EVENT_LOST_SOURCE, err);
	return openai_put(o,
	    (struct event){
		.kind = EVENT_CITATION, .key = o->key, .citation = c },
	    err);
}

int
openai_annotations(struct openai *o, const struct jnode *m, struct error *err)
{
	struct jnode list, item, of;
	struct citation c;
	size_t i;

	(void)jtree_find(m, "annotations", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		(void)jtree_find(&item, "url_citation", &of);
		c = (struct citation){ .url = answer_str(&of, "url"),
			.title = answer_str(&of, "title") };
		(void)answer_count(&of, "start_index", &c.start);
		(void)answer_count(&of, "end_index", &c.end);
		if (put_source(o, &c, err) != 0)
			return -1;
	}
	return 0;
}

int
openai_source(struct openai *o, const struct jnode *at, struct error *err)
{
	struct citation c = { .url = jtree_value_str(at), .end = o->chars };

	if (c.url.n == 0) {
		c.url = answer_str(at, "url");
		c.title = answer_str(at, "title");
	}
	return put_source(o, &c, err);
}

int
openai_sources(struct openai *o, const struct jnode *root, struct error *err)
{
	struct jnode list, item;
	size_t i;

	if (!o->finished || o->cited)
		return 0;
	if (!jtree_find(root, "search_results", &list))
		(void)jtree_find(root, "citations", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (openai_source(o, &item, err) != 0)
			return -1;
	}
	return 0;
}
