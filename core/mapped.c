/* SPDX-License-Identifier: MIT */
#include "core/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

#define MAGIC      "sluicemp"
#define BOOT_BYTES 40
#define HEAD_BYTES 128 /* before what the caller sees */

struct head {
	char magic[8];
	uint32_t version;
	uint32_t byte_order;
	uint64_t bytes;
	uint64_t dev, ino; /* of this very file */
	char boot[BOOT_BYTES];
};

_Static_assert(sizeof(struct head) <= HEAD_BYTES, "the head is too large");

static void
read_boot(char out[BOOT_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, BOOT_BYTES);
	if (fd < 0)
		return;
	if (read(fd, out, BOOT_BYTES - 1) < 0)
		out[0] = '\0';
	close(fd);
}

/* The head that file ${fd} must have. */
static int
make_head(int fd, uint32_t version, size_t bytes, struct head *h)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	h->version = version;
	h->byte_order = 0x01020304;
	h->bytes = bytes;
	h->dev = (uint64_t)st.st_dev;
	h->ino = (uint64_t)st.st_ino;
	read_boot(h->boot);
	return 0;
}

static void *
map(int fd, size_t bytes)
{
	char *p = mmap(NULL, HEAD_BYTES + bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p + HEAD_BYTES;
}

/* What is there; NULL if it will not do. */
static void *
map_existing(int dirfd, const char *name, uint32_t version, size_t bytes)
{
	int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC);
	struct head want, is;
	struct stat st;
	void *p = NULL;

	if (fd < 0)
		return NULL;
	if (make_head(fd, version, bytes, &want) == 0 && fstat(fd, &st) == 0 &&
	    st.st_size == (off_t)(HEAD_BYTES + bytes) &&
	    pread(fd, &is, sizeof(is), 0) == (ssize_t)sizeof(is) &&
	    memcmp(&is, &want, sizeof(is)) == 0)
		p = map(fd, bytes);
	close(fd);
	return p;
}

/* fallocate: a page that the disk has no room for would be a SIGBUS. */
static void *
fill(int fd, uint32_t version, size_t bytes)
{
	struct head h;

	errno = posix_fallocate(fd, 0, (off_t)(HEAD_BYTES + bytes));
	if (errno != 0 || make_head(fd, version, bytes, &h) != 0 ||
	    pwrite(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return NULL;
	return map(fd, bytes);
}

static void *
create(int dirfd, const char *name, uint32_t version, size_t bytes)
{
	char tmp[NAME_MAX + 1];
	void *p;
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	fd = openat(dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	p = fill(fd, version, bytes);
	close(fd);
	if (p != NULL && renameat(dirfd, tmp, dirfd, name) == 0)
		return p;
	mapped_detach(p, bytes);
	unlinkat(dirfd, tmp, 0);
	return NULL;
}

/* One process makes it; flock on the directory tells which. */
static void *
create_alone(int dirfd, const char *name, uint32_t version, size_t bytes)
{
	int lock = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	void *p = NULL;

	if (lock >= 0 && flock(lock, LOCK_EX) == 0) {
		p = map_existing(dirfd, name, version, bytes);
		if (p == NULL)
			p = create(dirfd, name, version, bytes);
	}
	if (lock >= 0)
		close(lock);
	return p;
}

void *
mapped_attach(int dirfd, const char *name, uint32_t version, size_t bytes,
    struct error *err)
{
	void *p = map_existing(dirfd, name, version, bytes);

	if (p == NULL)
		p = create_alone(dirfd, name, version, bytes);
	if (p == NULL)
		error_set(err, ERROR_STORE, "data_dir: %s: %s", name,
		    strerror(errno));
	return p;
}

void
mapped_detach(void *p, size_t bytes)
{
	if (p != NULL)
		munmap((char *)p - HEAD_BYTES, HEAD_BYTES + bytes);
}
