// The generator Philox 4x32-10, for one instruction set, by way of variants.h: see Philox.swift. Each lane of a register
// computes a block of its own.

typedef uint32_t NAME(words) __attribute__((vector_size(WIDTH * 4)));
typedef uint64_t NAME(products) __attribute__((vector_size(WIDTH * 4)));
typedef uint32_t NAME(block) __attribute__((vector_size(16)));

#define V NAME(words)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define UNROLL _Pragma("clang loop unroll(full)")

/// The high and the low half of each lane's product with a number.
INLINE V NAME(multiply)(V a, uint32_t b, V *low) {
  const NAME(products) even = ((NAME(products))a & 0xFFFFFFFF) * b, odd = ((NAME(products))a >> 32) * b;
  *low = (V)((even & 0xFFFFFFFF) | odd << 32);
  return (V)(even >> 32 | (odd & ~(uint64_t)0xFFFFFFFF));
}

/// Writes the blocks of as many counters as a register has lanes, one block behind the other.
INLINE void NAME(philox)(const V counters[4], uint32_t first_key, uint32_t second_key, uint32_t *y) {
  V block[4] = {counters[0], counters[1], counters[2], counters[3]};
  for (int round = 0; round < 10; round++, first_key += 0x9E3779B9, second_key += 0xBB67AE85) {
    V low[2];
    const V first = NAME(multiply)(block[0], 0xD2511F53, low);
    const V second = NAME(multiply)(block[2], 0xCD9E8D57, low + 1);
    block[0] = second ^ block[1] ^ first_key;
    block[1] = low[1];
    block[2] = first ^ block[3] ^ second_key;
    block[3] = low[0];
  }
  // Four blocks at a time: what four lanes hold of each word becomes a block of each.
  UNROLL for (int lane = 0; lane < WIDTH; lane += 4, y += 16) {
    NAME(block) rows[4];
    UNROLL for (int word = 0; word < 4; word++)
      __builtin_memcpy(rows + word, (const uint32_t *)(block + word) + lane, sizeof *rows);
    const NAME(block) a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const NAME(block) b = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const NAME(block) c = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const NAME(block) d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    const NAME(block) blocks[4] = {
        __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
        __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
    __builtin_memcpy(y, blocks, sizeof blocks);
  }
}

TARGET static void NAME(philox_blocks)(const uint32_t counter[4], const uint32_t key[2], uint32_t *y, size_t blocks) {
  uint64_t low = counter[0] | (uint64_t)counter[1] << 32, high = counter[2] | (uint64_t)counter[3] << 32;
  for (size_t done = 0; done < blocks; done += WIDTH) {
    V counters[4];
    for (int word = 0; word < 4; word++)
      counters[word] = (V){0} + (uint32_t)((word < 2 ? low : high) >> word % 2 * 32);
    for (int lane = 0; lane < WIDTH; lane++) counters[0][lane] += (uint32_t)lane;
    if ((uint32_t)low > UINT32_MAX - WIDTH) {
      // Some of them carry.
      for (int lane = 0; lane < WIDTH; lane++) {
        const uint64_t own = low + (uint64_t)lane, above = high + (own < low);
        counters[1][lane] = (uint32_t)(own >> 32);
        counters[2][lane] = (uint32_t)above;
        counters[3][lane] = (uint32_t)(above >> 32);
      }
    }
    if (blocks - done >= WIDTH) {
      NAME(philox)(counters, key[0], key[1], y + 4 * done);
    } else {
      uint32_t last[4 * WIDTH];
      NAME(philox)(counters, key[0], key[1], last);
      __builtin_memcpy(y + 4 * done, last, 4 * (blocks - done) * sizeof *y);
    }
    high += low + WIDTH < low;
    low += WIDTH;
  }
}

/// The same as numbers from 0 to below 1, whose fractions the lowest bits are.
TARGET static void NAME(philox_uniform)(
    const uint32_t counter[4], const uint32_t key[2], float *y, size_t blocks) {
  NAME(philox_blocks)(counter, key, (uint32_t *)y, blocks);
  for (size_t i = 0; i < 4 * blocks; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, y + i, sizeof bits);
    bits = (bits & 0x7FFFFF) | 127 << 23;
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    y[i] = value - 1;
  }
}

#undef V
#undef INLINE
#undef UNROLL
