/* DequantizeLinear, an operator and QuantizeLinear become one operator of whole numbers of domain "nn"
 * (op/fused_quant.c), which expands to them again; so do QLinearConv and QLinearMatMul. Products whose result is wanted
 * as numbers have no QuantizeLinear. */
#include <math.h>
#include <string.h>

#include "op/fused.h"
#include "pass/qdq.h"

/* A constant of 4 bits as bytes. */
static struct value *as_bytes(struct graph *g, struct value *v, struct error *err)
{
    const struct tensor *t = v ? v->constant : NULL;
    if (!v || qdq_is_byte(v))
        return v;
    struct tensor *bytes = tensor_new(t->dtype == DTYPE_U4 ? DTYPE_U8 : DTYPE_I8, t->rank, t->dims, err);
    for (int64_t i = 0; bytes && i < t->count; i++)
        tensor_set_i64(bytes, i, tensor_get_i64(t, i));
    return pass_add_constant(g, bytes, err);
}

/* The zero point, or one that is 0 with the scale's dims. */
static struct value *zero_of(struct node *n, enum dtype dtype, struct error *err)
{
    const struct tensor *scale = n->in[1]->constant;
    if (node_in(n, 2))
        return as_bytes(n->graph, n->in[2], err);
    return pass_add_constant(n->graph, tensor_new(dtype, scale->rank, scale->dims, err), err);
}

/* A bias in floats: an element for each of `columns`, along the last axis, which gives y no more axes. */
static bool is_real_bias(const struct tensor *t, int64_t columns, const struct type *y)
{
    bool fits = (t->rank == 1 || (y && t->rank <= y->rank)) && t->dtype == DTYPE_F32 && t->rank > 0 &&
                t->count == columns && t->dims[t->rank - 1] == columns;
    for (int64_t i = 0; fits && i < columns; i++)
        fits = isfinite(tensor_get_f64(t, i));
    return fits;
}

/* Whether a bias of y has an element for each of `columns`, and counts in units of the product of both scales, to
 * rounding, or is floats. */
static bool is_bias(const struct value *v, int64_t columns, const struct value *y, const struct tensor *x_scale,
                    const struct tensor *w_scale)
{
    if (pass_constant(v))
        return is_real_bias(v->constant, columns, pass_type(y));
    const struct node *n = v->producer;
    const struct tensor *q = n && n->def && node_is(n, "DequantizeLinear") ? pass_constant(node_in(n, 0)) : NULL;
    if (!q || q->dtype != DTYPE_I32 || q->rank != 1 || q->count != columns || !qdq_has_scales(n, 0))
        return false;
    const struct tensor *scale = n->in[1]->constant, *zero = pass_constant(node_in(n, 2));
    int64_t count = scale->count > w_scale->count ? scale->count : w_scale->count;
    for (int64_t i = 0; i < count; i++) {
        double want = tensor_get_f64(x_scale, 0) * tensor_get_f64(w_scale, w_scale->count > 1 ? i : 0);
        double is = tensor_get_f64(scale, scale->count > 1 ? i : 0);
        if (fabs(is - want) > 1e-6 * want || (zero && tensor_get_i64(zero, zero->count > 1 ? i : 0)))
            return false;
    }
    return true;
}

/* ---- what is fused ---- */

/* An operator of two operands of bytes, and a bias. */
struct base {
    const struct form *form;
    struct node *n;
    struct value *bias; /* dequantised; NULL: none */
    struct node *both[2]; /* the second NULL: weights in floats, which 16 bits can have instead */
};

static const struct form {
    const char *op, *fused;
    int axis; /* of operand 1 along which its scales may go where it is constant; -1: none */
    enum { FORM_CONV, FORM_PRODUCT, FORM_ELEMENTS } kind;
} forms[] = {
    {"Conv", "QConv", 0, FORM_CONV},        {"ConvTranspose", "QConvTranspose", 1, FORM_CONV},
    {"MatMul", "QMatMul", 1, FORM_PRODUCT}, {"Gemm", "QMatMul", 1, FORM_PRODUCT},
    {"Add", "QAdd", -1, FORM_ELEMENTS},     {"Mul", "QMul", -1, FORM_ELEMENTS},
    {"Sub", "QAdd", -1, FORM_ELEMENTS},
};

