/* Compute on pointers and sizes. A level ("generic", "avx2", …) is a table of functions, all compiled from the same
 * sources in isa/; ref.c has the same table in naive C as the oracle of the tests.
 *
 * Every result is one fixed chain of operations per output element, so that the way the work is cut into calls does not
 * change a bit. Loads never go beyond what is named, stores are exact. NaN goes in, NaN comes out. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/product.h"

enum kernel_binary {
    KERNEL_ADD,
    KERNEL_SUB,
    KERNEL_MUL,
    KERNEL_DIV,
    KERNEL_MAX,
    KERNEL_MIN,
    KERNEL_POW,
    KERNEL_PRELU,
    KERNEL_BINARIES
};

enum kernel_reduce {
    KERNEL_SUM,
    KERNEL_SUM_SQUARE,
    KERNEL_SUM_ABS,
    KERNEL_REDUCE_MAX,
    KERNEL_REDUCE_MIN,
    KERNEL_PROD,
    KERNEL_REDUCES
};

/* Rows of a depthwise convolution: out[y][x][c] for 0 <= y < rows, 0 <= x < width. Output (y, x), tap (ky, kx) reads
 * row[y * row_step + ky] + (x * stride + kx * dilation - pad_left) * in_step + c, when that column lies in 0 <= column
 * < in_width and that row is not NULL; what lies outside counts as zero and is not read. */
struct kernel_depthwise_f32 {
    const float *const *row; /* column 0 of the input rows; NULL: above or below the image */
    int rows, row_step;
    ptrdiff_t in_step, out_step; /* floats from a pixel to the next */
    int in_width, width, channels, kernel_h, kernel_w, stride, dilation, pad_left;
    /* 2 and more: not depthwise, but each output sums over all of so many channels that stand together, and has as many
     * taps more; kernel_depthwise_groups() tells what is done. 0 or 1: over its own. */
    int group;
    const float *weight; /* made by depthwise_pack_f32 */
    const float *bias;   /* [channels], or NULL */
    const float *add;    /* residual, laid out like out but with add_step; or NULL */
    ptrdiff_t add_step, add_row;
    bool add_last;
    float *out;
    ptrdiff_t out_row; /* floats from a row to the next */
    struct kernel_act act;
};

/* (x - mean) / sqrt(var + epsilon) * scale + shift over each of some rows of n floats; out may be in. */
struct kernel_norm_f32 {
    float *out;
    const float *in;
    ptrdiff_t out_step, in_step; /* floats from a row to the next */
    int64_t rows;
    size_t n;
    const float *scale, *shift; /* [n], or NULL */
    float epsilon;
    bool mean; /* else RMS normalisation */
};

/* Rows of a depthwise convolution of bytes, exact: output x of row y is the sum over taps of what lies y * x_row + x *
 * x_step + tap[t] behind x. Every tap of every output is read. Steps are in bytes. */
struct kernel_depthwise_q8 {
    const uint8_t *x;
    const ptrdiff_t *tap; /* [taps] */
    ptrdiff_t x_step, out_step, x_row, out_row;
    int taps, rows, width, channels;
    bool is_signed;
    const void *weight; /* made by pack() */
    /* To bytes or s32; the bias takes KERNEL_DEPTHWISE_OFFSET off elements that are signed. */
    struct kernel_epilogue to;
    uint8_t *out;
};
#define KERNEL_DEPTHWISE_OFFSET 128

struct kernel_depthwise {
    int channels, group; /* that are done together, and taps: weights are rounded up to as many */
    int bytes;           /* of a packed weight */
    bool slides;         /* windows of kernel_depthwise_slides() take two thirds of the time */
    int taps_max;
    void (*run)(const struct kernel_depthwise_q8 *d);
    /* Weight (c, tap), of s8 where it is depthwise_q8, at w[c * taps + tap]; kernel_depthwise_q8_packed() bytes are
     * written. */
    void (*pack)(void *packed, const int16_t *w, int channels, int taps);
};
size_t kernel_depthwise_q8_packed(const struct kernel_depthwise *d, size_t channels, size_t taps);
/* Whether taps are rows of three pixels, and x_step is one or two of them. */
bool kernel_depthwise_slides(const struct kernel_depthwise_q8 *d);

/* What a byte stands for: (x - zero) * scale, in f32. */
struct kernel_byte {
    bool is_signed;
    float zero, scale;
};

