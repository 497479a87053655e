/* Shape arithmetic with symbols, as exporters write it. */
#include "one.h"

static struct error err;

static struct value *input(struct graph *g, enum dtype dtype, int rank, const int64_t *dims)
{
    struct value *v = graph_add_value(g, NULL, &err);
    graph_add_input(g, v, &err);
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        v->type.dims[i] = dims[i];
    return v;
}

static struct value *ints(struct graph *g, int rank, const int64_t *dims, const double *values)
{
    return graph_add_constant(g, NULL, one_tensor(DTYPE_I64, rank, dims, values), &err);
}

/* A node of up to three inputs; its output. */
static struct value *apply(struct graph *g, const char *op, struct value *a, struct value *b, struct value *c)
{
    struct node *n = graph_add_node(g, "", op, NULL, &err);
    struct value *in[] = {a, b, c};
    for (int i = 0; i < 3 && in[i]; i++)
        node_add_input(n, in[i], &err);
    return node_new_output(n, NULL, &err);
}

static struct node *made_by(struct value *v)
{
    return v->producer;
}

/* What is known of a value, "2 H ?". */
static const char *known_text(const struct graph *g, const struct value *v)
{
    static char text[500];
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < v->known_count && used < sizeof(text); i++) {
        const struct known *k = &v->known[i];
        used +=
            (size_t)(k->kind == KNOWN_NUMBER ? snprintf(text + used, sizeof(text) - used, " %lld", (long long)k->value)
                     : k->kind == KNOWN_DIM
                         ? snprintf(text + used, sizeof(text) - used, " %s", graph_symbol_name(g, k->value))
                         : snprintf(text + used, sizeof(text) - used, " ?"));
    }
    return text;
}

static const char *type_of(const struct graph *g, const struct value *v)
{
    static char text[300];
    return type_text(g, &v->type, text, sizeof(text));
}

static int infer(struct graph *g)
{
    op_resolve(g);
    int result = graph_check(g, &err) || op_infer_graph(g, &err);
    if (result)
        printf("  %s\n", err.text);
    return result;
}

static void test_view(void)
{
    struct graph *g = graph_new(&err);
    int64_t n = graph_symbol(g, "N", &err);
    struct value *x = input(g, DTYPE_F32, DIMS(n, 3, 4, 5));
    struct value *shape = apply(g, "Shape", x, NULL, NULL);
    struct value *batch = apply(g, "Gather", shape, ints(g, SCALAR, VALUES(0)), NULL);
    struct value *batch1 = apply(g, "Unsqueeze", batch, ints(g, DIMS(1), VALUES(0)), NULL);
    struct value *target = apply(g, "Concat", batch1, ints(g, DIMS(1), VALUES(-1)), NULL);
    node_set_int(made_by(target), "axis", 0, &err);
    struct value *y = apply(g, "Reshape", x, target, NULL);
    CHECK(infer(g) == 0);
    CHECK_STR(known_text(g, shape), " N 3 4 5");
    CHECK_STR(known_text(g, batch), " N");
    CHECK_STR(known_text(g, target), " N -1");
    CHECK_STR(type_of(g, y), "f32 Nx60");
    CHECK(graph_bind_symbol(g, n, 2, &err) == 0 && infer(g) == 0);
    CHECK_STR(type_of(g, y), "f32 2x60");
    graph_free(g);
}

static void test_arithmetic(void)
{
    struct graph *g = graph_new(&err);
    int64_t h = graph_symbol(g, "H", &err);
    struct value *x = input(g, DTYPE_F32, DIMS(1, h));
    struct value *shape = apply(g, "Shape", x, NULL, NULL);
    struct value *two = ints(g, DIMS(1), VALUES(2));
    struct value *twice = apply(g, "Mul", shape, two, NULL);
    struct value *half = apply(g, "Div", twice, two, NULL);
    struct value *less = apply(g, "Sub", half, ints(g, DIMS(2), VALUES(3, -1)), NULL);
    struct value *back = apply(g, "Add", less, ints(g, DIMS(1), VALUES(-1)), NULL);
    struct value *max = apply(g, "Max", shape, ints(g, DIMS(1), VALUES(0)), NULL);
    struct value *min = apply(g, "Min", shape, ints(g, DIMS(2), VALUES(5, 7)), NULL);
    struct value *size = apply(g, "Size", x, NULL, NULL);
    struct value *neg = apply(g, "Neg", ints(g, DIMS(2), VALUES(5, 7)), NULL, NULL);
    CHECK(infer(g) == 0);
    CHECK_STR(known_text(g, half), " 1 H");
    CHECK_STR(known_text(g, less), " -2 H+1");
    CHECK_STR(known_text(g, back), " -3 H");
    CHECK_STR(known_text(g, max), " 1 H");
    CHECK_STR(known_text(g, min), " 1 ?");
    CHECK_STR(known_text(g, size), " H");
    CHECK_STR(known_text(g, neg), " -5 -7");
    graph_free(g);
}