/* The operator itself, or its fused form without a residual. */
static const struct form *form_of(const struct node *n)
{
    if ((n->domain[0] && strcmp(n->domain, "nn") != 0) || node_in(n, 3))
        return NULL;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(n->op, forms[i].op) == 0)
            return &forms[i];
    return NULL;
}

/* Whether a Gemm is a product with rows of the second operand turned at most. */
static bool is_plain(const struct node *gemm)
{
    return !op_int(gemm, "transA") && op_float(gemm, "alpha") == 1 &&
           (!node_in(gemm, 2) || op_float(gemm, "beta") == 1);
}

static bool is_turned(const struct node *n)
{
    return node_is(n, "Gemm") && op_int(n, "transB");
}

/* How many output channels, each with a bias, constant weights have; 0: this cannot be fused. */
static int64_t channels_of(const struct base *b, const struct tensor *w, int axis)
{
    if (b->form->kind == FORM_PRODUCT)
        return w->rank == 2 ? w->dims[axis] : 0;
    bool transposed = strcmp(b->form->op, "ConvTranspose") == 0;
    int64_t groups = transposed ? op_int(b->n, "group") : 1, scales = b->both[1]->in[1]->constant->count;
    return groups == 1 || scales == 1 ? w->dims[axis] * groups : 0;
}

/* Channel by channel there are kernels from bytes to bytes, and from numbers to numbers. */
static bool is_depthwise(const struct node *n)
{
    const struct type *w = node_is(n, "Conv") ? pass_type(node_in(n, 1)) : NULL;
    return w && w->dims[1] == 1 && w->dims[0] > 1 && w->dims[0] == op_int(n, "group");
}

/* Whether weights between bytes and bytes are numbers, as where they had scales for each place of the window. */
static bool has_wide_weights(const struct base *b)
{
    const struct tensor *w = is_depthwise(b->n) ? pass_constant(b->n->in[1]) : NULL;
    bool fits = w && w->dtype == DTYPE_F32 && w->rank <= 4 && (!b->bias || pass_constant(b->bias));
    for (int64_t i = 0; fits && i < w->count; i++)
        fits = isfinite(tensor_get_f64(w, i));
    return fits && (!b->bias || is_real_bias(b->bias->constant, w->dims[0], pass_type(b->n->out[0])));
}

static bool find_operands(struct base *b)
{
    const struct form *f = b->form;
    int axis = is_turned(b->n) ? 0 : f->axis;
    b->both[0] = qdq_dequantizer(node_in(b->n, 0), -1);
    b->both[1] = qdq_dequantizer(node_in(b->n, 1), axis);
    if (!b->both[0] || !b->both[1])
        return b->both[0] && has_wide_weights(b);
    const struct tensor *w = pass_constant(b->both[1]->in[0]), *scale = b->both[1]->in[1]->constant;
    if (f->kind == FORM_ELEMENTS)
        return true;
    if (!w) /* two results are multiplied */
        return node_is(b->n, "MatMul") && !b->bias && scale->count == 1;
    int64_t channels = channels_of(b, w, axis);
    return channels > 0 && (!b->bias || is_bias(b->bias, channels, b->n->out[0], b->both[0]->in[1]->constant, scale));
}

/* A product that an Add may give a bias. */
static bool takes_sum(const struct node *n)
{
    return n->def && (node_is(n, "MatMul") || (node_is(n, "Gemm") && is_plain(n) && !node_in(n, 2)));
}

/* An Add of a bias to a product. */
static bool find_sum(struct node *n, struct base *b)
{
    for (int i = 0; i < 2 && node_is(n, "Add") && n->in_count == 2; i++) {
        struct node *product = n->in[i] && pass_is_single(n->in[i]) ? n->in[i]->producer : NULL;
        bool takes = product && takes_sum(product);
        *b = (struct base){takes ? form_of(product) : NULL, product, n->in[1 - i], {NULL, NULL}};
        if (b->form && find_operands(b))
            return true;
    }
    return false;
}

