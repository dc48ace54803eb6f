/* SPDX-License-Identifier: MIT */
/*
 * The measuring side of `make bench` (tests/bench.sh): one process, one
 * epoll, no libraries, numbers on stdout.  KEY in the environment is sent as
 * the credential.  Latencies are in microseconds; PIDs are those whose CPU
 * time counts.
 *
 * bench_client load PORT MODEL CONNS SECONDS [PID...]
 *	Each connection asks again as soon as it is answered.
 *	calls failed calls/s p50 p99 cpu-us/call
 * bench_client stream PORT MODEL CONNS SECONDS [PID...]
 *	Each connection has one stream; SECONDS of it are measured, as soon as
 *	all have begun.  Delays are from the time stamp in a chunk to here.
 *	calls failed chunks/s p50 p99 first-p50 first-p99 cpu-percent idle-percent
 * bench_client each PORT MODEL CONNS
 *	As many streams, one after the other; a MODEL that ends with - is
 *	followed by the number of the call, from 0.
 *	calls failed first-p50 first-p99
 * bench_client hold PORT MODEL CONNS
 *	Open the streams, tell so, and keep them until stdin ends.
 *	calls failed
 * bench_client cgi PROGRAM MODEL COUNT
 *	One process for each call; MODEL - means GET /v1/models.  The latency
 *	is until the process has ended, and until its answer was complete.
 *	calls failed p50 p99 answered-p50
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES   (16 * 1024)
#define PROMPT     "The quick brown fox jumps over the lazy dog, again. "
#define PROMPTS    36 /* about 2 KB with the rest */
#define RAMP_US    1000000
#define PATIENCE_S 60
#define MAX_BODY   4096

extern char **environ;

struct samples {
	int64_t *us;
	size_t n, cap;
};

struct conn {
	int fd;
	bool busy;
	bool begun; /* a first chunk has come */
	int64_t sent_us;
	size_t n;
	char in[IN_BYTES];
};

static struct {
	int poll, port;
	bool streams;
	char request[MAX_BODY + 1024];
	size_t request_n;
	struct conn *conns;
	int conns_n, open, begun;
	int64_t from_us, until_us; /* what is measured */
	long calls, failed, chunks;
	struct samples delays, firsts;
} b;

static int64_t
now_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
sample(struct samples *s, int64_t us)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 65536;
		s->us = realloc(s->us, s->cap * sizeof(*s->us));
		if (!s->us)
			abort();
	}
	s->us[s->n++] = us;
}

static int
ascending(const void *a, const void *c)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)c;

	return (x > y) - (x < y);
}

/* The value that ${percent} of the samples do not exceed. */
static long long
quantile(struct samples *s, unsigned percent)
{
	if (s->n == 0)
		return -1;
	qsort(s->us, s->n, sizeof(*s->us), ascending);
	return s->us[(s->n - 1) * percent / 100];
}

/* utime + stime of a process. */
static int64_t
cpu_of(const char *pid)
{
	char path[64], stat[1024] = "";
	unsigned long user = 0, sys = 0;
	const char *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(stat, sizeof(stat), f))
		die(path);
	fclose(f);
	p = strrchr(stat, ')');
	if (p)
		sscanf(p + 2,
		    "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		    &user, &sys);
	return (int64_t)(user + sys) * 1000000 / sysconf(_SC_CLK_TCK);
}

static int64_t
cpu_us(char **pids)
{
	int64_t sum = 0;

	for (; *pids; pids++)
		sum += cpu_of(*pids);
	return sum;
}

/* Time all cores have been idle since the machine started. */
static int64_t
idle_us(void)
{
	unsigned long idle = 0;
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "cpu %*u %*u %*u %lu", &idle) != 1)
		die("/proc/stat");
	fclose(f);
	return (int64_t)idle * 1000000 / sysconf(_SC_CLK_TCK);
}

/* --- the request --- */

static const char *
key(void)
{
	const char *k = getenv("KEY");

	return k ? k : "none";
}

