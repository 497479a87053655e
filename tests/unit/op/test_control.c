/* If, Loop, Scan, SequenceMap, and the interpreter that runs their subgraphs. */
#include "one.h"

static struct error err;

static struct value *input(struct graph *g, enum dtype dtype, int rank)
{
    struct value *v = graph_add_value(g, NULL, &err);
    graph_add_input(g, v, &err);
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        v->type.dims[i] = DIM_UNKNOWN;
    return v;
}

static struct value *apply(struct graph *g, const char *op, struct value *a, struct value *b)
{
    struct node *n = graph_add_node(g, "", op, NULL, &err);
    if (a)
        node_add_input(n, a, &err);
    if (b)
        node_add_input(n, b, &err);
    return node_new_output(n, NULL, &err);
}

static struct value *constant(struct graph *g, enum dtype dtype, double value)
{
    return graph_add_constant(g, NULL, one_tensor(dtype, SCALAR, VALUES(value)), &err);
}

/* A node that uses o's graph, before its node: o's node is the last one there. */
static void move_last(struct one *o)
{
    for (struct node *n = o->n->next; n; n = o->n->next)
        graph_move_node(n, o->n);
}

static void test_if(void)
{
    for (int which = 0; which < 2; which++) {
        struct one o;
        one_start(&o, "", "If", 1);
        one_in(&o, one_tensor(DTYPE_BOOL, DIMS(1), VALUES(which)));
        struct value *outer = input(o.g, DTYPE_F32, 1);
        o.in[o.in_count++] = item_of_tensor(one_tensor(DTYPE_F32, DIMS(2), VALUES(3, -4)), &err);
        struct value *twice = apply(o.g, "Add", outer, outer);
        move_last(&o);
        const char *const names[] = {"then_branch", "else_branch"}, *const ops[] = {"Neg", "Abs"};
        for (int i = 0; i < 2; i++) {
            struct graph *g = graph_new_subgraph(o.g, &err);
            graph_add_output(g, apply(g, ops[i], twice, NULL), &err);
            node_set_graph(o.n, names[i], g, &err);
        }
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), which ? VALUES(-6, 8) : VALUES(6, 8)));
        one_end(&o);
    }
}

/* The branch that a known condition leaves out may not fit: only the other one is inferred. */
static void test_if_dead_branch(void)
{
    struct one o;
    one_start(&o, "", "If", 1);
    struct value *x = input(o.g, DTYPE_F32, 2);
    x->type.dims[0] = 2;
    x->type.dims[1] = 3;
    node_add_input(o.n, graph_add_constant(o.g, NULL, one_tensor(DTYPE_BOOL, SCALAR, VALUES(0)), &err), &err);
    struct graph *yes = graph_new_subgraph(o.g, &err), *no = graph_new_subgraph(o.g, &err);
    graph_add_output(
        yes, apply(yes, "Squeeze", x, graph_add_constant(yes, NULL, one_tensor(DTYPE_I64, DIMS(1), VALUES(0)), &err)),
        &err);
    graph_add_output(no, apply(no, "Identity", x, NULL), &err);
    node_set_graph(o.n, "then_branch", yes, &err);
    node_set_graph(o.n, "else_branch", no, &err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 2x3");
    one_end(&o);
}

static void test_if_types(void)
{
    struct one o;
    one_start(&o, "", "If", 1);
    one_typed(&o, DTYPE_BOOL, SCALAR);
    const char *const names[] = {"then_branch", "else_branch"};
    for (int i = 0; i < 2; i++) {
        struct graph *g = graph_new_subgraph(o.g, &err);
        struct value *v = apply(g, "Constant", NULL, NULL);
        node_set_tensor(v->producer, "value",
                        i ? one_tensor(DTYPE_F32, DIMS(2, 3), NULL) : one_tensor(DTYPE_F32, DIMS(2, 4), NULL), &err);
        graph_add_output(g, v, &err);
        node_set_graph(o.n, names[i], g, &err);
    }
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 2x?");
    node_set_tensor(op_graph(o.n, "else_branch")->first, "value", one_tensor(DTYPE_I64, DIMS(2), NULL), &err);
    CHECK(one_infer(&o) != 0 && strstr(o.err.text, "different types"));
    one_end(&o);
}

/* Sums 0..: carried a += i, stacked a; stops when a >= stop. */
static void loop(struct one *o, double trips, int cond, double stop)
{
    one_start(o, "", "Loop", 2);
    one_in(o, trips < 0 ? NULL : one_tensor(DTYPE_I64, SCALAR, VALUES(trips)));
    one_in(o, cond < 0 ? NULL : one_tensor(DTYPE_BOOL, SCALAR, VALUES(cond)));
    one_in(o, one_tensor(DTYPE_I64, SCALAR, VALUES(1)));
    struct value *limit = constant(o->g, DTYPE_I64, stop);
    struct graph *g = graph_new_subgraph(o->g, &err);
    struct value *i = input(g, DTYPE_I64, 0);
    input(g, DTYPE_BOOL, 0);
    struct value *a = apply(g, "Add", input(g, DTYPE_I64, 0), i);
    graph_add_output(g, apply(g, "Less", a, limit), &err);
    graph_add_output(g, a, &err);
    graph_add_output(g, apply(g, "Identity", a, NULL), &err);
    node_set_graph(o->n, "body", g, &err);
}

static void test_loop(void)
{
    struct one o;
    loop(&o, 4, -1, 2); /* the body's condition does not count */
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(7)) && one_gives(&o, 1, DTYPE_I64, DIMS(4), VALUES(1, 2, 4, 7)));
    one_end(&o);
    loop(&o, 100, 1, 5);
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(7)) && one_gives(&o, 1, DTYPE_I64, DIMS(4), VALUES(1, 2, 4, 7)));
    one_end(&o);
    loop(&o, -1, 1, 3);
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(3), VALUES(1, 2, 4)));
    one_end(&o);
    loop(&o, 100, 0, 5);
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(1)) && one_gives(&o, 1, DTYPE_I64, DIMS(0), VALUES(0)));
    one_end(&o);
    loop(&o, 0, -1, 5);
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(1)) && one_gives(&o, 1, DTYPE_I64, DIMS(0), VALUES(0)));
    one_end(&o);
}

