/* Fetching what a product will need soon into the level-2 cache, a step at a time. */
#ifndef KERNEL_ISA_FETCH_H
#define KERNEL_ISA_FETCH_H

#include "kernel/isa/vec.h"
#include "kernel/product.h"

/* What is still to be fetched, and the bytes of a step's share. */
struct fetch {
    const char *at, *end;
    ptrdiff_t share;
};

/* All that the call asks for, with the panels from its first column on; nothing with later ones. */
V_FN struct fetch fetch_begin(const struct kernel_gemm *g, int column)
{
    const char *at = g->fetch;
    return (struct fetch){.at = at, .end = at && column == 0 ? at + g->fetch_bytes : at};
}

/* So many cache lines of it. */
V_FN void fetch_next(struct fetch *f, int lines)
{
    if (f->at >= f->end)
        return;
    V_UNROLL(4)
    for (int i = 0; i < lines; i++)
        __builtin_prefetch(f->at + 64 * i, 0, 2);
    f->at += 64 * lines;
}

/* Shares such that all of it comes in so many steps, and no larger than that takes: lines on their way occupy the
 * buffers that the sums' own loads need. */
static inline void fetch_spread(struct fetch *f, ptrdiff_t steps)
{
    ptrdiff_t lines = (f->end - f->at) / 64;
    f->share = lines <= steps ? 64 : lines <= 2 * steps ? 128 : 256;
}

/* A share: one, two or four lines. */
V_FN void fetch_next_share(struct fetch *f)
{
    if (f->at >= f->end)
        return;
    __builtin_prefetch(f->at, 0, 2);
    if (f->share > 64) {
        __builtin_prefetch(f->at + 64, 0, 2);
        __builtin_prefetch(f->at + f->share - 64, 0, 2);
        __builtin_prefetch(f->at + f->share - 128, 0, 2);
    }
    f->at += f->share;
}

#endif
