/* The oracle's products of bytes. */
#include <math.h>

#include "kernel/ref.h"

#define PANEL  6
#define VECTOR 3
#define DEPTH  5 /* elements that count as multiplied together */
#define OFFSET 3 /* is added to every element of A */

static int panel_columns(int n)
{
    return n > VECTOR ? PANEL : VECTOR;
}

static ptrdiff_t run_length(const struct kernel_gemm *g)
{
    return (ptrdiff_t)(g->k + DEPTH - 1) / DEPTH * DEPTH;
}

/* Element l of tap t of a column of B. */
static int8_t element(const struct kernel_gemm *g, int t, int l, int column)
{
    int first = column / PANEL * PANEL, columns = panel_columns(g->n - first);
    const int8_t *panel = (const int8_t *)g->b + first * (g->b_tap ? g->b_taps : g->taps) * run_length(g);
    ptrdiff_t at = (g->b_tap ? g->b_tap[t] : t) * run_length(g) + l / DEPTH * DEPTH;
    return panel[at * columns + (column - first) * DEPTH + l % DEPTH];
}

static int32_t sum(const struct kernel_gemm *g, int row, int column, bool is_signed)
{
    const uint8_t *a = g->a[row];
    uint32_t sum = g->to.bias ? (uint32_t)((const int32_t *)g->to.bias)[column] : 0;
    sum += g->to.row_bias ? (uint32_t)g->to.row_bias[row] : 0;
    for (int t = 0; t < g->taps; t++)
        for (int l = 0; l < g->k; l++) {
            uint8_t x = a[g->tap[t] + l];
            sum += (uint32_t)(((is_signed ? (int8_t)x : x) + OFFSET) * element(g, t, l, column));
        }
    return (int32_t)sum;
}

static void store(const struct kernel_epilogue *to, void *c, int column, int32_t sum)
{
    float real =
        to->c == KERNEL_S32 ? 0 : (float)sum * to->multiplier[column] + (to->shift ? to->shift[column] : -0.0f);
    float q = nearbyintf(real);
    if (to->c == KERNEL_S32)
        ((int32_t *)c)[column] = sum;
    else if (to->c == KERNEL_F32)
        ((float *)c)[column] = fminf(fmaxf(real, to->rounding.low), to->rounding.high);
    else
        ((uint8_t *)c)[column] =
            (uint8_t)((int)fminf(fmaxf(q, to->rounding.low), to->rounding.high) + to->rounding.zero);
}

static void run(const struct kernel_gemm *g, bool is_signed)
{
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < g->n; j++)
            store(&g->to, g->c[i], j, sum(g, i, j, is_signed));
}

static void run_u8(const struct kernel_gemm *g)
{
    run(g, false);
}

static void run_s8(const struct kernel_gemm *g)
{
    run(g, true);
}

static void pack(void *packed, const void *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    int8_t *to = packed;
    const int8_t *from = b;
    for (int first = 0; first < n; first += PANEL)
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < k; i += DEPTH)
                for (int j = first; j < first + panel_columns(n - first); j++)
                    for (int l = i; l < i + DEPTH; l++)
                        *to++ = j < n && l < k ? from[t * tap_step + l * k_step + j * n_step] : 0;
}

#define PRODUCT(type, function)                                                                                        \
    {                                                                                                                  \
        .name = "gemm_q8", .a = type, .b = KERNEL_S8, .mr = 5, .nr = PANEL, .vector = VECTOR, .kr = DEPTH,             \
        .a_offset = OFFSET, .run = function, .pack = pack                                                              \
    }

const struct kernel_product gemm_u8_ref = PRODUCT(KERNEL_U8, run_u8);
const struct kernel_product gemm_s8_ref = PRODUCT(KERNEL_S8, run_s8);

static void run_depthwise(const struct kernel_depthwise_q8 *d)
{
    const int16_t *w = d->weight;
    for (int i = 0; i < d->rows * d->width; i++)
        for (int c = 0; c < d->channels; c++) {
            int x = i % d->width, y = i / d->width;
            int32_t sum = ((const int32_t *)d->to.bias)[c];
            for (int t = 0; t < d->taps; t++) {
                uint8_t in = d->x[y * d->x_row + x * d->x_step + d->tap[t] + c];
                sum += (d->is_signed ? (int8_t)in + KERNEL_DEPTHWISE_OFFSET : in) * w[c * d->taps + t];
            }
            store(&d->to, d->out + y * d->out_row + x * d->out_step, c, sum);
        }
}

