/* The way of the less common activations: through memory and the unary kernel, so that each activation exists once. */
#include "kernel/isa/epilogue.h"

static void add_rows(float *sum, int rows, int lanes, int n, const float *const *add)
{
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < n; j += VL) {
            v_f32 x = n - j < VL ? v_load_n(add[i] + j, n - j) : v_load(add[i] + j);
            v_store(sum + i * lanes + j, v_add(v_load(sum + i * lanes + j), x));
        }
    }
}

void K(epilogue_rows)(float *sum, int rows, int lanes, int n, const float *const *add, bool add_last, float *const *c,
                      struct kernel_act act)
{
    if (add && add_last) {
        K(unary_f32)(sum, sum, (size_t)rows * (size_t)lanes, act);
        act.kind = KERNEL_NONE;
    }
    if (add)
        add_rows(sum, rows, lanes, n, add);
    K(unary_rows)(c, sum, lanes, rows, (size_t)n, act);
}
