/* Elements by index, the best of a line, running sums, and borders that are copied from inside. */
#include "exec_test.h"

static struct value *f32(double value)
{
    struct tensor *t = tensor_new(DTYPE_F32, 0, NULL, &error);
    tensor_set_f64(t, 0, value);
    return graph_add_constant(graph, NULL, t, &error);
}

/* Indices that may be repeated, negative ones among them. */
static struct value *indices(enum dtype dtype, int rank, const int64_t *dims, int64_t low, int64_t high)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &error);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_i64(t, i, low + (i * 7 + i / 3) % (high - low));
    return graph_add_constant(graph, NULL, t, &error);
}

static void test_elements(void)
{
    for (int axis = -3; axis < 3; axis++)
        for (int scatter = 0; scatter < 2; scatter++) {
            begin();
            struct value *x = input("x", DIMS(4, 5, 6)),
                         *at = indices(scatter ? DTYPE_I32 : DTYPE_I64, DIMS(3, 4, 5), -4, 4);
            struct node *n =
                scatter ? NODE("ScatterElements", x, at, input("u", DIMS(3, 4, 5))) : NODE("GatherElements", x, at);
            node_set_int(n, "axis", axis, &error);
            if (scatter)
                node_set_string(n, "reduction", "add", 3, &error);
            output(n->out[0]);
            check();
        }
}

static void test_slices(void)
{
    for (int64_t depth = 1; depth <= 3; depth++)
        for (int batch = 0; batch < 2 && depth + batch <= 3; batch++) {
            begin();
            struct node *n = NODE("GatherND", input("x", DIMS(4, 5, 6)), indices(DTYPE_I64, DIMS(4, 7, depth), -4, 4));
            node_set_int(n, "batch_dims", batch, &error);
            output(n->out[0]);
            check();
        }
}

/* Into memory that nothing else needs, and into a copy. */
static void test_scatter_slices(void)
{
    static const char *const reductions[] = {"none", "add", "mul"};
    for (int r = 0; r < 3; r++)
        for (int again = 0; again < 2; again++) {
            begin();
            struct value *x = NODE("Relu", input("x", DIMS(6, 5, 3)))->out[0];
            struct node *n =
                NODE("ScatterND", x, indices(DTYPE_I64, DIMS(r ? 7 : 3, 1), 0, 6), input("u", DIMS(r ? 7 : 3, 5, 3)));
            node_set_string(n, "reduction", reductions[r], strlen(reductions[r]), &error);
            output(n->out[0]);
            if (again)
                output(NODE("Abs", x)->out[0]);
            check();
        }
}

static void test_bad_index(void)
{
    begin();
    output(NODE("GatherND", input("x", DIMS(4, 5)), indices(DTYPE_I64, DIMS(2, 1), 4, 6))->out[0]);
    check_refused("outside of 4 elements");
}

/* Indices that stand beside the data along another axis. */
static void test_outside(void)
{
    begin();
    output(NODE("GatherElements", input("x", DIMS(4, 5)), indices(DTYPE_I64, DIMS(4, 500000), 0, 4))->out[0]);
    check_refused("that of input data 5");
    begin();
    struct value *x = NODE("Relu", input("x", DIMS(4, 5)))->out[0];
    output(NODE("ScatterElements", x, indices(DTYPE_I64, DIMS(2, 500000), 0, 4), input("u", DIMS(2, 500000)))->out[0]);
    check_refused("that of input data 5");
}

static void test_topk(int64_t k, int axis, int largest, double spread)
{
    begin();
    struct value *x = NODE("Floor", NODE("Mul", input("x", DIMS(3, 50, 4)), f32(spread))->out[0])->out[0];
    struct node *n = NODE("TopK", x, ints(INTS(k)));
    node_new_output(n, NULL, &error);
    node_set_int(n, "axis", axis, &error);
    node_set_int(n, "largest", largest, &error);
    output(n->out[0]);
    output(n->out[1]);
    check();
}

static void test_topks(void)
{
    for (int axis = 0; axis < 3; axis++)
        for (int largest = 0; largest < 2; largest++) {
            test_topk(1, axis, largest, 100);
            test_topk(3, axis, largest, 2); /* many are equal */
        }
    test_topk(50, 1, 1, 2);
    test_topk(31, 1, 0, 1000);
}

static void test_cumsum(void)
{
    for (int axis = -3; axis < 3; axis++)
        for (int flags = 0; flags < 4; flags++) {
            begin();
            struct tensor *t = tensor_new(DTYPE_I32, 0, NULL, &error);
            tensor_set_i64(t, 0, axis);
            struct node *n = NODE("CumSum", input("x", DIMS(3, 5, 7)), graph_add_constant(graph, NULL, t, &error));
            node_set_int(n, "exclusive", flags & 1, &error);
            node_set_int(n, "reverse", flags >> 1, &error);
            output(n->out[0]);
            check();
        }
}

/* Of the image as it is given, and channels last as a convolution leaves it. */
static void test_pad(const char *mode, bool behind_conv, const int64_t *pads, size_t count)
{
    begin();
    struct value *x = input("x", DIMS(1, 6, 5, 4));
    if (behind_conv)
        x = NODE("Conv", x, weight(DIMS(6, 6, 1, 1)))->out[0];
    struct node *n = NODE("Pad", x, ints(pads, count));
    node_set_string(n, "mode", mode, strlen(mode), &error);
    output(behind_conv ? NODE("Conv", n->out[0], weight(DIMS(3, 6, 3, 3)))->out[0] : n->out[0]);
    check();
}

static void test_pads(void)
{
    static const char *const modes[] = {"reflect", "edge", "wrap"};
    for (int i = 0; i < 3; i++)
        for (int conv = 0; conv < 2; conv++) {
            test_pad(modes[i], conv, INTS(0, 0, 2, 3, 0, 0, 4, 1));
            test_pad(modes[i], conv, INTS(0, 0, 0, 3, 0, 0, 2, 0));
        }
    test_pad("reflect", false, INTS(0, 5, 4, 3, 0, 5, 4, 3));
    test_pad("edge", false, INTS(3, 9, 8, 7, 3, 9, 8, 7));
    test_pad("wrap", false, INTS(1, 6, 5, 4, 1, 6, 5, 4));
    reference_allowed = 1;
    test_pad("reflect", false, INTS(0, 0, 0, 4, 0, 0, 0, 9));
}

int main(void)
{
    RUN(test_elements);
    RUN(test_slices);
    RUN(test_scatter_slices);
    RUN(test_bad_index);
    RUN(test_outside);
    RUN(test_topks);
    RUN(test_cumsum);
    RUN(test_pads);
    return TEST_END();
}
