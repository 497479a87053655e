/* LSTM layers, by the operator that has the states as variables of its own. */
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

#define OPERANDS   64
#define DEPTH_MOST 16

enum lstm_slots { LSTM_ACT, LSTM_TIME_MAJOR = 3 };

/* ---- constants ---- */

static struct tensor *evaluate(const struct value *v, int depth, struct error *err);

/* The first result of a node whose operands are all constant. */
static struct tensor *evaluate_node(const struct node *n, int depth, struct error *err)
{
    struct item *in[OPERANDS] = {NULL}, *out[OPERANDS] = {NULL};
    bool good = n->def && n->in_count > 0 && n->in_count <= OPERANDS && op_out_count(n) <= OPERANDS;
    for (int i = 0; good && i < n->in_count; i++) {
        struct tensor *t = n->in[i] ? evaluate(n->in[i], depth, err) : NULL;
        in[i] = t ? item_of_tensor(t, err) : NULL;
        good = in[i] || !n->in[i];
    }
    struct op_eval e = {
        .node = n, .in = in, .in_count = n->in_count, .out = out, .out_count = OPERANDS, .memory = (size_t)1 << 30};
    good = good && op_eval_node(&e, err) == 0 && out[0] && out[0]->kind == ITEM_TENSOR;
    struct tensor *result = good ? tensor_ref(out[0]->tensor) : NULL;
    for (int i = 0; i < OPERANDS; i++) {
        item_unref(in[i]);
        item_unref(out[i]);
    }
    return result;
}

static struct tensor *evaluate(const struct value *v, int depth, struct error *err)
{
    if (v->constant && !v->is_input)
        return tensor_ref(v->constant);
    bool can = v->producer && v->producer_index == 0 && depth > 0 && v->type.kind == TYPE_TENSOR;
    return can ? evaluate_node(v->producer, depth - 1, err) : NULL;
}

struct tensor *tflite_evaluate(const struct value *v, struct error *err)
{
    return v ? evaluate(v, DEPTH_MOST, err) : NULL;
}

static bool is_evaluable(const struct value *v)
{
    struct error unused;
    struct tensor *t = tflite_evaluate(v, &unused);
    bool good = t != NULL;
    tensor_unref(t);
    return good;
}

/* ---- LSTM ---- */

