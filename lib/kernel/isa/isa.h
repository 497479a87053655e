/* The functions that every level compiles: K(gemm_f32) is gemm_f32_avx512 in the level that -DISA=avx512 makes. */
#ifndef KERNEL_ISA_ISA_H
#define KERNEL_ISA_ISA_H

#include "kernel/kernel.h"

#define KERNEL_JOIN_(a, b) a##_##b
#define KERNEL_JOIN(a, b)  KERNEL_JOIN_(a, b)
#define K(name)            KERNEL_JOIN(name, ISA)

/* Described in kernel.h, under the same names. */
extern const struct kernel_product K(gemm_f32), K(gemm_u8), K(gemm_s8), K(gemm_small)[], gemm_f32_avx512,
    gemm_bf16_avx512, gemm_bf16_amx, gemm_bf16_rounded_amx, gemm_split_amx, gemm_f16_avx512;
void K(gemm_narrow_f32)(const struct kernel_gemm *g, const struct kernel_narrow *w);
void K(widen_narrow_f32)(float *to, const void *panels, const struct kernel_narrow *w, int k, int n);
void K(gemv_f32)(float *c, const float *a, int k, const float *b, ptrdiff_t b_step, int n, const float *bias);
void K(depthwise_f32)(const struct kernel_depthwise_f32 *d);
void K(depthwise_pack_f32)(float *packed, const float *w, ptrdiff_t c_step, int channels, int group, int taps);

extern const struct kernel_depthwise K(depthwise_q8);

void K(quantize_8)(void *out, const float *in, size_t n, float scale, const struct kernel_rounding *rounding);
void K(dequantize_8)(float *out, const void *in, size_t n, const struct kernel_byte *of);
void K(binary_q8)(const struct kernel_binary_q8 *b);
void K(sum_rows_q8)(const struct kernel_sum_q8 *s, const struct kernel_rows_q8 *r, size_t n);
void K(lines_q8)(const struct kernel_lines_q8 *l);
void K(reduce_rows_q8)(const struct kernel_reduce_q8 *d);
void K(interleave_8)(void *out, const void *in, ptrdiff_t step, size_t planes, size_t n);
void K(table_8)(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn);
void K(softmax_q8)(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s);
void softmax_q8_avx2(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s);
void norm_q8_avx2(const struct kernel_strips_q8 *r, const struct kernel_norm_q8 *l);
void softmax_q8_vbmi(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s);
void K(norm_q8)(const struct kernel_strips_q8 *r, const struct kernel_norm_q8 *l);
void line_8_avx2(void *out, const void *in, size_t n, const struct kernel_line *line);
void table_8_vbmi(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn);

void K(winograd_input_f32)(const struct kernel_winograd_input_f32 *w);
void K(winograd_output_f32)(const struct kernel_winograd_output_f32 *w);
void K(winograd_filter_f32)(float *out, size_t plane, int size, const float *w, size_t tap, size_t n);

void K(unary_f32)(float *out, const float *in, size_t n, struct kernel_act act);
void K(binary_f32)(enum kernel_binary op, float *out, const float *a, int a_step, const float *b, int b_step, size_t n,
                   struct kernel_act act);
void K(scale_rows_f32)(float *out, const float *in, const float *scale, ptrdiff_t scale_step, size_t rows,
                       size_t columns);
void K(scale_shift_f32)(const struct kernel_scale_f32 *s);

void K(reduce_rows_f32)(const struct kernel_reduce_f32 *d);
void K(reduce_columns_f32)(enum kernel_reduce op, float *out, const float *in, ptrdiff_t step, size_t rows,
                           size_t channels, bool go_on);
float K(reduce_f32)(enum kernel_reduce op, const float *in, size_t n);
void K(blend_f32)(float *out, const float *const *row, const float *weight, int rows, size_t channels);

void K(softmax_f32)(float *out, const float *in, size_t n, bool log);
void K(attend_f32)(const struct kernel_attend_f32 *a);
void K(layer_norm_f32)(const struct kernel_norm_f32 *d);

void K(lstm_cell_f32)(const struct kernel_rnn_f32 *r);
void K(gru_cell_f32)(const struct kernel_rnn_f32 *r);
void K(gru_reset_f32)(const struct kernel_rnn_f32 *r);

void K(f16_to_f32)(float *out, const uint16_t *in, size_t n);
void K(f32_to_f16)(uint16_t *out, const float *in, size_t n);
void K(bf16_to_f32)(float *out, const uint16_t *in, size_t n);
void K(transpose_32)(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows, size_t columns);

extern const struct kernels K(kernels);

/* Tables of levels that rest on another. */
extern const struct kernels kernels_amx, kernels_avx512vbmi, kernels_avx512vnni, kernels_avxvnni, kernels_dotprod,
    kernels_i8mm;

#endif
