/* Writing recurrent layers: batches stand first, and gates in another order. */
#include <stdio.h>
#include <string.h>

#include "format/openvino/write.h"

struct sizes {
    int64_t directions, hidden;
    struct openvino_place batch; /* i64 [1] */
};

/* Gates of a constant [directions, gates * hidden, …] in the order of the format: gate g is `order[g]` of ONNX. With
 * halves both halves of the gates are summed: the biases of input and state; but gate `apart` keeps both, the second
 * one behind all. */
static struct openvino_place gates(struct openvino_writer *w, int i, int count, const int *order, bool halves,
                                   int apart)
{
    bool half;
    const struct tensor *t = openvino_fixed(node_in(w->node, i), &half);
    struct tensor *wide = half ? tensor_cast(t, DTYPE_F32, false, w->err) : NULL;
    int64_t parts = count * (halves ? 2 : 1), made = count + (apart >= 0);
    char name[300];
    t = half ? wide : t;
    if (!t || t->dtype != DTYPE_F32 || t->rank < 2 || t->rank > 3 || t->count == 0 || t->dims[1] % parts) {
        openvino_cannot(w, "weights that are no constants");
        tensor_unref(wide);
        return (struct openvino_place){-1, 0};
    }
    int64_t run = t->count / t->dims[0] / parts, dims[] = {t->dims[0], made * (t->dims[1] / parts), t->dims[2]};
    struct tensor *to = tensor_new(DTYPE_F32, t->rank, dims, w->err);
    for (int64_t d = 0; to && d < t->dims[0]; d++)
        for (int64_t g = 0; g < made; g++) {
            const float *from = (const float *)t->data + (d * parts + (g < count ? order[g] : apart + count)) * run;
            float *at = (float *)to->data + (d * made + g) * run;
            bool sum = halves && g < count && order[g] != apart;
            for (int64_t k = 0; k < run; k++)
                at[k] = from[k] + (sum ? from[k + count * run] : 0);
        }
    snprintf(name, sizeof(name), "%.260s/weights_%d", w->node->out[0] ? w->node->out[0]->name : w->node->name, i);
    tensor_unref(wide);
    return openvino_take_tensor(w, name, to, half);
}

static const int64_t swap[] = {1, 0, 2}, swap_all[] = {2, 1, 0, 3};

static bool has_perm(const struct node *n, const int64_t *perm, int rank)
{
    int count = 0;
    const int64_t *own = n && node_is(n, "Transpose") ? op_ints(n, "perm", &count) : NULL;
    return own && count == rank && memcmp(own, perm, (size_t)rank * sizeof(*perm)) == 0;
}

/* Input i with batches first: what stands before a Transpose that turned it. */
static struct openvino_place turned(struct openvino_writer *w, int i)
{
    struct node *before = node_in(w->node, i)->producer;
    if (has_perm(before, swap, 3))
        return openvino_of(w, node_in(before, 0));
    return OPENVINO_STEP(w, "Transpose", 1, openvino_at(w, i), openvino_list_of(w, 3, swap));
}

bool openvino_is_turning(const struct node *n)
{
    const struct value *v = node_out(n, 0);
    const struct use *use = v && !v->is_output && v->use_count == 1 ? v->uses : NULL;
    return use && use->node && (node_is(use->node, "LSTM") || node_is(use->node, "GRU")) &&
           (use->index == 0 || use->index > 4) && has_perm(n, swap, 3);
}

/* Nobody takes the output but Transposes that turn it to what it is in the format. */
static bool is_turned_back(const struct value *v)
{
    int rank = v->producer_index == 0 ? 4 : 3;
    bool all = !v->is_output && v->use_count > 0;
    for (size_t i = 0; i < v->use_count && all; i++)
        all = has_perm(v->uses[i].node, rank == 4 ? swap_all : swap, rank) && v->uses[i].node->graph == v->graph;
    return all;
}

bool openvino_is_turning_back(const struct node *transpose)
{
    const struct value *v = node_in(transpose, 0);
    const struct node *n = v ? v->producer : NULL;
    return n && (node_is(n, "LSTM") || node_is(n, "GRU")) && is_turned_back(v);
}

/* A dim of the input: a scalar, or a list of one. */
static struct openvino_place dim(struct openvino_writer *w, struct openvino_place shape, int64_t i, bool list)
{
    struct openvino_place at = list ? openvino_list_of(w, 1, &i) : openvino_number_of(w, DTYPE_I64, (double)i);
    struct openvino_place axis = openvino_number_of(w, DTYPE_I64, 0);
    openvino_put_int(w, "batch_dims", 0);
    return OPENVINO_STEP(w, "Gather", 8, shape, at, axis);
}