static bool find(struct node *n, struct base *b)
{
    if (find_sum(n, b))
        return true;
    *b = (struct base){form_of(n), n, NULL, {NULL, NULL}};
    if (!b->form || (node_is(n, "Gemm") && !is_plain(n)))
        return false;
    b->bias = b->form->kind == FORM_ELEMENTS ? NULL : node_in(n, 2);
    return find_operands(b);
}

/* The activation between the operator and QuantizeLinear, as a node of its own or as an attribute. */
struct activation {
    const struct fused_activation *kind; /* NULL: none */
    float alpha, beta;
};

static bool is_bound(const struct fused_activation *a)
{
    return strcmp(a->name, "Relu") == 0 || strcmp(a->name, "Clip") == 0;
}

/* The operator that makes v for QuantizeLinear alone; NULL when an activation behind it is no bound. */
static struct node *find_base(const struct value *v, struct activation *a)
{
    struct node *n = pass_is_single(v) ? v->producer : NULL;
    *a = (struct activation){NULL, 0, 0};
    if (n && n->def && (a->kind = fused_activation_of(n, &a->alpha, &a->beta)) != NULL) {
        if (!is_bound(a->kind))
            return NULL;
        n = pass_is_single(n->in[0]) ? n->in[0]->producer : NULL;
    }
    if (!n || !n->def)
        return NULL;
    if (strcmp(n->domain, "nn") != 0 || !form_of(n) || !op_string(n, "activation")[0])
        return n;
    if (a->kind) /* two in a row */
        return NULL;
    a->kind = fused_activation_find(op_string(n, "activation"));
    a->alpha = op_float(n, "activation_alpha");
    a->beta = op_float(n, "activation_beta");
    return a->kind && is_bound(a->kind) ? n : NULL;
}

/* ---- making ---- */

/* Copies the attributes that the new operator has, too. */
static int copy_attrs(struct node *to, const struct node *from, struct error *err)
{
    static const char *const lists[] = {"dilations", "kernel_shape",   "pads",
                                        "strides",   "output_padding", "output_shape"};
    bool transposed = strcmp(from->op, "ConvTranspose") == 0;
    const char *word = op_string(from, "auto_pad");
    for (size_t i = 0; i < (transposed ? 6 : 4); i++) {
        int count;
        const int64_t *list = op_ints(from, lists[i], &count);
        if (list && node_set_ints(to, lists[i], list, (size_t)count, err))
            return -1;
    }
    return node_set_int(to, "group", op_int(from, "group"), err) ||
                   node_set_string(to, "auto_pad", word, strlen(word), err)
               ? -1
               : 0;
}

/* The floats t as counts of the unit of each channel's sums, which need no addition behind these; NULL and no failure
 * when they are no such numbers to rounding, or so large that a sum might leave s32. */
static struct tensor *counts_of(const struct base *b, const struct tensor *t, struct error *err)
{
    const struct tensor *x = b->both[0]->in[1]->constant, *w = b->both[1]->in[1]->constant;
    struct tensor *counts = tensor_new(DTYPE_I32, 1, &t->count, err);
    for (int64_t i = 0; counts && i < t->count; i++) {
        double unit = tensor_get_f64(x, 0) * tensor_get_f64(w, w->count > 1 ? i : 0);
        double count = tensor_get_f64(t, i) / unit, whole = rint(count);
        if (!(fabs(whole) < 1 << 30 && fabs(count - whole) <= 1e-6 * fabs(count))) {
            tensor_unref(counts);
            return NULL;
        }
        tensor_set_f64(counts, i, whole);
    }
    return counts;
}

/* The bias as a list, of whole numbers if it can be; NULL and no failure when there is none. */
static struct value *bias_of(const struct base *b, struct error *err)
{
    const struct tensor *t = b->bias ? pass_constant(b->bias) : NULL;
    if (!t)
        return b->bias ? b->bias->producer->in[0] : NULL;
    struct tensor *counts = b->both[1] ? counts_of(b, t, err) : NULL;
    return pass_add_constant(b->n->graph, counts ? counts : tensor_reshaped(t, 1, &t->count, err), err);
}

