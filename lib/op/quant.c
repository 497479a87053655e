/* Quantised tensors. */
#include "op/quant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "op/axes.h"
#include "op/conv.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

double quant_round(enum dtype dtype, double value)
{
    switch (dtype) {
    case DTYPE_F32:
        return (float)value;
    case DTYPE_F16:
        return half_f16_to_f32(half_f32_to_f16((float)value));
    case DTYPE_BF16:
        return half_bf16_to_f32(half_f32_to_bf16((float)value));
    default:
        return value;
    }
}

double quant_requantize(enum dtype dtype, double sum, const struct quant_column *column)
{
    float value = (float)(sum + column->bias) * column->multiplier + column->shift;
    return dtype == DTYPE_F32 ? value : real_saturate(dtype, (double)nearbyintf(value) + column->zero);
}

int quant_check(const struct op_eval *c, int scale, int zero, int64_t channels, struct error *err)
{
    const int inputs[2] = {scale, zero};
    for (int i = 0; i < 2; i++) {
        const struct tensor *t = eval_in(c, inputs[i]);
        if (t && t->count != 1 && (t->rank != 1 || t->count != channels))
            return eval_error(c, err, "input %d has %lld elements, want 1 or %lld", inputs[i], (long long)t->count,
                              (long long)channels);
    }
    return 0;
}

double quant_param(const struct op_eval *c, int input, int64_t i)
{
    const struct tensor *t = eval_in(c, input);
    return t ? tensor_get_f64(t, t->count == 1 ? 0 : i) : 0;
}

struct quant_column quant_column(const struct op_eval *c, int64_t channel, int64_t bias)
{
    const struct tensor *b = eval_in(c, 8);
    float y_scale = eval_in(c, 6) ? (float)quant_param(c, 6, 0) : 1;
    struct quant_column column = {.multiplier =
                                      (float)quant_param(c, 1, 0) * (float)quant_param(c, 4, channel) / y_scale,
                                  .shift = -0.0f, /* leaves a zero as it is */
                                  .zero = quant_param(c, 7, 0)};
    if (b && b->dtype == DTYPE_F32)
        column.shift = (float)tensor_get_f64(b, bias) / y_scale;
    else if (b)
        column.bias = tensor_get_f64(b, bias);
    return column;
}

enum dtype quant_result(const struct op_eval *c)
{
    return eval_in(c, 7) ? eval_in(c, 7)->dtype : DTYPE_F32;
}

double quant_average(const struct op_eval *c, int at, double sum, double count)
{
    struct quant_column mean = {.multiplier =
                                    (float)quant_param(c, at, 0) / ((float)quant_param(c, at + 2, 0) * (float)count),
                                .shift = -0.0f,
                                .zero = quant_param(c, at + 3, 0)};
    return quant_requantize(eval_in(c, 0)->dtype, sum, &mean);
}

/* ---- which scale an element has ---- */

/* The tensor as outer x size x inner; along the middle axis `block` elements share a scale: all of them per tensor, one
 * per axis. */
struct grid {
    bool per_tensor, per_block;
    int64_t outer, size, inner;
    int64_t block, blocks;
};

/* Works out the granularity from the scale's dims; all sizes may be symbols, of which nothing is asked. */
static int grid_check(const struct node *n, int rank, const int64_t *dims, int scale_rank, const int64_t *scale,
                      int *axis, bool *per_block, bool *per_tensor, struct error *err)
{
    int64_t at = op_int(n, "axis"), block = op_int(n, "block_size");
    if (block < 0)
        return error_set(err, "attribute block_size is %lld", (long long)block);
    *per_block = block > 0;
    *per_tensor = !*per_block && (scale_rank == 0 || (scale_rank == 1 && (scale[0] == 1 || rank == 0)));
    *axis = 0;
    if (*per_tensor)
        return scale_rank && scale[0] >= 0 && scale[0] != 1
                   ? error_set(err, "the scale has %lld elements, want one", (long long)scale[0])
                   : 0;
    if (rank == 1 && at == 1)
        at = 0; /* the default, which means nothing here */
    if (axes_one("attribute axis", at, rank, axis, err))
        return -1;
    if (!*per_block && (scale_rank != 1 || (scale[0] >= 0 && dims[*axis] >= 0 && scale[0] != dims[*axis])))
        return error_set(err, "the scale is no scalar, nor has it one element for each of axis %d", *axis);
    if (!*per_block)
        return 0;
    if (scale_rank != rank)
        return error_set(err, "the scale has %d dims, want %d with attribute block_size", scale_rank, rank);
    for (int i = 0; i < rank; i++) {
        int64_t want = i == *axis && dims[i] > 0 ? (dims[i] - 1) / block + 1 : dims[i];
        if (want >= 0 && scale[i] >= 0 && want != scale[i])
            return error_set(err, "dim %d of the scale is %lld, want %lld", i, (long long)scale[i], (long long)want);
    }
    return 0;
}

