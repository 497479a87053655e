/* Attention as two products and a Softmax, for formats, and opsets, that have no operator for it. */
#include <float.h>
#include <math.h>

#include "format/lower.h"
#include "op/build.h"
#include "op/op.h"

enum { IN_Q, IN_K, IN_V, IN_MASK };

/* Elements of a causal mask that becomes a constant. */
#define MOST_SEEN (1 << 24)

/* What hides a score: no number of its type lies further below. */
static double lowest(enum dtype dtype)
{
    return dtype == DTYPE_F16 ? -65504 : dtype == DTYPE_BF16 ? -0x1.fep127 : -(double)FLT_MAX;
}

/* Heads that lie side by side in the last axis become axis 1: [N, heads, length, size]. */
static struct value *heads_apart(struct build *b, struct value *x, int64_t heads)
{
    if (x->type.rank == 4)
        return x;
    return BUILD(b, "Transpose/perm=0,2,1,3", build_reshape(b, x, 4, (int64_t[]){0, 0, heads, -1}));
}

/* Rows of several heads under each other, as one head, or back: x [N, heads, length, size]. */
static struct value *heads_as(struct build *b, struct value *x, int64_t from, int64_t to)
{
    return from == to ? x : build_reshape(b, x, 4, (int64_t[]){0, to, -1, 0});
}

/* ---- what may be seen ---- */

/* Whether key k may be seen by query q is k <= q: bool [queries, keys], a constant where the numbers are known. */
static struct value *causal(struct build *b, struct value *q, struct value *k)
{
    int64_t rows = build_dim_of(b, q, 2), columns = build_dim_of(b, k, 2);
    if (rows > 0 && columns > 0 && rows <= MOST_SEEN / columns) {
        struct tensor *t = tensor_new(DTYPE_BOOL, 2, (int64_t[]){rows, columns}, b->err);
        for (int64_t i = 0; t && i < t->count; i++)
            tensor_set_i64(t, i, i % columns <= i / columns);
        return build_constant(b, NULL, t);
    }
    struct value *zero = BUILD_LIST(b, 0);
    struct value *row = build_unsqueeze(b, build_range(b, zero, build_shape(b, q, 2, 3)), 1);
    return BUILD(b, "Not", BUILD(b, "Less", row, build_range(b, zero, build_shape(b, k, 2, 3))));
}

/* The queries of a constant see all keys, some each, or there are some that see none. */
enum sight { SEES_ALL, SEES_SOME, SEES_NONE };
static enum sight sight_of(const struct tensor *seen)
{
    int64_t columns = seen->dims[seen->rank - 1], in_row = 0;
    enum sight sight = SEES_ALL;
    for (int64_t i = 0; i < seen->count; i++) {
        bool sees = tensor_get_i64(seen, i) != 0;
        in_row = (i % columns ? in_row : 0) + sees;
        sight = sees ? sight : SEES_SOME;
        if (i % columns == columns - 1 && !in_row)
            return SEES_NONE;
    }
    return sight;
}

/* The constant as what is added to scores. */
static struct value *as_sum(struct build *b, const struct tensor *seen, enum dtype dtype)
{
    struct tensor *t = tensor_new(dtype, seen->rank, seen->dims, b->err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, tensor_get_i64(seen, i) ? 0 : lowest(dtype));
    return build_constant(b, NULL, t);
}

/* Scores of what is not seen do not count; a query that sees nothing gets zeros. */
static struct value *softmax_of_seen(struct build *b, struct value *scores, struct value *seen, enum dtype dtype)
{
    enum sight sight = !seen ? SEES_ALL : seen->constant ? sight_of(seen->constant) : SEES_NONE;
    if (sight == SEES_NONE)
        scores = BUILD(b, "Where", seen, scores, build_number(b, dtype, lowest(dtype)));
    else if (sight == SEES_SOME)
        scores = BUILD(b, "Add", scores, as_sum(b, seen->constant, dtype));
    struct value *y = BUILD(b, "Softmax/axis=-1", scores);
    return sight == SEES_NONE ? BUILD(b, "Where", seen, y, build_number(b, dtype, 0)) : y;
}

