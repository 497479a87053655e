/* The level's table. */
#include "base/cpu.h"
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

#if defined(ISA_avx512)
#define BF16 &gemm_bf16_avx512
#define F16  &gemm_f16_avx512
#define HALF &gemm_f32_avx2
extern const struct kernel_product gemm_f32_avx2;
#else
#define F16  NULL
#define HALF &K(gemm_f32)
#endif

#if defined(ISA_avx512)
#define NORM norm_q8_avx2
#elif V_FUSES
#define NORM    K(norm_q8)
#define SOFTMAX K(softmax_q8)
#else
#define NORM    NULL
#define SOFTMAX NULL
#endif

#if V_FUSES
#define SUMS  K(sum_rows_q8)
#define LINES K(lines_q8)
#else
#define SUMS  NULL
#define LINES NULL
#endif

/* What levels that rest on this one share with it: all but products, depthwise convolutions and tables of bytes. */
#define LEVEL                                                                                                          \
    .vector = VL, .interleave_8 = K(interleave_8), .quantize_8 = K(quantize_8), .dequantize_8 = K(dequantize_8),       \
    .binary_q8 = K(binary_q8), .sum_rows_q8 = SUMS, .lines_q8 = LINES, .reduce_rows_q8 = K(reduce_rows_q8),            \
    .norm_q8 = NORM, .gemm_f32 = &K(gemm_f32), .gemm_half_f32 = HALF, .gemm_f16 = F16,                                 \
    .gemm_narrow_f32 = K(gemm_narrow_f32), .widen_narrow_f32 = K(widen_narrow_f32), .gemv_f32 = K(gemv_f32),           \
    .depthwise_f32 = K(depthwise_f32), .depthwise_pack_f32 = K(depthwise_pack_f32), .depthwise_q16 = &K(depthwise_q8), \
    .winograd_input_f32 = K(winograd_input_f32), .winograd_output_f32 = K(winograd_output_f32),                        \
    .winograd_filter_f32 = K(winograd_filter_f32), .unary_f32 = K(unary_f32), .binary_f32 = K(binary_f32),             \
    .scale_rows_f32 = K(scale_rows_f32), .scale_shift_f32 = K(scale_shift_f32), .reduce_rows_f32 = K(reduce_rows_f32), \
    .reduce_columns_f32 = K(reduce_columns_f32), .reduce_f32 = K(reduce_f32), .blend_f32 = K(blend_f32),               \
    .softmax_f32 = K(softmax_f32), .attend_f32 = K(attend_f32), .layer_norm_f32 = K(layer_norm_f32),                   \
    .lstm_cell_f32 = K(lstm_cell_f32), .gru_cell_f32 = K(gru_cell_f32), .gru_reset_f32 = K(gru_reset_f32),             \
    .f16_to_f32 = K(f16_to_f32), .f32_to_f16 = K(f32_to_f16), .bf16_to_f32 = K(bf16_to_f32),                           \
    .transpose_32 = K(transpose_32)

/* The table of a level that is this one, or rests on it. */
#define TABLE(name, features, split, bf16, u8, s8, small, depthwise, winograd, table, softmax, line)                 \
    {                                                                                                                  \
        .isa = STRING(name), .needs = NEEDS | (features), LEVEL, .gemm_split = (split), .gemm_bf16 = (bf16),       \
        .gemm_u8 = &(u8), .gemm_s8 = &(s8), .gemm_small = (small), .depthwise_q8 = &(depthwise),                       \
        .winograd_q8 = (winograd), .table_8 = (table), .softmax_q8 = (softmax), .line_8 = (line)                       \
    }

#if defined(ISA_avx512)
/* Without VNNI, products of bytes are those of AVX2. */
extern const struct kernel_product gemm_u8_avx2, gemm_s8_avx2, gemm_small_avx2[], gemm_u8_avx512vnni,
    gemm_s8_avx512vnni, gemm_u8_amx, gemm_s8_amx;
extern const struct kernel_depthwise depthwise_q8_avx512vnni;
extern const struct kernel_winograd_q8 winograd_q8_avx2, winograd_q8_avx512vnni;
const struct kernels kernels_avx512 =
    TABLE(avx512, 0, NULL, BF16, gemm_u8_avx2, gemm_s8_avx2, gemm_small_avx2, depthwise_q8_avx512, &winograd_q8_avx2,
          table_8_avx512, softmax_q8_avx2, line_8_avx2);
const struct kernels kernels_avx512vnni =
    TABLE(avx512vnni, CPU_VNNI512, NULL, BF16, gemm_u8_avx512vnni, gemm_s8_avx512vnni, NULL, depthwise_q8_avx512vnni,
          &winograd_q8_avx512vnni, table_8_avx512, softmax_q8_avx2, line_8_avx2);
const struct kernels kernels_avx512vbmi =
    TABLE(avx512vbmi, CPU_VNNI512 | CPU_VBMI, NULL, BF16, gemm_u8_avx512vnni, gemm_s8_avx512vnni, NULL,
          depthwise_q8_avx512vnni, &winograd_q8_avx512vnni, table_8_vbmi, softmax_q8_vbmi, NULL);
const struct kernels kernels_amx =
    TABLE(amx, CPU_VNNI512 | CPU_VBMI | CPU_BF16 | CPU_AMX_INT8 | CPU_AMX_BF16, &gemm_split_amx, &gemm_bf16_amx,
          gemm_u8_amx, gemm_s8_amx, NULL, depthwise_q8_avx512vnni, NULL, table_8_vbmi, softmax_q8_vbmi, NULL);
#elif defined(ISA_avx2)
extern const struct kernel_winograd_q8 winograd_q8_avx2;
const struct kernels kernels_avx2 =
    TABLE(avx2, 0, NULL, NULL, gemm_u8_avx2, gemm_s8_avx2, gemm_small_avx2, depthwise_q8_avx2, &winograd_q8_avx2,
          table_8_avx2, softmax_q8_avx2, line_8_avx2);
#else
const struct kernels K(kernels) = TABLE(ISA, 0, NULL, NULL, K(gemm_u8), K(gemm_s8), NULL, K(depthwise_q8), NULL,
                                        K(table_8), SOFTMAX, NULL);
#endif

#if defined(ISA_avx2)
extern const struct kernel_product gemm_u8_avxvnni, gemm_s8_avxvnni;
const struct kernels kernels_avxvnni = TABLE(avxvnni, CPU_AVXVNNI, NULL, NULL, gemm_u8_avxvnni, gemm_s8_avxvnni, NULL,
                                             depthwise_q8_avx2, NULL, table_8_avx2, softmax_q8_avx2, line_8_avx2);
#elif defined(ISA_neon)
extern const struct kernel_product gemm_u8_dotprod, gemm_s8_dotprod, gemm_u8_i8mm, gemm_s8_i8mm;
const struct kernels kernels_dotprod = TABLE(dotprod, CPU_DOTPROD, NULL, NULL, gemm_u8_dotprod, gemm_s8_dotprod, NULL,
                                             depthwise_q8_neon, NULL, table_8_neon, K(softmax_q8), NULL);
const struct kernels kernels_i8mm = TABLE(i8mm, CPU_DOTPROD | CPU_I8MM, NULL, NULL, gemm_u8_i8mm, gemm_s8_i8mm, NULL,
                                          depthwise_q8_neon, NULL, table_8_neon, K(softmax_q8), NULL);
#endif
