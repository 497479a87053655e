/* Half-precision formats. */
#include <string.h>

#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"

typedef uint16_t v_u16 __attribute__((vector_size(VL * 2)));
typedef v_u16 v_u16_memory __attribute__((aligned(2), may_alias));

V_FN v_f32 from_f16(const uint16_t *p)
{
    return v_from_f16(p);
}

/* bfloat16 is the upper half of a float. */
V_FN v_f32 from_bf16(const uint16_t *p)
{
    return v_as_f32(v_shl_i32(__builtin_convertvector(*(const v_u16_memory *)p, v_i32), 16));
}

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
WIDEN(f16_to_f32, from_f16)
WIDEN(bf16_to_f32, from_bf16)

void K(f32_to_f16)(uint16_t *out, const float *in, size_t n)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        v_to_f16(out + i, v_load(in + i));
    uint16_t last[VL];
    v_to_f16(last, v_load_n(in + i, (int)(n - i)));
    memcpy(out + i, last, (n - i) * sizeof(*last));
}
