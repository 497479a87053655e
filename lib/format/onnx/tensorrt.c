/* What TensorRT asks of a quantised network: bytes with a sign around zero, one scale for a value, one or one for each
 * output channel for weights; biases, inputs and outputs as real numbers. Other scales become the nearest such ones.
 * Source: NVIDIA's page on explicit quantisation, and the checks of onnx-tensorrt's parser. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/onnx/write.h"
#include "op/build.h"

/* ---- scales ---- */

/* How the elements of a QuantizeLinear or DequantizeLinear are grouped: (element / inner) % count has scale and zero
 * point. */
struct grid {
    const struct tensor *scale, *zero; /* zero: NULL for 0 */
    int64_t count, inner;
    int axis;
};

static double scale_at(const struct grid *g, int64_t c)
{
    return tensor_get_f64(g->scale, c);
}

static int64_t zero_at(const struct grid *g, int64_t c)
{
    return g->zero ? tensor_get_i64(g->zero, g->zero->count == 1 ? 0 : c) : 0;
}

static int read_grid(const struct node *n, const struct type *type, struct grid *g, struct error *err)
{
    char label[200];
    const struct value *scale = node_in(n, 1), *zero = node_in(n, 2);
    int64_t axis = op_int(n, "axis");
    g->scale = scale->constant;
    g->zero = zero ? zero->constant : NULL;
    if (!g->scale || (zero && !g->zero) || op_int(n, "block_size") > 0)
        return error_set(err, "%s: TensorRT wants a scale that is a constant, without blocks",
                         node_label(n, label, sizeof(label)));
    g->count = g->scale->count;
    g->axis = (int)(axis < 0 ? axis + type->rank : axis);
    g->inner = 1;
    bool fits = !g->zero || g->zero->count == 1 || g->zero->count == g->count;
    if (fits && g->count == 1)
        return 0;
    if (!fits || g->axis < 0 || g->axis >= type->rank || type->dims[g->axis] != g->count)
        return error_set(err, "%s: its scales do not fit its axis", node_label(n, label, sizeof(label)));
    for (int i = g->axis + 1; i < type->rank; i++)
        g->inner *= type->dims[i];
    return 0;
}

/* A list of f32, or a scalar, and as many zeros of i8. */
static int set_grid(struct build *b, struct node *n, int64_t count, const float *scales)
{
    struct tensor *scale = tensor_new(DTYPE_F32, count > 1, &count, b->err);
    struct tensor *zero = tensor_new(DTYPE_I8, count > 1, &count, b->err);
    if (scale)
        memcpy(scale->data, scales, (size_t)count * sizeof(*scales));
    struct value *s = build_constant(b, NULL, scale), *z = build_constant(b, NULL, zero);
    node_remove_attr(n, "output_dtype");
    if (count == 1)
        node_remove_attr(n, "axis");
    build_check(b, !b->failed && node_set_input(n, 1, s, b->err) == 0 && node_set_input(n, 2, z, b->err) == 0);
    return build_end(b);
}

/* ---- weights ---- */

/* The axis of the output channels in the operator that takes v; -1: any. */
static int channel_axis(const struct value *v)
{
    const struct node *n = v->use_count == 1 ? v->uses[0].node : NULL;
    int operand = n ? v->uses[0].index : 0;
    if (!n || operand != 1)
        return -1;
    if (node_is(n, "Conv"))
        return 0;
    if (node_is(n, "ConvTranspose"))
        return 1;
    if (node_is(n, "MatMul"))
        return v->type.rank - 1;
    return node_is(n, "Gemm") ? op_int(n, "transB") == 0 : -1;
}

static int64_t group_of(const struct grid *g, int64_t i)
{
    return g->count == 1 ? 0 : i / g->inner % g->count;
}

/* What is not of bytes, as biases of 32 bits, becomes real. */
static int make_real(struct build *b, struct node *n, const struct grid *g)
{
    const struct tensor *q = n->in[0]->constant;
    struct tensor *t = tensor_new(DTYPE_F32, q->rank, q->dims, b->err);
    for (int64_t i = 0; t && i < t->count; i++) {
        int64_t c = group_of(g, i);
        ((float *)t->data)[i] = (float)(scale_at(g, c) * (tensor_get_f64(q, i) - (double)zero_at(g, c)));
    }
    struct value *v = build_constant(b, NULL, t);
    build_check(b, v && graph_replace_value(node_out(n, 0), v, b->err) == 0);
    if (!b->failed)
        graph_remove_node(n);
    return build_end(b);
}

/* Whether the weights are bytes around zero already, but for the zero point, in groups that TensorRT has. */
static bool is_exact(const struct grid *g, const struct tensor *q, int want)
{
    bool exact = g->count == 1 || want < 0 || want == g->axis;
    for (int64_t i = 0; i < q->count && exact; i++) {
        int64_t c = group_of(g, i), whole = tensor_get_i64(q, i) - zero_at(g, c);
        exact = whole >= -128 && whole <= 127 && scale_at(g, c) > 0;
    }
    return exact;
}

