/* SPDX-License-Identifier: MIT */
/*
 * The only mutable state of core.  The descriptor's number never changes once
 * a log is open: a new file is put under it with dup2, so that a thread that
 * writes meanwhile hits the old or the new one, never a closed one.
 */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/jw.h"

#define LINE_MAX_BYTES (64u << 10)
#define TEXT_MAX_BYTES 2048
#define OLD            ".1"

static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int log_least = LOG_LEVEL_INFO;
static _Atomic int64_t log_max; /* bytes of the file; 0: any size */
static pthread_mutex_t path_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_path[PATH_MAX]; /* with path_lock; "": stderr */

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

/* Puts ${fd} under the number of the log; takes ${fd} over. */
static int
install(int fd)
{
	int old = atomic_load(&log_fd);

	if (old == STDERR_FILENO) {
		atomic_store(&log_fd, fd);
		return 0;
	}
	if (dup2(fd, old) < 0 || fcntl(old, F_SETFD, FD_CLOEXEC) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

/* Open the file under the log's number; with path_lock. */
static int
open_file(const char *path)
{
	int fd;

	if (path[0] == '\0')
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd =
		    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	return fd < 0 ? -1 : install(fd);
}

int
log_open(const char *path, enum log_level level)
{
	int rc = -1;

	if (strcmp(path, "stderr") == 0)
		path = "";
	if (strlen(path) + sizeof(OLD) > sizeof(log_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	pthread_mutex_lock(&path_lock);
	if (open_file(path) == 0) {
		memmove(log_path, path, strlen(path) + 1);
		atomic_store(&log_least, (int)level);
		rc = 0;
	}
	pthread_mutex_unlock(&path_lock);
	return rc;
}

void
log_limit(int64_t bytes)
{
	atomic_store(&log_max, bytes);
}

bool
log_wants(enum log_level level)
{
	return (int)level >= atomic_load(&log_least);
}

/* Does the name still lead to the file that is open? */
static bool
is_ours(int fd, off_t *size)
{
	struct stat ours, named;

	if (fstat(fd, &ours) != 0 || stat(log_path, &named) != 0 ||
	    ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
		return false;
	*size = S_ISREG(ours.st_mode) ? ours.st_size : 0;
	return true;
}

/*
 * Rename the full file.  Its own lock decides which process does: whoever
 * comes later finds that the name leads elsewhere by then.
 */
static void
set_aside(int fd)
{
	char old[sizeof(log_path) + sizeof(OLD)];
	off_t size;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return;
	snprintf(old, sizeof(old), "%s" OLD, log_path);
	if (is_ours(fd, &size))
		rename(log_path, old);
	flock(fd, LOCK_UN);
}

/* Before each line: the right file, and not too much of it. */
static void
look_at_file(void)
{
	int64_t max = atomic_load(&log_max);
	int fd = atomic_load(&log_fd);
	off_t size = 0;

	pthread_mutex_lock(&path_lock);
	if (log_path[0] != '\0') {
		if (is_ours(fd, &size) && max > 0 && size >= max)
			set_aside(fd);
		if (!is_ours(fd, &size))
			(void)open_file(
			    log_path); /* else the old one goes on */
	}
	pthread_mutex_unlock(&path_lock);
}

void
log_line(enum log_level level, struct str json)
{
	struct buf line;
	ssize_t n;

	if (!log_wants(level))
		return;
	look_at_file();
	buf_init(&line, LINE_MAX_BYTES);
	buf_adds(&line, json);
	buf_addch(&line, '\n');
	if (!buf_over(&line)) {
		n = write(atomic_load(&log_fd), line.p, line.n);
		(void)n; /* a full disk must not stop a call */
	}
	buf_release(&line);
}

void
log_event(enum log_level level, const char *what, const char *fmt, ...)
{
	char time[CLOCK_TEXT_BYTES], text[TEXT_MAX_BYTES];
	struct buf line;
	struct jw w;
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&line, LINE_MAX_BYTES);
	jw_init(&w, &line);
	jw_object(&w);
	jw_kv_cstr(&w, "time", clock_text(clock_wall_us(), time));
	jw_kv_cstr(&w, "level", level_names[level]);
	jw_kv_cstr(&w, "event", what);
	jw_kv_cstr(&w, "text", text);
	jw_end(&w);
	log_line(level, buf_str(&line));
	buf_release(&line);
}
