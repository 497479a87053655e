/* Partial evaluation of integer shape arithmetic. Elements are numbers, symbolic dims, or not known; a handler gets as
 * far as symbols allow, and where all inputs are numbers the operator's own eval does the rest. */
#include "op/known.h"

#include <string.h>

#include "op/util.h"

struct list {
    int count; /* -1: not even the number of elements is known */
    struct known at[KNOWN_MAX];
};

static void load(const struct op_infer *c, int i, struct list *l)
{
    l->count = infer_known(c, i, l->at, KNOWN_MAX);
}

static struct known number(int64_t value)
{
    return (struct known){KNOWN_NUMBER, value};
}

static struct known of_dim(int64_t dim)
{
    return dim == DIM_UNKNOWN ? (struct known){KNOWN_NOT, 0} : (struct known){dim >= 0 ? KNOWN_NUMBER : KNOWN_DIM, dim};
}

static bool same(struct known a, struct known b)
{
    return a.kind == b.kind && a.kind != KNOWN_NOT && a.value == b.value;
}

/* ---- arithmetic ---- */

static struct known add_numbers(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_add_overflow(a, b, &r) ? (struct known){KNOWN_NOT, 0} : number(r);
}

static struct known add(struct graph *g, struct known a, struct known b)
{
    if (a.kind == KNOWN_NUMBER && b.kind == KNOWN_NUMBER)
        return add_numbers(a.value, b.value);
    /* Negative numbers look like symbols to graph_dim_add(). */
    if (a.kind == KNOWN_NUMBER && a.value < 0)
        return a.value == INT64_MIN ? (struct known){KNOWN_NOT, 0} : of_dim(graph_dim_sub(g, b.value, -a.value));
    if (b.kind == KNOWN_NUMBER && b.value < 0)
        return b.value == INT64_MIN ? (struct known){KNOWN_NOT, 0} : of_dim(graph_dim_sub(g, a.value, -b.value));
    return of_dim(graph_dim_add(g, a.value, b.value));
}

static struct known sub(struct graph *g, struct known a, struct known b)
{
    int64_t r;
    if (a.kind == KNOWN_NUMBER && b.kind == KNOWN_NUMBER)
        return __builtin_sub_overflow(a.value, b.value, &r) ? (struct known){KNOWN_NOT, 0} : number(r);
    if (b.kind == KNOWN_NUMBER && b.value != INT64_MIN)
        return add(g, a, number(-b.value));
    if (a.kind == KNOWN_NUMBER && a.value < 0)
        return (struct known){KNOWN_NOT, 0};
    return of_dim(graph_dim_sub(g, a.value, b.value));
}

static bool negative(struct known k)
{
    return k.kind == KNOWN_NUMBER && k.value < 0;
}

static struct known mul(struct graph *g, struct known a, struct known b)
{
    int64_t r;
    if (a.kind == KNOWN_NUMBER && b.kind == KNOWN_NUMBER)
        return __builtin_mul_overflow(a.value, b.value, &r) ? (struct known){KNOWN_NOT, 0} : number(r);
    if (negative(a) || negative(b))
        return (struct known){KNOWN_NOT, 0};
    return of_dim(graph_dim_mul(g, a.value, b.value));
}

static struct known divide(struct graph *g, struct known a, struct known b)
{
    if (b.kind == KNOWN_NUMBER && b.value <= 0)
        return (struct known){KNOWN_NOT, 0};
    if (a.kind == KNOWN_NUMBER && b.kind == KNOWN_NUMBER)
        return number(a.value / b.value);
    if (negative(a))
        return (struct known){KNOWN_NOT, 0};
    return of_dim(graph_dim_div(g, a.value, b.value));
}

/* A dim is at least 0, so a symbol beside a number <= 0 is the larger one. */
static struct known larger(struct graph *g, struct known a, struct known b)
{
    (void)g;
    if (same(a, b))
        return a;
    if (a.kind == KNOWN_NUMBER && b.kind == KNOWN_NUMBER)
        return a.value > b.value ? a : b;
    if (a.kind == KNOWN_NUMBER && a.value <= 0)
        return b;
    return b.kind == KNOWN_NUMBER && b.value <= 0 ? a : (struct known){KNOWN_NOT, 0};
}

