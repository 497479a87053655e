/* What an exec keeps between runs. */
#include "exec/exec_private.h"
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

/* Once there is a plan of the only shape that is possible, the exec's graph holds no weights; another shape is refused
 * as before, and the plan goes on. */
static void test_lets_go(void)
{
    enum { N = 24 };
    begin();
    struct value *w = weight(DIMS(N, N));
    struct tensor *t = tensor_ref(w->constant);
    output(NODE("MatMul", input("x", DIMS(3, N)), w)->out[0]);
    struct exec_options options = {0};
    struct exec *e = exec_new(graph, &options, &error);
    graph_free(graph);
    struct item *first = run_rows(e, 3, N);
    CHECK_MSG(t->refs == 1, "%d references", t->refs); /* ours */
    struct item *out = NULL, *in = item_of_tensor(random_tensor(DTYPE_F32, DIMS(4, N), 1), &error);
    CHECK(exec_run(e, &in, &out, &error) < 0 && strstr(error.text, "input 'x'"));
    item_unref(in);
    item_unref(first);
    item_unref(run_rows(e, 3, N));
    exec_free(e);
    tensor_unref(t);
}

/* Rows that are alike, normalised and summed up: the rows take memory, what goes in and comes out hardly any. */
static struct value *rows_of(struct value *x, int64_t rows, int64_t columns)
{
    struct node *many = NODE("Softmax", NODE("Expand", x, ints(INTS(rows, columns)))->out[0]);
    return NODE("ReduceSum", many->out[0], ints(INTS(0)))->out[0];
}

/* What is behind a node whose result's shape only the data tell is a plan of its own, and runs when the one before it
 * has run: that one lets go of its memory where both do not fit the limit. */
static void test_parts(void)
{
    enum { N = 256, ROWS = 256 };
    begin();
    struct value *first = rows_of(input("x", DIMS(1, N)), ROWS, N);
    struct value *line = NODE("Reshape", first, ints(INTS(N)))->out[0];
    struct node *some = NODE("Compress", first, NODE("Greater", line, weight(DIMS(1)))->out[0]);
    node_set_int(some, "axis", 1, &error);
    output(rows_of(NODE("Pad", some->out[0], ints(INTS(0, 0, 0, 0)))->out[0], ROWS, N));
    struct exec_options options = {.memory = ROWS * N * sizeof(float) * 5 / 2};
    struct exec *e = exec_new(graph, &options, &error);
    struct item *out[2] = {NULL}, *in = item_of_tensor(random_tensor(DTYPE_F32, DIMS(1, N), 1), &error);
    for (int i = 0; i < 2; i++) {
        CHECK_MSG(exec_run(e, &in, &out[i], &error) == 0, "%s", error.text);
        CHECK(e->held <= options.memory && e->plans && !e->plans->memory);
    }
    CHECK(out[0] && out[1] && memcmp(out[0]->tensor->data, out[1]->tensor->data, out[0]->tensor->size) == 0);
    item_unref(in);
    item_unref(out[0]);
    item_unref(out[1]);
    exec_free(e);
    graph_free(graph);
}

/* Results count, though their memory is not the plan's. */
static void test_results(void)
{
    enum { N = 64, ROWS = 512 };
    begin();
    output(NODE("Expand", input("x", DIMS(1, N)), ints(INTS(ROWS, N)))->out[0]);
    for (int enough = 0; enough < 2; enough++) {
        struct exec_options options = {.memory = ROWS * N * sizeof(float) * (1 + 2 * (size_t)enough) / 2};
        struct exec *e = exec_new(graph, &options, &error);
        struct item *out = NULL, *in = item_of_tensor(random_tensor(DTYPE_F32, DIMS(1, N), 1), &error);
        CHECK((exec_run(e, &in, &out, &error) == 0) == enough && (enough || strstr(error.text, "NN_MEMORY")));
        item_unref(in);
        item_unref(out);
        exec_free(e);
    }
    graph_free(graph);
}

enum { COLUMNS = 64, MOST = 512 };

