/* The recurrent operator: a node for each layer, of both directions. Gates stand as in PyTorch. */
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_LAYERS 64
#define MOST_HIDDEN (1 << 20)

struct rnn {
    const struct build_cell *cell;
    int layers, directions, weight_count;
    int64_t hidden;
    struct value **weights, *states[2]; /* states: [layers * directions, N, H], or NULL */
};

static void read_sizes(struct paddle_node *o, struct rnn *n)
{
    struct value **states;
    const char *mode = paddle_text(o, "mode", "");
    int count = paddle_all(o, 1, &states);
    int64_t layers = paddle_int(o, "num_layers", 1);
    n->cell = build_cell_find(mode);
    n->hidden = paddle_int(o, "hidden_size", 0);
    n->directions = paddle_bool(o, "is_bidirec", false) ? 2 : 1;
    n->layers = layers > 0 && layers <= MOST_LAYERS ? (int)layers : 0;
    n->weight_count = paddle_all(o, 2, &n->weights);
    for (int i = 0; i < 2; i++)
        n->states[i] = i < count ? states[i] : NULL;
    if (n->hidden < 1 || n->hidden > MOST_HIDDEN)
        build_fail(o->b, "a state of %lld numbers", (long long)n->hidden);
    if (!n->cell || !n->layers || n->weight_count != 4 * n->layers * n->directions)
        build_fail(o->b, "%d weights of %lld layers of kind '%.20s'", n->weight_count, (long long)layers, mode);
}

/* A weight in ONNX's order of gates, as [1, rows, …]. */
static struct value *gates(struct paddle_node *o, const struct build_cell *cell, struct value *v)
{
    return build_unsqueeze(o->b, build_gates(o->b, cell, v), 0);
}

/* Weights stand by layer and direction, those of the input before those of the state; then all biases likewise. */
static struct value *weights_of(struct paddle_node *o, const struct rnn *n, int layer, int first, int second)
{
    struct value *parts[2], *both[2];
    for (int d = 0; d < n->directions; d++) {
        int at = 2 * (layer * n->directions + d);
        both[0] = gates(o, n->cell, n->weights[first + at]);
        both[1] = second < 0 ? NULL : gates(o, n->cell, n->weights[second + at]);
        parts[d] = second < 0 || o->b->failed ? both[0] : paddle_concat(o, 2, both, 1);
    }
    return o->b->failed ? NULL : paddle_concat(o, n->directions, parts, 0);
}

static struct value *state_of(struct paddle_node *o, const struct rnn *n, int which, int layer)
{
    struct value *all = n->states[which];
    int64_t d = n->directions;
    return !all || n->layers == 1 ? all : build_slice(o->b, all, 0, layer * d, (layer + 1) * d);
}

/* A layer of x [T, N, I]: [T, D, N, H]. */
static struct value *layer_of(struct paddle_node *o, const struct rnn *n, struct value *x, int layer)
{
    int biases = 2 * n->layers * n->directions;
    struct value *lengths = paddle_optional(o, 3);
    struct value *v =
        BUILD(o->b, n->cell->op, x, weights_of(o, n, layer, 0, -1), weights_of(o, n, layer, 1, -1),
              weights_of(o, n, layer, biases, biases + 1), lengths ? paddle_as(o, lengths, DTYPE_I32) : NULL,
              state_of(o, n, 0, layer), n->cell->gates == 4 ? state_of(o, n, 1, layer) : NULL);
    return build_set_cell(o->b, v, n->cell, n->hidden, n->directions);
}

static void give_states(struct paddle_node *o, const struct rnn *n, struct value *const *layers)
{
    struct value *parts[MOST_LAYERS], *states[2];
    int count = n->cell->gates == 4 ? 2 : 1;
    for (int s = 0; s < count; s++) {
        for (int i = 0; i < n->layers; i++)
            parts[i] = build_output(o->b, layers[i], s + 1);
        states[s] = o->b->failed ? NULL : paddle_concat(o, n->layers, parts, 0);
    }
    paddle_give_all(o, 2, count, states);
}

void paddle_read_rnn(struct paddle_node *o)
{
    struct value *layers[MOST_LAYERS] = {NULL}, *x = paddle_in(o, 0);
    struct rnn n;
    read_sizes(o, &n);
    for (int i = 0; i < n.layers && !o->b->failed; i++) {
        layers[i] = layer_of(o, &n, x, i);
        x = build_transpose(o->b, layers[i], 4, (int64_t[]){0, 2, 1, 3});
        x = build_reshape(o->b, x, 3, (int64_t[]){0, 0, n.directions * n.hidden});
    }
    if (!o->b->failed)
        give_states(o, &n, layers);
    paddle_give(o, 0, x);
}
