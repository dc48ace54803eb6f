/* SPDX-License-Identifier: MIT */
/* Transfers against the scripted provider, which runs as a child process. */
#define UPSTREAM_WITHOUT_MAIN
#include <dirent.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/provider.h"
#include "core/upstream.h"
#include "tests/unit/unit.h"
#include "tests/upstream.c"

enum act {
	NOTHING,
	CANCEL_IN_HEAD,
	CANCEL_IN_DATA,
	CANCEL_IN_END,
	PAUSE,
	CONTENT
};

/* One transfer under test. */
struct job {
	struct arena *arena; /* NULL once freed */
	struct transfer *t;
	struct upstream_request rq;
	struct upstream_limits limits;
	enum act act;
	struct job *victim; /* cancelled by act CANCEL_IN_*; NULL: itself */
	bool starting;      /* inside a call that must not call back */
	int open_before, open_behind; /* descriptors, around that */
	int heads, status, ends, pieces;
	size_t bytes;
	char text[256]; /* the first bytes */
	struct str type, retry_after;
	enum transfer_end end;
	char why[128];
};

static struct loop *loop;
static struct upstream *up;
static int port;

static void
cancel(struct job *j)
{
	transfer_cancel(j->t);
	memset(&j->rq, 0, sizeof(j->rq));
	arena_free(j->arena);
	j->arena = NULL;
}

/* How many descriptors this process has open. */
static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
act_if(struct job *j, enum act now)
{
	struct job *victim = j->victim ? j->victim : j;

	assert_false(j->starting);
	if (j->act != now || !victim->arena)
		return;
	j->open_before = descriptors();
	cancel(victim);
	if (victim != j)
		j->open_behind = descriptors();
}

static void
on_head(void *arg, int status, const struct header *headers)
{
	struct job *j = arg;

	j->heads++;
	j->status = status;
	j->type = header_get(headers, "Content-Type");
	j->retry_after = header_get(headers, "retry-after");
	assert_int_equal(j->bytes, 0);
	act_if(j, CANCEL_IN_HEAD);
}

static void
on_data(void *arg, struct str bytes)
{
	struct job *j = arg;
	size_t room = sizeof(j->text) - 1 - strlen(j->text);

	assert_int_equal(j->heads, 1);
	assert_non_null(j->arena);
	j->pieces++;
	j->bytes += bytes.n;
	strncat(j->text, bytes.p, bytes.n < room ? bytes.n : room);
	if (j->act == PAUSE)
		transfer_pause(j->t);
	if (j->act == CONTENT)
		transfer_content(j->t);
	act_if(j, CANCEL_IN_DATA);
}

static void
on_end(void *arg, enum transfer_end end, const char *why)
{
	struct job *j = arg;

	assert_non_null(j->arena);
	j->ends++;
	j->end = end;
	snprintf(j->why, sizeof(j->why), "%s", why);
	act_if(j, CANCEL_IN_END);
}

static const struct transfer_events events = { on_head, on_data, on_end };

/* A job for the scripted behaviour ${model}. */
static void
job_init(struct job *j, const char *model)
{
	*j = (struct job){ .arena = arena_new(64 << 20) };
	j->rq.url = arena_printf(j->arena,
	    "http://127.0.0.1:%d/as/%s/v1/chat/completions", port, model);
	j->rq.body = STR("{\"stream\":false}");
	j->limits = (struct upstream_limits){ 5000, 5000, 5000, 20000 };
	header_add(j->arena, &j->rq.headers, STR("content-type"),
	    STR("application/json"));
}

static void
start(struct job *j)
{
	struct error err = { .kind = ERROR_NONE };

	j->starting = true;
	j->t =
	    transfer_start(up, j->arena, &j->rq, &j->limits, &events, j, &err);
	j->starting = false;
	assert_non_null(j->t);
}

static void
turn_for(int64_t ms)
{
	int64_t until = clock_mono_us() + ms * 1000;

	while (clock_mono_us() < until)
		loop_turn(loop, 2000);
}

static void
finish_job(struct job *j)
{
	int64_t until = clock_mono_us() + 10 * 1000000;

	while (!j->ends && clock_mono_us() < until)
		loop_turn(loop, 100000);
	assert_int_equal(j->ends, 1);
}

