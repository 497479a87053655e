/* Convolutions and fully connected layers. */
#include <string.h>

#include "format/pnnx/read.h"

struct conv {
    int axes;
    struct value *x, *weight, *bias;
    bool bare; /* without a batch */
    int64_t strides[WINDOW_AXES], pads[2 * WINDOW_AXES], dilations[WINDOW_AXES];
    int64_t groups;
};

/* padding="same" of stride 1: what the kernel needs, the odd one behind. */
static void same_pads(struct reader *r, struct conv *c)
{
    for (int i = 0; i < c->axes; i++) {
        int64_t kernel = pnnx_size(r, c->weight, 2 + i);
        if (kernel < 1 || kernel > 1 << 20)
            build_fail(&r->b, "has pads that follow from a kernel of unknown size");
        int64_t all = r->b.failed ? 0 : c->dilations[i] * (kernel - 1);
        c->pads[i] = all / 2;
        c->pads[c->axes + i] = all - all / 2;
    }
}

static void read_pads(struct reader *r, struct conv *c)
{
    if (pnnx_is(r, "padding", "same"))
        same_pads(r, c);
    else if (!pnnx_is(r, "padding", "valid"))
        pnnx_window(r, "padding", c->axes, 0, c->pads);
    for (int i = 0; i < c->axes && !pnnx_is(r, "padding", "same"); i++)
        c->pads[c->axes + i] = c->pads[i];
}

static void read_conv(struct reader *r, struct conv *c)
{
    *c = (struct conv){.axes = pnnx_axes(r), .groups = pnnx_int(r, "groups", 1)};
    c->x = pnnx_batched(r, pnnx_in(r, "input", 0), c->axes, &c->bare);
    c->weight = pnnx_parameter(r, "weight", 1);
    c->bias = pnnx_parameter(r, "bias", 2);
    if (!c->weight || !c->axes)
        build_fail(&r->b, "has no weight");
    pnnx_window(r, "stride", c->axes, 1, c->strides);
    pnnx_window(r, "dilation", c->axes, 1, c->dilations);
}

static struct value *set(struct reader *r, struct conv *c, struct value *v)
{
    pnnx_window_set(r, v, c->axes, NULL, c->strides, c->pads, c->dilations);
    build_ints(&r->b, v, "pads", 2 * c->axes, c->pads);
    return c->groups == 1 ? v : build_int(&r->b, v, "group", c->groups);
}

struct value *pnnx_conv(struct reader *r)
{
    static const char *const modes[][2] = {{"reflect", "reflect"}, {"replicate", "edge"}, {"circular", "wrap"}};
    struct conv c;
    read_conv(r, &c);
    read_pads(r, &c);
    for (int i = 0; i < 3 && !r->b.failed; i++)
        if (pnnx_is(r, "padding_mode", modes[i][0])) {
            c.x = pnnx_pad_of(r, c.x, c.axes, c.pads, modes[i][1], 0);
            memset(c.pads, 0, sizeof(c.pads));
        }
    return pnnx_unbatched(r, set(r, &c, BUILD(&r->b, "Conv", c.x, c.weight, c.bias)), c.bare);
}

struct value *pnnx_conv_transpose(struct reader *r)
{
    struct conv c;
    int64_t more[WINDOW_AXES];
    read_conv(r, &c);
    read_pads(r, &c);
    pnnx_window(r, "output_padding", c.axes, 0, more);
    struct value *v = set(r, &c, BUILD(&r->b, "ConvTranspose", c.x, c.weight, c.bias));
    for (int i = 0; i < c.axes && !r->b.failed; i++)
        if (more[i]) {
            build_ints(&r->b, v, "output_padding", c.axes, more);
            break;
        }
    return pnnx_unbatched(r, v, c.bare);
}

/* The input, the offsets, and maybe a mask. */
struct value *pnnx_deform_conv(struct reader *r)
{
    struct conv c;
    read_conv(r, &c);
    read_pads(r, &c);
    bool module = pnnx_param(r->op, "@weight") != NULL;
    struct value *offset = module ? pnnx_at(r, 1) : pnnx_in(r, "offset", -1);
    struct value *mask = module && r->op->in_count > 2 ? pnnx_at(r, 2) : module ? NULL : pnnx_optional(r, "mask", -1);
    int64_t taps = 2 * pnnx_size(r, c.weight, 2) * pnnx_size(r, c.weight, 3), channels = pnnx_size(r, offset, 1);
    struct value *v = set(r, &c, BUILD(&r->b, "DeformConv", c.x, c.weight, offset, c.bias, mask));
    if (taps > 0 && channels > taps && channels % taps == 0)
        build_int(&r->b, v, "offset_group", channels / taps);
    return v;
}

struct value *pnnx_linear(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0), *weight = pnnx_parameter(r, "weight", 1);
    if (!weight)
        build_fail(&r->b, "has no weight");
    return pnnx_linear_of(r, x, weight, pnnx_parameter(r, "bias", 2));
}

struct value *pnnx_embedding(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0), *weight = pnnx_parameter(r, "weight", 1);
    if (!weight)
        build_fail(&r->b, "has no weight");
    return BUILD(&r->b, "Gather/axis=0", weight, x);
}

struct value *pnnx_matmul(struct reader *r)
{
    return BUILD(&r->b, "MatMul", pnnx_at(r, 0), pnnx_at(r, 1));
}

/* beta * input + alpha * (first × second), also of batches. */
struct value *pnnx_addmm(struct reader *r)
{
    double alpha = pnnx_float(r, "alpha", 1), beta = pnnx_float(r, "beta", 1);
    struct value *x = pnnx_in(r, "input", 0);
    struct value *first = pnnx_in(r, strstr(r->arg, "batch") ? "batch1" : "mat1", 1);
    struct value *second = pnnx_in(r, strstr(r->arg, "batch") ? "batch2" : "mat2", 2);
    struct value *product = BUILD(&r->b, "MatMul", first, second);
    if (alpha != 1)
        product = pnnx_by(r, "Mul", product, alpha);
    return BUILD(&r->b, "Add", product, beta == 1 ? x : pnnx_by(r, "Mul", x, beta));
}

struct value *pnnx_einsum(struct reader *r)
{
    struct value *in[16];
    const char *equation = pnnx_text(r, "equation");
    int n = r->op->in_count;
    if (!equation || n < 1 || n > 16)
        build_fail(&r->b, "has no equation, or %d operands", n);
    for (int i = 0; i < n && !r->b.failed; i++)
        in[i] = pnnx_at(r, i);
    struct value *v = r->b.failed ? NULL : build_node(&r->b, "Einsum", n, in);
    return v ? build_string(&r->b, v, "equation", equation) : NULL;
}