/* Weights that are rounded anew have a scale for each output channel. */
static struct grid regroup(const struct grid *g, const struct tensor *q, int want)
{
    struct grid to = *g;
    if (want < 0 || want >= q->rank)
        return to;
    to.axis = want;
    to.count = q->dims[want];
    to.inner = 1;
    for (int i = want + 1; i < q->rank; i++)
        to.inner *= q->dims[i];
    return to;
}

static double real_at(const struct grid *g, const struct tensor *q, int64_t i)
{
    int64_t c = group_of(g, i);
    return (double)(tensor_get_i64(q, i) - zero_at(g, c)) * scale_at(g, c);
}

static void choose_scales(const struct grid *g, const struct grid *to, const struct tensor *q, bool exact,
                          float *scales)
{
    for (int64_t c = 0; c < to->count; c++)
        scales[c] = exact ? (float)scale_at(g, c) : 0;
    for (int64_t i = 0; i < q->count && !exact; i++)
        scales[group_of(to, i)] = fmaxf(scales[group_of(to, i)], (float)(fabs(real_at(g, q, i)) / 127));
    for (int64_t c = 0; c < to->count; c++)
        scales[c] = scales[c] > 0 ? scales[c] : 1;
}

static int convert_weights(struct build *b, struct node *n, const struct grid *g)
{
    const struct tensor *q = n->in[0]->constant;
    int want = channel_axis(node_out(n, 0));
    bool exact = is_exact(g, q, want);
    struct grid to = exact ? *g : regroup(g, q, want);
    float *scales = mem_calloc((size_t)to.count, sizeof(*scales), b->err);
    struct tensor *t = scales ? tensor_new(DTYPE_I8, q->rank, q->dims, b->err) : NULL;
    if (t)
        choose_scales(g, &to, q, exact, scales);
    for (int64_t i = 0; t && i < q->count; i++) {
        double steps = real_at(g, q, i) / (double)scales[group_of(&to, i)];
        ((int8_t *)t->data)[i] = (int8_t)fmax(exact ? -128 : -127, fmin(127, nearbyint(steps)));
    }
    struct value *v = build_constant(b, NULL, t);
    build_check(b, v && node_set_input(n, 0, v, b->err) == 0 && node_set_int(n, "axis", to.axis, b->err) == 0 &&
                       set_grid(b, n, to.count, scales) == 0);
    free(scales);
    return build_end(b);
}

/* ---- values ---- */

/* The symmetric range that holds the one of bytes with this scale and zero point. */
static int convert_value(struct build *b, struct node *n, const struct grid *g)
{
    char label[200];
    bool is_quantize = node_is(n, "QuantizeLinear");
    struct value *bytes = is_quantize ? node_out(n, 0) : node_in(n, 0);
    enum dtype dtype = bytes->type.dtype;
    int64_t zero = zero_at(g, 0), low = dtype == DTYPE_U8 ? 0 : -128, high = low + 255;
    float scale = (float)scale_at(g, 0);
    if (g->count != 1 || (dtype != DTYPE_U8 && dtype != DTYPE_I8) || !(scale > 0))
        return error_set(b->err, "%s: TensorRT wants values of 8 bits with one scale above 0, this has %lld, of %s",
                         node_label(n, label, sizeof(label)), (long long)g->count, dtype_info(dtype)->name);
    /* What rounds to bytes from 0 on is a Relu too, which a range on both sides is not. */
    if (is_quantize && zero == low && !(n->in[0]->producer && op_trait(n->in[0]->producer, "nonnegative")))
        build_check(b, node_set_input(n, 0, BUILD(b, "Relu", n->in[0]), b->err) == 0);
    if (zero - low != 128)
        scale *= (float)(zero - low > high - zero ? zero - low : high - zero) / 127;
    return set_grid(b, n, 1, &scale);
}

/* ---- inputs and outputs ---- */

/* Whether the use takes numbers of the same scale. */
static bool is_dequantised(const struct use *u, const struct node *first)
{
    return node_is(u->node, "DequantizeLinear") && u->index == 0 && node_in(u->node, 1) == node_in(first, 1) &&
           node_in(u->node, 2) == node_in(first, 2);
}

#define MOST_MOVES 16 /* between an input and what takes its numbers */

/* The DequantizeLinear that takes the bytes first, behind what only moves them; NULL: there is none. */
static const struct node *find_dequantise(const struct value *v)
{
    for (int i = 0; i < MOST_MOVES && v && v->use_count; i++) {
        const struct node *n = v->uses[0].node;
        if (v->uses[0].index != 0 || node_is(n, "DequantizeLinear"))
            return v->uses[0].index == 0 ? n : NULL;
        v = v->use_count == 1 && (op_trait(n, "moves") || op_trait(n, "view")) ? node_out(n, 0) : NULL;
    }
    return NULL;
}

