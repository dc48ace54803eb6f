/* SPDX-License-Identifier: MIT */
#include "core/row_pack.h"

#include "core/buf.h"

#define ONE_BYTE   30 /* texts that have a byte of their own */
#define FIRST_CODE 2
#define ESCAPE     1
#define HASHED     5 /* bytes that a text has at least */

#define T(text)                                                                \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}

/* In use on disk: add at the end only. */
static const struct str texts[] = {
	T("{\"id\":\"call_"),
	T(",\"started_at\":\""),
	T(",\"ended_at\":\""),
	T(",\"key\":\"sk-sl-"),
	T(",\"account\":\"default\",\"user\":"),
	T(",\"user\":null,\"session\":null,\"task\":null,\"tags\":{},"
	  "\"endpoint\":\""),
	T(",\"session\":\""),
	T(",\"task\":\""),
	T(",\"tags\":{},\"endpoint\":\""),
	T(",\"endpoint\":\"/v1/chat/completions\",\"dialect\":\"openai-chat\""
	  ",\"stream\":"),
	T(",\"endpoint\":\"/v1/messages\",\"dialect\":\"anthropic\","
	  "\"stream\":"),
	T(",\"stream\":true,\"requested\":\""),
	T(",\"stream\":false,\"requested\":\""),
	T(",\"requested\":\""),
	T(",\"route\":null,\"answered\":\""),
	T(",\"route\":\""),
	T(",\"answered\":\""),
	T(",\"status\":200,\"outcome\":\"ok\",\"error\":null,\"cache\":null,"
	  "\"saved_usd\":null,\"lossy\":[],\"ttft_ms\":"),
	T(",\"duration_ms\":"),
	T(",\"cost_usd\":\""),
	T(",\"cost_note\":null,\"attempts\":[{\"provider\":\""),
	T(",\"model\":\""),
	T(",\"returned_model\":\""),
	T(",\"credential\":\"conf\",\"role\":\"primary\",\"outcome\":\"won\","
	  "\"status\":200,\"error\":null,\"start_ms\":"),
	T(",\"ttft_ms\":"),
	T(",\"usage\":{\"input\":"),
	T(",\"cache_read\":0,\"cache_write_5m\":0,\"cache_write_1h\":0,"
	  "\"cache_write_30m\":0,\"cache_write_12h\":0,\"output\":"),
	T(",\"reasoning\":0,\"audio_in\":0,\"audio_out\":0,\"image_in\":0,"
	  "\"image_out\":0,\"units\":{}},\"usage_source\":\"reported\","
	  "\"cost_usd\":\""),
	T(",\"cost_source\":\"reported\",\"price\":\""),
	T(",\"provider_cost_usd\":null}]}"),
	/* from here on two bytes */
	T(",\"ended_at\":null"),
	T(",\"key\":null"),
	T(",\"account\":\""),
	T(",\"account\":null"),
	T(",\"user\":\""),
	T(",\"user\":null"),
	T(",\"session\":null"),
	T(",\"task\":null"),
	T(",\"tags\":{\""),
	T(",\"endpoint\":\"/v1/responses\",\"dialect\":\"openai-responses\","
	  "\"stream\":"),
	T(",\"endpoint\":\""),
	T(",\"dialect\":\""),
	T(",\"route\":null"),
	T(",\"answered\":null"),
	T(",\"status\":200"),
	T(",\"status\":null,\"outcome\":\"open\",\"error\":null,"
	  "\"cache\":null,\"saved_usd\":null,\"lossy\":[],\"ttft_ms\":null,"
	  "\"duration_ms\":null,\"cost_usd\":null,\"cost_note\":\"not "
	  "finished\",\"attempts\":["),
	T(",\"status\":null"),
	T(",\"status\":"),
	T(",\"outcome\":\""),
	T(",\"error\":null"),
	T(",\"error\":\""),
	T(",\"cache\":null"),
	T(",\"cache\":\""),
	T(",\"saved_usd\":null"),
	T(",\"saved_usd\":\""),
	T(",\"lossy\":[]"),
	T(",\"lossy\":[\""),
	T(",\"cost_usd\":null"),
	T(",\"cost_note\":null"),
	T(",\"cost_note\":\""),
	T(",\"attempts\":[]}"),
	T(",\"attempts\":[{\"provider\":\""),
	T(",\"returned_model\":null"),
	T(",\"credential\":\"conf\",\"role\":\"primary\","
	  "\"outcome\":\"open\",\"status\":null,\"error\":null,"
	  "\"start_ms\":"),
	T(",\"credential\":\"conf\",\"role\":\""),
	T(",\"credential\":"),
	T(",\"role\":\""),
	T(",\"start_ms\":"),
	T(",\"cache_read\":"),
	T(",\"cache_write_5m\":0,\"cache_write_1h\":0,\"cache_write_30m\":0,"
	  "\"cache_write_12h\":0,\"output\":"),
	T(",\"cache_write_5m\":"),
	T(",\"cache_write_1h\":"),
	T(",\"cache_write_30m\":0,\"cache_write_12h\":0,\"output\":"),
	T(",\"cache_write_30m\":"),
	T(",\"cache_write_12h\":"),
	T(",\"output\":"),
	T(",\"reasoning\":"),
	T(",\"audio_in\":0,\"audio_out\":0,\"image_in\":0,\"image_out\":0,"
	  "\"units\":{}},\"usage_source\":\""),
	T(",\"audio_in\":"),
	T(",\"audio_out\":"),
	T(",\"image_in\":"),
	T(",\"image_out\":"),
	T(",\"units\":{"),
	T(",\"usage_source\":\""),
	T(",\"cost_source\":\"estimated\",\"price\":\""),
	T(",\"cost_source\":\"unknown\",\"price\":null"),
	T(",\"cost_source\":\""),
	T(",\"price\":null"),
	T(",\"price\":\""),
	T(",\"provider_cost_usd\":null}"),
	T(",\"provider_cost_usd\":\""),
};

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

