/* Functions of bytes that are a line for each channel: scale and shift between bytes, and sums and products with
 * another operand's byte, one for all pixels.
 *
 * They round as the operators they stand for: a line is taken when it gives the right byte for each of 256. Those that
 * real numbers would have are where it is looked for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/lower_quant.h"

#define BYTES QUANT_BYTES

/* Above it rounding might leave what an s32 holds. */
#define NUMBER_MOST 0x1p20
/* Room for a line's shift, from which on a multiply-add's own rounding does not matter. */
#define ROOM_ENOUGH  1e-4
#define FACTOR_STEPS 16

/* Each byte says between which numbers a line of this factor must be shifted; the factor at which these are furthest
 * apart is found by halves: where a larger byte bounds the shift from above, a lesser factor is better. */
static void find_line(const struct kernel_lines_q8 *l, const uint8_t *want, float *factor, float *shift)
{
    const struct kernel_rounding *r = &l->rounding;
    const double near = fabs(*factor) / 4096;
    double low = *factor - near, high = *factor + near, widest = -INFINITY;
    float at = *factor;
    for (int i = 0; i < FACTOR_STEPS && widest < ROOM_ENOUGH; i++) {
        double least = -NUMBER_MOST, most = NUMBER_MOST;
        int up = 0, down = 0;
        for (int x = 0; x < BYTES; x++) {
            uint8_t byte = want[(size_t)(x ^ l->turn) * l->n];
            double q = (r->low + (float)r->zero < 0 ? (int8_t)byte : byte) - r->zero, over = q - (double)at * x;
            if (q > r->low && over - 0.5 > least)
                least = over - 0.5, up = x;
            if (q < r->high && over + 0.5 < most)
                most = over + 0.5, down = x;
        }
        if (most - least > widest) {
            widest = most - least;
            *factor = at;
            *shift = (float)((least + most) / 2);
        }
        *(up < down ? &high : &low) = at;
        at = (float)((low + high) / 2);
    }
}

/* Makes lines that give want[byte][column] of factors near those that there are. */
static bool find_lines(const struct kernels *k, const struct kernel_lines_q8 *given, const uint8_t *want, float *factor,
                       float *shift)
{
    const size_t n = given->n;
    struct kernel_lines_q8 l = *given;
    uint8_t *in = mem_calloc(2 * BYTES, n, NULL);
    if (!in)
        return false;
    l.in_step = l.out_step = (ptrdiff_t)n;
    l.rows = BYTES;
    l.factor = factor;
    l.shift = shift;
    l.in = in;
    l.out = in + BYTES * n;
    bool found = true;
    for (size_t i = 0; i < n && found; i++) {
        find_line(&l, want + i, factor + i, shift + i);
        found = fabsf(factor[i]) < NUMBER_MOST;
    }
    for (size_t i = 0; i < BYTES * n; i++)
        in[i] = (uint8_t)(i / n);
    if (found)
        k->lines_q8(&l);
    found = found && memcmp(l.out, want, BYTES * n) == 0;
    free(in);
    return found;
}

struct lines_args {
    struct view out, x, by;
    struct nest nest;
    const struct kernels *kernels;
    struct kernel_lines_q8 lines; /* but for places */
    const float *line;            /* where there is a view `by`: factors of its bytes, then shifts */
};

/* Lines of the bytes at `by`. */
static void take_lines(const float *line, const uint8_t *by, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = line[by[i]];
        to[n + i] = line[BYTES + by[i]];
    }
}

static void run_lines(const struct step *s, struct tile tile)
{
    const struct lines_args *a = s->args;
    struct kernel_lines_q8 l = a->lines;
    const uint8_t *taken = NULL;
    float *line = tile.scratch;
    for (int64_t i = tile.first; i < tile.last; i += (int64_t)l.rows) {
        ptrdiff_t at[3];
        nest_at(&a->nest, 3, i, at);
        l.rows = (size_t)nest_run(&a->nest, i, tile.last);
        l.out = (uint8_t *)view_data(&a->out) + at[0];
        l.in = (const uint8_t *)view_data(&a->x) + at[1];
        const uint8_t *by = a->line ? (const uint8_t *)view_data(&a->by) + at[2] : NULL;
        if (by != taken) {
            take_lines(a->line, by, l.n, line);
            l.factor = line;
            l.shift = line + l.n;
        }
        taken = by;
        a->kernels->lines_q8(&l);
    }
}

