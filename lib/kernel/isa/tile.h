/* The tile of a matrix product: how many rows and vectors of sums are registers at once. */
#ifndef KERNEL_ISA_TILE_H
#define KERNEL_ISA_TILE_H

#include "kernel/isa/fetch.h"
#include "kernel/isa/isa.h"

/* GEMM_MR rows times two vectors: as many sums as leave registers for a row's element, two vectors of B, and a product
 * where the instruction set has no fused one. */
#if defined(ISA_avx512)
#define GEMM_MR 14
#elif defined(ISA_avx2)
#define GEMM_MR 6
#elif defined(ISA_neon)
#define GEMM_MR 8
#else
#define GEMM_MR 4
#endif

/* Steps of k at a time; the rows' pointers are only touched once in so many. */
#define GEMM_UNROLL (V_SMALL ? 1 : 4)

/* Bytes of B fetched ahead: the panels follow each other, so that the next one's beginning comes too. */
#ifndef GEMM_AHEAD
#define GEMM_AHEAD 2048
#endif

/* The same for so few rows that B comes from memory as fast as it can: more of it must be under way. */
#define GEMM_FAR      8192
#define GEMM_FAR_ROWS 2

/* The columns that lie in panels of two vectors; the rest of them, if any, is a panel of one. */
static inline int gemm_wide_columns(int n)
{
    int rest = n % (2 * VL);
    return rest > 0 && rest <= VL ? n - rest : n;
}

#endif
