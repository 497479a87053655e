/* Constant scales and shifts into the weights of the node before, or behind; two in a row into one.
 *
 * What is left of a BatchNormalization becomes nn.ScaleShift. */
#include <string.h>

#include "pass/affine.h"
#include "pass/qdq.h"

/* ---- nodes with weights ---- */

/* Where weights are: y's channel `axis` is dim `out` of W, and x's channels are dim `in`. */
struct layer {
    struct node *n;
    const struct type *w;
    int axis;           /* of y; -1: the last */
    int out, in;        /* dims of W */
    int64_t groups;     /* of a convolution */
    bool is_transposed; /* ConvTranspose: a group's inputs have its outputs only */
    bool takes_bias;    /* input 2 may be one number for each channel */
    double beta;        /* of that input */
};

static const struct layer_kind {
    const char *domain, *op;
    int axis;
    bool takes_bias;
} kinds[] = {
    {"", "Conv", 1, true},          {"nn", "Conv", 1, true},
    {"", "ConvTranspose", 1, true}, {"nn", "ConvTranspose", 1, true},
    {"", "Gemm", -1, true},         {"nn", "MatMul", -1, true},
    {"", "MatMul", -1, false},
};

static void describe(struct layer *l)
{
    bool conv = strstr(l->n->op, "Conv") != NULL, turned = op_int(l->n, "transB");
    l->groups = conv ? op_int(l->n, "group") : 1;
    l->is_transposed = strcmp(l->n->op, "ConvTranspose") == 0;
    l->beta = node_is(l->n, "Gemm") ? (double)op_float(l->n, "beta") : 1;
    l->out = conv ? l->is_transposed : turned ? 0 : l->w->rank - 1;
    l->in = conv ? !l->is_transposed : turned ? 1 : l->w->rank - 2;
}

/* A layer with constant weights, or a convolution with others of known dims: integers, for one. False when n is
 * another.
 */
static bool layer_of(struct node *n, struct layer *l)
{
    const struct type *w = pass_type(node_in(n, 1));
    bool constant = pass_constant(node_in(n, 1)) != NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (n->def && w && strcmp(n->op, kinds[i].op) == 0 && strcmp(n->domain, kinds[i].domain) == 0) {
            *l = (struct layer){.n = n, .w = w, .axis = kinds[i].axis, .takes_bias = kinds[i].takes_bias};
            if (w->rank < 2 || tensor_count(w->rank, w->dims) < 1 || (!constant && l->axis < 0) ||
                (node_in(n, 2) && !pass_constant(n->in[2])))
                return false;
            describe(l);
            return l->groups > 0 && w->dims[0] % l->groups == 0 && l->beta != 0;
        }
    return false;
}

/* Whether a fused node does something to the result of its base operator. */
static bool is_closed(const struct node *n)
{
    return n->domain[0] && (op_string(n, "activation")[0] || node_in(n, 3));
}

static int64_t out_channels(const struct layer *l)
{
    return l->is_transposed ? l->w->dims[1] * l->groups : l->w->dims[l->out];
}

static int64_t in_channels(const struct layer *l)
{
    return l->is_transposed ? l->w->dims[0] : l->w->dims[l->in] * l->groups;
}

/* Walks the elements of W with their channels of y and x. */
struct channels {
    const struct tensor *w;
    int64_t inner_out, inner_in, group_rows;
    const struct layer *l;
};

static struct channels channels_of(const struct layer *l)
{
    const struct tensor *w = l->n->in[1]->constant;
    return (struct channels){w, tensor_count(w->rank - l->out - 1, w->dims + l->out + 1),
                             tensor_count(w->rank - l->in - 1, w->dims + l->in + 1), w->dims[0] / l->groups, l};
}

/* The group goes by W's first dim, which is the other one's offset. */
static int64_t channel(const struct channels *c, int64_t i, bool out)
{
    int dim = out ? c->l->out : c->l->in;
    int64_t at = i / (out ? c->inner_out : c->inner_in) % c->w->dims[dim];
    if (c->l->groups == 1 || dim == 0)
        return at;
    int64_t first = i / tensor_count(c->w->rank - 1, c->w->dims + 1);
    return at + first / c->group_rows * c->w->dims[dim];
}

