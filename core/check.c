/* SPDX-License-Identifier: MIT */
#include "core/check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/jw.h"

#define MAX_FINDING_BYTES 4096

void
check_init(struct check *c, struct arena *a, const struct conf *conf,
    struct state *state)
{
	*c = (struct check){ .arena = a, .conf = conf, .state = state };
	c->tail = &c->first;
}

static struct finding *add(struct check *c, const char *about, const char *fix,
    const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

static struct finding *
add(struct check *c, const char *about, const char *fix, const char *fmt,
    va_list ap)
{
	struct finding *f = ARENA_NEW(c->arena, struct finding);
	char what[MAX_FINDING_BYTES], *p;

	vsnprintf(what, sizeof(what), fmt, ap);
	/* Some of it comes from servers, and may go to a terminal. */
	for (p = what; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	f->about = about;
	f->fix = fix;
	f->what = str_cstr(c->arena, str_of(what));
	*c->tail = f;
	c->tail = &f->next;
	return f;
}

void
check_fault(
    struct check *c, const char *about, const char *fix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, about, fix, fmt, ap)->fault = true;
	va_end(ap);
	c->faulty = true;
}

void
check_warn(
    struct check *c, const char *about, const char *fix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, about, fix, fmt, ap);
	va_end(ap);
}

void
check_text(const struct check *c, struct buf *out)
{
	const struct finding *f;

	for (f = c->first; f != NULL; f = f->next)
		buf_addf(out, "%-14s %s: %s\n%-14s %s\n",
		    f->fault ? "WRONG" : "warning", f->about, f->what, "  try",
		    f->fix);
}

void
check_json(const struct check *c, struct jw *w)
{
	const struct finding *f;

	jw_array(w);
	for (f = c->first; f != NULL; f = f->next) {
		jw_object(w);
		jw_kv_cstr(w, "severity", f->fault ? "error" : "warning");
		jw_kv_cstr(w, "about", f->about);
		jw_kv_cstr(w, "problem", f->what);
		jw_kv_cstr(w, "fix", f->fix);
		jw_end(w);
	}
	jw_end(w);
}
