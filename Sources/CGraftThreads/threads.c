// pthread_getattr_np, affinity
#define _GNU_SOURCE

#include "CGraftThreads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

// Loops that may be open at once: one for each run that splits one.
#define LOOPS 16
#define MAX_HELPERS 1023
// Into how many shares a loop is cut at most.
#define SHARES 16
// How long a helper looks for the next loop before it sleeps. While runs go on it is longer than what mostly lies
// between two loops of one: to be woken takes a processor that slept tens of microseconds.
#define PATIENCE_NS 60000
#define PATIENCE_IN_RUNS_NS 1000000
// How many looks lie between two at the clock, and at whether somebody else wants the processor.
#define LOOKS 256

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

#if defined(__x86_64__)
// Denormal operands as zero, denormal results to zero.
#define FLUSHING 0x8040u
static uint64_t float_mode(void) { return __builtin_ia32_stmxcsr(); }
static void set_float_mode(uint64_t mode) { __builtin_ia32_ldmxcsr((unsigned)mode); }
#elif defined(__aarch64__)
#define FLUSHING ((uint64_t)1 << 24)
static uint64_t float_mode(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static void set_float_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode)); }
#else
#define FLUSHING 0u
static uint64_t float_mode(void) { return 0; }
static void set_float_mode(uint64_t mode) { (void)mode; }
#endif

uint64_t graft_floats_flush(int flushes) {
  const uint64_t before = float_mode();
  graft_floats_restore(flushes ? before | FLUSHING : before & ~(uint64_t)FLUSHING);
  return before;
}

void graft_floats_restore(uint64_t mode) {
  if (float_mode() != mode) set_float_mode(mode);
}

/// The pieces of a loop that one thread is to begin with. The upper half holds the loop's number, the lower one the
/// next piece; a share is closed, with no piece to take, while the loop is written.
typedef struct {
  _Alignas(64) atomic_uint_fast64_t ticket;
} share;

/// A loop that is being run. A thread that has done its own share takes over from others. As shares follow each
/// other as pieces do, a thread finds in its caches what it left there in the loop before.
typedef struct {
  _Alignas(64) atomic_int taken;
  share shares[SHARES];
  _Alignas(64) atomic_uint_fast32_t pieces;
  atomic_uint_fast32_t count;
  atomic_int seats;
  _Atomic(graft_piece) run;
  _Atomic(void *) context;
  atomic_uint_fast64_t float_mode;
  _Alignas(64) atomic_uint_fast32_t remaining;
} loop;

#define CLOSED 0xffffffffu

static loop loops[LOOPS];
/// Counts loops that were opened: what helpers wait for.
static atomic_uint_fast64_t opened;
static atomic_int sleepers, helper_count;
/// Runs under way, counted apart for each group of threads.
static struct {
  _Alignas(128) atomic_int runs;
} stripes[GRAFT_STRIPES];
/// How many threads have a stripe.
static atomic_uint striped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

static int processors(void) {
  static atomic_int count;
  int known = atomic_load_explicit(&count, memory_order_relaxed);
  if (known == 0) {
    long found = sysconf(_SC_NPROCESSORS_ONLN);
    known = found < 1 ? 1 : found > MAX_HELPERS ? MAX_HELPERS : (int)found;
    atomic_store_explicit(&count, known, memory_order_relaxed);
  }
  return known;
}

int graft_thread_stripe(void) {
  static _Thread_local int stripe = -1;
  if (stripe < 0)
    stripe = (int)(atomic_fetch_add_explicit(&striped, 1, memory_order_relaxed) % GRAFT_STRIPES);
  return stripe;
}

static int active_runs(void) {
  const unsigned threads = atomic_load_explicit(&striped, memory_order_relaxed);
  int count = 0;
  for (unsigned i = 0; i < threads && i < GRAFT_STRIPES; i++)
    count += atomic_load_explicit(&stripes[i].runs, memory_order_relaxed);
  return count;
}

/// The first piece of a share.
static uint_fast64_t beginning(uint_fast64_t pieces, uint_fast64_t index, uint_fast64_t count) {
  return pieces * index / count;
}

