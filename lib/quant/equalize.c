#include "quant/equalize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pass/qdq.h"
#include "quant/insert.h"

/* ---- which axis of weights goes with a channel ---- */

/* Constant f32 weights that no other node has. */
static struct tensor *own_weights(const struct node *n, int input)
{
    const struct value *v = node_in(n, input);
    const struct tensor *t = pass_constant(v);
    return t && t->dtype == DTYPE_F32 && v->use_count == 1 && !v->is_output ? v->constant : NULL;
}

static bool is_layer_norm(const struct node *n)
{
    const struct tensor *scale = own_weights(n, 1);
    return (node_is(n, "LayerNormalization") || node_is(n, "RMSNormalization")) && scale && scale->rank == 1 &&
           n->out_count == 1;
}

static bool is_product(const struct node *n)
{
    const struct tensor *w = own_weights(n, 1);
    return w && ((node_is(n, "Conv") && w->rank >= 3) ||
                 (w->rank == 2 &&
                  (node_is(n, "MatMul") || (node_is(n, "Gemm") && !op_int(n, "transA") && op_float(n, "alpha") == 1))));
}

static bool is_turned(const struct node *n)
{
    return node_is(n, "Gemm") && op_int(n, "transB");
}

/* The weights along which output channels of a producer lie, and its bias, are multiplied. */
static bool can_produce(const struct node *n, int64_t channels)
{
    if (is_layer_norm(n))
        return !node_in(n, 2) || own_weights(n, 2);
    const struct tensor *w = is_product(n) ? own_weights(n, 1) : NULL, *b = node_in(n, 2) ? own_weights(n, 2) : NULL;
    if (!w || node_is(n, "MatMul") || (node_in(n, 2) && (!b || b->rank != 1 || b->count != channels)))
        return false;
    return w->dims[node_is(n, "Conv") || is_turned(n) ? 0 : 1] == channels;
}

/* Whether a use of the channels is by weights that can be divided. */
static bool can_consume(const struct use *use, int axis, int64_t channels, int rank)
{
    const struct node *n = use->node;
    if (use->index != 0 || !n->def || !is_product(n))
        return false;
    const int64_t *dims = n->in[1]->constant->dims;
    if (node_is(n, "Conv"))
        return axis == 1 && (op_int(n, "group") == 1 || op_int(n, "group") == channels) &&
               dims[1] * op_int(n, "group") == channels;
    return axis == rank - 1 && dims[is_turned(n) ? 1 : 0] == channels;
}

static bool is_depthwise(const struct node *n, int64_t channels)
{
    return node_is(n, "Conv") && channels > 1 && op_int(n, "group") == channels;
}

/* ---- finding them ---- */

/* Behind Relu, which factors go through. Clip, which they do not, would cut off what was not seen to be large. */
static struct value *behind_relu(struct node *n)
{
    struct node *next = pass_is_single(n->out[0]) ? n->out[0]->uses[0].node : NULL;
    return next && next->def && node_is(next, "Relu") ? next->out[0] : n->out[0];
}

/* Of what factors do not go through, where the numbers of channels differ so much that a node of theirs is worth it:
 * what a transformer's feed-forward part multiplies by its second matrix; rows of normalisation that are wanted
 * otherwise, too. */
static bool is_uneven(const struct node *n)
{
    return node_is(n, "Gelu") || node_is(n, "Swish") || node_is(n, "Mul") ||
           (node_is(n, "Reshape") && n->in[0]->use_count > 1 && n->in[0]->producer &&
            is_layer_norm(n->in[0]->producer));
}

/* Behind a Reshape to rows, in which channels stay. */
static struct value *behind_reshape(struct quant_channelled *c, struct value *v)
{
    const struct node *next = c->axis == v->type.rank - 1 && pass_is_single(v) ? v->uses[0].node : NULL;
    const struct type *to = next && next->def && node_is(next, "Reshape") ? pass_type(next->out[0]) : NULL;
    if (!to || to->rank < 2 || to->dims[to->rank - 1] != c->channels)
        return v;
    c->axis = to->rank - 1;
    return next->out[0];
}

/* What is before depthwise layers alone, whose weights have scales of their own. Behind normalisation other products
 * can be, too, as numbers there differ most; and sums: they get the inverse by a node of their own. Before other
 * convolutions nothing is gained: their weights get worse as the activation gets better. */
static bool all_consume(const struct quant_channelled *c)
{
    const struct value *v = c->value;
    bool normalised = is_layer_norm(c->producer) || c->is_apart;
    size_t fit = 0;
    for (size_t i = 0; i < v->use_count; i++)
        fit += can_consume(&v->uses[i], c->axis, c->channels, v->type.rank) &&
               (normalised || is_depthwise(v->uses[i].node, c->channels));
    return fit > 0 && !v->is_output && (fit == v->use_count || normalised);
}

