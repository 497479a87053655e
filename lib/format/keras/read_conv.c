/* Convolutions and dense layers. */
#include <string.h>

#include "format/keras/keras.h"
#include "format/tensorflow/tensorflow.h"

#define MOST_AXES 3 /* spatial ones */

/* Strides, dilations and pads as TensorFlow has them. kernel: the spatial sizes. */
static void set_window(struct keras_call *l, struct value *v, int n, const int64_t *kernel)
{
    const char *padding = keras_text(l, "padding", "valid");
    int64_t strides[MOST_AXES], dilations[MOST_AXES];
    keras_ints(l, "strides", n, 1, strides);
    keras_ints(l, "dilation_rate", n, 1, dilations);
    for (int i = 0; i < n; i++) {
        if (strides[i] != 1)
            build_ints(l->b, v, "strides", n, strides);
        if (dilations[i] != 1)
            build_ints(l->b, v, "dilations", n, dilations);
    }
    if (strcmp(padding, "causal") == 0 && n == 1 && !l->b->failed)
        build_ints(l->b, v, "pads", 2, (int64_t[]){(kernel[0] - 1) * dilations[0], 0});
    else if (strcmp(padding, "same") == 0)
        build_string(l->b, v, "auto_pad", "SAME_UPPER");
    else if (strcmp(padding, "valid") != 0)
        build_fail(l->b, "its padding is \"%.30s\", want valid, same or causal", padding);
}

/* The kernel's dims; its rank, of n spatial axes and two others. */
static int kernel_dims(struct keras_call *l, const char *name, int64_t *dims)
{
    int rank = keras_weight_dims(l, name, 0, dims, MOST_AXES + 2);
    if (rank < 3)
        build_fail(l->b, "a kernel of %d axes, want 3 to %d", rank, MOST_AXES + 2);
    return l->b->failed ? 3 : rank;
}

/* [k…, in, out] becomes [out, in, k…], and with the latter two [in, out] so too. */
static void kernel_perm(int rank, int64_t *perm)
{
    perm[0] = rank - 1;
    perm[1] = rank - 2;
    for (int i = 2; i < rank; i++)
        perm[i] = i - 2;
}

static struct value *input(struct keras_call *l, int rank, int64_t channels)
{
    struct value *x = keras_in(l, 0);
    build_expect(l->b, x, rank, keras_is_nchw(l) ? 1 : rank - 1, channels, DTYPE_NONE);
    if (keras_rank(l, x) != rank)
        build_fail(l->b, "an input of %d axes, want %d", keras_rank(l, x), rank);
    return keras_to_nchw(l, x, rank);
}

static struct value *bias(struct keras_call *l, int index)
{
    return keras_bool(l, "use_bias", true) ? keras_weight(l, "bias", index) : NULL;
}

static void give(struct keras_call *l, struct value *v, int rank)
{
    keras_give(l, keras_activate(l, keras_from_nchw(l, v, rank), "activation"));
}

void keras_read_conv(struct keras_call *l)
{
    int64_t dims[MOST_AXES + 2], perm[MOST_AXES + 2];
    int rank = kernel_dims(l, "kernel", dims);
    kernel_perm(rank, perm);
    int64_t groups = keras_int(l, "groups", 1), channels = l->b->failed ? 0 : dims[rank - 2];
    if (groups < 1 || __builtin_mul_overflow(channels, groups, &channels))
        build_fail(l->b, "%lld groups", (long long)groups);
    struct value *x = input(l, rank, channels);
    struct value *v = BUILD(l->b, "Conv", x, keras_permuted(l, "kernel", 0, rank, perm), bias(l, 1));
    if (groups != 1)
        build_int(l->b, v, "group", groups);
    set_window(l, v, rank - 2, dims);
    give(l, v, rank);
}

