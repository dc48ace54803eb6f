/* SPDX-License-Identifier: MIT */
#include "core/lean.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void
lean_heap(void)
{
	malloc_trim(0);
}

/* What is writable, or was while it was relocated, has no copy in a file. */
static int
give_back(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = *(uintptr_t *)arg, from, to;
	unsigned i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W) != 0)
			continue;
		from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
		to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void
lean_code(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)dl_iterate_phdr(give_back, &page);
}
