/* What products of rows of f32 with packed panels of 16-bit floats share: rows are rounded once a call, and what
 * follows the sums is one copy for all tiles.
 *
 * A panel of f16 begins with a float for each column. Columns of it are scaled by powers of two to magnitudes of up to
 * 4 and rows to less than 128, so that sums of HALF_STRETCH products stay in the range of f16 whatever the numbers are.
 * The finished sums are scaled back at once by what undoes both, a column's exponent in the panel plus the row's: a
 * power of two for each alone may be beyond f32 where the result is not. */
#ifndef KERNEL_ISA_GEMM_HALF_H
#define KERNEL_ISA_GEMM_HALF_H

#include "kernel/isa/isa.h"
#include "kernel/isa/tile.h"

#define HALF_STRETCH 64

/* Rows lie in blocks of so many elements of all of them, so that a few registers make the addresses, or one behind the
 * other, as AMX can read them: written so they fill the cache's sets and pages in turn. Of blocks there is room for a
 * multiple of HALF_ROWS rows: tiles may read some behind the last one, and sum what they find. */
#define HALF_BLOCK 32
#define HALF_ROWS  16

/* Element p of row i is at[p / HALF_BLOCK * block + i * row + p % HALF_BLOCK]. */
struct half_rows {
    uint16_t *at;     /* NULL: rows of halves, which are read where they lie */
    ptrdiff_t block;  /* elements from a block of a row to the next, */
    ptrdiff_t row;    /* and from a row to the next */
    int runs;         /* that are summed one after another: runs that lie in a row in rows and panels are one */
    ptrdiff_t length; /* of a run */
    ptrdiff_t last;   /* a run's block that is not full, of AMX shifted to its end, behind zeros */
    int shift;
    const float *back; /* [m] exponents of two that rows' sums are scaled by; NULL: they are as they should be */
};

V_FN ptrdiff_t half_blocks(ptrdiff_t length)
{
    return (length + HALF_BLOCK - 1) / HALF_BLOCK;
}

/* The panels of columns from 0 on, all of them of two vectors of sums. */
typedef void half_panels_fn(const struct kernel_gemm *g, const struct half_rows *rows);

struct half_tile {
    int rows;
    half_panels_fn *panels;
};

/* Elements of a column of the panels. */
V_FN ptrdiff_t half_depth(const struct kernel_gemm *g, const struct half_rows *rows)
{
    return rows->length * (g->b_tap ? g->b_taps : rows->runs);
}

/* The columns from `column` on, of sums [m][2 vectors]. column_back: of their panel, where rows->back is. */
void gemm_half_finish(float *sum, const struct kernel_gemm *g, const struct half_rows *rows, const float *column_back,
                      int column);
/* The call, with rows rounded to p->b, to nearest, ties to even; tiles: smallest first,
 * the last one of p->mr rows. */
void gemm_half_run(const struct kernel_product *p, const struct kernel_gemm *g, const struct half_tile *tiles);
/* n elements, as rows are rounded to bfloat16. */
void gemm_half_round(void *to, const float *from, size_t n);
void gemm_half_pack(const struct kernel_product *p, void *panels, const void *matrix, int taps, ptrdiff_t tap_step,
                    int k, ptrdiff_t k_step, int n, ptrdiff_t n_step);

/* The tiles of do_panels(), and run() and pack() of the product that they make. */
#define HALF_TILE(m)                                                                                                   \
    static void panels_##m(const struct kernel_gemm *g, const struct half_rows *rows)                                  \
    {                                                                                                                  \
        do_panels(g, rows, m);                                                                                         \
    }
#define HALF_ENTRY(m) {m, panels_##m},
#define HALF_EACH(X)  X(1) X(4) X(14)
#define HALF_PRODUCT(product)                                                                                          \
    HALF_EACH(HALF_TILE)                                                                                               \
    static const struct half_tile tiles[] = {HALF_EACH(HALF_ENTRY)};                                                   \
    static void run(const struct kernel_gemm *g)                                                                       \
    {                                                                                                                  \
        gemm_half_run(&product, g, tiles);                                                                             \
    }                                                                                                                  \
    static void pack(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,   \
                     ptrdiff_t n_step)                                                                                 \
    {                                                                                                                  \
        gemm_half_pack(&product, panels, matrix, taps, tap_step, k, k_step, n, n_step);                                \
    }

#endif