static void pack_depthwise(void *packed, const int16_t *w, int channels, int taps)
{
    int16_t *to = packed;
    for (int i = 0; i < channels * taps; i++)
        to[i] = w[i];
}

const struct kernel_depthwise depthwise_q8_ref = {
    .channels = 1, .group = 1, .bytes = 2, .taps_max = INT32_MAX, .run = run_depthwise, .pack = pack_depthwise};

/* ---- element by element ---- */

static uint8_t byte_of(float x, const struct kernel_rounding *r)
{
    float q = nearbyintf(x);
    return (uint8_t)((int)fminf(q > r->low ? q : r->low, r->high) + r->zero);
}

static float real_of(const void *p, size_t i, const struct kernel_byte *of)
{
    float x = of->is_signed ? ((const int8_t *)p)[i] : ((const uint8_t *)p)[i];
    return (x - of->zero) * of->scale;
}

void quantize_8_ref(void *out, const float *in, size_t n, float scale, const struct kernel_rounding *rounding)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = byte_of(in[i] / scale, rounding);
}

void dequantize_8_ref(float *out, const void *in, size_t n, const struct kernel_byte *of)
{
    for (size_t i = 0; i < n; i++)
        out[i] = real_of(in, i, of);
}

void binary_q8_ref(const struct kernel_binary_q8 *b)
{
    for (size_t i = 0; i < b->n; i++) {
        float x = real_of(b->a, i * (size_t)b->a_step, &b->a_of), y = real_of(b->b, i * (size_t)b->b_step, &b->b_of);
        ((uint8_t *)b->out)[i] = byte_of((b->multiplies ? x * y : x + y) / b->scale, &b->rounding);
    }
}

void sum_rows_q8_ref(const struct kernel_sum_q8 *s, const struct kernel_rows_q8 *r, size_t n)
{
    for (int row = 0; row < r->rows; row++)
        for (size_t i = 0; i < n; i++) {
            float a = ((const uint8_t *)r->a[row])[i] ^ s->turn, b = ((const uint8_t *)r->b[row])[i] ^ s->turn;
            ((uint8_t *)r->out[row])[i] = byte_of(fmaf(a, s->a_factor, fmaf(b, s->b_factor, s->shift)), &s->rounding);
        }
}

void lines_q8_ref(const struct kernel_lines_q8 *l)
{
    for (size_t i = 0; i < l->rows * l->n; i++) {
        ptrdiff_t row = (ptrdiff_t)(i / l->n), c = (ptrdiff_t)(i % l->n);
        float x = l->in[row * l->in_step + c] ^ l->turn;
        l->out[row * l->out_step + c] = byte_of(fmaf(x, l->factor[c], l->shift[c]), &l->rounding);
    }
}

void reduce_rows_q8_ref(const struct kernel_reduce_q8 *d)
{
    const struct kernel_byte whole = {d->is_signed, 0, 1};
    for (size_t i = 0; i < d->channels * (size_t)d->width; i++) {
        ptrdiff_t place = (ptrdiff_t)(i / d->channels), c = (ptrdiff_t)(i % d->channels);
        size_t at = (size_t)(place * d->step + c);
        float largest = real_of(d->row[0], at, &whole);
        int32_t sum = d->bias;
        for (int k = 0; k < d->rows; k++) {
            float x = real_of(d->row[k], at, &whole);
            largest = fmaxf(largest, x);
            sum += (int32_t)x;
        }
        ((uint8_t *)d->out)[place * d->out_step + c] =
            d->mean ? byte_of((float)sum * d->multiplier, &d->rounding) : (uint8_t)(int32_t)largest;
    }
}

void interleave_8_ref(void *out, const void *in, ptrdiff_t step, size_t planes, size_t n)
{
    for (size_t i = 0; i < n * planes; i++)
        ((uint8_t *)out)[i] = ((const uint8_t *)in)[i / planes + i % planes * (size_t)step];
}

void table_8_ref(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = table[((const uint8_t *)in)[i] ^ turn];
}

void line_8_ref(void *out, const void *in, size_t n, const struct kernel_line *line)
{
    for (size_t i = 0; i < n; i++) {
        int x = (((const uint8_t *)in)[i] ^ line->in_turn) * line->factor / 256 + line->plus;
        x = (x < UINT16_MAX ? x : UINT16_MAX) - line->minus;
        ((uint8_t *)out)[i] = (uint8_t)((x > 0 ? x : 0) / 256 ^ line->out_turn);
    }
}
