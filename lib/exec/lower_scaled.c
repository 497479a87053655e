/* A factor for each channel before a convolution of single pixels, as squeeze-and-excitation has it: the weights' rows
 * are multiplied by it instead of all pixels, since there are fewer of them. */
#include <string.h>

#include "exec/lower_conv.h"

struct scaled_args {
    const struct kernels *kernels;
    const struct kernel_product *product;
    struct view factor; /* [images or 1][channels] */
    struct view to;
    const char *packed;
    size_t bytes; /* of an image's packed weights */
    int channels, out, panels;
    int64_t images;
};

/* Columns of a panel, the last of which may be narrow. */
static int panel_columns(const struct scaled_args *s, int panel)
{
    int left = s->out - panel * s->product->nr;
    return left <= s->product->vector ? s->product->vector : s->product->nr;
}

/* Units are panels, image by image. */
static void run_scaled(const struct step *step, struct tile tile)
{
    const struct scaled_args *s = step->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t image = i / s->panels;
        int panel = (int)(i % s->panels), columns = panel_columns(s, panel);
        size_t at = (size_t)panel * (size_t)s->product->nr * (size_t)s->channels;
        const float *from = (const float *)s->packed + at,
                    *factor = (const float *)view_data(&s->factor) + image * s->factor.stride[0];
        float *to = (float *)((char *)view_data(&s->to) + (size_t)image * s->bytes) + at;
        s->kernels->scale_rows_f32(to, from, factor, s->factor.stride[1], (size_t)s->channels, (size_t)columns);
    }
}

/* ---- lowering ---- */

struct scaled {
    int pixels, factor; /* the inputs that are these */
    struct node *conv;
    struct conv c;
};

static bool is_factor(const struct value *v, const struct value *x)
{
    if (!v || v->constant || v->type.dtype != DTYPE_F32 || v->type.rank != x->type.rank)
        return false;
    for (int i = 2; i < v->type.rank; i++)
        if (v->type.dims[i] != 1)
            return false;
    return v->type.dims[1] == x->type.dims[1] && (v->type.dims[0] == 1 || v->type.dims[0] == x->type.dims[0]);
}

/* Whether n multiplies pixels by factors for a convolution that nobody else shares them with, and it pays. */
static bool read_scaled(const struct kernels *k, const struct node *n, struct scaled *s)
{
    const struct value *v = n->out[0];
    if (n->in_count != 2 || v->type.rank < 3 || v->is_output || v->use_count != 1 || v->uses[0].index != 0 ||
        v->uses[0].node->graph != n->graph || plan_place(v)->concat_parent)
        return false;
    s->factor = is_factor(node_in(n, 1), v) ? 1 : 0;
    s->pixels = 1 - s->factor;
    s->conv = v->uses[0].node;
    if (!is_factor(n->in[s->factor], v) || is_factor(n->in[s->pixels], v) || n->in[s->pixels]->constant ||
        !exec_lower_is_f32(n, s->pixels) || strcmp(s->conv->op, "Conv") != 0 || !exec_conv_read(s->conv, &s->c))
        return false;
    for (int i = 0; i < s->c.w.rank; i++)
        if (s->c.w.begin[i] || s->c.w.end[i])
            return false;
    for (int i = 0; i < v->type.rank; i++)
        if (n->in[s->pixels]->type.dims[i] != v->type.dims[i])
            return false;
    double floats = (double)tensor_count(v->type.rank, v->type.dims) / (double)v->type.dims[0];
    s->c.in_f32 = true;
    const struct kernel_product *w = kernel_gemm_weights(k, SIZE_MAX, (size_t)s->c.in, (size_t)s->c.out);
    return !w && s->c.groups == 1 && s->c.taps == 1 && exec_conv_packed(k, &s->c) < floats &&
           exec_lower_find(k, s->conv) == &exec_way_conv_gemm;
}

static double scaled_cost(const struct kernels *k, const struct node *n)
{
    struct scaled s;
    return read_scaled(k, n, &s) ? 0 : -1;
}

static int scaled_lower(struct plan *p, struct node *n, struct error *err)
{
    struct scaled s;
    struct view x;
    struct scaled_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    if (!read_scaled(p->kernels, n, &s))
        return 1;
    *a = (struct scaled_args){.kernels = p->kernels,
                              .product = kernel_gemm_f32(p->kernels, (size_t)s.c.out),
                              .factor = *plan_in(n, s.factor),
                              .channels = s.c.in,
                              .out = s.c.out,
                              .images = n->out[0]->type.dims[0]};
    a->panels = (a->out - 1) / a->product->nr + 1;
    a->bytes = kernel_product_packed(a->product, 1, (size_t)a->channels, (size_t)a->out);
    a->packed = exec_conv_weights(p, s.conv, &s.c, err);
    size_t all;
    if (a->factor.dims[0] == 1)
        a->factor.stride[0] = 0;
    if (!a->packed || plan_in_channels(p, n, s.pixels, NULL, &x, err) < 0 || plan_alias(p, n, 0, &x, err) < 0)
        return -1;
    if (!mem_mul(a->bytes, (size_t)a->images, &all))
        return error_memory(err);
    if (plan_scratch(p, all, &a->to, err) < 0)
        return -1;
    plan_place(n->out[0])->weights = a->to;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "scale_rows_f32",
                                    .run = run_scaled,
                                    .args = a,
                                    .units = a->images * a->panels,
                                    .tiles = plan_tiles((int64_t)(all / sizeof(float)), 32768, a->images * a->panels)},
                     err, PLAN_VIEWS(&a->factor, &a->to));
}

const struct exec_way exec_way_scaled = {.cost = scaled_cost, .border = NULL, .lower = scaled_lower};