/* ---- new weights ---- */

static int set_constant(struct node *n, int index, struct tensor *t, struct error *err)
{
    struct value *v = pass_add_constant(n->graph, t, err);
    return v ? node_set_input(n, index, v, err) : -1;
}

/* The DequantizeLinear of a convolution's weights whose scales may change with channels of y, or of x where each row
 * has one. */
static const struct node *dequantizer_of(const struct layer *l, bool out)
{
    double zero = 0;
    const struct node *n = l->axis == 1 && !l->is_transposed && (out || l->w->dims[1] == 1)
                               ? qdq_dequantizer(l->n->in[1], 0)
                               : NULL;
    return n && (!node_in(n, 2) || (pass_scalar(n->in[2], &zero) && zero == 0)) ? n : NULL;
}

/* The new scale of weights' row i; 0 when it is too large or small to be one. */
static double row_scale(const struct layer *l, const struct affine *a, bool out, int64_t i)
{
    const struct tensor *old = dequantizer_of(l, out)->in[1]->constant;
    double scale = tensor_get_f64(old, old->count == 1 ? 0 : i) *
                   affine_scale(a, out ? i : i / (l->w->dims[0] / l->groups));
    return scale > 1e-30 && scale < 1e30 ? scale : 0;
}

static bool is_scalable(const struct layer *l, const struct affine *a, bool out)
{
    bool constant = pass_constant(l->n->in[1]), may = constant || dequantizer_of(l, out);
    for (int64_t i = 0; may && !constant && i < l->w->dims[0]; i++)
        may = row_scale(l, a, out, i) > 0;
    return may;
}

/* The same for weights in bytes. */
static int scale_rows(const struct layer *l, const struct affine *a, bool out, struct error *err)
{
    const struct node *d = dequantizer_of(l, out);
    struct tensor *scale = tensor_new(DTYPE_F32, 1, l->w->dims, err);
    for (int64_t i = 0; scale && i < scale->count; i++)
        tensor_set_f64(scale, i, row_scale(l, a, out, i));
    struct value *in[2] = {d->in[0], pass_add_constant(d->graph, scale, err)};
    struct node *n = in[1] ? pass_node(l->n, "", "DequantizeLinear", 2, in, err) : NULL;
    struct value *w = n && !node_set_int(n, "axis", 0, err) ? pass_output(n, err) : NULL;
    return w && pass_set_input(l->n, 1, w, err) > 0 ? 0 : -1;
}

/* W times the scale of its channels of y (or x). */
static int scale_weights(const struct layer *l, const struct affine *a, bool out, struct error *err)
{
    if (!a->scales)
        return 0;
    if (!pass_constant(l->n->in[1]))
        return scale_rows(l, a, out, err);
    struct channels c = channels_of(l);
    struct tensor *t = tensor_new(c.w->dtype, c.w->rank, c.w->dims, err);
    if (!t)
        return -1;
    tensor_populate(t);
    int64_t inner = out ? c.inner_out : c.inner_in, run = inner > 1 ? inner : c.w->dims[out ? l->out : l->in];
    bool one = a->count == 1;
    for (int64_t i = 0; i < t->count; i += run)
        pass_times(t, c.w, i, run, a->scale + (one ? 0 : channel(&c, i, out)), !one && inner == 1);
    blob_drop_pages(c.w->blob, c.w->data, c.w->size);
    return set_constant(l->n, 1, t, err);
}

/* Whether the present bias is none, one number, or one for each channel. */
static bool bias_fits(const struct layer *l)
{
    const struct tensor *b = pass_constant(node_in(l->n, 2));
    return !b || ((b->count == 1 || b->count == out_channels(l)) && (b->rank == 0 || b->dims[b->rank - 1] == b->count));
}

/* bias[i] = bias[i] * scale + shift, the bias being multiplied by beta when used. */
static int change_bias(const struct layer *l, const struct affine *a, struct error *err)
{
    const struct tensor *b = pass_constant(node_in(l->n, 2));
    int64_t count = out_channels(l);
    if (!b && !a->shifts)
        return 0;
    struct tensor *t = tensor_new(l->w->dtype, 1, &count, err);
    for (int64_t i = 0; t && i < count; i++) {
        double old = b ? tensor_get_f64(b, b->count == 1 ? 0 : i) : 0;
        tensor_set_f64(t, i, old * affine_scale(a, i) + affine_shift(a, i) / l->beta);
    }
    if (t && l->n->in_count == 2 && node_add_input(l->n, NULL, err)) {
        tensor_unref(t);
        return -1;
    }
    return t ? set_constant(l->n, 2, t, err) : -1;
}

