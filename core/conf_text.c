/* SPDX-License-Identifier: MIT */
#include "core/conf_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/log.h"

#define MAX_FILE_BYTES   (1u << 20)
#define MAX_SECRET_BYTES (16u << 10)

/* What reading a file gives: its bytes, or why there are none. */
struct content {
	struct stat st;
	char *p;
	size_t n;
	const char *why; /* NULL: read */
};

static void
slurp(struct arena *a, int fd, size_t max, struct content *c)
{
	ssize_t n;

	c->p = arena_alloc(a, max + 1);
	for (;;) {
		n = read(fd, c->p + c->n, max + 1 - c->n);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		c->n += (size_t)n;
		if (c->n > max) {
			c->why = "file too large";
			return;
		}
	}
	if (n == -1)
		c->why = arena_printf(a, "%s", strerror(errno));
}

static struct content
read_file(struct arena *a, const char *path, size_t max)
{
	struct content c = { .p = NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd == -1 || fstat(fd, &c.st) == -1)
		c.why = arena_printf(a, "%s", strerror(errno));
	else if (S_ISDIR(c.st.st_mode))
		c.why = "is a folder";
	else
		slurp(a, fd, max, &c);
	if (fd != -1)
		close(fd);
	return c;
}

/* Where the comment that begins at ${i} ends. */
static size_t
comment_end(struct str text, size_t i)
{
	bool line = text.p[i + 1] == '/';
	long n = str_find(str_skip(text, i + 2), line ? STR("\n") : STR("*/"));

	if (n == -1)
		return text.n;
	return i + 2 + (size_t)n + (line ? 0 : 2);
}

/* Comments become spaces, so that byte offsets and lines stay true. */
static void
blank_comments(char *p, size_t n)
{
	bool in_string = false;
	size_t i = 0, end;

	if (n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
		memset(p, ' ', 3);
	while (i < n) {
		if (in_string && p[i] == '\\') {
			i += 2;
			continue;
		}
		in_string ^= p[i] == '"';
		if (in_string || p[i] != '/' || i + 1 == n ||
		    (p[i + 1] != '/' && p[i + 1] != '*')) {
			i++;
			continue;
		}
		end = comment_end((struct str){ .p = p, .n = n }, i);
		for (; i < end; i++)
			p[i] = p[i] == '\n' ? '\n' : ' ';
	}
}

/* Turn "invalid JSON at byte N: what", for people, into line and column. */
static void
complain_syntax(struct conf_reader *r, struct str text, const char *msg)
{
	static const char prefix[] = "invalid JSON at byte ";
	struct str what = str_of(msg), number;
	size_t line = 1, column = 1;
	struct jnode nowhere = { 0 };
	int64_t at, i;

	if (str_starts(what, prefix))
		what = str_skip(what, sizeof(prefix) - 1);
	what = str_split(what, ':', &number);
	if (str_i64(number, 0, (int64_t)text.n, &at) == -1) {
		conf_complain(r, &nowhere, "%s", msg);
		return;
	}
	for (i = 0; i < at; i++) {
		column = text.p[i] == '\n' ? 1 : column + 1;
		line += text.p[i] == '\n';
	}
	conf_complain(r, &nowhere, "line %zu, column %zu:%.*s", line, column,
	    STR_ARG(what));
}

struct json_object *
conf_text_read(struct conf_reader *r, struct str path)
{
	struct content c = read_file(r->draft, path.p, MAX_FILE_BYTES);
	struct jnode nowhere = { 0 }, root;
	struct error err = { 0 };
	struct str text;

	if (c.why != NULL) {
		conf_complain(
		    r, &nowhere, "cannot read %.*s: %s", STR_ARG(path), c.why);
		return NULL;
	}
	r->conf->inode = (int64_t)c.st.st_ino;
	r->conf->mtime_ns =
	    c.st.st_mtim.tv_sec * INT64_C(1000000000) + c.st.st_mtim.tv_nsec;
	blank_comments(c.p, c.n);
	text = (struct str){ .p = c.p, .n = c.n };
	if (jtree_read(r->draft, text, &root, &err) == -1) {
		complain_syntax(r, text, err.msg);
		return NULL;
	}
	if (!json_object_is_type(root.v, json_type_object)) {
		conf_complain(r, &nowhere, "must be a JSON object");
		return NULL;
	}
	return root.v;
}

char *
conf_text_path(struct conf_reader *r, struct str path)
{
	struct str dir = r->conf->path;

	while (dir.n > 0 && dir.p[dir.n - 1] != '/')
		dir.n--;
	if (path.n > 0 && path.p[0] == '/')
		dir.n = 0;
	return arena_printf(r->arena, "%.*s%.*s", STR_ARG(dir), STR_ARG(path));
}

static struct str
ref_env(struct conf_reader *r, const struct jnode *at, const char *name)
{
	const char *v = getenv(name);

	if (v != NULL && v[0] != '\0')
		return str_of(v);
	conf_complain(r, at, "environment variable %s is %s", name,
	    v == NULL ? "not set" : "empty");
	return STR_NONE;
}

/* The first line of a file: what `echo secret > file` leaves. */
static struct str
ref_file(struct conf_reader *r, const struct jnode *at, const char *name)
{
	char *path = conf_text_path(r, str_of(name));
	struct content c = read_file(r->arena, path, MAX_SECRET_BYTES);
	struct str line;

	if (c.why != NULL) {
		conf_complain(r, at, "cannot read %s: %s", path, c.why);
		return STR_NONE;
	}
	if (c.st.st_mode & S_IROTH)
		log_event(LOG_LEVEL_WARN, "conf",
		    "%s can be read by everybody; chmod o-r it", path);
	str_split((struct str){ .p = c.p, .n = c.n }, '\n', &line);
	line = str_trim(line);
	if (line.n > 0)
		return line;
	conf_complain(r, at, "the first line of %s is empty", path);
	return STR_NONE;
}

/*
 * Returns  what stands for ${at} from now on: itself, a new string, or NULL
 *          (JSON null) where a reference leads nowhere.
 */
static struct json_object *
resolve(struct conf_reader *r, const struct jnode *at)
{
	struct str s = jtree_value_str(at), v;

	if (str_starts(s, "env:"))
		v = ref_env(r, at, str_cstr(r->arena, str_skip(s, 4)));
	else if (str_starts(s, "file:"))
		v = ref_file(r, at, str_cstr(r->arena, str_skip(s, 5)));
	else
		return at->v;
	if (v.p == NULL)
		return NULL;
	return json_object_new_string_len(v.p, (int)v.n);
}

void
conf_text_refs(struct conf_reader *r, const struct jnode *root)
{
	struct jnode at = { .up = root };
	struct json_object *v;
	size_t i;

	for (i = 0; i < jtree_len(root); i++) {
		at = jtree_item(root, i);
		conf_text_refs(r, &at);
		v = resolve(r, &at);
		if (v != at.v)
			json_object_array_put_idx(root->v, i, v);
	}
	if (!json_object_is_type(root->v, json_type_object))
		return;
	json_object_object_foreach(root->v, key, value)
	{
		at = (struct jnode){ .v = value, .up = root, .key = key };
		conf_text_refs(r, &at);
		v = resolve(r, &at);
		/* Replacing the value of a member keeps the iterator valid. */
		if (v != value)
			json_object_object_add(root->v, key, v);
	}
}
