/* Recurrent layers: sequences, and single steps as sequences of one. Batches stand first here, times in ONNX. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "format/openvino/openvino.h"

/* Where the inputs of a layer stand; -1: it has none. */
struct places {
    int hidden, cell, lengths, w, r, b;
    bool step; /* a single one: there is neither a time nor a direction */
};

static struct value *swapped(struct openvino_read *l, struct value *v)
{
    return build_transpose(l->b, v, 3, (int64_t[]){1, 0, 2});
}

static struct value *with_direction(struct openvino_read *l, const struct places *p, int k)
{
    return p->step ? build_unsqueeze(l->b, openvino_in(l, k), 0) : openvino_in(l, k);
}

static struct value *state(struct openvino_read *l, const struct places *p, int k)
{
    return p->step ? build_unsqueeze(l->b, openvino_in(l, k), 0) : swapped(l, openvino_in(l, k));
}

/* Lengths that are all those of the sequence need not be said. */
static struct value *lengths(struct openvino_read *l, const struct places *p)
{
    const struct tensor *t = p->lengths >= 0 ? openvino_constant(l, p->lengths) : NULL;
    int64_t length = openvino_dim(l, 0, 1);
    bool full = t && length >= 0;
    for (int64_t i = 0; full && i < t->count; i++)
        full = tensor_get_i64(t, i) == length;
    if (p->lengths < 0 || full)
        return NULL;
    struct value *v = openvino_in(l, p->lengths);
    return openvino_dtype(l, p->lengths) == DTYPE_I32 ? v : build_cast(l->b, v, DTYPE_I32);
}

/* Parts of axis 1 in another order; -1: zeros. What is converted is put in order before. */
static struct value *parts(struct openvino_read *l, struct value *v, int count, int wanted, const int *order)
{
    const struct node *n = v ? v->producer : NULL;
    struct value *from = n && node_is(n, "Cast") ? node_in(n, 0) : NULL;
    if (from && from->constant)
        return build_cast(l->b, build_parts(l->b, from, 1, count, wanted, order), v->type.dtype);
    return build_parts(l->b, v, 1, count, wanted, order);
}

/* ---- activations ---- */

/* "sigmoid" as ONNX has it. */
static const char *act_name(struct openvino_read *l, const char *text, size_t n)
{
    static const char *const names[] = {"Sigmoid", "Tanh", "Relu", "Softsign", "HardSigmoid", "Elu", NULL};
    for (int i = 0; names[i]; i++)
        if (strlen(names[i]) == n && strncasecmp(names[i], text, n) == 0)
            return names[i];
    build_fail(l->b, "activation '%.*s' is not read", (int)(n < 50 ? n : 50), text);
    return "";
}

/* Whether a list has the words of another one, which has no blanks between. */
static bool has_words(const char *list, const char *words)
{
    for (; *list; list++)
        if (*list != ' ' && tolower((unsigned char)*list) != *words++)
            return false;
    return !*words;
}

/* The list for one direction, which both get; nothing when it is the usual one. */
static void set_activations(struct openvino_read *l, struct value *v, const char *usual, int directions)
{
    const char *text = openvino_text(l, "activations", NULL);
    struct str list[6];
    size_t count = 0;
    if (!text || !*text || has_words(text, usual))
        return;
    for (const char *at = text; *at && count < 3 && !l->b->failed; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ", ");
        const char *name = act_name(l, at, n);
        list[count++] = (struct str){name, strlen(name)};
        at += n;
    }
    for (size_t i = 0; i < count && directions == 2; i++)
        list[count + i] = list[i];
    if (!l->b->failed)
        build_check(l->b,
                    node_set_strings(v->producer, "activations", list, count * (size_t)directions, l->b->err) == 0);
}

/* ---- the whole ---- */

static int set_direction(struct openvino_read *l, struct value *v)
{
    static const char *const words[] = {"forward",       "reverse", "bidirectional", "FORWARD", "REVERSE",
                                        "BIDIRECTIONAL", NULL};
    int direction = openvino_word(l, "direction", "forward", words) % 3;
    if (direction)
        build_string(l->b, v, "direction", words[direction]);
    return direction == 2 ? 2 : 1;
}

/* v's outputs: all steps, the last state, the last cell. */
static void give(struct openvino_read *l, const struct places *p, struct value *v, int states)
{
    struct value *out[3];
    for (int i = 0; i <= states; i++)
        out[i] = build_output(l->b, v, i);
    for (int i = 0; i < l->layer->out_count && i < states + !p->step && !l->b->failed; i++) {
        if (p->step)
            l->out[i] = BUILD(l->b, "Squeeze", out[i + 1], BUILD_LIST(l->b, 0));
        else
            l->out[i] = i ? swapped(l, out[i]) : build_transpose(l->b, out[i], 4, (int64_t[]){2, 1, 0, 3});
    }
}

