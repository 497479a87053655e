/* Operators that choose, count and sort elements, and shapes as numbers. */
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

/* ---- helpers ---- */

int tflite_as_type(struct tflite_writer *w, int in, enum dtype dtype)
{
    if (!in || w->failed || w->at.tensors[in - 1].dtype == dtype)
        return in;
    struct tflite_out t = w->at.tensors[in - 1];
    int out = tflite_new_tensor(w, "", dtype, t.rank, t.dims);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, tflite_type_of(t.dtype), 0);
    flatbuf_add_int(&w->out, 1, 1, tflite_type_of(dtype), 0);
    tflite_call(w, 53, flatbuf_end(&w->out), 1, &in, 1, &out);
    return out;
}

/* The result of an operator in `dtype` as output o, which has another one. */
static int give_as(struct tflite_writer *w, const struct node *n, int o, int made)
{
    int out = tflite_give_plain(w, n, o);
    if (!out || !made || w->failed)
        return out;
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, tflite_type_of(w->at.tensors[made - 1].dtype), 0);
    flatbuf_add_int(&w->out, 1, 1, tflite_type_of(w->at.tensors[out - 1].dtype), 0);
    tflite_call(w, 53, flatbuf_end(&w->out), 1, &made, 1, &out);
    return out;
}

int tflite_take_list(struct tflite_writer *w, const struct value *v)
{
    int64_t list[TENSOR_MAX_RANK];
    const struct tensor *t = v->is_input ? NULL : v->constant;
    if (!t || t->count > TENSOR_MAX_RANK)
        return tflite_as_type(w, tflite_take(w, v, false), DTYPE_I32);
    for (int64_t i = 0; i < t->count; i++)
        list[i] = tensor_get_i64(t, i);
    return tflite_put_ints(w, (int)t->count, list);
}

static int positive(int64_t axis, int rank)
{
    return (int)(axis < 0 ? axis + rank : axis);
}

/* ---- as they are ---- */

/* Operands in their order, without options. */
void tflite_write_plain(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[8];
    if (n->in_count > 8) {
        tflite_cannot(w, n, "it has more than 8 operands");
        return;
    }
    for (int i = 0; i < n->in_count; i++)
        in[i] = n->in[i] ? tflite_take(w, n->in[i], false) : 0;
    struct tflite_end end = tflite_follow(n, false, false, false);
    int out = tflite_give_end(w, &end);
    if (in[0] && out && w->at.tensors[in[0] - 1].dtype == w->at.tensors[out - 1].dtype)
        tflite_copy_scale(w, out, in[0]); /* elements of it */
    tflite_call(w, row->code, 0, n->in_count, in, 1, &out);
}

/* With batch axes that both operands share, only indices of one axis can be said: by GATHER. */
void tflite_write_gather_nd(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct type *at = &n->in[1]->type;
    int64_t batch = op_int(n, "batch_dims"), dims[TENSOR_MAX_RANK];
    int open = 0;
    if (!batch) {
        tflite_write_plain(w, n, row);
        return;
    }
    for (int i = 0; i + 1 < at->rank; i++) {
        dims[i] = at->dims[i] >= 0 ? at->dims[i] : -1;
        open += dims[i] < 0;
    }
    if (at->rank < 1 || at->dims[at->rank - 1] != 1 || open > 1) {
        tflite_cannot(w, n, "its indices are of several axes");
        return;
    }
    int list[] = {tflite_take(w, n->in[1], false), tflite_put_ints(w, at->rank - 1, dims)};
    int in[] = {tflite_take(w, n->in[0], false), tflite_new_tensor(w, "", at->dtype, at->rank - 1, dims)};
    tflite_call(w, 22, 0, 2, list, 1, &in[1]);
    int out = tflite_give_plain(w, n, 0);
    tflite_copy_scale(w, out, in[0]);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 4, batch, 0);
    flatbuf_add_int(&w->out, 1, 4, batch, 0);
    tflite_call(w, 36, flatbuf_end(&w->out), 2, in, 1, &out);
}

