/* Convolutions, transposed ones and fully connected layers. */
#include <string.h>

#include "format/ncnn/read_int8.h"
#include "format/ncnn/read_window.h"

static const struct window_ids conv_ids[WINDOW_AXES] = {{1, 2, 3, 4, 15}, {11, 12, 13, 14, 16}, {21, 22, 23, 24, 17}};

static bool is_depthwise(const struct reader *r)
{
    return strstr(r->l->type, "DepthWise") != NULL;
}

struct conv {
    struct window w;
    int64_t outputs, groups, inputs; /* inputs of one group */
};

/* A file does not state the number of inputs: it follows from the size of the weights. */
static void read_shape(struct reader *r, struct conv *c)
{
    ncnn_window_read(r, &c->w, conv_ids);
    c->outputs = ncnn_int(r->l, 0, 0);
    c->groups = is_depthwise(r) ? ncnn_int(r->l, 7, 1) : 1;
    int64_t size = ncnn_int(r->l, 6, 0);
    if (c->outputs < 1 || c->groups < 1 || c->outputs % c->groups)
        build_fail(&r->b, "has %lld outputs in %lld groups", (long long)c->outputs, (long long)c->groups);
    if (r->b.failed)
        return;
    c->inputs = size / c->outputs / c->w.taps;
    if (size < 1 || c->inputs * c->outputs * c->w.taps != size)
        build_fail(&r->b, "has %lld weights, no multiple of %lld outputs of %lld taps", (long long)size,
                   (long long)c->outputs, (long long)c->w.taps);
}

static struct value *without_batch(struct reader *r, struct value *v)
{
    return BUILD(&r->b, "Squeeze", v, BUILD_LIST(&r->b, 0));
}

/* Of the second input and the third: a network that makes its weights. The kernel is that of the blob. */
static struct value *dynamic(struct reader *r, const char *op)
{
    struct build *b = &r->b;
    struct conv c = {.outputs = 0};
    bool bias = ncnn_int(r->l, 5, 0) != 0;
    struct value *weight = without_batch(r, ncnn_in(r, 1));
    struct value *v = BUILD(b, op, ncnn_in(r, 0), weight, bias ? without_batch(r, ncnn_in(r, 2)) : NULL);
    ncnn_window_read(r, &c.w, conv_ids);
    ncnn_window_set(r, v, &c.w);
    if (!b->failed)
        node_remove_attr(v->producer, "kernel_shape");
    if (is_depthwise(r))
        build_int(b, v, "group", ncnn_int(r->l, 7, 1));
    return ncnn_activation(r, v, 9);
}

static void weight_dims(const struct conv *c, int64_t first, int64_t second, int64_t *dims)
{
    dims[0] = first;
    dims[1] = second;
    memcpy(dims + 2, c->w.kernel, (size_t)c->w.axes * sizeof(*dims));
}

static struct value *bias_of(struct reader *r, int id, int64_t n)
{
    return ncnn_int(r->l, id, 0) ? ncnn_raw(r, "bias", 1, &n) : NULL;
}

/* A pad with another number than 0 stands before the convolution. */
static struct value *padded(struct reader *r, struct value *x, struct window *w)
{
    float number = ncnn_float(r->l, 18, 0);
    if (number == 0 || w->same)
        return x;
    x = ncnn_window_pad(r, x, w, w->pads, number);
    memset(w->pads, 0, sizeof(w->pads));
    return x;
}

struct value *ncnn_convolution(struct reader *r)
{
    struct build *b = &r->b;
    struct conv c = {.outputs = 0};
    int64_t dims[WINDOW_AXES + 2];
    if (ncnn_int(r->l, 19, 0))
        return dynamic(r, "Conv");
    read_shape(r, &c);
    weight_dims(&c, c.outputs, c.inputs, dims);
    struct value *x = ncnn_in(r, 0);
    struct tensor *weight = ncnn_weight_tensor(r, c.w.axes + 2, dims);
    struct value *bias = bias_of(r, 5, c.outputs);
    struct int8_scales scales;
    ncnn_int8_read(r, &scales, 8, is_depthwise(r) ? c.groups : c.outputs);
    if (!b->failed && ncnn_dims(r, x) == 1) /* of an old converter: a fully connected layer */
        x = build_reshape(b, x, c.w.axes + 2, (int64_t[]){0, -1, 1, 1, 1});
    x = padded(r, ncnn_int8_input(r, &scales, x), &c.w);
    struct value *v = BUILD(b, "Conv", x, ncnn_int8_weight(r, &scales, weight, c.outputs), bias);
    ncnn_window_set(r, v, &c.w);
    if (c.groups > 1)
        build_int(b, v, "group", c.groups);
    return ncnn_int8_output(r, &scales, ncnn_activation(r, v, 9));
}

/* ---- transposed ---- */

/* Parameters of the output's size by axis, width first: what is added at the end, and the size wanted. */
static const struct {
    int more[WINDOW_AXES], size[WINDOW_AXES];
} output_ids[] = {{{18}, {20}}, {{18, 19}, {20, 21}}, {{18, 19, 20}, {25, 26, 27}}};

