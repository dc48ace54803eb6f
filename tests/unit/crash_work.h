/* SPDX-License-Identifier: MIT */
/* What the processes of test_crash.c do until they are killed. */
#ifndef TESTS_CRASH_WORK_H
#define TESTS_CRASH_WORK_H

#include <stdint.h>

#include "core/ledger.h"

/* What a process says when something has returned. */
struct crash_ack {
	char kind;         /* 'o' opened, 'c' closed, 'e' an error */
	int64_t pusd;      /* closed: the cost, -1 unknown */
	int64_t waited_us; /* the longest that anything took since the last */
	char text[176];    /* the call's id; what went wrong */
};

/*
 * crash_respond(dir, fd, seed):
 * Be a responder on data_dir ${dir}: up to eight calls open at a time, an
 * ingest on another thread now and then, seldom a reader.  Acknowledgements
 * go to pipe ${fd}.  Does not return.
 */
void crash_respond(const char *dir, int fd, unsigned seed);

/*
 * crash_cgi(program, conf, fd):
 * Be the program, run once as CGI for one call; the answer goes to ${fd}.
 */
void crash_cgi(const char *program, const char *conf, int fd);

#endif
