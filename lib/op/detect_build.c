#include "op/detect_build.h"

#include <math.h>

struct value *detect_with(struct build *b, const char *op, struct value *v, double number)
{
    return BUILD(b, op, v, build_number(b, DTYPE_F32, number));
}

struct value *detect_join(struct build *b, int64_t axis, int count, struct value *const *in)
{
    return build_int(b, build_node(b, "Concat", count, in), "axis", axis);
}

struct value *detect_gather(struct build *b, struct value *v, struct value *index, int64_t axis)
{
    return build_int(b, BUILD(b, "Gather", v, index), "axis", axis);
}

/* The operator takes scores above its threshold, and overlaps of at most 1. */
struct value *detect_nms(struct build *b, struct value *boxes, struct value *scores, int64_t most, float overlap,
                         float threshold, bool inclusive)
{
    float above = inclusive ? nextafterf(threshold, -INFINITY) : threshold;
    return BUILD(b, "NonMaxSuppression", boxes, scores,
                 build_number(b, DTYPE_I64, (double)(most < INT32_MAX ? most : INT32_MAX)),
                 build_number(b, DTYPE_F32, overlap < 1 ? overlap : 1), build_number(b, DTYPE_F32, above));
}

struct value *detect_column(struct build *b, struct value *kept, int64_t column)
{
    return detect_gather(b, kept, build_number(b, DTYPE_I64, (double)column), 1);
}

struct value *detect_best(struct build *b, struct value *v, int64_t most)
{
    struct value *count = build_shape(b, v, 0, 1);
    if (most < INT64_MAX)
        count = BUILD(b, "Min", count, BUILD_LIST(b, most));
    return build_output(b, BUILD(b, "TopK/axis=0", v, count), 1);
}

struct value *detect_fill(struct build *b, struct value *v, int64_t count, int64_t row)
{
    struct value *zeros = BUILD(b, "ConstantOfShape", BUILD_LIST(b, count, row));
    return build_slice(b, DETECT_JOIN(b, 0, v, zeros), 0, 0, count);
}
