/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "core/chat.h"
#include "core/image_size.h"
#include "core/tokens_table.h"

#define USUAL_SIDE   1024 /* of an image that does not tell */
#define MAX_SIDE     65535
#define LOW_SIDE     512
#define SMALL_SIDE   384
#define LEAST_CROP   256
#define PAGE_BYTES   60000
#define PAGE_TOKENS  1500   /* of its text; Anthropic: 1,500 to 3,000 */
#define SOUND_BYTES  16000  /* a second at 128 kbit/s */
#define MOTION_BYTES 250000 /* at 2 Mbit/s */

static int64_t
cells(int64_t w, int64_t h, int64_t side)
{
	return ((w + side - 1) / side) * ((h + side - 1) / side);
}

/* Shrink until neither the long side nor the short one is larger. */
static void
shrink(int64_t *w, int64_t *h, int64_t most_long, int64_t most_short)
{
	int64_t most = *w > *h ? *w : *h, least;

	if (most_long > 0 && most > most_long) {
		*w = *w * most_long / most;
		*h = *h * most_long / most;
	}
	least = *w < *h ? *w : *h;
	if (most_short > 0 && least > most_short) {
		*w = *w * most_short / least;
		*h = *h * most_short / least;
	}
	*w += *w == 0;
	*h += *h == 0;
}

/* Shrink to the area of ${most} cells, then until one side is whole. */
static int64_t
whole_cells(int64_t w, int64_t h, int64_t side, int64_t most)
{
	double scale = sqrt((double)(most * side * side) / (double)(w * h));
	double across = (double)w * scale / (double)side;
	double down = (double)h * scale / (double)side;
	double by_w = floor(across) / across, by_h = floor(down) / down;
	double least = by_w < by_h ? by_w : by_h;

	if (least <= 0)
		return most; /* narrower than a cell */
	scale *= least;
	return cells(
	    llround((double)w * scale), llround((double)h * scale), side);
}

/* Shrink to the largest size that has no more than ${most} cells. */
static int64_t
most_cells(int64_t w, int64_t h, int64_t side, int64_t most)
{
	int64_t low = 1, high = w > h ? w : h, mid, a, b;

	while (low < high) {
		mid = (low + high + 1) / 2;
		a = w;
		b = h;
		shrink(&a, &b, mid, 0);
		if (cells(a, b, side) <= most)
			low = mid;
		else
			high = mid - 1;
	}
	shrink(&w, &h, low, 0);
	return cells(w, h, side);
}

static int64_t
cells_of(const struct tokens_image *m, int64_t w, int64_t h, int64_t most)
{
	int64_t side = m->side;

	if (m->crop) {
		if (w <= SMALL_SIDE && h <= SMALL_SIDE)
			return 1;
		side = (w < h ? w : h) * 2 / 3;
		side = side > LEAST_CROP ? side : LEAST_CROP;
	}
	shrink(&w, &h, m->most_long, m->most_short);
	if (most == 0 || cells(w, h, side) <= most)
		return cells(w, h, side);
	return m->whole ? whole_cells(w, h, side, most)
			: most_cells(w, h, side, most);
}

static int64_t
image(const struct tokens_image *m, const struct part *p)
{
	int64_t most = m->most_cells, w, h;

	if (!image_size(p->data, &w, &h) || w > MAX_SIDE || h > MAX_SIDE)
		w = h = USUAL_SIDE;
	if (str_is(p->detail, "low")) {
		if (m->low > 0)
			return m->low;
		if (m->low < 0)
			shrink(&w, &h, LOW_SIDE, LOW_SIDE);
	}
	if (str_is(p->detail, "high") && m->most_high > 0)
		most = m->most_high;
	if (m->each == 0)
		return m->base;
	return m->base + (cells_of(m, w, h, most) * m->each + 50) / 100;
}

int64_t
tokens_media(const struct tokens_image *m, const struct part *p)
{
	int64_t bytes = (int64_t)p->data.n * 3 / 4;
	int64_t pages = 1 + bytes / PAGE_BYTES;

	if (p->kind == PART_IMAGE)
		return image(m, p);
	if (p->kind == PART_AUDIO)
		return (1 + bytes / SOUND_BYTES) * m->audio;
	if (str_starts(p->mime, "video/"))
		return (1 + bytes / MOTION_BYTES) * m->video;
	return pages * (m->page > 0 ? m->page : PAGE_TOKENS + image(m, p));
}
