/* SPDX-License-Identifier: MIT */
#include "core/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/conf.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)

/* f_type of statfs(2): linux/magic.h, and the file systems' own headers. */
static const struct {
	long type;
	const char *name;
} network[] = {
	{ 0x6969, "NFS" },
	{ 0x517b, "SMB" },
	{ 0xff534d42, "CIFS" },
	{ 0xfe534d42, "SMB" },
	{ 0x5346414f, "AFS" },
	{ 0x73757245, "Coda" },
	{ 0x01021997, "9P" },
	{ 0x65735546, "FUSE" },
	{ 0x00c36400, "Ceph" },
	{ 0x0bd00bd0, "Lustre" },
	{ 0x47504653, "GPFS" },
};

const char *
check_network_fs(long type)
{
	size_t i;

	for (i = 0; i < sizeof(network) / sizeof(network[0]); i++) {
		/* f_type is signed and 32 bits wide on some machines */
		if ((uint32_t)network[i].type == (uint32_t)type)
			return network[i].name;
	}
	return NULL;
}

/* ${path} without links, or as it is where it does not exist. */
static const char *
resolve(struct arena *a, struct str path)
{
	char real[PATH_MAX];
	char *text = str_cstr(a, path);

	if (realpath(text, real) == NULL)
		return text;
	return str_cstr(a, str_of(real));
}

/* The text of file ${dir}/${name}; the absent str if there is none. */
static struct str
text_of(struct arena *a, const char *dir, const char *name)
{
	FILE *from = fopen(arena_printf(a, "%s/%s", dir, name), "re");
	struct str s = STR_NONE;
	char *text;

	if (from == NULL)
		return s;
	text = arena_alloc(a, MAX_FILE_BYTES);
	s.p = text;
	s.n = fread(text, 1, MAX_FILE_BYTES, from);
	fclose(from);
	return s;
}

static bool
mentions(struct arena *a, const char *dir, const char *name, struct str word)
{
	return str_find(text_of(a, dir, name), word) >= 0;
}

static bool
exists(struct arena *a, const char *dir, const char *name)
{
	return access(arena_printf(a, "%s/%s", dir, name), F_OK) == 0;
}

/* Whether folder ${dir}, which has ${rest} below it, is by its name served. */
static bool
sounds_served(const char *dir, const char *rest)
{
	static const char *const names[] = { "public_html", "htdocs",
		"httpdocs", "html", "wwwroot", "webroot", "www" };
	const char *last = strrchr(dir, '/') + 1;
	size_t i;

	/* /var/www is also a home; what is served there has a plain name. */
	if (strcmp(dir, "/var/www") == 0)
		return rest[0] == '/' && rest[1] != '.';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(last, names[i]) == 0)
			return true;
	return false;
}

/*
 * Returns  the outermost folder at or above ${path} that a web server seems
 *          to serve, or NULL.  An .htaccess inside ${path} is no sign: it may
 *          well be what keeps the web out.
 */
static const char *
web_root(struct arena *a, const char *path)
{
	const char *served = getenv("DOCUMENT_ROOT");
	size_t i, n = strlen(path);
	char *dir;

	if (path[0] != '/')
		return NULL;
	served = served != NULL ? resolve(a, str_of(served)) : "";
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		dir = arena_memdup(a, path, i);
		if (strcmp(dir, served) == 0 || sounds_served(dir, path + i) ||
		    (i < n && exists(a, dir, ".htaccess")))
			return dir;
	}
	return NULL;
}

/* Whether everybody on the machine may use ${path} as ${mode} says. */
static bool
open_to_all(struct arena *a, const char *path, mode_t mode)
{
	char *dir = str_cstr(a, str_of(path)), *slash;
	struct stat st;

	if (stat(dir, &st) != 0 || (st.st_mode & mode) == 0)
		return false;
	while ((slash = strrchr(dir, '/')) != NULL && slash > dir) {
		*slash = '\0';
		if (stat(dir, &st) != 0 || (st.st_mode & S_IXOTH) == 0)
			return false;
	}
	return true;
}

static void
check_data_dir(struct check *c)
{
	const char *dir = resolve(c->arena, c->conf->data_dir), *fs, *root;
	struct statfs st;

	root = web_root(c->arena, dir);
	if (root != NULL && mentions(c->arena, dir, ".htaccess", STR("den")))
		check_warn(c, "data_dir", "better move it out of there",
		    "only %s/.htaccess keeps the web out", dir);
	else if (root != NULL)
		check_fault(c, "data_dir",
		    "move it to a folder that is not served and name that in "
		    "data_dir",
		    "%s is inside the web root %s", dir, root);
	if (open_to_all(c->arena, dir, S_IROTH | S_IXOTH))
		check_fault(c, "data_dir",
		    arena_printf(c->arena, "chmod 700 %s", dir),
		    "every user of this machine can look into %s", dir);
	fs = statfs(dir, &st) == 0 ? check_network_fs((long)st.f_type) : NULL;
	if (fs != NULL)
		check_warn(c, "data_dir",
		    "name a folder on a local disk in data_dir; else see to it "
		    "that one machine alone uses it",
		    "%s is on %s, where processes of several machines do not "
		    "see each other's locks and memory",
		    dir, fs);
}

/* Whether ${text} has one of our secrets in clear. */
static bool
holds_secret(const struct conf *conf, struct str text)
{
	const struct conf_provider *p;

	if (conf->admin_key.n > 0 && str_find(text, conf->admin_key) >= 0)
		return true;
	for (p = conf->providers; p != NULL; p = p->next)
		if (p->key.n > 0 && str_find(text, p->key) >= 0)
			return true;
	return false;
}

static void
check_configuration(struct check *c)
{
	const char *path = resolve(c->arena, c->conf->path), *name, *root;
	char *dir = str_cstr(c->arena, str_of(path));

	if (strrchr(dir, '/') == NULL)
		return;
	*strrchr(dir, '/') = '\0';
	name = path + strlen(dir) + 1;
	if (!holds_secret(c->conf, text_of(c->arena, dir, name)))
		return;
	if (open_to_all(c->arena, path, S_IROTH))
		check_fault(c, "configuration",
		    arena_printf(c->arena, "chmod o-r %s", path),
		    "every user of this machine can read the keys in %s", path);
	root = web_root(c->arena, path);
	if (root != NULL && !mentions(c->arena, dir, ".htaccess", str_of(name)))
		check_fault(c, "configuration",
		    "move it to ~/.config/sluice/ or deny it, as conf/htaccess "
		    "does",
		    "%s has keys and is inside the web root %s", path, root);
}

void
check_files(struct check *c)
{
	check_data_dir(c);
	if (c->conf->path.p != NULL)
		check_configuration(c);
}