/* Operand 1 is a list of sizes. */
void tflite_write_sized(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[] = {tflite_take(w, n->in[0], false), tflite_take_list(w, n->in[1])};
    struct tflite_end end = tflite_follow(n, false, false, false);
    int out = tflite_give_end(w, &end);
    tflite_copy_scale(w, out, in[0]);
    tflite_call(w, row->code, 0, 2, in, 1, &out);
}

/* A size of 1 leaves an axis as it is, also where the operand has more. */
void tflite_write_expand(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct type *y = &n->out[0]->type;
    bool is_known = y->rank >= 0;
    for (int i = 0; i < y->rank; i++)
        is_known = is_known && y->dims[i] >= 0;
    int list = is_known ? tflite_put_ints(w, y->rank, y->dims) : tflite_take_list(w, n->in[1]);
    bool fills = n->in[0]->type.rank == 0;
    int in[2], x = tflite_take(w, n->in[0], false);
    in[fills] = x;
    in[!fills] = list;
    struct tflite_end end = tflite_follow(n, false, false, false);
    int out = tflite_give_end(w, &end);
    tflite_copy_scale(w, out, x);
    tflite_call(w, fills ? 94 : row->code, 0, 2, in, 1, &out);
}

/* ---- choosing ---- */

/* The kernel gives integers of 32 bits or of 64, without the axis. */
void tflite_write_arg(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct type *x = &n->in[0]->type;
    int64_t dims[TENSOR_MAX_RANK];
    int axis = positive(op_int(n, "axis"), x->rank), rank = 0;
    if (x->rank < 1 || op_int(n, "select_last_index")) {
        tflite_cannot(w, n, "of equal ones it takes the last");
        return;
    }
    bool is_stored = tflite_is_stored(w, n->in[0]), keep = op_int(n, "keepdims") != 0;
    for (int i = 0; i < x->rank; i++)
        if (i != axis)
            dims[rank++] = x->dims[i] >= 0 ? x->dims[i] : -1;
    int in[] = {is_stored ? tflite_take_stored(w, n->in[0], false) : tflite_take(w, n->in[0], false),
                tflite_put_scalar(w, DTYPE_I32, axis)};
    struct node *cast = tflite_only_use(n->out[0], "Cast");
    const struct node *last = !keep && cast && cast->out[0]->type.dtype == DTYPE_I32 ? cast : n;
    int made = keep ? tflite_new_tensor(w, "", DTYPE_I64, rank, dims) : tflite_give_plain(w, last, 0);
    bool is_narrow = last != n;
    tflite_call(w, row->code, tflite_option(w, 0, 1, is_narrow ? TYPE_I32 : TYPE_I64, -1, 0), 2, in, 1, &made);
    if (is_narrow)
        cast->scratch = cast;
    if (!keep)
        return;
    int reshape[] = {made, tflite_take_shape(w, n, n->out[0])}, out = tflite_give_plain(w, n, 0);
    tflite_call(w, 22, 0, 2, reshape, 1, &out);
}