static size_t
write_body(char to[MAX_BODY], const char *model, bool stream)
{
	int i, n;

	n = snprintf(to, MAX_BODY,
	    "{\"model\":\"%s\",\"max_tokens\":512,\"temperature\":0.7,%s"
	    "\"messages\":[{\"role\":\"system\",\"content\":\"You are "
	    "brief.\"},{\"role\":\"user\",\"content\":\"",
	    model, stream ? "\"stream\":true," : "");
	for (i = 0; i < PROMPTS; i++)
		n += snprintf(to + n, MAX_BODY - (size_t)n, PROMPT);
	n += snprintf(to + n, MAX_BODY - (size_t)n, "\"}]}");
	return (size_t)n;
}

static void
write_request(const char *model)
{
	char body[MAX_BODY];
	size_t n = write_body(body, model, b.streams);

	b.request_n = (size_t)snprintf(b.request, sizeof(b.request),
	    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
	    "authorization: Bearer %s\r\ncontent-type: application/json\r\n"
	    "content-length: %zu\r\n\r\n%s",
	    key(), n, body);
}

/* --- connections --- */

static void
start(struct conn *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct epoll_event e = { .events = EPOLLIN };
	int one = 1;

	to.sin_port = htons((uint16_t)b.port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	e.data.ptr = c;
	epoll_ctl(b.poll, EPOLL_CTL_ADD, c->fd, &e);
	b.open++;
}

static void
stop(struct conn *c)
{
	if (c->busy)
		b.failed++;
	c->busy = false;
	close(c->fd);
	c->fd = -1;
	b.open--;
}

static void
ask(struct conn *c)
{
	c->busy = true;
	c->n = 0;
	b.calls++;
	c->sent_us = now_us(CLOCK_MONOTONIC);
	if (send(c->fd, b.request, b.request_n, MSG_NOSIGNAL) !=
	    (ssize_t)b.request_n)
		stop(c);
}

/* The value of a header, in the first answer of c->in. */
static const char *
field(const struct conn *c, const char *name)
{
	const char *p, *end = strstr(c->in, "\r\n\r\n");

	for (p = c->in; end && p < end; p = strchr(p, '\n') + 1)
		if (strncasecmp(p, name, strlen(name)) == 0)
			return p + strlen(name) + 1;
	return NULL;
}

/* c->in holds a whole answer that is not a stream. */
static bool
complete(const struct conn *c)
{
	const char *end = strstr(c->in, "\r\n\r\n");
	const char *length = field(c, "content-length");

	if (!end)
		return false;
	if (length)
		return c->n >=
		    (size_t)(end + 4 - c->in) + strtoul(length, NULL, 10);
	return c->n > 7 && strcmp(c->in + c->n - 7, "\r\n0\r\n\r\n") == 0;
}

/* One answer of the load: time it, ask again. */
static void
on_answer(struct conn *c)
{
	const char *closes = field(c, "connection");
	int64_t now = now_us(CLOCK_MONOTONIC);

	if (!complete(c))
		return;
	c->busy = false;
	if (strncmp(c->in, "HTTP/1.1 200", 12) != 0)
		b.failed++;
	sample(&b.delays, now - c->sent_us);
	if (now >= b.until_us) {
		stop(c);
		return;
	}
	if (closes && strncasecmp(closes, " close", 6) == 0) {
		stop(c);
		start(c);
	}
	ask(c);
}

static void
on_stamp(struct conn *c, int64_t stamp_us, int64_t now)
{
	int64_t mono = now_us(CLOCK_MONOTONIC);

	if (!c->begun) {
		c->begun = true;
		b.begun++;
		sample(&b.firsts, now - stamp_us);
	} else if (mono >= b.from_us && mono < b.until_us) {
		b.chunks++;
		sample(&b.delays, now - stamp_us);
	}
}

/* Whole lines of a stream; the rest of the last one is kept. */
static void
on_lines(struct conn *c)
{
	int64_t now = now_us(CLOCK_REALTIME);
	char *p = c->in, *end;

	while ((end = strchr(p, '\n')) != NULL) {
		*end = '\0';
		if (strcmp(p, "data: [DONE]") == 0)
			c->busy = false;
		p = strstr(p, "\"t=");
		if (p)
			on_stamp(c, strtoll(p + 3, NULL, 10), now);
		p = end + 1;
	}
	c->n -= (size_t)(p - c->in);
	memmove(c->in, p, c->n + 1);
	if (!c->busy)
		stop(c);
}

static void
on_readable(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->n, IN_BYTES - 1 - c->n, 0);

	if (n <= 0) {
		stop(c);
		return;
	}
	c->n += (size_t)n;
	c->in[c->n] = '\0';
	if (b.streams)
		on_lines(c);
	else
		on_answer(c);
}