static void set_output(struct reader *r, struct value *v, const struct window *w)
{
    int64_t more[WINDOW_AXES], size[WINDOW_AXES];
    int n = w->axes, first_more = ncnn_int(r->l, output_ids[n - 1].more[0], 0);
    int first_size = ncnn_int(r->l, output_ids[n - 1].size[0], 0);
    bool any = false;
    for (int i = 0; i < n; i++) {
        more[n - 1 - i] = ncnn_int(r->l, output_ids[n - 1].more[i], first_more);
        size[n - 1 - i] = ncnn_int(r->l, output_ids[n - 1].size[i], first_size);
        any |= more[n - 1 - i] != 0;
    }
    if (any)
        build_ints(&r->b, v, "output_padding", n, more);
    if (w->same && first_size > 0)
        build_ints(&r->b, v, "output_shape", n, size);
}

/* ncnn keeps outputs × inputs where ONNX has inputs × outputs; the taps are in the same order. */
static struct value *transposed_weight(struct reader *r, const struct conv *c)
{
    int64_t dims[WINDOW_AXES + 2], outputs = c->outputs / c->groups;
    weight_dims(c, c->outputs, c->inputs, dims);
    struct tensor *t = ncnn_swapped(r, ncnn_weight_tensor(r, c->w.axes + 2, dims), c->groups, outputs, c->inputs);
    if (!t)
        return NULL;
    weight_dims(c, c->inputs * c->groups, outputs, dims);
    struct tensor *as = tensor_reshaped(t, c->w.axes + 2, dims, r->b.err);
    tensor_unref(t);
    return ncnn_constant(r, "weight", as);
}

struct value *ncnn_deconvolution(struct reader *r)
{
    struct conv c = {.outputs = 0};
    if (ncnn_int(r->l, 28, 0))
        return dynamic(r, "ConvTranspose");
    read_shape(r, &c);
    if (r->b.failed)
        return NULL;
    if (c.w.same && ncnn_int(r->l, output_ids[c.w.axes - 1].size[0], 0) <= 0)
        c.w.same = NULL; /* nothing is cut then */
    struct value *x = ncnn_in(r, 0), *weight = transposed_weight(r, &c), *bias = bias_of(r, 5, c.outputs);
    struct value *v = BUILD(&r->b, "ConvTranspose", x, weight, bias);
    ncnn_window_set(r, v, &c.w);
    set_output(r, v, &c.w);
    if (c.groups > 1)
        build_int(&r->b, v, "group", c.groups);
    return ncnn_activation(r, v, 9);
}

struct value *ncnn_deformable_conv(struct reader *r)
{
    struct conv c = {.outputs = 0};
    int64_t dims[WINDOW_AXES + 2];
    read_shape(r, &c);
    if (c.w.same)
        build_fail(&r->b, "has pads that follow from the size, which a deformable convolution cannot have");
    weight_dims(&c, c.outputs, c.inputs, dims);
    struct value *weight = ncnn_weight(r, "weight", c.w.axes + 2, dims), *bias = bias_of(r, 5, c.outputs);
    struct value *mask = r->l->in_count > 2 ? ncnn_in(r, 2) : NULL;
    struct value *v = BUILD(&r->b, "DeformConv", ncnn_in(r, 0), weight, ncnn_in(r, 1), bias, mask);
    return ncnn_activation(r, ncnn_window_set(r, v, &c.w), 9);
}

/* ---- fully connected ---- */

/* Whether the layer is a product for each row: a blob of two axes whose rows have as many elements as a neuron takes.
 * So it is taken for, where the axes are not known. */
static bool is_by_rows(struct reader *r, struct value *x, int64_t inputs)
{
    const struct type *t = build_type(&r->b, x);
    return t && (t->rank < 0 || t->rank == 2 || (t->rank == 3 && (t->dims[2] < 0 || t->dims[2] == inputs)));
}

struct value *ncnn_inner_product(struct reader *r)
{
    struct build *b = &r->b;
    int64_t outputs = ncnn_int(r->l, 0, 0), size = ncnn_int(r->l, 2, 0);
    if (outputs < 1 || size < 1 || size % outputs)
        build_fail(b, "has %lld weights for %lld outputs", (long long)size, (long long)outputs);
    if (b->failed)
        return NULL;
    int64_t dims[] = {outputs, size / outputs};
    struct tensor *weight = ncnn_weight_tensor(r, 2, dims);
    struct value *x = ncnn_in(r, 0), *bias = bias_of(r, 1, outputs);
    struct int8_scales scales;
    ncnn_int8_read(r, &scales, 8, outputs);
    if (!is_by_rows(r, x, dims[1]))
        x = build_reshape(b, x, 2, (int64_t[]){1, -1});
    x = ncnn_int8_input(r, &scales, x);
    struct value *v = ncnn_linear(r, x, ncnn_int8_weight(r, &scales, weight, outputs), bias);
    return ncnn_int8_output(r, &scales, ncnn_activation(r, v, 9));
}
