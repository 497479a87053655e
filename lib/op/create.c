/* Constants, ranges, and tensors filled by a rule. */
#include <math.h>
#include <string.h>

#include "op/create.h"
#include "op/real.h"
#include "op/util.h"

/* ---- Constant ---- */

static const char *const value_attrs[] = {"value",        "value_int",    "value_ints",   "value_float",
                                          "value_floats", "value_string", "value_strings"};

/* The one value attribute that is set; NULL when there is none or several. */
static const struct attr *value_attr(const struct node *n)
{
    const struct attr *found = NULL;
    int count = 0;
    for (size_t i = 0; i < sizeof(value_attrs) / sizeof(value_attrs[0]); i++) {
        const struct attr *a = node_attr(n, value_attrs[i]);
        found = a ? a : found;
        count += a != NULL;
    }
    return count == 1 ? found : NULL;
}

static struct tensor *floats_tensor(int rank, int64_t n, const float *values, struct error *err)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, &n, err);
    if (t && n > 0)
        memcpy(t->data, values, (size_t)n * sizeof(*values));
    return t;
}

static struct tensor *constant_tensor(const struct attr *a, struct error *err)
{
    int64_t n = (int64_t)a->n;
    switch (a->kind) {
    case ATTR_TENSOR:
        return tensor_ref(a->tensor);
    case ATTR_INT:
        return tensor_scalar_i64(a->i, err);
    case ATTR_INTS:
        return tensor_ints(n, a->ints, err);
    case ATTR_FLOAT:
        return tensor_scalar_f32(a->f, err);
    case ATTR_FLOATS:
        return floats_tensor(1, n, a->floats, err);
    case ATTR_STRING:
        return tensor_of_strings(0, NULL, &a->s, err);
    case ATTR_STRINGS:
        return tensor_of_strings(1, &n, a->strings, err);
    default:
        error_set(err, "attribute %s is no value", a->name);
        return NULL;
    }
}

int infer_constant_op(struct op_infer *c, struct error *err)
{
    const struct attr *a = value_attr(c->node);
    struct tensor *t = a ? constant_tensor(a, err) : NULL;
    if (!a)
        return infer_error(c, err,
                           "wants exactly one of the attributes value, value_int, value_ints, value_float and so on");
    if (!t)
        return -1;
    int result = infer_set(c, 0, t->dtype, t->rank, t->dims, err);
    tensor_unref(t);
    return result;
}

int eval_constant(struct op_eval *c, struct error *err)
{
    const struct attr *a = value_attr(c->node);
    if (!a)
        return eval_error(c, err,
                          "wants exactly one of the attributes value, value_int, value_ints, value_float and so on");
    return eval_give(c, 0, constant_tensor(a, err), err);
}

/* ---- ConstantOfShape ---- */

int infer_constant_of_shape(struct op_infer *c, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct tensor *value = op_tensor(c->node, "value");
    const struct type *shape = infer_type(c, 0);
    int rank = infer_dims(c, 0, dims, TENSOR_MAX_RANK);
    if (value && value->count != 1)
        return infer_error(c, err, "attribute value has %lld elements, want 1", (long long)value->count);
    if (rank < 0 && shape && shape->kind == TYPE_TENSOR && shape->rank == 1 && shape->dims[0] > TENSOR_MAX_RANK)
        return infer_error(c, err, "input has %lld elements, the highest rank is %d", (long long)shape->dims[0],
                           TENSOR_MAX_RANK);
    return infer_set(c, 0, value ? value->dtype : DTYPE_F32, rank, dims, err);
}

int eval_constant_of_shape(struct op_eval *c, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct tensor *value = op_tensor(c->node, "value");
    int rank = eval_ints(c, 0, dims, TENSOR_MAX_RANK, err);
    if (rank < 0)
        return -1;
    if (eval_in(c, 0)->rank != 1)
        return eval_error(c, err, "input has rank %d, want 1", eval_in(c, 0)->rank);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return eval_error(c, err, "input[%d]: %lld, want at least 0", i, (long long)dims[i]);
    if (value && value->count != 1)
        return eval_error(c, err, "attribute value has %lld elements, want 1", (long long)value->count);
    struct tensor *y = eval_out(c, 0, value ? value->dtype : DTYPE_F32, rank, dims, err);
    if (!y)
        return -1;
    if (value)
        op_move(y, 0, 1, value, 0, 0, y->count);
    return 0;
}

/* ---- Range ---- */

/* ceil((limit - start) / delta), at least 0. */
static int64_t count_ints(int64_t start, int64_t limit, int64_t delta)
{
    __int128 span = (__int128)limit - start, step = delta;
    if (step < 0) {
        span = -span;
        step = -step;
    }
    span = span <= 0 ? 0 : (span + step - 1) / step;
    return span > INT64_MAX ? INT64_MAX : (int64_t)span;
}

