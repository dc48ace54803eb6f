/* SPDX-License-Identifier: MIT */
/*
 * The only mutable state of core.  The descriptor's number never changes once
 * a log is open: a new file is put under it with dup2, so that a thread that
 * writes meanwhile hits the old or the new one, never a closed one.
 */
#include "core/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/jw.h"

#define LINE_MAX_BYTES (64u << 10)
#define TEXT_MAX_BYTES 2048

static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int log_least = LOG_LEVEL_INFO;

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

int
log_open(const char *path, enum log_level level)
{
	int fd;

	if (strcmp(path, "stderr") == 0)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd =
		    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0 || install(fd) != 0)
		return -1;
	atomic_store(&log_least, (int)level);
	return 0;
}

void
log_line(enum log_level level, struct str json)
{
	struct buf line;
	ssize_t n;

	if ((int)level < atomic_load(&log_least))
		return;
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

	if ((int)level < atomic_load(&log_least))
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