static struct known smaller(struct graph *g, struct known a, struct known b)
{
    (void)g;
    if (same(a, b))
        return a;
    if (a.kind == KNOWN_NUMBER && b.kind == KNOWN_NUMBER)
        return a.value < b.value ? a : b;
    if (a.kind == KNOWN_NUMBER && a.value <= 0)
        return a;
    return b.kind == KNOWN_NUMBER && b.value <= 0 ? b : (struct known){KNOWN_NOT, 0};
}

static struct known equal(struct graph *g, struct known a, struct known b)
{
    (void)g;
    if (a.kind == b.kind && (a.kind == KNOWN_NUMBER || same(a, b)))
        return number(a.value == b.value);
    return negative(a) || negative(b) ? number(0) : (struct known){KNOWN_NOT, 0};
}

static const struct {
    const char *op;
    struct known (*apply)(struct graph *g, struct known a, struct known b);
} arithmetic[] = {
    {"Add", add}, {"Sub", sub}, {"Mul", mul}, {"Div", divide}, {"Max", larger}, {"Min", smaller}, {"Equal", equal},
};

static bool apply_arithmetic(struct op_infer *c, struct known (*apply)(struct graph *, struct known, struct known),
                             struct list *out)
{
    load(c, 0, out);
    for (int i = 1; i < c->node->in_count; i++) {
        struct list b;
        load(c, i, &b);
        if (out->count < 0 || b.count < 0 || (out->count != b.count && out->count != 1 && b.count != 1))
            return false;
        struct known first = out->at[0];
        int count = out->count == 1 ? b.count : out->count;
        for (int k = 0; k < count; k++) {
            struct known x = out->count == 1 ? first : out->at[k], y = b.at[b.count == 1 ? 0 : k];
            out->at[k] =
                x.kind == KNOWN_NOT || y.kind == KNOWN_NOT ? (struct known){KNOWN_NOT, 0} : apply(c->graph, x, y);
        }
        out->count = count;
    }
    return out->count >= 0;
}

/* ---- the others ---- */

static bool known_shape(struct op_infer *c, struct list *out)
{
    const struct type *type = infer_type(c, 0);
    if (!type || type->kind != TYPE_TENSOR || type->rank < 0)
        return false;
    int64_t rank = type->rank, start = op_int(c->node, "start"),
            end = op_has(c->node, "end") ? op_int(c->node, "end") : rank;
    start = start < -rank ? 0 : start < 0 ? start + rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    out->count = 0;
    for (int64_t i = start; i < end; i++)
        out->at[out->count++] = of_dim(type->dims[i]);
    return true;
}

static bool known_size(struct op_infer *c, struct list *out)
{
    const struct type *type = infer_type(c, 0);
    if (!type || type->kind != TYPE_TENSOR || type->rank < 0)
        return false;
    int64_t size = 1;
    for (int i = 0; i < type->rank; i++)
        size = graph_dim_mul(c->graph, size, type->dims[i]);
    out->count = 1;
    out->at[0] = of_dim(size);
    return true;
}

static bool known_gather(struct op_infer *c, struct list *out)
{
    struct list data, index;
    load(c, 0, &data);
    load(c, 1, &index);
    if (data.count < 0 || index.count < 0 || infer_rank(c, 0) != 1)
        return false;
    out->count = index.count;
    for (int i = 0; i < index.count; i++) {
        int64_t at = index.at[i].value < 0 ? index.at[i].value + data.count : index.at[i].value;
        bool inside = index.at[i].kind == KNOWN_NUMBER && at >= 0 && at < data.count;
        out->at[i] = inside ? data.at[at] : (struct known){KNOWN_NOT, 0};
    }
    return true;
}

static bool known_slice(struct op_infer *c, struct list *out)
{
    struct list data;
    int64_t start, end, step = 1;
    load(c, 0, &data);
    if (data.count < 0 || infer_rank(c, 0) != 1 || infer_ints(c, 1, &start, 1) != 1 || infer_ints(c, 2, &end, 1) != 1 ||
        (infer_type(c, 4) && infer_ints(c, 4, &step, 1) != 1) || step == 0 || step == INT64_MIN)
        return false;
    int64_t n = data.count;
    start = op_clamp(start < 0 ? start + n : start, step < 0 ? -1 : 0, step < 0 ? n - 1 : n);
    end = op_clamp(end < 0 && end >= -n ? end + n : end, step < 0 ? -1 : 0, n);
    out->count = 0;
    for (int64_t i = start; step > 0 ? i < end : i > end; i += op_clamp(step, -KNOWN_MAX, KNOWN_MAX))
        if (i >= 0)
            out->at[out->count++] = data.at[i];
    return true;
}

