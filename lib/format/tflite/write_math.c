/* Elementwise operators, reductions, quantisation. */
#include <math.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

static int take(struct tflite_writer *w, const struct value *v, bool is_last, bool is_stored)
{
    return is_stored ? tflite_take_stored(w, v, is_last) : tflite_take(w, v, is_last);
}

bool tflite_keeps_scale(const struct tflite_writer *w, struct node *n, bool can_act)
{
    const struct node *q = tflite_on_stored(w, n, can_act), *d = q ? n->in[0]->producer : NULL;
    while (d && node_is(d, "Transpose"))
        d = node_in(d, 0)->producer;
    if (!d || !node_is(d, "DequantizeLinear"))
        return false;
    for (int i = 1; i <= 2; i++)
        if (!node_in(d, i) || !node_in(d, i)->constant ||
            !tensor_equal(node_in(d, i)->constant, node_in(q, i)->constant))
            return false;
    return true;
}

/* Kernels give these results in one scale alone: the range that the function has. */
static bool has_own_scale(const struct tflite_writer *w, struct node *n)
{
    static const struct {
        const char *op;
        double scale, zero; /* of i8 */
    } known[] = {{"Sigmoid", 1.0 / 256, -128}, {"Softmax", 1.0 / 256, -128}, {"Tanh", 1.0 / 128, 0}};
    const struct node *q = tflite_on_stored(w, n, false);
    for (size_t i = 0; q && i < sizeof known / sizeof *known; i++)
        if (node_is(n, known[i].op))
            return node_in(q, 2)->constant->dtype == DTYPE_I8 &&
                   tensor_get_f64(node_in(q, 1)->constant, 0) == known[i].scale &&
                   tensor_get_f64(node_in(q, 2)->constant, 0) == known[i].zero;
    return false;
}

void tflite_write_unary(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = tflite_prefers_last(w, n->in[0]), is_stored = has_own_scale(w, n);
    int in = take(w, n->in[0], is_last, is_stored);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, 0, 1, &in, 1, &out);
}

