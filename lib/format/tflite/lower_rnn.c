/* Recurrent operators step by step, for those whose states are not variables. */
#include <stdlib.h>
#include <string.h>

#include "format/tflite/write.h"
#include "op/build.h"

#define STEPS_MOST 512

enum cell { LSTM, GRU, RNN };

/* One direction of a recurrent operator. */
struct direction {
    struct build *b;
    enum cell cell;
    int64_t units;
    const char *acts[3];
    struct value *x;          /* [steps, batch, gates * units]: the input's part of all steps */
    struct value *weights[2]; /* [units, …]: of the state; for a GRU those of its candidate apart */
    struct value *bias[2];    /* [gates * units] */
    struct value *h, *c;      /* [batch, units]; NULL: zeros */
    bool is_reset_behind;     /* GRU: linear_before_reset */
};

static const struct {
    const char *op;
    enum cell cell;
    int gates;
    const char *acts[3];
} cells[] = {{"LSTM", LSTM, 4, {"Sigmoid", "Tanh", "Tanh"}},
             {"GRU", GRU, 3, {"Sigmoid", "Tanh", ""}},
             {"RNN", RNN, 1, {"Tanh", "", ""}}};

/* Rows from … from + count of direction d of [directions, rows, size] (or [directions, rows]), transposed, [size,
 * count], as a constant; NULL without a failure when t is NULL. */
static struct value *rows_of(struct build *b, const struct tensor *t, int64_t d, int64_t from, int64_t count)
{
    if (!t)
        return NULL;
    int64_t size = t->rank == 3 ? t->dims[2] : 1, dims[] = {size, count}, at = (d * t->dims[1] + from) * size;
    struct tensor *to = tensor_new(DTYPE_F32, t->rank - 1, t->rank == 3 ? dims : &count, b->err);
    for (int64_t i = 0; to && i < count; i++)
        for (int64_t k = 0; k < size; k++)
            tensor_set_f64(to, k * count + i, tensor_get_f64(t, at + i * size + k));
    return build_constant(b, NULL, to);
}

static struct value *product(struct build *b, struct value *x, struct value *weights, struct value *bias)
{
    struct value *v = x ? BUILD(b, "MatMul", x, weights) : NULL;
    return v && bias ? BUILD(b, "Add", v, bias) : v ? v : bias;
}

static struct value *sum(struct build *b, struct value *x, struct value *y)
{
    return y ? BUILD(b, "Add", x, y) : x;
}

static struct value *part(struct build *b, struct value *v, int64_t i, int64_t units)
{
    return build_slice(b, v, -1, i * units, (i + 1) * units);
}

/* x: the gates' sums of the input, [batch, gates * units]. */
static void lstm_step(struct direction *d, struct value *x)
{
    struct build *b = d->b;
    struct value *z = sum(b, x, product(b, d->h, d->weights[0], NULL)), *gate[4];
    for (int i = 0; i < 4; i++)
        gate[i] = BUILD(b, d->acts[i == 3], part(b, z, i, d->units));
    struct value *fresh = BUILD(b, "Mul", gate[0], gate[3]);
    d->c = d->c ? BUILD(b, "Add", BUILD(b, "Mul", gate[2], d->c), fresh) : fresh;
    d->h = BUILD(b, "Mul", gate[1], BUILD(b, d->acts[2], d->c));
}

static void gru_step(struct direction *d, struct value *x)
{
    struct build *b = d->b;
    int64_t units = d->units;
    struct value *z = sum(b, build_slice(b, x, -1, 0, 2 * units), product(b, d->h, d->weights[0], d->bias[0]));
    struct value *update = BUILD(b, d->acts[0], part(b, z, 0, units));
    struct value *reset = BUILD(b, d->acts[0], part(b, z, 1, units)), *again;
    if (d->is_reset_behind) {
        again = product(b, d->h, d->weights[1], d->bias[1]);
        again = again ? BUILD(b, "Mul", reset, again) : NULL;
    } else {
        again = product(b, d->h ? BUILD(b, "Mul", reset, d->h) : NULL, d->weights[1], d->bias[1]);
    }
    struct value *candidate = BUILD(b, d->acts[1], sum(b, part(b, x, 2, units), again));
    struct value *fresh = BUILD(b, "Mul", BUILD(b, "Sub", build_number(b, DTYPE_F32, 1), update), candidate);
    d->h = d->h ? BUILD(b, "Add", BUILD(b, "Mul", update, d->h), fresh) : fresh;
}