static bool known_concat(struct op_infer *c, struct list *out)
{
    out->count = 0;
    for (int i = 0; i < c->node->in_count; i++) {
        struct list part;
        load(c, i, &part);
        if (part.count < 0 || part.count > KNOWN_MAX - out->count)
            return false;
        memcpy(out->at + out->count, part.at, (size_t)part.count * sizeof(part.at[0]));
        out->count += part.count;
    }
    return true;
}

/* The elements stay, whatever the shape and the width; a number that a narrow type would change does not come here. */
static bool known_same(struct op_infer *c, struct list *out)
{
    load(c, 0, out);
    return out->count >= 0 && node_out(c->node, 0)->type.dtype != DTYPE_BOOL;
}

static bool known_where(struct op_infer *c, struct list *out)
{
    struct list in[3];
    out->count = 1;
    for (int i = 0; i < 3; i++) {
        load(c, i, &in[i]);
        if (in[i].count < 0 || (in[i].count != 1 && out->count != 1 && in[i].count != out->count))
            return false;
        out->count = out->count == 1 ? in[i].count : out->count;
    }
    for (int k = 0; k < out->count; k++) {
        struct known cond = in[0].at[in[0].count == 1 ? 0 : k], x = in[1].at[in[1].count == 1 ? 0 : k],
                     y = in[2].at[in[2].count == 1 ? 0 : k];
        out->at[k] = cond.kind == KNOWN_NUMBER ? (cond.value ? x : y) : same(x, y) ? x : (struct known){KNOWN_NOT, 0};
    }
    return true;
}

static bool known_reduce_prod(struct op_infer *c, struct list *out)
{
    struct list in;
    load(c, 0, &in);
    if (in.count < 0 || (infer_type(c, 1) && infer_rank(c, 0) != 1))
        return false;
    out->count = 1;
    out->at[0] = number(1);
    for (int i = 0; i < in.count; i++)
        out->at[0] = in.at[i].kind == KNOWN_NOT || out->at[0].kind == KNOWN_NOT ? (struct known){KNOWN_NOT, 0}
                                                                                : mul(c->graph, out->at[0], in.at[i]);
    return true;
}

static bool known_expand(struct op_infer *c, struct list *out)
{
    const struct value *v = node_out(c->node, 0);
    load(c, 0, out);
    if (out->count != 1)
        return out->count >= 0 && v->type.rank == 1 && v->type.dims[0] == out->count;
    int64_t n = v->type.rank == 0 ? 1 : v->type.dims[0];
    if (n < 0 || n > KNOWN_MAX)
        return false;
    for (out->count = 1; out->count < n; out->count++)
        out->at[out->count] = out->at[0];
    out->count = (int)n;
    return true;
}

static const struct {
    const char *op;
    bool (*apply)(struct op_infer *c, struct list *out);
} handlers[] = {
    {"Shape", known_shape},
    {"Size", known_size},
    {"Gather", known_gather},
    {"Slice", known_slice},
    {"Concat", known_concat},
    {"Identity", known_same},
    {"Cast", known_same},
    {"CastLike", known_same},
    {"Squeeze", known_same},
    {"Unsqueeze", known_same},
    {"Reshape", known_same},
    {"Where", known_where},
    {"ReduceProd", known_reduce_prod},
    {"Expand", known_expand},
};

static bool apply_handler(struct op_infer *c, struct list *out)
{
    for (size_t i = 0; i < sizeof(arithmetic) / sizeof(arithmetic[0]); i++)
        if (strcmp(c->node->op, arithmetic[i].op) == 0)
            return apply_arithmetic(c, arithmetic[i].apply, out);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (strcmp(c->node->op, handlers[i].op) == 0)
            return handlers[i].apply(c, out);
    return false;
}

/* ---- where all is known ---- */

