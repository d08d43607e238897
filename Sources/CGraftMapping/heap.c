#define _GNU_SOURCE
#include "CGraftMapping.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/// How much the allocator takes from the system at a time.
enum { STEP = 16 << 20 };
/// Blocks of this size are mapped apart from others, and given back as soon as they are free.
enum { SEPARATE = 1 << 20 };

void graft_heap_prefer_huge_pages(void) {
#ifdef __GLIBC__
  if (!mallopt(M_MMAP_THRESHOLD, SEPARATE) || !mallopt(M_TOP_PAD, STEP)) return;
  const uintptr_t start = (uintptr_t)sbrk(0);
  // More than the allocator has by now: it takes the first step. The compiler would leave out `malloc` and `free`.
  void *block = NULL;
  if (posix_memalign(&block, sizeof(void *), SEPARATE / 2) != 0) return;
  free(block);
  const uintptr_t end = (uintptr_t)sbrk(0), page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t first = (start + page - 1) / page * page;
  if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
}