/* ---- into the node before ---- */

/* Scale and shift of the layer's result. */
static int absorb_layer(const struct layer *l, const struct affine *a, struct error *err)
{
    const struct type *y = pass_type(l->n->out[0]);
    int axis = y && l->axis < 0 ? y->rank - 1 : l->axis;
    if (!y || (a->count > 1 && (a->axis != axis || a->count != out_channels(l))) || !bias_fits(l) ||
        (a->shifts && !l->takes_bias) || (a->scales && !is_scalable(l, a, true)))
        return 0;
    return change_bias(l, a, err) || scale_weights(l, a, true, err) ? -1 : 1;
}

static int absorb_scale_shift(struct node *n, const struct affine *more, struct error *err)
{
    struct value *x;
    struct affine a;
    int found = strcmp(n->op, "ScaleShift") == 0 ? affine_read(n, &x, &a, err) : 0;
    if (found <= 0)
        return found;
    const struct tensor *old = n->in[1]->constant;
    int done = affine_compose(&a, more, err);
    for (int i = 1; done > 0 && i < 3; i++) {
        struct tensor *t = tensor_new(old->dtype, 1, &a.count, err);
        if (t)
            tensor_store_f64(t, 0, a.count, i == 1 ? a.scale : a.shift);
        done = set_constant(n, i, t, err) ? -1 : 1;
    }
    affine_release(&a);
    return done;
}

/* Nodes between, or products of products, at most. */
#define MAX_WAY 12

static int absorb(struct value *v, struct affine *a, int way, struct error *err);

/* A factor of a product may be one of either operand; what a failed try made of it is thrown away. */
static int absorb_either(struct node *n, const struct affine *a, int way, struct error *err)
{
    int done = 0;
    for (int i = 0; i < 2 && done == 0; i++) {
        struct affine copy;
        if (affine_copy(&copy, a, err) < 0)
            return -1;
        done = absorb(node_in(n, i), &copy, way, err);
        affine_release(&copy);
    }
    return done;
}

/* Whether it may as well be done before a Relu. */
static bool keeps_signs(const struct affine *a)
{
    bool keeps = !a->shifts;
    for (int64_t i = 0; keeps && i < a->count; i++)
        keeps = a->scale[i] > 0;
    return keeps;
}

/* Multiplies v, used once, and adds, by changing constants that it is made of. 1 done, 0 not possible, -1. */
static int absorb(struct value *v, struct affine *a, int way, struct error *err)
{
    struct node *n = v ? v->producer : NULL;
    struct layer l;
    if (!n || !n->def || way == MAX_WAY || !pass_is_single(v) || !pass_is_float(v))
        return 0;
    if (layer_of(n, &l))
        return is_closed(n) ? 0 : absorb_layer(&l, a, err);
    if (strcmp(n->domain, "nn") == 0)
        return absorb_scale_shift(n, a, err);
    if (node_is(n, "MatMul"))
        return a->count == 1 && !a->shifts ? absorb_either(n, a, way + 1, err) : 0;
    int through = node_is(n, "Relu") ? keeps_signs(a) : affine_through(n, v->producer_index, a, err);
    return through > 0 ? absorb(n->in[0], a, way + 1, err) : through;
}

/* ---- into the convolution behind ---- */

static bool has_padding(const struct node *n)
{
    int count;
    const int64_t *pads = op_ints(n, "pads", &count);
    const char *word = op_string(n, "auto_pad");
    for (int i = 0; i < count; i++)
        if (pads[i])
            return true;
    return strcmp(word, "NOTSET") != 0 && strcmp(word, "VALID") != 0;
}

