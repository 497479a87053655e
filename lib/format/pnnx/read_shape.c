/* The same elements in another shape or order. */
#include <string.h>

#include "format/pnnx/read.h"

/* The shape under one of the names that functions have for it, or of the operand "other". */
static struct value *wanted_shape(struct reader *r)
{
    static const char *const keys[] = {"shape", "size", "sizes", "repeats", "dims"};
    struct value *shape = NULL;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !shape && !r->b.failed; i++)
        shape = pnnx_shape(r, keys[i]);
    struct value *like = shape ? NULL : pnnx_optional(r, "other", 1);
    if (like)
        return BUILD(&r->b, "Shape", like);
    if (!shape)
        build_fail(&r->b, "has no shape");
    return shape;
}

struct value *pnnx_reshape(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    return BUILD(&r->b, "Reshape", x, wanted_shape(r));
}

/* Sizes from axis `from` to `to`: numbers where all are known. */
static struct value *sizes(struct reader *r, struct value *x, int from, int to)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = from; i < to; i++) {
        dims[i - from] = pnnx_size(r, x, i);
        if (dims[i - from] < 0)
            return build_shape(&r->b, x, from, to);
    }
    return build_list(&r->b, to - from, dims);
}

/* x with the axes from `first` to `last` replaced by those of the list. */
static struct value *with_axes(struct reader *r, struct value *x, int first, int last, struct value *list)
{
    int rank = pnnx_rank(r, x), n = 0;
    struct value *parts[3];
    if (first > 0)
        parts[n++] = sizes(r, x, 0, first);
    parts[n++] = list;
    if (last < rank - 1)
        parts[n++] = sizes(r, x, last + 1, rank);
    return BUILD(&r->b, "Reshape", x, n == 1 ? list : pnnx_concat(r, n, parts, 0));
}

struct value *pnnx_flatten(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x);
    if (rank == 0)
        return build_reshape(b, x, 1, (int64_t[]){-1});
    int first = pnnx_axis(r, pnnx_int(r, "start_dim", strncmp(r->op->type, "nn.", 3) == 0), rank);
    int last = pnnx_axis(r, pnnx_int(r, "end_dim", -1), rank);
    if (first == 1 && last == rank - 1)
        return BUILD(b, "Flatten/axis=1", x);
    return with_axes(r, x, first, last < first ? first : last, BUILD_LIST(b, -1));
}

struct value *pnnx_unflatten(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    struct value *list = pnnx_shape(r, pnnx_text(r, "unflattened_size") ? "unflattened_size" : "sizes");
    if (!list)
        build_fail(&r->b, "has no sizes");
    return r->b.failed ? NULL : with_axes(r, x, axis, axis, list);
}

struct value *pnnx_permute(struct reader *r)
{
    int64_t perm[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x), n = pnnx_ints(r, "dims", TENSOR_MAX_RANK, perm);
    if (n != rank)
        build_fail(&r->b, "orders %d axes of %d", n, rank);
    for (int i = 0; i < n; i++)
        perm[i] = pnnx_axis(r, perm[i], rank);
    return build_transpose(&r->b, x, rank, perm);
}

/* Two axes change places; torch.t names none. */
struct value *pnnx_transpose(struct reader *r)
{
    int64_t perm[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x);
    if (rank < 2)
        return x;
    int a = pnnx_axis(r, pnnx_int(r, "dim0", 0), rank), z = pnnx_axis(r, pnnx_int(r, "dim1", 1), rank);
    for (int i = 0; i < rank; i++)
        perm[i] = i == a ? z : i == z ? a : i;
    return build_transpose(&r->b, x, rank, perm);
}

/* Axes that are not of size 1 stay. */
struct value *pnnx_squeeze(struct reader *r)
{
    int64_t axes[TENSOR_MAX_RANK], kept[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x), n = pnnx_ints(r, "dim", TENSOR_MAX_RANK, axes), count = 0;
    if (!n)
        for (n = 0; n < rank; n++)
            axes[n] = n;
    for (int i = 0; i < n && !r->b.failed; i++) {
        int axis = pnnx_axis(r, axes[i], rank);
        int64_t size = pnnx_size(r, x, axis);
        if (size < 0)
            build_fail(&r->b, "takes off axis %d, whose size is not known", axis);
        if (size == 1)
            kept[count++] = axis;
    }
    return count ? BUILD(&r->b, "Squeeze", x, build_list(&r->b, count, kept)) : x;
}

