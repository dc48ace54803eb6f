/* SPDX-License-Identifier: MIT */
/*
 * sluice: one program that knows how it was started.
 *	a listening socket on descriptor 0	a FastCGI responder
 *	CGI variables in the environment	one CGI request
 *	anything else				an operator's command
 * main injects the provider table into the core and is the only place that
 * ends the process.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcgiapp.h>

#include "core/arena.h"
#include "core/cli.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/gateway.h"
#include "core/log.h"
#include "fcgi/cgi.h"
#include "fcgi/serve.h"
#include "providers/providers.h"

/*
 * glibc would keep a heap per thread, and at the end of each as much free
 * memory as twice the largest block that it ever took from the system:
 * malloc_trim (serve.c) gives back all but that.
 */
#define MAX_HEAPS  2
#define KEPT_BYTES 65536

extern char **environ;

/* Answer requests until told to stop, or the one of this CGI run. */
static int
answer(int (*how)(struct gateway *gw, struct error *err))
{
	struct arena *a = arena_new((size_t)1 << 20);
	struct gateway *gw = gateway_new(conf_find(a), &providers);
	struct error err = { 0 };
	int rc = how(gw, &err);

	if (rc != 0)
		log_event(LOG_LEVEL_ERROR, "serve", "%s", err.msg);
	gateway_free(gw);
	arena_free(a);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
as_fastcgi(struct gateway *gw, struct error *err)
{
	return serve(gw, 0, err);
}

static int
as_cgi(struct gateway *gw, struct error *err)
{
	return cgi(gw, environ, err);
}

int
main(int argc, char **argv)
{
	const struct cli_env env = {
		.registry = &providers, .out = stdout, .err = stderr
	};

	mallopt(M_ARENA_MAX, MAX_HEAPS);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	if (argc == 1 && !FCGX_IsCGI())
		return answer(as_fastcgi);
	/* A web server may turn a query string into arguments: look here. */
	if (getenv("GATEWAY_INTERFACE") != NULL)
		return answer(as_cgi);
	return cli_main(&env, argc, argv);
}
