/* The functions of the naive oracle, kernel_reference(): kernel.h says what each does. Plain C, in order, in double. */
#ifndef KERNEL_REF_H
#define KERNEL_REF_H

#include "kernel/kernel.h"

/* The activation's definition. */
double act_ref(double x, struct kernel_act act);
/* What an epilogue of f32 makes of a sum; add NULL: no residual. */
double finish_ref(double sum, const float *add, bool add_last, struct kernel_act act);

/* In ref_gemm.c. */
extern const struct kernel_product gemm_f32_ref;

/* In ref_q8.c. */
extern const struct kernel_product gemm_u8_ref, gemm_s8_ref;
extern const struct kernel_depthwise depthwise_q8_ref;
void quantize_8_ref(void *out, const float *in, size_t n, float scale, const struct kernel_rounding *rounding);
void dequantize_8_ref(float *out, const void *in, size_t n, const struct kernel_byte *of);
void binary_q8_ref(const struct kernel_binary_q8 *b);
void sum_rows_q8_ref(const struct kernel_sum_q8 *s, const struct kernel_rows_q8 *r, size_t n);
void lines_q8_ref(const struct kernel_lines_q8 *l);
void reduce_rows_q8_ref(const struct kernel_reduce_q8 *d);
void interleave_8_ref(void *out, const void *in, ptrdiff_t step, size_t planes, size_t n);
void line_8_ref(void *out, const void *in, size_t n, const struct kernel_line *line);
void table_8_ref(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn);
void softmax_q8_ref(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s);
void norm_q8_ref(const struct kernel_strips_q8 *r, const struct kernel_norm_q8 *l);
void depthwise_f32_ref(const struct kernel_depthwise_f32 *d);
void depthwise_pack_f32_ref(float *packed, const float *w, ptrdiff_t c_step, int channels, int group, int taps);

/* In ref_winograd.c. */
void winograd_input_f32_ref(const struct kernel_winograd_input_f32 *w);
void winograd_output_f32_ref(const struct kernel_winograd_output_f32 *w);
void winograd_filter_f32_ref(float *out, size_t plane, int size, const float *w, size_t tap, size_t n);

/* In ref_eltwise.c. */
void unary_f32_ref(float *out, const float *in, size_t n, struct kernel_act act);
void binary_f32_ref(enum kernel_binary op, float *out, const float *a, int a_step, const float *b, int b_step, size_t n,
                    struct kernel_act act);
void scale_rows_f32_ref(float *out, const float *in, const float *scale, ptrdiff_t scale_step, size_t rows,
                        size_t columns);
void scale_shift_f32_ref(const struct kernel_scale_f32 *s);

/* In ref_reduce.c. */
void reduce_rows_f32_ref(const struct kernel_reduce_f32 *d);
void reduce_columns_f32_ref(enum kernel_reduce op, float *out, const float *in, ptrdiff_t step, size_t rows,
                            size_t channels, bool go_on);
float reduce_f32_ref(enum kernel_reduce op, const float *in, size_t n);
void blend_f32_ref(float *out, const float *const *row, const float *weight, int rows, size_t channels);

/* In ref_norm.c. */
void softmax_f32_ref(float *out, const float *in, size_t n, bool logarithm);
void layer_norm_f32_ref(const struct kernel_norm_f32 *d);

/* In ref_attend.c. */
void attend_f32_ref(const struct kernel_attend_f32 *a);

/* In ref_rnn.c. */
void gemm_narrow_f32_ref(const struct kernel_gemm *g, const struct kernel_narrow *w);
void widen_narrow_f32_ref(float *to, const void *panels, const struct kernel_narrow *w, int k, int n);
void gemv_f32_ref(float *c, const float *a, int k, const float *b, ptrdiff_t b_step, int n, const float *bias);
void lstm_cell_f32_ref(const struct kernel_rnn_f32 *r);
void gru_cell_f32_ref(const struct kernel_rnn_f32 *r);
void gru_reset_f32_ref(const struct kernel_rnn_f32 *r);

/* In ref_convert.c. */
void f16_to_f32_ref(float *out, const uint16_t *in, size_t n);
void f32_to_f16_ref(uint16_t *out, const float *in, size_t n);
void bf16_to_f32_ref(float *out, const uint16_t *in, size_t n);
void transpose_32_ref(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows, size_t columns);

#endif
