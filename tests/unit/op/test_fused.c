/* The fused forms: their types, and that they mean what their decomposition says. */
#include "one.h"

#include "op/fused.h"

static struct tensor *ramp(int rank, const int64_t *dims)
{
    struct tensor *t = one_tensor(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, (double)(i % 7) - 3);
    return t;
}

static int set_activation(struct one *o, const char *name, float alpha, float beta)
{
    return fused_set_activation(o->n, fused_activation_find(name), alpha, beta, &o->err);
}

static void conv(struct one *o, bool residual)
{
    one_start(o, "nn", "Conv", 1);
    one_in(o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 4), VALUES(1, 2, 3, 4)));
    one_constant(o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 2), VALUES(1, -2)));
    one_constant(o, one_tensor(DTYPE_F32, DIMS(1), VALUES(3)));
    if (residual)
        one_in(o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(-1, 0.5, 10)));
}

/* The base gives 0, -1, -2. */
static void test_conv(void)
{
    struct one o;
    conv(&o, false);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(0, -1, -2)));
    one_end(&o);
    conv(&o, false);
    set_activation(&o, "LeakyRelu", 0.5f, 0);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(0, -0.5, -1)));
    one_end(&o);
    conv(&o, true);
    set_activation(&o, "Relu", 0, 0);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(0, 0, 8)));
    one_end(&o);
    conv(&o, true);
    set_activation(&o, "Relu", 0, 0);
    node_set_int(o.n, "residual_last", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(-1, 0.5, 10)));
    one_end(&o);
    conv(&o, true);
    set_activation(&o, "Clip", -1.25f, 2);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(-1, -0.5, 2)));
    one_end(&o);
}

static void test_conv_errors(void)
{
    struct one o;
    conv(&o, false);
    node_set_string(o.n, "activation", "Frob", 4, &o.err);
    CHECK(one_fails(&o, "attribute activation: 'Frob' is unknown"));
    CHECK(one_eval(&o) != 0 && strstr(o.err.text, "'Frob'"));
    one_end(&o);
    conv(&o, false);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 2), NULL));
    CHECK(one_fails(&o, "input R is f32 1x1x1x2, want f32 1x1x1x3"));
    one_end(&o);
}

static void test_matmul(void)
{
    struct one o;
    one_start(&o, "nn", "MatMul", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 2, 3, 4)));
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 0, 0, -1)));
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(10, 1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(0, 0, 0, 100)));
    set_activation(&o, "Relu", 0, 0);
    node_set_int(o.n, "residual_last", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(11, 0, 13, 100)));
    one_end(&o);
    one_start(&o, "nn", "MatMul", 1); /* without C, with R */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(1, 2)));
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 0, 0, -1)));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(5, 5)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), VALUES(6, 3)));
    one_end(&o);
    one_start(&o, "nn", "MatMul", 1);
    one_in(&o, ramp(DIMS(1, 2)));
    one_constant(&o, ramp(DIMS(2, 2)));
    one_constant(&o, ramp(DIMS(3)));
    CHECK(one_fails(&o, "input C is f32 3, want the last dim of f32 1x2"));
    one_end(&o);
}

/* A [1, 1, 2], B [3, 2]. */
static void turned_matmul(struct one *o, bool constant, int rank, const int64_t *dims)
{
    struct tensor *b = one_tensor(DTYPE_F32, rank, dims, VALUES(1, 2, 3, 4, 5, 6));
    one_start(o, "nn", "MatMul", 1);
    one_in(o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(1, 10)));
    if (constant)
        one_constant(o, b);
    else
        one_in(o, b);
    node_set_int(o->n, "transB", 1, &o->err);
}

static void test_turned_matmul(void)
{
    struct one o;
    for (int constant = 0; constant < 2; constant++) {
        turned_matmul(&o, constant, DIMS(3, 2));
        one_constant(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(0, 0, 100)));
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 3), VALUES(21, 43, 165)));
        one_end(&o);
    }
    turned_matmul(&o, true, DIMS(1, 3, 2));
    CHECK(one_fails(&o, "input B has rank 3, want 2"));
    one_end(&o);
    turned_matmul(&o, true, DIMS(2, 3));
    CHECK(one_fails(&o, "A has 2 columns, but B has 3 rows"));
    one_end(&o);
}

