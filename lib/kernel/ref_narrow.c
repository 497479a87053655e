/* The oracle's products with weights in fewer bits, for panels of any width. */
#include <string.h>

#include "base/half.h"
#include "kernel/ref.h"

/* The panels' columns: those of the oracle's gemm_f32. */
static int columns(void)
{
    return gemm_f32_ref.nr;
}

/* Panels of few columns put numbers where their types would not stand. */
static float number(const void *at, size_t i)
{
    float f;
    memcpy(&f, (const char *)at + i * sizeof f, sizeof f);
    return f;
}

static int32_t whole_number(const void *at, size_t i)
{
    int32_t n;
    memcpy(&n, (const char *)at + i * sizeof n, sizeof n);
    return n;
}

/* Weight i of column j of a panel. */
static float weight(const struct kernel_narrow *w, const char *panel, int k, int i, int j)
{
    int nr = columns(), in_block = i % w->block;
    size_t whole = kernel_narrow_bytes(w, (size_t)w->block < (size_t)k ? (size_t)w->block : (size_t)k, (size_t)nr);
    const char *scales = panel + (size_t)(i / w->block) * whole, *zeros = scales + sizeof(float) * (size_t)nr;
    float zero = (float)w->zero;
    if (w->type == KERNEL_S8) {
        const char *rows = zeros + (w->has_zeros ? sizeof(int32_t) * (size_t)nr : 0);
        zero = w->has_zeros ? (float)whole_number(zeros, (size_t)j) : zero;
        return ((float)(signed char)rows[in_block * nr + j] - zero) * number(scales, (size_t)j);
    }
    if (w->type == KERNEL_U4) {
        const uint8_t *rows = (const uint8_t *)zeros + (w->has_zeros ? 2 * nr : 0);
        zero = w->has_zeros ? (float)zeros[j] : zero;
        return ((float)(rows[(in_block / 4 * 2 + in_block % 2) * nr + j] >> in_block % 4 / 2 * 4 & 15) - zero) *
               number(scales, (size_t)j);
    }
    uint16_t half;
    memcpy(&half, panel + sizeof half * (size_t)(i * nr + j), sizeof half);
    return w->type == KERNEL_F16 ? half_f16_to_f32(half) : half_bf16_to_f32(half);
}

void widen_narrow_f32_ref(float *to, const void *panels, const struct kernel_narrow *w, int k, int n)
{
    size_t panel = kernel_narrow_bytes(w, (size_t)k, (size_t)columns());
    for (int first = 0; first < n; first += columns()) {
        int wide = n - first > gemm_f32_ref.vector ? columns() : gemm_f32_ref.vector;
        for (int i = 0; i < k; i++)
            for (int j = 0; j < wide; j++)
                *to++ = weight(w, (const char *)panels + (size_t)(first / columns()) * panel, k, i, j);
    }
}

void gemm_narrow_f32_ref(const struct kernel_gemm *g, const struct kernel_narrow *w)
{
    size_t panel = kernel_narrow_bytes(w, (size_t)g->k, (size_t)columns());
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < g->n; j++) {
            const char *at = (const char *)g->b + (size_t)(j / columns()) * panel;
            double sum = g->to.bias ? (double)((const float *)g->to.bias)[j] : 0;
            for (int l = 0; l < g->k; l++)
                sum += (double)((const float *)g->a[i])[g->tap[0] + l] * (double)weight(w, at, g->k, l, j % columns());
            const float *add = g->to.add ? g->to.add[i] : NULL;
            ((float *)g->c[i])[j] = (float)finish_ref(sum, add ? &add[j] : NULL, g->to.add_last, g->to.act);
        }
}
