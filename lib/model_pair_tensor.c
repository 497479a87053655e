/* Tensors of two paired models: in either's layout, quantised or not. */
#include "model_pair.h"

#include <math.h>
#include <string.h>

#include "op/op.h"

/* ---- quantised inputs and outputs ---- */

struct affine {
    bool given;
    double scale, zero;
};

static double scalar(const struct value *v, double absent)
{
    return v && v->constant && v->constant->count == 1 ? tensor_get_f64(v->constant, 0) : absent;
}

static struct affine affine_of(const struct node *n)
{
    double scale = scalar(node_in(n, 1), 0);
    return (struct affine){.given = scale > 0, .scale = scale, .zero = scalar(node_in(n, 2), 0)};
}

/* How an input or output stands for real numbers, when it is quantised. */
static struct affine affine_of_port(const struct pair_layer *l)
{
    const struct value *v = l->value;
    const struct node *n = v->producer;
    if (strcmp(l->op, "output") == 0)
        return n && node_is(n, "QuantizeLinear") ? affine_of(n) : (struct affine){0};
    n = v->use_count == 1 ? v->uses[0].node : NULL;
    return n && node_is(n, "DequantizeLinear") ? affine_of(n) : (struct affine){0};
}

static double to_real(const struct affine *f, double x)
{
    return f->given ? (x - f->zero) * f->scale : x;
}

static double from_real(const struct affine *f, enum dtype dtype, double x)
{
    if (!f->given)
        return x;
    const struct dtype_info *info = dtype_info(dtype);
    double least = info->class == DTYPE_CLASS_UINT ? 0 : -ldexp(1, (int)info->bits - 1);
    return fmin(fmax(nearbyint(x / f->scale) + f->zero, least), least + ldexp(1, (int)info->bits) - 1);
}

/* ---- layouts ---- */

/* Where the elements of a tensor of the first lie in the second's; false when the shapes are not the same that way. */
static bool find_layout(const struct pair *p, size_t layer, const struct tensor *a, const struct tensor *b,
                        struct pair_layout *layout, int64_t *dims)
{
    struct type x = {.kind = TYPE_TENSOR, .rank = a->rank}, y = {.kind = TYPE_TENSOR, .rank = b->rank};
    int64_t other[TENSOR_MAX_RANK];
    memcpy(x.dims, a->dims, sizeof x.dims);
    memcpy(y.dims, b->dims, sizeof y.dims);
    int n = pair_squeeze(&x, dims), m = pair_squeeze(&y, other);
    *layout = p->layouts[layer];
    if (a->count != b->count || n != m)
        return a->count == b->count && !layout->moved;
    if (!layout->moved)
        return memcmp(dims, other, sizeof *dims * (size_t)n) == 0 || pair_layout_at(0, n, dims, other, layout);
    for (int i = 0; i < n; i++)
        if (layout->rank != n || dims[layout->perm[i]] != other[i])
            return false;
    return true;
}

/* ---- inputs of the second from those of the first ---- */

static size_t find_input(const struct pair_net *net, const struct graph *g, size_t port)
{
    for (size_t i = 0; i < net->count; i++) {
        const struct pair_layer *l = &net->layers[i];
        if (!l->node && strcmp(l->op, "input") == 0 && l->value->graph == g && (size_t)l->port == port)
            return i;
    }
    return PAIR_NONE;
}

static struct tensor *convert(const struct pair *p, size_t layer, const struct tensor *t, const struct type *want,
                              struct error *err)
{
    const struct pair_layer *a = &p->a.layers[layer], *b = &p->b.layers[a->partner];
    struct affine from = affine_of_port(a), to = affine_of_port(b);
    if (from.given != to.given && t->dtype == want->dtype) /* one takes its input apart by other operators */
        from = to = (struct affine){0};
    enum dtype dtype = to.given || from.given ? want->dtype : t->dtype;
    struct tensor *result = tensor_new(dtype, want->rank, want->dims, err);
    struct pair_layout layout;
    int64_t dims[TENSOR_MAX_RANK];
    if (result && !find_layout(p, layer, t, result, &layout, dims)) {
        char have[200], text[200];
        error_set(err, "input '%s': given %s for '%s', wants %s", pair_name(b),
                  model_dims_text(t->rank, t->dims, have, sizeof have), pair_name(a),
                  model_dims_text(want->rank, want->dims, text, sizeof text));
        tensor_unref(result);
        return NULL;
    }
    for (int64_t i = 0; result && i < t->count; i++)
        tensor_set_f64(result, pair_layout_map(&layout, dims, i),
                       from_real(&to, dtype, to_real(&from, tensor_get_f64(t, i))));
    return result;
}

struct model_tensor *model_pair_input(const struct model_pairing *p, size_t input, struct model_tensor *const *first,
                                      struct error *err)
{
    const struct pair_net *b = &p->pair.b;
    const struct value *v = b->graph->inputs[input];
    size_t layer = find_input(b, b->graph, input);
    layer = layer == PAIR_NONE ? PAIR_NONE : b->layers[layer].partner;
    const struct tensor *t = layer == PAIR_NONE ? NULL : model_inner_tensor(first[p->pair.a.layers[layer].port]);
    if (!t) {
        error_set(err, "input '%s' of the second: the first has none like it", v->name);
        return NULL;
    }
    if (t->dtype == DTYPE_STRING || v->type.kind != TYPE_TENSOR || v->type.rank < 0 ||
        tensor_count(v->type.rank, v->type.dims) < 0)
        return model_outer_tensor(tensor_ref(model_inner_tensor(first[p->pair.a.layers[layer].port])));
    return model_outer_tensor(convert(&p->pair, layer, t, &v->type, err));
}

/* ---- differences ---- */

void model_pair_difference(const struct pair *p, size_t layer, const struct tensor *a, const struct tensor *b,
                           struct model_layer_error *e)
{
    const struct pair_layer *x = &p->a.layers[layer], *y = &p->b.layers[x->partner];
    struct affine of_a = {0}, of_b = {0};
    struct pair_layout layout;
    int64_t dims[TENSOR_MAX_RANK];
    double noise = 0, signal = 0;
    if (!x->node) {
        of_a = affine_of_port(x);
        of_b = affine_of_port(y);
    }
    e->difference = (struct model_difference){.at = -1};
    e->rank = a->rank;
    memcpy(e->dims, a->dims, sizeof e->dims);
    e->comparable = a->dtype != DTYPE_STRING && b->dtype != DTYPE_STRING && find_layout(p, layer, a, b, &layout, dims);
    if (!e->comparable)
        return;
    for (int64_t i = 0; i < a->count; i++) {
        double have = to_real(&of_a, tensor_get_f64(a, i));
        double want = to_real(&of_b, tensor_get_f64(b, pair_layout_map(&layout, dims, i)));
        model_add_difference(&e->difference, i, have, want, &noise);
        signal += isfinite(want) ? want * want : 0;
    }
    e->difference.rms = a->count ? sqrt(noise / (double)a->count) : 0;
    e->snr = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}