static bool str_is(struct str s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

static int act_of(const struct node *n)
{
    const struct attr *a = node_attr(n, "activations");
    if (!a)
        return ACT_TANH;
    if (a->kind != ATTR_STRINGS || a->n != 3 || !str_is(a->strings[0], "Sigmoid"))
        return -1;
    for (int k = ACT_RELU; k <= ACT_TANH; k += ACT_TANH - ACT_RELU)
        if (str_is(a->strings[1], k == ACT_RELU ? "Relu" : "Tanh") &&
            str_is(a->strings[2], k == ACT_RELU ? "Relu" : "Tanh"))
            return k;
    return -1;
}

bool tflite_can_fuse_lstm(const struct node *n)
{
    bool is_plain = strcmp(op_string(n, "direction"), "forward") == 0 && !op_int(n, "layout") &&
                    !op_int(n, "input_forget") && !op_has(n, "clip") && !node_in(n, 4) && act_of(n) >= 0 &&
                    n->in[0]->type.rank == 3;
    for (int i = 1; i < 8 && is_plain; i++)
        is_plain = !node_in(n, i) || i == 4 || i == 5 || i == 6 || is_evaluable(n->in[i]);
    return is_plain;
}

/* Rows from + … from + count of a [1, rows, size] or [1, rows] as a constant. */
static int put_rows(struct tflite_writer *w, const struct tensor *t, int64_t from, int64_t count, const float *more)
{
    int64_t size = t->rank == 3 ? t->dims[2] : 1, dims[] = {count, size};
    struct tensor *part = tensor_new(DTYPE_F32, t->rank - 1, dims, w->err);
    for (int64_t i = 0; part && i < count * size; i++)
        ((float *)part->data)[i] = (float)tensor_get_f64(t, from * size + i) + (more ? more[from * size + i] : 0);
    int tensor = part ? tflite_put_constant(w, "", part) : 0;
    w->failed = w->failed || !part;
    tensor_unref(part);
    return tensor;
}

/* The operands of one kind for the gates i, f, c, o, of which ONNX has i, o, f, c. */
static void put_gates(struct tflite_writer *w, const struct tensor *t, int64_t units, const float *more, int *in)
{
    static const int from[] = {0, 2, 3, 1};
    for (int i = 0; i < 4; i++)
        in[i] = put_rows(w, t, from[i] * units, units, more);
}

static void put_operands(struct tflite_writer *w, const struct node *n, int64_t units, int *in)
{
    struct tensor *t[8] = {NULL};
    for (int i = 1; i < 8; i++)
        t[i] = i < 4 || i == 7 ? tflite_evaluate(node_in(n, i), w->err) : NULL;
    int64_t dims[] = {1, 8 * units};
    if (!t[3])
        t[3] = tensor_new(DTYPE_F32, 2, dims, w->err);
    w->failed = w->failed || !t[1] || !t[2] || !t[3] || t[3]->dtype != DTYPE_F32;
    if (!w->failed) {
        put_gates(w, t[1], units, NULL, in + 1);
        put_gates(w, t[2], units, NULL, in + 5);
        put_gates(w, t[3], units, (const float *)t[3]->data + 4 * units, in + 12);
    }
    for (int i = 0; i < 3 && t[7]; i++) /* i, f, o, of i, o, f */
        in[9 + i] = put_rows(w, t[7], (i == 0 ? 0 : 3 - i) * units, units, NULL);
    for (int i = 0; i < 8; i++)
        tensor_unref(t[i]);
}

static int put_state(struct tflite_writer *w, const struct node *n, int k, int64_t batch, int64_t units)
{
    int64_t dims[] = {batch, units};
    const char *name = "";
    for (size_t i = 0; i < w->state_count; i++)
        if (w->states[i].node == n && w->states[i].operand == 5 + k)
            name = w->states[i].in->name;
    int tensor = tflite_new_tensor(w, name, DTYPE_F32, 2, dims);
    if (tensor)
        w->at.tensors[tensor - 1].is_variable = true;
    return tensor;
}

/* Whether n makes [steps, batch, …] of [batch, steps, …], or the reverse; with a batch of 1 that is a Reshape. */
static bool turns_time(const struct node *n)
{
    int count = 0;
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    const int64_t *perm = node_is(n, "Transpose") ? op_ints(n, "perm", &count) : NULL;
    bool is_view = op_trait(n, "view") && x->rank == 3 && y->rank == 3 && (x->dims[0] == 1 || x->dims[1] == 1) &&
                   x->dims[0] == y->dims[1] && x->dims[1] == y->dims[0];
    return is_view || (count == 3 && perm[0] == 1 && perm[1] == 0 && perm[2] == 2);
}

/* Follows Y through nodes that change its shape alone to the value [steps, batch, units], or [batch, steps, units]:
 * what the operator gives. Marks them as done. NULL: there is none. */
static struct value *follow_result(struct node *n, bool by_batch, const int64_t *want)
{
    struct node *passed[4];
    struct value *v = n->out[0];
    bool is_turned = want[0] == 1 || want[1] == 1 || !by_batch;
    for (int i = 0; i < 4; i++) {
        struct node *u = tflite_only_view(v);
        if (!u && (u = tflite_only_use(v, "Transpose")) && turns_time(u))
            is_turned = !is_turned;
        if (!u)
            return NULL;
        passed[i] = u;
        v = u->out[0];
        if (v->type.rank != 3 || !is_turned || memcmp(v->type.dims, want, 3 * sizeof *want) != 0)
            continue;
        for (int k = 0; k <= i; k++)
            passed[k]->scratch = passed[k];
        return v;
    }
    return NULL;
}

/* [steps, 1, batch, units] of the operator's [steps, batch, units]. */
static void give_directions(struct tflite_writer *w, const struct node *n, int tensor)
{
    struct tflite_end end = {.v = n->out[0]};
    int64_t dims[4];
    int out = tflite_give_end(w, &end), in[2] = {tensor};
    for (int i = 0; i < 4 && out; i++)
        dims[i] = w->at.tensors[out - 1].dims[i];
    in[1] = out ? tflite_put_ints(w, 4, dims) : 0;
    tflite_call(w, 22, 0, 2, in, 1, &out);
}

void tflite_write_lstm(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct type *x = &n->in[0]->type, *r = &n->in[2]->type;
    bool asks_last = (node_out(n, 1) && n->out[1]->use_count) || (node_out(n, 2) && n->out[2]->use_count);
    if (!tflite_can_fuse_lstm(n) || asks_last || node_in(n, 5) || node_in(n, 6) || r->rank != 3 || x->dims[1] < 1 ||
        !node_out(n, 0)) {
        tflite_cannot(w, n,
                      "only constant weights, a known number of steps, and the functions sigmoid and tanh can be "
                      "said");
        return;
    }
    int64_t units = r->dims[2], batch = x->dims[1], steps = x->dims[0];
    int64_t by_time[] = {steps, batch, units}, batches[] = {batch, steps, units};
    const struct node *before = n->in[0]->producer;
    struct value *y = before && turns_time(before) ? follow_result(n, true, batches) : NULL;
    bool by_batch = y != NULL;
    y = y ? y : follow_result(n, false, by_time);
    int in[24] = {tflite_take(w, by_batch ? before->in[0] : n->in[0], false)};
    put_operands(w, n, units, in);
    for (int k = 0; k < 2; k++)
        in[18 + k] = put_state(w, n, k, batch, units);
    int out = y ? tflite_give_end(w, &(struct tflite_end){.v = y}) : tflite_new_tensor(w, "", DTYPE_F32, 3, by_time);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, LSTM_ACT, 1, act_of(n), 0);
    flatbuf_add_int(&w->out, LSTM_TIME_MAJOR, 1, !by_batch, 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 24, in, 1, &out);
    if (!y)
        give_directions(w, n, out);
}