/* out[i] = bytes of (a op b) / scale, where a and b are what a[i * a_step] and b[i * b_step] stand for, steps 0 or 1,
 * and op is + or *. out may be a or b. */
struct kernel_binary_q8 {
    bool multiplies;
    const void *a, *b;
    int a_step, b_step;
    struct kernel_byte a_of, b_of;
    float scale;
    struct kernel_rounding rounding;
    void *out;
    size_t n;
};

/* out[x * out_step + c] = op over r of row[r][x * step + c], in the order of r, times `scale` (1/n of a mean; ignored
 * by max, min and prod), x < width. rows >= 1. */
struct kernel_reduce_f32 {
    enum kernel_reduce op;
    int rows, width;
    const void *const *row;
    ptrdiff_t step, out_step;
    size_t channels;
    float scale;
    float *out;
};

/* out may be a or b. */
struct kernel_rows_q8 {
    void *const *out;
    const void *const *a, *const *b;
    int rows;
};

/* Lines, one for each column: out[r * out_step + c] = bytes of factor[c] (in[r * in_step + c] ^ turn) + shift[c],
 * fused, of numbers below 2^31. Rows have two vectors or more; out is not in. */
struct kernel_lines_q8 {
    const uint8_t *in;
    uint8_t *out;
    ptrdiff_t in_step, out_step;
    size_t rows, n;
    uint8_t turn;
    const float *factor, *shift; /* [n] */
    struct kernel_rounding rounding;
};

/* Rows of n >= 64 bytes, each so far behind the one before; out is not in. */
struct kernel_strips_q8 {
    uint8_t *out;
    const uint8_t *in;
    ptrdiff_t out_step, in_step;
    size_t rows, n;
};

/* Softmax of a row: out[i] = bytes of w / (scale * the sum of the row's w), w of a byte d below the
 * row's largest being weight[255 - d], once byte ^ turn has made numbers of them. */
#define KERNEL_SOFTMAX_WEIGHTS 512
struct kernel_softmax_q8 {
    const uint32_t *weight; /* [KERNEL_SOFTMAX_WEIGHTS] below 2^24, 0 from element 256 on */
    const uint8_t *plane;   /* [3][KERNEL_SOFTMAX_WEIGHTS], the weights' bytes, the lowest ones first */
    uint8_t turn;
    float scale;
    struct kernel_rounding rounding;
};

/* The sum of the weights from element `skip` on. */
uint64_t kernel_softmax_sum(const uint8_t *in, size_t n, const struct kernel_softmax_q8 *s, int skip);

/* out[i] = bytes of factor[i] (x - mean) / sqrt(variance + epsilon) + shift[i], of the row's x = byte ^ turn. Without
 * `mean`, RMS normalisation: of x - zero. Up to KERNEL_NORM_MOST bytes. */
#define KERNEL_NORM_MOST 65536
struct kernel_norm_q8 {
    uint8_t turn;
    bool mean;
    float zero;
    double epsilon;
    const float *factor, *shift;
    struct kernel_rounding rounding;
};

/* out[x * out_step + c] = over r of row[r][x * step + c] the largest, or bytes of (bias + sum) * multiplier, x < width.
 * rows >= 1; sums fit s32. */
struct kernel_reduce_q8 {
    const void *const *row;
    int rows, width;
    ptrdiff_t step, out_step;
    size_t channels;
    bool is_signed, mean;
    int32_t bias;
    float multiplier;
    struct kernel_rounding rounding;
    void *out;
};

/* One tile of Winograd's F(size x size, 3 x 3), size 2 or 4 (winograd.h), its (size + 2)² inputs at x: element (y, x)
 * of the transformed tile goes to plane y * (size + 2) + x of out, channels contiguous. */
struct kernel_winograd_input_f32 {
    int size, channels;
    const float *x;
    ptrdiff_t row, pixel; /* floats from a row of the tile to the next, from a pixel to the next */
    float *out;
    ptrdiff_t plane;
};

/* Back: out = act(Aᵀ sums A + bias + add) for the tile's first `height` rows of `width` pixels, 1 to size each. */
struct kernel_winograd_output_f32 {
    int size, channels, height, width;
    const float *sums; /* (size + 2)² planes */
    ptrdiff_t plane;
    const float *bias; /* [channels], or NULL */
    const float *add;  /* residual, or NULL */
    ptrdiff_t add_row, add_pixel;
    bool add_last;
    float *out;
    ptrdiff_t out_row, out_pixel;
    struct kernel_act act;
};

