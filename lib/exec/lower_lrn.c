/* Local response normalisation over channels-last pixels: a pixel's squares, between zeros, are summed over a sliding
 * window of channels. */
#include <string.h>

#include "exec/lower.h"

#define LRN_CHANNELS 4096 /* with the window's margins */

struct lrn_args {
    struct view x, out;
    struct nest nest; /* pixels: out, then x */
    const struct kernels *kernels;
    int64_t channels;
    int size;
    float alpha, beta, bias;
};

#define LRN_SIZE 64

static const struct kernel_act as_is = {KERNEL_NONE, 0, 0}, root = {KERNEL_SQRT, 0, 0};

/* sums[i] to the power beta; 3/4, which networks have, is a square root times its own square root. */
static void to_power(const struct lrn_args *a, float *sums, float *spare, size_t n)
{
    if (a->beta != 0.75f) {
        a->kernels->binary_f32(KERNEL_POW, sums, sums, 1, &a->beta, 0, n, as_is);
        return;
    }
    a->kernels->unary_f32(sums, sums, n, root);
    a->kernels->unary_f32(spare, sums, n, root);
    a->kernels->binary_f32(KERNEL_MUL, sums, sums, 1, spare, 1, n, as_is);
}

static void run_pixel(const struct lrn_args *a, float *out, const float *x)
{
    float squares[LRN_CHANNELS], sums[LRN_CHANNELS];
    const void *row[LRN_SIZE];
    size_t n = (size_t)a->channels;
    int before = (a->size - 1) / 2;
    memset(squares, 0, (size_t)before * sizeof *squares);
    memset(squares + before + n, 0, (size_t)(a->size - 1 - before) * sizeof *squares);
    a->kernels->binary_f32(KERNEL_MUL, squares + before, x, 1, x, 1, n, as_is);
    for (int i = 0; i < a->size; i++)
        row[i] = squares + i;
    a->kernels->reduce_rows_f32(&(struct kernel_reduce_f32){.op = KERNEL_SUM,
                                                            .rows = a->size,
                                                            .width = 1,
                                                            .row = row,
                                                            .channels = n,
                                                            .scale = a->alpha / (float)a->size,
                                                            .out = sums});
    a->kernels->unary_f32(sums, sums, n, (struct kernel_act){KERNEL_AFFINE, 1, a->bias});
    to_power(a, sums, squares, n);
    a->kernels->binary_f32(KERNEL_DIV, out, x, 1, sums, 1, n, as_is);
}

static void run_lrn(const struct step *s, struct tile tile)
{
    const struct lrn_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[2];
        nest_at(&a->nest, 2, i, offset);
        run_pixel(a, (float *)view_data(&a->out) + offset[0], (const float *)view_data(&a->x) + offset[1]);
    }
}

int exec_lower_lrn(struct plan *p, struct node *n, struct error *err)
{
    const struct type *x = &n->in[0]->type;
    int64_t size = op_int(n, "size");
    if (!exec_lower_is_f32(n, 0) || x->rank < 3 || size < 1 || size > LRN_SIZE || x->dims[1] + size > LRN_CHANNELS ||
        view_count(plan_in(n, 0)) == 0)
        return 1;
    struct lrn_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = (struct lrn_args){.kernels = p->kernels, .channels = x->dims[1], .size = (int)size};
    a->alpha = op_float(n, "alpha");
    a->beta = op_float(n, "beta");
    a->bias = op_float(n, "bias");
    if (plan_in_channels(p, n, 0, NULL, &a->x, err) < 0 || plan_out_over(p, n, 0, 0, ORDER_CHANNELS, &a->out, err) < 0)
        return -1;
    nest_pixels(&a->nest, &a->out, &a->x);
    int64_t pixels = nest_outer(&a->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "lrn_f32",
                                    .run = run_lrn,
                                    .args = a,
                                    .units = pixels,
                                    .tiles = plan_tiles(view_count(&a->out), 4096, pixels)},
                     err, PLAN_WRITES(&a->out, &a->x));
}
