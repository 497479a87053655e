/* Elementwise operators, reductions, quantisation. */
#include <math.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

int tflite_take_as(struct tflite_writer *w, const struct value *v, bool is_last, bool is_stored)
{
    return is_stored ? tflite_take_stored(w, v, is_last) : tflite_take(w, v, is_last);
}

/* ---- of one ---- */

void tflite_write_unary(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = tflite_prefers_last(w, n->in[0]), is_stored = tflite_computes_stored(w, n, row);
    int in = tflite_take_as(w, n->in[0], is_last, is_stored);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    bool is_approximate = node_is(n, "Gelu") && strcmp(op_string(n, "approximate"), "tanh") == 0;
    tflite_call(w, row->code, is_approximate ? tflite_option(w, 0, 1, 1, -1, 0) : 0, 1, &in, 1, &out);
}

void tflite_write_leaky(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = tflite_prefers_last(w, n->in[0]), is_stored = tflite_computes_stored(w, n, row);
    int in = tflite_take_as(w, n->in[0], is_last, is_stored);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
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

/* The operator of its own that bounds have; 0: none. */
static int clip_code(double low, double high)
{
    return low == 0 && high == 6     ? 21
           : low == 0 && isinf(high) ? 19
           : low == -1 && high == 1  ? 20
           : low == 0 && high == 1   ? 152
                                     : 0;
}

/* By MINIMUM and MAXIMUM where there is no operator for the bounds. */
static void clip_by_two(struct tflite_writer *w, struct node *n, bool is_last, const double *bounds)
{
    int in = tflite_take(w, n->in[0], is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    for (int i = 1; i <= 2; i++) {
        int pair[2] = {in, 0};
        if (isinf(bounds[i - 1]))
            continue;
        pair[1] = tflite_take(w, n->in[i], false);
        bool is_end = i == 2 || isinf(bounds[1]);
        int out = is_end ? tflite_give_end(w, &end) : tflite_like_tensor(w, in);
        tflite_call(w, i == 1 ? 55 : 57, 0, 2, pair, 1, &out);
        in = out;
    }
}

void tflite_write_clip(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    double bounds[] = {bound(n, 1, -INFINITY), bound(n, 2, INFINITY)};
    bool is_last = tflite_prefers_last(w, n->in[0]);
    int code = n->out[0]->type.dtype == DTYPE_F32 ? clip_code(bounds[0], bounds[1]) : 0;
    if (isnan(bounds[0]) || isnan(bounds[1]) || (isinf(bounds[0]) && isinf(bounds[1]))) {
        tflite_cannot(w, n, "its bounds are not constants, or none");
        return;
    }
    if (!code) {
        clip_by_two(w, n, is_last, bounds);
        return;
    }
    bool is_stored = tflite_computes_stored(w, n, row);
    int in = tflite_take_as(w, n->in[0], is_last, is_stored);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    tflite_call(w, code, 0, 1, &in, 1, &out);
}

/* ---- of two ---- */

/* A constant of fewer axes, that is to meet a value with channels last, as one of four. */
static int take_beside(struct tflite_writer *w, const struct value *v, bool is_last, bool is_stored)
{
    const struct tensor *c = v->is_input ? NULL : v->constant;
    if (!is_last || v->type.rank == 4 || !c || c->count == 1)
        return tflite_take_as(w, v, is_last && v->type.rank == 4, is_stored);
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
    bool can_act = row->act >= 0, is_stored = tflite_computes_stored(w, n, row);
    int in[] = {take_beside(w, n->in[0], is_last, is_stored), take_beside(w, n->in[1], is_last, is_stored)};
    struct tflite_end end = tflite_follow(n, is_last, can_act, is_stored && row->stored != STORED_IN);
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
    bool is_stored = tflite_computes_stored(w, n, row);
    int in = tflite_take_as(w, n->in[0], is_last, is_stored);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    if (node_is(n, "Softmax"))
        flatbuf_add_float(&w->out, 0, 1, 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

/* ---- reductions ---- */

static void reduce(struct tflite_writer *w, struct node *n, const struct tflite_writes *row, int count, int64_t *axes,
                   bool keep)
{
    bool is_last = keep && tflite_prefers_last(w, n->in[0]), is_stored = tflite_computes_stored(w, n, row);
    for (int i = 0; i < count; i++)
        axes[i] = tflite_moved_axis(axes[i], n->in[0]->type.rank, is_last);
    int in[] = {tflite_take_as(w, n->in[0], is_last, is_stored), tflite_put_ints(w, count, axes)};
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, tflite_option(w, 0, 1, keep, -1, 0), 2, in, 1, &out);
}

void tflite_write_reduce(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int64_t axes[TENSOR_MAX_RANK];
    const struct value *list = node_in(n, 1);
    int rank = n->in[0]->type.rank, count = rank;
    if (rank < 0 || (list && (!list->constant || list->constant->count > TENSOR_MAX_RANK))) {
        tflite_cannot(w, n, "its axes are not constants");
        return;
    }
    if (op_int(n, "noop_with_empty_axes") || (list && list->constant->count))
        count = list ? (int)list->constant->count : 0;
    for (int i = 0; i < count; i++)
        axes[i] = list && list->constant->count ? tensor_get_i64(list->constant, i) : i;
    reduce(w, n, row, count, axes, op_int(n, "keepdims") != 0);
}

void tflite_write_global(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = n->in[0]->type.rank;
    if (rank < 3) {
        tflite_cannot(w, n, "its axes are not known");
        return;
    }
    for (int i = 2; i < rank; i++)
        axes[i - 2] = i;
    reduce(w, n, row, rank - 2, axes, true);
}

void tflite_write_cast(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_last = tflite_prefers_last(w, n->in[0]);
    if (tflite_is_constant(n->out[0]))
        return; /* of halves: who takes it, takes these */
    if (n->in[0]->type.dtype == DTYPE_U64 || n->out[0]->type.dtype == DTYPE_U64) {
        tflite_cannot(w, n, "of elements of type u64");
        return;
    }
    int in = tflite_take(w, n->in[0], is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, tflite_type_of(n->in[0]->type.dtype), 0);
    flatbuf_add_int(&w->out, 1, 1, tflite_type_of(n->out[0]->type.dtype), 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

/* ---- quantisation ---- */

static void set_scale(struct tflite_writer *w, const struct value *v, const struct node *dequantize)
{
    const struct tflite_form *f = &w->at.forms[v->index];
    const int tensors[] = {f->plain, f->last};
    for (int i = 0; i < 2; i++)
        if (tensors[i] && !w->at.tensors[tensors[i] - 1].scale)
            tflite_set_scale(w, tensors[i], dequantize, 0);
}

/* Nothing yet: who takes it, takes the stored numbers or asks for a DEQUANTIZE. The scale is also that of what the
 * numbers were before they were given a shape. */
void tflite_write_dequantize(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    (void)row;
    if (tflite_is_constant(n->out[0]))
        return;
    enum dtype dtype = n->in[0]->type.dtype;
    bool is_wide = dtype == DTYPE_I32 || dtype == DTYPE_U16;
    if (is_wide || !node_in(n, 1)->constant || node_in(n, 1)->constant->count != 1) {
        tflite_cannot(w, n, is_wide ? "of elements of type %s" : "its scale is not one constant",
                      dtype_info(dtype)->name);
        return;
    }
    struct tflite_form *from = &w->at.forms[n->in[0]->index];
    w->at.forms[n->out[0]->index].stored = n->in[0];
    w->at.forms[n->out[0]->index].flat = from->flat;
    for (const struct value *v = n->in[0]; v;
         v = v->producer && op_trait(v->producer, "view") ? v->producer->in[0] : NULL)
        set_scale(w, v, n);
}

void tflite_write_quantize(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    bool is_stored = tflite_is_stored(w, n->in[0]), is_last = tflite_prefers_last(w, n->in[0]);
    const struct value *scale = node_in(n, 1), *zero = node_in(n, 2);
    if (!scale->constant || scale->constant->count != 1 || !zero || !zero->constant) {
        tflite_cannot(w, n, "its scale is not one constant");
        return;
    }
    int in = tflite_take_as(w, n->in[0], is_last, is_stored);
    struct tflite_end end = {.v = n->out[0], .is_last = is_last, .quantize = n};
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, 0, 1, &in, 1, &out);
}
