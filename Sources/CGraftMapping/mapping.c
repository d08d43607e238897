#include "CGraftMapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// The handler may run at any time on any thread: it reads atomics only, and no memory here is ever given back.

enum { SLOTS_PER_BLOCK = 512, BLOCKS = 4096 };

typedef struct {
  _Atomic(uintptr_t) start; // 0: nobody's
  _Atomic(size_t) count;
  atomic_bool damaged;
} Slot;

static _Atomic(Slot *) blocks[BLOCKS];
static atomic_int block_count;
static atomic_int damaged_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous;
static bool is_installed;
static size_t page_size;

static Slot *slot_at(int index) {
  return &atomic_load_explicit(&blocks[index / SLOTS_PER_BLOCK], memory_order_acquire)[index % SLOTS_PER_BLOCK];
}

static bool mend(uintptr_t address) {
  int count = atomic_load_explicit(&block_count, memory_order_acquire) * SLOTS_PER_BLOCK;
  for (int index = 0; index < count; index++) {
    Slot *slot = slot_at(index);
    uintptr_t start = atomic_load_explicit(&slot->start, memory_order_acquire);
    if (start == 0 || address < start) continue;
    size_t size = (atomic_load_explicit(&slot->count, memory_order_relaxed) + page_size - 1) / page_size * page_size;
    if (address - start >= size) continue;
    // What follows is gone as well, and where it is not, nobody will trust the rest of the file any more.
    uintptr_t page = address / page_size * page_size;
    void *zeros = mmap(
        (void *)page, start + size - page, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED) return false;
    if (!atomic_exchange(&slot->damaged, true)) atomic_fetch_add(&damaged_count, 1);
    return true;
  }
  return false;
}

static void on_bus_error(int number, siginfo_t *information, void *context) {
  int error = errno;
  bool is_mended = information->si_code == BUS_ADRERR && mend((uintptr_t)information->si_addr);
  errno = error;
  if (is_mended) return;
  // Not a mapping of ours: whoever was there before us decides.
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, information, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    signal(SIGBUS, SIG_DFL);
  } else {
    previous.sa_handler(number);
  }
}

static void install(void) {
  if (is_installed) return;
  is_installed = true;
  page_size = (size_t)sysconf(_SC_PAGESIZE);
  struct sigaction action = {0};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

static int take_slot(uintptr_t start, size_t count) {
  int known = atomic_load(&block_count);
  int index = 0;
  while (index < known * SLOTS_PER_BLOCK && atomic_load(&slot_at(index)->start) != 0) index++;
  if (index == known * SLOTS_PER_BLOCK) {
    if (known == BLOCKS) return -1;
    Slot *block = calloc(SLOTS_PER_BLOCK, sizeof(Slot));
    if (!block) return -1;
    atomic_store(&blocks[known], block);
    atomic_store(&block_count, known + 1);
  }
  Slot *slot = slot_at(index);
  atomic_store(&slot->damaged, false);
  atomic_store(&slot->count, count);
  atomic_store_explicit(&slot->start, start, memory_order_release);
  return index;
}

const void *graft_mapping_create(int descriptor, size_t count, int *slot) {
  void *start = mmap(NULL, count, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (start == MAP_FAILED) return NULL;
  pthread_mutex_lock(&lock);
  install();
  *slot = take_slot((uintptr_t)start, count);
  pthread_mutex_unlock(&lock);
  if (*slot >= 0) return start;
  munmap(start, count);
  errno = ENOMEM;
  return NULL;
}

void graft_mapping_destroy(const void *start, size_t count, int slot) {
  pthread_mutex_lock(&lock);
  Slot *entry = slot_at(slot);
  // The address may be somebody else's as soon as it is given back.
  atomic_store(&entry->start, 0);
  if (atomic_exchange(&entry->damaged, false)) atomic_fetch_sub(&damaged_count, 1);
  munmap((void *)start, count);
  pthread_mutex_unlock(&lock);
}

bool graft_mapping_is_damaged(int slot) { return atomic_load_explicit(&slot_at(slot)->damaged, memory_order_acquire); }

int graft_mapping_damaged_count(void) { return atomic_load_explicit(&damaged_count, memory_order_acquire); }