/* Makes rows of `axis`, which has stride 1. */
static int emit_lines(struct plan *p, const struct node *n, struct lines_args *a, int axis, struct error *err)
{
    struct view out = a->out, x = a->x, by = a->by;
    int64_t count = view_count(&out);
    out.dims[axis] = x.dims[axis] = by.dims[axis] = 1;
    nest_make(&a->nest, (const struct view *const[]){&out, &x, &by}, 3);
    int inner = a->nest.rank++;
    a->nest.dims[inner] = (int64_t)a->lines.n;
    a->kernels = p->kernels;
    a->lines.out_step = nest_step(&a->nest, 0);
    a->lines.in_step = nest_step(&a->nest, 1);
    int64_t rows = nest_outer(&a->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "lines_q8",
                                    .run = run_lines,
                                    .args = a,
                                    .units = rows,
                                    .tiles = plan_tiles((double)count, 32768, rows),
                                    .scratch = a->line ? 2 * sizeof(float) * a->lines.n : 0},
                     err, PLAN_WRITES(&a->out, &a->x, &a->by));
}

int exec_quant_scale(struct plan *p, const struct node *n, const struct view *out, const struct view *x,
                     const struct quant_rows *rows, const struct kernel_scale_f32 *scale, struct error *err)
{
    const struct kernels *k = p->kernels;
    struct lines_args *a = plan_alloc(p, sizeof *a, err);
    const size_t channels = (size_t)x->dims[1];
    float *line = plan_alloc(p, 2 * channels * sizeof *line, err);
    if (!a || !line)
        return -1;
    *a = (struct lines_args){.out = *out, .x = *x};
    a->lines = (struct kernel_lines_q8){
        .n = channels, .turn = rows->from.is_signed ? BYTES / 2 : 0, .factor = line, .shift = line + channels};
    if (!k->lines_q8 || channels < 2 * (size_t)k->vector || !exec_quant_rounding(n, &rows->to, &a->lines.rounding))
        return 1;
    uint8_t *want = mem_calloc(BYTES, channels, err);
    struct kernel_scale_f32 row = *scale;
    row.in = row.out = line;
    row.rows = 1;
    for (size_t i = 0; want && i < BYTES; i++) {
        uint8_t *to = want + i * channels;
        memset(to, (int)i, channels);
        k->dequantize_8(line, to, channels, &rows->from);
        k->scale_shift_f32(&row);
        k->quantize_8(to, line, channels, rows->to.scale, &rows->rounding);
    }
    for (size_t i = 0; i < channels; i++)
        line[i] = (scale->scale ? scale->scale[i] : 1) * rows->from.scale / rows->to.scale;
    bool found = want && find_lines(k, &a->lines, want, line, line + channels);
    free(want);
    return !want ? -1 : found ? emit_lines(p, n, a, 1, err) : 1;
}

/* ---- sums and products with a byte for each channel ---- */

/* The axis of which `by` has elements, all in a row like those of x and the result; -1: there is none. */
static int column_axis(const struct view *out, const struct view *x, const struct view *by)
{
    for (int i = 0; i < out->rank; i++)
        if (out->dims[i] > 1 && out->stride[i] == 1)
            return x->stride[i] == 1 && by->stride[i] == 1 ? i : -1;
    return -1;
}

/* Rows for which a byte's line must serve, or it is found for too few. */
#define ROWS_LEAST 8

/* The elements that a view repeats. */
static int64_t repeats(const struct view *v)
{
    int64_t count = 1;
    for (int i = 0; i < v->rank; i++)
        count *= v->stride[i] == 0 ? v->dims[i] : 1;
    return count;
}

int exec_quant_by_column(struct plan *p, const struct node *n, const struct view *out, const struct view *x,
                         const struct view *by, const struct kernel_binary_q8 *b, struct error *err)
{
    const struct kernels *k = p->kernels;
    int axis = column_axis(out, x, by);
    if (!k->lines_q8 || axis < 0 || out->dims[axis] < 2 * k->vector || repeats(by) < ROWS_LEAST)
        return 1;
    struct lines_args *a = plan_alloc(p, sizeof *a, err);
    float *line = plan_alloc(p, 2 * BYTES * sizeof *line, err);
    uint8_t(*want)[BYTES] = a && line ? mem_calloc(BYTES, sizeof *want, err) : NULL;
    if (!want)
        return -1;
    *a = (struct lines_args){.out = *out, .x = *x, .by = *by, .line = line};
    a->lines = (struct kernel_lines_q8){.n = BYTES, .turn = b->a_of.is_signed ? BYTES / 2 : 0, .rounding = b->rounding};
    exec_quant_list(k, b, want);
    for (int i = 0; i < BYTES; i++) {
        float real = ((float)(b->b_of.is_signed ? (int8_t)i : i) - b->b_of.zero) * b->b_of.scale;
        line[i] = (b->multiplies ? real : 1) * b->a_of.scale / b->scale;
    }
    bool found = find_lines(k, &a->lines, want[0], line, line + BYTES);
    free(want);
    a->lines.n = (size_t)out->dims[axis];
    return found ? emit_lines(p, n, a, axis, err) : 1;
}
