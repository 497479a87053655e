/* Products of f32 with weights that are stored in fewer bits: the reference's results, without widening them first. */
#include "exec_test.h"

static struct value *whole(enum dtype dtype, int rank, const int64_t *dims, int least, int count)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &error);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_i64(t, i, least + (int64_t)(hash_random(&seed) % (uint64_t)count));
    return graph_add_constant(graph, NULL, t, &error);
}

static struct value *scales(int rank, const int64_t *dims)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, &error);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, 0.002 + 0.0005 * (double)(hash_random(&seed) % 8));
    return graph_add_constant(graph, NULL, t, &error);
}

static const struct {
    enum dtype dtype;
    int least, count;
} types[] = {{DTYPE_I8, -128, 256}, {DTYPE_U8, 0, 256}, {DTYPE_I4, -8, 16}, {DTYPE_U4, 0, 16}};

enum { DEPTH = 150, COLUMNS = 70 };

/* x times the matrix that a node makes, perhaps turned, with a bias and an activation. */
static void product(struct value *x, struct node *matrix, bool turned)
{
    struct value *w = matrix->out[0];
    if (turned) {
        struct node *t = NODE("Transpose", w);
        node_set_ints(t, "perm", INTS(1, 0), &error);
        w = t->out[0];
    }
    struct node *sum = NODE("Add", NODE("MatMul", x, w)->out[0], weight(DIMS(COLUMNS)));
    output(NODE("Relu", sum->out[0])->out[0]);
}

static void scaled(void)
{
    static const int rows[] = {1, 3, 4, 33};
    for (int round = 0; round < 64; round++) {
        bool turned = round / 4 % 2, blocks = round / 8 % 2, zeros = round / 16 % 2;
        int64_t dims[2], grid[2], block = 32;
        dims[turned] = DEPTH;
        dims[!turned] = COLUMNS;
        grid[turned] = (DEPTH + block - 1) / block;
        grid[!turned] = COLUMNS;
        begin();
        struct value *x = input("x", DIMS(2, rows[round / 8 % 4], DEPTH)), *zero = NULL;
        struct value *q = whole(types[round % 4].dtype, 2, dims, types[round % 4].least, types[round % 4].count);
        struct value *scale = blocks ? scales(2, grid) : scales(DIMS(COLUMNS));
        if (zeros)
            zero = whole(types[round % 4].dtype, blocks ? 2 : 1, blocks ? grid : (int64_t[]){COLUMNS},
                         types[round % 4].least, types[round % 4].count);
        struct node *n = NODE("DequantizeLinear", q, scale, zero);
        node_set_int(n, "axis", blocks ? turned : !turned, &error);
        if (blocks)
            node_set_int(n, "block_size", block, &error);
        product(x, n, turned);
        kernel_wanted = "gemm_narrow_f32";
        check();
    }
}

static struct node *widened(enum dtype dtype, int rank, const int64_t *dims)
{
    struct node *n = NODE("Cast", graph_add_constant(graph, NULL, random_tensor(dtype, rank, dims, 0.2), &error));
    node_set_int(n, "to", DTYPE_F32, &error);
    return n;
}

/* Other weights, which no product takes as they are, may be halves too. */
static void halves(void)
{
    for (int round = 0; round < 32; round++) {
        bool turned = round / 2 % 2;
        enum dtype dtype = round % 2 ? DTYPE_F16 : DTYPE_BF16;
        begin();
        struct value *x = input("x", DIMS(round / 4 % 2 ? 2 : 20, DEPTH));
        if (round / 16)
            x = NODE("Add", x, widened(dtype, DIMS(DEPTH))->out[0])->out[0];
        product(x, widened(dtype, DIMS(turned ? COLUMNS : DEPTH, turned ? DEPTH : COLUMNS)), turned);
        kernel_wanted = "gemm_narrow_f32";
        check();
    }
}