/* An exec of a network that takes any number of rows of COLUMNS. */
static struct exec *open_rows(const struct exec_options *options)
{
    begin();
    struct value *x = input("x", DIMS(1, COLUMNS));
    x->type.dims[0] = graph_symbol(graph, "rows", &error);
    output(NODE("Softmax", NODE("MatMul", x, weight(DIMS(COLUMNS, COLUMNS)))->out[0])->out[0]);
    return exec_new(graph, options, &error);
}

/* Plans for many shapes do not pile up their activations: together they stay within the limit of one. */
static void test_many_plans(void)
{
    struct exec_options options = {.memory = 3 * MOST * COLUMNS * sizeof(float)};
    struct exec *e = open_rows(&options);
    for (int64_t rows = MOST; rows < MOST + 20; rows++)
        item_unref(run_rows(e, rows, COLUMNS));
    size_t bytes = 0, plans = 0;
    for (const struct plan *p = e->plans; p; p = p->next, plans++)
        bytes += p->memory ? p->memory_size : 0;
    CHECK_MSG(plans >= 1 && bytes <= options.memory, "%zu plans of %zu bytes, %zu allowed", plans, bytes,
              options.memory);
    exec_free(e);
    graph_free(graph);
}

/* A frugal exec keeps the plans, and the memory of the one that ran last. */
static void test_frugal(void)
{
    struct exec *e = open_rows(&(struct exec_options){.frugal = true});
    for (int64_t i = 0; i < 6; i++) {
        item_unref(run_rows(e, MOST + i % 3, COLUMNS));
        size_t plans = 0, with_memory = 0;
        for (const struct plan *p = e->plans; p; p = p->next, plans++)
            with_memory += p->memory != NULL;
        CHECK(plans == (i < 3 ? (size_t)i + 1 : 3) && with_memory == 1 && e->plans->memory);
    }
    exec_free(e);
    graph_free(graph);
}

/* A weight that a step reads as it is stays, though another node has packed it. */
static void test_keeps(void)
{
    enum { N = 24 };
    begin();
    struct value *w = weight(DIMS(N, N)), *x = input("x", DIMS(N, N));
    output(NODE("Add", NODE("MatMul", x, w)->out[0], w)->out[0]);
    check();
}

/* Nodes that pack one weight in ever other ways take no more memory than allowed. */
static void test_packed_limit(void)
{
    enum { N = 1 << 12, WAYS = 11 };
    begin();
    struct value *x = input("x", DIMS(1, N)), *w = weight(DIMS(N));
    for (int64_t i = 1, k = 2; i < WAYS; i++, k *= 2) { /* each [k, N / k]: its panels are filled up */
        struct value *rows = NODE("Reshape", x, ints(INTS(N / k, k)))->out[0];
        struct tensor *t = tensor_reshaped(w->constant, 2, (const int64_t[]){k, N / k}, &error);
        output(NODE("MatMul", rows, graph_add_constant(graph, NULL, t, &error))->out[0]);
    }
    op_resolve(graph);
    struct exec_options options = {.memory = 1 << 10};
    struct exec *e = exec_new(graph, &options, &error);
    e->weight_bytes = N * sizeof(float);
    struct item *out[WAYS] = {NULL}, *in = item_of_tensor(random_tensor(DTYPE_F32, DIMS(1, N), 1), &error);
    size_t held;
    CHECK(exec_run(e, &in, out, &error) < 0 && strstr(error.text, "packed weights"));
    CHECK(exec_run(e, &in, out, &error) < 0 && strstr(error.text, "before"));
    exec_free(e);
    for (int enough = 1; enough >= 0; enough--) { /* at last what activations take, and less than the packed weights */
        options.memory = enough ? 0 : held + 1000;
        e = exec_new(graph, &options, &error);
        e->weight_bytes = N;
        CHECK((exec_run(e, &in, out, &error) == 0) == enough);
        held = e->held;
        exec_free(e);
    }
    CHECK(strstr(error.text, "activations"));
    for (size_t i = 0; i < graph->output_count; i++)
        item_unref(out[i]);
    item_unref(in);
    graph_free(graph);
}

int main(void)
{
    RUN(test_parts);
    RUN(test_results);
    RUN(test_keeps);
    RUN(test_packed_limit);
    RUN(test_many_plans);
    RUN(test_frugal);
    RUN(test_lets_go);
    RUN(test_many_lengths);
    RUN(test_equal_weights);
    return TEST_END();
}