static void
run(struct job *j, const char *model)
{
	job_init(j, model);
	start(j);
	finish_job(j);
}

static void
job_release(struct job *j)
{
	arena_free(j->arena);
	j->arena = NULL;
}

/* GET ${path} from the provider, without the code under test. */
static void
ask_provider(const char *path, char *out, size_t room_n)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char rq[128];
	ssize_t n;

	at.sin_port = htons((uint16_t)port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	n = snprintf(rq, sizeof(rq), "GET %s HTTP/1.1\r\n\r\n", path);
	assert_int_equal(write(fd, rq, (size_t)n), n);
	n = read(fd, out, room_n - 1);
	assert_true(n > 0);
	out[n] = '\0';
	close(fd);
}

static long
stat_of(const char *name)
{
	char text[1024];
	const char *at;

	ask_provider("/stats", text, sizeof(text));
	at = strstr(text, name);
	assert_non_null(at);
	return strtol(at + strlen(name) + 2, NULL, 10);
}

/* Turn until the counter has ${want}; returns how long it took. */
static int64_t
await(const char *name, long want)
{
	int64_t begin = clock_mono_us(), us = 0;

	while (stat_of(name) != want && us < 5000000) {
		loop_turn(loop, 1000);
		us = clock_mono_us() - begin;
	}
	assert_int_equal(stat_of(name), want);
	return us / 1000;
}

static void
answers_arrive_whole(void **state)
{
	static const struct {
		const char *model;
		int status;
		enum transfer_end end;
		size_t least;
		const char *text;
	} cases[] = {
		{ "json", 200, TRANSFER_DONE, 900, "{\"id\":\"chatcmpl-1\"" },
		{ "gzip", 200, TRANSFER_DONE, 900, "{\"id\":\"chatcmpl-1\"" },
		{ "big-4096", 200, TRANSFER_DONE, 4096 * 1024, "{\"id\"" },
		{ "interim", 200, TRANSFER_DONE, 900, "{\"id\"" },
		{ "slow-20", 200, TRANSFER_DONE, 900, "{\"id\"" },
		{ "status-529-7", 529, TRANSFER_DONE, 50, "{\"error\"" },
		{ "stream-20-1", 200, TRANSFER_DONE, 2000, "data: {" },
		{ "cut-5-1", 200, TRANSFER_CUT, 500, "data: {" },
	};
	struct job j;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(&j, cases[i].model);
		assert_int_equal(j.heads, 1);
		assert_int_equal(j.status, cases[i].status);
		assert_int_equal(j.end, cases[i].end);
		assert_true(j.bytes >= cases[i].least);
		assert_memory_equal(
		    j.text, cases[i].text, strlen(cases[i].text));
		assert_true(str_starts(j.type, "application/json") ||
		    str_is(j.type, "text/event-stream"));
		assert_true(j.status != 529 || str_is(j.retry_after, "7"));
		assert_true((j.why[0] == '\0') == (j.end == TRANSFER_DONE));
		job_release(&j);
	}
}

static void
an_endless_head_is_refused(void **state)
{
	struct job j;

	(void)state;
	run(&j, "heads-60");
	assert_int_equal(j.end, TRANSFER_DONE);
	job_release(&j);
	run(&j, "heads-80");
	assert_int_equal(j.heads, 0);
	assert_int_equal(j.end, TRANSFER_CUT);
	assert_string_equal(j.why, "the head of the answer is too long");
	job_release(&j);
}

/* curl lets these pass; whoever follows expects a head before a body. */
static void
an_odd_head_is_a_head_or_a_failure(void **state)
{
	struct job j;
	int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		char model[8];

		snprintf(model, sizeof(model), "odd-%d", i);
		run(&j, model);
		if (j.end == TRANSFER_DONE) {
			assert_int_equal(j.heads, 1);
			assert_true(j.status >= 100 && j.status <= 999);
		} else {
			assert_int_equal(j.heads, 0);
			assert_int_equal(j.bytes, 0);
			assert_true(j.why[0] != '\0');
		}
		job_release(&j);
	}
}