/* The kernel [k…, channels, times] becomes [channels * times, 1, k…]. */
static struct value *depthwise(struct keras_call *l, const char *name, int rank, const int64_t *dims, struct value *b)
{
    int64_t perm[MOST_AXES + 2], flat[MOST_AXES + 2] = {0, 1};
    kernel_perm(rank, perm);
    perm[0] = rank - 2;
    perm[1] = rank - 1;
    if (l->b->failed || __builtin_mul_overflow(dims[rank - 2], dims[rank - 1], &flat[0]))
        build_fail(l->b, "a kernel of too many channels");
    for (int i = 2; i < rank && !l->b->failed; i++)
        flat[i] = dims[i - 2];
    struct value *x = input(l, rank, l->b->failed ? 0 : dims[rank - 2]);
    struct value *w = keras_permuted(l, name, 0, rank, perm);
    const struct tensor *t = w && !l->b->failed ? w->constant : NULL;
    if (t)
        w = build_constant(l->b, w->name, tensor_reshaped(t, rank, flat, l->b->err));
    struct value *v = BUILD(l->b, "Conv", x, w, b);
    if (!l->b->failed)
        build_int(l->b, v, "group", dims[rank - 2]);
    set_window(l, v, rank - 2, dims);
    return v;
}

void keras_read_depthwise(struct keras_call *l)
{
    int64_t dims[MOST_AXES + 2];
    int rank = kernel_dims(l, "depthwise_kernel", dims);
    give(l, depthwise(l, "depthwise_kernel", rank, dims, bias(l, 1)), rank);
}

void keras_read_separable(struct keras_call *l)
{
    int64_t dims[MOST_AXES + 2], perm[MOST_AXES + 2];
    int rank = kernel_dims(l, "depthwise_kernel", dims);
    kernel_perm(rank, perm);
    struct value *v = depthwise(l, "depthwise_kernel", rank, dims, NULL);
    v = BUILD(l->b, "Conv", v, keras_permuted(l, "pointwise_kernel", 1, rank, perm), bias(l, 2));
    give(l, v, rank);
}

/* As TensorFlow, where the result's size follows from stride, kernel and output_padding: pads that give it, of which
 * the odd one is behind. */
static void set_transposed(struct keras_call *l, struct value *v, int n, const int64_t *kernel)
{
    int64_t strides[MOST_AXES], dilations[MOST_AXES], more[MOST_AXES], pads[2 * MOST_AXES] = {0}, add[MOST_AXES] = {0};
    bool same = strcmp(keras_text(l, "padding", "valid"), "same") == 0, states_more = keras_member(l, "output_padding");
    keras_ints(l, "strides", n, 1, strides);
    keras_ints(l, "dilation_rate", n, 1, dilations);
    keras_ints(l, "output_padding", n, 0, more);
    for (int i = 0; i < n && !l->b->failed; i++) {
        int64_t whole = (kernel[i] - 1) * dilations[i] + 1, total = whole - strides[i];
        if (same && states_more)
            total = 2 * (whole / 2) - more[i];
        else if (!same)
            total = states_more ? -more[i] : total < 0 ? total : 0;
        pads[i] = total > 0 ? total / 2 : 0;
        pads[n + i] = total > 0 ? total - total / 2 : 0;
        add[i] = total < 0 ? -total : 0;
    }
    build_ints(l->b, v, "strides", n, strides);
    build_ints(l->b, v, "dilations", n, dilations);
    build_ints(l->b, v, "pads", 2 * n, pads);
    if (add[0] || add[1] || add[2])
        build_ints(l->b, v, "output_padding", n, add);
}

/* A kernel [k…, out, in]. */
void keras_read_deconv(struct keras_call *l)
{
    int64_t dims[MOST_AXES + 2], perm[MOST_AXES + 2];
    int rank = kernel_dims(l, "kernel", dims);
    kernel_perm(rank, perm);
    struct value *x = input(l, rank, l->b->failed ? 0 : dims[rank - 1]);
    struct value *v = BUILD(l->b, "ConvTranspose", x, keras_permuted(l, "kernel", 0, rank, perm), bias(l, 1));
    set_transposed(l, v, rank - 2, dims);
    give(l, v, rank);
}

/* ---- dense layers ---- */

/* Of a quantised layer x as whole numbers: each row, its last `taken` axes, by a scale of its own, *scale, which has
 * `put` axes of 1 in their place. Source: AbsMaxQuantizer. */