/* The matrix is wanted as a value, too, or its scales are along the rows of a product: then it is widened. */
static void others(void)
{
    for (int round = 0; round < 2; round++) {
        begin();
        struct value *x = input("x", DIMS(3, DEPTH));
        struct node *n = NODE("DequantizeLinear", whole(DTYPE_I8, DIMS(DEPTH, COLUMNS), -128, 256),
                              round ? scales(DIMS(DEPTH)) : scales(DIMS(COLUMNS)));
        node_set_int(n, "axis", round ? 0 : 1, &error);
        product(x, n, false);
        output(NODE("Neg", n->out[0])->out[0]);
        check();
    }
}

/* Gemm with a turned matrix, and one product after another of the same weights. */
static void gemm(void)
{
    begin();
    struct value *x = input("x", DIMS(5, DEPTH));
    struct node *n = NODE("DequantizeLinear", whole(DTYPE_I8, DIMS(DEPTH, DEPTH), -128, 256), scales(DIMS(DEPTH)));
    node_set_int(n, "axis", 0, &error);
    for (int i = 0; i < 2; i++) {
        struct node *g = NODE("Gemm", x, n->out[0], weight(DIMS(DEPTH)));
        node_set_int(g, "transB", 1, &error);
        x = g->out[0];
    }
    output(x);
    kernel_wanted = "gemm_narrow_f32";
    check();
}

/* So many weights between two products of the same ones that the first are packed, and let go, before the last. */
static void shared(void)
{
    begin();
    struct value *x = input("x", DIMS(2, DEPTH));
    struct tensor *large = tensor_new(DTYPE_F32, DIMS(DEPTH, 60000), &error);
    struct node *n = NODE("DequantizeLinear", whole(DTYPE_I8, DIMS(DEPTH, DEPTH), -128, 256), scales(DIMS(DEPTH)));
    struct value *first = NODE("MatMul", x, n->out[0])->out[0];
    output(NODE("MatMul", x, graph_add_constant(graph, NULL, large, &error))->out[0]);
    output(NODE("MatMul", first, n->out[0])->out[0]);
    kernel_wanted = "gemm_narrow_f32";
    check();
}

/* An nn.Dequantize of the file's own, which Gemm turns itself: it is widened. */
static void given(void)
{
    begin();
    struct node *n = FUSED("Dequantize", whole(DTYPE_I8, DIMS(1, DEPTH * 40), -128, 256), scales(DIMS(1)));
    struct node *g = NODE("Gemm", input("x", DIMS(3, DEPTH * 40)), n->out[0]);
    node_set_int(g, "transB", 1, &error);
    output(g->out[0]);
    reference_allowed = 1;
    check();
}

static struct value *number(enum dtype dtype, double x)
{
    struct tensor *t = tensor_new(dtype, 0, NULL, &error);
    tensor_set_f64(t, 0, x);
    return graph_add_constant(graph, NULL, t, &error);
}

/* Between quantised values products are of whole numbers. With powers of two for scales all sums are exact. */
static void whole_numbers_first(void)
{
    begin();
    struct value *x = input("x", DIMS(5, DEPTH)), *zero = number(DTYPE_U8, 128);
    struct value *scale = number(DTYPE_F32, 1.0 / 64), *w_scale = number(DTYPE_F32, 1.0 / 128);
    struct value *real = NODE("DequantizeLinear", NODE("QuantizeLinear", x, scale, zero)->out[0], scale, zero)->out[0];
    struct value *w =
        NODE("DequantizeLinear", whole(DTYPE_I8, DIMS(DEPTH, COLUMNS), -128, 256), w_scale, number(DTYPE_I8, 0))
            ->out[0];
    struct value *y_scale = number(DTYPE_F32, 0.25);
    struct value *q = NODE("QuantizeLinear", NODE("MatMul", real, w)->out[0], y_scale, zero)->out[0];
    output(NODE("DequantizeLinear", q, y_scale, zero)->out[0]);
    check();
}

int main(void)
{
    RUN(scaled);
    RUN(halves);
    RUN(gemm);
    RUN(shared);
    RUN(given);
    kernel_wanted = "gemm_q8";
    RUN(whole_numbers_first);
    kernel_wanted = NULL;
    reference_allowed = 1;
    RUN(others);
    return TEST_END();
}
