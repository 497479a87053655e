/* Filling a graph with the builder: names, types, outputs, failures that stick. */
#include "op/build.h"
#include "../../test.h"

static struct error err;

static struct build begin(void)
{
    return (struct build){.graph = graph_new(&err), .err = &err};
}

static void a_small_network(void)
{
    struct build b = begin();
    struct value *x = build_input(&b, "data", DTYPE_F32, 2, (int64_t[]){2, 3});
    build_layer(&b, "fc");
    struct value *w = build_constant(&b, "fc", tensor_new(DTYPE_F32, 2, (int64_t[]){3, 4}, &err));
    struct value *y = BUILD(&b, "MatMul", x, w);
    const struct type *type = build_type(&b, y);
    CHECK(type && type->rank == 2 && type->dims[0] == 2 && type->dims[1] == 4);
    y = BUILD(&b, "Relu", y);
    build_graph_output(&b, y, "prob");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    struct node *first = b.graph->first;
    CHECK_STR(first->name, "fc");
    CHECK_STR(first->next->name, "fc/Relu_2");
    CHECK_STR(b.graph->outputs[0]->name, "prob");
    CHECK(b.graph->outputs[0]->type.dims[1] == 4);
    graph_free(b.graph);
}

static void names_are_unique(void)
{
    struct build b = begin();
    struct value *x = build_input(&b, "x", DTYPE_F32, -1, NULL);
    struct value *y = build_name(&b, BUILD(&b, "Relu", x), "x");
    struct value *z = build_name(&b, BUILD(&b, "Relu", y), "x");
    CHECK(strncmp(y->name, "x_", 2) == 0 && strncmp(z->name, "x_", 2) == 0 && strcmp(y->name, z->name) != 0);
    struct value *w = build_name(&b, BUILD(&b, "Relu", z), "out");
    build_graph_output(&b, z, "out");
    CHECK_STR(z->name, "out");
    CHECK(strncmp(w->name, "out_", 4) == 0);
    build_graph_output(&b, z, "again");
    build_graph_output(&b, x, "unchanged");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    CHECK(b.graph->output_count == 3);
    CHECK_STR(b.graph->outputs[1]->name, "again");
    CHECK_STR(b.graph->outputs[2]->name, "unchanged");
    graph_free(b.graph);
}

static void other_domains(void)
{
    struct build b = begin();
    struct value *x = build_input(&b, "x", DTYPE_F32, -1, NULL);
    struct value *y = build_int(&b, BUILD(&b, "caffe.Foreign", x), "size", 3);
    build_graph_output(&b, y, "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    CHECK_STR(b.graph->first->domain, "caffe");
    CHECK_STR(b.graph->first->op, "Foreign");
    CHECK(!b.graph->first->def);
    graph_free(b.graph);
}

/* What a file calls an operator may end in dots; none is called nothing. */
static void operators_are_named(void)
{
    static const struct {
        const char *given, *domain, *op;
    } cases[] = {{"own.Act.", "own", "Act."}, {"own.", "", "own."}, {"a.b.C", "a.b", "C"}, {"..", "", "."}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct build b = begin();
        struct value *x = build_input(&b, "x", DTYPE_F32, 1, (int64_t[]){2});
        struct value *y = build_node(&b, cases[i].given, 1, &x);
        CHECK_MSG(y && strcmp(y->producer->domain, cases[i].domain) == 0 && strcmp(y->producer->op, cases[i].op) == 0,
                  "%s", cases[i].given);
        graph_free(b.graph);
    }
    struct build b = begin();
    CHECK(!build_node(&b, "", 0, NULL) && b.failed);
    graph_free(b.graph);
}

/* The message is that of the first failure, whatever follows. */
static void failures_stick(void)
{
    struct build b = begin();
    struct value *x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){2, 3});
    struct value *w = build_constant(&b, NULL, tensor_new(DTYPE_F32, 2, (int64_t[]){5, 4}, &err));
    build_layer(&b, "fc");
    struct value *y = BUILD(&b, "MatMul", x, w);
    y = BUILD(&b, "Relu", y);
    y = build_int(&b, BUILD(&b, "Softmax", y), "axis", 1);
    CHECK(!y && b.failed);
    build_fail(&b, "another");
    build_graph_output(&b, y, "y");
    CHECK(build_graph_end(&b) == -1 && strstr(err.text, "fc"));
    graph_free(b.graph);
}

static void more_outputs(void)
{
    struct build b = begin();
    struct value *x = build_input(&b, "x", DTYPE_F32, 1, (int64_t[]){4});
    struct value *y = build_int(&b, BUILD(&b, "Split", x), "num_outputs", 2), *second = build_output(&b, y, 1);
    CHECK(second && second != y && build_output(&b, y, 0) == y && !build_output(&b, y, -1));
    build_graph_output(&b, second, "second");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    graph_free(b.graph);
}

/* Operands of a type that the operator does not take. */
static void unsound_operands(void)
{
    struct build b = begin();
    struct value *x = build_input(&b, "x", DTYPE_I64, 1, (int64_t[]){4});
    build_graph_output(&b, BUILD(&b, "QuantizeLinear", x, build_number(&b, DTYPE_F32, 0.5)), "y");
    CHECK(build_graph_end(&b) == -1 && strstr(err.text, "QuantizeLinear"));
    graph_free(b.graph);
}

