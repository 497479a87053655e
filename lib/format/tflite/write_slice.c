/* Slices and padding: lists with an entry for every axis. */
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

/* What a node of moved elements gives, with the scale of what it takes. */
static void give(struct tflite_writer *w, struct node *n, int code, uint32_t options, int count, const int *in,
                 bool is_last, bool is_stored)
{
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    if (!end.quantize)
        tflite_copy_scale(w, out, in[0]);
    tflite_call(w, code, options, count, in, 1, &out);
}

/* ---- Slice ---- */

enum list { FROM = 1, TO, AXES, STEPS };

/* Begin, end and step of every axis; a bound that is an operand stands in `element`, as its place in the list. */
struct slice {
    int rank;
    int64_t numbers[5][TENSOR_MAX_RANK];
    int element[TENSOR_MAX_RANK]; /* of the lists of bounds; -1: the axis is whole */
    uint32_t whole_begin, whole_end;
};

static const struct tensor *constant(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && !v->is_input ? v->constant : NULL;
}

/* Bounds that are the ends of the axis are said by masks. */
static void name_ends(const struct node *n, struct slice *s, int64_t axis)
{
    bool ahead = s->numbers[STEPS][axis] > 0;
    int64_t from = s->numbers[FROM][axis], to = s->numbers[TO][axis];
    if (constant(n, FROM) && (ahead ? from == 0 : from >= INT32_MAX)) {
        s->whole_begin |= 1u << axis;
        s->numbers[FROM][axis] = 0;
    }
    if (constant(n, TO) && (ahead ? to >= INT32_MAX : to <= INT32_MIN)) {
        s->whole_end |= 1u << axis;
        s->numbers[TO][axis] = 0;
    }
}

/* false: axes or steps are no constants, or not the axes of the operand. */
static bool read_slice(const struct node *n, bool is_last, struct slice *s)
{
    const struct value *from = node_in(n, FROM);
    int64_t count = from->type.rank == 1 ? from->type.dims[0] : -1;
    s->rank = n->in[0]->type.rank;
    if (s->rank < 1 || count < 0 || count > s->rank || (node_in(n, AXES) && !constant(n, AXES)) ||
        (node_in(n, STEPS) && !constant(n, STEPS)))
        return false;
    for (int i = 0; i < s->rank; i++) {
        s->numbers[FROM][i] = s->numbers[TO][i] = 0;
        s->numbers[STEPS][i] = 1;
        s->element[i] = -1;
        s->whole_begin |= 1u << i;
        s->whole_end |= 1u << i;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t axis = constant(n, AXES) ? tensor_get_i64(constant(n, AXES), i) : i;
        axis = tflite_moved_axis(axis, s->rank, is_last);
        if (axis < 0 || axis >= s->rank)
            return false;
        s->element[axis] = (int)i;
        s->numbers[STEPS][axis] = constant(n, STEPS) ? tensor_get_i64(constant(n, STEPS), i) : 1;
        s->whole_begin &= ~(1u << axis);
        s->whole_end &= ~(1u << axis);
        for (int k = FROM; k <= TO; k++)
            if (constant(n, k))
                s->numbers[k][axis] = tensor_get_i64(constant(n, k), i);
        name_ends(n, s, axis);
    }
    return true;
}

/* An operand as integers of 32 bits, cut to their range where it has 64. */
static int take_narrow(struct tflite_writer *w, const struct value *v)
{
    static const int64_t most[] = {INT32_MAX}, least[] = {INT32_MIN};
    if (v->type.dtype == DTYPE_I32)
        return tflite_take(w, v, false);
    int list = tflite_take(w, v, false); /* constants before results, as a reader meets them: bytes stay the same */
    int high = tflite_put_list(w, v->type.dtype, 1, most), low = tflite_put_list(w, v->type.dtype, 1, least);
    int bounded = tflite_like_tensor(w, list), both = tflite_like_tensor(w, list);
    tflite_call(w, 57, 0, 2, (int[]){list, high}, 1, &bounded);
    tflite_call(w, 55, 0, 2, (int[]){bounded, low}, 1, &both);
    return tflite_as_type(w, both, DTYPE_I32);
}