/* The scale of what is taken off. */
static struct value *negative(const struct value *scale, struct error *err)
{
    return pass_add_scalar(scale->graph, DTYPE_F32, -tensor_get_f64(scale->constant, 0), err);
}

/* Weights in floats as 16 bits with a scale for each row, at in[0] to in[2]. */
static int widen(const struct tensor *w, struct graph *g, struct value **in, struct error *err)
{
    struct tensor *bits = tensor_new(DTYPE_I16, w->rank, w->dims, err);
    struct tensor *scale = bits ? tensor_new(DTYPE_F32, 1, w->dims, err) : NULL;
    int64_t row = w->count / w->dims[0];
    const float *from = w->data;
    for (int64_t c = 0; scale && c < w->dims[0]; c++, from += row) {
        float most = 0, *unit = (float *)scale->data + c;
        for (int64_t i = 0; i < row; i++)
            most = fmaxf(most, fabsf(from[i]));
        *unit = most > 1e-30f ? most / INT16_MAX : 1;
        for (int64_t i = 0; i < row; i++)
            tensor_set_f64(bits, c * row + i, nearbyint((double)from[i] / (double)*unit));
    }
    in[0] = scale ? pass_add_constant(g, bits, err) : NULL;
    in[1] = pass_add_constant(g, scale, err);
    in[2] = in[0] && in[1] ? pass_add_constant(g, tensor_new(DTYPE_I16, 1, w->dims, err), err) : NULL;
    if (!scale)
        tensor_unref(bits);
    return in[2] ? 0 : -1;
}

/* Puts it in the place of `last`, the QuantizeLinear that rounds it, or what gives it as numbers. */
static int make(struct node *last, const struct base *b, const struct activation *a, struct error *err)
{
    struct value *in[9] = {NULL};
    bool rounds = node_is(last, "QuantizeLinear");
    if (!b->both[1] && widen(b->n->in[1]->constant, b->n->graph, in + 3, err))
        return -1;
    for (int i = 0; i < 2 && b->both[i]; i++) {
        in[3 * i] = as_bytes(b->n->graph, b->both[i]->in[0], err);
        in[3 * i + 1] = i && strcmp(b->form->op, "Sub") == 0 ? negative(b->both[i]->in[1], err) : b->both[i]->in[1];
        in[3 * i + 2] = in[3 * i] ? zero_of(b->both[i], in[3 * i]->type.dtype, err) : NULL;
    }
    in[6] = rounds ? last->in[1] : NULL;
    in[7] = rounds ? zero_of(last, last->out[0]->type.dtype, err) : NULL;
    in[8] = bias_of(b, err);
    bool ready = in[2] && in[3] && in[4] && in[5] && (!rounds || in[7]) && (in[8] || !b->bias);
    struct node *n = ready ? pass_node(last, "nn", b->form->fused, 9, in, err) : NULL;
    if (!n || (b->form->kind == FORM_CONV && copy_attrs(n, b->n, err)) ||
        (is_turned(b->n) && node_set_int(n, "transB", 1, err)) || node_set_name(n, b->n->name, err) ||
        (a->kind && fused_set_activation(n, a->kind, a->alpha, a->beta, err)))
        return -1;
    return pass_replace(last, n, err);
}

/* ---- averages ---- */

/* The axes that GlobalAveragePool takes the mean of. */
static struct value *spatial_axes(struct node *n, struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = n->in[0]->type.rank;
    for (int i = 2; i < rank; i++)
        axes[i - 2] = i;
    return pass_add_ints(n->graph, rank - 2, axes, err);
}

static int make_mean(struct node *q, struct node *n, const struct node *x, struct error *err)
{
    bool window = node_is(n, "AveragePool"), global = node_is(n, "GlobalAveragePool");
    struct value *x_zero = zero_of((struct node *)(uintptr_t)x, x->in[0]->type.dtype, err);
    struct value *y_zero = x_zero ? zero_of(q, q->out[0]->type.dtype, err) : NULL;
    struct value *axes = !y_zero || window ? NULL : global ? spatial_axes(n, err) : node_in(n, 1);
    if (!y_zero || (global && !axes))
        return -1;
    struct value *in[6] = {x->in[0], axes, x->in[1], x_zero, q->in[1], y_zero};
    in[1] = window ? in[0] : axes;
    struct node *mean =
        window ? pass_node(q, "nn", "QAveragePool", 5, in + 1, err) : pass_node(q, "nn", "QReduceMean", 6, in, err);
    if (!mean || (!global && node_take_attrs(mean, n, err)))
        return -1;
    return pass_replace(q, mean, err);
}

