/* What an exec keeps between runs. */
#include "exec_test.h"

static struct item *run_rows(struct exec *e, int64_t rows, int64_t columns)
{
    struct item *out = NULL, *in = item_of_tensor(random_tensor(DTYPE_F32, DIMS(rows, columns), 1), &error);
    CHECK_MSG(exec_run(e, &in, &out, &error) == 0, "%s", error.text);
    item_unref(in);
    return out;
}

/* Products with one matrix, of as many lengths as inputs have: the packed matrix is there once, whatever the plans for
 * other lengths did with the constant. */
static void test_many_lengths(void)
{
    enum { K = 32, N = 48 };
    begin();
    struct value *x = input("x", DIMS(1, K));
    x->type.dims[0] = graph_symbol(graph, "rows", &error);
    struct node *n = NODE("Gemm", x, weight(DIMS(N, K)), weight(DIMS(N)));
    node_set_int(n, "transB", 1, &error);
    output(n->out[0]);
    struct exec_options options = {0};
    struct exec *e = exec_new(graph, &options, &error);
    item_unref(run_rows(e, 1, K));
    size_t packed = exec_packed_bytes(e);
    CHECK(packed >= K * N * sizeof(float));
    for (int64_t rows = 2; rows < 40; rows++)
        item_unref(run_rows(e, rows, K));
    CHECK_MSG(exec_packed_bytes(e) == packed, "%zu bytes, at first %zu", exec_packed_bytes(e), packed);
    exec_free(e);
    graph_free(graph);
}

/* Equal bytes are packed once, whether one constant or several hold them; what is packed differently is not mixed up.
 */
static void test_equal_weights(void)
{
    enum { N = 24 };
    begin();
    struct value *x = input("x", DIMS(3, N)), *w = weight(DIMS(N, N)), *y = x;
    for (int i = 0; i < 2; i++) {
        struct tensor *t = tensor_new(DTYPE_F32, DIMS(N, N), &error);
        memcpy(t->data, w->constant->data, t->size);
        y = NODE("MatMul", NODE("MatMul", y, w)->out[0], graph_add_constant(graph, NULL, t, &error))->out[0];
    }
    output(y);
    op_resolve(graph);
    CHECK(op_infer_graph(graph, &error) == 0);
    struct exec_options options = {0};
    struct exec *e = exec_new(graph, &options, &error);
    item_unref(run_rows(e, 3, N));
    CHECK_MSG(exec_packed_bytes(e) < 2 * N * N * sizeof(float), "%zu bytes", exec_packed_bytes(e));
    exec_free(e);
    struct node *n = NODE("Gemm", x, w);
    node_set_int(n, "transB", 1, &error);
    output(n->out[0]);
    check();
}

int main(void)
{
    RUN(test_many_lengths);
    RUN(test_equal_weights);
    return TEST_END();
}