/* What a constant shift of x's channels adds to each of y's, as a shift. */
static int shift_of_input(const struct layer *l, const struct affine *a, struct affine *y, struct error *err)
{
    struct channels c = channels_of(l);
    int64_t count = out_channels(l);
    double *both = mem_calloc((size_t)count, 2 * sizeof(*both), err);
    *y = (struct affine){.axis = 1, .count = count, .scale = both, .shift = both ? both + count : NULL, .shifts = true};
    for (int64_t i = 0; both && i < count; i++)
        y->scale[i] = 1;
    for (int64_t i = 0; both && i < c.w->count; i++)
        y->shift[channel(&c, i, true)] += tensor_get_f64(c.w, i) * affine_shift(a, channel(&c, i, false));
    return both ? 0 : -1;
}

static int push_into(const struct layer *l, const struct affine *a, struct error *err)
{
    struct affine y;
    if (a->shifts) {
        int failed = shift_of_input(l, a, &y, err) || change_bias(l, &y, err);
        affine_release(&y);
        if (failed)
            return -1;
    }
    return scale_weights(l, a, false, err) ? -1 : 1;
}

/* The layer that alone uses n's result, as its first input. */
static int push(struct node *n, struct value *x, const struct affine *a, struct error *err)
{
    struct value *v = n->out[0];
    struct layer l;
    if (!pass_is_single(v) || v->uses[0].index != 0 || !layer_of(v->uses[0].node, &l) || strcmp(l.n->op, "Conv") != 0 ||
        in_channels(&l) < 1 || !is_scalable(&l, a, false) || (a->shifts && !pass_constant(l.n->in[1])) ||
        (a->count > 1 && (a->axis != 1 || a->count != in_channels(&l))) || !bias_fits(&l) ||
        (a->shifts && has_padding(l.n)))
        return 0;
    int done = push_into(&l, a, err);
    return done > 0 ? pass_bypass(n, 0, x, err) : done;
}

/* ---- on their own ---- */

static int make_scale_shift(struct node *n, struct value *x, const struct affine *a, struct error *err)
{
    const struct type *type = pass_type(x);
    int64_t c = a->count > 1 ? a->count : type->rank > 1 ? type->dims[1] : 0;
    struct value *in[3] = {x, NULL, NULL};
    if (type->rank < 2 || c < 1 || c > INT32_MAX || (a->count > 1 && a->axis != 1))
        return 0;
    for (int i = 1; i < 3; i++) {
        struct tensor *t = tensor_new(type->dtype, 1, &c, err);
        for (int64_t k = 0; t && k < c; k++)
            tensor_set_f64(t, k, i == 1 ? affine_scale(a, k) : affine_shift(a, k));
        in[i] = pass_add_constant(n->graph, t, err);
        if (!in[i])
            return -1;
    }
    return pass_replace(n, pass_node(n, "nn", "ScaleShift", 3, in, err), err);
}

/* Multiplication, then addition. One number for all of few axes is left to the plain operators. */
static int join(struct node *n, struct value *x, const struct affine *a, struct error *err)
{
    struct affine first;
    struct node *before = x->producer;
    struct value *from;
    if (!before || !pass_is_single(x) || !a->shifts || a->scales || before->domain[0])
        return 0;
    int done = affine_read(before, &from, &first, err);
    if (done <= 0)
        return done;
    bool plain = first.count == 1 && a->count == 1 && from->type.rank < 4;
    done = !first.scales || plain ? 0 : affine_compose(&first, a, err);
    if (done > 0)
        done = make_scale_shift(n, from, &first, err);
    affine_release(&first);
    return done;
}

static int absorb_before(struct node *n, struct value *x, const struct affine *a, struct error *err)
{
    struct affine copy;
    if (affine_copy(&copy, a, err) < 0)
        return -1;
    int done = absorb(x, &copy, 0, err);
    affine_release(&copy);
    return done > 0 ? pass_bypass(n, 0, x, err) : done;
}

static int rewrite(struct node *n, struct error *err)
{
    struct value *x;
    struct affine a;
    int done = affine_read(n, &x, &a, err);
    if (done <= 0)
        return done;
    done = absorb_before(n, x, &a, err);
    if (done == 0)
        done = push(n, x, &a, err);
    if (done == 0)
        done = join(n, x, &a, err);
    if (done == 0 && node_is(n, "BatchNormalization"))
        done = make_scale_shift(n, x, &a, err);
    affine_release(&a);
    return done;
}

int pass_fold_scale(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
