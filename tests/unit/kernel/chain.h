/* What every sum of products is to the bit: a chain of fma, in the levels that have it, or of products and sums; then
 * the bias. */
#ifndef TESTS_KERNEL_CHAIN_H
#define TESTS_KERNEL_CHAIN_H

#include "guard.h"

struct chain {
    bool fused;
    float sum, size; /* size: the sum of the magnitudes, which errors are relative to */
};

GUARD_FN struct chain chain_start(const struct kernels *k)
{
    return (struct chain){.fused = strcmp(k->isa, "generic") != 0};
}

GUARD_FN void chain_add(struct chain *c, float a, float b)
{
    c->sum = c->fused ? fmaf(a, b, c->sum) : a * b + c->sum;
    c->size += fabsf(a * b);
}

/* A fused activation must give the bits that it gives alone. */
GUARD_FN float chain_act(const struct kernels *k, float x, struct kernel_act act)
{
    k->unary_f32(&x, &x, 1, act);
    return x;
}

GUARD_FN float chain_end(const struct chain *c, const struct kernels *k, const float *bias, const float *add,
                         bool add_last, struct kernel_act act)
{
    float x = bias ? c->sum + *bias : c->sum;
    if (add && !add_last)
        x += *add;
    x = chain_act(k, x, act);
    return add && add_last ? x + *add : x;
}

/* A random one of those that may stand behind a layer, most often a common one. */
GUARD_FN struct kernel_act chain_random_act(void)
{
    static const struct kernel_act acts[] = {
        {KERNEL_NONE, 0, 0},           {KERNEL_RELU, 0, 0},
        {KERNEL_CLIP, 0, 6},           {KERNEL_CLIP, -0.5f, 0.25f},
        {KERNEL_LEAKY_RELU, 0.1f, 0},  {KERNEL_HARD_SIGMOID, 0.2f, 0.5f},
        {KERNEL_HARD_SWISH, 0, 0},     {KERNEL_SIGMOID, 0, 0},
        {KERNEL_TANH, 0, 0},           {KERNEL_SILU, 1, 0},
        {KERNEL_GELU, 0, 0},           {KERNEL_ELU, 1, 0},
        {KERNEL_SOFTPLUS, 0, 0},       {KERNEL_THRESHOLDED_RELU, 0.3f, 0},
    };
    size_t count = sizeof acts / sizeof acts[0];
    return acts[guard_random() % 2 ? guard_random() % 4 : guard_random() % count];
}

GUARD_FN bool chain_same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

#endif