/* A loop that would never end runs into the limit of what it stacks. */
static void test_loop_limit(void)
{
    struct one o;
    loop(&o, -1, -1, 5);
    o.memory = 10000;
    CHECK(one_fails(&o, "a scan output takes more than 10000 bytes"));
    one_end(&o);
}

/* A body that says "go on" for ever. */
static int go_on(struct op_eval *c, const struct graph *g, struct item *const *in, struct item **out, struct error *e)
{
    (void)c, (void)in;
    for (size_t i = 0; i < g->output_count; i++)
        out[i] = item_of_tensor(one_tensor(i == 0 ? DTYPE_BOOL : DTYPE_I64, SCALAR, VALUES(1)), e);
    return 0;
}

/* A loop that never ends, and stacks nothing, ends when the whole run has had its number of nodes. */
static void endless(int nodes, int64_t cost)
{
    struct one o;
    int64_t left = 1000 * cost;
    one_start(&o, "", "Loop", 1);
    one_in(&o, NULL);
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(1)));
    struct graph *g = graph_new_subgraph(o.g, &err);
    input(g, DTYPE_I64, 0);
    graph_add_output(g, input(g, DTYPE_BOOL, 0), &err);
    graph_add_output(g, input(g, DTYPE_I64, 0), &err);
    for (int i = 0; i < nodes; i++)
        apply(g, "Identity", g->inputs[0], NULL);
    node_set_graph(o.n, "body", g, &err);
    op_resolve(o.g);
    struct item *in[] = {NULL, NULL, o.in[0]};
    struct op_eval c = {.node = o.n,
                        .in = in,
                        .in_count = 3,
                        .out = o.out,
                        .out_count = 1,
                        .memory = o.memory,
                        .body_nodes = &left,
                        .run_graph = go_on};
    CHECK(op_eval_node(&c, &o.err) != 0 && strstr(o.err.text, "node 'it' (Loop): more than"));
    CHECK(left == -cost && !o.out[0]);
    one_end(&o);
}

static void test_loop_endless(void)
{
    endless(0, OP_BODY_NODES);
    endless(1000, 1000);
}

/* A carried value that grows: its type must not stay that of the first iteration. */
static void test_loop_growing(void)
{
    struct one o;
    one_start(&o, "", "Loop", 1);
    one_constant(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(3)));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(1, 2)));
    struct graph *g = graph_new_subgraph(o.g, &err);
    input(g, DTYPE_I64, 0);
    struct value *cond = input(g, DTYPE_BOOL, 0), *x = input(g, DTYPE_F32, 2);
    graph_add_output(g, apply(g, "Identity", cond, NULL), &err);
    struct value *twice = apply(g, "Concat", x, x);
    node_set_int(twice->producer, "axis", 0, &err);
    graph_add_output(g, twice, &err);
    node_set_graph(o.n, "body", g, &err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 ?x2");
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(8, 2), VALUES(1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2)));
    one_end(&o);
}