static void rnn_step(struct direction *d, struct value *x)
{
    d->h = BUILD(d->b, d->acts[0], sum(d->b, x, product(d->b, d->h, d->weights[0], NULL)));
}

/* ---- a direction ---- */

struct recurrent {
    struct node *n;
    int row; /* of cells[] */
    int64_t units, steps, directions;
    struct tensor *w, *r, *bias; /* owned */
    const char *acts[6];
};

/* The input's part of all steps, with all biases but those that a GRU adds to the state's part. */
static struct value *input_part(struct build *b, const struct recurrent *t, int64_t d)
{
    int64_t rows = cells[t->row].gates * t->units;
    struct value *x = BUILD(b, "MatMul", node_in(t->n, 0), rows_of(b, t->w, d, 0, rows));
    if (!t->bias)
        return x;
    struct value *bias = rows_of(b, t->bias, d, 0, rows);
    if (cells[t->row].cell == GRU)
        return BUILD(b, "Add", x, bias);
    int64_t count = rows;
    struct tensor *both = tensor_new(DTYPE_F32, 1, &count, b->err);
    for (int64_t i = 0; both && i < rows; i++)
        tensor_set_f64(both, i,
                       tensor_get_f64(t->bias, 2 * d * rows + i) + tensor_get_f64(t->bias, (2 * d + 1) * rows + i));
    return BUILD(b, "Add", x, build_constant(b, NULL, both));
}

static struct value *first_state(struct build *b, const struct recurrent *t, int k, int64_t d)
{
    struct value *v = node_in(t->n, k);
    return v ? BUILD(b, "Gather/axis=0", v, build_number(b, DTYPE_I64, (double)d)) : NULL;
}

static void open_direction(struct build *b, const struct recurrent *t, int64_t i, struct direction *d)
{
    int64_t units = t->units, gates = cells[t->row].gates, state = gates * units;
    *d = (struct direction){.b = b, .cell = cells[t->row].cell, .units = units};
    memcpy(d->acts, t->acts + 3 * i, sizeof d->acts);
    d->x = input_part(b, t, i);
    d->h = first_state(b, t, 5, i);
    d->c = d->cell == LSTM ? first_state(b, t, 6, i) : NULL;
    bool is_gru = d->cell == GRU;
    d->is_reset_behind = is_gru && op_int(t->n, "linear_before_reset");
    d->weights[0] = rows_of(b, t->r, i, 0, is_gru ? 2 * units : state);
    if (!is_gru)
        return;
    d->weights[1] = rows_of(b, t->r, i, 2 * units, units);
    d->bias[0] = rows_of(b, t->bias, i, state, 2 * units);
    d->bias[1] = rows_of(b, t->bias, i, state + 2 * units, units);
}

/* All steps of direction i: the states of each, one below the other, [steps, 1, batch, units]. */
static struct value *run_direction(struct build *b, const struct recurrent *t, int64_t i, struct direction *d)
{
    static void (*const step[])(struct direction *, struct value *) = {lstm_step, gru_step, rnn_step};
    struct value *all[STEPS_MOST];
    bool is_reverse = i == 1 || strcmp(op_string(t->n, "direction"), "reverse") == 0;
    open_direction(b, t, i, d);
    for (int64_t k = 0; k < t->steps && !b->failed; k++) {
        int64_t at = is_reverse ? t->steps - 1 - k : k;
        struct value *x = BUILD(b, "Gather", d->x, build_number(b, DTYPE_I64, (double)at));
        step[d->cell](d, x);
        all[at] = BUILD(b, "Unsqueeze", d->h, BUILD_LIST(b, 0, 1));
    }
    return b->failed ? NULL : build_int(b, build_node(b, "Concat", (int)t->steps, all), "axis", 0);
}

