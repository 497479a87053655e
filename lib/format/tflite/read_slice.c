/* Slices, with begin, end and step or with masks, and reversal. */
#include "format/tflite/operators.h"

enum strided_slots { STRIDED_BEGIN, STRIDED_END, STRIDED_ELLIPSIS, STRIDED_NEW, STRIDED_SHRINK, STRIDED_OFFSET };

/* A list of axes' numbers, of which some may only be known at run time. */
struct bounds {
    int count;
    int64_t numbers[TENSOR_MAX_RANK];
    struct value *values[TENSOR_MAX_RANK]; /* i64 [1]; NULL: the number */
};

static struct value *list_of(struct tflite_op *o, const struct bounds *s)
{
    struct value *parts[TENSOR_MAX_RANK];
    bool is_known = true;
    for (int i = 0; i < s->count; i++)
        is_known = is_known && !s->values[i];
    if (is_known)
        return build_list(o->b, s->count, s->numbers);
    for (int i = 0; i < s->count; i++)
        parts[i] = s->values[i] ? s->values[i] : BUILD_LIST(o->b, s->numbers[i]);
    return s->count == 1 ? parts[0] : build_int(o->b, build_node(o->b, "Concat", s->count, parts), "axis", 0);
}

/* ---- Slice ---- */

/* Sizes of -1 reach to the end. */
static struct value *ends_of(struct tflite_op *o, int count, const int64_t *begin)
{
    int64_t ends[TENSOR_MAX_RANK];
    if (count >= 0 && tflite_ints(o, 2, ends, TENSOR_MAX_RANK) == count) {
        for (int i = 0; i < count; i++)
            if (ends[i] < 0 || __builtin_add_overflow(begin[i], ends[i], &ends[i]))
                ends[i] = INT64_MAX;
        return build_list(o->b, count, ends);
    }
    struct value *size = tflite_i64(o, 2), *end = BUILD(o->b, "Add", tflite_i64(o, 1), size);
    struct value *is_rest = BUILD(o->b, "Less", size, build_number(o->b, DTYPE_I64, 0));
    struct value *last = build_list(o->b, 1, (int64_t[]){INT64_MAX});
    return BUILD(o->b, "Where", is_rest, last, end);
}

void tflite_read_slice(struct tflite_op *o)
{
    int64_t begin[TENSOR_MAX_RANK];
    int count = tflite_ints(o, 1, begin, TENSOR_MAX_RANK);
    tflite_give(o, 0, BUILD(o->b, "Slice", tflite_in(o, 0), tflite_i64(o, 1), ends_of(o, count, begin)));
}

/* ---- StridedSlice ---- */