/* The same of F(4x4, 3x3) in whole numbers, from bytes to s16. */
struct kernel_winograd_input_q8 {
    int channels; /* kernel_winograd_q8's least, or more */
    bool is_signed;
    const uint8_t *x;
    ptrdiff_t row, pixel;
    int16_t *out;
    ptrdiff_t plane;
};

/* And back, to bytes. Sums of channels up to a whole vector are read. */
struct kernel_winograd_output_q8 {
    int channels, height, width;
    const int32_t *sums; /* 36 planes */
    ptrdiff_t plane;
    struct kernel_epilogue to;
    uint8_t *out;
    ptrdiff_t out_row, out_pixel;
};

struct kernel_winograd_q8 {
    int mr, few, nr; /* rows of multiply(), those that take less time than mr do (0: even ones are better), columns */
    int least;       /* channels */
    void (*input)(const struct kernel_winograd_input_q8 *w);
    /* As winograd_filter_f32, of n filters, a multiple of 2 nr. */
    void (*filter)(int16_t *out, ptrdiff_t plane, const int8_t *w, ptrdiff_t tap, ptrdiff_t n);
    /* A tile of rows of k s16, a multiple of 8, with a panel of [k / 2][nr][2] s16: nr sums of s32 each, added to what
     * there is if to.add is not NULL. */
    void (*multiply)(const struct kernel_gemm *g);
    void (*output)(const struct kernel_winograd_output_q8 *w);
};

/* n units of a recurrent layer at one time step: a gate's argument is the sum of what comes from the input and from the
 * state, gate g of unit i < step at g * step + i; behind all gates of these units stand those of the next `step` units,
 * which is a multiple of any vector then. Gates are in ONNX's order: i, o, f, c, or z, r, h. */
struct kernel_rnn_f32 {
    const float *in, *gates;
    const float *peephole; /* LSTM: of i, o, f; or NULL */
    ptrdiff_t step;
    float clip; /* of the arguments to [-clip, clip], when it is above zero */
    size_t n;
    const float *last; /* GRU: the state before */
    bool is_reset;     /* GRU: the candidate's part from the state has met the reset gate already */
    float *c;          /* LSTM: is updated */
    float *h;          /* the result; may be `last` */
};

#define KERNEL_PLANES_MAX 4

/* out[r][i] = act(in[r][i] * scale[i] + shift[i]) for r < rows, i < n; scale or shift may be NULL, out may be in. With
 * `below` only what is below zero is scaled (PRelu's slopes), and there is no shift. */
struct kernel_scale_f32 {
    float *out;
    const float *in;
    ptrdiff_t out_step, in_step; /* floats from a row to the next */
    size_t rows, n;
    const float *scale, *shift;
    bool below;
    struct kernel_act act;
};

/* Scores of n keys for each of some queries become weights, exp(score - largest), where the largest score and the sum
 * of the weights are kept over all calls for the same queries: they start as -inf and 0. What was summed of values
 * before is scaled as a larger score asks. In the end it is to be divided by the sum. */
struct kernel_attend_f32 {
    int rows; /* queries */
    size_t n;
    float *scores;            /* [rows][n] */
    ptrdiff_t step;           /* floats from a row to the next */
    float scale;              /* of the scores */
    const float *const *mask; /* [rows]: what is added to a row's scores then; or NULL */
    int mask_step;            /* 1, or 0: the same for all keys */
    const int *seen;          /* [rows] keys that a query sees, the first ones: the others weigh nothing; NULL: all n */
    float *largest, *sum;     /* [rows] */
    float *const *out;        /* [rows] of so many columns: sums of values so far */
    size_t columns;           /* 0: there are none */
};

/* out = sat(sat((in ^ in_turn) * factor / 256 + plus) - minus) / 256 ^ out_turn: divisions round down, sums saturate to
 * 16 bits. */
struct kernel_line {
    uint16_t factor, plus, minus;
    uint8_t in_turn, out_turn;
};