static struct value *both(struct build *b, const struct recurrent *t, struct value *const *parts, int64_t axis)
{
    return t->directions == 1 ? parts[0] : build_int(b, build_node(b, "Concat", 2, parts), "axis", axis);
}

static int write_steps(const struct recurrent *t, struct error *err)
{
    struct build b = {.node = t->n, .err = err};
    struct value *y[2] = {NULL}, *h[2] = {NULL}, *c[2] = {NULL};
    for (int64_t i = 0; i < t->directions && !b.failed; i++) {
        struct direction d;
        y[i] = run_direction(&b, t, i, &d);
        h[i] = build_unsqueeze(&b, d.h, 0);
        c[i] = d.c ? build_unsqueeze(&b, d.c, 0) : NULL;
    }
    struct value *all = both(&b, t, y, 1), *last = both(&b, t, h, 0), *cell = c[0] ? both(&b, t, c, 0) : NULL;
    if (b.failed)
        return -1;
    build_give(&b, 0, all);
    build_give(&b, 1, last);
    if (cell)
        build_give(&b, 2, cell);
    return build_end(&b) < 0 ? -1 : 1;
}

/* ---- what can be written so ---- */

static bool str_is(struct str s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

static bool take_activations(struct recurrent *t)
{
    static const char *const known[] = {"Sigmoid", "Tanh", "Relu", "Softsign", "Softplus"};
    const struct attr *a = node_attr(t->n, "activations");
    size_t each = t->row == LSTM ? 3 : t->row == GRU ? 2 : 1;
    if (a && (a->kind != ATTR_STRINGS || a->n != each * (size_t)t->directions))
        return false;
    for (size_t i = 0; i < (size_t)t->directions * each; i++) {
        const char **to = &t->acts[i / each * 3 + i % each];
        *to = a ? NULL : cells[t->row].acts[i % each];
        for (size_t k = 0; a && k < sizeof known / sizeof *known; k++)
            if (str_is(a->strings[i], known[k]))
                *to = known[k];
        if (!*to)
            return false;
    }
    return true;
}

static bool is_plain(const struct recurrent *t)
{
    const struct node *n = t->n;
    const struct type *x = &n->in[0]->type;
    bool has_more = node_in(n, 4) || node_in(n, 7) || op_has(n, "clip") || op_int(n, "layout") ||
                    (t->row == LSTM && op_int(n, "input_forget"));
    return !has_more && x->rank == 3 && x->dims[0] >= 1 && x->dims[0] <= STEPS_MOST;
}

int tflite_lower_rnn(struct node *n, struct error *err)
{
    struct recurrent t = {.n = n, .directions = strcmp(op_string(n, "direction"), "bidirectional") == 0 ? 2 : 1};
    struct error unused;
    int result = 0;
    while (strcmp(cells[t.row].op, n->op) != 0)
        t.row++;
    struct tflite_state states[2];
    if ((t.row == LSTM && tflite_has_states(n, states)) || !is_plain(&t) || !take_activations(&t))
        return 0;
    t.w = tflite_evaluate(n->in[1], &unused);
    t.r = tflite_evaluate(n->in[2], &unused);
    t.bias = tflite_evaluate(node_in(n, 3), &unused);
    t.steps = n->in[0]->type.dims[0];
    if (t.w && t.r && t.w->rank == 3 && t.r->rank == 3 && (t.bias || !node_in(n, 3))) {
        t.units = t.r->dims[2];
        result = write_steps(&t, err);
    }
    tensor_unref(t.w);
    tensor_unref(t.r);
    tensor_unref(t.bias);
    return result;
}
