/* How the pixels of a matrix product are cut into tiles. */
#ifndef EXEC_GEMM_CUT_H
#define EXEC_GEMM_CUT_H

#include "exec/gemm.h"

struct gemm_cut {
    int64_t pixels;
    int64_t tiles; /* so many whole ones, then nearly even ones, so that 16 are 8 and 8, not 14 and 2 */
    int64_t whole;
    int64_t line;  /* pixels that are cut into tiles for themselves, or 0: all are one line */
    int64_t parts; /* tiles of a line */
};

struct gemm_cut gemm_cut_pixels(const struct gemm_job *job, int64_t pixels);
/* A tile's first pixel; behind the last tile: all pixels. */
int64_t gemm_tile_first(const struct gemm_cut *cut, int mr, int64_t tile);
/* Rows of the next call, of so many that are left: all whole tiles, if the product takes rows that are equally far
 * apart together and these are, else nearly even ones. */
int gemm_next_rows(const struct kernel_product *p, int64_t left, bool even);

#endif