static int grid_init(struct grid *g, const struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *scale = eval_in(c, 1), *zero = eval_in(c, 2);
    int axis;
    if (grid_check(c->node, x->rank, x->dims, scale->rank, scale->dims, &axis, &g->per_block, &g->per_tensor, err))
        return real_eval_fail(c, err);
    if (zero && (zero->count != scale->count ||
                 (scale->count != 1 && real_want_dims(c, 2, "zero point", scale->rank, scale->dims, err))))
        return eval_error(c, err, "the zero point has %lld elements, the scale %lld", (long long)zero->count,
                          (long long)scale->count);
    g->outer = real_product(x->dims, 0, axis);
    g->size = x->rank ? x->dims[axis] : 1;
    g->inner = x->rank ? real_product(x->dims, axis + 1, x->rank) : 1;
    g->block = g->per_block ? op_int(c->node, "block_size") : 1;
    g->blocks = g->per_block && x->rank ? scale->dims[axis] : 0;
    return 0;
}

static int64_t grid_index(const struct grid *g, int64_t outer, int64_t i, int64_t inner)
{
    return g->per_tensor ? 0 : g->per_block ? (outer * g->blocks + i / g->block) * g->inner + inner : i;
}

/* Calls map() for every element with the scale and zero point that are its own. */
struct mapping {
    const struct tensor *x;
    struct tensor *y;
    enum dtype precision;
    bool saturate;
};

typedef void map_fn(const struct mapping *m, int64_t i, double scale, double zero);

static int grid_map(const struct grid *g, struct op_eval *c, const struct mapping *m, map_fn *map, struct error *err)
{
    const struct tensor *scale = eval_in(c, 1), *zero = eval_in(c, 2);
    double *scales = real_load(scale, err), *zeros = scales ? real_load_or(zero, scale->count, 0, err) : NULL;
    int64_t at = 0;
    for (int64_t o = 0; zeros && o < g->outer; o++)
        for (int64_t i = 0; i < g->size; i++)
            for (int64_t k = 0; k < g->inner; k++) {
                int64_t s = grid_index(g, o, i, k);
                map(m, at++, scales[s], zeros[s]);
            }
    int status = zeros ? 0 : -1;
    free(scales);
    free(zeros);
    return status;
}

static int infer_grid(struct op_infer *c, enum dtype dtype, struct error *err)
{
    const struct type *x = axes_ranked(c, 0), *scale = axes_ranked(c, 1);
    bool per_block, per_tensor;
    int axis;
    if (x && scale &&
        grid_check(c->node, x->rank, x->dims, scale->rank, scale->dims, &axis, &per_block, &per_tensor, err))
        return real_infer_fail(c, err);
    return infer_set(c, 0, dtype, x ? x->rank : -1, x ? x->dims : NULL, err);
}

/* ---- many at once ---- */

/* Elements [first, first + n), which share a scale and a zero point. */
typedef void run_fn(const struct tensor *x, struct tensor *y, int64_t first, int64_t n, float scale, float zero);

/* The zero points, for free(): one for each scale. */
static float *load_zeros(const struct op_eval *c, struct error *err)
{
    const struct tensor *scale = eval_in(c, 1), *zero = eval_in(c, 2);
    float *zeros = mem_calloc((size_t)scale->count, sizeof(*zeros), err);
    for (int64_t i = 0; zeros && zero && i < scale->count; i++)
        zeros[i] = (float)tensor_get_i64(zero, i);
    return zeros;
}

static int each_run(const struct op_eval *c, const struct grid *g, struct tensor *y, run_fn *map, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *scale = eval_in(c, 1);
    const float *scales = scale->data;
    float *zeros = load_zeros(c, err);
    int64_t run = g->per_tensor ? x->count : g->inner;
    for (int64_t at = 0, i = 0; zeros && at < x->count; at += run, i = (i + 1) % scale->count)
        map(x, y, at, run, scales[i], zeros[i]);
    free(zeros);
    return zeros ? 0 : -1;
}

/* ---- QuantizeLinear ---- */