/* An input of bytes takes real numbers, which are rounded then. */
static int open_input(struct build *b, struct value *v)
{
    const struct node *first = find_dequantise(v);
    for (size_t i = 0; i < v->use_count; i++)
        if (!first || (v->use_count > 1 && !is_dequantised(&v->uses[i], first)))
            return error_set(b->err, "input '%.200s' is of bytes, and not only as numbers of one scale", v->name);
    v->type.dtype = DTYPE_F32;
    struct value *q = first ? BUILD(b, "QuantizeLinear", v, node_in(first, 1), node_in(first, 2)) : NULL;
    build_infer(b);
    while (q && !b->failed && v->use_count > 1) { /* the last use is q's own */
        struct use u = v->uses[v->uses[0].node == q->producer];
        build_check(b, node_set_input(u.node, u.index, q, b->err) == 0);
    }
    return build_end(b);
}

/* An output of bytes gives what they stand for; others go on using the bytes. */
static int close_output(struct build *b, struct value *v)
{
    const struct node *n = v->producer;
    if (!n || !node_is(n, "QuantizeLinear"))
        return error_set(b->err, "output '%.200s' is of bytes, whose scale is not known", v->name);
    struct value *real = BUILD(b, "DequantizeLinear", v, node_in(n, 1), node_in(n, 2));
    build_infer(b);
    size_t count = b->failed ? 0 : v->use_count;
    struct use *uses = mem_calloc(count + 1, sizeof(*uses), b->err);
    if (uses && count)
        memcpy(uses, v->uses, count * sizeof(*uses));
    build_check(b, uses && !b->failed && graph_replace_value(v, real, b->err) == 0);
    for (size_t i = 0; i < count && !b->failed; i++)
        build_check(b, node_set_input(uses[i].node, uses[i].index, v, b->err) == 0);
    free(uses);
    return build_end(b);
}

static bool is_bytes(const struct value *v)
{
    return v->type.kind == TYPE_TENSOR && (v->type.dtype == DTYPE_U8 || v->type.dtype == DTYPE_I8);
}

/* ---- the whole ---- */

static bool is_refused(const struct node *n)
{
    static const char *const names[] = {"QLinear", "ConvInteger", "MatMulInteger", "DynamicQuantize"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strncmp(n->op, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static int convert_node(struct build *b, struct node *n)
{
    struct grid g = {0};
    const struct value *x = n->in[0];
    if (read_grid(n, &x->type, &g, b->err) != 0)
        return -1;
    if (!x->constant || node_is(n, "QuantizeLinear"))
        return convert_value(b, n, &g);
    bool bytes = x->constant->dtype == DTYPE_I8 || x->constant->dtype == DTYPE_U8;
    return bytes ? convert_weights(b, n, &g) : make_real(b, n, &g);
}

/* What moves bytes between the two has them with a sign now. */
static void sign_bytes(struct graph *g)
{
    for (struct node *n = g->first; n; n = n->next)
        for (int o = 0; o < n->out_count; o++) {
            struct value *v = n->out[o];
            const struct value *x = node_in(n, 0);
            bool follows = x && x->type.kind == TYPE_TENSOR && x->type.dtype == DTYPE_I8;
            if (v && is_bytes(v) && (node_is(n, "QuantizeLinear") || follows))
                v->type.dtype = DTYPE_I8;
        }
}

static int convert_graph(struct graph *g, struct error *err)
{
    struct build b = {.graph = g, .err = err};
    char label[200];
    for (size_t i = 0; i < g->input_count; i++)
        if (is_bytes(g->inputs[i]) && !g->inputs[i]->constant && open_input(&b, g->inputs[i]) != 0)
            return -1;
    build_infer(&b);
    for (size_t i = 0; i < g->output_count && !b.failed; i++)
        if (is_bytes(g->outputs[i]) && close_output(&b, g->outputs[i]) != 0)
            return -1;
    for (struct node *n = g->first, *next; n && !b.failed; n = next) {
        next = n->next;
        if (is_refused(n))
            return error_set(err, "%s: TensorRT takes QuantizeLinear and DequantizeLinear, not %s",
                             node_label(n, label, sizeof(label)), n->op);
        if ((node_is(n, "QuantizeLinear") || node_is(n, "DequantizeLinear")) && convert_node(&b, n) != 0)
            return -1;
    }
    if (build_end(&b) != 0 || graph_sort(g, err) != 0)
        return -1;
    sign_bytes(g);
    return 0;
}

int onnx_for_tensorrt(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g))
        if (convert_graph(g, err) != 0)
            return -1;
    return op_infer_graph(root, err);
}