struct kernels {
    const char *isa;
    uint32_t needs; /* enum cpu_feature bits */
    int vector;     /* floats in a vector */
    /* From gemm_f32 on a table has no holes. NULL where products of bytes are as fast: */
    const struct kernel_winograd_q8 *winograd_q8;
    /* NULL, or products of f32 with 16-bit floats, for processors that have CPU_BF16, CPU_FP16. */
    const struct kernel_product *gemm_bf16, *gemm_f16;
    /* NULL, or, of u8 and s8, what is faster without b_tap where most elements of A are near the least one; behind
     * these the same about their zero point. */
    const struct kernel_product *gemm_small;
    const struct kernel_product *gemm_weights; /* NULL: gemm_f32; else what constant weights are multiplied by */
    const struct kernel_product *gemm_split;   /* NULL, or what multiplies many rows by gemm_f32's panels */
    /* NULL where v_fma is two operations. n elements, a multiple of two vectors, of each row: */
    void (*sum_rows_q8)(const struct kernel_sum_q8 *s, const struct kernel_rows_q8 *r, size_t n);
    void (*lines_q8)(const struct kernel_lines_q8 *l);
    void (*softmax_q8)(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s);
    void (*norm_q8)(const struct kernel_strips_q8 *r, const struct kernel_norm_q8 *l);
    /* What some tables of bytes hold, in fewer operations; NULL where there are not fewer. */
    void (*line_8)(void *out, const void *in, size_t n, const struct kernel_line *line);

    /* Products by the type of A: of f32 with f32, of bytes with s8. */
    const struct kernel_product *gemm_f32, *gemm_u8, *gemm_s8;
    const struct kernel_product *gemm_half_f32; /* in vectors of half the size, if there are such */
    /* The product of up to KERNEL_NARROW_ROWS rows with narrow panels, at g->b: gemm_f32's bits for widened ones. */
    void (*gemm_narrow_f32)(const struct kernel_gemm *g, const struct kernel_narrow *w);
    /* gemm_f32's panels of n columns. */
    void (*widen_narrow_f32)(float *to, const void *panels, const struct kernel_narrow *w, int k, int n);
    /* c[j] = the chain fma(a[i], b[i * b_step + j], c) over i < k, from 0, + bias[j] (NULL: none), for j < n. */
    void (*gemv_f32)(float *c, const float *a, int k, const float *b, ptrdiff_t b_step, int n, const float *bias);

    void (*depthwise_f32)(const struct kernel_depthwise_f32 *d);
    /* Weight (c, tap) at w[c * c_step + tap], into [blocks][taps][vector]: a block is as many whole groups as a vector
     * holds, or a vector where `group` is 1: then the last of several blocks is the last vector of channels. */
    void (*depthwise_pack_f32)(float *packed, const float *w, ptrdiff_t c_step, int channels, int group, int taps);

    const struct kernel_depthwise *depthwise_q8, *depthwise_q16; /* weights of s8; of s16 */

    /* Bytes of in / scale; what is no number becomes the least. */
    void (*quantize_8)(void *out, const float *in, size_t n, float scale, const struct kernel_rounding *rounding);
    void (*dequantize_8)(float *out, const void *in, size_t n, const struct kernel_byte *of);
    void (*binary_q8)(const struct kernel_binary_q8 *b);
    void (*reduce_rows_q8)(const struct kernel_reduce_q8 *d);
    /* out[i] = table[in[i] ^ turn], of 256; out may be in. */
    void (*table_8)(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn);
    /* out[i * planes + j] = in[i + j * step], i < n, j < planes; 2 to KERNEL_PLANES_MAX planes. */
    void (*interleave_8)(void *out, const void *in, ptrdiff_t step, size_t planes, size_t n);

    void (*winograd_input_f32)(const struct kernel_winograd_input_f32 *w);
    void (*winograd_output_f32)(const struct kernel_winograd_output_f32 *w);
    /* Transforms n filters side by side, tap t of filter i at w[t * tap + i], t < 9: element e of the (size + 2)² goes
     * to out[e * plane + i]. What lies as a packed panel of nine taps becomes as many panels of one. */
    void (*winograd_filter_f32)(float *out, size_t plane, int size, const float *w, size_t tap, size_t n);

    /* out[i] = act(in[i]); out may be in. */
    void (*unary_f32)(float *out, const float *in, size_t n, struct kernel_act act);
    /* out[i] = act(a[i * a_step] op b[i * b_step]), steps 0 or 1; out may be a or b. */
    void (*binary_f32)(enum kernel_binary op, float *out, const float *a, int a_step, const float *b, int b_step,
                       size_t n, struct kernel_act act);
    void (*scale_rows_f32)(float *out, const float *in, const float *scale, ptrdiff_t scale_step, size_t rows,
                           size_t columns); /* out[i][j] = in[i][j] * scale[i * scale_step] */
    void (*scale_shift_f32)(const struct kernel_scale_f32 *s);

