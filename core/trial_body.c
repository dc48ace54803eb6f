/* SPDX-License-Identifier: MIT */
#include "core/trial_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/seal.h"
#include "core/trials.h"
#include "core/visit.h"

#define KEY_FILE   "trials.key"
#define KEPT       ".kept"
#define PATH_BYTES 128
#define FILE_MAX   (2 * TRIALS_MAX_BYTES + 4096) /* base64 of a body */

static const char *
path_of(char out[PATH_BYTES], const char *call, const char *end)
{
	(void)snprintf(out, PATH_BYTES, TRIALS_DIR "/%s%s", call, end);
	return out;
}

/* All of a small file: 1, 0 if there is none, -1 with errno. */
static int
read_file(int dirfd, const char *path, struct buf *out)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *room;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	do {
		room = buf_room(out, 65536);
		n = room != NULL ? read(fd, room, 65536) : -1;
		if (n > 0)
			buf_added(out, (size_t)n);
	} while (n > 0);
	close(fd);
	return n < 0 ? -1 : 1;
}

/* Keys that may have sealed a body; the first is the one to seal with. */
static int
load_keys(struct state *s, bool make, struct seal_keys *keys, struct error *err)
{
	struct buf text;
	int rc = seal_keys_load(s->dirfd, keys, err);

	if (rc != 0 || keys->n == SEAL_MAX_KEYS)
		return rc;
	buf_init(&text, 4096 + 65536);
	if (read_file(s->dirfd, KEY_FILE, &text) == 1) {
		rc = seal_key_of(
		    str_trim(buf_str(&text)), &keys->keys[keys->n], err);
		keys->n += rc == 0;
	} else if (keys->n == 0 && make) {
		rc = seal_key_new(s->dirfd, KEY_FILE, &keys->keys[0], err);
		keys->n = rc == 0;
	}
	explicit_bzero(text.p, text.n);
	buf_release(&text);
	return rc;
}

static int
write_file(
    struct state *s, const char *path, struct str text, struct error *err)
{
	if (mkdirat(s->dirfd, TRIALS_DIR, 0700) != 0 && errno != EEXIST)
		return error_set(err, ERROR_STORE, "cannot make %s/%s: %s",
		    s->dir, TRIALS_DIR, strerror(errno));
	if (dir_write(s->dirfd, path, text) != 0)
		return error_set(err, ERROR_STORE, "cannot write %s/%s: %s",
		    s->dir, path, strerror(errno));
	return 0;
}

int
trial_body_put(
    struct state *s, const char *call, struct str body, struct error *err)
{
	struct arena *a = arena_new(2 * FILE_MAX);
	struct seal_keys keys = { .n = 0 };
	char path[PATH_BYTES];
	int rc = load_keys(s, true, &keys, err);

	if (rc == 0)
		rc = write_file(s, path_of(path, call, ""),
		    seal(a, &keys.keys[0], str_of(call), body), err);
	seal_wipe(&keys);
	arena_free(a);
	return rc;
}

/* Is it kept, and its time not over? */
static bool
is_kept(int dirfd, const char *path, int64_t now_us)
{
	size_t n = strlen(path), k = strlen(KEPT);
	struct stat st;

	return n > k && strcmp(path + n - k, KEPT) == 0 &&
	    fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (int64_t)st.st_mtim.tv_sec > now_us / 1000000;
}

static int
open_body(struct state *s, const char *call, const char *path, struct arena *a,
    struct str *body, struct error *err)
{
	struct seal_keys keys = { .n = 0 };
	struct buf *text = buf_new(a, FILE_MAX + 65536);
	int rc = read_file(s->dirfd, path, text);

	if (rc < 0)
		return error_set(err, ERROR_STORE, "cannot read %s/%s: %s",
		    s->dir, path, strerror(errno));
	if (rc == 0)
		return 0;
	rc = load_keys(s, false, &keys, err);
	if (rc == 0)
		rc =
		    seal_open(a, &keys, str_of(call), buf_str(text), body, err);
	seal_wipe(&keys);
	return rc == 0 ? 1 : -1;
}

int
trial_body_get(struct state *s, const char *call, struct arena *a,
    struct str *body, struct error *err)
{
	char path[PATH_BYTES];

	return open_body(s, call, path_of(path, call, ""), a, body, err);
}

int
trial_body_kept(struct state *s, const char *call, int64_t now_us,
    struct arena *a, struct str *body, struct error *err)
{
	char path[PATH_BYTES];

	return is_kept(s->dirfd, path_of(path, call, KEPT), now_us)
	    ? open_body(s, call, path, a, body, err)
	    : 0;
}

void
trial_body_end(struct state *s, const char *call, int64_t until_us)
{
	char path[PATH_BYTES], kept[PATH_BYTES];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = until_us / 1000000 } };

	(void)path_of(path, call, "");
	if (until_us > 0 && utimensat(s->dirfd, path, times, 0) == 0 &&
	    renameat(s->dirfd, path, s->dirfd, path_of(kept, call, KEPT)) == 0)
		return;
	(void)unlinkat(s->dirfd, path, 0);
}

void
trial_body_forget(struct state *s, const char *call)
{
	char path[PATH_BYTES];

	(void)unlinkat(s->dirfd, path_of(path, call, ""), 0);
	(void)unlinkat(s->dirfd, path_of(path, call, KEPT), 0);
}

void
trial_body_clean(struct state *s, int64_t now_us,
    bool (*lives)(void *arg, struct str call), void *arg)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct error ignored = { .kind = ERROR_NONE };
	struct dir_list list = { .n = 0 };
	char path[PATH_BYTES];
	size_t i;

	if (dir_read(s->dirfd, TRIALS_DIR, a, &list, &ignored) == 0) {
		for (i = 0; i < list.n; i++) {
			(void)path_of(path, list.names[i], "");
			if (!is_kept(s->dirfd, path, now_us) &&
			    !lives(arg, str_of(list.names[i])))
				(void)unlinkat(s->dirfd, path, 0);
		}
	}
	arena_free(a);
}
