/* Recurrent layers: a node for each layer, of both directions. */
#include <stdio.h>
#include <string.h>

#include "format/pnnx/read.h"

struct rnn {
    const struct build_cell *cell;
    int64_t hidden, layers;
    int directions;
    bool batch_first;
    struct value *states[2]; /* [layers * directions, N, H], or NULL */
    struct value *lengths;   /* of the sequences, i32 [N], or NULL */
};

/* Gates of `rows` elements of t in ONNX's order, to `to`. */
static void put_gates(const struct build_cell *cell, const struct tensor *t, char *to)
{
    size_t run = t->size / (size_t)cell->gates;
    for (int g = 0; g < cell->gates; g++)
        memcpy(to + (size_t)g * run, (const char *)t->data + (size_t)cell->order[g] * run, run);
}

/* The weights `kind` of a layer's directions, one behind the other; a bias may have a second kind beside it. */
static struct value *weights_of(struct reader *r, const struct rnn *n, int layer, const char *kind, const char *second,
                                int64_t width)
{
    int64_t rows = n->cell->gates * n->hidden;
    int64_t dims[] = {n->directions, second ? 2 * rows : rows, width};
    struct tensor *to = r->b.failed ? NULL : tensor_new(DTYPE_F32, width ? 3 : 2, dims, r->b.err);
    build_check(&r->b, to != NULL);
    size_t each = (size_t)(rows * (width ? width : 1)) * sizeof(float);
    for (int i = 0; to && i < n->directions * (second ? 2 : 1); i++) {
        int direction = second ? i / 2 : i;
        char name[64];
        snprintf(name, sizeof(name), "%s_l%d%s", second && i % 2 ? second : kind, layer, direction ? "_reverse" : "");
        struct tensor *t = pnnx_weight_tensor(r, name);
        bool fits = t && t->dtype == DTYPE_F32 && t->size == each;
        if (fits)
            put_gates(n->cell, t, (char *)to->data + (size_t)i * each);
        else
            build_fail(&r->b, "has no weight %s of %lld rows", name, (long long)rows);
        tensor_unref(t);
    }
    char name[64];
    snprintf(name, sizeof(name), "%s_l%d", kind, layer);
    return r->b.failed ? (tensor_unref(to), NULL) : build_constant(&r->b, name, to);
}

/* Elements of the inner axis of a layer's weight "@kind_l0=(96,32)f32". */
static int64_t width_of(struct reader *r, const char *kind, int layer)
{
    char key[64];
    int64_t dims[TENSOR_MAX_RANK] = {0};
    enum dtype dtype;
    snprintf(key, sizeof(key), "@%s_l%d", kind, layer);
    int rank = pnnx_hint(pnnx_param(r->op, key), dims, &dtype);
    if (rank != 2 || dims[1] < 1 || dims[1] > 1 << 20)
        build_fail(&r->b, "has no weight %s", key + 1);
    return dims[1];
}

static struct value *layer_state(struct reader *r, const struct rnn *n, int which, int layer)
{
    struct value *all = n->states[which];
    if (!all || n->layers == 1)
        return all;
    return build_slice(&r->b, all, 0, (int64_t)layer * n->directions, (int64_t)(layer + 1) * n->directions);
}

/* One layer of x [T, N, I]: its node's first output, [T, D, N, H]. */
static struct value *layer_of(struct reader *r, const struct rnn *n, struct value *x, int layer)
{
    struct build *b = &r->b;
    struct value *w = weights_of(r, n, layer, "weight_ih", NULL, width_of(r, "weight_ih", layer));
    struct value *rec = weights_of(r, n, layer, "weight_hh", NULL, n->hidden);
    struct value *bias = pnnx_bool(r, "bias", true) ? weights_of(r, n, layer, "bias_ih", "bias_hh", 0) : NULL;
    struct value *h = layer_state(r, n, 0, layer), *c = layer_state(r, n, 1, layer);
    struct value *y = BUILD(b, n->cell->op, x, w, rec, bias, n->lengths, h, c);
    if (r->op->out_count > 1) /* before types are inferred */
        build_output(b, y, n->cell->gates == 4 ? 2 : 1);
    return build_set_cell(b, y, n->cell, n->hidden, n->directions);
}

static void read_sizes(struct reader *r, struct rnn *n)
{
    *n = (struct rnn){.cell = build_cell_find(pnnx_is(r, "nonlinearity", "relu") ? "RNN_RELU" : r->arg),
                      .hidden = pnnx_int(r, "hidden_size", 0),
                      .layers = pnnx_int(r, "num_layers", 1),
                      .directions = pnnx_bool(r, "bidirectional", false) ? 2 : 1,
                      .batch_first = pnnx_bool(r, "batch_first", false)};
    if (n->hidden < 1 || n->hidden > 1 << 20 || n->layers < 1 || n->layers > 64)
        build_fail(&r->b, "has %lld channels in %lld layers", (long long)n->hidden, (long long)n->layers);
    if (pnnx_int(r, "proj_size", 0))
        build_fail(&r->b, "projects its %lld channels to %lld, which ONNX cannot say", (long long)n->hidden,
                   (long long)pnnx_int(r, "proj_size", 0));
    bool has_lengths = pnnx_param(r->op, "$lengths") != NULL;
    for (int i = 0; i < 2 && i + 1 + has_lengths < r->op->in_count && !r->b.failed; i++)
        n->states[i] = pnnx_at(r, i + 1);
    if (has_lengths)
        n->lengths = build_cast(&r->b, pnnx_in(r, "lengths", 0), DTYPE_I32);
}

/* What is left of the last steps of all layers, [layers * D, N, H]. */
static void give_states(struct reader *r, const struct rnn *n, struct value *const *layers)
{
    int states = n->cell->gates == 4 ? 2 : 1;
    for (int s = 0; s < states && s + 1 < r->op->out_count && !r->b.failed; s++) {
        struct value *parts[64];
        for (int i = 0; i < n->layers; i++)
            parts[i] = build_output(&r->b, layers[i], s + 1);
        struct value *v = n->layers == 1 ? parts[0] : pnnx_concat(r, (int)n->layers, parts, 0);
        pnnx_give(r, s + 1, v);
    }
}

struct value *pnnx_rnn(struct reader *r)
{
    static const int64_t swap[] = {1, 0, 2}, join[] = {0, 2, 1, 3}, join_first[] = {2, 0, 1, 3};
    struct build *b = &r->b;
    struct value *layers[64] = {NULL};
    struct rnn n;
    read_sizes(r, &n);
    struct value *x = pnnx_at(r, 0);
    if (pnnx_rank(r, x) != 3)
        build_fail(b, "wants sequences of vectors in a batch");
    if (n.batch_first)
        x = build_transpose(b, x, 3, swap);
    for (int i = 0; i < n.layers && !b->failed; i++) {
        layers[i] = layer_of(r, &n, x, i);
        bool last = i == n.layers - 1;
        x = build_transpose(b, layers[i], 4, last && n.batch_first ? join_first : join);
        x = build_reshape(b, x, 3, (int64_t[]){0, 0, n.directions * n.hidden});
    }
    give_states(r, &n, layers);
    return x;
}
