/* Recurrent layers, and layers around others. */
#include <stdlib.h>
#include <string.h>

#include "format/keras/keras.h"

/* Gates in Keras' order and in ONNX's; biases of the state only where the rule says so. */
struct cell {
    char onnx[5], class[14];
    char gates, order[4]; /* gate i of ONNX is this one of Keras */
    char states;
    char functions; /* of ONNX: recurrent_activation first, then activation so often */
    bool first_is_recurrent;
};

enum { LSTM, GRU, SIMPLE };

static const struct cell kinds[] = {
    [LSTM] = {"LSTM", "LSTMCell", 4, {0, 3, 1, 2}, 2, 3, true},
    [GRU] = {"GRU", "GRUCell", 3, {0, 1, 2}, 1, 2, true},
    [SIMPLE] = {"RNN", "SimpleRNNCell", 1, {0}, 1, 1, false},
};

/* ---- weights ---- */

struct tensor *keras_cell_tensor(struct keras_call *l, const char *name, int index)
{
    struct tensor *t = l->r->by_path ? keras_tensor(l, "cell", name, index) : NULL;
    return t || l->b->failed ? t : keras_tensor(l, NULL, name, index);
}

/* Columns [in, gates * units] become rows of ONNX's order, [1, gates * units, in]. */
static struct value *turned(struct keras_call *l, const struct cell *cell, const struct tensor *t, int64_t units,
                            const char *name)
{
    int64_t in = t->dims[0], dims[3] = {1, cell->gates * units, in};
    struct tensor *to = tensor_new(DTYPE_F32, 3, dims, l->b->err);
    const float *from = t->data;
    for (int g = 0; to && g < cell->gates; g++)
        for (int64_t u = 0; u < units; u++)
            for (int64_t i = 0; i < in; i++)
                ((float *)to->data)[(g * units + u) * in + i] = from[(i * cell->gates + cell->order[g]) * units + u];
    return build_constant(l->b, keras_keep(l->r, name), to);
}

static struct value *matrix(struct keras_call *l, const struct cell *cell, int64_t units, const char *name, int index,
                            int64_t rows)
{
    struct tensor *t = keras_cell_tensor(l, name, index);
    struct value *v = NULL;
    if (!t || t->rank != 2 || t->dims[1] != cell->gates * units || (rows && t->dims[0] != rows))
        build_fail(l->b, "its %s must be a matrix of %lld columns", name, (long long)(cell->gates * units));
    else
        v = turned(l, cell, t, units, name);
    tensor_unref(t);
    return v;
}

/* [gates * units], or [2, gates * units] with one for the state: [1, 2 * gates * units]. */
static struct value *biases(struct keras_call *l, const struct cell *cell, int64_t units, bool *is_double)
{
    struct tensor *t = keras_bool(l, "use_bias", true) ? keras_cell_tensor(l, "bias", 2) : NULL;
    int64_t count = cell->gates * units, dims[2] = {1, 2 * count};
    *is_double = t && t->count == 2 * count;
    if (!t)
        return NULL;
    struct tensor *to = t->count == count || *is_double ? tensor_new(DTYPE_F32, 2, dims, l->b->err) : NULL;
    if (!to)
        build_fail(l->b, "its bias must have %lld numbers, or twice as many", (long long)count);
    for (int k = 0; to && k < (*is_double ? 2 : 1); k++)
        for (int g = 0; g < cell->gates; g++)
            memcpy((float *)to->data + k * count + g * units,
                   (const float *)t->data + k * count + cell->order[g] * units, (size_t)units * sizeof(float));
    tensor_unref(t);
    return build_constant(l->b, keras_keep(l->r, "bias"), to);
}

/* ---- functions ---- */

/* The first are those that ONNX has by default. */
enum function { TANH, SIGMOID, HARD_SIGMOID };