/* A list of bounds for every axis: of constants, or put together at run time. */
static int take_bounds(struct tflite_writer *w, const struct node *n, const struct slice *s, int k)
{
    int parts[TENSOR_MAX_RANK];
    int64_t one = 1, rank = s->rank;
    if (constant(n, k))
        return tflite_put_ints(w, s->rank, s->numbers[k]);
    int list = take_narrow(w, n->in[k]);
    bool is_whole = true;
    for (int i = 0; i < s->rank; i++)
        is_whole = is_whole && s->element[i] == i;
    if (is_whole)
        return list;
    for (int i = 0; i < s->rank; i++) {
        int64_t at = s->element[i];
        if (at < 0) {
            parts[i] = tflite_put_ints(w, 1, &s->numbers[k][i]);
            continue;
        }
        int in[] = {list, tflite_put_ints(w, 1, &at), tflite_put_ints(w, 1, &one)};
        parts[i] = tflite_new_tensor(w, "", DTYPE_I32, 1, &one);
        tflite_call(w, 65, 0, 3, in, 1, &parts[i]);
    }
    int whole = tflite_new_tensor(w, "", DTYPE_I32, 1, &rank);
    tflite_call(w, 2, tflite_option(w, 0, 4, 0, -1, 0), s->rank, parts, 1, &whole);
    return whole;
}

void tflite_write_slice(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    struct slice s = {0};
    bool is_last = tflite_prefers_last(w, n->in[0]);
    if (!read_slice(n, is_last, &s)) {
        tflite_cannot(w, n, "its axes are not constants");
        return;
    }
    int in[4] = {tflite_take(w, n->in[0], is_last)};
    for (int known = 0; known < 2; known++) /* what is computed comes first, as it will when it is read again */
        for (int k = FROM; k <= TO; k++)
            if ((constant(n, k) != NULL) == known)
                in[k] = take_bounds(w, n, &s, k);
    in[3] = tflite_put_ints(w, s.rank, s.numbers[STEPS]);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 4, s.whole_begin, 0);
    flatbuf_add_int(&w->out, 1, 4, s.whole_end, 0);
    give(w, n, row->code, flatbuf_end(&w->out), 4, in, is_last, false);
}

/* ---- Pad ---- */

/* Pairs for every axis, in the order of the form that is padded. */
static int put_pairs(struct tflite_writer *w, const struct node *n, bool is_last)
{
    const struct tensor *pads = constant(n, 1), *axes = constant(n, 3);
    int64_t rank = n->in[0]->type.rank, dims[] = {rank, 2}, count = axes ? axes->count : rank;
    struct tensor *t = pads && pads->count == 2 * count ? tensor_new(DTYPE_I32, 2, dims, w->err) : NULL;
    for (int64_t i = 0; t && i < count; i++) {
        int64_t axis = tflite_moved_axis(axes ? tensor_get_i64(axes, i) : i, (int)rank, is_last);
        for (int side = 0; side < 2 && axis >= 0 && axis < rank; side++)
            tensor_set_i64(t, 2 * axis + side, tensor_get_i64(pads, i + side * count));
    }
    int tensor = t ? tflite_put_constant(w, "", t) : 0;
    tensor_unref(t);
    return tensor;
}

static bool has_negative(const struct tensor *pads)
{
    for (int64_t i = 0; i < pads->count; i++)
        if (tensor_get_i64(pads, i) < 0)
            return true;
    return false;
}

void tflite_write_pad(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct value *with = node_in(n, 2);
    const char *mode = op_string(n, "mode");
    bool is_constant = strcmp(mode, "constant") == 0, is_reflected = strcmp(mode, "reflect") == 0;
    bool is_last = tflite_prefers_last(w, n->in[0]);
    if (!constant(n, 1) || n->in[0]->type.rank < 1 || (node_in(n, 3) && !constant(n, 3)) ||
        (!is_constant && !is_reflected) || has_negative(constant(n, 1))) {
        tflite_cannot(w, n, "only numbers or reflections, as many as constants say, can be put around");
        return;
    }
    bool has_number = is_constant && with && (!constant(n, 2) || tensor_get_f64(constant(n, 2), 0) != 0);
    bool is_stored = !has_number && tflite_computes_stored(w, n, row);
    int in[3] = {tflite_take_as(w, n->in[0], is_last, is_stored), put_pairs(w, n, is_last)}, count = 2;
    uint32_t options = 0;
    if (has_number)
        in[count++] = tflite_take(w, with, false);
    if (is_reflected) { /* The mode is the default of the table, which must be there. */
        flatbuf_begin(&w->out);
        options = flatbuf_end(&w->out);
    }
    give(w, n, is_reflected ? 100 : has_number ? 60 : row->code, options, count, in, is_last, is_stored);
}
