/* Operators that move elements. */
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

/* Known sizes of a value; one open size becomes -1, more are a fault. */
static bool sizes_of(struct tflite_writer *w, const struct node *n, const struct value *v, int64_t *dims)
{
    int open = 0;
    for (int i = 0; i < v->type.rank; i++) {
        dims[i] = v->type.dims[i] >= 0 ? v->type.dims[i] : -1;
        open += dims[i] < 0;
    }
    if (v->type.rank < 0 || open > 1)
        tflite_cannot(w, n, "more than one of its sizes is open");
    return v->type.rank >= 0 && open <= 1;
}

/* What a node of moved elements gives, with the scale of what it takes. */
static void give_moved(struct tflite_writer *w, struct node *n, int code, uint32_t options, int count, const int *in,
                       bool is_last)
{
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    int out = tflite_give_end(w, &end);
    if (out && in[0]) {
        w->tensors[out - 1].scale = w->tensors[in[0] - 1].scale;
        w->tensors[out - 1].zero = w->tensors[in[0] - 1].zero;
    }
    tflite_call(w, code, options, count, in, 1, &out);
}

/* Whether all that comes of it is multiplied by constant weights, whose columns can follow the order of elements. */
static bool feeds_weights(const struct node *n)
{
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    const struct value *v = n->out[0];
    bool is_flat = x->rank == 4 && y->rank == 2 && x->dims[1] > 0 && x->dims[2] > 0 && x->dims[3] > 0 &&
                   y->dims[1] == x->dims[1] * x->dims[2] * x->dims[3] && !v->is_output && v->use_count > 0;
    if (is_flat && v->use_count == 1 && node_is(v->uses[0].node, "DequantizeLinear"))
        v = v->uses[0].node->out[0];
    for (size_t i = 0; is_flat && i < v->use_count; i++) {
        const struct node *u = v->uses[i].node;
        is_flat = node_is(u, "Gemm") && v->uses[i].index == 0 && op_int(u, "transB") && !op_int(u, "transA") &&
                  tflite_is_constant(u->in[1]) && u->graph == n->graph;
    }
    return is_flat && !v->is_output;
}

void tflite_write_reshape(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int64_t dims[TENSOR_MAX_RANK];
    if (!sizes_of(w, n, n->out[0], dims))
        return;
    const struct type *x = &n->in[0]->type;
    bool is_pixel = x->rank == 4 && x->dims[2] == 1 && x->dims[3] == 1; /* both forms have one order of elements */
    bool is_last = tflite_prefers_last(w, n->in[0]) && (is_pixel || feeds_weights(n));
    if (is_last && !is_pixel)
        w->forms[n->out[0]->index].flat = n->in[0];
    int in[] = {tflite_take(w, n->in[0], is_last), tflite_put_ints(w, n->out[0]->type.rank, dims)};
    give_moved(w, n, row->code, 0, 2, in, false);
}

void tflite_write_identity(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    if (n->out[0]->is_output || n->in[0]->is_input || tflite_is_constant(n->in[0]))
        tflite_write_reshape(w, n, row);
    else
        w->forms[n->out[0]->index] = w->forms[n->in[0]->index];
}

static bool is_perm(const int64_t *perm, int count, const int64_t *want)
{
    return count == 4 && memcmp(perm, want, 4 * sizeof *perm) == 0;
}

/* Between the two forms it is only another name. */
void tflite_write_transpose(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t to_last[] = {0, 2, 3, 1}, to_plain[] = {0, 3, 1, 2};
    int64_t reversed[TENSOR_MAX_RANK];
    int count, rank = n->in[0]->type.rank;
    const int64_t *perm = op_ints(n, "perm", &count);
    struct tflite_form *f = &w->forms[n->out[0]->index];
    const struct tflite_form *from = &w->forms[n->in[0]->index];
    bool is_named = !n->out[0]->is_output && !tflite_is_constant(n->in[0]);
    for (int i = 0; i < rank; i++)
        reversed[i] = rank - 1 - i;
    if (is_named && is_perm(perm, count, to_plain) && from->stored && !from->is_turned) {
        f->stored = from->stored;
        f->is_turned = true;
    } else if (is_named && is_perm(perm, count, to_plain)) {
        f->last = tflite_take(w, n->in[0], false);
    } else if (is_perm(perm, count, to_last) && tflite_prefers_last(w, n->in[0]) && is_named) {
        f->plain = tflite_take(w, n->in[0], true);
    } else {
        int in[] = {tflite_take(w, n->in[0], false), tflite_put_ints(w, rank, count ? perm : reversed)};
        give_moved(w, n, row->code, 0, 2, in, false);
    }
}