static struct value *as_bytes(struct keras_call *l, struct value *x, int taken, int put, struct value **scale)
{
    const struct json *j = &l->r->json;
    const struct json_node *given = json_member(j, keras_member(l, "quantization_config"), "config");
    const struct json_node *quantizer = json_member(j, given, "activation_quantizer");
    static const int64_t axes[] = {-4, -3, -2, -1};
    if (!l->in_bytes || l->b->failed || (quantizer && quantizer->kind == JSON_NULL))
        return x;
    struct value *in[] = {x, build_list(l->b, taken, axes + 4 - taken), build_list(l->b, put, axes + 4 - put)};
    in[1] = build_formula(l->b, "=127 $0 Abs $1 ReduceMax:2/keepdims=0 =1e-7 Add:2 Div:2", 2, in);
    *scale = put ? BUILD(l->b, "Unsqueeze", in[1], in[2]) : in[1];
    in[1] = BUILD(l->b, "Unsqueeze", in[1], build_list(l->b, taken, axes + 4 - taken));
    return build_formula(l->b, "$0 $1 Mul:2 Round =-127 =127 Clip:3", 2, in);
}

/* Of a quantised layer v divided by the scales of its kernel, which is weight number `index`, and its input. */
static struct value *unscaled(struct keras_call *l, struct value *v, struct value *scale, int index)
{
    struct value *own = l->in_bytes ? keras_weight(l, "kernel_scale", index) : NULL;
    return own ? BUILD(l->b, "Div", v, scale ? BUILD(l->b, "Mul", own, scale) : own) : v;
}

void keras_read_dense(struct keras_call *l)
{
    int64_t dims[2] = {0};
    keras_weight_dims(l, "kernel", 0, dims, 2);
    build_expect(l->b, keras_in(l, 0), 2, 1, dims[0], DTYPE_NONE);
    struct value *scale = NULL, *x = as_bytes(l, keras_in(l, 0), 1, 1, &scale);
    struct value *v = BUILD(l->b, "MatMul", x, keras_weight(l, "kernel", 0));
    v = unscaled(l, v, scale, keras_bool(l, "use_bias", true) ? 2 : 1);
    keras_give(l, keras_activate(l, build_add(l->b, v, bias(l, 1)), "activation"));
}

/* How many axes the equation takes from the end of what comes in, and puts there; a failure where it does more. */
static void count_axes(struct keras_call *l, const char *equation, int *taken, int *put)
{
    size_t in = strcspn(equation, ","), kernel = strcspn(equation, "-"), same = 0;
    const char *out = equation[kernel] ? strchr(equation + kernel, '>') : NULL;
    while (out && same < in && equation[same] == out[1 + same])
        same++;
    *taken = (int)(in - same);
    *put = out ? (int)strlen(out + 1 + same) : 0;
    if (!out || *taken < 1 || *taken > 4 || *put > 4)
        build_fail(l->b, "quantised by the equation '%.60s', which is not read", equation);
}

void keras_read_einsum_dense(struct keras_call *l)
{
    struct value *in[] = {keras_in(l, 0), keras_weight(l, "kernel", 0)}, *scale = NULL;
    const char *equation = keras_text(l, "equation", "");
    int taken = 1, put = 1;
    if (l->in_bytes)
        count_axes(l, equation, &taken, &put);
    in[0] = as_bytes(l, in[0], taken, put, &scale);
    struct value *v = build_string(l->b, build_node(l->b, "Einsum", 2, in), "equation", equation);
    v = unscaled(l, v, scale, keras_member(l, "bias_axes") ? 2 : 1);
    if (keras_member(l, "bias_axes"))
        v = build_add(l->b, v, keras_weight(l, "bias", 1));
    keras_give(l, keras_activate(l, v, "activation"));
}

void keras_read_patches(struct keras_call *l)
{
    int64_t size[2];
    struct value *x = keras_in(l, 0);
    keras_ints(l, "size", 2, 1, size);
    int64_t channels = keras_dim(l, x, keras_is_nchw(l) ? 1 : 3);
    if (keras_rank(l, x) != 4)
        build_fail(l->b, "want windows of a picture");
    struct value *v = tensorflow_windows(l->b, keras_to_nchw(l, x, 4), channels, size);
    set_window(l, v, 2, size);
    v = tensorflow_rows_of_windows(l->b, v, channels, size);
    keras_give(l, keras_is_nchw(l) ? build_transpose(l->b, v, 4, (int64_t[]){0, 3, 1, 2}) : v);
}
