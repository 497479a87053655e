/* What follows the sums of a tile: residual, activation, exact stores. */
#ifndef KERNEL_ISA_EPILOGUE_H
#define KERNEL_ISA_EPILOGUE_H

#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

/* The activations that cost an instruction or two are done in the registers. */
V_FN bool epilogue_is_simple(struct kernel_act act)
{
    return act.kind == KERNEL_NONE || act.kind == KERNEL_RELU || act.kind == KERNEL_CLIP;
}

/* acc[0..count), each a vector, through a simple activation. */
V_FN void epilogue_simple(v_f32 *acc, int count, struct kernel_act act)
{
    if (act.kind == KERNEL_NONE)
        return;
    v_f32 low = v_set1(act.kind == KERNEL_RELU ? 0 : act.a);
#pragma GCC unroll 32
    for (int i = 0; i < count; i++)
        acc[i] = v_max(low, acc[i]);
    if (act.kind == KERNEL_RELU)
        return;
    v_f32 high = v_set1(act.b);
#pragma GCC unroll 32
    for (int i = 0; i < count; i++)
        acc[i] = v_min(high, acc[i]);
}

/* sum[rows][lanes] (lanes: 1 or 2 vectors) into c[i][0..n), with all that may come between; sum is overwritten. An
 * activation costs a call here, and gives the bits that it gives as a layer of its own. */
void K(epilogue_rows)(float *sum, int rows, int lanes, int n, const float *const *add, bool add_last, float *const *c,
                      struct kernel_act act);

#endif
