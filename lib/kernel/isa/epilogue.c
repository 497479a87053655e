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
    if (add && !add_last)
        add_rows(sum, rows, lanes, n, add);
    K(unary_f32)(sum, sum, (size_t)rows * (size_t)lanes, act);
    if (add && add_last)
        add_rows(sum, rows, lanes, n, add);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < n; j += VL) {
            v_f32 x = v_load(sum + i * lanes + j);
            if (n - j < VL)
                v_store_n(c[i] + j, x, n - j);
            else
                v_store(c[i] + j, x);
        }
    }
}