static int quantize_dtype(const struct node *n, enum dtype zero, enum dtype *dtype, struct error *err)
{
    static const bool allowed[DTYPE_COUNT] = {
        [DTYPE_U8] = true,       [DTYPE_I8] = true,         [DTYPE_U16] = true,    [DTYPE_I16] = true,
        [DTYPE_U4] = true,       [DTYPE_I4] = true,         [DTYPE_U2] = true,     [DTYPE_I2] = true,
        [DTYPE_F8E4M3FN] = true, [DTYPE_F8E4M3FNUZ] = true, [DTYPE_F8E5M2] = true, [DTYPE_F8E5M2FNUZ] = true,
        [DTYPE_F4E2M1] = true,
    };
    int64_t want = op_int(n, "output_dtype");
    if (want && (want < 0 || want >= DTYPE_COUNT || !allowed[want]))
        return error_set(err, "attribute output_dtype is %lld, which is no quantised type", (long long)want);
    if (want && zero && want != (int64_t)zero)
        return error_set(err, "attribute output_dtype is %s, the zero point %s", dtype_info((enum dtype)want)->name,
                         dtype_info(zero)->name);
    *dtype = want ? (enum dtype)want : zero ? zero : DTYPE_U8;
    return 0;
}

int infer_quantize_linear(struct op_infer *c, struct error *err)
{
    enum dtype dtype;
    if (quantize_dtype(c->node, node_in(c->node, 2) ? infer_dtype(c, 2) : DTYPE_NONE, &dtype, err))
        return real_infer_fail(c, err);
    if (node_in(c->node, 2) && !infer_dtype(c, 2) && !op_int(c->node, "output_dtype"))
        dtype = DTYPE_NONE;
    return infer_grid(c, dtype, err);
}

static const enum half_f8 f8_formats[DTYPE_COUNT] = {
    [DTYPE_F8E4M3FN] = HALF_F8E4M3FN,
    [DTYPE_F8E4M3FNUZ] = HALF_F8E4M3FNUZ,
    [DTYPE_F8E5M2] = HALF_F8E5M2,
    [DTYPE_F8E5M2FNUZ] = HALF_F8E5M2FNUZ,
};

static double quotient(const struct mapping *m, int64_t i, double scale)
{
    double x = tensor_get_f64(m->x, i);
    return quant_round(m->precision, quant_round(m->precision, x) / quant_round(m->precision, scale));
}

static void quantize_int(const struct mapping *m, int64_t i, double scale, double zero)
{
    tensor_set_f64(m->y, i, real_saturate(m->y->dtype, nearbyint(quotient(m, i, scale)) + zero));
}

/* Adding and taking away 1.5 * 2^23 rounds a float that is smaller than 2^22 to a whole number, ties to even. */
#define ROUNDER 12582912.0f

/* Bounds first: they are whole numbers, so that rounding does not leave them. nan becomes the least. */
static inline int32_t quantize_one(float x, float scale, float least, float most)
{
    float q = x / scale;
    q = q > least ? q : least;
    q = q < most ? q : most;
    return (int32_t)(q + ROUNDER - ROUNDER);
}