static bool describe(struct node *n, struct quant_channelled *c)
{
    if (!n->def || n->domain[0] || !n->out_count || !pass_type(n->out[0]) || n->out[0]->type.rank < 2)
        return false;
    const struct type *t = &n->out[0]->type;
    *c = (struct quant_channelled){.producer = n, .axis = node_is(n, "Conv") ? 1 : t->rank - 1};
    c->channels = t->dims[c->axis];
    c->is_apart = is_uneven(n);
    if (c->channels < 2 || (!c->is_apart && !can_produce(n, c->channels)))
        return false;
    c->value = behind_reshape(c, c->is_apart ? n->out[0] : behind_relu(n));
    return all_consume(c);
}

struct quant_channelled *quant_find_channelled(struct graph *g, size_t *count, struct error *err)
{
    struct quant_channelled *list = mem_calloc(g->node_count, sizeof *list, err);
    *count = 0;
    for (struct node *n = g->first; list && n; n = n->next) {
        struct quant_channelled *c = &list[*count];
        if (!describe(n, c))
            continue;
        ++*count;
        c->most = mem_calloc((size_t)c->channels, sizeof *c->most, err);
        if (!c->most) {
            quant_channelled_free(list, *count);
            return NULL;
        }
    }
    return list;
}

void quant_channelled_free(struct quant_channelled *list, size_t count)
{
    for (size_t i = 0; list && i < count; i++)
        free(list[i].most);
    free(list);
}

/* ---- looking at the channels ---- */

static struct value *reduce(struct graph *g, const char *op, struct value *v, struct value *axes, struct error *err)
{
    struct node *n = graph_add_node(g, "", op, NULL, err);
    if (!n || node_add_input(n, v, err) || node_add_input(n, axes, err) || node_set_int(n, "keepdims", 0, err))
        return NULL;
    return node_new_output(n, NULL, err);
}

static int watch(struct graph *g, const struct quant_channelled *c, struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK];
    int n = 0;
    for (int i = 0; i < c->value->type.rank; i++)
        if (i != c->axis)
            axes[n++] = i;
    struct value *v = graph_find_local(g, c->value->name), *list = pass_add_ints(g, n, axes, err);
    struct node *abs = v && list ? graph_add_node(g, "", "Abs", NULL, err) : NULL;
    struct value *size = abs && node_add_input(abs, v, err) == 0 ? node_new_output(abs, NULL, err) : NULL;
    struct value *most = size ? reduce(g, "ReduceMax", size, list, err) : NULL;
    return most ? graph_add_output(g, most, err) : -1;
}

struct graph *quant_watch_channels(const struct graph *g, const struct quant_channelled *list, size_t count,
                                   struct error *err)
{
    struct graph *copy = graph_clone(g, err);
    struct node *last = copy ? copy->last : NULL;
    int status = copy ? 0 : -1;
    while (status == 0 && copy->output_count)
        graph_remove_output(copy->outputs[copy->output_count - 1]);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = watch(copy, &list[i], err);
    if (status == 0) {
        quant_settle(copy, last);
        op_resolve(copy);
        return copy;
    }
    graph_free(copy);
    return NULL;
}

void quant_take_channels(struct quant_channelled *list, size_t count, struct tensor *const *out)
{
    for (size_t i = 0; i < count; i++)
        for (int64_t k = 0; k < list[i].channels && k < out[i]->count; k++)
            list[i].most[k] = fmaxf(list[i].most[k], (float)tensor_get_f64(out[i], k));
}

/* ---- factors ---- */

#define FACTOR_MAX 32.0f
#define SHARE      0.7f /* of the exponent, that goes to the weights */

/* The axis of a user's weights along which the channels lie. */
static int along_of(const struct node *n)
{
    return node_is(n, "Conv") ? op_int(n, "group") == 1 : is_turned(n);
}

/* The greatest magnitude of the weights behind that each channel is multiplied by. */
static void weigh(const struct quant_channelled *c, float *weights)
{
    for (size_t u = 0; u < c->value->use_count; u++) {
        const struct node *n = c->value->uses[u].node;
        if (!can_consume(&c->value->uses[u], c->axis, c->channels, c->value->type.rank))
            continue;
        const struct tensor *w = n->in[1]->constant;
        int along = along_of(n);
        int64_t inner = 1;
        for (int i = along + 1; i < w->rank; i++)
            inner *= w->dims[i];
        for (int64_t i = 0; i < w->count; i++) {
            int64_t k = i / inner % w->dims[along];
            weights[k] = fmaxf(weights[k], fabsf(((const float *)w->data)[i]));
        }
    }
}