static struct openvino_place state(struct openvino_writer *w, int i, const struct sizes *s)
{
    if (node_in(w->node, i))
        return turned(w, i);
    int64_t rest[] = {s->directions, s->hidden};
    struct openvino_place parts = openvino_list_of(w, 2, rest), zero = openvino_number_of(w, DTYPE_F32, 0);
    openvino_put_int(w, "axis", 0);
    struct openvino_place shape = OPENVINO_STEP(w, "Concat", 1, s->batch, parts);
    openvino_put_text(w, "mode", "numpy");
    return OPENVINO_STEP(w, "Broadcast", 3, zero, shape);
}

/* What differs between the layers. */
struct kind {
    const char *type, *activations;
    int gates, apart, order[4];
};

/* The activations are those that the layer has anyway, of each direction. */
static bool has_usual(const struct node *n, int functions)
{
    static const char *const usual[] = {"Sigmoid", "Tanh", "Tanh"};
    const struct attr *a = node_attr(n, "activations");
    bool same = !node_attr(n, "activation_alpha") && !node_attr(n, "activation_beta");
    for (size_t i = 0; a && i < a->n && same; i++) {
        const char *name = usual[i % (size_t)functions];
        same = a->kind == ATTR_STRINGS && a->strings[i].size == strlen(name) &&
               memcmp(a->strings[i].data, name, strlen(name)) == 0;
    }
    return same;
}

static void write_layer(struct openvino_writer *w, const struct kind *k)
{
    const struct node *n = w->node;
    const char *direction = op_string(n, "direction");
    bool lstm = k->gates == 4;
    int at = 0, outputs = lstm ? 3 : 2;
    struct sizes s = {.hidden = op_int(n, "hidden_size"), .directions = direction[0] == 'b' ? 2 : 1};
    struct openvino_place in[8], x = turned(w, 0), shape = {-1, 0};
    if (!has_usual(n, lstm ? 3 : 2) || op_int(n, "layout") || node_in(n, 7))
        openvino_cannot(w, "activations, layout or peepholes of its own");
    if (!node_in(n, 4) || !node_in(n, 5) || (lstm && !node_in(n, 6))) {
        openvino_put_text(w, "output_type", "i64");
        shape = OPENVINO_STEP(w, "ShapeOf", 3, x);
        s.batch = dim(w, shape, 0, true);
    }
    in[at++] = x;
    in[at++] = state(w, 5, &s);
    if (lstm)
        in[at++] = state(w, 6, &s);
    if (node_in(n, 4)) {
        in[at++] = openvino_at(w, 4);
    } else {
        struct openvino_place steps = dim(w, shape, 1, false);
        openvino_put_text(w, "mode", "numpy");
        in[at++] = OPENVINO_STEP(w, "Broadcast", 3, steps, s.batch);
    }
    in[at++] = gates(w, 1, k->gates, k->order, false, -1);
    in[at++] = gates(w, 2, k->gates, k->order, false, -1);
    if (node_in(n, 3))
        in[at++] = gates(w, 3, k->gates, k->order, true, k->apart);
    else
        openvino_cannot(w, "no bias");
    openvino_put_text(w, "direction", direction);
    openvino_put_int(w, "hidden_size", s.hidden);
    openvino_put_text(w, "activations", k->activations);
    openvino_put_float(w, "clip", op_float(n, "clip"));
    if (!lstm)
        openvino_put_bool(w, "linear_before_reset", k->apart >= 0);
    struct openvino_place v = openvino_step(w, k->type, 5, outputs, at, in);
    for (int o = 0; o < n->out_count && o < outputs; o++) {
        struct openvino_place part = {v.layer, v.port + o};
        if (n->out[o] && is_turned_back(n->out[o]))
            w->list.places[n->out[o]->index] = part;
        else if (n->out[o])
            openvino_finish_one(w, o, "Transpose", 1, 2,
                                (struct openvino_place[]){part, openvino_list_of(w, o ? 3 : 4, o ? swap : swap_all)});
    }
}

void openvino_write_lstm(struct openvino_writer *w)
{
    static const struct kind lstm = {"LSTMSequence", "sigmoid,tanh,tanh", 4, -1, {2, 0, 3, 1}}; /* f i c o of i o f c */
    if (op_int(w->node, "input_forget"))
        openvino_cannot(w, "gates that are coupled");
    write_layer(w, &lstm);
}

void openvino_write_gru(struct openvino_writer *w)
{
    static const struct kind plain = {"GRUSequence", "sigmoid,tanh", 3, -1, {0, 1, 2}},
                             linear = {"GRUSequence", "sigmoid,tanh", 3, 2, {0, 1, 2}};
    write_layer(w, op_int(w->node, "linear_before_reset") ? &linear : &plain);
}