static void quantize_run(const struct tensor *x, struct tensor *y, int64_t first, int64_t n, float scale, float zero)
{
    const float *in = (const float *)x->data + first;
    uint8_t *bytes = (uint8_t *)y->data + first;
    uint16_t *words = (uint16_t *)y->data + first;
    double low, high;
    real_int_range(y->dtype, &low, &high);
    float least = (float)low - zero, most = (float)high - zero;
    int32_t offset = (int32_t)zero;
    if (dtype_info(y->dtype)->bits == 8)
        for (int64_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(quantize_one(in[i], scale, least, most) + offset);
    else
        for (int64_t i = 0; i < n; i++)
            words[i] = (uint16_t)(quantize_one(in[i], scale, least, most) + offset);
}

/* Activations of a quantised network are many. */
static bool is_plain_quantize(const struct mapping *m, const struct tensor *scale, const struct grid *g)
{
    bool fits =
        m->y->dtype == DTYPE_U8 || m->y->dtype == DTYPE_I8 || m->y->dtype == DTYPE_U16 || m->y->dtype == DTYPE_I16;
    return fits && m->x->dtype == DTYPE_F32 && scale->dtype == DTYPE_F32 && m->precision == DTYPE_F32 && !g->per_block;
}

static void quantize_f8(const struct mapping *m, int64_t i, double scale, double zero)
{
    float value = (float)(quotient(m, i, scale) + zero);
    ((uint8_t *)m->y->data)[i] = half_f32_to_f8(value, f8_formats[m->y->dtype], m->saturate);
}

static void quantize_f4(const struct mapping *m, int64_t i, double scale, double zero)
{
    tensor_set_f64(m->y, i, quotient(m, i, scale) + zero);
}

int eval_quantize_linear(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *scale = eval_in(c, 1), *zero = eval_in(c, 2);
    int64_t precision = op_int(c->node, "precision");
    struct mapping m = {.x = x, .precision = scale->dtype, .saturate = op_int(c->node, "saturate") != 0};
    struct grid grid;
    enum dtype dtype;
    if (quantize_dtype(c->node, zero ? zero->dtype : DTYPE_NONE, &dtype, err))
        return real_eval_fail(c, err);
    if (precision && precision != DTYPE_F32 && precision != DTYPE_F16 && precision != DTYPE_BF16)
        return eval_error(c, err, "attribute precision is %lld, want that of f32 (1), f16 (10) or bf16 (16)",
                          (long long)precision);
    if (precision)
        m.precision = (enum dtype)precision;
    else if (scale->dtype == DTYPE_F8E8M0)
        m.precision = x->dtype;
    if (grid_init(&grid, c, err) || !(m.y = eval_out(c, 0, dtype, x->rank, x->dims, err)))
        return -1;
    double low, high;
    bool whole = real_int_range(dtype, &low, &high);
    if (is_plain_quantize(&m, scale, &grid))
        return each_run(c, &grid, m.y, quantize_run, err);
    return grid_map(&grid, c, &m, whole ? quantize_int : dtype == DTYPE_F4E2M1 ? quantize_f4 : quantize_f8, err);
}

/* ---- DequantizeLinear ---- */

static int dequantize_dtype(const struct node *n, enum dtype scale, enum dtype *dtype, struct error *err)
{
    int64_t want = op_int(n, "output_dtype");
    if (want && want != DTYPE_F32 && want != DTYPE_F16 && want != DTYPE_BF16)
        return error_set(err, "attribute output_dtype is %lld, want that of f32 (1), f16 (10) or bf16 (16)",
                         (long long)want);
    *dtype = want ? (enum dtype)want : scale == DTYPE_F8E8M0 ? DTYPE_F32 : scale;
    return 0;
}

int infer_dequantize_linear(struct op_infer *c, struct error *err)
{
    enum dtype dtype;
    if (dequantize_dtype(c->node, infer_dtype(c, 1), &dtype, err))
        return real_infer_fail(c, err);
    return infer_grid(c, dtype, err);
}

static void dequantize_run(const struct tensor *x, struct tensor *y, int64_t first, int64_t n, float scale, float zero)
{
    const int8_t *s = (const int8_t *)x->data + first;
    const uint8_t *u = (const uint8_t *)x->data + first;
    float *out = (float *)y->data + first;
    if (x->dtype == DTYPE_I8)
        for (int64_t i = 0; i < n; i++)
            out[i] = ((float)s[i] - zero) * scale;
    else
        for (int64_t i = 0; i < n; i++)
            out[i] = ((float)u[i] - zero) * scale;
}

/* A run of n bytes, each with its own. */
static void dequantize_row(float *out, const struct tensor *x, int64_t first, int64_t n, const float *scale,
                           const float *zero)
{
    const int8_t *s = (const int8_t *)x->data + first;
    const uint8_t *u = (const uint8_t *)x->data + first;
    out += first;
    if (x->dtype == DTYPE_I8)
        for (int64_t i = 0; i < n; i++)
            out[i] = ((float)s[i] - zero[i]) * scale[i];
    else
        for (int64_t i = 0; i < n; i++)
            out[i] = ((float)u[i] - zero[i]) * scale[i];
}

/* Weights of 8 bits are many: one scale, or one for each of the axis, in single precision, which is exact to rounding
 * here as there. */
static bool is_plain_dequantize(const struct tensor *x, const struct tensor *scale, const struct tensor *y,
                                const struct grid *g)
{
    return (x->dtype == DTYPE_I8 || x->dtype == DTYPE_U8) && scale->dtype == DTYPE_F32 && y->dtype == DTYPE_F32 &&
           !g->per_block;
}

static int dequantize_plain(const struct op_eval *c, const struct grid *g, struct tensor *y, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *scale = eval_in(c, 1);
    if (g->per_tensor || g->inner > 1)
        return each_run(c, g, y, dequantize_run, err);
    float *zeros = load_zeros(c, err);
    for (int64_t at = 0; zeros && at < x->count; at += scale->count)
        dequantize_row(y->data, x, at, scale->count, scale->data, zeros);
    free(zeros);
    return zeros ? 0 : -1;
}

static void dequantize(const struct mapping *m, int64_t i, double scale, double zero)
{
    double value = (tensor_get_f64(m->x, i) - zero) * scale;
    real_write(m->y, i, 1, &value);
}

int eval_dequantize_linear(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct mapping m = {.x = x};
    struct grid grid;
    enum dtype dtype;
    if (dequantize_dtype(c->node, eval_in(c, 1)->dtype, &dtype, err))
        return real_eval_fail(c, err);
    if (grid_init(&grid, c, err) || !(m.y = eval_out(c, 0, dtype, x->rank, x->dims, err)))
        return -1;
    return is_plain_dequantize(x, eval_in(c, 1), m.y, &grid) ? dequantize_plain(c, &grid, m.y, err)
                                                             : grid_map(&grid, c, &m, dequantize, err);
}

/* ---- DynamicQuantizeLinear ---- */

int infer_dynamic_quantize_linear(struct op_infer *c, struct error *err)
{
    const struct type *x = axes_ranked(c, 0);
    if (infer_set(c, 0, DTYPE_U8, x ? x->rank : -1, x ? x->dims : NULL, err) ||
        infer_set(c, 1, DTYPE_F32, 0, NULL, err))
        return -1;
    return infer_set(c, 2, DTYPE_U8, 0, NULL, err);
}

float quant_dynamic(float low, float high, double *zero)
{
    float scale = high > low ? (high - low) / 255 : 1; /* all zeros: any scale will do, but 0 */
    *zero = real_saturate(DTYPE_U8, -low / scale);
    return scale;
}

int eval_dynamic_quantize_linear(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    const float *from = x->data;
    float low = 0, high = 0;
    struct tensor *y = eval_out(c, 0, DTYPE_U8, x->rank, x->dims, err);
    struct tensor *y_scale = y ? eval_out(c, 1, DTYPE_F32, 0, NULL, err) : NULL;
    struct tensor *y_zero = y_scale ? eval_out(c, 2, DTYPE_U8, 0, NULL, err) : NULL;
    if (!y_zero)
        return -1;
    for (int64_t i = 0; i < x->count; i++) {
        low = from[i] < low ? from[i] : low;
        high = from[i] > high ? from[i] : high;
    }
    double zero;
    float scale = quant_dynamic(low, high, &zero);
    *(float *)y_scale->data = scale;
    *(uint8_t *)y_zero->data = (uint8_t)zero;
    for (int64_t i = 0; i < x->count; i++)
        ((uint8_t *)y->data)[i] = (uint8_t)real_saturate(DTYPE_U8, (double)nearbyintf(from[i] / scale) + zero);
    return 0;
}

/* ---- QLinearConv ---- */

int infer_qlinear_conv(struct op_infer *c, struct error *err)
{
    const struct type *w = real_type(c, 3);
    if (infer_want_channels(c, 8, w->rank > 0 ? w->dims[0] : DIM_UNKNOWN, err) < 0)
        return -1;
    return conv_infer(c, 0, 3, infer_dtype(c, 7), err);
}

struct requantize {
    const struct op_eval *c;
    struct tensor *y;
};

static void store_requantized(const struct conv *conv, int64_t image, int64_t channel, int64_t first, int count,
                              double *sums)
{
    const struct requantize *r = conv->user;
    int64_t at = (image * conv->out_channels + channel) * conv->out_size + first;
    const struct quant_column column = quant_column(r->c, channel, channel);
    for (int i = 0; i < count; i++)
        sums[i] = quant_requantize(r->y->dtype, sums[i], &column);
    real_write(r->y, at, count, sums);
}

static int qlinear_conv(struct op_eval *c, struct conv *conv, struct requantize *r, double *w_zero, struct error *err)
{
    for (int64_t i = 0; i < conv->out_channels; i++)
        w_zero[i] = quant_param(c, 5, i);
    conv->x_zero = quant_param(c, 2, 0);
    conv->w_zero = w_zero;
    conv->store = store_requantized;
    conv->user = r;
    r->y = eval_out(c, 0, quant_result(c), conv->rank, conv->dims, err);
    return r->y ? conv_run(conv, err) : -1;
}

int eval_qlinear_conv(struct op_eval *c, struct error *err)
{
    struct conv conv;
    struct requantize r = {.c = c};
    if (conv_init(&conv, c, eval_in(c, 0), eval_in(c, 3), eval_in(c, 8), err) || quant_check(c, 1, 2, 1, err) ||
        quant_check(c, 4, 5, conv.out_channels, err) || quant_check(c, 6, 7, 1, err))
        return -1;
    double *w_zero = real_new(conv.out_channels, 1, err);
    int status = w_zero ? qlinear_conv(c, &conv, &r, w_zero, err) : -1;
    free(w_zero);
    return status;
}