void tflite_write_leaky(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = tflite_prefers_last(w, n->in[0]);
    int in = tflite_take(w, n->in[0], is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_float(&w->out, 0, op_float(n, "alpha"), 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

static double bound(const struct node *n, int i, double otherwise)
{
    const struct value *v = node_in(n, i);
    return !v ? otherwise : v->constant && v->constant->count == 1 ? tensor_get_f64(v->constant, 0) : NAN;
}

/* By MINIMUM and MAXIMUM where there is no operator for the bounds. */
void tflite_write_clip(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    double low = bound(n, 1, -INFINITY), high = bound(n, 2, INFINITY);
    bool is_last = tflite_prefers_last(w, n->in[0]);
    if (isnan(low) || isnan(high)) {
        tflite_cannot(w, n, "its bounds are not constants");
        return;
    }
    int in = tflite_take(w, n->in[0], is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    if (low == 0 && high == 6) {
        int out = tflite_give_end(w, &end);
        tflite_call(w, row->code, 0, 1, &in, 1, &out);
        return;
    }
    for (int i = 1; i <= 2; i++) {
        int pair[2] = {in, 0};
        if (isinf(bound(n, i, INFINITY)))
            continue;
        pair[1] = tflite_take(w, n->in[i], false);
        bool is_end = i == 2 || isinf(high);
        int out =
            is_end ? tflite_give_end(w, &end)
                   : tflite_new_tensor(w, n->out[0]->name, DTYPE_F32, w->tensors[in - 1].rank, w->tensors[in - 1].dims);
        tflite_call(w, i == 1 ? 55 : 57, 0, 2, pair, 1, &out);
        in = out;
    }
    if (isinf(low) && isinf(high))
        tflite_cannot(w, n, "it has no bounds");
}

/* A constant of fewer axes, that is to meet a value with channels last, as one of four. */
static int take_beside(struct tflite_writer *w, const struct value *v, bool is_last, bool is_stored)
{
    const struct tensor *c = v->is_input ? NULL : v->constant;
    if (!is_last || v->type.rank == 4 || !c || c->count == 1)
        return take(w, v, is_last && v->type.rank == 4, is_stored);
    int64_t dims[4] = {1, 1, 1, 1}, last[4];
    static const int order[] = {0, 2, 3, 1};
    for (int i = 0; i < c->rank; i++)
        dims[4 - c->rank + i] = c->dims[i];
    bool moves = dims[1] != 1 && (dims[2] != 1 || dims[3] != 1);
    for (int i = 0; i < 4; i++)
        last[i] = dims[order[i]];
    struct tensor *t = moves ? NULL : tensor_reshaped(c, 4, last, w->err);
    int tensor = t ? tflite_put_constant(w, v->name, t) : 0;
    w->failed = w->failed || !tensor;
    tensor_unref(t);
    return tensor;
}

/* Whether a value can meet one with channels last: it has four axes, or is a constant whose axes need no moving. */
static bool meets_last(const struct value *v)
{
    const struct tensor *c = v->is_input ? NULL : v->constant;
    if (v->type.rank == 4 || (c && c->count == 1))
        return true;
    if (!c || c->rank > 3)
        return false;
    int others = 0;
    for (int i = 0; i < c->rank; i++)
        others += c->dims[i] != 1;
    return others <= 1;
}

void tflite_write_binary(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = n->in_count == 2 && (tflite_prefers_last(w, n->in[0]) || tflite_prefers_last(w, n->in[1]));
    if (n->in_count != 2) {
        tflite_cannot(w, n, "it takes other than two values");
        return;
    }
    is_last = is_last && meets_last(n->in[0]) && meets_last(n->in[1]);
    bool can_act = row->act >= 0, can_store = row->code == 0 || row->code == 18 || row->code == 41;
    bool is_stored = can_store && tflite_on_stored(w, n, can_act);
    int in[] = {take_beside(w, n->in[0], is_last, is_stored), take_beside(w, n->in[1], is_last, is_stored)};
    struct tflite_end end = tflite_follow(n, is_last, can_act, is_stored);
    int out = tflite_give_end(w, &end);
    uint32_t options = can_act ? tflite_option(w, -1, 0, 0, row->act, end.act) : 0;
    tflite_call(w, row->code, options, 2, in, 1, &out);
}

void tflite_write_softmax(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int rank = n->in[0]->type.rank;
    int64_t axis = op_int(n, "axis");
    bool is_last = rank == 4 && (axis == 1 || axis == -3);
    if (axis != -1 && axis != rank - 1 && !is_last) {
        tflite_cannot(w, n, "it is not along the last axis");
        return;
    }
    bool is_stored = has_own_scale(w, n);
    int in = take(w, n->in[0], is_last, is_stored);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_float(&w->out, 0, 1, 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

void tflite_write_reduce(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int place[] = {0, 3, 1, 2};
    int64_t axes[TENSOR_MAX_RANK], count = 0;
    const struct value *list = node_in(n, 1);
    int rank = n->in[0]->type.rank;
    bool keep = op_int(n, "keepdims") != 0, is_last = keep && tflite_prefers_last(w, n->in[0]);
    if (rank < 1 || (list && (!list->constant || list->constant->count > TENSOR_MAX_RANK))) {
        tflite_cannot(w, n, "its axes are not constants");
        return;
    }
    count = list ? list->constant->count : rank;
    for (int64_t i = 0; i < count; i++) {
        axes[i] = list ? tensor_get_i64(list->constant, i) : i;
        axes[i] += axes[i] < 0 ? rank : 0;
        axes[i] = is_last && axes[i] >= 0 && axes[i] < 4 ? place[axes[i]] : axes[i];
    }
    int in[] = {tflite_take(w, n->in[0], is_last), tflite_put_ints(w, (int)count, axes)};
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, tflite_option(w, 0, 1, keep, -1, 0), 2, in, 1, &out);
}

void tflite_write_global(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t axes[] = {1, 2};
    if (n->in[0]->type.rank != 4) {
        tflite_cannot(w, n, "it is not of four axes");
        return;
    }
    int in[] = {tflite_take(w, n->in[0], true), tflite_put_ints(w, 2, axes)};
    struct tflite_end end = tflite_follow(n, true, false, false);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, tflite_option(w, 0, 1, 1, -1, 0), 2, in, 1, &out);
}

static int type_number(enum dtype dtype)
{
    return dtype == DTYPE_F32    ? TYPE_F32
           : dtype == DTYPE_I32  ? TYPE_I32
           : dtype == DTYPE_I64  ? TYPE_I64
           : dtype == DTYPE_U8   ? TYPE_U8
           : dtype == DTYPE_I8   ? TYPE_I8
           : dtype == DTYPE_BOOL ? TYPE_BOOL
                                 : TYPE_F16;
}

void tflite_write_cast(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = tflite_prefers_last(w, n->in[0]);
    if (tflite_is_constant(n->out[0]))
        return; /* of halves: who takes it, takes these */
    int in = tflite_take(w, n->in[0], is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, type_number(n->in[0]->type.dtype), 0);
    flatbuf_add_int(&w->out, 1, 1, type_number(n->out[0]->type.dtype), 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

/* ---- quantisation ---- */

/* Nothing yet: who takes it, takes the stored numbers or asks for a DEQUANTIZE. */
void tflite_write_dequantize(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    (void)row;
    if (tflite_is_constant(n->out[0]))
        return;
    if (!node_in(n, 1)->constant || node_in(n, 1)->constant->count != 1) {
        tflite_cannot(w, n, "its scale is not one constant");
        return;
    }
    struct tflite_form *from = &w->forms[n->in[0]->index];
    w->forms[n->out[0]->index].stored = n->in[0];
    w->forms[n->out[0]->index].flat = from->flat;
    tflite_set_scale(w, from->plain, n, 0);
    tflite_set_scale(w, from->last, n, 0);
}

void tflite_write_quantize(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_stored = tflite_is_stored(w, n->in[0]), is_last = tflite_prefers_last(w, n->in[0]);
    const struct value *scale = node_in(n, 1), *zero = node_in(n, 2);
    if (!scale->constant || scale->constant->count != 1 || !zero || !zero->constant) {
        tflite_cannot(w, n, "its scale is not one constant");
        return;
    }
    int in = take(w, n->in[0], is_last, is_stored);
    struct tflite_end end = {.v = n->out[0], .is_last = is_last, .quantize = n};
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, 0, 1, &in, 1, &out);
}