void tflite_write_top_k(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct tensor *k = n->in[1]->is_input ? NULL : n->in[1]->constant;
    int in[] = {tflite_take(w, n->in[0], false), k ? tflite_put_scalar(w, DTYPE_I32, tensor_get_i64(k, 0)) : 0},
        out[2] = {0};
    const struct type *y = n->out[0] ? &n->out[0]->type : &n->out[1]->type; /* one of them is wanted */
    int64_t dims[TENSOR_MAX_RANK];
    if (!k) {
        int scalar = tflite_as_type(w, tflite_take(w, n->in[1], false), DTYPE_I32);
        int reshape[] = {scalar, tflite_put_ints(w, 0, NULL)};
        in[1] = tflite_new_tensor(w, "", DTYPE_I32, 0, NULL);
        tflite_call(w, 22, 0, 2, reshape, 1, &in[1]);
    }
    for (int i = 0; i < y->rank; i++)
        dims[i] = y->dims[i] >= 0 ? y->dims[i] : -1;
    out[0] = n->out[0] ? tflite_give_plain(w, n, 0) : tflite_new_tensor(w, "", n->in[0]->type.dtype, y->rank, dims);
    struct value *where = node_out(n, 1);
    struct node *cast = where ? tflite_only_use(where, "Cast") : NULL;
    bool is_narrow = cast && cast->out[0]->type.dtype == DTYPE_I32;
    out[1] = is_narrow ? tflite_give_plain(w, cast, 0) : tflite_new_tensor(w, "", DTYPE_I32, y->rank, dims);
    tflite_call(w, row->code, 0, 2, in, 2, out);
    if (is_narrow)
        cast->scratch = cast;
    else if (where && (where->use_count || where->is_output))
        give_as(w, n, 1, out[1]);
}

void tflite_write_cumsum(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[] = {tflite_take(w, n->in[0], false), tflite_as_type(w, tflite_take(w, n->in[1], false), DTYPE_I32)};
    const struct tensor *axis = n->in[1]->is_input ? NULL : n->in[1]->constant;
    if (axis)
        in[1] = tflite_put_scalar(w, DTYPE_I32, tensor_get_i64(axis, 0));
    int out = tflite_give_plain(w, n, 0);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, op_int(n, "exclusive") != 0, 0);
    flatbuf_add_int(&w->out, 1, 1, op_int(n, "reverse") != 0, 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 2, in, 1, &out);
}

/* Off and on stand in one operand of ONNX. */
void tflite_write_one_hot(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct tensor *depth = n->in[1]->is_input ? NULL : n->in[1]->constant, *pair = n->in[2]->constant;
    int in[4];
    if (n->in[0]->type.dtype == DTYPE_U64) {
        tflite_cannot(w, n, "of elements of type u64");
        return;
    }
    if (!depth || !pair || n->in[2]->is_input || pair->count != 2) {
        tflite_cannot(w, n, "its depth and values are not constants");
        return;
    }
    in[0] = tflite_as_type(w, tflite_take(w, n->in[0], false), DTYPE_I64);
    in[1] = tflite_put_scalar(w, DTYPE_I32, tensor_get_i64(depth, 0));
    for (int i = 0; i < 2; i++) {
        struct tensor *t = tensor_new(pair->dtype, 0, NULL, w->err);
        if (t)
            tensor_set_f64(t, 0, tensor_get_f64(pair, 1 - i));
        in[2 + i] = t ? tflite_put_constant(w, "", t) : 0;
        tensor_unref(t);
    }
    int out = tflite_give_plain(w, n, 0);
    tflite_call(w, row->code, tflite_option(w, 0, 4, op_int(n, "axis"), -1, 0), 4, in, 1, &out);
}

/* Indices as rows. */
void tflite_write_non_zero(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t swap[] = {1, 0};
    int64_t dims[] = {-1, n->in[0]->type.rank};
    int in = tflite_take(w, n->in[0], false), rows = tflite_new_tensor(w, "", DTYPE_I64, 2, dims);
    tflite_call(w, row->code, 0, 1, &in, 1, &rows);
    int turn[] = {rows, tflite_put_ints(w, 2, swap)}, out = tflite_give_plain(w, n, 0);
    tflite_call(w, 39, 0, 2, turn, 1, &out);
}

int tflite_sizes(struct tflite_writer *w, const struct value *v, enum dtype dtype, int out)
{
    static const int64_t order[] = {0, 3, 1, 2};
    int64_t rank = v->type.rank;
    bool is_last = tflite_prefers_last(w, v);
    int in = tflite_take(w, v, is_last), made = is_last || !out ? tflite_new_tensor(w, "", dtype, 1, &rank) : out;
    tflite_call(w, 77, tflite_option(w, 0, 1, tflite_type_of(dtype), -1, 0), 1, &in, 1, &made);
    if (!is_last)
        return made;
    int gather[] = {made, tflite_put_ints(w, 4, order)};
    out = out ? out : tflite_new_tensor(w, "", dtype, 1, &rank);
    tflite_call(w, 36, tflite_option(w, 0, 4, 0, -1, 0), 2, gather, 1, &out);
    return out;
}