/* torch's expand(): Where(Equal(shape, -1), ones, shape). */
static void test_expand(void)
{
    struct graph *g = graph_new(&err);
    int64_t n = graph_symbol(g, "N", &err);
    struct value *x = input(g, DTYPE_F32, DIMS(n, 8));
    struct value *shape = apply(g, "Shape", x, NULL, NULL);
    struct value *wanted = apply(g, "Concat", shape, ints(g, DIMS(1), VALUES(-1)), NULL);
    node_set_int(made_by(wanted), "axis", 0, &err);
    struct value *ones = apply(g, "ConstantOfShape", ints(g, DIMS(1), VALUES(3)), NULL, NULL);
    node_set_tensor(made_by(ones), "value", one_tensor(DTYPE_I64, DIMS(1), VALUES(1)), &err);
    struct value *minus = apply(g, "Mul", ones, ints(g, SCALAR, VALUES(-1)), NULL);
    struct value *equal = apply(g, "Equal", wanted, minus, NULL);
    struct value *where = apply(g, "Where", equal, ones, wanted);
    CHECK(infer(g) == 0);
    CHECK_STR(known_text(g, equal), " 0 0 1");
    CHECK_STR(known_text(g, where), " N 8 1");
    CHECK_STR(type_of(g, equal), "bool 3");
    graph_free(g);
}

static void test_slice(void)
{
    struct graph *g = graph_new(&err);
    int64_t h = graph_symbol(g, "H", &err), w = graph_symbol(g, "W", &err);
    struct value *x = input(g, DTYPE_F32, DIMS(1, 3, h, w));
    struct value *shape = apply(g, "Shape", x, NULL, NULL);
    struct value *tail =
        apply(g, "Slice", shape, ints(g, DIMS(1), VALUES(-2)), ints(g, DIMS(1), VALUES(9223372036854774784.0)));
    struct value *head = apply(g, "Slice", shape, ints(g, DIMS(1), VALUES(0)), ints(g, DIMS(1), VALUES(2)));
    struct value *reversed = apply(g, "Slice", shape, ints(g, DIMS(1), VALUES(3)), ints(g, DIMS(1), VALUES(-9)));
    node_add_input(made_by(reversed), ints(g, DIMS(1), VALUES(0)), &err);
    node_add_input(made_by(reversed), ints(g, DIMS(1), VALUES(-1)), &err);
    struct value *part = apply(g, "Shape", x, NULL, NULL);
    node_set_int(made_by(part), "start", -3, &err);
    node_set_int(made_by(part), "end", 3, &err);
    struct value *taken = apply(g, "Gather", shape, ints(g, DIMS(2), VALUES(-1, 1)), NULL);
    struct value *cast = apply(g, "Cast", taken, NULL, NULL);
    node_set_int(made_by(cast), "to", DTYPE_I32, &err);
    CHECK(infer(g) == 0);
    CHECK_STR(known_text(g, tail), " H W");
    CHECK_STR(known_text(g, head), " 1 3");
    CHECK_STR(known_text(g, reversed), " W H 3 1");
    CHECK_STR(known_text(g, part), " 3 H");
    CHECK_STR(known_text(g, cast), " W 3");
    graph_free(g);
}