/* `uses`: how many of alpha and beta it takes from ONNX's lists, which have none for functions that take none. */
static const struct {
    char keras[13], onnx[12], uses;
    float alpha, beta;
} functions[] = {
    [TANH] = {"tanh", "Tanh", 0, 0, 0},
    [SIGMOID] = {"sigmoid", "Sigmoid", 0, 0, 0},
    [HARD_SIGMOID] = {"hard_sigmoid", "HardSigmoid", 2, 0.2f, 0.5f},
    {"relu", "Relu", 0, 0, 0},
    {"linear", "Affine", 2, 1, 0},
    {"elu", "Elu", 1, 1, 0},
    {"softsign", "Softsign", 0, 0, 0},
    {"softplus", "Softplus", 0, 0, 0},
};

static void set_functions(struct keras_call *l, struct value *v, const struct cell *cell)
{
    const char *names[] = {keras_text(l, "recurrent_activation", l->r->major == 1 ? "hard_sigmoid" : "sigmoid"),
                           keras_text(l, "activation", "tanh")};
    struct str list[3];
    float alphas[3], betas[3];
    int alpha_count = 0, beta_count = 0;
    bool plain = true;
    for (int i = 0; i < cell->functions; i++) {
        bool is_recurrent = cell->first_is_recurrent && i == 0;
        const char *name = names[!is_recurrent];
        size_t k = 0, count = sizeof(functions) / sizeof(*functions);
        while (k < count && strcmp(functions[k].keras, name) != 0)
            k++;
        if (k == count) {
            build_fail(l->b, "its activation \"%.30s\" is not read in a recurrent layer", name);
            return;
        }
        list[i] = (struct str){functions[k].onnx, strlen(functions[k].onnx)};
        if (functions[k].uses > 0)
            alphas[alpha_count++] = k == HARD_SIGMOID && l->r->major >= 3 ? 1 / 6.0f : functions[k].alpha;
        if (functions[k].uses > 1)
            betas[beta_count++] = functions[k].beta;
        plain = plain && k == (is_recurrent ? SIGMOID : TANH);
    }
    if (plain || l->b->failed)
        return;
    build_check(l->b, node_set_strings(v->producer, "activations", list, (size_t)cell->functions, l->b->err) == 0);
    if (alpha_count)
        build_floats(l->b, v, "activation_alpha", alpha_count, alphas);
    if (beta_count)
        build_floats(l->b, v, "activation_beta", beta_count, betas);
}

/* ---- masks ---- */

/* The steps that count, moved to the front, and how many they are; where each step finds its result among them. */
struct packed {
    struct value *x, *lengths, *places, *any;
};

/* x [batch, steps, in] and a mask [batch, steps]: a stable sort by the mask puts the steps that count first. */
static struct packed pack(struct keras_call *l, struct value *x, struct value *mask)
{
    struct build *b = l->b;
    struct packed p = {0};
    struct value *number = build_cast(b, mask, DTYPE_I64), *one = BUILD_LIST(b, 1);
    struct value *sum = BUILD(b, "CumSum", number, build_number(b, DTYPE_I64, 1));
    struct value *steps = build_shape(b, x, 1, 2);
    struct value *at = BUILD(b, "Range", build_number(b, DTYPE_I64, 0), build_reshape(b, steps, 0, NULL),
                             build_number(b, DTYPE_I64, 1));
    struct value *rank = BUILD(b, "Sub", BUILD(b, "Mul", number, steps), at); /* larger: earlier */
    struct value *top = BUILD(b, "TopK/axis=1", rank, steps);
    p.x = build_gather(b, x, 3, build_output(b, top, 1), 2, 1, 1);
    p.lengths = build_cast(b, BUILD(b, "Squeeze", BUILD(b, "ReduceSum", number, one), one), DTYPE_I32);
    p.places = BUILD(b, "Max", BUILD(b, "Sub", sum, one), build_number(b, DTYPE_I64, 0));
    p.any = build_unsqueeze(b, build_cast(b, BUILD(b, "Greater", sum, build_number(b, DTYPE_I64, 0)), DTYPE_F32), 2);
    return p;
}

