/* SPDX-License-Identifier: MIT */
#include "providers/gemini_grounding.h"

#include "providers/answer.h"

struct grounding {
	struct str said;
	struct jnode chunks;
	int (*fn)(void *arg, const struct citation *c);
	void *arg;
};

/* Offsets count bytes, of one part or of all: the words themselves tell. */
static void
place(const struct grounding *g, struct citation *c)
{
	long at = c->quote.n > 0 ? str_find(g->said, c->quote) : -1;

	if (at < 0)
		return;
	c->start =
	    citation_chars((struct str){ .p = g->said.p, .n = (size_t)at });
	c->end = c->start + citation_chars(c->quote);
}

static int
tell_chunk(const struct grounding *g, size_t i, struct citation *c)
{
	struct jnode chunk = jtree_item(&g->chunks, i), at;

	if (!jtree_find(&chunk, "web", &at) &&
	    !jtree_find(&chunk, "retrievedContext", &at))
		(void)jtree_find(&chunk, "maps", &at);
	c->url = answer_str(&at, "uri");
	c->title = answer_str(&at, "title");
	return g->fn(g->arg, c);
}

static int
tell_support(const struct grounding *g, const struct jnode *support)
{
	struct citation c = { .end = citation_chars(g->said) };
	struct jnode segment, list, item;
	int64_t n;
	size_t i;
	int rc = 0;

	if (jtree_find(support, "segment", &segment))
		c.quote = answer_str(&segment, "text");
	place(g, &c);
	(void)jtree_find(support, "groundingChunkIndices", &list);
	for (i = 0; i < jtree_len(&list) && rc == 0; i++) {
		item = jtree_item(&list, i);
		n = json_object_get_int64(item.v);
		if (n >= 0 && (size_t)n < jtree_len(&g->chunks))
			rc = tell_chunk(g, (size_t)n, &c);
	}
	return rc;
}

static int
tell_found(struct grounding *g, const struct jnode *metadata)
{
	struct citation c = { .end = citation_chars(g->said) };
	struct jnode list, item;
	size_t i;
	int rc = 0;

	(void)jtree_find(metadata, "groundingChunks", &g->chunks);
	(void)jtree_find(metadata, "groundingSupports", &list);
	for (i = 0; i < jtree_len(&list) && rc == 0; i++) {
		item = jtree_item(&list, i);
		rc = tell_support(g, &item);
	}
	if (jtree_len(&list) > 0)
		return rc;
	for (i = 0; i < jtree_len(&g->chunks) && rc == 0; i++)
		rc = tell_chunk(g, i, &c);
	return rc;
}

/* The part of ${s} up to byte ${at}, in characters. */
static int64_t
chars_before(struct str s, int64_t at)
{
	if (at < 0 || (uint64_t)at > s.n)
		return 0;
	s.n = (size_t)at;
	return citation_chars(s);
}

static int
tell_recited(const struct grounding *g, const struct jnode *metadata)
{
	struct citation c;
	struct jnode list, item;
	int64_t start, end;
	size_t i;
	int rc = 0;

	if (!jtree_find(metadata, "citationSources", &list))
		(void)jtree_find(metadata, "citations", &list); /* Vertex */
	for (i = 0; i < jtree_len(&list) && rc == 0; i++) {
		item = jtree_item(&list, i);
		start = end = 0;
		(void)answer_count(&item, "startIndex", &start);
		(void)answer_count(&item, "endIndex", &end);
		c = (struct citation){ .url = answer_str(&item, "uri"),
			.title = answer_str(&item, "title"),
			.start = chars_before(g->said, start),
			.end = chars_before(g->said, end) };
		rc = g->fn(g->arg, &c);
	}
	return rc;
}

int
gemini_grounding(const struct jnode *candidate, struct str said,
    int (*fn)(void *arg, const struct citation *c), void *arg)
{
	struct grounding g = { .said = said, .fn = fn, .arg = arg };
	struct jnode at;
	int rc = 0;

	if (jtree_find(candidate, "groundingMetadata", &at))
		rc = tell_found(&g, &at);
	if (rc == 0 && jtree_find(candidate, "citationMetadata", &at))
		rc = tell_recited(&g, &at);
	return rc;
}
