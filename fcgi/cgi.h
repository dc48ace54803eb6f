/* SPDX-License-Identifier: MIT */
/*
 * One request as plain CGI/1.1: the three legs one after the other on one
 * thread, with the same loop turned until the call is done.
 */
#ifndef FCGI_CGI_H
#define FCGI_CGI_H

struct error;
struct gateway;

/*
 * cgi(gw, env, err):
 * Serve the one request in ${env} and standard input.  SIGTERM, and standard
 * output that nobody reads any more, mean that the client left.
 *
 * Returns  0, or -1: ERROR_INTERNAL.
 */
int cgi(struct gateway *gw, char **env, struct error *err);

#endif