/// Takes pieces of a share until there are none.
static void work_on(loop *l, uint_fast32_t index, uint_fast64_t number, int worker) {
  atomic_uint_fast64_t *place = &l->shares[index].ticket;
  for (;;) {
    uint_fast64_t ticket = atomic_load_explicit(place, memory_order_acquire);
    const graft_piece run = atomic_load_explicit(&l->run, memory_order_relaxed);
    void *context = atomic_load_explicit(&l->context, memory_order_relaxed);
    const uint64_t mode = atomic_load_explicit(&l->float_mode, memory_order_relaxed);
    const uint_fast64_t piece = ticket & 0xffffffffu;
    const uint_fast64_t end = beginning(
        atomic_load_explicit(&l->pieces, memory_order_relaxed), index + 1,
        atomic_load_explicit(&l->count, memory_order_relaxed));
    if (ticket >> 32 != number || piece >= end) return;
    if (!atomic_compare_exchange_weak_explicit(
            place, &ticket, ticket + 1, memory_order_acq_rel, memory_order_relaxed))
      continue;
    graft_floats_restore(mode);
    run(context, (ptrdiff_t)piece, worker);
    atomic_fetch_sub_explicit(&l->remaining, 1, memory_order_release);
  }
}

/// Takes pieces of a loop until there are none, those of the share `home` first.
static void work(loop *l, uint_fast64_t number, int worker, uint_fast32_t home) {
  const uint_fast32_t count = atomic_load_explicit(&l->count, memory_order_relaxed);
  for (uint_fast32_t i = 0; i < count; i++) work_on(l, (home + i) % count, number, worker);
}

/// The number of a loop that has pieces left, or 0.
static uint_fast64_t number_of_open(loop *l) {
  const uint_fast32_t count = atomic_load_explicit(&l->count, memory_order_relaxed);
  const uint_fast32_t pieces = atomic_load_explicit(&l->pieces, memory_order_relaxed);
  for (uint_fast32_t i = 0; i < count; i++) {
    const uint_fast64_t ticket = atomic_load_explicit(&l->shares[i].ticket, memory_order_acquire);
    if ((ticket & 0xffffffffu) < beginning(pieces, i + 1, count)) return ticket >> 32;
  }
  return 0;
}

static void look_for_work(uint_fast32_t home) {
  for (int i = 0; i < LOOPS; i++) {
    loop *l = &loops[i];
    const uint_fast64_t number = number_of_open(l);
    if (number == 0 || atomic_load_explicit(&l->seats, memory_order_relaxed) <= 0) continue;
    const int seat = atomic_fetch_sub_explicit(&l->seats, 1, memory_order_relaxed);
    if (seat > 0) work(l, number, seat, home);
  }
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Looks for a while whether a loop was opened after those that were seen.
static int has_opened(uint_fast64_t seen) {
  const int64_t start = now();
  for (;;) {
    for (int i = 0; i < LOOKS; i++) {
      if (atomic_load_explicit(&opened, memory_order_relaxed) != seen) return 1;
      PAUSE();
    }
    const int is_in_run = active_runs() > 0;
    if (now() - start > (is_in_run ? PATIENCE_IN_RUNS_NS : PATIENCE_NS)) return 0;
    // The thread that is to open the next loop may be waiting for this very processor.
    sched_yield();
  }
}

/// What a helper is told.
typedef struct {
  /// From 1 on.
  uint_fast32_t number;
  /// The processor that it must not begin on, or -1.
  int maker;
} helper;

static helper helpers[MAX_HELPERS];

/// Has a thread begin on another processor than its maker's. Systems like to begin it there, and move it only after
/// milliseconds.
static void begin_elsewhere(helper *h, pthread_attr_t *attributes) {
  h->maker = -1;
#if defined(__linux__)
  cpu_set_t set;
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE || pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0) return;
  CPU_CLR(here, &set);
  if (CPU_COUNT(&set) > 0 && pthread_attr_setaffinity_np(attributes, sizeof set, &set) == 0) h->maker = here;
#else
  (void)attributes;
#endif
}

