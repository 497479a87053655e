/* Recurrent operations and layers: one node, of both directions. */
#include <stdio.h>
#include <string.h>

#include "format/coreml/coreml.h"

#define MOST_HIDDEN (1 << 20) /* numbers of a state */

static const struct cell {
    const char *op;
    int gates;
    int order[4];        /* of ONNX's gate g: which of an operation's */
    const char *fields;  /* of a layer: weights, recursion and biases in ONNX's order of gates */
    const char *letters; /* the gates' names in these */
} cells[] = {
    {"LSTM",
     4,
     {0, 2, 1, 3},
     "wi1! wf2! wc3! wo4! ri20! rf21! rc22! ro23! bi40! bf41! bc42! bo43! pi60! pf61! po62!",
     "iofc"},
    {"GRU", 3, {2, 0, 1}, "wz30! wr31! wo32! rz50! rr51! ro52! bz70! br71! bo72!", "zro"},
    {"RNN", 1, {0}, "wx30! rx31! bx32!", "x"},
};

struct rnn {
    const struct cell *cell;
    int directions;
    bool reverse, all_steps;
    int64_t hidden;
    struct value *w[2], *r[2], *b[2], *h, *c; /* states: [D, N, H] */
};

static const struct cell *cell_of(struct coreml_op *o)
{
    const struct cell *c = cells;
    while (strcmp(c->op, o->arg) != 0)
        c++;
    return c;
}

/* Those of both directions as one, with an axis before. */
static struct value *both(struct coreml_op *o, const struct rnn *n, struct value *const *parts)
{
    struct value *in[2] = {NULL};
    for (int d = 0; d < n->directions && parts[d]; d++)
        in[d] = build_unsqueeze(o->b, parts[d], 0);
    return n->directions == 1 ? in[0] : BUILD(o->b, "Concat/axis=0", in[0], in[1]);
}

/* Biases are of input and state together: those of the state are 0. */
static struct value *biases(struct coreml_op *o, const struct rnn *n)
{
    struct value *v = n->b[0] && (n->directions == 1 || n->b[1]) ? both(o, n, n->b) : NULL;
    if (!v)
        return NULL;
    struct value *zeros = BUILD(o->b, "Expand", build_number(o->b, DTYPE_F32, 0),
                                BUILD_LIST(o->b, n->directions, n->cell->gates * n->hidden));
    return BUILD(o->b, "Concat/axis=1", v, zeros);
}

/* x [T, N, I]: the node, whose first output is [T, D, N, H]. */
static struct value *node_of(struct coreml_op *o, const struct rnn *n, struct value *x)
{
    bool lstm = n->cell->gates == 4;
    struct value *v =
        BUILD(o->b, n->cell->op, x, both(o, n, n->w), both(o, n, n->r), biases(o, n), NULL, n->h, lstm ? n->c : NULL);
    build_int(o->b, v, "hidden_size", n->hidden);
    if (n->directions == 2 || n->reverse)
        build_string(o->b, v, "direction", n->directions == 2 ? "bidirectional" : "reverse");
    for (int k = 1; k < (lstm ? 3 : 2) && !o->b->failed; k++)
        build_output(o->b, v, k);
    return v;
}

/* [T, D, N, H], or, k 1 or 2, a state [D, N, H], as [.., N, D * H]. */
static struct value *joined(struct coreml_op *o, const struct rnn *n, struct value *v, int k)
{
    v = build_output(o->b, v, k);
    int64_t dims[] = {0, 0, n->directions * n->hidden};
    if (k)
        return build_reshape(o->b, BUILD(o->b, "Transpose/perm=1,0,2", v), 2, (int64_t[]){0, dims[2]});
    return build_reshape(o->b, BUILD(o->b, "Transpose/perm=0,2,1,3", v), 3, dims);
}

/* What the functions of a cell are otherwise, as words. */
static void check_activation(struct coreml_op *o, const char *name, const char *usual)
{
    const char *word = coreml_word(o, name, usual);
    if (strcmp(word, usual) != 0)
        build_fail(o->b, "its %s is '%.40s', want %s", name, word, usual);
}

