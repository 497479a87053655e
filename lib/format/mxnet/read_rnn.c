/* The recurrent operator: a node for each layer, of both directions. All weights stand in one list: by layer and
 * direction those of the input and of the state, then all biases likewise. Source: src/operator/rnn-inl.h of MXNet. */
#include <string.h>

#include "format/mxnet/mxnet.h"

#define MOST_LAYERS 64
#define MOST_HIDDEN (1 << 20)

struct rnn {
    const struct build_cell *cell;
    int layers, directions;
    int64_t hidden, input; /* elements of a state, and of a step of the input */
    struct value *list;
    int64_t at; /* which element of the list is next */
};

static void read_sizes(struct mxnet_op *o, struct rnn *n)
{
    const char *mode = mxnet_text(o, "mode", "");
    int64_t layers = mxnet_int(o, "num_layers", 1);
    *n = (struct rnn){.directions = mxnet_bool(o, "bidirectional", false) ? 2 : 1, .list = mxnet_in(o, 1)};
    n->hidden = mxnet_int(o, "state_size", 0);
    n->layers = layers > 0 && layers <= MOST_LAYERS ? (int)layers : 0;
    n->cell = build_cell_find(mode);
    if (!n->cell || !n->layers || n->hidden < 1 || n->hidden > MOST_HIDDEN)
        build_fail(o->b, "%lld layers of %lld numbers of kind '%.20s'", (long long)layers, (long long)n->hidden, mode);
    if (mxnet_text(o, "projection_size", NULL) || mxnet_text(o, "lstm_state_clip_min", NULL))
        build_fail(o->b, "projections and clipped states are not read");
}

/* How wide the input is: what is left of the list for the first layer. */
static void find_input(struct mxnet_op *o, struct rnn *n)
{
    int64_t total = build_dim_of(o->b, n->list, 0);
    if (o->b->failed)
        return;
    int64_t rows = n->directions * n->cell->gates * n->hidden;
    int64_t other = (n->layers - 1) * rows * ((n->directions + 1) * n->hidden + 2);
    n->input = total < 0 ? build_dim_of(o->b, mxnet_in(o, 0), 2) : (total - other) / rows - n->hidden - 2;
    if (n->input < 1 || n->input > MOST_HIDDEN || (total >= 0 && other + rows * (n->input + n->hidden + 2) != total))
        build_fail(o->b, "its list of %lld weights does not fit %d layers of %lld numbers", (long long)total, n->layers,
                   (long long)n->hidden);
}

/* The next weights of a direction, [rows, width], or a bias, [rows], in ONNX's order of gates. */
static struct value *next_part(struct mxnet_op *o, struct rnn *n, int64_t width)
{
    int64_t rows = n->cell->gates * n->hidden, count = rows * (width ? width : 1);
    struct value *v = build_slice(o->b, n->list, 0, n->at, n->at + count);
    n->at += count;
    if (width)
        v = build_reshape(o->b, v, 2, (int64_t[]){rows, width});
    return build_gates(o->b, n->cell, v);
}

struct weights {
    struct value *w[2], *r[2], *bias[2];
};

static struct value *both(struct mxnet_op *o, const struct rnn *n, struct value *const *parts)
{
    struct value *in[2] = {NULL};
    for (int d = 0; d < n->directions; d++)
        in[d] = build_unsqueeze(o->b, parts[d], 0);
    return n->directions == 1 ? in[0] : BUILD(o->b, "Concat/axis=0", in[0], in[1]);
}

/* A state for each sequence of the batch. */
#define WIDENED(state) state " [1] $0 Shape/start=1/end=2 [1] Concat:3/axis=0 Expand:2"

static struct value *state_of(struct mxnet_op *o, const struct rnn *n, int k, int layer)
{
    int64_t d = n->directions;
    struct value *all = mxnet_in(o, k);
    if (build_dim_of(o->b, all, 1) == 1) /* perhaps of _zeros, whose size is not told */
        all = mxnet_formula(o, k == 2 ? WIDENED("$2") : WIDENED("$3"));
    return n->layers == 1 ? all : build_slice(o->b, all, 0, layer * d, (layer + 1) * d);
}

/* A layer of x [T, N, I]: [T, D, N, H]. */
static struct value *layer_of(struct mxnet_op *o, const struct rnn *n, struct value *x, int layer,
                              const struct weights *w)
{
    bool lstm = n->cell->gates == 4;
    int lengths = lstm ? 4 : 3;
    struct value *steps =
        mxnet_bool(o, "use_sequence_length", false) ? build_cast(o->b, mxnet_in(o, lengths), DTYPE_I32) : NULL;
    struct value *v = BUILD(o->b, n->cell->op, x, both(o, n, w->w), both(o, n, w->r), both(o, n, w->bias), steps,
                            state_of(o, n, 2, layer), lstm ? state_of(o, n, 3, layer) : NULL);
    return build_set_cell(o->b, v, n->cell, n->hidden, n->directions);
}

/* The states of all layers, one behind the other. */
static void give_states(struct mxnet_op *o, const struct rnn *n, struct value *const *layers)
{
    struct value *parts[MOST_LAYERS];
    for (int s = 0; s < (n->cell->gates == 4 ? 2 : 1) && s + 1 < o->node->wanted && !o->b->failed; s++) {
        for (int i = 0; i < n->layers; i++)
            parts[i] = build_output(o->b, layers[i], s + 1);
        struct value *v = n->layers == 1 || o->b->failed ? parts[0] : build_node(o->b, "Concat", n->layers, parts);
        mxnet_give(o, s + 1, n->layers == 1 ? v : build_int(o->b, v, "axis", 0));
    }
}

void mxnet_read_rnn(struct mxnet_op *o)
{
    struct value *layers[MOST_LAYERS] = {NULL}, *x = mxnet_in(o, 0);
    struct weights all[MOST_LAYERS];
    struct rnn n;
    build_expect(o->b, x, 3, 2, 0, DTYPE_NONE);
    read_sizes(o, &n);
    find_input(o, &n);
    for (int i = 0; i < n.layers * n.directions && !o->b->failed; i++) {
        struct weights *w = &all[i / n.directions];
        w->w[i % n.directions] = next_part(o, &n, i < n.directions ? n.input : n.directions * n.hidden);
        w->r[i % n.directions] = next_part(o, &n, n.hidden);
    }
    for (int i = 0; i < n.layers * n.directions && !o->b->failed; i++) {
        struct value *of_input = next_part(o, &n, 0);
        struct value *bias = BUILD(o->b, "Concat", of_input, next_part(o, &n, 0));
        all[i / n.directions].bias[i % n.directions] = build_int(o->b, bias, "axis", 0);
    }
    for (int i = 0; i < n.layers && !o->b->failed; i++) {
        layers[i] = layer_of(o, &n, x, i, &all[i]);
        x = BUILD(o->b, "Transpose/perm=0,2,1,3", layers[i]);
        x = build_reshape(o->b, x, 3, (int64_t[]){0, 0, n.directions * n.hidden});
    }
    if (!o->b->failed)
        give_states(o, &n, layers);
    mxnet_give(o, 0, x);
}