static void
no_connection_is_told_from_the_loop(void **state)
{
	static const char *const urls[] = {
		"http://127.0.0.1:1/x?key=secret",
		"ftp://127.0.0.1/secret",
		"https://127.0.0.1:1/",
		"http://[bad/?key=secret",
	};
	struct job j;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		job_init(&j, "");
		j.rq.url = urls[i];
		start(&j);
		assert_int_equal(j.ends, 0);
		finish_job(&j);
		assert_int_equal(j.end, TRANSFER_CONNECT);
		assert_int_equal(j.heads, 0);
		assert_true(j.why[0] != '\0');
		assert_null(strstr(j.why, "secret"));
		job_release(&j);
	}
}

static void
each_limit_ends_a_transfer(void **state)
{
	static const struct {
		const char *model;
		const char *scheme;
		struct upstream_limits limits;
		int64_t ms;
		const char *why;
	} cases[] = {
		/* The provider never answers the TLS handshake. */
		{ "hang", "https", { 60, 5000, 5000, 5000 }, 60, "onnect" },
		{ "hang", "http", { 5000, 60, 5000, 5000 }, 60, "no content" },
		{ "hang-3-1", "http", { 5000, 5000, 60, 5000 }, 60,
		    "nothing more" },
		{ "stream-1000-10", "http", { 5000, 50, 60, 150 }, 150,
		    "not complete" },
	};
	struct job j;
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		job_init(&j, "");
		j.rq.url = arena_printf(j.arena, "%s://127.0.0.1:%d/as/%s/",
		    cases[i].scheme, port, cases[i].model);
		j.limits = cases[i].limits;
		j.act = CONTENT;
		start(&j);
		ms = clock_mono_us() / 1000;
		finish_job(&j);
		ms = clock_mono_us() / 1000 - ms;
		assert_int_equal(j.end, TRANSFER_TIMEOUT);
		assert_non_null(strstr(j.why, cases[i].why));
		assert_true(ms >= cases[i].ms - 5);
		assert_true(ms < cases[i].ms + 10000);
		job_release(&j);
	}
	await("open", 0);
}

/* ---- a DNS of our own ---- */

static struct addrinfo *
address(uint32_t host, const char *service, struct addrinfo *next)
{
	struct addrinfo *ai =
	    calloc(1, sizeof(*ai) + sizeof(struct sockaddr_in));
	struct sockaddr_in at = { .sin_family = AF_INET };

	assert_non_null(ai);
	at.sin_addr.s_addr = htonl(host);
	at.sin_port = htons((uint16_t)strtol(service, NULL, 10));
	ai->ai_family = AF_INET;
	ai->ai_socktype = SOCK_STREAM;
	ai->ai_addrlen = sizeof(at);
	ai->ai_addr = memcpy(ai + 1, &at, sizeof(at));
	ai->ai_next = next;
	return ai;
}

static sem_t dns_answers;
static _Atomic int dns_asked, dns_answered;

/* Instead of libc's, on curl's own thread; numbers come without it.  One host
 * has two addresses, about all others it is silent. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	struct timespec most;

	(void)hints;
	if (strcmp(node, "two.test") == 0) {
		*out = address(INADDR_LOOPBACK, service, NULL);
		*out = address(INADDR_LOOPBACK + 1, service, *out);
		return 0;
	}
	clock_gettime(CLOCK_REALTIME, &most);
	most.tv_sec += 5;
	atomic_fetch_add(&dns_asked, 1);
	while (sem_timedwait(&dns_answers, &most) != 0 && errno == EINTR)
		continue;
	atomic_fetch_add(&dns_answered, 1);
	return EAI_AGAIN;
}

static void
nobody_waits_for_a_name_that_is_not_wanted_any_more(void **state)
{
	struct job late, left;

	(void)state;
	sem_init(&dns_answers, 0, 0);
	job_init(&late, "");
	late.rq.url = "http://late.test/";
	late.limits.connect_ms = 50;
	start(&late);
	finish_job(&late);
	assert_int_equal(late.end, TRANSFER_TIMEOUT);
	turn_for(1); /* curl lets go of it */
	job_release(&late);
	job_init(&left, "");
	left.rq.url = "http://left.test/";
	start(&left);
	while (atomic_load(&dns_asked) < 2)
		loop_turn(loop, 1000);
	cancel(&left);
	turn_for(1);
	assert_int_equal(atomic_load(&dns_answered), 0);
	sem_post(&dns_answers);
	sem_post(&dns_answers);
	while (atomic_load(&dns_answered) < 2)
		loop_turn(loop, 1000);
}