struct value *pnnx_unsqueeze(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    return build_unsqueeze(&r->b, x, pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x) + 1));
}

/* -1 keeps a size, which ONNX says as 1. */
struct value *pnnx_expand(struct reader *r)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    const char *key = pnnx_text(r, "shape") ? "shape" : pnnx_text(r, "sizes") ? "sizes" : "size";
    int n = pnnx_text(r, key) ? pnnx_ints(r, key, TENSOR_MAX_RANK, dims) : 0;
    for (int i = 0; i < n; i++)
        dims[i] = dims[i] == -1 ? 1 : dims[i];
    struct value *shape = n ? build_list(&r->b, n, dims) : wanted_shape(r);
    if (!n && !r->b.failed)
        shape = pnnx_by(r, "Max", shape, 1);
    return BUILD(&r->b, "Expand", x, shape);
}

/* A factor for each axis, more axes in front where there are more factors; torch.tile may have fewer. */
struct value *pnnx_repeat(struct reader *r)
{
    int64_t ones[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0), *factors = wanted_shape(r);
    const struct type *type = build_type(&r->b, factors);
    int rank = pnnx_rank(r, x);
    int n = type && type->rank == 1 && type->dims[0] <= TENSOR_MAX_RANK ? (int)type->dims[0] : 0;
    if (n < 1)
        build_fail(&r->b, "has no factors");
    for (; rank < n && !r->b.failed; rank++)
        x = build_unsqueeze(&r->b, x, 0);
    for (int i = 0; i < rank; i++)
        ones[i] = 1;
    struct value *both[2] = {n < rank && !r->b.failed ? build_list(&r->b, rank - n, ones) : NULL, factors};
    if (both[0])
        factors = build_int(&r->b, build_node(&r->b, "Concat", 2, both), "axis", 0);
    return BUILD(&r->b, "Tile", x, factors);
}

struct value *pnnx_cast(struct reader *r)
{
    const char *text = pnnx_text(r, "dtype");
    struct value *x = pnnx_in(r, "input", 0), *like = text ? NULL : pnnx_optional(r, "other", 1);
    enum dtype dtype = like ? build_known_dtype(&r->b, like) : pnnx_dtype(text);
    if (text && dtype == DTYPE_NONE)
        build_fail(&r->b, "becomes '%s', which is not known", text);
    return dtype == DTYPE_NONE || dtype == build_known_dtype(&r->b, x) ? x : build_cast(&r->b, x, dtype);
}

/* ---- constants ---- */

/* A tensor of one number: of the row (zeros, ones) or fill_value; of a shape given or that of the input. */
struct value *pnnx_full(struct reader *r)
{
    struct build *b = &r->b;
    double number = r->arg ? strcmp(r->arg, "1") == 0 : pnnx_float(r, "fill_value", 0);
    struct value *like = pnnx_optional(r, "input", strstr(r->op->type, "like") ? 0 : -1);
    enum dtype dtype = pnnx_dtype(pnnx_text(r, "dtype"));
    if (dtype == DTYPE_NONE)
        dtype = like ? build_known_dtype(&r->b, like) : DTYPE_F32;
    bool own = pnnx_param(r->op, "size") || pnnx_param(r->op, "$size");
    struct value *shape = like && !own ? BUILD(b, "Shape", like) : wanted_shape(r);
    return BUILD(b, "Expand", build_number(b, dtype, number), shape);
}

struct value *pnnx_arange(struct reader *r)
{
    struct build *b = &r->b;
    enum dtype dtype = pnnx_dtype(pnnx_text(r, "dtype"));
    static const char *const keys[] = {"start", "end", "step"};
    struct value *parts[3];
    if (dtype == DTYPE_NONE)
        dtype = DTYPE_I64;
    for (int i = 0; i < 3; i++) {
        struct pnnx_operand *operand = pnnx_operand(r, keys[i], -1);
        bool computed = operand && operand->value;
        parts[i] = computed ? build_cast(b, operand->value, dtype)
                            : build_number(b, dtype, pnnx_float(r, keys[i], i == 2 ? 1 : 0));
    }
    return BUILD(b, "Range", parts[0], parts[1], parts[2]);
}