static bool is_mean(const struct node *n)
{
    return node_is(n, "AveragePool") || node_is(n, "ReduceMean") ||
           (node_is(n, "GlobalAveragePool") && pass_type(n->in[0]) && n->in[0]->type.rank > 2);
}

/* ---- both ---- */

static int fuse_rounded(struct node *q, struct error *err)
{
    struct base b;
    struct activation a;
    if (!node_in(q, 0) || !qdq_is_byte(node_out(q, 0)) || !qdq_has_scales(q, -1))
        return 0;
    struct node *n = find_base(q->in[0], &a), *x = n && is_mean(n) ? qdq_dequantizer(n->in[0], -1) : NULL;
    if (x && !a.kind && x->in[0]->type.dtype == q->out[0]->type.dtype)
        return make_mean(q, n, x, err);
    if (a.kind && !(tensor_get_f64(q->in[1]->constant, 0) > 0)) /* else the bounds would change places */
        return 0;
    return n && find(n, &b) ? make(q, &b, &a, err) : 0;
}

/* Whether QuantizeLinear comes behind a value, with no more than a bias and a bound between. */
static bool is_rounded(const struct value *v)
{
    float alpha, beta;
    for (; pass_is_single(v) && v->uses[0].node->def; v = v->uses[0].node->out[0]) {
        const struct node *n = v->uses[0].node;
        const struct fused_activation *a = fused_activation_of(n, &alpha, &beta);
        if (node_is(n, "QuantizeLinear"))
            return qdq_has_scales(n, -1);
        if (!(a && is_bound(a)) && !(node_is(n, "Add") && takes_sum(v->producer)))
            return false;
    }
    return false;
}

static int fuse_real(struct node *n, struct error *err)
{
    static const struct activation none = {NULL, 0, 0};
    struct base b, sum;
    if (n->domain[0] || n->out_count != 1 || is_depthwise(n) || is_rounded(n->out[0]))
        return 0;
    struct node *next = takes_sum(n) && pass_is_single(n->out[0]) ? n->out[0]->uses[0].node : NULL;
    if (!find(n, &b) || b.form->kind == FORM_ELEMENTS || strcmp(b.form->op, "ConvTranspose") == 0 ||
        (next && next->def && find_sum(next, &sum)))
        return 0;
    return make(n, &b, &none, err);
}

/* The same operands in the same order. */
static int rename(struct node *n, const char *op, struct error *err)
{
    if (node_set_op(n, "nn", op, err))
        return -1;
    n->def = op_find("nn", op);
    return 1;
}

static bool is_single_number(const struct value *v)
{
    const struct type *t = pass_type(v);
    return t && tensor_count(t->rank, t->dims) == 1;
}

/* Rows with scales of their own are no case for nn.QMatMul. */
static bool is_by_column(const struct node *n)
{
    const struct type *b = pass_type(node_in(n, 3)), *scale = pass_type(node_in(n, 4));
    for (int i = 1; i < 8; i += i == 2 ? 4 : 1)
        if (!is_single_number(node_in(n, i)))
            return false;
    return b && scale && b->rank >= 2 &&
           (is_single_number(n->in[4]) || (scale->rank == 1 && scale->dims[0] == b->dims[b->rank - 1]));
}

static int fuse(struct node *n, struct error *err)
{
    if (node_is(n, "QLinearConv"))
        return rename(n, "QConv", err);
    if (node_is(n, "QLinearMatMul"))
        return is_by_column(n) ? rename(n, "QMatMul", err) : 0;
    return node_is(n, "QuantizeLinear") ? fuse_rounded(n, err) : fuse_real(n, err);
}

int pass_fuse_qdq(struct graph *g, struct error *err)
{
    return pass_each(g, fuse, err);
}