    void (*reduce_rows_f32)(const struct kernel_reduce_f32 *d);
    /* out[c] = op over r of in[r * step + c], and of what out holds when `go_on`. */
    void (*reduce_columns_f32)(enum kernel_reduce op, float *out, const float *in, ptrdiff_t step, size_t rows,
                               size_t channels, bool go_on);
    /* op over n contiguous floats (lanes side by side first, then across: a fixed order). */
    float (*reduce_f32)(enum kernel_reduce op, const float *in, size_t n);

    /* out[c] = sum over r of weight[r] * row[r][c]: of fused multiply-adds on every level, with the same bits. */
    void (*blend_f32)(float *out, const float *const *row, const float *weight, int rows, size_t channels);

    void (*softmax_f32)(float *out, const float *in, size_t n, bool log);
    void (*attend_f32)(const struct kernel_attend_f32 *a);
    void (*layer_norm_f32)(const struct kernel_norm_f32 *d);

    /* One step of ONNX LSTM and GRU with their default activations; gru_reset_f32: h = reset gate * last, what the
     * candidate of a GRU that resets before its product is made of. */
    void (*lstm_cell_f32)(const struct kernel_rnn_f32 *r);
    void (*gru_cell_f32)(const struct kernel_rnn_f32 *r);
    void (*gru_reset_f32)(const struct kernel_rnn_f32 *r);

    void (*f16_to_f32)(float *out, const uint16_t *in, size_t n);
    void (*f32_to_f16)(uint16_t *out, const float *in, size_t n);
    void (*bf16_to_f32)(float *out, const uint16_t *in, size_t n);

    /* A 2-d transpose of 4-byte elements: out[j * out_step + i] = in[i * in_step + j], i < rows, j < columns; steps in
     * elements. */
    void (*transpose_32)(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows, size_t columns);
};

/* The best level that this processor offers, or the one named (NN_ISA); an unknown or unusable name fails with the list
 * of usable ones. */
const struct kernels *kernel_select(const char *isa, struct error *err);

/* All levels compiled in, best first, NULL-terminated, without regard to this processor. */
const struct kernels *const *kernel_levels(void);

/* The naive oracle, for tests. */
const struct kernels *kernel_reference(void);

/* The product of f32 for B of n columns. */
const struct kernel_product *kernel_gemm_f32(const struct kernels *k, size_t n);
/* gemm_weights where it is faster than gemm_f32 for so many rows of A with `depth` rows and n columns of weights; else
 * NULL. */
const struct kernel_product *kernel_gemm_weights(const struct kernels *k, size_t rows, size_t depth, size_t n);
/* The same of gemm_split, for `taps` runs of `depth` rows. */
const struct kernel_product *kernel_gemm_split(const struct kernels *k, size_t rows, size_t taps, size_t depth,
                                               size_t n);
/* The level's product with 16-bit floats of a type; NULL when it or this processor has none. */
const struct kernel_product *kernel_gemm_16(const struct kernels *k, enum kernel_type type);
/* The type of them that is multiplied faster than f32 here; KERNEL_F32 when none is. */
enum kernel_type kernel_fastest_type(const struct kernels *k);

/* Floats that gemm_f32->pack and depthwise_pack_f32 write; 0 when that does not fit a size_t. */
size_t kernel_gemm_packed(const struct kernels *k, size_t depth, size_t n);
size_t kernel_depthwise_packed(const struct kernels *k, size_t channels, size_t group, size_t taps);

/* Whether depthwise_f32 does groups of so many channels each. */
bool kernel_depthwise_groups(const struct kernels *k, int64_t group, int64_t channels, int64_t kernel_w, int64_t stride,
                             int64_t dilation);

/* Strided copy of elements of 1, 2, 4, 8 or 16 bytes: for every index vector i of dims[rank], out[Σ i·out_step] = in[Σ
 * i·in_step]; steps in elements, in_step may be 0 or negative. Reorders the axes so that the innermost loop is
 * contiguous or a 2-d transpose by k->transpose_32. Only the slices first <= i < last of the outermost axis (as given)
 * are done, so that threads can share one copy. */
void kernel_copy(const struct kernels *k, void *out, const ptrdiff_t *out_step, const void *in,
                 const ptrdiff_t *in_step, const int64_t *dims, int rank, size_t element, int64_t first, int64_t last);

#endif
