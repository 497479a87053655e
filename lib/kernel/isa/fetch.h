/* Fetching what a product will need soon into the level-2 cache, a step at a time. */
#ifndef KERNEL_ISA_FETCH_H
#define KERNEL_ISA_FETCH_H

#include "kernel/isa/vec.h"
#include "kernel/product.h"

/* What is still to be fetched. */
struct fetch {
    const char *at, *end;
};

/* All that the call asks for, with the panels from its first column on; nothing with later ones. */
V_FN struct fetch fetch_begin(const struct kernel_gemm *g, int column)
{
    return (struct fetch){g->fetch, g->fetch && column == 0 ? (const char *)g->fetch + g->fetch_bytes : g->fetch};
}

/* So many cache lines of it, four for four steps of a product: with eight rows to a tile, as the transformed tiles of a
 * 7x7 map have, two would be too few to have all of the next panel there in time. */
V_FN void fetch_next(struct fetch *f, int lines)
{
    if (f->at >= f->end)
        return;
    V_UNROLL(4)
    for (int i = 0; i < lines; i++)
        __builtin_prefetch(f->at + 64 * i, 0, 2);
    f->at += 64 * lines;
}

#endif
