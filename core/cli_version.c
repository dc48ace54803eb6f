/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include <curl/curl.h>
#include <db.h>
#include <json-c/json_c_version.h>
#include <openssl/crypto.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/jw.h"
#include "core/version.h"

#define MAX_OUTPUT_BYTES 1024

static const char *
berkeley_db(struct arena *a)
{
	int major, minor, patch;

	db_version(&major, &minor, &patch);
	return arena_printf(a, "%d.%d.%d", major, minor, patch);
}

static int
run_version(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &json, false } };
	const struct {
		const char *name, *version;
	} parts[] = {
		{ "sluice", SLUICE_VERSION },
		{ "libcurl", curl_version_info(CURLVERSION_NOW)->version },
		{ "openssl", OpenSSL_version(OPENSSL_VERSION_STRING) },
		{ "json-c", json_c_version() },
		{ "berkeley-db", berkeley_db(cli->arena) },
	};
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	struct jw w;
	size_t i;

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	jw_init(&w, out);
	if (json)
		jw_object(&w);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (json)
			jw_kv_cstr(&w, parts[i].name, parts[i].version);
		else
			buf_addf(
			    out, "%s %s\n", parts[i].name, parts[i].version);
	}
	if (json) {
		jw_end(&w);
		buf_addch(out, '\n');
	}
	return cli_print(cli, out);
}

const struct cmd cli_version = {
	.name = "version",
	.help = "versions of the program and its libraries",
	.usage = "sluice version [--json]",
	.run = run_version,
};
