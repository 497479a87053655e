/* Parameters and shapes of the layer being read. */
#include "format/caffe/caffe.h"

int64_t caffe_int(const struct caffe_read *l, const char *name, int64_t otherwise)
{
    return protobuf_int(l->param, name, otherwise);
}

float caffe_float(const struct caffe_read *l, const char *name, float otherwise)
{
    return (float)protobuf_float(l->param, name, otherwise);
}

int64_t caffe_int_in(struct caffe_read *l, const char *name, int64_t otherwise, int64_t low, int64_t high)
{
    int64_t i = caffe_int(l, name, otherwise);
    if (i >= low && i <= high)
        return i;
    build_fail(l->b, "%s is %lld, want %lld to %lld", name, (long long)i, (long long)low, (long long)high);
    return otherwise < low ? low : otherwise > high ? high : otherwise;
}

static const struct type *type_of(struct caffe_read *l, int i)
{
    if (i >= l->in_count) {
        build_fail(l->b, "it has %d bottom%s, want %d or more", l->in_count, l->in_count == 1 ? "" : "s", i + 1);
        return NULL;
    }
    return build_type(l->b, l->in[i]);
}

int caffe_rank(struct caffe_read *l, int i)
{
    const struct type *type = type_of(l, i);
    if (type && type->kind == TYPE_TENSOR && type->rank >= 0)
        return type->rank;
    build_fail(l->b, "the shape of its bottom is not known");
    return 0;
}

int64_t caffe_dim(struct caffe_read *l, int i, int axis)
{
    int rank = caffe_rank(l, i);
    if (axis >= 0 && axis < rank && l->in[i]->type.dims[axis] >= 0)
        return l->in[i]->type.dims[axis];
    build_fail(l->b, "the size of axis %d of its bottom is not known", axis);
    return 0;
}

int caffe_axis(struct caffe_read *l, const char *name, int otherwise, int rank)
{
    int64_t axis = caffe_int(l, name, otherwise);
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(l->b, "%s is %lld, but its bottom has %d axes", name, (long long)axis, rank);
    return 0;
}

struct value *caffe_scaled(struct caffe_read *l, struct value *v, float by)
{
    return by == 1 ? v : BUILD(l->b, "Mul", v, build_number(l->b, DTYPE_F32, by));
}

struct value *caffe_shifted(struct caffe_read *l, struct value *v, float by)
{
    return by == 0 ? v : BUILD(l->b, "Add", v, build_number(l->b, DTYPE_F32, by));
}
