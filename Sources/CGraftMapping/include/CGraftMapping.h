#ifndef C_GRAFT_MAPPING_H
#define C_GRAFT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

// Files that are mapped to be read, and that somebody may shorten meanwhile. Where the bytes of a mapping are gone,
// the system sends SIGBUS to who looks at them, which would end the process. A handler puts zeros in their place
// and marks the mapping as damaged, so that whoever used it can say so.

#pragma clang assume_nonnull begin

/// Maps the first `count` bytes of a file, and guards them. NULL, with `errno`, where the system refuses.
const void *_Nullable graft_mapping_create(int descriptor, size_t count, int *slot);

/// Gives the memory back.
void graft_mapping_destroy(const void *start, size_t count, int slot);

/// Whether bytes of the mapping were gone when somebody looked at them.
bool graft_mapping_is_damaged(int slot);

/// How many of the mappings that there are were found damaged: mostly none, which is cheap to ask.
int graft_mapping_damaged_count(void);

/// Lets what this process allocates from now on, the first 16 MB of it, lie in huge pages, where the system has any: a
/// graph is tens of thousands of small objects, and planning walks over all of them again and again. Called once, before
/// there are threads. It is the whole process's allocator that is told, so that no library should.
void graft_heap_prefer_huge_pages(void);

#pragma clang assume_nonnull end

#endif
