/* The table of the naive oracle. */
#include "kernel/ref.h"

/* A tile of odd size and a vector of three show up whoever takes these for powers of two. */
static const struct kernels reference = {
    .isa = "reference",
    .vector = 3,
    .gemm_f32 = &gemm_f32_ref,
    .gemm_half_f32 = &gemm_f32_ref,
    .gemm_u8 = &gemm_u8_ref,
    .gemm_s8 = &gemm_s8_ref,
    .depthwise_q8 = &depthwise_q8_ref,
    .depthwise_q16 = &depthwise_q8_ref,
    .quantize_8 = quantize_8_ref,
    .dequantize_8 = dequantize_8_ref,
    .binary_q8 = binary_q8_ref,
    .sum_rows_q8 = sum_rows_q8_ref,
    .lines_q8 = lines_q8_ref,
    .reduce_rows_q8 = reduce_rows_q8_ref,
    .table_8 = table_8_ref,
    .softmax_q8 = softmax_q8_ref,
    .norm_q8 = norm_q8_ref,
    .line_8 = line_8_ref,
    .interleave_8 = interleave_8_ref,
    .gemm_narrow_f32 = gemm_narrow_f32_ref,
    .widen_narrow_f32 = widen_narrow_f32_ref,
    .gemv_f32 = gemv_f32_ref,
    .depthwise_f32 = depthwise_f32_ref,
    .depthwise_pack_f32 = depthwise_pack_f32_ref,
    .winograd_input_f32 = winograd_input_f32_ref,
    .winograd_output_f32 = winograd_output_f32_ref,
    .winograd_filter_f32 = winograd_filter_f32_ref,
    .unary_f32 = unary_f32_ref,
    .binary_f32 = binary_f32_ref,
    .scale_rows_f32 = scale_rows_f32_ref,
    .scale_shift_f32 = scale_shift_f32_ref,
    .reduce_rows_f32 = reduce_rows_f32_ref,
    .reduce_columns_f32 = reduce_columns_f32_ref,
    .reduce_f32 = reduce_f32_ref,
    .blend_f32 = blend_f32_ref,
    .softmax_f32 = softmax_f32_ref,
    .attend_f32 = attend_f32_ref,
    .layer_norm_f32 = layer_norm_f32_ref,
    .lstm_cell_f32 = lstm_cell_f32_ref,
    .gru_cell_f32 = gru_cell_f32_ref,
    .gru_reset_f32 = gru_reset_f32_ref,
    .f16_to_f32 = f16_to_f32_ref,
    .f32_to_f16 = f32_to_f16_ref,
    .bf16_to_f32 = bf16_to_f32_ref,
    .transpose_32 = transpose_32_ref,
};

const struct kernels *kernel_reference(void)
{
    return &reference;
}