static void recurrent(struct openvino_read *l, const char *onnx, const struct places *p, struct value *w,
                      struct value *r, struct value *b, const char *activations)
{
    struct value *x = openvino_in(l, 0), *cell = p->cell >= 0 ? state(l, p, p->cell) : NULL;
    float clip = openvino_float(l, "clip", 0);
    x = p->step ? build_unsqueeze(l->b, x, 0) : swapped(l, x);
    struct value *v = BUILD(l->b, onnx, x, w, r, b, lengths(l, p), state(l, p, p->hidden), cell);
    build_int(l->b, v, "hidden_size", openvino_int(l, "hidden_size", 0));
    if (clip > 0 && clip < 3e38f)
        build_float(l->b, v, "clip", clip);
    if (openvino_text(l, "activations_alpha", "")[0] || openvino_text(l, "activations_beta", "")[0])
        build_fail(l->b, "parameters of its activations are not read");
    if (!l->b->failed)
        set_activations(l, v, activations, set_direction(l, v));
    if (strcmp(onnx, "GRU") == 0 && openvino_bool(l, "linear_before_reset", false))
        build_int(l->b, v, "linear_before_reset", 1);
    if (!l->b->failed)
        give(l, p, v, p->cell >= 0 ? 2 : 1);
}

/* Gates stand as forget, input, candidate, output; in ONNX as input, output, forget, candidate. */
static void lstm(struct openvino_read *l, const struct places *p)
{
    static const int order[] = {1, 3, 0, 2, -1, -1, -1, -1};
    struct value *w = parts(l, with_direction(l, p, p->w), 4, 4, order);
    struct value *r = parts(l, with_direction(l, p, p->r), 4, 4, order);
    struct value *b = openvino_has(l, p->b) ? parts(l, with_direction(l, p, p->b), 4, 8, order) : NULL;
    recurrent(l, "LSTM", p, w, r, b, "sigmoid,tanh,tanh");
}

void openvino_read_lstm(struct openvino_read *l)
{
    lstm(l, &(struct places){.hidden = 1, .cell = 2, .lengths = 3, .w = 4, .r = 5, .b = 6});
}

void openvino_read_lstm_cell(struct openvino_read *l)
{
    lstm(l, &(struct places){.hidden = 1, .cell = 2, .lengths = -1, .w = 3, .r = 4, .b = 5, .step = true});
}

/* Gates stand as in ONNX. With linear_before_reset the last has two biases, the second for the state. */
static void gru(struct openvino_read *l, const struct places *p)
{
    static const int one[] = {0, 1, 2, -1, -1, -1}, two[] = {0, 1, 2, -1, -1, 3};
    bool linear = openvino_bool(l, "linear_before_reset", false);
    struct value *b = NULL;
    if (openvino_has(l, p->b))
        b = parts(l, with_direction(l, p, p->b), linear ? 4 : 3, 6, linear ? two : one);
    recurrent(l, "GRU", p, with_direction(l, p, p->w), with_direction(l, p, p->r), b, "sigmoid,tanh");
}

void openvino_read_gru(struct openvino_read *l)
{
    gru(l, &(struct places){.hidden = 1, .cell = -1, .lengths = 2, .w = 3, .r = 4, .b = 5});
}

void openvino_read_gru_cell(struct openvino_read *l)
{
    gru(l, &(struct places){.hidden = 1, .cell = -1, .lengths = -1, .w = 2, .r = 3, .b = 4, .step = true});
}

static void rnn(struct openvino_read *l, const struct places *p)
{
    static const int order[] = {0, -1};
    struct value *b = openvino_has(l, p->b) ? parts(l, with_direction(l, p, p->b), 1, 2, order) : NULL;
    recurrent(l, "RNN", p, with_direction(l, p, p->w), with_direction(l, p, p->r), b, "tanh");
}

void openvino_read_rnn(struct openvino_read *l)
{
    rnn(l, &(struct places){.hidden = 1, .cell = -1, .lengths = 2, .w = 3, .r = 4, .b = 5});
}

void openvino_read_rnn_cell(struct openvino_read *l)
{
    rnn(l, &(struct places){.hidden = 1, .cell = -1, .lengths = -1, .w = 2, .r = 3, .b = 4, .step = true});
}
