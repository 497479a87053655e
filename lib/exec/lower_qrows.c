/* Softmax and layer normalisation whose rows are bytes on both sides. */
#include <math.h>

#include "exec/lower_quant.h"

enum {
    BYTES = 256,
    LEAST = 64, /* bytes of a row */
};

/* Other scales might give factors that are no numbers. */
static bool is_usual(float scale)
{
    return scale > 1e-20f && scale < 1e20f;
}

static bool is_bytes(const struct plan *p, const struct quant_rows *rows, size_t n)
{
    return p->kernels->softmax_q8 && rows->reads && rows->writes && n >= LEAST && is_usual(rows->to.scale);
}

static uint8_t turn_of(const struct kernel_byte *of)
{
    return of->is_signed ? 0x80 : 0;
}

int64_t exec_quant_strips(const struct nest *nest, const struct view *out, const struct view *in, int64_t first,
                          int64_t last, size_t n, struct kernel_strips_q8 *to)
{
    ptrdiff_t at[2];
    int64_t rows = nest_run(nest, first, last);
    nest_at(nest, 2, first, at);
    *to = (struct kernel_strips_q8){.out = (uint8_t *)view_data(out) + at[0],
                                    .in = (const uint8_t *)view_data(in) + at[1],
                                    .out_step = nest_step(nest, 0),
                                    .in_step = nest_step(nest, 1),
                                    .rows = (size_t)rows,
                                    .n = n};
    return rows;
}

int exec_quant_softmax(struct plan *p, const struct quant_rows *rows, size_t n, const struct kernel_softmax_q8 **to,
                       struct error *err)
{
    if (!is_bytes(p, rows, n) || !(rows->from.scale > 0))
        return 0;
    struct list {
        struct kernel_softmax_q8 s;
        uint32_t weight[KERNEL_SOFTMAX_WEIGHTS];
        uint8_t plane[3][KERNEL_SOFTMAX_WEIGHTS];
    } *list = plan_alloc(p, sizeof *list, err);
    if (!list)
        return -1;
    for (int i = 0; i < BYTES; i++) {
        uint32_t w = (uint32_t)rint(exp((i - (BYTES - 1)) * (double)rows->from.scale) * 0xffffff);
        list->weight[i] = w;
        for (int j = 0; j < 3; j++)
            list->plane[j][i] = (uint8_t)(w >> 8 * j);
    }
    list->s =
        (struct kernel_softmax_q8){list->weight, list->plane[0], turn_of(&rows->from), rows->to.scale, rows->rounding};
    *to = &list->s;
    return 0;
}

int exec_quant_norm(struct plan *p, const struct quant_rows *rows, const struct kernel_norm_f32 *norm,
                    const struct kernel_norm_q8 **to, struct error *err)
{
    const struct kernel_byte *from = &rows->from;
    if (!is_bytes(p, rows, norm->n) || !is_usual(from->scale) || norm->n > KERNEL_NORM_MOST)
        return 0;
    struct kernel_norm_q8 *l = plan_alloc(p, sizeof *l, err);
    float *factor = plan_alloc(p, sizeof(float) * norm->n * 2, err), *shift = factor + norm->n;
    if (!l || !factor)
        return -1;
    for (size_t i = 0; i < norm->n; i++) {
        factor[i] = (norm->scale ? norm->scale[i] : 1) / rows->to.scale;
        shift[i] = (norm->shift ? norm->shift[i] : 0) / rows->to.scale;
    }
    *l = (struct kernel_norm_q8){.turn = turn_of(from),
                                 .mean = norm->mean,
                                 .zero = from->zero + (float)turn_of(from),
                                 .epsilon = (double)norm->epsilon / from->scale / from->scale,
                                 .factor = factor,
                                 .shift = shift,
                                 .rounding = rows->rounding};
    *to = l;
    return 0;
}
