/* SPDX-License-Identifier: MIT */
#include "tests/unit/crash_work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/provider.h"
#include "core/state.h"
#include "core/usage_query.h"
#include "core/visit.h"

#define OPEN_CALLS 8
#define READ_EVERY 40 /* ingests */
#define CALL_NS    3000000L
#define INGEST_NS  50000000L

/* One process; both of its threads have the state. */
struct responder {
	const char *dir;
	int fd;
	unsigned seed;
	struct state *state;
	_Atomic int64_t waited_us;
};

static unsigned
next(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* One write of less than PIPE_BUF: whole, whoever else writes. */
static void
say(struct responder *r, char kind, int64_t pusd, const char *text)
{
	struct crash_ack ack = { .kind = kind, .pusd = pusd };

	ack.waited_us = atomic_exchange(&r->waited_us, 0);
	snprintf(ack.text, sizeof(ack.text), "%s", text);
	if (write(r->fd, &ack, sizeof(ack)) != sizeof(ack))
		_exit(1);
}

static void
note_wait(struct responder *r, int64_t begun_us)
{
	int64_t us = clock_mono_us() - begun_us;

	if (us > atomic_load(&r->waited_us))
		atomic_store(&r->waited_us, us);
}

static void
read_something(struct responder *r)
{
	struct usage_query q = { .by = { ROLLUP_MODEL }, .n_by = 1 };
	struct error err = { .kind = ERROR_NONE };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result result;
	int64_t begun_us = clock_mono_us();

	if (ledger_usage(r->state, &q, a, &result, &err) != 0)
		say(r, 'e', 0, err.msg);
	note_wait(r, begun_us);
	arena_free(a);
}

static void *
ingest_for_ever(void *arg)
{
	const struct timespec pause = { .tv_nsec = INGEST_NS };
	struct responder *r = arg;
	struct error err;
	int64_t begun_us;
	int i;

	for (i = (int)(r->seed % READ_EVERY);; i++) {
		nanosleep(&pause, NULL);
		error_clear(&err);
		begun_us = clock_mono_us();
		if (state_ingest(r->state, i % 3 * 50, &err) < 0)
			say(r, 'e', 0, err.msg);
		note_wait(r, begun_us);
		if (i % READ_EVERY == 0)
			read_something(r);
	}
	return NULL;
}

struct slot {
	struct ledger_call row;
	struct ledger_attempt at;
};

static void
write_row(struct responder *r, struct slot *s, enum call_outcome outcome)
{
	struct error err = { .kind = ERROR_NONE };
	int64_t begun_us = clock_mono_us();
	int rc;

	s->row.outcome = outcome;
	s->at.outcome = outcome == CALL_OPEN ? ATTEMPT_OPEN : ATTEMPT_WON;
	rc = ledger_write(r->state, &s->row, &err);
	note_wait(r, begun_us);
	if (rc != 0)
		say(r, 'e', 0, err.msg);
	else
		say(r, outcome == CALL_OPEN ? 'o' : 'c',
		    s->row.cost.known ? s->row.cost.pusd : -1, s->row.id);
}

static void
fill(struct responder *r, struct slot *s)
{
	static const char *const models[] = { "m1", "m2", "m3" };

	*s = (struct slot){ .row = { .started_us = clock_wall_us() } };
	s->at.provider = STR("p");
	s->at.model = str_of(models[next(&r->seed) % 3]);
	usage_init(&s->at.usage);
	s->at.usage.tokens[USAGE_INPUT] = next(&r->seed) % 1000;
	s->at.cost = (struct cost){ .source = COST_REPORTED,
		.known = next(&r->seed) % 16 != 0,
		.pusd = (int64_t)next(&r->seed) * 1000003,
		.why = "no price" };
	s->row.cost = s->at.cost;
	s->row.attempts = &s->at;
	s->row.key = STR("sk-sl-k");
	s->row.endpoint = "/v1/chat/completions";
	ledger_id(s->row.id, s->row.started_us);
}

static void
open_state(struct responder *r)
{
	struct error err = { .kind = ERROR_NONE };

	r->state = state_open(str_of(r->dir), DURABILITY_PROCESS, &err);
	if (r->state != NULL)
		return;
	say(r, 'e', 0, err.msg);
	_exit(1);
}

void
crash_respond(const char *dir, int fd, unsigned seed)
{
	const struct timespec pause = { .tv_nsec = CALL_NS };
	struct responder r = { .dir = dir, .fd = fd, .seed = seed };
	struct slot slots[OPEN_CALLS] = { { .row = { .id = "" } } };
	pthread_t thread;
	struct slot *s;
	unsigned i;

	open_state(&r);
	if (pthread_create(&thread, NULL, ingest_for_ever, &r) != 0)
		_exit(1);
	for (i = 0;; i++) {
		s = &slots[i % OPEN_CALLS];
		if (s->row.id[0] != '\0')
			write_row(&r, s, CALL_OK);
		fill(&r, s);
		write_row(&r, s, CALL_OPEN);
		nanosleep(&pause, NULL);
	}
}

void
crash_cgi(const char *program, const char *conf, int fd)
{
	static const char body[] =
	    "{\"model\":\"echo/echo\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"some words to be paid for\"}]}";
	char length[16];
	int in[2];

	snprintf(length, sizeof(length), "%zu", sizeof(body) - 1);
	if (pipe(in) != 0 || write(in[1], body, sizeof(body) - 1) < 0)
		_exit(1);
	close(in[1]);
	dup2(in[0], 0);
	dup2(fd, 1);
	close(in[0]);
	close(fd);
	clearenv();
	setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	setenv("REQUEST_METHOD", "POST", 1);
	setenv("REQUEST_URI", "/v1/chat/completions", 1);
	setenv("CONTENT_TYPE", "application/json", 1);
	setenv("CONTENT_LENGTH", length, 1);
	setenv("SLUICE_CONFIG", conf, 1);
	execl(program, program, (char *)NULL);
	_exit(127);
}
