// Random numbers, a register of blocks at a time.

#include "CGraftVector.h"
#include "select.h"

#define KERNEL "random-kernel.h"
#include "variants.h"

void graft_philox_blocks(const uint32_t *counter, const uint32_t *key, uint32_t *y, size_t blocks) {
  SELECT(philox_blocks)(counter, key, y, blocks);
}

void graft_philox_uniform_f32(const uint32_t *counter, const uint32_t *key, float *y, size_t blocks) {
  SELECT(philox_uniform)(counter, key, y, blocks);
}
