/* What the tiles of a depthwise convolution share: how many outputs they have, which columns lie inside, and what
 * follows the sums. */
#ifndef KERNEL_ISA_DEPTHWISE_F32_H
#define KERNEL_ISA_DEPTHWISE_F32_H

#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

/* Of groups of channels, whose last block cannot be moved: stores with masks cost nothing on AVX-512. */
#ifdef ISA_avx512
#define DW_MASKED true
#else
#define DW_MASKED false
#endif

/* So many accumulators keep the multipliers busy, and leave registers for a row of weights. Each number of pixels of a
 * tile is a kernel of its own, so there are few: 7 is what maps of 7, 14, 28 pixels are made of. A tile of a known
 * kernel may sum more pixels than it stores. */
#if V_SMALL
#define DW_PIXELS            4
#define EACH_PIXELS(X)       X(4)
#define EACH_PIXELS_EXACT(X) X(1) X(4)
#else
#define DW_PIXELS            8
#define EACH_PIXELS(X)       X(7) X(8)
#define EACH_PIXELS_EXACT(X) X(1) X(4) X(8)
#endif

/* 7 or 8 sums of a group's many taps wait for each other: where a vector is one group, and there are registers, a tile
 * has 14. */
#ifdef ISA_avx512
#define DW_PIXELS_MOST 14
#else
#define DW_PIXELS_MOST DW_PIXELS
#endif

/* Of fewer channels than a vector holds: where masks are vectors, 8 sums of them leave no registers. */
#define DW_PIXELS_FEW (DW_MASKED ? DW_PIXELS : 4)

/* Outputs from x: as many as the tile sums, or the first `wanted`. Passed in a register: in memory, just stored as two
 * integers and loaded as one, it would have to wait for the cache. */
struct tile {
    int x, wanted;
};

typedef void tile_fn(const struct kernel_depthwise_f32 *d, struct tile t);

static int clamp(ptrdiff_t x, int low, int high)
{
    return x < low ? low : x > high ? high : (int)x;
}

/* What is the same for all blocks of channels of a tile. */
struct columns {
    ptrdiff_t at;         /* the first one, as an offset into a row */
    uint32_t valid;       /* of those that a fixed kernel reads, the ones inside */
    int kx_begin, kx_end; /* the kernel's that lie inside, of any kernel */
};

V_FN v_f32 load_lanes(const float *p, int lanes, bool masked)
{
    return masked ? v_load_n(p, lanes) : v_load(p);
}

/* Only now, as in gemm_f32.c. */
V_FN void add_bias(v_f32 *acc, const float *bias, int pixels, int lanes, bool masked)
{
    v_f32 b = load_lanes(bias, lanes, masked);
    V_UNROLL(16)
    for (int i = 0; i < pixels; i++)
        acc[i] = v_add(acc[i], b);
}

/* A block of channels from `first` on, of which `skipped` were done in the block before. */
struct lanes {
    int first, skipped, count;
};

/* Block number c / VL. */
V_FN struct lanes lanes_at(const struct kernel_depthwise_f32 *d, int c, bool masked)
{
    int before = !masked && c > d->channels - VL ? c - (d->channels - VL) : 0;
    return (struct lanes){c - before, before, masked ? d->channels : VL};
}

/* Through memory: residuals, which are added once, and lanes that stores without masks cannot leave out. */
static __attribute__((cold)) void finish_any(const struct kernel_depthwise_f32 *d, struct tile t, int y, struct lanes l,
                                             const v_f32 *acc)
{
    float sum[(DW_PIXELS_MOST + 1) * VL] = {0};
    void *out[DW_PIXELS_MOST];
    const void *add[DW_PIXELS_MOST];
    for (int i = 0; i < t.wanted; i++) {
        v_store(sum + i * VL, acc[i]);
        out[i] = d->out + y * d->out_row + (t.x + i) * d->out_step;
        add[i] = d->add ? d->add + y * d->add_row + (t.x + i) * d->add_step : NULL;
    }
    struct kernel_epilogue to = {.add = d->add ? add : NULL, .add_last = d->add_last, .act = d->act};
    K(epilogue_rows)(sum + l.skipped, t.wanted, VL, l.count - l.skipped, out, l.first + l.skipped, &to);
}

V_FN void finish(v_f32 *acc, const struct kernel_depthwise_f32 *d, float *out, int pixels, int wanted, int lanes,
                 bool masked)
{
    ptrdiff_t step = d->out_step;
    epilogue_clip(acc, pixels, d->act);
    /* Does not end at `wanted`: clang would not know how many turns it has. */
    V_UNROLL(16)
    for (int i = 0; i < pixels; i++, out += step) {
        if (i >= wanted)
            continue;
        if (masked)
            v_store_n(out, acc[i], lanes);
        else
            v_store(out, acc[i]);
    }
}

/* Bit j: column first + j of so many lies inside. */
V_APART uint32_t valid_columns(ptrdiff_t first, int in_width, int columns)
{
    int begin = clamp(-first, 0, columns), end = clamp(in_width - first, begin, columns);
    return (UINT32_C(1) << end) - (UINT32_C(1) << begin);
}

/* What follows the sums of a block of channels of row y. */
V_FN void end_block(v_f32 *acc, const struct kernel_depthwise_f32 *d, struct tile t, int y, struct lanes l, int pixels,
                    bool masked)
{
    if (d->bias)
        add_bias(acc, d->bias + l.first, pixels, l.count, masked);
    if (!d->add && (DW_MASKED || !masked)) {
        finish(acc, d, d->out + y * d->out_row + t.x * d->out_step + l.first, pixels, t.wanted, l.count, masked);
        return;
    }
    v_f32 copy[DW_PIXELS_MOST]; /* so that acc itself needs no address */
    V_UNROLL(16)
    for (int i = 0; i < pixels; i++)
        copy[i] = acc[i];
    finish_any(d, t, y, l, copy);
}

#endif
