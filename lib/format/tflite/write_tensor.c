/* Tensors of a file being written: constants, forms of values, scales. */
#include <string.h>

#include "op/permuted.h"
#include "format/tflite/schema.h"
#include "format/tflite/write.h"
#include "op/op.h"

int tflite_new_tensor(struct tflite_writer *w, const char *name, enum dtype dtype, int rank, const int64_t *dims)
{
    struct tflite_out t = {.name = name, .dtype = dtype, .rank = rank};
    if (rank < 0 && !w->failed)
        error_set(w->err, "TFLite cannot carry a value whose rank is not known");
    w->failed = w->failed || rank < 0;
    if (!w->failed && rank) /* copied first: dims may be another tensor's, which moves when there are more */
        memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
    if (w->failed || mem_grow(&w->at.tensors, &w->at.tensor_cap, w->at.tensor_count + 1, sizeof t, w->err) < 0) {
        w->failed = true;
        return 0;
    }
    w->at.tensors[w->at.tensor_count++] = t;
    return (int)w->at.tensor_count;
}

void tflite_set_scale(struct tflite_writer *w, int tensor, const struct node *qdq, int axis)
{
    if (!tensor)
        return;
    struct tflite_out *t = &w->at.tensors[tensor - 1];
    const struct value *zero = node_in(qdq, 2);
    t->scale = node_in(qdq, 1)->constant;
    t->zero = zero ? zero->constant : NULL;
    t->axis = t->scale->count > 1 ? axis : 0;
}

void tflite_copy_scale(struct tflite_writer *w, int to, int from)
{
    if (!to || !from)
        return;
    const struct tflite_out *t = &w->at.tensors[from - 1];
    w->at.tensors[to - 1].scale = t->scale;
    w->at.tensors[to - 1].zero = t->zero;
}

int tflite_like_tensor(struct tflite_writer *w, int from)
{
    if (!from || w->failed)
        return 0;
    struct tflite_out t = w->at.tensors[from - 1];
    int to = tflite_new_tensor(w, "", t.dtype, t.rank, t.dims);
    tflite_copy_scale(w, to, from);
    return to;
}

/* ---- constants ---- */

#define TWIN_LEAST 1024

/* The first tensor of the same data, 1 + its number; 0 when there is none, or not worth a search: layers, and steps of
 * a recurrent operator, may have their weights in common, each with a permuted copy. */
static int find_twin(const struct tflite_writer *w, const struct tensor *t)
{
    for (size_t i = 0; t->size >= TWIN_LEAST && i < w->at.tensor_count; i++) {
        const struct tflite_out *other = &w->at.tensors[i];
        if (other->constant && !other->twin && other->constant->size == t->size && tensor_equal(other->constant, t))
            return (int)i + 1;
    }
    return 0;
}

int tflite_put_constant(struct tflite_writer *w, const char *name, const struct tensor *t)
{
    int twin = find_twin(w, t), tensor = tflite_new_tensor(w, name, t->dtype, t->rank, t->dims);
    if (!tensor)
        return 0;
    w->at.tensors[tensor - 1].twin = twin;
    w->at.tensors[tensor - 1].constant =
        tensor_ref(twin ? w->at.tensors[twin - 1].constant : (struct tensor *)(uintptr_t)t);
    return tensor;
}

