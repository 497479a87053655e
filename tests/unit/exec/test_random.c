/* Random graphs: operators that only look at memory in another way (Transpose, Slice, Reshape, Split, Concat) between
 * ones that compute, so that results come to lie over, inside and beside each other in every layout. All numbers are
 * positive: where sums cancel, only rounding would be compared. */
#include "exec_test.h"

#define STEPS      14
#define VALUES_MAX 64
#define COUNT_MAX  4000

/* The values so far. */
static struct {
    struct value *at[VALUES_MAX];
    int count;
} pot;

static int below(int n)
{
    return (int)(hash_random(&seed) % (uint64_t)n);
}

static int64_t count_of(const struct value *v)
{
    return tensor_count(v->type.rank, v->type.dims);
}

static void infer(struct node *n)
{
    n->def = op_find(n->domain, n->op);
    CHECK_MSG(n->def && op_infer_node(n, &error) == 0, "%s: %s", n->op, error.text);
}

static void keep(struct node *n)
{
    infer(n);
    for (int o = 0; o < n->out_count && pot.count < VALUES_MAX; o++)
        if (n->out[o] && n->out[o]->type.rank > 0 && count_of(n->out[o]) > 0 && count_of(n->out[o]) <= COUNT_MAX)
            pot.at[pot.count++] = n->out[o];
}

static struct value *positive_weight(int rank, const int64_t *dims)
{
    struct value *v = weight(rank, dims);
    float *w = v->constant->data;
    for (int64_t i = 0; i < v->constant->count; i++)
        w[i] = fabsf(w[i]);
    return v;
}

/* ---- other views ---- */

static struct node *add_transpose(struct value *x)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = x->type.rank;
    for (int i = 0; i < rank; i++) {
        int j = below(i + 1);
        perm[i] = perm[j];
        perm[j] = i;
    }
    struct node *n = NODE("Transpose", x);
    node_set_ints(n, "perm", perm, (size_t)rank, &error);
    return n;
}

static struct node *add_slice(struct value *x)
{
    static const int64_t steps[] = {1, 2, 3, -1, -2};
    int64_t axis = below(x->type.rank), step = steps[below(5)], size = x->type.dims[axis];
    int64_t from = step > 0 ? below((int)size) : size - 1, to = step > 0 ? INT64_MAX : INT64_MIN;
    return NODE("Slice", x, ints(&from, 1), ints(&to, 1), ints(&axis, 1), ints(&step, 1));
}

/* Two neighbouring axes become one, or one becomes two. */
static struct node *add_reshape(struct value *x)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = x->type.rank, at = below(rank), to = 0;
    for (int i = 0; i < rank; i++) {
        int64_t dim = x->type.dims[i];
        if (i == at && dim % 2 == 0 && rank < 6) {
            dims[to++] = 2;
            dims[to++] = dim / 2;
        } else if (i == at && i + 1 < rank) {
            dims[to++] = dim * x->type.dims[++i];
        } else {
            dims[to++] = dim;
        }
    }
    return NODE("Reshape", x, ints(dims, (size_t)to));
}

static struct node *add_split(struct value *x)
{
    int64_t axis = below(x->type.rank), size = x->type.dims[axis], first = size < 2 ? size : 1 + below((int)size - 1);
    int64_t sizes[] = {first, size - first};
    struct node *n = NODE("Split", x, ints(sizes, 2));
    node_new_output(n, NULL, &error);
    node_set_int(n, "axis", axis, &error);
    return n;
}

/* ---- computing ---- */

static struct node *add_unary(struct value *x)
{
    static const char *const ops[] = {"Tanh", "Sigmoid", "Abs"};
    return NODE(ops[below(3)], x);
}

/* With another value of the same shape, if there is one, or a constant for one axis. */
static struct node *add_binary(struct value *x)
{
    const char *op = below(2) ? "Add" : "Mul";
    for (int tries = 0; tries < 8; tries++) {
        struct value *y = pot.at[below(pot.count)];
        if (y->type.rank == x->type.rank && memcmp(y->type.dims, x->type.dims, sizeof y->type.dims) == 0)
            return NODE(op, y, x);
    }
    int64_t dims[TENSOR_MAX_RANK];
    int axis = below(x->type.rank);
    for (int i = 0; i < x->type.rank; i++)
        dims[i] = i == axis ? x->type.dims[i] : 1;
    return NODE(op, x, positive_weight(x->type.rank, dims));
}

static struct node *add_concat(struct value *x)
{
    struct node *other = add_unary(x);
    infer(other);
    struct node *n = below(2) ? NODE("Concat", x, other->out[0]) : NODE("Concat", other->out[0], x);
    node_set_int(n, "axis", below(x->type.rank), &error);
    return n;
}

static struct node *add_row_wise(struct value *x)
{
    if (below(3) == 0 && x->type.rank > 1)
        return NODE("RMSNormalization", x, positive_weight(DIMS(x->type.dims[x->type.rank - 1])));
    struct node *n = NODE("Softmax", x);
    node_set_int(n, "axis", below(x->type.rank), &error);
    return n;
}

static struct node *add_reduction(struct value *x)
{
    static const char *const ops[] = {"ReduceMean", "ReduceMax", "ReduceL2"};
    int64_t axes[2] = {below(x->type.rank), below(x->type.rank)};
    struct node *n = NODE(ops[below(3)], x, ints(axes, axes[0] == axes[1] ? 1 : 2));
    node_set_int(n, "keepdims", below(2), &error);
    return n;
}

static struct node *add_product(struct value *x)
{
    int rank = x->type.rank;
    if (rank == 4 && below(2)) {
        struct node *n = NODE("Conv", x, positive_weight(DIMS(1 + below(9), x->type.dims[1], 3, 3)), NULL);
        node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        return n;
    }
    if (rank > 1 && below(2))
        return NODE("MatMul", x, positive_weight(DIMS(x->type.dims[rank - 1], 1 + below(9))));
    return NODE("MatMul", positive_weight(DIMS(1 + below(9), x->type.dims[rank > 1 ? rank - 2 : 0])), x);
}

/* Transpose and Slice twice: they are what makes the layouts. */
static struct node *(*const adders[])(struct value *x) = {
    add_transpose, add_transpose, add_slice,    add_slice,     add_reshape, add_split,
    add_binary,    add_concat,    add_row_wise, add_reduction, add_product, add_unary,
};

static struct node *add_step(void)
{
    struct value *x = pot.at[below(3) ? pot.count - 1 : below(pot.count)]; /* mostly a chain */
    return adders[below(sizeof adders / sizeof *adders)](x);
}

static void random_graph(uint64_t number)
{
    pot.count = 0;
    begin();
    seed = number;
    keep(NODE("Abs", input("x", DIMS(1 + below(3), 1 + below(20), 1 + below(8), 1 + below(8)))));
    keep(NODE("Abs", input("z", DIMS(1 + below(6), 1 + below(40)))));
    for (int i = 0; i < STEPS; i++)
        keep(add_step());
    int outputs = 0;
    for (int i = pot.count - 1; i >= 2 && outputs < 3; i--)
        if (!value_is_used(pot.at[i])) {
            output(pot.at[i]);
            outputs++;
        }
    int before = test_failures;
    reference_allowed = 1000;
    check();
    if (test_failures > before)
        printf("  of graph %llu\n", (unsigned long long)number);
}

static void test_random_graphs(void)
{
    for (uint64_t i = 1; i <= 400; i++)
        random_graph(i);
}

int main(void)
{
    RUN(test_random_graphs);
    return TEST_END();
}