_Static_assert(N_TEXTS <= ROW_PACK_TEXTS, "too many texts");

static unsigned
hash_of(const char *p)
{
	return ((unsigned char)p[2] * 31u + (unsigned char)p[3] * 7u +
		   (unsigned char)p[4]) &
	    255u;
}

/* Chains have the longest text first, so that the first match is the best. */
void
row_packer_init(struct row_packer *p)
{
	uint16_t *at;
	unsigned i;

	*p = (struct row_packer){ .head = { 0 } };
	for (i = 0; i < N_TEXTS; i++) {
		at = &p->head[hash_of(texts[i].p)];
		while (*at != 0 && texts[*at - 1].n > texts[i].n)
			at = &p->next[*at - 1];
		p->next[i] = *at;
		*at = (uint16_t)(i + 1);
	}
}

/* The number + 1 of the longest text that ${s} begins with, or 0. */
static unsigned
match(const struct row_packer *p, struct str s)
{
	unsigned i = s.n >= HASHED ? p->head[hash_of(s.p)] : 0;

	while (i != 0 &&
	    (texts[i - 1].n > s.n ||
		memcmp(texts[i - 1].p, s.p, texts[i - 1].n) != 0))
		i = p->next[i - 1];
	return i;
}

static void
put_code(struct buf *out, unsigned text)
{
	if (text < ONE_BYTE) {
		buf_addch(out, (char)(FIRST_CODE + text));
		return;
	}
	buf_addch(out, ESCAPE);
	buf_addch(out, (char)(text - ONE_BYTE + 1));
}

/* How far no text can begin: they all begin with a comma, or the row. */
static size_t
plain(struct str s)
{
	const char *comma = memchr(s.p + 1, ',', s.n - 1);

	return comma != NULL ? (size_t)(comma - s.p) : s.n;
}

static bool
has_control(struct str s)
{
	unsigned char least = 0xff;
	size_t i;

	for (i = 0; i < s.n; i++)
		least = (unsigned char)s.p[i] < least ? (unsigned char)s.p[i]
						      : least;
	return least < ' ';
}

int
row_pack(const struct row_packer *p, struct str row, struct buf *out)
{
	unsigned text;
	size_t n;

	if (has_control(row))
		return -1;
	while (row.n > 0) {
		text = match(p, row);
		n = text != 0 ? texts[text - 1].n : plain(row);
		if (text != 0)
			put_code(out, text - 1);
		else
			buf_add(out, row.p, n);
		row = str_skip(row, n);
	}
	return 0;
}

/* The text at the start of ${*s}, taken off; absent if there is none. */
static struct str
take_text(struct str *s)
{
	unsigned text = (unsigned char)s->p[0] - FIRST_CODE;
	size_t used = 1;

	if (s->p[0] == ESCAPE && s->n > 1) {
		text = ONE_BYTE + (unsigned char)s->p[1] - 1;
		used = 2;
	}
	*s = str_skip(*s, used);
	return text < N_TEXTS ? texts[text] : STR_NONE;
}

int
row_unpack(struct str packed, struct buf *out)
{
	struct str text;
	size_t n;

	while (packed.n > 0) {
		for (n = 0; n < packed.n && (unsigned char)packed.p[n] >= ' ';)
			n++;
		buf_add(out, packed.p, n);
		packed = str_skip(packed, n);
		if (packed.n == 0)
			break;
		text = take_text(&packed);
		if (text.p == NULL)
			return -1;
		buf_adds(out, text);
	}
	return buf_over(out) ? -1 : 0;
}