static void test_range(void)
{
    struct graph *g = graph_new(&err);
    int64_t n = graph_symbol(g, "N", &err);
    struct value *x = input(g, DTYPE_F32, DIMS(n, 8));
    struct value *size = apply(g, "Gather", apply(g, "Shape", x, NULL, NULL), ints(g, SCALAR, VALUES(0)), NULL);
    struct value *range = apply(g, "Range", ints(g, SCALAR, VALUES(0)), size, ints(g, SCALAR, VALUES(1)));
    struct value *fixed =
        apply(g, "Range", ints(g, SCALAR, VALUES(10)), ints(g, SCALAR, VALUES(4)), ints(g, SCALAR, VALUES(-2)));
    struct value *product = apply(g, "ReduceProd", apply(g, "Shape", x, NULL, NULL), NULL, NULL);
    node_set_int(made_by(product), "keepdims", 0, &err);
    CHECK(infer(g) == 0);
    CHECK_STR(type_of(g, range), "i64 N");
    CHECK_STR(type_of(g, fixed), "i64 3");
    CHECK_STR(known_text(g, fixed), " 10 8 6");
    CHECK_STR(type_of(g, product), "i64 scalar");
    CHECK(product->known_count == 1 && product->known[0].kind == KNOWN_DIM);
    graph_free(g);
}

static void test_split(void)
{
    struct graph *g = graph_new(&err);
    int64_t n = graph_symbol(g, "N", &err);
    struct value *shape = apply(g, "Shape", input(g, DTYPE_F32, DIMS(n, 3, 5)), NULL, NULL);
    struct value *first = apply(g, "Split", shape, ints(g, DIMS(2), VALUES(1, 2)), NULL);
    struct value *second = node_new_output(made_by(first), NULL, &err);
    CHECK(infer(g) == 0);
    CHECK_STR(known_text(g, first), " N");
    CHECK_STR(known_text(g, second), " 3 5");
    graph_free(g);
}

/* A graph input's constant is a default that may be overridden: nothing follows from it. */
static void test_default_input(void)
{
    struct graph *g = graph_new(&err);
    struct value *x = input(g, DTYPE_F32, DIMS(6)), *shape = ints(g, DIMS(2), VALUES(2, 3));
    struct value *y = apply(g, "Reshape", x, shape, NULL);
    graph_add_input(g, shape, &err);
    CHECK(infer(g) == 0 && y->type.rank == 2 && y->type.dims[0] < 0 && y->type.dims[1] < 0);
    graph_free(g);
}

static void test_broadcast(void)
{
    struct graph *g = graph_new(&err);
    int64_t n = graph_symbol(g, "N", &err), m = graph_symbol(g, "M", &err);
    struct value *a = apply(g, "Add", input(g, DTYPE_F32, DIMS(n, 1, 4)), input(g, DTYPE_F32, DIMS(7, n, 4)), NULL);
    struct value *b = apply(g, "Add", input(g, DTYPE_F32, DIMS(n, m)), input(g, DTYPE_F32, DIMS(m, m)), NULL);
    struct value *c = apply(g, "Add", input(g, DTYPE_F32, -1, NULL), input(g, DTYPE_F32, DIMS(3)), NULL);
    CHECK(infer(g) == 0);
    CHECK_STR(type_of(g, a), "f32 7xNx4");
    CHECK(b->type.dims[0] == DIM_UNKNOWN && b->type.dims[1] == m);
    CHECK(c->type.rank == -1 && c->type.dtype == DTYPE_F32);
    struct value *bad = apply(g, "Add", input(g, DTYPE_F32, DIMS(n, 3)), input(g, DTYPE_F32, DIMS(4)), NULL);
    op_resolve(g);
    CHECK(op_infer_graph(g, &err) != 0 && strstr(err.text, "cannot be broadcast") && bad);
    graph_free(g);
}

/* What a file said stays where inference cannot tell; where it can, inference wins. */
static void test_declared(void)
{
    struct graph *g = graph_new(&err);
    int64_t n = graph_symbol(g, "N", &err), k = graph_symbol(g, "K", &err);
    struct value *found = apply(g, "NonZero", input(g, DTYPE_F32, DIMS(n, 3)), NULL, NULL);
    struct value *relu = apply(g, "Relu", input(g, DTYPE_F32, DIMS(n, 3)), NULL, NULL);
    found->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_I64, .rank = 2, .dims = {2, k}};
    relu->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = 2, .dims = {1, 7}};
    CHECK(infer(g) == 0);
    CHECK_STR(type_of(g, found), "i64 2xK");
    CHECK_STR(type_of(g, relu), "f32 Nx3");
    graph_free(g);
}

int main(void)
{
    RUN(test_view);
    RUN(test_arithmetic);
    RUN(test_expand);
    RUN(test_slice);
    RUN(test_range);
    RUN(test_split);
    RUN(test_default_input);
    RUN(test_broadcast);
    RUN(test_declared);
    return TEST_END();
}