/* An axis of a value with channels last. */
static int64_t moved_axis(int64_t axis, int rank, bool is_last)
{
    static const int place[] = {0, 3, 1, 2};
    axis += axis < 0 ? rank : 0;
    return is_last && axis >= 0 && axis < 4 ? place[axis] : axis;
}

void tflite_write_concat(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[64], rank = n->out[0]->type.rank;
    bool is_last = rank == 4, is_stored = tflite_on_stored(w, n, false);
    if (n->in_count > 64 || rank < 0) {
        tflite_cannot(w, n, "it has more than 64 operands");
        return;
    }
    bool prefers = false;
    for (int i = 0; i < n->in_count; i++)
        prefers = prefers || tflite_prefers_last(w, n->in[i]);
    is_last = is_last && prefers;
    for (int i = 0; i < n->in_count; i++)
        in[i] = is_stored ? tflite_take_stored(w, n->in[i], is_last) : tflite_take(w, n->in[i], is_last);
    int64_t axis = moved_axis(op_int(n, "axis"), rank, is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    if (out && !end.quantize && in[0]) {
        w->tensors[out - 1].scale = w->tensors[in[0] - 1].scale;
        w->tensors[out - 1].zero = w->tensors[in[0] - 1].zero;
    }
    tflite_call(w, row->code, tflite_option(w, 0, 4, axis, -1, 0), n->in_count, in, 1, &out);
}

void tflite_write_gather(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int64_t axis = moved_axis(op_int(n, "axis"), n->in[0]->type.rank, false);
    int in[] = {tflite_take(w, n->in[0], false), tflite_take(w, n->in[1], false)};
    give_moved(w, n, row->code, tflite_option(w, 0, 4, axis, -1, 0), 2, in, false);
}

/* Lists of begin, end and step for every axis, of a Slice whose operands are constants. */
void tflite_write_slice(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct tensor *lists[5] = {NULL};
    int64_t from[TENSOR_MAX_RANK], to[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    int rank = n->in[0]->type.rank, in[4] = {0};
    uint32_t keep_end = 0, keep_begin = 0;
    bool is_last = tflite_prefers_last(w, n->in[0]);
    for (int i = 1; i < 5; i++) {
        lists[i] = node_in(n, i) ? node_in(n, i)->constant : NULL;
        if (node_in(n, i) && !lists[i])
            rank = -1;
    }
    if (rank < 0) {
        tflite_cannot(w, n, "its bounds are not constants");
        return;
    }
    for (int i = 0; i < rank; i++) {
        from[i] = to[i] = 0;
        step[i] = 1;
        keep_begin |= 1u << i;
        keep_end |= 1u << i;
    }
    for (int64_t i = 0; i < lists[1]->count; i++) {
        int64_t axis = moved_axis(lists[3] ? tensor_get_i64(lists[3], i) : i, rank, is_last);
        if (axis < 0 || axis >= rank)
            return;
        from[axis] = tensor_get_i64(lists[1], i);
        to[axis] = tensor_get_i64(lists[2], i);
        step[axis] = lists[4] ? tensor_get_i64(lists[4], i) : 1;
        keep_begin &= ~(1u << axis);
        if (to[axis] > INT32_MIN)
            keep_end &= ~(1u << axis);
    }
    in[0] = tflite_take(w, n->in[0], is_last);
    in[1] = tflite_put_ints(w, rank, from);
    in[2] = tflite_put_ints(w, rank, to);
    in[3] = tflite_put_ints(w, rank, step);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 4, keep_begin, 0);
    flatbuf_add_int(&w->out, 1, 4, keep_end, 0);
    give_moved(w, n, row->code, flatbuf_end(&w->out), 4, in, is_last);
}

void tflite_write_pad(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int order[] = {0, 2, 3, 1};
    const struct tensor *pads = n->in[1]->constant;
    int rank = n->in[0]->type.rank;
    bool is_last = tflite_prefers_last(w, n->in[0]);
    const struct value *with = node_in(n, 2);
    struct tensor *t;
    int64_t dims[] = {rank, 2};
    if (!pads || rank < 1 || node_in(n, 3) || strcmp(op_string(n, "mode"), "constant") != 0 ||
        (with && (!with->constant || tensor_get_f64(with->constant, 0) != 0)) || pads->count != 2 * rank) {
        tflite_cannot(w, n, "only zeros, as many as constants say, can be put around");
        return;
    }
    t = tensor_new(DTYPE_I32, 2, dims, w->err);
    for (int i = 0; t && i < rank; i++)
        for (int side = 0; side < 2; side++)
            tensor_set_i64(t, 2 * i + side, tensor_get_i64(pads, (is_last ? order[i] : i) + side * rank));
    int in[] = {tflite_take(w, n->in[0], is_last), t ? tflite_put_constant(w, "", t) : 0};
    tensor_unref(t);
    give_moved(w, n, row->code, 0, 2, in, is_last);
}