struct strided {
    struct tflite_op *o;
    int count; /* entries of the specification */
    int64_t begin[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    bool is_begin_known, is_end_known;
    uint32_t masks[6];
    struct bounds from, to;
    int64_t axes[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int64_t shrunk[TENSOR_MAX_RANK], added[TENSOR_MAX_RANK]; /* axes of the input; axes of the result */
    int shrunk_count, added_count;
};

static bool has(const struct strided *s, int mask, int i)
{
    return s->masks[mask] >> i & 1;
}

static struct value *element(struct strided *s, int k, int i)
{
    return build_slice(s->o->b, tflite_i64(s->o, k), 0, i, i + 1);
}

/* One entry: a range of an axis of the input. */
static void add_range(struct strided *s, int i, int axis)
{
    int n = s->from.count;
    int64_t step = s->step[i], *from = &s->from.numbers[n], *to = &s->to.numbers[n];
    bool shrink = has(s, STRIDED_SHRINK, i), from_start = has(s, STRIDED_BEGIN, i) && !shrink;
    struct build *b = s->o->b;
    if (step == 0)
        tflite_fail(s->o, "a step of 0");
    *from = from_start ? (step > 0 ? 0 : INT64_MAX) : s->is_begin_known ? s->begin[i] : 0;
    if (!from_start && !s->is_begin_known)
        s->from.values[n] = element(s, 1, i);
    *to = step > 0 ? INT64_MAX : INT64_MIN;
    if (shrink && !s->from.values[n])
        *to = *from == -1 ? INT64_MAX : *from + 1;
    else if (shrink) /* the element behind; the one behind the last is not 0 */
        s->to.values[n] = BUILD(b, "Where", BUILD(b, "Equal", s->from.values[n], BUILD_LIST(b, -1)),
                                BUILD_LIST(b, INT64_MAX), BUILD(b, "Add", s->from.values[n], BUILD_LIST(b, 1)));
    else if (!has(s, STRIDED_END, i) && s->is_end_known && !s->masks[STRIDED_OFFSET])
        *to = s->end[i];
    else if (!has(s, STRIDED_END, i))
        s->to.values[n] =
            s->masks[STRIDED_OFFSET] ? BUILD(b, "Add", element(s, 1, i), element(s, 2, i)) : element(s, 2, i);
    if (shrink)
        s->shrunk[s->shrunk_count++] = axis;
    s->axes[n] = axis;
    s->steps[n] = shrink ? 1 : step;
    s->from.count = s->to.count = n + 1;
}

/* Entries go through the axes: a new one takes none, the ellipsis as many as are left over. */
static void walk(struct strided *s, int rank)
{
    int axis = 0, out = 0, taken = 0;
    for (int i = 0; i < s->count; i++)
        taken += !has(s, STRIDED_NEW, i) && !has(s, STRIDED_ELLIPSIS, i);
    for (int i = 0; i < s->count && !s->o->b->failed; i++) {
        if (has(s, STRIDED_ELLIPSIS, i)) {
            axis += rank - taken;
            out += rank - taken;
            taken = rank;
        } else if (has(s, STRIDED_NEW, i)) {
            s->added[s->added_count++] = out++;
        } else if (axis >= rank || axis < 0) {
            tflite_fail(s->o, "more entries than the input has axes, %d", rank);
        } else {
            add_range(s, i, axis++);
            out += !has(s, STRIDED_SHRINK, i);
        }
    }
}

void tflite_read_strided_slice(struct tflite_op *o)
{
    struct strided s = {.o = o};
    int rank = tflite_want_rank(o, 0);
    s.count = tflite_want_ints(o, 3, s.step, TENSOR_MAX_RANK);
    s.is_begin_known = tflite_ints(o, 1, s.begin, TENSOR_MAX_RANK) == s.count;
    s.is_end_known = tflite_ints(o, 2, s.end, TENSOR_MAX_RANK) == s.count;
    for (int i = 0; i < 5; i++)
        s.masks[i] = (uint32_t)flatbuf_uint(o->options, i, 4, 0);
    s.masks[STRIDED_OFFSET] = flatbuf_int(o->options, STRIDED_OFFSET, 1, 0) != 0;
    if (o->b->failed)
        return;
    walk(&s, rank);
    struct value *v = tflite_in(o, 0);
    if (s.from.count)
        v = BUILD(o->b, "Slice", v, list_of(o, &s.from), list_of(o, &s.to), build_list(o->b, s.from.count, s.axes),
                  build_list(o->b, s.from.count, s.steps));
    if (s.shrunk_count)
        v = BUILD(o->b, "Squeeze", v, build_list(o->b, s.shrunk_count, s.shrunk));
    if (s.added_count)
        v = BUILD(o->b, "Unsqueeze", v, build_list(o->b, s.added_count, s.added));
    tflite_give(o, 0, v);
}

/* ---- reversal ---- */

void tflite_read_reverse(struct tflite_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], from[TENSOR_MAX_RANK], to[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int count = tflite_want_ints(o, 1, axes, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++) {
        from[i] = INT64_MAX;
        to[i] = INT64_MIN;
        steps[i] = -1;
    }
    if (!o->b->failed)
        tflite_give(o, 0,
                    BUILD(o->b, "Slice", tflite_in(o, 0), build_list(o->b, count, from), build_list(o->b, count, to),
                          build_list(o->b, count, axes), build_list(o->b, count, steps)));
}

void tflite_read_reverse_sequence(struct tflite_op *o)
{
    int64_t time = flatbuf_int(o->options, 0, 4, 0), batch = flatbuf_int(o->options, 1, 4, 0);
    if (time + batch != 1 || (time != 0 && time != 1)) {
        tflite_read_opaque(o);
        return;
    }
    struct value *y = BUILD(o->b, "ReverseSequence", tflite_in(o, 0), tflite_i64(o, 1));
    tflite_give(o, 0, build_int(o->b, build_int(o->b, y, "time_axis", time), "batch_axis", batch));
}
