/* A sum that no vector's loads make faster. */
#include "kernel/kernel.h"

uint64_t kernel_softmax_sum(const uint8_t *in, size_t n, const struct kernel_softmax_q8 *s, int skip)
{
    const uint32_t *weight = s->weight + skip;
    uint64_t even = 0, odd = 0;
    size_t i = 0;
    for (; n - i >= 2; i += 2) {
        even += weight[in[i] ^ s->turn];
        odd += weight[in[i + 1] ^ s->turn];
    }
    return even + odd + (i < n ? weight[in[i] ^ s->turn] : 0);
}