/* ---- addresses that are silent ---- */

/* A listener on the provider's port, beside it. */
static int
listener(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	at.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	return fd;
}

/* Fill its backlog: it takes no SYN any more. */
static void
silence(int fd, int clients[2])
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);
	int i;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	for (i = 0; i < 2; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(clients[i], (struct sockaddr *)&at, n);
	}
}

static void
close_all(int fd, const int clients[2])
{
	close(clients[0]);
	close(clients[1]);
	close(fd);
}

static void
start_at_two(struct job *j, int64_t connect_ms)
{
	job_init(j, "");
	j->rq.url = arena_printf(
	    j->arena, "http://two.test:%d/as/json/v1/chat/completions", port);
	j->limits.connect_ms = connect_ms;
	start(j);
}

static void
an_address_that_is_silent_leaves_time_for_the_next(void **state)
{
	static const int64_t limits_ms[] = { 5000, 1000 };
	int clients[2], fd = listener();
	struct job j;
	size_t i;

	(void)state;
	silence(fd, clients);
	for (i = 0; i < 2; i++) {
		start_at_two(&j, limits_ms[i]);
		finish_job(&j);
		assert_int_equal(j.end, TRANSFER_DONE);
		assert_int_equal(j.status, 200);
		job_release(&j);
		upstream_rest(up);
	}
	close_all(fd, clients);
}

/* Turn until ${fd} has a connection, or bytes. */
static void
turn_until_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t until = clock_mono_us() + 10 * 1000000;

	while (poll(&p, 1, 0) == 0 && clock_mono_us() < until)
		loop_turn(loop, 1000);
	assert_int_equal(p.revents, POLLIN);
}

static void
read_request(int fd)
{
	char bytes[4096];

	turn_until_readable(fd);
	assert_true(read(fd, bytes, sizeof(bytes)) > 0);
}

static void
a_kept_connection_that_is_dead_is_replaced_at_the_next_address(void **state)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
	int clients[2], fd = listener(), kept;
	struct job j;

	(void)state;
	start_at_two(&j, 5000);
	turn_until_readable(fd);
	kept = accept(fd, NULL, NULL);
	read_request(kept);
	assert_int_equal(write(kept, answer, strlen(answer)), strlen(answer));
	finish_job(&j);
	assert_int_equal(j.end, TRANSFER_DONE);
	job_release(&j);
	start_at_two(&j, 5000);
	read_request(kept);
	silence(fd, clients);
	close(kept);
	finish_job(&j);
	assert_int_equal(j.end, TRANSFER_DONE);
	assert_true(j.bytes > 2);
	job_release(&j);
	close_all(fd, clients);
}

static void
a_pause_holds_the_provider_with_flat_memory(void **state)
{
	struct job j;
	size_t bytes, heap;

	(void)state;
	job_init(&j, "stream-100000-0");
	j.limits.idle_ms = 50;
	j.act = PAUSE;
	start(&j);
	while (!j.bytes)
		loop_turn(loop, 10000);
	transfer_content(j.t);
	bytes = j.bytes;
	heap = mallinfo2().uordblks;
	turn_for(150);
	assert_int_equal(j.bytes, bytes);
	assert_int_equal(j.ends, 0);
	assert_true(mallinfo2().uordblks < heap + 128 * 1024);
	j.act = NOTHING;
	j.starting = true;
	transfer_resume(j.t);
	j.starting = false;
	finish_job(&j);
	assert_int_equal(j.end, TRANSFER_DONE);
	assert_true(j.bytes > (size_t)100000 * 100);
	assert_true(mallinfo2().uordblks < heap + 128 * 1024);
	assert_true(arena_used(j.arena) < 16 * 1024);
	job_release(&j);
}

