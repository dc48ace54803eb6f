/* SPDX-License-Identifier: MIT */
/*
 * The log: one JSON object a line, written with one write(2), so that lines
 * of many processes do not mix.  No bodies, no secrets.
 *
 * A file may be renamed, removed or truncated at any time, by logrotate or by
 * hand: the next line goes to a new one of its name, or to its new end.  One
 * that has grown to its limit is renamed to "<path>.1", over the one before.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

/*
 * log_open(path, level):
 * Send lines of ${level} and above to file ${path}; "stderr" is that.
 *
 * Returns  0, or -1 with errno; the log stays as it was.
 */
int log_open(const char *path, enum log_level level);

/* log_limit(bytes): how large the file may grow; 0, as at first: any size. */
void log_limit(int64_t bytes);

/* log_wants(level): would a line of ${level} be written? */
bool log_wants(enum log_level level);

/*
 * log_event(level, what, fmt, ...):
 * Write {"time":…,"level":…,"event":what,"text":…}.
 */
void log_event(enum log_level level, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * log_line(level, json):
 * Write a ready JSON object as a line: the access log.
 */
void log_line(enum log_level level, struct str json);

#endif