/* ---- one direction ---- */

static struct value *squeezed(struct keras_call *l, struct value *v, int64_t axis)
{
    return BUILD(l->b, "Squeeze", v, BUILD_LIST(l->b, axis));
}

struct value *keras_reversed(struct keras_call *l, struct value *v, int64_t axis)
{
    return BUILD(l->b, "Slice", v, BUILD_LIST(l->b, -1), BUILD_LIST(l->b, INT64_MIN), BUILD_LIST(l->b, axis),
                 BUILD_LIST(l->b, -1));
}

/* First states: further inputs, or the keyword initial_state. */
static void find_states(struct keras_call *l, int count, struct value **states)
{
    const struct json_node *list = json_member(&l->r->json, l->kwargs, "initial_state");
    struct value *found[KERAS_OUTPUTS];
    int n = list && l->net ? keras_arguments(l, list, NULL) : 0;
    if (n == count)
        keras_arguments(l, list, found);
    else if (l->in_count > count)
        for (int i = 0; i < count; i++)
            found[i] = l->in[1 + i];
    for (int i = 0; i < count; i++)
        states[i] = n == count || l->in_count > count ? build_unsqueeze(l->b, found[i], 0) : NULL;
}

static void recurrent(struct keras_call *l, const struct cell *cell)
{
    struct build *b = l->b;
    int64_t units = keras_int(l, "units", 0);
    bool backwards = keras_bool(l, "go_backwards", false) != l->turns,
         sequences = keras_bool(l, "return_sequences", false) || l->all_steps, is_double, reset_after;
    struct value *x = keras_in(l, 0), *mask = keras_mask_of(l->r, x), *states[2] = {NULL, NULL};
    struct packed packed = {.x = x};
    build_expect(b, x, 3, 2, 0, DTYPE_NONE);
    if (units < 1 || units > 1 << 20 || keras_rank(l, x) != 3 || keras_bool(l, "time_major", false))
        build_fail(b, "want units, and an input [batch, steps, channels]");
    if (l->b->failed)
        return;
    find_states(l, cell->states, states);
    if (mask && backwards) {
        x = packed.x = keras_reversed(l, x, 1);
        mask = keras_reversed(l, mask, 1);
    }
    if (mask)
        packed = pack(l, x, mask);
    struct value *w = matrix(l, cell, units, "kernel", 0, 0), *r = matrix(l, cell, units, "recurrent_kernel", 1, units);
    struct value *bias = biases(l, cell, units, &is_double);
    reset_after = keras_bool(l, "reset_after", is_double);
    struct value *v = BUILD(b, cell->onnx, build_transpose(b, packed.x, 3, (int64_t[]){1, 0, 2}), w, r, bias,
                            packed.lengths, states[0], states[1]);
    build_int(b, v, "hidden_size", units);
    set_functions(l, v, cell);
    if (cell == &kinds[GRU] && reset_after)
        build_int(b, v, "linear_before_reset", 1);
    if (backwards && !mask)
        build_string(b, v, "direction", "reverse");
    struct value *last = b->failed ? NULL : squeezed(l, build_output(b, v, 1), 0);
    struct value *cell_state = b->failed || cell->states < 2 ? NULL : squeezed(l, build_output(b, v, 2), 0);
    struct value *all = sequences ? build_transpose(b, squeezed(l, v, 1), 3, (int64_t[]){1, 0, 2}) : NULL;
    if (sequences && mask) {
        struct value *counts = keras_bool(l, "zero_output_for_mask", false)
                                   ? build_unsqueeze(b, build_cast(b, mask, DTYPE_F32), 2)
                                   : packed.any;
        all = BUILD(b, "Mul", build_gather(b, all, 3, packed.places, 2, 1, 1), counts);
    }
    if (sequences && backwards && !mask != l->by_time) /* with a mask they come as they are computed, else by time */
        all = keras_reversed(l, all, 1);
    keras_give(l, sequences ? all : last);
    if (keras_bool(l, "return_state", false))
        keras_give(l, last);
    if (keras_bool(l, "return_state", false) && cell->states > 1)
        keras_give(l, cell_state);
    if (sequences && !b->failed)
        keras_set_mask(l, l->out[0], keras_mask_of(l->r, keras_in(l, 0)));
}