static void
pausing_after_every_piece_loses_nothing(void **state)
{
	static const char *const models[] = { "big-1024", "gzip",
		"stream-2000-0" };
	struct job whole, j;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		run(&whole, models[i]);
		job_init(&j, models[i]);
		j.act = PAUSE;
		start(&j);
		while (!j.ends) {
			loop_turn(loop, 10000);
			if (!j.ends)
				transfer_resume(j.t);
		}
		assert_int_equal(j.end, TRANSFER_DONE);
		assert_int_equal(j.bytes, whole.bytes);
		job_release(&j);
		job_release(&whole);
	}
}

static void
a_cancel_closes_the_connection(void **state)
{
	static const enum act acts[] = { NOTHING, CANCEL_IN_HEAD,
		CANCEL_IN_DATA };
	long closed = stat_of("client_closed");
	struct job j;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		job_init(&j, "stream-1000-5");
		j.act = acts[i];
		start(&j);
		while (acts[i] != NOTHING ? j.arena != NULL : !j.bytes)
			loop_turn(loop, 10000);
		if (j.arena)
			cancel(&j);
		assert_true(await("client_closed", ++closed) < 200);
		assert_int_equal(j.ends, 0);
	}
}

static void
a_cancel_before_the_first_turn_sends_nothing(void **state)
{
	long requests = stat_of("requests");
	struct job j;

	(void)state;
	job_init(&j, "json");
	start(&j);
	cancel(&j);
	turn_for(20);
	assert_int_equal(j.heads + j.ends, 0);
	assert_int_equal(stat_of("requests"), requests);
}

static void
the_winner_cancels_the_losers(void **state)
{
	static const char *const losers[] = { "hang", "stream-1000-5", "json",
		"big-1024" };
	struct job winner, loser;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(losers) / sizeof(losers[0]); i++) {
		job_init(&loser, losers[i]);
		job_init(&winner, "json");
		winner.act = CANCEL_IN_DATA;
		winner.victim = &loser;
		start(&winner);
		start(&loser);
		finish_job(&winner);
		assert_int_equal(winner.end, TRANSFER_DONE);
		assert_null(loser.arena);
		job_release(&winner);
	}
	await("open", 0);
}

static void
a_cancel_at_the_end_is_harmless(void **state)
{
	struct job j;

	(void)state;
	job_init(&j, "json");
	j.act = CANCEL_IN_END;
	start(&j);
	finish_job(&j);
	assert_null(j.arena);
}

static void
transfers_share_one_connection(void **state)
{
	long accepted = stat_of("accepted");
	struct job j;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		run(&j, "json");
		assert_int_equal(j.end, TRANSFER_DONE);
		job_release(&j);
	}
	/* The one more is that of the second question itself. */
	assert_true(stat_of("accepted") <= accepted + 2);
}

static void
a_connection_found_closed_is_replaced(void **state)
{
	struct job j;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		run(&j, "stale");
		assert_int_equal(j.end, TRANSFER_DONE);
		assert_int_equal(j.heads, 1);
		assert_int_equal(j.status, 200);
		job_release(&j);
	}
}

static void
a_rest_closes_connections_that_nothing_runs_on(void **state)
{
	struct job running, j;
	int none, two;

	(void)state;
	upstream_rest(up);
	none = descriptors();
	job_init(&running, "hang-1-0");
	start(&running);
	while (running.pieces == 0)
		loop_turn(loop, -1);
	run(&j, "json");
	job_release(&j);
	two = descriptors();
	upstream_rest(up);
	assert_int_equal(descriptors(), two);
	cancel(&running);
	await("open", 0);
	upstream_rest(up);
	assert_int_equal(descriptors(), none);
	run(&j, "json");
	assert_int_equal(j.end, TRANSFER_DONE);
	job_release(&j);
}