/* Of one step up from 0 there are as many as the limit says, known or not. */
static int64_t range_count(const struct op_infer *c)
{
    struct known k[3];
    for (int i = 0; i < 3; i++)
        if (infer_known(c, i, &k[i], 1) != 1)
            return DIM_UNKNOWN;
    if (k[0].kind == KNOWN_NUMBER && k[1].kind == KNOWN_NUMBER && k[2].kind == KNOWN_NUMBER && k[2].value != 0)
        return count_ints(k[0].value, k[1].value, k[2].value);
    if (k[0].kind == KNOWN_NUMBER && k[0].value >= 0 && k[2].kind == KNOWN_NUMBER && k[2].value == 1 &&
        k[1].kind == KNOWN_DIM)
        return graph_dim_sub(c->graph, k[1].value, k[0].value);
    return DIM_UNKNOWN;
}

static int64_t count_reals(double start, double limit, double delta)
{
    double n = ceil((limit - start) / delta);
    return !(n > 0) ? 0 : n >= 0x1p62 ? INT64_MAX : (int64_t)n;
}

int infer_range(struct op_infer *c, struct error *err)
{
    enum dtype dtype = infer_dtype(c, 0);
    int64_t count = DIM_UNKNOWN;
    const struct tensor *in[3];
    bool constant = true;
    for (int i = 0; i < 3; i++) {
        in[i] = infer_constant(c, i);
        constant = constant && in[i] && in[i]->count == 1;
        if (infer_rank(c, i) > 1)
            return infer_error(c, err, "input %d has rank %d, want a scalar", i, infer_rank(c, i));
    }
    if (constant && op_is_float(dtype) && tensor_get_f64(in[2], 0) != 0)
        count = count_reals(tensor_get_f64(in[0], 0), tensor_get_f64(in[1], 0), tensor_get_f64(in[2], 0));
    else if (!op_is_float(dtype))
        count = range_count(c);
    return infer_set(c, 0, dtype, 1, &count, err);
}

static int range_ints(struct op_eval *c, enum dtype dtype, struct error *err)
{
    int64_t v[3];
    for (int i = 0; i < 3; i++)
        op_load_ints(eval_in(c, i), 0, 1, &v[i]);
    if (v[2] == 0)
        return eval_error(c, err, "input delta is 0");
    int64_t count = count_ints(v[0], v[1], v[2]);
    struct tensor *y = eval_out(c, 0, dtype, 1, &count, err);
    for (int64_t i = 0; y && i < count; i++)
        tensor_set_i64(y, i, v[0] + i * v[2]);
    return y ? 0 : -1;
}

static int range_reals(struct op_eval *c, enum dtype dtype, struct error *err)
{
    double v[3];
    for (int i = 0; i < 3; i++)
        v[i] = tensor_get_f64(eval_in(c, i), 0);
    if (v[2] == 0 || !isfinite(v[0]) || !isfinite(v[1]) || !isfinite(v[2]))
        return eval_error(c, err, "range from %g to %g by %g has no count", v[0], v[1], v[2]);
    int64_t count = count_reals(v[0], v[1], v[2]);
    struct tensor *y = eval_out(c, 0, dtype, 1, &count, err);
    for (int64_t i = 0; y && i < count; i++)
        tensor_set_f64(y, i, v[0] + (double)i * v[2]);
    return y ? 0 : -1;
}

int eval_range(struct op_eval *c, struct error *err)
{
    static const char *const names[] = {"start", "limit", "delta"};
    enum dtype dtype = eval_in(c, 0)->dtype;
    for (int i = 0; i < 3; i++)
        if (eval_in(c, i)->count != 1)
            return eval_error(c, err, "input %s has %lld elements, want a scalar", names[i],
                              (long long)eval_in(c, i)->count);
    return op_is_float(dtype) ? range_reals(c, dtype, err) : range_ints(c, dtype, err);
}

/* ---- EyeLike ---- */

int eval_eye_like(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t k = op_int(c->node, "k");
    enum dtype dtype = DTYPE_NONE;
    if (x->rank != 2)
        return eval_error(c, err, "input has rank %d, want 2", x->rank);
    if (create_dtype(c, x->dtype, &dtype, err))
        return -1;
    struct tensor *y = eval_out(c, 0, dtype, 2, x->dims, err);
    if (!y)
        return -1;
    for (int64_t row = k < 0 ? (k < -x->dims[0] ? x->dims[0] : -k) : 0; row < x->dims[0] && k < x->dims[1] - row; row++)
        tensor_set_f64(y, row * x->dims[1] + row + k, 1);
    return 0;
}