void keras_read_lstm(struct keras_call *l)
{
    recurrent(l, &kinds[LSTM]);
}

void keras_read_gru(struct keras_call *l)
{
    recurrent(l, &kinds[GRU]);
}

void keras_read_simple_rnn(struct keras_call *l)
{
    recurrent(l, &kinds[SIMPLE]);
}

/* ---- layers around cells ---- */

static void read_cell(struct keras_call *l, const struct json_node *cell)
{
    const char *class = keras_class_of(&l->r->json, cell);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].class, class) == 0) {
            l->cell = json_member(&l->r->json, cell, "config");
            recurrent(l, &kinds[i]);
            return;
        }
    build_fail(l->b, "its cell \"%.100s\" is not read, want LSTMCell, GRUCell or SimpleRNNCell", class);
}

/* A cell of several behind one another, each of which gets all steps of the one before. */
static struct value *read_stacked(struct keras_call *l, const struct json_node *first, const struct json_node *cell,
                                  struct value *x)
{
    const struct json *j = &l->r->json;
    const struct json_node *config = json_member(j, cell, "config"), *next = json_next(j, cell);
    const struct json_node *name = config ? json_member(j, config, "name") : NULL;
    struct keras_call one = *l;
    int repeat = 0;
    for (const struct json_node *c = first; c != cell; c = json_next(j, c))
        repeat += strcmp(keras_class_of(j, c), keras_class_of(j, cell)) == 0;
    one.in = &x;
    one.all_steps = next != NULL;
    one.by_time = false;
    if (cell != first)
        one.turns = keras_bool(l, "go_backwards", false); /* the steps came in that order */
    if (!name || name->kind != JSON_STRING)
        build_fail(l->b, "a cell without a name");
    else if (keras_place_layer(l->r, &l->place, name->string, keras_class_of(j, cell), repeat, &one.place) >= 0)
        read_cell(&one, cell);
    return one.out_count ? one.out[0] : NULL;
}

void keras_read_rnn(struct keras_call *l)
{
    const struct json *j = &l->r->json;
    const struct json_node *cell = keras_member(l, "cell"), *config = cell ? json_member(j, cell, "config") : NULL;
    const struct json_node *cells = config ? json_member(j, config, "cells") : NULL;
    if (!cells) {
        read_cell(l, cell);
        return;
    }
    struct value *x = keras_in(l, 0);
    bool backwards = keras_bool(l, "go_backwards", false) != l->turns;
    if (l->in_count != 1 || keras_bool(l, "return_state", false) || (backwards && keras_mask_of(l->r, x)))
        build_fail(l->b, "cells one behind the other are read without states, and with a mask only forwards");
    const struct json_node *first = json_first(j, cells);
    for (cell = first; cell && !l->b->failed; cell = json_next(j, cell))
        x = read_stacked(l, first, cell, x);
    bool turned = backwards && l->by_time && keras_bool(l, "return_sequences", false);
    keras_give(l, turned ? keras_reversed(l, x, 1) : x);
}

/* ---- around other layers ---- */

static struct value *merged(struct keras_call *l, const char *mode, struct value *a, struct value *b)
{
    if (strcmp(mode, "concat") == 0)
        return BUILD(l->b, "Concat/axis=-1", a, b);
    struct value *v = BUILD(l->b, strcmp(mode, "mul") == 0 ? "Mul" : "Add", a, b);
    if (strcmp(mode, "sum") != 0 && strcmp(mode, "mul") != 0 && strcmp(mode, "ave") != 0)
        build_fail(l->b, "its merge_mode \"%.20s\" is not read", mode);
    return strcmp(mode, "ave") == 0 ? BUILD(l->b, "Mul", v, build_number(l->b, DTYPE_F32, 0.5)) : v;
}