static void
requests_arrive_as_they_were_given(void **state)
{
	static const size_t sizes[] = { 0, 100, 32 * 1024, 32 * 1024 + 1,
		3 << 20 };
	struct job j;
	char last[4096], want[64];
	char *body_text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		job_init(&j, "json");
		body_text = arena_alloc(j.arena, sizes[i] + 1);
		memset(body_text, 'x', sizes[i]);
		j.rq.body = (struct str){ .p = body_text, .n = sizes[i] };
		header_add(j.arena, &j.rq.headers, STR("x-none"), STR(""));
		start(&j);
		finish_job(&j);
		assert_int_equal(j.end, TRANSFER_DONE);
		ask_provider("/last", last, sizeof(last));
		snprintf(
		    want, sizeof(want), "Content-Length: %zu\r\n", sizes[i]);
		assert_non_null(strstr(last, want));
		assert_non_null(strstr(last, "\r\nx-none:\r\n"));
		assert_non_null(strstr(last, "User-Agent: sluice/"));
		assert_non_null(strstr(last, "Accept-Encoding: "));
		assert_non_null(strstr(last, "content-type: application/json"));
		assert_null(strstr(last, "Expect"));
		job_release(&j);
	}
}

static void
a_header_of_two_lines_is_refused(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	struct job j;

	(void)state;
	job_init(&j, "json");
	header_add(j.arena, &j.rq.headers, STR("x"), STR("a\r\nevil: b"));
	assert_null(
	    transfer_start(up, j.arena, &j.rq, &j.limits, &events, &j, &err));
	assert_int_equal(err.kind, ERROR_INTERNAL);
	job_release(&j);
}

static void
a_silent_answer_holds_up_nobody(void **state)
{
	struct job jobs[3];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		job_init(&jobs[i], "hang");
		start(&jobs[i]);
	}
	await("open", 3);
	for (i = 0; i < 3; i++)
		cancel(&jobs[i]);
	await("open", 0);
}

static void
many_streams_run_at_once(void **state)
{
	enum {
		STREAMS = 300
	};
	static struct job jobs[STREAMS];
	size_t i;

	(void)state;
	for (i = 0; i < STREAMS; i++) {
		job_init(&jobs[i], "stream-20-10");
		start(&jobs[i]);
	}
	for (i = 0; i < STREAMS; i++) {
		finish_job(&jobs[i]);
		assert_int_equal(jobs[i].end, TRANSFER_DONE);
		job_release(&jobs[i]);
	}
	assert_true(stat_of("peak") >= STREAMS);
}

/* Canned answers. */

static struct canned_chunk second = { 30, { "world", 5 }, NULL };
static struct canned_chunk first = { 0, { "hello ", 6 }, &second };

static void
canned_job(struct job *j, const struct canned *c)
{
	job_init(j, "");
	j->rq.canned = c;
	start(j);
}

static void
canned_answers_play_like_real_ones(void **state)
{
	static const struct {
		struct canned canned;
		enum transfer_end end;
		int status;
	} cases[] = {
		{ { .status = 200,
		      .content_type = "text/plain",
		      .chunks = &first },
		    TRANSFER_DONE, 200 },
		{ { .status = 429, .chunks = &first }, TRANSFER_DONE, 429 },
		{ { .status = 200, .chunks = &first, .cut = true },
		    TRANSFER_CUT, 200 },
		{ { .status = 200, .chunks = &first, .hang = true },
		    TRANSFER_TIMEOUT, 200 },
	};
	struct job j;
	int64_t begin;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin = clock_mono_us();
		canned_job(&j, &cases[i].canned);
		j.limits = (struct upstream_limits){ 0, 0, 0, 0 };
		transfer_cancel(j.t);
		j.limits.first_content_ms = 100;
		start(&j);
		finish_job(&j);
		assert_int_equal(j.end, cases[i].end);
		assert_int_equal(j.status, cases[i].status);
		assert_string_equal(j.text, "hello world");
		assert_int_equal(j.pieces, 2);
		assert_true(clock_mono_us() - begin >= 30000);
		assert_true(!cases[i].canned.content_type ||
		    str_is(j.type, "text/plain"));
		job_release(&j);
	}
}