static void test_loop_malformed(void)
{
    struct one o;
    loop(&o, 3, 1, 5);
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(1)));
    CHECK(one_fails(&o, "another number of inputs"));
    one_end(&o);
    loop(&o, 3, 1, 5);
    graph_add_output(o.g, node_new_output(o.n, NULL, &err), &err);
    CHECK(one_fails(&o, "fewer outputs"));
    one_end(&o);
}

/* Two states of which one is scanned backwards along axis 1, results stacked both ways. */
static void scan(struct one *o)
{
    one_start(o, "", "Scan", 3);
    one_in(o, one_tensor(DTYPE_F32, DIMS(2), VALUES(0, 0)));
    one_in(o, one_tensor(DTYPE_F32, DIMS(2, 3), VALUES(1, 2, 3, 4, 5, 6)));
    struct graph *g = graph_new_subgraph(o->g, &err);
    struct value *s = input(g, DTYPE_F32, 1), *x = input(g, DTYPE_F32, 1), *sum = apply(g, "Add", s, x);
    graph_add_output(g, sum, &err);
    graph_add_output(g, apply(g, "Identity", sum, NULL), &err);
    graph_add_output(g, apply(g, "Neg", x, NULL), &err);
    node_set_graph(o->n, "body", g, &err);
    node_set_int(o->n, "num_scan_inputs", 1, &err);
    node_set_ints(o->n, "scan_input_axes", (int64_t[]){-1}, 1, &err);
}

static void test_scan(void)
{
    struct one o;
    scan(&o);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(6, 15)));
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(3, 2), VALUES(1, 4, 3, 9, 6, 15)));
    CHECK(one_gives(&o, 2, DTYPE_F32, DIMS(3, 2), VALUES(-1, -4, -2, -5, -3, -6)));
    CHECK_STR(one_type(&o, 1), "f32 3x2");
    one_end(&o);
    scan(&o);
    node_set_ints(o.n, "scan_input_directions", (int64_t[]){1}, 1, &err);
    node_set_ints(o.n, "scan_output_axes", (int64_t[]){1, -2}, 2, &err);
    node_set_ints(o.n, "scan_output_directions", (int64_t[]){0, 1}, 2, &err);
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(2, 3), VALUES(3, 5, 6, 6, 11, 15)));
    CHECK(one_gives(&o, 2, DTYPE_F32, DIMS(3, 2), VALUES(-1, -4, -2, -5, -3, -6)));
    one_end(&o);
}

static void test_scan_malformed(void)
{
    struct one o;
    scan(&o);
    node_set_ints(o.n, "scan_input_axes", (int64_t[]){2}, 1, &err);
    CHECK(one_fails(&o, "scan_input_axes: 2 is not in [-2, 2)"));
    one_end(&o);
    scan(&o);
    node_set_ints(o.n, "scan_output_axes", (int64_t[]){0}, 1, &err);
    CHECK(one_fails(&o, "attribute scan_output_axes"));
    one_end(&o);
    scan(&o);
    node_set_int(o.n, "num_scan_inputs", INT64_MIN, &err);
    CHECK(one_fails(&o, "num_scan_inputs"));
    one_end(&o);
    scan(&o);
    node_set_ints(o.n, "scan_output_directions", (int64_t[]){0, 7}, 2, &err);
    CHECK(one_infer(&o) == 0 && one_eval(&o) != 0 && strstr(o.err.text, "scan_output_directions: 7"));
    one_end(&o);
}

/* A state may not change its shape: here [1] + [2]. */
static void test_scan_growing(void)
{
    struct one o;
    scan(&o);
    item_unref(o.in[0]);
    o.in[0] = item_of_tensor(one_tensor(DTYPE_F32, DIMS(1), VALUES(0)), &err);
    CHECK(one_eval(&o) != 0 && strstr(o.err.text, "state 0 goes into body as 1 and comes out as 2"));
    o.g->inputs[0]->type.dims[0] = 1;
    CHECK(one_infer(&o) != 0 && strstr(o.err.text, "state 0 goes into body as f32 1 and comes out as f32 2"));
    one_end(&o);
}

static void sequence_map(struct one *o)
{
    one_start(o, "", "SequenceMap", 1);
    struct item *at[2] = {item_of_tensor(one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)), &err),
                          item_of_tensor(one_tensor(DTYPE_F32, DIMS(1), VALUES(3)), &err)};
    one_item(o, item_sequence(DTYPE_F32, at, 2, &err));
    item_unref(at[0]);
    item_unref(at[1]);
    one_in(o, one_tensor(DTYPE_F32, SCALAR, VALUES(10)));
    struct graph *g = graph_new_subgraph(o->g, &err);
    struct value *a = input(g, DTYPE_F32, 1), *b = input(g, DTYPE_F32, 0);
    graph_add_output(g, apply(g, "Add", a, b), &err);
    node_set_graph(o->n, "body", g, &err);
}