/* Before depthwise layers channels are made equal; elsewhere most of what they differ by goes from the activation to
 * the weights: as much as leaves both about as far off, since channels of an activation differ by more than the rows of
 * the weights. */
static int find_factors(const struct quant_channelled *c, float *factors, struct error *err)
{
    float *weights = mem_calloc((size_t)c->channels, sizeof *weights, err), top = 0, most = 0;
    float share = is_layer_norm(c->producer) || c->is_apart ? SHARE : 1;
    if (!weights)
        return -1;
    weigh(c, weights);
    for (int64_t i = 0; i < c->channels; i++)
        most = fmaxf(most, c->most[i]);
    for (int64_t i = 0; i < c->channels; i++) {
        float x = fmaxf(c->most[i], most / FACTOR_MAX);
        factors[i] = x > 0 ? powf(weights[i], 1 - share) / powf(x, share) : 0;
        top = fmaxf(top, factors[i] * c->most[i]);
    }
    for (int64_t i = 0; i < c->channels; i++) {
        factors[i] = top > 0 && factors[i] > 0 && isfinite(factors[i]) ? factors[i] * most / top : 1;
        factors[i] = fminf(FACTOR_MAX, fmaxf(1 / FACTOR_MAX, factors[i]));
    }
    free(weights);
    return 0;
}

/* ---- applying them ---- */

/* Multiplies, or divides, a constant along an axis; of a tensor of its own. */
static int scale(struct value *v, int along, const float *factors, bool divide, struct error *err)
{
    const struct tensor *t = v->constant;
    struct tensor *to = tensor_new(DTYPE_F32, t->rank, t->dims, err);
    int64_t inner = 1;
    if (!to)
        return -1;
    for (int i = along + 1; i < t->rank; i++)
        inner *= t->dims[i];
    for (int64_t i = 0; i < t->count; i++) {
        float f = factors[i / inner % t->dims[along]], x = ((const float *)t->data)[i];
        ((float *)to->data)[i] = divide ? x / f : x * f;
    }
    return graph_make_constant(v, to, err);
}

static int scale_producer(const struct node *n, const float *factors, struct error *err)
{
    int along = is_layer_norm(n) || node_is(n, "Conv") || is_turned(n) ? 0 : 1;
    if (scale(n->in[1], along, factors, false, err))
        return -1;
    return node_in(n, 2) ? scale(n->in[2], 0, factors, false, err) : 0;
}

/* For those uses that have no weights: the value as it was; for those that have, where the producer takes no factors:
 * with these. */
static struct value *multiply(const struct quant_channelled *c, const float *factors, struct error *err)
{
    struct graph *g = c->value->graph;
    struct tensor *t = tensor_new(DTYPE_F32, 1, &c->channels, err);
    for (int64_t i = 0; t && i < c->channels; i++)
        ((float *)t->data)[i] = c->is_apart ? factors[i] : 1 / factors[i];
    struct value *in[2] = {c->value, pass_add_constant(g, t, err)};
    struct node *n = in[1] ? pass_node(c->value->producer->next, "", "Mul", 2, in, err) : NULL;
    return n && node_set_name(n, in[1]->name, err) == 0 ? pass_output(n, err) : NULL;
}

static int scale_consumers(const struct quant_channelled *c, const float *factors, struct error *err)
{
    struct value *other = NULL;
    for (size_t i = 0; i < c->value->use_count;) {
        struct use use = c->value->uses[i];
        const struct node *n = use.node;
        bool fits = can_consume(&use, c->axis, c->channels, c->value->type.rank);
        if (fits && scale(n->in[1], along_of(n), factors, true, err))
            return -1;
        if (fits != c->is_apart || (other && n == other->producer)) {
            i++;
            continue;
        }
        other = other ? other : multiply(c, factors, err);
        if (!other || node_set_input(use.node, use.index, other, err))
            return -1;
    }
    return 0;
}

int quant_equalize(struct graph *g, const struct quant_channelled *list, size_t count, struct error *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        float *factors = mem_calloc((size_t)list[i].channels, sizeof *factors, err);
        if (!factors || find_factors(&list[i], factors, err) ||
            (!list[i].is_apart && scale_producer(list[i].producer, factors, err)) ||
            scale_consumers(&list[i], factors, err))
            status = -1;
        free(factors);
    }
    return status ? -1 : op_infer_graph(g, err);
}