/* ---- operations of programs ---- */

static struct value *state(struct coreml_op *o, const struct rnn *n, const char *name)
{
    struct value *v = coreml_optional(o, name);
    v = v ? build_reshape(o->b, v, 3, (int64_t[]){0, n->directions, n->hidden}) : NULL;
    return v ? BUILD(o->b, "Transpose/perm=1,0,2", v) : NULL;
}

static struct value *part(struct coreml_op *o, const struct rnn *n, const char *name, bool back)
{
    char text[40];
    snprintf(text, sizeof(text), "%s%s", name, back ? "_back" : "");
    struct value *v = coreml_optional(o, text);
    return v && n->cell->gates > 1 ? build_parts(o->b, v, 0, n->cell->gates, n->cell->gates, n->cell->order) : v;
}

void coreml_read_recurrent(struct coreml_op *o)
{
    const char *direction = coreml_word(o, "direction", "forward");
    struct rnn n = {.cell = cell_of(o), .directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1};
    n.reverse = strcmp(direction, "reverse") == 0;
    n.hidden = build_dim_of(o->b, coreml_in(o, "weight_hh"), 1);
    for (int d = 0; d < n.directions && !o->b->failed; d++) {
        n.w[d] = part(o, &n, "weight_ih", d);
        n.r[d] = part(o, &n, "weight_hh", d);
        n.b[d] = part(o, &n, "bias", d);
        if (!n.w[d] || !n.r[d] || n.hidden < 1 || n.hidden > MOST_HIDDEN)
            build_fail(o->b, "its weights are missing, or of a state of %lld numbers", (long long)n.hidden);
    }
    if (n.cell->gates > 1)
        check_activation(o, "recurrent_activation", "sigmoid");
    if (n.cell->gates == 4)
        check_activation(o, "cell_activation", "tanh");
    bool relu = n.cell->gates == 1 && strcmp(coreml_word(o, "activation", "tanh"), "relu") == 0;
    check_activation(o, "activation", relu ? "relu" : "tanh");
    if (coreml_optional(o, "peephole") || coreml_optional(o, "clip") || coreml_optional(o, "input_bias") ||
        coreml_param(o, "reset_after", 0))
        build_fail(o->b, "peepholes, clipped states and a GRU's reset_after are not read");
    if (o->b->failed)
        return;
    n.h = state(o, &n, "initial_h");
    n.c = n.cell->gates == 4 ? state(o, &n, "initial_c") : NULL;
    const struct build_cell *cell = build_cell_find(relu ? "RNN_RELU" : n.cell->op);
    struct value *v = build_set_cell(o->b, node_of(o, &n, coreml_in(o, "x")), cell, n.hidden, n.directions);
    struct value *last = joined(o, &n, v, 1);
    coreml_give(o, 0, coreml_param(o, "output_sequence", 0) ? joined(o, &n, v, 0) : build_unsqueeze(o->b, last, 0));
    coreml_give(o, 1, last);
    if (o->out_count > 2)
        coreml_give(o, 2, joined(o, &n, v, 2));
}

/* ---- layers ---- */

/* The weights of all gates, one kind ('w', 'r' or 'b'), in one; NULL where the layer has none. */
static struct value *stacked(struct coreml_op *o, const struct rnn *n, char kind, int64_t width)
{
    struct value *in[4] = {NULL};
    int64_t dims[] = {n->hidden, width};
    for (int g = 0; g < n->cell->gates; g++) {
        char name[] = {kind, n->cell->letters[g], '\0'};
        in[g] = coreml_weights(o, name, width ? 2 : 1, dims);
    }
    if (n->cell->gates == 1 || o->b->failed)
        return in[0];
    return build_int(o->b, build_node(o->b, "Concat", n->cell->gates, in), "axis", 0);
}