void keras_read_bidirectional(struct keras_call *l)
{
    const struct json_node *forward = keras_member(l, "layer"), *back = keras_member(l, "backward_layer");
    struct keras_place places[2];
    struct keras_call inner[2] = {{.in = l->in, .in_count = 1}, {.in = l->in, .in_count = 1, .by_time = true}};
    inner[1].turns = !back;
    if (l->in_count != 1 || !forward)
        build_fail(l->b, "want one input and a layer: first states are not read");
    if (l->b->failed || keras_place_part(l->r, &l->place, "forward_layer", "forward_", &places[0]) < 0 ||
        keras_place_part(l->r, &l->place, "backward_layer", "backward_", &places[1]) < 0)
        return;
    keras_call_part(l, forward, &places[0], &inner[0]);
    keras_call_part(l, back ? back : forward, &places[1], &inner[1]);
    const struct json_node *mode = json_member(&l->r->json, l->config, "merge_mode");
    bool apart = mode && mode->kind == JSON_NULL;
    for (int i = 0; i < 2 && apart; i++)
        keras_give(l, inner[i].out[0]);
    if (!apart)
        keras_give(l, merged(l, keras_text(l, "merge_mode", "concat"), inner[0].out[0], inner[1].out[0]));
    for (int i = 0; i < 2; i++)
        for (int k = 1; k < inner[i].out_count; k++)
            keras_give(l, inner[i].out[k]);
    if (!l->b->failed)
        keras_set_mask(l, l->out[0], keras_mask_of(l->r, inner[0].out[0]));
}

static void call_inner(struct keras_call *l, struct keras_call *inner)
{
    struct keras_place place;
    const struct json_node *layer = keras_member(l, "layer");
    if (!layer)
        build_fail(l->b, "it holds no layer");
    if (!l->b->failed && keras_place_part(l->r, &l->place, "layer", "", &place) >= 0)
        keras_call_part(l, layer, &place, inner);
}

void keras_read_wrapper(struct keras_call *l)
{
    struct keras_call inner = {.in = l->in, .in_count = l->in_count};
    call_inner(l, &inner);
    keras_give(l, inner.out[0]);
}

/* Steps become batches, and batches steps again. */
void keras_read_time_distributed(struct keras_call *l)
{
    struct value *x = keras_in(l, 0), *flat = NULL;
    int64_t dims[TENSOR_MAX_RANK] = {-1}, back[TENSOR_MAX_RANK] = {-1};
    int rank = keras_rank(l, x);
    for (int i = 2; i < rank; i++)
        dims[i - 1] = keras_dim(l, x, i);
    back[1] = keras_dim(l, x, 1);
    if (rank < 2)
        build_fail(l->b, "an input of %d axes, want 2 or more", rank);
    for (int i = 1; i < rank - 1; i++)
        if (dims[i] < 0)
            build_fail(l->b, "the sizes of its steps must be known");
    flat = build_reshape(l->b, x, rank - 1, dims);
    struct keras_call inner = {.in = &flat, .in_count = 1};
    call_inner(l, &inner);
    struct value *y = inner.out[0];
    int y_rank = keras_rank(l, y);
    if (y_rank == TENSOR_MAX_RANK) {
        build_fail(l->b, "the layer within it gives %d axes, want fewer", y_rank);
        return;
    }
    bool known = back[1] >= 0;
    for (int i = 1; i < y_rank; i++) {
        back[1 + i] = keras_dim(l, y, i);
        known = known && back[1 + i] >= 0;
    }
    if (known)
        keras_give(l, build_reshape(l->b, y, y_rank + 1, back));
    else
        keras_give(l, BUILD(l->b, "Reshape", y,
                            BUILD(l->b, "Concat/axis=0", build_shape(l->b, x, 0, 2), build_shape(l->b, y, 1, y_rank))));
}