/* Input i as a tensor when all of it is known and it is small. */
static struct tensor *whole_input(const struct op_infer *c, int i, struct error *err)
{
    const struct tensor *constant = infer_constant(c, i);
    if (constant)
        return constant->count <= KNOWN_MAX ? tensor_ref((struct tensor *)(uintptr_t)constant) : NULL;
    const struct value *v = node_in(c->node, i);
    if (!v || !v->known || v->type.dtype == DTYPE_NONE || v->known_count > KNOWN_MAX)
        return NULL;
    for (int k = 0; k < v->known_count; k++)
        if (v->known[k].kind != KNOWN_NUMBER)
            return NULL;
    const int64_t *dims = v->type.rank == 1 ? (int64_t[]){v->known_count} : v->type.dims;
    struct tensor *t =
        tensor_count(v->type.rank, dims) == v->known_count ? tensor_new(v->type.dtype, v->type.rank, dims, err) : NULL;
    for (int k = 0; t && k < v->known_count; k++)
        tensor_set_i64(t, k, v->known[k].value);
    return t;
}

static bool deterministic(const struct node *n)
{
    if (op_trait(n, "random"))
        return false;
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH)
            return false;
    return n->in_count > 0 || strcmp(n->op, "Constant") == 0;
}

#define KNOWN_MAX_INPUTS 16

static bool evaluate(struct op_infer *c, struct list *out)
{
    struct error ignored;
    struct node *n = c->node;
    struct item *in[KNOWN_MAX_INPUTS] = {NULL}, *result[KNOWN_MAX_INPUTS] = {NULL};
    if (!deterministic(n) || n->in_count > KNOWN_MAX_INPUTS || n->out_count > KNOWN_MAX_INPUTS)
        return false;
    bool done = true;
    for (int i = 0; i < n->in_count && done; i++)
        if (n->in[i])
            done = (in[i] = item_of_tensor(whole_input(c, i, &ignored), &ignored)) != NULL;
    struct op_eval e = {
        .node = n, .in = in, .in_count = n->in_count, .out = result, .out_count = KNOWN_MAX_INPUTS, .memory = 1 << 16};
    done = done && op_eval_node(&e, &ignored) == 0 && result[0] && result[0]->kind == ITEM_TENSOR;
    if (done) {
        const struct tensor *t = result[0]->tensor;
        done = t->count <= KNOWN_MAX;
        out->count = done ? (int)t->count : -1;
        for (int k = 0; k < out->count; k++)
            out->at[k] = number(tensor_get_i64(t, k));
    }
    for (int i = 0; i < KNOWN_MAX_INPUTS; i++) {
        item_unref(in[i]);
        item_unref(result[i]);
    }
    return done;
}

/* ---- Split: the one with several outputs that shape arithmetic meets ---- */

static int known_split(struct op_infer *c, struct error *err)
{
    struct list data;
    load(c, 0, &data);
    int at = 0;
    for (int o = 0; o < c->node->out_count && infer_rank(c, 0) == 1; o++) {
        const struct value *v = c->node->out[o];
        int64_t n = v && v->type.kind == TYPE_TENSOR && v->type.rank == 1 ? v->type.dims[0] : -1;
        if (n < 0 || n > data.count - at)
            return 0;
        if (infer_set_known(c, o, (int)n, data.at + at, err))
            return -1;
        at += (int)n;
    }
    return 0;
}

static bool useful(const struct list *l)
{
    for (int i = 0; i < l->count; i++)
        if (l->at[i].kind != KNOWN_NOT)
            return true;
    return l->count == 0;
}

int known_infer(struct op_infer *c, struct error *err)
{
    const struct value *v = node_out(c->node, 0);
    struct list out = {.count = -1};
    if (!v || v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->known || c->node->domain[0] ||
        !(op_is_int(v->type.dtype) || v->type.dtype == DTYPE_BOOL))
        return 0;
    bool is_list = v->type.rank <= 1;
    int64_t n = tensor_count(v->type.rank, v->type.dims);
    if (n > KNOWN_MAX || (n < 0 && !is_list))
        return 0;
    if (strcmp(c->node->op, "Split") == 0)
        return known_split(c, err);
    if (!evaluate(c, &out) && !(is_list && apply_handler(c, &out)))
        return 0;
    if ((n >= 0 && n != out.count) || !useful(&out))
        return 0;
    return infer_set_known(c, 0, out.count, out.at, err);
}
