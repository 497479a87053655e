/* The level's table. */
#include "base/cpu.h"
#include "kernel/isa/gemm_f32.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

#if defined(ISA_avx512)
#define NEEDS (CPU_AVX2 | CPU_AVX512)
#elif defined(ISA_avx2)
#define NEEDS CPU_AVX2
#elif defined(ISA_neon)
#define NEEDS CPU_NEON
#else
#define NEEDS 0
#endif

#define STRING_(name) #name
#define STRING(name)  STRING_(name)

const struct kernels K(kernels) = {
    .isa = STRING(ISA),
    .needs = NEEDS,
    .gemm_mr = GEMM_MR,
    .gemm_nr = 2 * VL,
    .vector = VL,
    .gemm_f32 = K(gemm_f32),
    .gemm_pack_f32 = K(gemm_pack_f32),
    .depthwise_f32 = K(depthwise_f32),
    .depthwise_pack_f32 = K(depthwise_pack_f32),
    .winograd_input_f32 = K(winograd_input_f32),
    .winograd_output_f32 = K(winograd_output_f32),
    .winograd_pack_f32 = K(winograd_pack_f32),
    .unary_f32 = K(unary_f32),
    .binary_f32 = K(binary_f32),
    .scale_shift_f32 = K(scale_shift_f32),
    .reduce_rows_f32 = K(reduce_rows_f32),
    .reduce_columns_f32 = K(reduce_columns_f32),
    .reduce_f32 = K(reduce_f32),
    .blend_f32 = K(blend_f32),
    .softmax_f32 = K(softmax_f32),
    .layer_norm_f32 = K(layer_norm_f32),
    .lstm_cell_f32 = K(lstm_cell_f32),
    .gru_cell_f32 = K(gru_cell_f32),
    .f16_to_f32 = K(f16_to_f32),
    .f32_to_f16 = K(f32_to_f16),
    .bf16_to_f32 = K(bf16_to_f32),
    .transpose_32 = K(transpose_32),
};
