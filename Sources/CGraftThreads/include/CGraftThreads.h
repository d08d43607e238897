#ifndef C_GRAFT_THREADS_H
#define C_GRAFT_THREADS_H

#include <stddef.h>
#include <stdint.h>

// Threads that help with loops. One crew serves the whole process, so that sessions and overlapping runs do not
// keep more threads busy than there are processors.

#pragma clang assume_nonnull begin

/// A piece of a loop. `worker` tells the threads of one loop apart: 0 for the caller, 1 to `helpers` for the others.
typedef void (*graft_piece)(void *context, ptrdiff_t piece, int worker);

/// Calls `run` once for each of `0..<pieces`, on the calling thread and at most `helpers` others, and returns when
/// all are done. Which thread takes which piece is not defined; who is busy elsewhere does not help, nor who sleeps
/// unless the loop is long enough that it `wakes`.
void graft_threads_split(ptrdiff_t pieces, int helpers, int wakes, graft_piece run, void *context);

/// How many different workers a loop with so many threads may have: no more than there are processors.
int graft_threads_workers(int threads);

/// Says whether the calling thread takes numbers for zero that are too small to be normal, in operands and in
/// results, and gives back what held before, for `graft_floats_restore`. Helpers do in a loop as who splits it.
uint64_t graft_floats_flush(int flushes);
void graft_floats_restore(uint64_t mode);

/// Says that a run begins, or has ended, on the calling thread: others' helpers leave a processor to it.
void graft_threads_enter(void);
void graft_threads_leave(void);

/// Into how many groups threads fall: as many have one of their own.
#define GRAFT_STRIPES 16

/// The group of the calling thread, for what threads keep apart.
int graft_thread_stripe(void);

/// How many bytes of its stack the calling thread has left.
size_t graft_threads_stack_left(void);

#pragma clang assume_nonnull end

#endif