static void
turn(int wait_ms)
{
	struct epoll_event events[64];
	int i, n = epoll_wait(b.poll, events, 64, wait_ms);

	for (i = 0; i < n; i++)
		on_readable(events[i].data.ptr);
}

static void
prepare(char **argv, bool streams)
{
	b.streams = streams;
	b.port = (int)strtol(argv[0], NULL, 10);
	write_request(argv[1]);
	b.conns_n = (int)strtol(argv[2], NULL, 10);
	b.conns = calloc((size_t)b.conns_n, sizeof(*b.conns));
	b.poll = epoll_create1(EPOLL_CLOEXEC);
	if (!b.conns || b.poll < 0)
		die("start");
}

/* Begin all streams, spread over the ramp, so that they do not march. */
static void
open_streams(void)
{
	int64_t start_us = now_us(CLOCK_MONOTONIC), now = start_us;
	int i = 0;

	while (b.begun + b.failed < b.conns_n &&
	    now < start_us + PATIENCE_S * INT64_C(1000000)) {
		for (; i < b.conns_n &&
		     now >= start_us + (int64_t)i * RAMP_US / b.conns_n;
		     i++) {
			start(&b.conns[i]);
			ask(&b.conns[i]);
		}
		turn(1);
		now = now_us(CLOCK_MONOTONIC);
	}
}

/* --- the modes --- */

static void
load(char **argv)
{
	int64_t start_us, cpu, until, took;
	int i;

	prepare(argv, false);
	cpu = cpu_us(argv + 4);
	start_us = now_us(CLOCK_MONOTONIC);
	b.until_us = start_us + (int64_t)(strtod(argv[3], NULL) * 1000000);
	until = b.until_us + PATIENCE_S * INT64_C(1000000);
	for (i = 0; i < b.conns_n; i++) {
		start(&b.conns[i]);
		ask(&b.conns[i]);
	}
	while (b.open > 0 && now_us(CLOCK_MONOTONIC) < until)
		turn(1000);
	took = now_us(CLOCK_MONOTONIC) - start_us;
	cpu = cpu_us(argv + 4) - cpu;
	printf("%ld %ld %lld %lld %lld %lld\n", b.calls, b.failed,
	    (long long)b.calls * 1000000 / took, quantile(&b.delays, 50),
	    quantile(&b.delays, 99), (long long)cpu / b.calls);
}

static void
stream(char **argv)
{
	int64_t cpu, idle, took, until;

	prepare(argv, true);
	b.from_us = INT64_MAX;
	open_streams();
	cpu = cpu_us(argv + 4);
	idle = idle_us();
	b.from_us = now_us(CLOCK_MONOTONIC);
	b.until_us = b.from_us + (int64_t)(strtod(argv[3], NULL) * 1000000);
	while (now_us(CLOCK_MONOTONIC) < b.until_us)
		turn(10);
	cpu = cpu_us(argv + 4) - cpu;
	idle = idle_us() - idle;
	took = now_us(CLOCK_MONOTONIC) - b.from_us;
	until = b.until_us + PATIENCE_S * INT64_C(1000000);
	while (b.open > 0 && now_us(CLOCK_MONOTONIC) < until)
		turn(1000);
	printf("%ld %ld %lld %lld %lld %lld %lld %lld %lld\n", b.calls,
	    b.failed, (long long)b.chunks * 1000000 / took,
	    quantile(&b.delays, 50), quantile(&b.delays, 99),
	    quantile(&b.firsts, 50), quantile(&b.firsts, 99),
	    (long long)cpu * 100 / took,
	    (long long)idle * 100 / took / sysconf(_SC_NPROCESSORS_ONLN));
}

