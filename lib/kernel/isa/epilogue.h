/* What follows the sums of a tile: residual, activation, exact stores. */
#ifndef KERNEL_ISA_EPILOGUE_H
#define KERNEL_ISA_EPILOGUE_H

#include "kernel/isa/act.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

/* The activations of one or two instructions. */
V_FN bool epilogue_is_clip(struct kernel_act act)
{
    return act.kind == KERNEL_NONE || act.kind == KERNEL_RELU || act.kind == KERNEL_CLIP;
}

V_FN void epilogue_each(v_f32 *acc, int count, enum kernel_act_kind kind, struct kernel_act act)
{
    v_f32 a = v_set1(act.a), b = v_set1(act.b);
    V_UNROLL(32)
    for (int i = 0; i < count; i++)
        acc[i] = v_act(acc[i], kind, a, b);
}

/* acc[0..count), each a vector, through an activation that epilogue_is_clip(). */
V_FN void epilogue_clip(v_f32 *acc, int count, struct kernel_act act)
{
    if (act.kind == KERNEL_RELU)
        epilogue_each(acc, count, KERNEL_RELU, act);
    else if (act.kind == KERNEL_CLIP)
        epilogue_each(acc, count, KERNEL_CLIP, act);
}

/* The same for one that is quick. */
V_FN void epilogue_simple(v_f32 *acc, int count, struct kernel_act act)
{
    epilogue_clip(acc, count, act);
    if (act.kind == KERNEL_LEAKY_RELU)
        epilogue_each(acc, count, KERNEL_LEAKY_RELU, act);
    else if (act.kind == KERNEL_HARD_SWISH)
        epilogue_each(acc, count, KERNEL_HARD_SWISH, act);
}

/* sum[rows][lanes] (lanes: 1 or 2 vectors) into columns [at, at + n) of rows c[i], with the residual and the activation
 * of `to` between, whose rows have the same columns; sum is overwritten. An activation costs a call here, and gives the
 * bits that it gives as a layer of its own. The addresses of rows are taken one by one: the caller has only just stored
 * them, and a vector of them would have to wait until all stores before are in the cache. */
void K(epilogue_rows)(float *sum, int rows, int lanes, int n, void *const *c, ptrdiff_t at,
                      const struct kernel_epilogue *to);

/* Floats [at, at + n) of out[i] = act(in[i * in_step]…). By address: a copy of *act, just stored in other pieces, would
 * wait as well. */
void K(unary_rows)(void *const *out, ptrdiff_t at, const float *in, ptrdiff_t in_step, int rows, size_t n,
                   const struct kernel_act *act);

#endif