/// Lets the thread go where it likes again.
static void go_anywhere(const helper *h) {
#if defined(__linux__)
  cpu_set_t set;
  if (h->maker < 0 || pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0) return;
  CPU_SET(h->maker, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
#else
  (void)h;
#endif
}

static void *help(void *argument) {
  const helper *self = argument;
  const uint_fast32_t home = self->number;
  go_anywhere(self);
  uint_fast64_t seen = 0;
  for (;;) {
    const uint_fast64_t found = atomic_load_explicit(&opened, memory_order_acquire);
    if (found != seen) {
      seen = found;
      look_for_work(home);
      continue;
    }
    if (has_opened(seen)) continue;
    pthread_mutex_lock(&lock);
    atomic_fetch_add(&sleepers, 1);
    while (atomic_load(&opened) == seen) pthread_cond_wait(&wake, &lock);
    atomic_fetch_sub(&sleepers, 1);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

/// Starts helpers until there are as many as wanted; fewer where the system refuses.
static void hire(int wanted) {
  if (atomic_load_explicit(&helper_count, memory_order_relaxed) >= wanted) return;
  pthread_mutex_lock(&lock);
  while (atomic_load_explicit(&helper_count, memory_order_relaxed) < wanted) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) break;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    // As large as a main thread's: kernels keep blocks on the stack.
    pthread_attr_setstacksize(&attributes, (size_t)8 << 20);
    const int count = atomic_load_explicit(&helper_count, memory_order_relaxed);
    helper *next = &helpers[count];
    next->number = (uint_fast32_t)count + 1;
    begin_elsewhere(next, &attributes);
    const int status = pthread_create(&thread, &attributes, help, next);
    pthread_attr_destroy(&attributes);
    if (status != 0) break;
    atomic_fetch_add_explicit(&helper_count, 1, memory_order_relaxed);
  }
  pthread_mutex_unlock(&lock);
}

int graft_threads_workers(int threads) { return threads < processors() ? threads : processors(); }

void graft_threads_enter(void) {
  atomic_fetch_add_explicit(&stripes[graft_thread_stripe()].runs, 1, memory_order_relaxed);
}

void graft_threads_leave(void) {
  atomic_fetch_sub_explicit(&stripes[graft_thread_stripe()].runs, 1, memory_order_relaxed);
}

static loop *take_loop(void) {
  for (int i = 0; i < LOOPS; i++) {
    int expected = 0;
    if (atomic_load_explicit(&loops[i].taken, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong_explicit(
            &loops[i].taken, &expected, 1, memory_order_acquire, memory_order_relaxed))
      return &loops[i];
  }
  return NULL;
}

void graft_threads_split(ptrdiff_t pieces, int helpers, int wakes, graft_piece run, void *context) {
  const int others = active_runs() - 1;
  const int idle = processors() - 1 - (others > 0 ? others : 0);
  if (helpers > idle) helpers = idle;
  if (helpers > pieces - 1) helpers = (int)(pieces - 1);
  if (!wakes) {
    const int awake = atomic_load_explicit(&helper_count, memory_order_relaxed) -
                      atomic_load_explicit(&sleepers, memory_order_relaxed);
    if (helpers > awake) helpers = awake;
  }
  loop *l = helpers > 0 && pieces < (ptrdiff_t)CLOSED ? take_loop() : NULL;
  if (!l) {
    for (ptrdiff_t piece = 0; piece < pieces; piece++) run(context, piece, 0);
    return;
  }
  hire(helpers);
  // 0 is the number of none.
  uint_fast64_t number = (atomic_load_explicit(&l->shares[0].ticket, memory_order_relaxed) >> 32) + 1 & 0xffffffffu;
  if (number == 0) number = 1;
  const uint_fast32_t count = helpers + 1 < SHARES ? (uint_fast32_t)helpers + 1 : SHARES;
  for (int i = 0; i < SHARES; i++)
    atomic_store_explicit(&l->shares[i].ticket, number << 32 | CLOSED, memory_order_relaxed);
  atomic_thread_fence(memory_order_seq_cst);
  atomic_store_explicit(&l->run, run, memory_order_relaxed);
  atomic_store_explicit(&l->context, context, memory_order_relaxed);
  atomic_store_explicit(&l->float_mode, float_mode(), memory_order_relaxed);
  atomic_store_explicit(&l->pieces, (uint_fast32_t)pieces, memory_order_relaxed);
  atomic_store_explicit(&l->count, count, memory_order_relaxed);
  atomic_store_explicit(&l->remaining, (uint_fast32_t)pieces, memory_order_relaxed);
  atomic_store_explicit(&l->seats, helpers, memory_order_relaxed);
  for (uint_fast32_t i = 0; i < count; i++)
    atomic_store_explicit(
        &l->shares[i].ticket, number << 32 | beginning((uint_fast64_t)pieces, i, count), memory_order_release);
  atomic_fetch_add(&opened, 1);
  if (wakes && atomic_load(&sleepers) > 0) {
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
  }
  work(l, number, 0, 0);
  for (int spins = 0; atomic_load_explicit(&l->remaining, memory_order_acquire) != 0; spins++) {
    PAUSE();
    // Whoever has the last piece may wait for a processor.
    if (spins > 2000) sched_yield();
  }
  atomic_store_explicit(&l->taken, 0, memory_order_release);
}

size_t graft_threads_stack_left(void) {
  // The lowest address of the stack, which is asked for once: it takes long for a main thread.
  static _Thread_local uintptr_t lowest;
  if (lowest == 0) {
    pthread_attr_t attributes;
    void *address = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return SIZE_MAX;
    pthread_attr_getstack(&attributes, &address, &size);
    pthread_attr_destroy(&attributes);
    lowest = (uintptr_t)address;
  }
  const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  return here > lowest ? here - lowest : 0;
}