static void
each(char **argv)
{
	bool numbered = argv[1][strlen(argv[1]) - 1] == '-';
	char model[256];
	int i;

	prepare(argv, true);
	for (i = 0; i < b.conns_n; i++) {
		snprintf(model, sizeof(model), "%s%d", argv[1], i);
		write_request(numbered ? model : argv[1]);
		start(&b.conns[i]);
		ask(&b.conns[i]);
		while (b.open > 0)
			turn(1000);
	}
	printf("%ld %ld %lld %lld\n", b.calls, b.failed + b.conns_n - b.begun,
	    quantile(&b.firsts, 50), quantile(&b.firsts, 99));
}

static void
hold(char **argv)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	prepare(argv, true);
	open_streams();
	printf("%ld %ld\n", b.calls, b.failed + b.conns_n - b.begun);
	fflush(stdout);
	while (poll(&in, 1, 0) == 0)
		turn(100);
}

static void
cgi_environment(const char *model, size_t body_n)
{
	bool get = strcmp(model, "-") == 0;
	char text[128];

	setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	setenv("SERVER_PROTOCOL", "HTTP/1.1", 1);
	setenv("SERVER_SOFTWARE", "bench", 1);
	setenv("REMOTE_ADDR", "127.0.0.1", 1);
	setenv("SCRIPT_NAME", "", 1);
	setenv("QUERY_STRING", "", 1);
	setenv("REQUEST_METHOD", get ? "GET" : "POST", 1);
	setenv("REQUEST_URI", get ? "/v1/models" : "/v1/chat/completions", 1);
	setenv("PATH_INFO", get ? "/v1/models" : "/v1/chat/completions", 1);
	snprintf(text, sizeof(text), "Bearer %s", key());
	setenv("HTTP_AUTHORIZATION", text, 1);
	setenv("CONTENT_TYPE", "application/json", 1);
	snprintf(text, sizeof(text), "%zu", get ? 0 : body_n);
	setenv("CONTENT_LENGTH", text, 1);
}

/* Run the program once: its answer must be good, and it must end well. */
static bool
cgi_once(char *program, FILE *body)
{
	posix_spawn_file_actions_t files;
	char *args[] = { program, NULL };
	char answer[IN_BYTES] = "", more[4096];
	int out[2], status = -1;
	int64_t start_us = now_us(CLOCK_MONOTONIC), last_us = start_us;
	ssize_t n, at = 0;
	pid_t pid;

	rewind(body);
	if (pipe2(out, O_CLOEXEC) < 0)
		die("pipe");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fileno(body), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	if (posix_spawn(&pid, program, &files, NULL, args, environ) != 0)
		die(program);
	posix_spawn_file_actions_destroy(&files);
	close(out[1]);
	while ((n = read(out[0], more, sizeof(more))) > 0) {
		if (at + n < IN_BYTES)
			memcpy(answer + at, more, (size_t)n);
		at += n;
		last_us = now_us(CLOCK_MONOTONIC);
	}
	close(out[0]);
	waitpid(pid, &status, 0);
	sample(&b.delays, now_us(CLOCK_MONOTONIC) - start_us);
	sample(&b.firsts, last_us - start_us);
	return status == 0 && strncmp(answer, "Status: 200", 11) == 0;
}

static void
cgi(char **argv)
{
	char text[MAX_BODY];
	size_t n = write_body(text, argv[1], false);
	long count = strtol(argv[2], NULL, 10);
	FILE *body = tmpfile();

	if (!body || fwrite(text, 1, n, body) != n || fflush(body) != 0)
		die("body");
	cgi_environment(argv[1], n);
	for (b.calls = 0; b.calls < count; b.calls++)
		b.failed += !cgi_once(argv[0], body);
	fclose(body);
	printf("%ld %ld %lld %lld %lld\n", b.calls, b.failed,
	    quantile(&b.delays, 50), quantile(&b.delays, 99),
	    quantile(&b.firsts, 50));
}

static const struct {
	const char *name;
	int args; /* at least */
	void (*run)(char **argv);
} modes[] = {
	{ "load", 4, load },
	{ "stream", 4, stream },
	{ "each", 3, each },
	{ "hold", 3, hold },
	{ "cgi", 3, cgi },
};

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (argc < 2 || strcmp(argv[1], modes[i].name) != 0)
			continue;
		if (argc < 2 + modes[i].args)
			break;
		modes[i].run(argv + 2);
		return 0;
	}
	fprintf(stderr, "usage: bench_client load|stream|each|hold|cgi ...\n");
	return 2;
}