static void an_input_twice(void)
{
    struct build b = begin();
    build_input(&b, "x", DTYPE_F32, -1, NULL);
    CHECK(!build_input(&b, "x", DTYPE_F32, -1, NULL) && build_end(&b) == -1);
    graph_free(b.graph);
}

/* Names of fused layers are those of all of them, and begin alike. */
static void long_layers_have_names_of_their_own(void)
{
    struct graph *g = graph_new(&err);
    const struct node *made[2] = {NULL};
    char layer[400];
    memset(layer, 'a', sizeof(layer));
    layer[sizeof(layer) - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        struct build b = {.graph = g, .err = &err};
        layer[sizeof(layer) - 2] = (char)('b' + i);
        build_layer(&b, layer);
        struct value *v =
            BUILD(&b, "Neg", BUILD(&b, "Neg", build_input(&b, i ? "x" : "y", DTYPE_F32, 1, (int64_t[]){2})));
        made[i] = v ? v->producer : NULL;
        CHECK_MSG(!b.failed && made[i], "%s", err.text);
    }
    CHECK(made[0] && made[1] && strcmp(made[0]->name, made[1]->name) != 0);
    CHECK(made[0] && strstr(made[0]->name, "/Neg_2") && strlen(made[0]->name) < 300);
    graph_free(g);
}

/* Parameters of the formulas below: axis 1, twice (2, 3), many, which are more than are stored. */
static int numbers_of(void *op, const char *name, double *numbers, int max)
{
    (void)op;
    if (strcmp(name, "axis") == 0 && max > 0)
        return numbers[0] = 1, 1;
    if (strcmp(name, "twice") == 0 && max > 1)
        return numbers[0] = 2, numbers[1] = 3, 2;
    return strcmp(name, "many") == 0 ? 1 << 22 : -1;
}

static struct value *operand(void *op, const char *name, bool want)
{
    (void)want;
    return strcmp(name, "x") == 0 ? op : NULL;
}

/* The value that a formula of x [2, 3] leaves first; the number of values in *count. */
static struct value *formula(struct build *b, const char *text, int *count)
{
    struct value *out[4] = {NULL};
    *b = begin();
    struct value *x = build_input(b, "x", DTYPE_F16, 2, (int64_t[]){2, 3});
    const struct build_terms t = {.op = x, .in = operand, .numbers = numbers_of};
    *count = build_formulas(b, text, &t, out, 4);
    build_infer(b);
    return out[0];
}

static void formulas(void)
{
    struct build b;
    int count;
    struct value *v = formula(&b, "$x =0.5 Mul:2 Softmax/axis@axis", &count);
    CHECK_MSG(v && count == 1 && node_is(v->producer, "Softmax"), "%s", err.text);
    const struct node *mul = v ? v->producer->in[0]->producer : NULL;
    CHECK(mul && mul->in[1]->constant->dtype == DTYPE_F16 && node_attr(v->producer, "axis")->i == 1);
    graph_free(b.graph);
    v = formula(&b, "$x >a a a $y? Clip:3 a Cast/to=6 ~", &count);
    CHECK_MSG(count == 2 && node_is(v->producer, "Clip") && v->producer->in_count == 2, "%s", err.text);
    graph_free(b.graph);
    v = formula(&b, "$x @axis @twice Slice:3", &count);
    CHECK_MSG(v && tensor_get_i64(v->producer->in[2]->constant, 1) == 3, "%s", err.text);
    graph_free(b.graph);
    v = formula(&b, "$x %other=2,4 Mul:2", &count);
    CHECK_MSG(v && v->producer->in[1]->constant->count == 2, "%s", err.text);
    graph_free(b.graph);
    v = formula(&b, "!axis=1 !twice=2,3 !absent !absent=1 $x Neg", &count);
    CHECK_MSG(v && count == 1 && node_is(v->producer, "Neg"), "%s", err.text);
    graph_free(b.graph);
}

static void broken_formulas_fail(void)
{
    static const char *const texts[] = {"$x Add:2",
                                        "~",
                                        "$x Relu/none=1",
                                        ">a",
                                        "Relu",
                                        "$x @many Slice:2",
                                        "$x %many Mul:2",
                                        "$x Softmax/axis@many",
                                        "!axis=2 $x Neg",
                                        "!axis $x Neg",
                                        "!twice=2,4 $x Neg",
                                        "!twice=2 $x Neg",
                                        "!many=1 $x Neg"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct build b;
        int count;
        err.text[0] = '\0';
        formula(&b, texts[i], &count);
        CHECK_MSG(b.failed && count == 0 && err.text[0], "%s", texts[i]);
        graph_free(b.graph);
    }
}

int main(void)
{
    RUN(a_small_network);
    RUN(names_are_unique);
    RUN(other_domains);
    RUN(operators_are_named);
    RUN(failures_stick);
    RUN(more_outputs);
    RUN(unsound_operands);
    RUN(an_input_twice);
    RUN(long_layers_have_names_of_their_own);
    RUN(formulas);
    RUN(broken_formulas_fail);
    return TEST_END();
}