static void test_arithmetic(void)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div"};
    static const double want[][2] = {{0, 6}, {0, 2}, {0, 8}, {0, 2}};
    for (int i = 0; i < 4; i++) {
        struct one o;
        one_start(&o, "nn", ops[i], 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(-3, 4)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(2)));
        set_activation(&o, "Relu", 0, 0);
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(2), want[i]), "%s", ops[i]);
        one_end(&o);
    }
}

static void test_conv_transpose(void)
{
    struct one o;
    one_start(&o, "nn", "ConvTranspose", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(1, -2)));
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(1, 3)));
    node_set_ints(o.n, "strides", (int64_t[]){2}, 1, &o.err);
    set_activation(&o, "Relu", 0, 0);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4), VALUES(1, 3, 0, 0)));
    one_end(&o);
}

static void scale_shift(struct one *o, int rank, const int64_t *dims, const double *x, bool constant)
{
    one_start(o, "nn", "ScaleShift", 1);
    one_in(o, one_tensor(DTYPE_F32, rank, dims, x));
    for (int i = 0; i < 2; i++) {
        struct tensor *t = one_tensor(DTYPE_F32, DIMS(2), i ? VALUES(10, 20) : VALUES(2, -1));
        if (constant)
            one_constant(o, t);
        else
            one_in(o, t);
    }
}

static void test_scale_shift(void)
{
    for (int constant = 0; constant < 2; constant++) {
        struct one o;
        scale_shift(&o, DIMS(1, 2, 1, 2), VALUES(1, 2, 3, 40), constant);
        set_activation(&o, "Relu", 0, 0);
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 1, 2), VALUES(12, 14, 17, 0)));
        one_end(&o);
        scale_shift(&o, DIMS(2, 2), VALUES(1, 2, 3, 40), constant);
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(12, 18, 16, -20)));
        one_end(&o);
        scale_shift(&o, DIMS(1, 3), VALUES(1, 2, 3), constant);
        CHECK(one_fails(&o, "scale has not one element for each channel"));
        one_end(&o);
        scale_shift(&o, DIMS(3), VALUES(1, 2, 3), constant);
        CHECK(one_fails(&o, "rank 1, want at least 2"));
        one_end(&o);
    }
}

/* Expanding in place: the graph output keeps its name, the node is left without outputs. */
static void test_expand_in_place(void)
{
    struct one o;
    conv(&o, true);
    set_activation(&o, "Swish", 1, 0);
    CHECK(graph_rename_value(o.g->outputs[0], "result", &o.err) == 0 && one_infer(&o) == 0);
    CHECK(o.n->def->expand(o.n, &o.err) == 0);
    for (int i = 0; i < o.n->out_count; i++)
        CHECK(!o.n->out[i]);
    graph_remove_node(o.n);
    CHECK(graph_check(o.g, &o.err) == 0 && o.g->node_count == 3);
    CHECK_STR(o.g->outputs[0]->name, "result");
    CHECK(node_is(o.g->first, "Conv") && node_is(o.g->first->next, "Add") && node_is(o.g->last, "Swish"));
    CHECK(!node_attr(o.g->first, "activation") && o.g->first->in_count == 3);
    CHECK_STR(o.g->first->name, "it");
    op_resolve(o.g);
    CHECK(op_infer_graph(o.g, &o.err) == 0);
    for (const struct node *n = o.g->first; n; n = n->next)
        CHECK_MSG(op_check(n, &o.err) == 0, "%s", o.err.text);
    one_end(&o);
}

int main(void)
{
    RUN(test_conv);
    RUN(test_conv_errors);
    RUN(test_matmul);
    RUN(test_turned_matmul);
    RUN(test_arithmetic);
    RUN(test_conv_transpose);
    RUN(test_scale_shift);
    RUN(test_expand_in_place);
    return TEST_END();
}
