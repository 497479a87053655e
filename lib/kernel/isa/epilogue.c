/* The way of the less common activations: through memory and the unary kernel, so that each activation exists once. */
#include "kernel/isa/epilogue.h"

static void add_rows(float *sum, int rows, int lanes, int n, const void *const *add, ptrdiff_t at)
{
    for (int i = 0; i < rows; i++) {
        const float *row = (const float *)add[i] + at;
        for (int j = 0; j < n; j += VL) {
            v_f32 x = n - j < VL ? v_load_n(row + j, n - j) : v_load(row + j);
            v_store(sum + i * lanes + j, v_add(v_load(sum + i * lanes + j), x));
        }
    }
}

void K(epilogue_rows)(float *sum, int rows, int lanes, int n, void *const *c, ptrdiff_t at,
                      const struct kernel_epilogue *to)
{
    struct kernel_act act = to->act;
    if (to->add && to->add_last) {
        K(unary_f32)(sum, sum, (size_t)rows * (size_t)lanes, act);
        act.kind = KERNEL_NONE;
    }
    if (to->add)
        add_rows(sum, rows, lanes, n, to->add, at);
    K(unary_rows)(c, at, sum, lanes, rows, (size_t)n, &act);
}
