/* The oracle's conversions and transpose. */
#include "base/half.h"
#include "kernel/ref.h"

void f16_to_f32_ref(float *out, const uint16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = half_f16_to_f32(in[i]);
}

void f32_to_f16_ref(uint16_t *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = half_f32_to_f16(in[i]);
}

void bf16_to_f32_ref(float *out, const uint16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = half_bf16_to_f32(in[i]);
}

void transpose_32_ref(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows, size_t columns)
{
    const uint32_t *from = in;
    uint32_t *to = out;
    for (size_t j = 0; j < columns; j++)
        for (size_t i = 0; i < rows; i++)
            to[(ptrdiff_t)j * out_step + (ptrdiff_t)i] = from[(ptrdiff_t)i * in_step + (ptrdiff_t)j];
}