/* Sums of updates on zeros, which is what TFLite has. */
void tflite_write_scatter_nd(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    if (strcmp(op_string(n, "reduction"), "add") != 0) {
        tflite_cannot(w, n, "its updates are not added");
        return;
    }
    int in[3] = {tflite_as_type(w, tflite_take(w, n->in[1], false), DTYPE_I32), tflite_take(w, n->in[2], false)}, out;
    const struct tensor *zero = NULL;
    const struct node *p = n->in[0]->producer;
    if (p && node_is(p, "Expand"))
        zero = p->in[0]->constant;
    in[2] = zero ? tflite_take_list(w, p->in[1]) : tflite_sizes(w, n->in[0], DTYPE_I32, 0);
    bool is_plain = zero && zero->count == 1 && tensor_get_f64(zero, 0) == 0;
    int data = is_plain ? 0 : tflite_take(w, n->in[0], false), sum = is_plain ? 0 : tflite_like_tensor(w, data);
    if (is_plain)
        sum = tflite_give_plain(w, n, 0);
    tflite_call(w, row->code, 0, 3, in, 1, &sum);
    if (is_plain)
        return;
    int add[] = {data, sum};
    out = tflite_give_plain(w, n, 0);
    tflite_call(w, 0, tflite_option(w, -1, 0, 0, 0, 0), 2, add, 1, &out);
}

/* ---- shapes ---- */

/* STRIDED_SLICE of a list. */
static void part_of_list(struct tflite_writer *w, int list, int64_t from, int64_t to, int out)
{
    static const int64_t one = 1;
    int in[] = {list, tflite_put_ints(w, 1, &from), tflite_put_ints(w, 1, &to), tflite_put_ints(w, 1, &one)};
    tflite_call(w, 45, 0, 4, in, 1, &out);
}

void tflite_write_shape(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int rank = n->in[0]->type.rank;
    (void)row;
    if (rank < 0) {
        tflite_cannot(w, n, "its rank is not known");
        return;
    }
    int64_t from = op_int(n, "start"), to = op_has(n, "end") ? op_int(n, "end") : rank;
    from += from < 0 ? rank : 0;
    to += to < 0 ? rank : 0;
    from = from < 0 ? 0 : from;
    to = to > rank ? rank : to;
    bool is_whole = from == 0 && to == rank;
    struct node *cast = tflite_only_use(n->out[0], "Cast");
    bool is_narrow = cast && cast->out[0]->type.dtype == DTYPE_I32;
    const struct node *last = is_narrow ? cast : n;
    enum dtype dtype = is_narrow ? DTYPE_I32 : DTYPE_I64;
    int list = is_whole ? 0 : tflite_sizes(w, n->in[0], dtype, 0), out = tflite_give_plain(w, last, 0);
    if (is_whole)
        tflite_sizes(w, n->in[0], dtype, out);
    else
        part_of_list(w, list, from, to > from ? to : from, out);
    if (is_narrow)
        cast->scratch = cast;
}

int tflite_take_shape(struct tflite_writer *w, const struct node *n, const struct value *like)
{
    int64_t dims[TENSOR_MAX_RANK];
    int open = 0;
    for (int i = 0; i < like->type.rank; i++) {
        dims[i] = like->type.dims[i] >= 0 ? like->type.dims[i] : -1;
        open += dims[i] < 0;
    }
    if (like->type.rank < 0 || open > 1)
        tflite_cannot(w, n, "more than one of its sizes is open");
    return like->type.rank < 0 || open > 1 ? 0 : tflite_put_ints(w, like->type.rank, dims);
}
