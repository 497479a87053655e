/* Slices, with begin, end and step or with masks, and reversal. */
#include "format/tflite/operators.h"

enum strided_slots { STRIDED_BEGIN, STRIDED_END, STRIDED_ELLIPSIS, STRIDED_NEW, STRIDED_SHRINK, STRIDED_OFFSET };

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

void tflite_read_strided_slice(struct tflite_op *o)
{
    struct build_slice_entries e = {0};
    uint32_t masks[6];
    int rank = tflite_want_rank(o, 0);
    e.count = tflite_want_ints(o, 3, e.step, TENSOR_MAX_RANK);
    for (int i = 0; i < 6; i++)
        masks[i] = (uint32_t)flatbuf_uint(o->options, i, i == STRIDED_OFFSET ? 1 : 4, 0);
    if (o->b->failed)
        return;
    e.no_begin = masks[STRIDED_BEGIN];
    e.no_end = masks[STRIDED_END];
    e.ellipsis = masks[STRIDED_ELLIPSIS];
    e.new_axis = masks[STRIDED_NEW];
    e.shrink = masks[STRIDED_SHRINK];
    e.shrink_first = true; /* in LiteRT, other than in TensorFlow */
    if (tflite_ints(o, 1, e.begin, TENSOR_MAX_RANK) != e.count)
        e.begins = tflite_i64(o, 1);
    if (masks[STRIDED_OFFSET])
        e.ends = BUILD(o->b, "Add", tflite_i64(o, 1), tflite_i64(o, 2));
    else if (tflite_ints(o, 2, e.end, TENSOR_MAX_RANK) != e.count)
        e.ends = tflite_i64(o, 2);
    tflite_give(o, 0, build_slice_all(o->b, tflite_in(o, 0), rank, &e));
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
    int rank = tflite_want_rank(o, 0), time = build_axis(o->b, flatbuf_int(o->options, 0, 4, 0), rank),
        batch = build_axis(o->b, flatbuf_int(o->options, 1, 4, 0), rank);
    tflite_give(o, 0, build_reverse_sequence(o->b, tflite_in(o, 0), rank, tflite_i64(o, 1), batch, time));
}
