/* Pools into a given number of bins of nearly equal size. */
#include <string.h>

#include "op/attr.h"
#include "op/build.h"
#include "op/real.h"
#include "op/rows.h"

/* An expansion has three nodes for each bin. */
#define MAX_BINS 256

struct adaptive {
    bool max;
    int axes; /* spatial ones */
    const int64_t *bins;
};

static int read_adaptive(struct adaptive *a, const struct node *n, int rank, struct error *err)
{
    static const char *const modes[] = {"average", "max"};
    int mode;
    a->bins = op_ints(n, "output_size", &a->axes);
    if (attr_choice(n, "mode", modes, 2, &mode, err) < 0)
        return -1;
    a->max = mode == 1;
    if (rank != a->axes + 2)
        return error_set(err, "X has rank %d, want %d for an output_size of %d", rank, a->axes + 2, a->axes);
    for (int i = 0; i < a->axes; i++)
        if (a->bins[i] < 0 || a->bins[i] > MAX_BINS)
            return error_set(err, "output_size: %lld, want 0 to %d", (long long)a->bins[i], MAX_BINS);
    return 0;
}

int infer_adaptive_pool(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    struct adaptive a;
    int64_t dims[TENSOR_MAX_RANK];
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    if (read_adaptive(&a, c->node, x->rank, err) < 0)
        return real_infer_fail(c, err);
    for (int i = 0; i < x->rank; i++)
        dims[i] = i >= 2 && a.bins[i - 2] ? a.bins[i - 2] : x->dims[i];
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}

/* The bins of one axis, each reduced, in a row. A bin goes from floor(i * size / bins) to ceil((i + 1) * size / bins),
 * so that neighbours may share an element. */
static struct value *pool_axis(struct build *b, struct value *x, bool max, int axis, int64_t size, int64_t bins)
{
    struct value *parts[MAX_BINS];
    for (int64_t i = 0; i < bins; i++) {
        int64_t from = i * size / bins, to = ((i + 1) * size + bins - 1) / bins;
        struct value *bin = build_slice(b, x, axis, from, to);
        parts[i] = BUILD(b, max ? "ReduceMax" : "ReduceMean", bin, BUILD_LIST(b, axis));
    }
    return build_int(b, build_node(b, "Concat", (int)bins, parts), "axis", axis);
}

/* Whether all bins have one size: an ordinary pool then. */
static bool even(const struct adaptive *a, const int64_t *size, int64_t *kernel)
{
    for (int i = 0; i < a->axes; i++) {
        if (a->bins[i] && size[i] % a->bins[i])
            return false;
        kernel[i] = a->bins[i] ? size[i] / a->bins[i] : 1;
    }
    return true;
}

int expand_adaptive_pool(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct adaptive a = {0};
    struct value *y = node_in(n, 0);
    int64_t size[TENSOR_MAX_RANK], kernel[TENSOR_MAX_RANK];
    int rank = build_rank(&b, 0);
    if (!b.failed && read_adaptive(&a, n, rank, err) < 0)
        b.failed = true;
    for (int i = 0; !b.failed && i < a.axes; i++) {
        size[i] = build_dim(&b, 0, i + 2);
        if (!b.failed && (size[i] < 1 || size[i] > INT64_MAX / (MAX_BINS + 1)))
            build_fail(&b, "spatial axis %d has %lld elements", i, (long long)size[i]);
    }
    if (!b.failed && even(&a, size, kernel)) {
        y = BUILD(&b, a.max ? "MaxPool" : "AveragePool", y);
        build_ints(&b, y, "kernel_shape", a.axes, kernel);
        build_ints(&b, y, "strides", a.axes, kernel);
    } else {
        for (int i = 0; !b.failed && i < a.axes; i++)
            if (a.bins[i] && a.bins[i] != size[i])
                y = pool_axis(&b, y, a.max, i + 2, size[i], a.bins[i]);
    }
    build_give(&b, 0, y);
    return build_end(&b);
}