static void test_sequence_map(void)
{
    struct one o;
    sequence_map(&o);
    CHECK(one_run(&o) == 0 && o.out[0]->kind == ITEM_SEQUENCE && o.out[0]->n == 2);
    CHECK(o.result == 0 && tensor_get_f64(o.out[0]->at[0]->tensor, 1) == 12 &&
          tensor_get_f64(o.out[0]->at[1]->tensor, 0) == 13);
    CHECK(o.g->outputs[0]->type.kind == TYPE_SEQUENCE);
    one_end(&o);
}

/* ---- the interpreter ---- */

static int run(const struct graph *g, struct tensor *x, struct item **y, size_t memory)
{
    struct item *in = item_of_tensor(x, &err);
    int result = op_run(g, &in, y, memory, 0, &err);
    item_unref(in);
    return result;
}

/* A long chain whose values do not fit together, but do one after the other. */
static void test_run_frees(void)
{
    struct graph *g = graph_new(&err);
    struct value *v = input(g, DTYPE_F32, 1);
    struct item *y = NULL;
    for (int i = 0; i < 100; i++)
        v = apply(g, "Neg", v, NULL);
    graph_add_output(g, v, &err);
    op_resolve(g);
    CHECK(run(g, one_tensor(DTYPE_F32, DIMS(1000), NULL), &y, 4000) == 0);
    item_unref(y);
    y = NULL;
    CHECK(run(g, one_tensor(DTYPE_F32, DIMS(1001), NULL), &y, 4000) != 0 &&
          strstr(err.text, "beyond the limit of 4000") && !y);
    graph_free(g);
}

static void test_run_sum(void)
{
    struct graph *g = graph_new(&err);
    struct value *x = input(g, DTYPE_F32, 1), *v[8];
    struct item *y[8] = {NULL};
    for (int i = 0; i < 8; i++)
        graph_add_output(g, v[i] = apply(g, "Neg", x, NULL), &err);
    op_resolve(g);
    CHECK(run(g, one_tensor(DTYPE_F32, DIMS(1000), NULL), y, 4000) != 0 && strstr(err.text, "together") && !y[0]);
    graph_free(g);
}

/* A missing input takes its default; one without is named. */
static void test_run_defaults(void)
{
    struct graph *g = graph_new(&err);
    struct value *x = graph_add_constant(g, "x", one_tensor(DTYPE_F32, DIMS(1), VALUES(5)), &err);
    struct item *y = NULL, *in[2] = {NULL};
    graph_add_input(g, x, &err);
    graph_add_output(g, apply(g, "Neg", x, NULL), &err);
    graph_add_output(g, x, &err);
    op_resolve(g);
    struct item *out[2] = {NULL};
    CHECK(op_run(g, in, out, 1000, 0, &err) == 0 && tensor_get_f64(out[0]->tensor, 0) == -5 &&
          tensor_get_f64(out[1]->tensor, 0) == 5);
    item_unref(out[0]);
    item_unref(out[1]);
    graph_free(g);
    g = graph_new(&err);
    graph_add_output(g, input(g, DTYPE_F32, 1), &err);
    CHECK(op_run(g, in, &y, 1000, 0, &err) != 0 && strstr(err.text, "is missing"));
    graph_free(g);
}

/* The same run gives the same random numbers; another seed does not. */
static void test_run_seed(void)
{
    double got[3];
    for (int i = 0; i < 3; i++) {
        struct graph *g = graph_new(&err);
        struct item *y = NULL;
        struct value *v = apply(g, "RandomUniform", NULL, NULL);
        node_set_ints(v->producer, "shape", (int64_t[]){1}, 1, &err);
        graph_add_output(g, v, &err);
        op_resolve(g);
        CHECK(op_run(g, NULL, &y, 1000, i == 2 ? 8 : 7, &err) == 0);
        got[i] = y ? tensor_get_f64(y->tensor, 0) : 0;
        item_unref(y);
        graph_free(g);
    }
    CHECK(got[0] == got[1] && got[0] != got[2] && got[0] >= 0 && got[0] < 1);
}

int main(void)
{
    RUN(test_if);
    RUN(test_if_dead_branch);
    RUN(test_if_types);
    RUN(test_loop);
    RUN(test_loop_limit);
    RUN(test_loop_endless);
    RUN(test_loop_growing);
    RUN(test_loop_malformed);
    RUN(test_scan);
    RUN(test_scan_malformed);
    RUN(test_scan_growing);
    RUN(test_sequence_map);
    RUN(test_run_frees);
    RUN(test_run_sum);
    RUN(test_run_defaults);
    RUN(test_run_seed);
    return TEST_END();
}
