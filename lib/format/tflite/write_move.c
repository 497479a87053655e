/* Operators that move elements. */
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

/* What a node of moved elements gives, with the scale of what it takes. */
static void give_moved(struct tflite_writer *w, struct node *n, int code, uint32_t options, int count, const int *in,
                       bool is_last)
{
    struct tflite_end end = tflite_follow(n, is_last, false, false);
    int out = tflite_give_end(w, &end);
    tflite_copy_scale(w, out, in[0]);
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

/* The shape to be: numbers where at most one is open, else operand 1 of a Reshape. */
static int new_shape(struct tflite_writer *w, struct node *n)
{
    const struct type *y = &n->out[0]->type;
    int open = 0;
    for (int i = 0; i < y->rank; i++)
        open += y->dims[i] < 0;
    bool is_said = node_is(n, "Reshape") && !n->in[1]->constant;
    if (node_is(n, "Identity") && open > 1)
        return tflite_sizes(w, n->in[0], DTYPE_I32, 0);
    return is_said && (y->rank < 0 || open > 1) ? tflite_take_list(w, n->in[1]) : tflite_take_shape(w, n, n->out[0]);
}

/* Of an Unsqueeze or Squeeze with several open sizes: by the operator that names the axes. */
static void write_axes(struct tflite_writer *w, struct node *n, const struct tensor *axes)
{
    int32_t list[TENSOR_MAX_RANK];
    bool is_squeeze = node_is(n, "Squeeze");
    int in[] = {tflite_take(w, n->in[0], false),
                is_squeeze ? 0 : tflite_put_scalar(w, DTYPE_I32, tensor_get_i64(axes, 0))};
    uint32_t options = 0;
    for (int64_t i = 0; i < axes->count; i++)
        list[i] = (int32_t)tensor_get_i64(axes, i);
    if (is_squeeze) {
        uint32_t axes_at = flatbuf_put_i32s(&w->out, list, (size_t)axes->count);
        flatbuf_begin(&w->out);
        flatbuf_add_ref(&w->out, 0, axes_at);
        options = flatbuf_end(&w->out);
    }
    give_moved(w, n, is_squeeze ? 43 : 70, options, is_squeeze ? 1 : 2, in, false);
}

/* The axes of a Squeeze or Unsqueeze that a shape cannot say; NULL. */
static const struct tensor *unsaid_axes(const struct node *n)
{
    const struct type *y = &n->out[0]->type;
    const struct value *axes = node_in(n, 1);
    int open = 0;
    for (int i = 0; i < y->rank; i++)
        open += y->dims[i] < 0;
    bool has_axes = (node_is(n, "Squeeze") || node_is(n, "Unsqueeze")) && axes && axes->constant && open > 1;
    return has_axes && (node_is(n, "Squeeze") || axes->constant->count == 1) ? axes->constant : NULL;
}

void tflite_write_reshape(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct type *x = &n->in[0]->type;
    if (unsaid_axes(n)) {
        write_axes(w, n, unsaid_axes(n));
        return;
    }
    /* both forms have one order of elements */
    bool is_pixel = x->rank == 4 && (x->dims[1] == 1 || (x->dims[2] == 1 && x->dims[3] == 1));
    bool is_last = tflite_prefers_last(w, n->in[0]) && (is_pixel || feeds_weights(n));
    if (is_last && !is_pixel)
        w->at.forms[n->out[0]->index].flat = n->in[0];
    int in[] = {tflite_take(w, n->in[0], is_last), new_shape(w, n)};
    give_moved(w, n, row->code, 0, 2, in, false);
}

void tflite_write_identity(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    if (n->out[0]->is_output || n->in[0]->is_input || tflite_is_constant(n->in[0]))
        tflite_write_reshape(w, n, row);
    else
        w->at.forms[n->out[0]->index] = w->at.forms[n->in[0]->index];
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
    struct tflite_form *f = &w->at.forms[n->out[0]->index];
    const struct tflite_form *from = &w->at.forms[n->in[0]->index];
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

int64_t tflite_moved_axis(int64_t axis, int rank, bool is_last)
{
    static const int place[] = {0, 3, 1, 2};
    axis += axis < 0 ? rank : 0;
    return is_last && axis >= 0 && axis < 4 ? place[axis] : axis;
}

static struct node *only_user(const struct value *v)
{
    bool is_only = v->use_count == 1 && !v->is_output && v->uses[0].index == 0;
    return is_only && v->uses[0].node->graph == v->graph ? v->uses[0].node : NULL;
}

struct node *tflite_only_use(const struct value *v, const char *op)
{
    struct node *n = only_user(v);
    return n && node_is(n, op) ? n : NULL;
}

struct node *tflite_only_view(const struct value *v)
{
    struct node *n = only_user(v);
    return n && op_trait(n, "view") ? n : NULL;
}

/* The i-th operand, in the scale of q where the result is stored: kernels want one scale of all. */
static int concat_operand(struct tflite_writer *w, struct node *n, int i, bool is_last, const struct node *q)
{
    int in = tflite_take_as(w, n->in[i], is_last, q != NULL);
    if (!q || !in || w->failed)
        return in;
    const struct tflite_out *t = &w->at.tensors[in - 1];
    const struct tensor *zero = node_in(q, 2)->constant;
    bool same = t->scale && t->zero && tensor_equal(t->scale, node_in(q, 1)->constant) && tensor_equal(t->zero, zero);
    int to = same ? in : tflite_new_tensor(w, "", zero->dtype, t->rank, t->dims);
    if (same || !to)
        return to;
    tflite_set_scale(w, to, q, 0);
    tflite_call(w, 114, 0, 1, &in, 1, &to);
    return to;
}

void tflite_write_concat(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[512], rank = n->out[0]->type.rank;
    bool prefers = false;
    if (n->in_count > 512 || rank < 0) {
        tflite_cannot(w, n, "it has more than 512 operands");
        return;
    }
    for (int i = 0; i < n->in_count; i++)
        prefers = prefers || tflite_prefers_last(w, n->in[i]);
    bool is_last = rank == 4 && prefers;
    const struct node *q = tflite_computes_stored(w, n, row) ? tflite_quantize_behind(n, false) : NULL;
    for (int i = 0; i < n->in_count; i++)
        in[i] = concat_operand(w, n, i, is_last, q);
    int64_t axis = tflite_moved_axis(op_int(n, "axis"), rank, is_last);
    struct tflite_end end = tflite_follow(n, is_last, false, q != NULL);
    int out = tflite_give_end(w, &end);
    if (!end.quantize)
        tflite_copy_scale(w, out, in[0]);
    tflite_call(w, row->code, tflite_option(w, 0, 4, axis, -1, 0), n->in_count, in, 1, &out);
}

/* In equal parts, or in those that a constant says. */
void tflite_write_split(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int out[512], rank = n->in[0]->type.rank;
    bool is_last = tflite_prefers_last(w, n->in[0]), equal = true;
    if (n->out_count > 512 || rank < 1) {
        tflite_cannot(w, n, "it has more than 512 results");
        return;
    }
    int64_t place = op_int(n, "axis"), sizes[512];
    place += place < 0 ? rank : 0;
    for (int i = 0; i < n->out_count; i++) {
        sizes[i] = n->out[i] && n->out[i]->type.rank == rank ? n->out[i]->type.dims[place] : -1;
        equal = equal && sizes[i] == sizes[0];
        if (sizes[i] < 0)
            equal = false;
        if (!n->out[i] || (sizes[i] < 0 && node_in(n, 1))) {
            tflite_cannot(w, n, "the sizes of its results are not known, or nobody takes one of them");
            return;
        }
    }
    equal = equal || (!node_in(n, 1) && (n->out_count < 1 || sizes[0] < 0));
    int64_t axis = tflite_moved_axis(place, rank, is_last);
    int x = tflite_take(w, n->in[0], is_last);
    int at = tflite_put_scalar(w, DTYPE_I32, axis), list = equal ? 0 : tflite_put_ints(w, n->out_count, sizes);
    for (int i = 0; i < n->out_count; i++) {
        out[i] = tflite_give_end(w, &(struct tflite_end){.v = n->out[i], .is_last = is_last});
        tflite_copy_scale(w, out[i], x);
    }
    int two[] = {at, x}, three[] = {x, list, at};
    tflite_call(w, equal ? 49 : row->code, tflite_option(w, 0, 4, n->out_count, -1, 0), equal ? 2 : 3,
                equal ? two : three, n->out_count, out);
}

/* Indices before the start count from the end, which TFLite does not know. */
static int take_indices(struct tflite_writer *w, const struct node *n, int64_t axis)
{
    const struct tensor *t = n->in[1]->is_input ? NULL : n->in[1]->constant;
    int64_t size = n->in[0]->type.dims[axis];
    struct tensor *copy = t && size > 0 ? tensor_new(t->dtype, t->rank, t->dims, w->err) : NULL;
    if (!copy)
        return tflite_take(w, n->in[1], false);
    for (int64_t i = 0; i < copy->count; i++) {
        int64_t at = tensor_get_i64(t, i);
        tensor_set_i64(copy, i, at < 0 ? at + size : at);
    }
    int tensor = tflite_put_constant(w, n->in[1]->name, copy);
    tensor_unref(copy);
    return tensor;
}

void tflite_write_gather(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int rank = n->in[0]->type.rank;
    if (rank < 1) {
        tflite_cannot(w, n, "the rank of what it chooses from is not known");
        return;
    }
    int64_t axis = tflite_moved_axis(op_int(n, "axis"), rank, false);
    int in[] = {tflite_take(w, n->in[0], false), take_indices(w, n, axis)};
    give_moved(w, n, row->code, tflite_option(w, 0, 4, axis, -1, 0), 2, in, false);
}

void tflite_write_reverse_sequence(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[] = {tflite_take(w, n->in[0], false), tflite_take(w, n->in[1], false)};
    uint32_t options = 0;
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 4, op_int(n, "time_axis"), 0);
    flatbuf_add_int(&w->out, 1, 4, op_int(n, "batch_axis"), 0);
    options = flatbuf_end(&w->out);
    give_moved(w, n, row->code, options, 2, in, false);
}