/* ---- the whole ---- */

/* Soft cap: c tanh(x / c). */
static struct value *capped(struct build *b, struct value *x, double cap, enum dtype dtype)
{
    if (cap == 0)
        return x;
    struct value *most = build_number(b, dtype, cap);
    return BUILD(b, "Mul", BUILD(b, "Tanh", BUILD(b, "Div", x, most)), most);
}

/* The heads of an operand, and their size; 0: not known. */
static int64_t heads_of(const struct node *n, int i, const char *attr, int64_t *size)
{
    const struct type *t = &n->in[i]->type;
    int64_t heads = t->rank == 4 ? t->dims[1] : op_int(n, attr);
    int64_t last = t->dims[t->rank - 1];
    if (heads < 1 || last < 1)
        return 0;
    *size = t->rank == 4 ? last : last / heads;
    return heads;
}

/* Three or four axes, of one type, without a past, lengths or windows, and a mask as wide as there are keys. */
static bool is_plain(const struct node *n)
{
    const struct value *mask = node_in(n, IN_MASK);
    for (int i = IN_Q; i <= IN_V; i++) {
        const struct value *v = node_in(n, i);
        if (!v || v->type.rank != n->in[IN_Q]->type.rank || (v->type.rank != 3 && v->type.rank != 4) ||
            v->type.dtype != n->in[IN_Q]->type.dtype)
            return false;
    }
    for (int i = IN_MASK + 1; i < n->in_count; i++)
        if (n->in[i])
            return false;
    if (n->out_count > 1 || op_int(n, "left_window_size") >= 0 || op_int(n, "right_window_size") >= 0)
        return false;
    if (!mask)
        return true;
    const struct type *k = &n->in[IN_K]->type, *m = &mask->type;
    return m->rank >= 1 && m->rank <= 4 && m->dims[m->rank - 1] == k->dims[k->rank - 2] &&
           (m->dtype == DTYPE_BOOL || m->dtype == n->in[IN_Q]->type.dtype);
}

struct value *format_lower_attention(struct build *b, struct value *q)
{
    const struct node *n = b->node;
    int64_t size, heads, groups;
    if (!is_plain(n) || !(groups = heads_of(n, IN_K, "kv_num_heads", &size)) ||
        !(heads = heads_of(n, IN_Q, "q_num_heads", &size)))
        return NULL;
    enum dtype dtype = q->type.dtype;
    bool flat = q->type.rank == 3;
    struct value *mask = node_in(n, IN_MASK), *seen = mask && mask->type.dtype == DTYPE_BOOL ? mask : NULL;
    struct value *k = heads_apart(b, n->in[IN_K], groups), *v = heads_apart(b, n->in[IN_V], groups);
    q = heads_apart(b, q, heads);
    if (op_int(n, "is_causal")) {
        struct value *before = causal(b, q, k);
        seen = seen ? BUILD(b, "And", seen, before) : before;
    }
    double scale = op_has(n, "scale") ? (double)op_float(n, "scale") : 1 / sqrt((double)size);
    struct value *y = BUILD(b, "MatMul", heads_as(b, q, heads, groups), BUILD(b, "Transpose/perm=0,1,3,2", k));
    y = BUILD(b, "Mul", heads_as(b, y, groups, heads), build_number(b, dtype, scale));
    y = capped(b, y, (double)op_float(n, "softcap"), dtype);
    if (mask && mask->type.dtype != DTYPE_BOOL)
        y = BUILD(b, "Add", y, mask);
    y = softmax_of_seen(b, y, seen, dtype);
    y = heads_as(b, BUILD(b, "MatMul", heads_as(b, y, heads, groups), v), groups, heads);
    return flat ? build_reshape(b, BUILD(b, "Transpose/perm=0,2,1,3", y), 3, (int64_t[]){0, 0, -1}) : y;
}
