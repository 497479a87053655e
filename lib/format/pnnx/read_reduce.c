/* Reductions, sorting, sums along an axis. */
#include <string.h>

#include "format/pnnx/read.h"

/* The axes of the parameter "dim"; NULL: all. */
static struct value *axes_of(struct reader *r, struct value *x)
{
    int64_t axes[TENSOR_MAX_RANK];
    int n = pnnx_ints(r, "dim", TENSOR_MAX_RANK, axes), rank = n ? pnnx_rank(r, x) : 0;
    for (int i = 0; i < n; i++)
        axes[i] = pnnx_axis(r, axes[i], rank);
    return n ? build_list(&r->b, n, axes) : NULL;
}

static struct value *reduced(struct reader *r, const char *op, struct value *x, bool keeps)
{
    return build_int(&r->b, BUILD(&r->b, op, x, axes_of(r, x)), "keepdims", keeps);
}

/* Of the type asked for; else truths and whole numbers are summed in 64 bits, as PyTorch does. */
static struct value *terms(struct reader *r, bool widens)
{
    struct value *x = pnnx_in(r, "input", 0);
    enum dtype dtype = pnnx_dtype(pnnx_text(r, "dtype")), own = build_known_dtype(&r->b, x);
    if (dtype == DTYPE_NONE && widens && own != DTYPE_NONE && dtype_info(own)->class != DTYPE_CLASS_FLOAT)
        dtype = DTYPE_I64;
    return dtype != DTYPE_NONE && dtype != own ? build_cast(&r->b, x, dtype) : x;
}

struct value *pnnx_reduce(struct reader *r)
{
    struct value *x = terms(r, strcmp(r->arg, "ReduceSum") == 0 || strcmp(r->arg, "ReduceProd") == 0);
    return reduced(r, r->arg, x, pnnx_bool(r, "keepdim", false));
}

/* torch.max and torch.min of an axis give the elements and their places. */
struct value *pnnx_extreme(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0), *y = pnnx_optional(r, "other", 1);
    bool is_max = strcmp(r->arg, "max") == 0, keeps = pnnx_bool(r, "keepdim", false);
    if (y) {
        build_promote(&r->b, &x, &y);
        return BUILD(b, is_max ? "Max" : "Min", x, y);
    }
    struct value *v = reduced(r, is_max ? "ReduceMax" : "ReduceMin", x, keeps);
    if (r->op->out_count > 1) {
        struct value *at = build_int(b, BUILD(b, is_max ? "ArgMax" : "ArgMin", x), "keepdims", keeps);
        int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
        pnnx_give(r, 1, build_int(b, at, "axis", axis));
    }
    return v;
}

struct value *pnnx_arg_extreme(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    bool all = !pnnx_text(r, "dim"), keeps = pnnx_bool(r, "keepdim", false);
    if (all)
        x = build_reshape(b, x, 1, (int64_t[]){-1});
    struct value *v = build_int(b, BUILD(b, r->arg, x), "axis", pnnx_int(r, "dim", 0));
    return build_int(b, v, "keepdims", keeps && !all);
}

/* The same where only a run tells how many elements there are. */
static struct value *corrected(struct reader *r, struct value *x, struct value *v, double less)
{
    struct build *b = &r->b;
    struct value *count = BUILD(b, "Div", BUILD(b, "Size", x), BUILD(b, "Size", v));
    struct value *n = build_cast(b, count, build_known_dtype(&r->b, v));
    return BUILD(b, "Mul", v, BUILD(b, "Div", n, pnnx_by(r, "Sub", n, less)));
}

/* The mean of the squares of what is off the mean; unbiased, or by a correction, of n - 1. */
struct value *pnnx_variance(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    double less = pnnx_float(r, "correction", pnnx_bool(r, "unbiased", true));
    int64_t axes[TENSOR_MAX_RANK], n = 1;
    int rank = pnnx_rank(r, x), count = pnnx_ints(r, "dim", TENSOR_MAX_RANK, axes);
    for (int i = 0; i < (count ? count : rank) && !b->failed; i++) {
        int64_t size = pnnx_size(r, x, count ? pnnx_axis(r, axes[i], rank) : i);
        n = size < 0 || n < 0 || size > 1 << 30 || n > 1 << 30 ? -1 : n * size;
    }
    if (less != 0 && n >= 0 && (double)n <= less)
        build_fail(b, "is of %lld elements, want more than %g", (long long)n, less);
    struct value *off = BUILD(b, "Sub", x, reduced(r, "ReduceMean", x, true));
    struct value *v = reduced(r, "ReduceMean", BUILD(b, "Mul", off, off), pnnx_bool(r, "keepdim", false));
    if (less != 0 && n >= 0)
        v = pnnx_by(r, "Mul", v, (double)n / ((double)n - less));
    else if (less != 0)
        v = corrected(r, x, v, less);
    return strcmp(r->arg, "std") == 0 ? BUILD(b, "Sqrt", v) : v;
}

/* (|x|^p + …)^(1/p): at 0 the number of elements that are not 0, at infinity the largest or smallest. */
static struct value *norm_of(struct reader *r, struct value *x, double p, bool keepdim)
{
    struct build *b = &r->b;
    if (p == 0)
        return reduced(r, "ReduceSum", BUILD(b, "Abs", BUILD(b, "Sign", x)), keepdim);
    x = BUILD(b, "Abs", x);
    if (p - p != 0)
        return reduced(r, p > 0 ? "ReduceMax" : "ReduceMin", x, keepdim);
    return pnnx_by(r, "Pow", reduced(r, "ReduceSum", pnnx_by(r, "Pow", x, p), keepdim), 1 / p);
}

struct value *pnnx_norm(struct reader *r)
{
    const char *text = pnnx_text(r, "p");
    double p = !text || strcmp(text, "fro") == 0 ? 2 : pnnx_float(r, "p", 2);
    struct value *x = pnnx_in(r, "input", 0);
    bool keepdim = pnnx_bool(r, "keepdim", false);
    if (p != 1 && p != 2)
        return norm_of(r, x, p, keepdim);
    return reduced(r, p == 2 ? "ReduceL2" : "ReduceL1", x, keepdim);
}

struct value *pnnx_cumsum(struct reader *r)
{
    struct value *x = terms(r, true);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    return BUILD(&r->b, "CumSum", x, build_number(&r->b, DTYPE_I64, axis));
}

struct value *pnnx_topk(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    struct value *v = BUILD(b, "TopK", x, BUILD_LIST(b, pnnx_int(r, "k", 1)));
    build_int(b, v, "axis", pnnx_int(r, "dim", -1));
    build_int(b, v, "largest", pnnx_bool(r, "largest", true));
    build_int(b, v, "sorted", pnnx_bool(r, "sorted", true));
    if (r->op->out_count > 1)
        pnnx_give(r, 1, build_output(b, v, 1));
    return v;
}
