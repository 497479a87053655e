/* Half-precision formats. */
#include <string.h>

#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"

#define WIDEN(name, from)                                                                                              \
    void K(name)(float *out, const uint16_t *in, size_t n)                                                             \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
        for (; n - i >= VL; i += VL)                                                                                   \
            v_store(out + i, from(in + i));                                                                            \
        uint16_t last[VL] = {0};                                                                                       \
        memcpy(last, in + i, (n - i) * sizeof(*last));                                                                 \
        v_store_n(out + i, from(last), (int)(n - i));                                                                  \
    }
WIDEN(f16_to_f32, v_from_f16)
WIDEN(bf16_to_f32, v_from_bf16)

void K(f32_to_f16)(uint16_t *out, const float *in, size_t n)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        v_to_f16(out + i, v_load(in + i));
    uint16_t last[VL];
    v_to_f16(last, v_load_n(in + i, (int)(n - i)));
    memcpy(out + i, last, (n - i) * sizeof(*last));
}
