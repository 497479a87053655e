/* The tile's shape: GEMM_MR rows times two vectors, as many accumulators as leave registers for a row's element and two
 * vectors of B. */
#ifndef KERNEL_ISA_GEMM_F32_H
#define KERNEL_ISA_GEMM_F32_H

#if defined(ISA_avx512)
#define GEMM_MR 14
#elif defined(ISA_avx2)
#define GEMM_MR 6
#elif defined(ISA_neon)
#define GEMM_MR 8
#else
#define GEMM_MR 4
#endif

#endif
