/* Loads and stores of whole vectors or of a loop's last elements: one loop body, inlined with count = VL and once
 * more with count < VL, so that an element's bits do not depend on where it stands. */
#ifndef KERNEL_ISA_PART_H
#define KERNEL_ISA_PART_H

#include "kernel/isa/vec.h"

/* The first `count` floats at p, 1 <= count <= VL, the rest zero. */
V_FN v_f32 part_load(const float *p, int count)
{
    return count == VL ? v_load(p) : v_load_n(p, count);
}

V_FN void part_store(float *p, v_f32 x, int count)
{
    if (count == VL)
        v_store(p, x);
    else
        v_store_n(p, x, count);
}

/* The lanes behind the first `count` become `rest`. */
V_FN v_f32 part_fill(v_f32 x, int count, v_f32 rest)
{
    return count == VL ? x : v_select(m_first(count), x, rest);
}

/* x scale + shift from element i on; both may be NULL. */
V_FN v_f32 part_scale_shift(v_f32 x, size_t i, int count, const float *scale, const float *shift)
{
    if (scale && shift)
        return v_fma(x, part_load(scale + i, count), part_load(shift + i, count));
    if (scale)
        return v_mul(x, part_load(scale + i, count));
    return shift ? v_add(x, part_load(shift + i, count)) : x;
}

/* Runs body(i, count, …) over 0 <= i < n. */
#define PART_LOOP(n, body, ...)                                                                                        \
    do {                                                                                                               \
        size_t i_ = 0;                                                                                                 \
        for (; (n)-i_ >= VL; i_ += VL)                                                                                 \
            body(i_, VL, __VA_ARGS__);                                                                                 \
        if (i_ < (n))                                                                                                  \
            body(i_, (int)((n)-i_), __VA_ARGS__);                                                                      \
    } while (0)

/* The same with one copy of the body, for long ones and those that run rarely. */
#define PART_LOOP_LONG(n, body, ...)                                                                                   \
    for (size_t i_ = 0; i_ < (n); i_ += VL)                                                                            \
    body(i_, (n)-i_ < VL ? (int)((n)-i_) : VL, __VA_ARGS__)

#endif