static int put_numbers_of(struct tflite_writer *w, enum dtype dtype, int rank, int64_t count, const int64_t *values)
{
    struct tensor *t = tensor_new(dtype, rank, &count, w->err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_i64(t, i,
                       dtype != DTYPE_I32      ? values[i]
                       : values[i] > INT32_MAX ? INT32_MAX
                       : values[i] < INT32_MIN ? INT32_MIN
                                               : values[i]);
    int tensor = t ? tflite_put_constant(w, "", t) : 0;
    w->failed = w->failed || !t;
    tensor_unref(t);
    return tensor;
}

int tflite_put_list(struct tflite_writer *w, enum dtype dtype, int count, const int64_t *values)
{
    return put_numbers_of(w, dtype, 1, count, values);
}

int tflite_put_ints(struct tflite_writer *w, int count, const int64_t *values)
{
    return put_numbers_of(w, DTYPE_I32, 1, count, values);
}

int tflite_put_scalar(struct tflite_writer *w, enum dtype dtype, int64_t number)
{
    return put_numbers_of(w, dtype, 0, 1, &number);
}

static const struct node *dequantize_of(const struct value *v)
{
    const struct node *n = v->producer;
    return n && node_is(n, "DequantizeLinear") && node_in(n, 1)->constant && (!node_in(n, 2) || node_in(n, 2)->constant)
               ? n
               : NULL;
}

/* Halves that a Cast makes floats of. */
static bool is_widened(const struct value *v)
{
    const struct node *n = v->producer;
    return n && node_is(n, "Cast") && v->type.dtype == DTYPE_F32 && node_in(n, 0)->type.dtype == DTYPE_F16;
}

static const struct tensor *constant_of(const struct value *v)
{
    const struct value *from = dequantize_of(v) || is_widened(v) ? node_in(v->producer, 0) : v;
    return from->is_input ? NULL : from->constant;
}

bool tflite_is_constant(const struct value *v)
{
    return constant_of(v) != NULL;
}

/* The axis of scales in a constant of this rank. */
static int scale_axis(const struct node *n, int rank)
{
    int64_t axis = op_int(n, "axis");
    return (int)(axis < 0 ? axis + rank : axis);
}

/* The real numbers of a stored constant. */
static struct tensor *real_numbers(const struct node *n, const struct tensor *q, struct error *err)
{
    const struct tensor *scale = node_in(n, 1)->constant, *zero = node_in(n, 2) ? node_in(n, 2)->constant : NULL;
    struct tensor *t = tensor_new(DTYPE_F32, q->rank, q->dims, err);
    int axis = scale_axis(n, q->rank);
    int64_t inner = 1;
    for (int i = axis + 1; i < q->rank; i++)
        inner *= q->dims[i];
    for (int64_t i = 0; t && i < t->count; i++) {
        int64_t at = scale->count == 1 ? 0 : i / inner % scale->count;
        double real = tensor_get_f64(q, i) - (zero ? tensor_get_f64(zero, zero->count == 1 ? 0 : at) : 0);
        tensor_set_f64(t, i, real * tensor_get_f64(scale, at));
    }
    return t;
}

/* The floats that a DEQUANTIZE makes of a tensor. */
static int dequantized(struct tflite_writer *w, int in, const struct tensor *t)
{
    int out = in ? tflite_new_tensor(w, "", DTYPE_F32, t->rank, t->dims) : 0;
    tflite_call(w, 6, 0, 1, &in, 1, &out);
    return out;
}

static int put_halves(struct tflite_writer *w, const char *name, const struct tensor *t)
{
    return dequantized(w, tflite_put_constant(w, name, t), t);
}

/* Whether weights stay in bytes for an operator on floats: those of s8 around 0, with one scale or one for each index
 * of an axis. LiteRT makes floats of them once. */
static bool stays_narrow(const struct node *n, const struct tensor *q)
{
    const struct value *zeros = node_in(n, 2);
    bool stays = q->dtype == DTYPE_I8 && q->rank > 1 && n->out[0]->type.dtype == DTYPE_F32 &&
                 node_in(n, 1)->constant->rank <= 1 && !op_int(n, "block_size");
    for (int64_t i = 0; stays && zeros && i < zeros->constant->count; i++)
        stays = tensor_get_i64(zeros->constant, i) == 0;
    return stays;
}

/* Numbers as they are, or as halves when these were asked for. */
static int put_numbers(struct tflite_writer *w, const char *name, const struct tensor *t)
{
    bool shrinks = w->half && t->dtype == DTYPE_F32 && t->count > 1;
    struct tensor *half = shrinks ? tensor_cast(t, DTYPE_F16, true, w->err) : NULL;
    int tensor = half ? put_halves(w, name, half) : shrinks ? 0 : tflite_put_constant(w, name, t);
    tensor_unref(half);
    return tensor;
}

/* `now` is v's tensor, permuted so that the axis of scales is `axis`. */
static int put_weights(struct tflite_writer *w, const struct value *v, const struct tensor *now, int axis,
                       bool is_stored)
{
    const struct node *n = dequantize_of(v);
    const char *name = n || is_widened(v) ? node_in(v->producer, 0)->name : v->name;
    if (!now)
        return 0;
    if (n && now->dtype != DTYPE_F32) {
        int tensor = tflite_put_constant(w, name, now);
        tflite_set_scale(w, tensor, n, axis);
        return is_stored ? tensor : dequantized(w, tensor, now);
    }
    return is_widened(v) ? put_halves(w, name, now) : put_numbers(w, name, now);
}

/* v's numbers, as stored or real; a new reference. */
static struct tensor *numbers_of(struct tflite_writer *w, const struct value *v, bool is_stored)
{
    const struct node *n = dequantize_of(v);
    const struct tensor *t = constant_of(v);
    bool is_kept = !n || is_stored || stays_narrow(n, t);
    return is_kept ? tensor_ref((struct tensor *)(uintptr_t)t) : real_numbers(n, t, w->err);
}

int tflite_take_weights(struct tflite_writer *w, const struct value *v, const int64_t *perm, bool is_stored)
{
    const struct node *n = dequantize_of(v);
    struct tensor *t = numbers_of(w, v, is_stored), *turned = t && perm ? op_permuted(t, perm, w->err) : tensor_ref(t);
    int axis = n && t ? scale_axis(n, t->rank) : 0, to = 0;
    while (perm && t && to < t->rank - 1 && perm[to] != axis)
        to++;
    int tensor = put_weights(w, v, turned, perm ? to : axis, is_stored);
    w->failed = w->failed || !tensor;
    tensor_unref(t);
    tensor_unref(turned);
    return tensor;
}

int tflite_take_flat_weights(struct tflite_writer *w, const struct value *v, const struct value *flat, bool is_stored)
{
    static const int64_t perm[] = {0, 2, 3, 1};
    struct tensor *t = numbers_of(w, v, is_stored), *cut, *turned, *whole;
    int64_t dims[4] = {t ? t->dims[0] : 0, flat->type.dims[1], flat->type.dims[2], flat->type.dims[3]};
    cut = t ? tensor_reshaped(t, 4, dims, w->err) : NULL;
    turned = cut ? op_permuted(cut, perm, w->err) : NULL;
    whole = turned ? tensor_reshaped(turned, 2, t->dims, w->err) : NULL;
    int tensor = put_weights(w, v, whole, 0, is_stored);
    w->failed = w->failed || !tensor;
    tensor_unref(t);
    tensor_unref(cut);
    tensor_unref(turned);
    tensor_unref(whole);
    return tensor;
}

/* ---- forms ---- */

static const int64_t to_last[] = {0, 2, 3, 1}, to_plain[] = {0, 3, 1, 2};

static int transposed(struct tflite_writer *w, int from, const int64_t *perm)
{
    int64_t dims[4];
    if (!from || (size_t)from > w->at.tensor_count)
        return 0;
    struct tflite_out t = w->at.tensors[from - 1];
    for (int i = 0; i < 4; i++)
        dims[i] = t.dims[perm[i]];
    int in[] = {from, tflite_put_ints(w, 4, perm)}, out = tflite_new_tensor(w, "", t.dtype, 4, dims);
    tflite_copy_scale(w, out, from);
    tflite_call(w, 39, 0, 2, in, 1, &out);
    return out;
}

bool tflite_is_stored(const struct tflite_writer *w, const struct value *v)
{
    return w->at.forms[v->index].stored || (dequantize_of(v) && tflite_is_constant(v));
}

bool tflite_prefers_last(const struct tflite_writer *w, const struct value *v)
{
    const struct tflite_form *f = &w->at.forms[v->index];
    if (v->type.rank != 4)
        return false;
    if (f->stored)
        return f->is_turned || tflite_prefers_last(w, f->stored);
    return f->last && !f->plain;
}

static int take_form(struct tflite_writer *w, const struct value *v, bool is_last)
{
    struct tflite_form *f = &w->at.forms[v->index];
    if (is_last && !f->last)
        f->last = transposed(w, f->plain, to_last);
    if (!is_last && !f->plain)
        f->plain = transposed(w, f->last, to_plain);
    return is_last ? f->last : f->plain;
}

int tflite_take_stored(struct tflite_writer *w, const struct value *v, bool is_last)
{
    const struct tflite_form *f = &w->at.forms[v->index];
    if (!f->stored)
        return tflite_take_weights(w, v, is_last && v->type.rank == 4 ? to_last : NULL, true);
    if (f->is_turned && !is_last)
        return transposed(w, take_form(w, f->stored, false), to_plain);
    return take_form(w, f->stored, f->is_turned ? false : is_last);
}

int tflite_take(struct tflite_writer *w, const struct value *v, bool is_last)
{
    struct tflite_form *f = &w->at.forms[v->index];
    int *place = is_last ? &f->last : &f->plain;
    if (tflite_is_constant(v))
        return *place ? *place : (*place = tflite_take_weights(w, v, is_last ? to_last : NULL, false));
    if (!f->plain && !f->last && f->stored) {
        int in = tflite_take_stored(w, v, is_last);
        int out = in ? tflite_new_tensor(w, "", DTYPE_F32, v->type.rank, w->at.tensors[in - 1].dims) : 0;
        tflite_call(w, 6, 0, 1, &in, 1, &out);
        *place = out;
    }
    return take_form(w, v, is_last);
}
