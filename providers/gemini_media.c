/* SPDX-License-Identifier: MIT */
/* Images, documents and audio of a Gemini request. */
#include "core/catalog.h"
#include "core/jw.h"

#include "providers/gemini.h"
#include "providers/history.h"

static void
write_inline(struct gemini_writer *o, const struct part *p)
{
	jw_object(o->w);
	jw_key(o->w, "inlineData");
	jw_object(o->w);
	jw_kv_str(o->w, "mimeType", p->mime);
	jw_kv_str(o->w, "data", p->data);
	jw_end(o->w);
	jw_end(o->w);
}

/* Addresses that the API reads from: its own files, buckets, videos. */
static bool
is_readable(struct str url)
{
	static const char *const starts[] = { "gs://",
		"https://generativelanguage.googleapis.com/",
		"https://www.youtube.com/", "https://youtu.be/" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (str_starts(url, starts[i]))
			return true;
	return false;
}

bool
gemini_wants_bytes(struct str url)
{
	return !is_readable(url);
}

static int
write_url(struct gemini_writer *o, const struct part *p)
{
	if (!is_readable(p->url))
		return history_refuse(p, o->err,
		    "the provider needs the data itself, not its address");
	jw_object(o->w);
	jw_key(o->w, "fileData");
	jw_object(o->w);
	if (p->mime.n > 0)
		jw_kv_str(o->w, "mimeType", p->mime);
	jw_kv_str(o->w, "fileUri", p->url);
	jw_end(o->w);
	jw_end(o->w);
	return 0;
}

/* What a kind of part needs, and what is said where it is not there. */
static const struct {
	unsigned can;
	const char *why;
} needs[] = {
	[PART_IMAGE] = { MODEL_IMAGES, "the model does not take images" },
	[PART_DOCUMENT] = { MODEL_PDF, "the model does not take documents" },
	[PART_AUDIO] = { MODEL_AUDIO, "the model does not take audio" },
};

/* The API says 400 to others. */
static bool
is_taken(const struct part *p)
{
	static const struct {
		enum part_kind kind;
		const char *mime;
	} types[] = {
		{ PART_IMAGE, "image/png" },
		{ PART_IMAGE, "image/jpeg" },
		{ PART_IMAGE, "image/webp" },
		{ PART_IMAGE, "image/heic" },
		{ PART_IMAGE, "image/heif" },
		{ PART_DOCUMENT, "application/pdf" },
		{ PART_DOCUMENT, "text/" },
		{ PART_AUDIO, "audio/" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].kind == p->kind &&
		    str_starts(p->mime, types[i].mime))
			return true;
	return false;
}

int
gemini_media(struct gemini_writer *o, const struct part *p)
{
	const struct media *m = p->url.p ? chat_media(o->chat, p->url) : NULL;
	struct part fetched;

	if (p->file_id.p)
		return history_refuse(
		    p, o->err, "a file id is known to its own provider only");
	if (!gemini_can(o, needs[p->kind].can))
		return history_refuse(p, o->err, needs[p->kind].why);
	if (p->detail.p && !str_is(p->detail, "auto"))
		chat_lose(o->chat, "image_url.detail");
	if (p->name.n > 0)
		chat_lose(o->chat, "filename");
	if (p->url.p && !m)
		return write_url(o, p);
	if (m) {
		fetched = *p;
		fetched.mime = m->mime;
		fetched.data = m->data;
		p = &fetched;
	}
	/* Not yet here: a plan that wants to know what it would come to. */
	if (!is_taken(p) && !(m && !m->data.p))
		return history_refuse(p, o->err,
		    "the provider takes images as png, jpeg, webp, heic, heif, "
		    "documents as pdf or text");
	write_inline(o, p);
	return 0;
}