static void
a_canned_answer_pauses_and_goes_on(void **state)
{
	static const struct canned c = { .status = 200, .chunks = &first };
	struct job j;

	(void)state;
	canned_job(&j, &c);
	j.act = PAUSE;
	turn_for(80);
	assert_string_equal(j.text, "hello ");
	transfer_resume(j.t);
	turn_for(10);
	assert_string_equal(j.text, "hello world");
	assert_int_equal(j.ends, 0);
	transfer_resume(j.t);
	finish_job(&j);
	assert_int_equal(j.end, TRANSFER_DONE);
	job_release(&j);
}

static void
a_canned_answer_may_be_cancelled_anywhere(void **state)
{
	static const struct canned c = { .status = 200, .chunks = &first };
	static const enum act acts[] = { CANCEL_IN_HEAD, CANCEL_IN_DATA,
		CANCEL_IN_END };
	struct job j;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		canned_job(&j, &c);
		j.act = acts[i];
		turn_for(60);
		assert_null(j.arena);
		assert_int_equal(j.ends, acts[i] == CANCEL_IN_END);
	}
}

/*
 * What the winner's callback does behind the cancel, it does before the loser
 * is closed: that is when its bytes go to the client.
 */
static void
a_loser_is_closed_behind_the_winners_bytes(void **state)
{
	static const struct canned canned = { .status = 200, .chunks = &first };
	const struct canned *const winners[] = { NULL, &canned };
	struct job winner, loser;
	long closed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(winners) / sizeof(winners[0]); i++) {
		closed = stat_of("client_closed");
		job_init(&loser, "stream-1000-5");
		start(&loser);
		while (!loser.bytes)
			loop_turn(loop, 10000);
		job_init(&winner, "json");
		winner.rq.canned = winners[i];
		winner.act = CANCEL_IN_DATA;
		winner.victim = &loser;
		start(&winner);
		finish_job(&winner);
		assert_null(loser.arena);
		assert_int_equal(winner.open_behind, winner.open_before);
		await("client_closed", closed + 1);
		job_release(&winner);
	}
}

static pid_t child;

static int
setup(void **state)
{
	struct error err = { .kind = ERROR_NONE };

	(void)state;
	port = listen_on(0);
	child = port > 0 ? fork() : -1;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve();
		_exit(0);
	}
	close(server.listener);
	close(server.poll);
	loop = loop_new(&err);
	up = upstream_new(loop);
	return child > 0 && loop && up ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	upstream_free(up);
	loop_free(loop);
	return kill(child, SIGKILL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_arrive_whole),
		cmocka_unit_test(an_endless_head_is_refused),
		cmocka_unit_test(an_odd_head_is_a_head_or_a_failure),
		cmocka_unit_test(no_connection_is_told_from_the_loop),
		cmocka_unit_test(each_limit_ends_a_transfer),
		cmocka_unit_test(
		    nobody_waits_for_a_name_that_is_not_wanted_any_more),
		cmocka_unit_test(
		    an_address_that_is_silent_leaves_time_for_the_next),
		cmocka_unit_test(
		    a_kept_connection_that_is_dead_is_replaced_at_the_next_address),
		cmocka_unit_test(a_pause_holds_the_provider_with_flat_memory),
		cmocka_unit_test(pausing_after_every_piece_loses_nothing),
		cmocka_unit_test(a_cancel_closes_the_connection),
		cmocka_unit_test(a_cancel_before_the_first_turn_sends_nothing),
		cmocka_unit_test(the_winner_cancels_the_losers),
		cmocka_unit_test(a_cancel_at_the_end_is_harmless),
		cmocka_unit_test(transfers_share_one_connection),
		cmocka_unit_test(a_connection_found_closed_is_replaced),
		cmocka_unit_test(
		    a_rest_closes_connections_that_nothing_runs_on),
		cmocka_unit_test(requests_arrive_as_they_were_given),
		cmocka_unit_test(a_header_of_two_lines_is_refused),
		cmocka_unit_test(a_silent_answer_holds_up_nobody),
		cmocka_unit_test(many_streams_run_at_once),
		cmocka_unit_test(canned_answers_play_like_real_ones),
		cmocka_unit_test(a_canned_answer_pauses_and_goes_on),
		cmocka_unit_test(a_canned_answer_may_be_cancelled_anywhere),
		cmocka_unit_test(a_loser_is_closed_behind_the_winners_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
