#ifndef GRAFT_CFUZZER_H
#define GRAFT_CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// What libFuzzer offers to mutators: changes bytes as it would by itself.
size_t LLVMFuzzerMutate(uint8_t *data, size_t count, size_t most);

#endif
