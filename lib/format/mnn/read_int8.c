/* Operators on 8-bit integers, as the older quantiser makes them. Between them run integers of which the file does not
 * say what they mean: only how sums of products become the next integers. So an integer tensor counts as real numbers
 * of step 1 here, and the scales of the file's convolutions are the weights'. */
#include "format/mnn/handlers.h"
#include "format/mnn/idst.h"

/* A constant of scales, inverted where the file multiplies by them: a scalar where all are equal. */
static struct value *scales(struct mnn_op *o, const struct mnn_table *t, const char *what, bool inverted)
{
    struct flatbuf_vector v = mnn_vector(t, "tensorScale");
    bool equal = true;
    for (size_t i = 1; i < v.count; i++)
        equal = equal && flatbuf_vector_float(v, i) == flatbuf_vector_float(v, 0);
    int64_t count = equal ? 1 : (int64_t)v.count;
    struct tensor *scale = v.count ? tensor_new(DTYPE_F32, equal ? 0 : 1, &count, o->b->err) : NULL;
    if (v.count == 0)
        build_fail(o->b, "it has no scales");
    for (int64_t i = 0; scale && i < count; i++) {
        float f = flatbuf_vector_float(v, (size_t)i);
        ((float *)scale->data)[i] = inverted ? (f == 0 ? 0 : 1 / f) : f;
    }
    return mnn_constant(o, what, scale);
}

static struct value *zero_point(struct mnn_op *o, int64_t zero)
{
    return build_number(o->b, DTYPE_I8, (double)zero);
}

/* Scales of several channels go with axis 1; one scale with none. */
static struct value *set_axis(struct mnn_op *o, struct value *v, const struct value *scale)
{
    return scale && scale->type.rank == 1 ? build_int(o->b, v, "axis", 1) : v;
}

void mnn_read_float_to_int8(struct mnn_op *o)
{
    struct value *x = mnn_in_image(o), *scale = scales(o, &o->param, "scale", true);
    struct value *y = BUILD(o->b, "QuantizeLinear", x, scale, zero_point(o, mnn_int(&o->param, "zeroPoint")));
    mnn_give_image(o, 0, set_axis(o, y, scale));
}

void mnn_read_int8_to_float(struct mnn_op *o)
{
    struct value *x = mnn_in_image(o), *scale = scales(o, &o->param, "scale", false);
    struct value *y = BUILD(o->b, "DequantizeLinear", x, scale, zero_point(o, mnn_int(&o->param, "zeroPoint")));
    mnn_give_image(o, 0, set_axis(o, y, scale));
}

/* ---- convolution ---- */

struct value *mnn_int8_image(struct mnn_op *o, int64_t zero)
{
    struct value *x = mnn_in_image(o);
    if (mnn_dtype(o, x) != DTYPE_I8)
        return x;
    return BUILD(o->b, "DequantizeLinear", x, build_number(o->b, DTYPE_F32, 1), zero_point(o, zero));
}

/* Integers [count] or [count, …] times a scale for each of the first axis. */
static struct value *scaled(struct mnn_op *o, const char *what, struct tensor *t, struct value *scale)
{
    return BUILD(o->b, "DequantizeLinear/axis=0", mnn_constant(o, what, t), scale);
}

struct value *mnn_int8_weight(struct mnn_op *o, const struct mnn_table *quan, int rank, const int64_t *dims)
{
    struct flatbuf_vector v = mnn_vector(quan, "weight");
    struct tensor *codes = v.count ? mnn_tensor(o, v, DTYPE_I8, rank, dims) : mnn_codes(o, &o->param, rank, dims);
    return scaled(o, "weight", codes, mnn_floats(o, quan, "scale", "weight_scale"));
}

struct value *mnn_int8_bias(struct mnn_op *o, const struct mnn_table *quan, int64_t count)
{
    struct tensor *bias = mnn_tensor(o, mnn_vector(quan, "bias"), DTYPE_I32, 1, &count);
    return scaled(o, "bias", bias, mnn_floats(o, quan, "scale", "bias_scale"));
}

struct value *mnn_int8_result(struct mnn_op *o, const struct mnn_table *quan, struct value *y)
{
    if (mnn_int(quan, "outputDataType") != MNN_INT8)
        return y;
    return BUILD(o->b, "QuantizeLinear", y, build_number(o->b, DTYPE_F32, 1),
                 zero_point(o, mnn_int(quan, "outputZeroPoint")));
}

/* ---- sums ---- */

void mnn_read_eltwise_int8(struct mnn_op *o)
{
    struct mnn_table first = mnn_sub(&o->param, "inputQuan0"), second = mnn_sub(&o->param, "inputQuan1");
    struct mnn_table result = mnn_sub(&o->param, "outputQuan");
    struct value *scale0 = scales(o, &first, "scale0", false), *scale1 = scales(o, &second, "scale1", false);
    struct value *scale = scales(o, &result, "scale", true);
    struct value *a = set_axis(o, BUILD(o->b, "DequantizeLinear", mnn_in_any(o, 0), scale0), scale0);
    struct value *b = set_axis(o, BUILD(o->b, "DequantizeLinear", mnn_in_any(o, 1), scale1), scale1);
    struct value *y = BUILD(o->b, "QuantizeLinear", BUILD(o->b, "Add", a, b), scale, zero_point(o, 0));
    mnn_give(o, 0, set_axis(o, y, scale));
}