static void read_weights(struct coreml_op *o, struct rnn *n, struct bytes message, int d)
{
    struct coreml_op of = *o;
    of.params = message;
    of.fields = n->cell->fields;
    char bias[] = {'b', n->cell->letters[0], '\0'}, peephole[] = "pi";
    n->w[d] = stacked(&of, n, 'w', coreml_param(o, "in", 0));
    n->r[d] = stacked(&of, n, 'r', n->hidden);
    n->b[d] = coreml_weight_count(&of, bias) ? stacked(&of, n, 'b', 0) : NULL;
    if (coreml_weight_count(&of, peephole))
        build_fail(o->b, "peepholes are not read");
}

/* States [1, N, H, 1, 1] of up to two directions as [D, N, H]. */
static struct value *layer_state(struct coreml_op *o, const struct rnn *n, const char *name, const char *back)
{
    struct value *parts[2] = {coreml_optional(o, name), n->directions == 2 ? coreml_optional(o, back) : NULL};
    for (int d = 0; d < n->directions; d++)
        if (!parts[d])
            return NULL;
        else
            parts[d] = build_reshape(o->b, parts[d], 3, (int64_t[]){1, -1, n->hidden});
    return n->directions == 1 ? parts[0] : BUILD(o->b, "Concat/axis=0", parts[0], parts[1]);
}

/* Back to the axes that layers have: [.., N, H, 1, 1], or, without an own axis of the batch, [.., H, 1, 1]. */
static struct value *spread(struct coreml_op *o, struct value *v, int rank, int64_t width)
{
    return rank == 5 ? build_reshape(o->b, v, 5, (int64_t[]){0, 0, width, 1, 1})
                     : build_reshape(o->b, v, 4, (int64_t[]){-1, width, 1, 1});
}

void coreml_read_recurrent_layer(struct coreml_op *o)
{
    struct rnn n = {.cell = cell_of(o), .directions = strcmp(o->type, "biDirectionalLSTM") == 0 ? 2 : 1};
    bool lstm = n.cell->gates == 4;
    struct value *x = coreml_in(o, "x"), *v;
    int rank = build_rank_of(o->b, x), at = 0;
    struct protobuf_field f;
    n.hidden = coreml_param(o, "hidden", 0);
    n.reverse = coreml_param(o, "reverse", 0) != 0;
    n.all_steps = lstm ? coreml_int(coreml_part(o->params, 15), 10) != 0 : coreml_param(o, "sequence", 0) != 0;
    if (n.hidden < 1 || n.hidden > MOST_HIDDEN || rank < 4 || rank > 5)
        build_fail(o->b, "a state of %lld numbers, of an input of %d axes", (long long)n.hidden, rank);
    for (struct bytes rest = o->params; lstm && !o->b->failed && at < n.directions && coreml_next(&rest, 20, &f); at++)
        read_weights(o, &n, bytes_of(f.data, f.size), at);
    if (!lstm)
        read_weights(o, &n, o->params, 0);
    if (lstm && at < n.directions)
        build_fail(o->b, "its weights are missing");
    if (o->b->failed)
        return;
    n.h = layer_state(o, &n, "initial_h", "back_h");
    n.c = lstm ? layer_state(o, &n, "initial_c", "back_c") : NULL;
    v = node_of(o, &n, build_reshape(o->b, x, 3, (int64_t[]){0, rank == 5 ? 0 : 1, -1}));
    struct value *last = build_unsqueeze(o->b, joined(o, &n, v, 1), 0);
    coreml_give(o, 0, spread(o, n.all_steps ? joined(o, &n, v, 0) : last, rank, n.directions * n.hidden));
    for (int k = 1; k < o->out_count && !o->b->failed; k++) { /* states, of each direction */
        int d = (k - 1) / (lstm ? 2 : 1), which = lstm ? 1 + (k - 1) % 2 : 1;
        if (d < n.directions)
            coreml_give(o, k, spread(o, build_slice(o->b, build_output(o->b, v, which), 0, d, d + 1), rank, n.hidden));
    }
}
