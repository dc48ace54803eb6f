/* SPDX-License-Identifier: MIT */
/*
 * The engine: curl's multi handle as a guest of the event loop.  curl says
 * which sockets it wants watched and when it wants to be woken (on_socket,
 * on_timer); the loop calls it back (on_ready, on_due).  curl forbids adding,
 * removing and (for our contract) resuming handles while one of its callbacks
 * runs, so these wait in a list that is worked off after curl has returned.
 */
#include "core/upstream.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "core/transfer.h"

/* Connections kept open for use again, over all providers. */
#define IDLE_CONNECTIONS 256

/* Streams on one HTTP/2 connection; the provider's own limit is lower. */
#define STREAMS 1000

/*
 * Libraries that libcurl was linked with for protocols that we do not speak
 * bring GnuTLS, which prepares itself when it is loaded (half a megabyte of
 * memory that is touched, ms of a CGI run) unless the program defines this:
 * GNUTLS_SKIP_GLOBAL_INIT of gnutls.h.  Who needs GnuTLS prepares it then.
 */
int _gnutls_global_init_skip(void);

int
_gnutls_global_init_skip(void)
{
	return 1;
}

static void
global_init(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void
discard(struct easy *e)
{
	struct upstream *u = e->up;
	struct easy **at;

	for (at = &u->todo; e->queued && *at; at = &(*at)->next)
		if (*at == e) {
			*at = e->next;
			break;
		}
	if (e->added)
		curl_multi_remove_handle(u->multi, e->curl);
	easy_free(e);
}

/*
 * What was paused goes on.  What has lost an address takes the next one: curl
 * does when it is called again, but asks for no call (its issue 11920, mended
 * in 8.4) unless something about pausing changes.
 */
static CURLcode
go_on(struct easy *e)
{
	if (e->t->phase == TRANSFER_CONNECTING)
		(void)curl_easy_pause(e->curl, CURLPAUSE_SEND);
	return curl_easy_pause(e->curl, CURLPAUSE_CONT);
}

/* What ${e} waited for while curl was on the stack. */
static void
see_to(struct easy *e)
{
	struct upstream *u = e->up;
	CURLcode code = CURLE_OK;

	if (!e->t) {
		discard(e);
		return;
	}
	u->busy = true;
	if (e->added)
		code = go_on(e);
	else if (curl_multi_add_handle(u->multi, e->curl) == CURLM_OK)
		e->added = true;
	else
		code = CURLE_FAILED_INIT;
	u->busy = false;
	/* A handle without a connection cannot be paused: nothing to resume. */
	if (code != CURLE_OK && code != CURLE_BAD_FUNCTION_ARGUMENT && e->t)
		easy_finish(e, code);
}

/* Tell the transfers that curl has ended. */
static void
reap(struct upstream *u)
{
	struct CURLMsg *m;
	struct easy *e = NULL;
	int left;

	while ((m = curl_multi_info_read(u->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &e);
		easy_finish(e, m->data.result);
	}
}

static void
settle(void *arg)
{
	struct upstream *u = arg;
	struct easy *e;

	while ((e = u->todo)) {
		u->todo = e->next;
		e->queued = false;
		see_to(e);
	}
	reap(u);
}

static void
act(struct upstream *u, curl_socket_t fd, int mask)
{
	int running;

	u->busy = true;
	curl_multi_socket_action(u->multi, fd, mask, &running);
	u->busy = false;
	settle(u);
}

static void
on_ready(void *arg, int fd, unsigned events)
{
	int mask = 0;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	act(arg, fd, mask);
}

static void
on_due(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *assigned)
{
	static const unsigned events[] = {
		[CURL_POLL_IN] = EPOLLIN,
		[CURL_POLL_OUT] = EPOLLOUT,
		[CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT,
	};
	struct upstream *u = arg;
	struct easy *e = NULL;

	(void)assigned;
	if (what != CURL_POLL_REMOVE)
		return loop_watch(u->loop, fd, events[what], on_ready, u);
	loop_unwatch(u->loop, fd);
	curl_easy_getinfo(curl, CURLINFO_PRIVATE, &e);
	if (e && e->t && e->t->phase == TRANSFER_CONNECTING)
		upstream_queue(e);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct upstream *u = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(u->loop, &u->timer);
	else
		loop_timer_set(u->loop, &u->timer,
		    loop_now_us(u->loop) + ms * INT64_C(1000));
	return 0;
}

/*
 * Where the trusted certificates are.  A directory is read one certificate at
 * a time, on demand; one big file costs 25 ms to parse.
 */
static void
find_ca(struct upstream *u)
{
	static const char dir[] = "/etc/ssl/certs";
	struct stat st;

	u->ca_file = getenv("SSL_CERT_FILE");
	u->ca_dir = getenv("SSL_CERT_DIR");
	if (!u->ca_file && !u->ca_dir && stat(dir, &st) == 0)
		u->ca_dir = dir;
}

static void
put_away(struct upstream *u)
{
	curl_multi_cleanup(u->multi);
	curl_share_cleanup(u->share);
	u->multi = NULL;
	u->share = NULL;
}

static bool
configure(struct upstream *u)
{
	CURLM *m = u->multi;

	if (!m || !u->share)
		return false;
	/* One thread uses the share: it needs no lock functions. */
	return curl_share_setopt(u->share, CURLSHOPT_SHARE,
		   CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK &&
	    !curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) &&
	    !curl_multi_setopt(m, CURLMOPT_SOCKETDATA, u) &&
	    !curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer) &&
	    !curl_multi_setopt(m, CURLMOPT_TIMERDATA, u) &&
	    !curl_multi_setopt(
		m, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) &&
	    !curl_multi_setopt(
		m, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS) &&
	    !curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
}

struct upstream *
upstream_new(struct loop *loop)
{
	struct upstream *u = mem_new(sizeof(*u));

	u->loop = loop;
	u->timer = (struct loop_timer){ .fn = on_due, .arg = u };
	u->kick = (struct loop_timer){ .fn = settle, .arg = u };
	return u;
}

bool
upstream_ready(struct upstream *u)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (u->multi)
		return true;
	pthread_once(&once, global_init);
	u->multi = curl_multi_init();
	u->share = curl_share_init();
	find_ca(u);
	if (configure(u))
		return true;
	put_away(u);
	return false;
}

void
upstream_free(struct upstream *u)
{
	if (!u)
		return;
	while (u->todo)
		discard(u->todo);
	put_away(u);
	loop_timer_stop(u->loop, &u->timer);
	loop_timer_stop(u->loop, &u->kick);
	free(u);
}

void
upstream_rest(struct upstream *u)
{
	if (u->n_easy > 0)
		return;
	put_away(u);
	loop_timer_stop(u->loop, &u->timer);
}

void
upstream_queue(struct easy *e)
{
	struct upstream *u = e->up;

	if (e->queued)
		return;
	e->queued = true;
	e->next = u->todo;
	u->todo = e;
	if (!u->busy)
		loop_timer_set(u->loop, &u->kick, loop_now_us(u->loop));
}

void
upstream_drop(struct easy *e)
{
	e->t = NULL;
	if (e->up->busy)
		upstream_queue(e);
	else
		discard(e);
}
