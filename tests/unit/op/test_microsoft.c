/* Operators of com.microsoft: numbers worked out by hand, inference with symbols, and what is wrong. That they agree
 * with onnxruntime is for tests/interop to show. */
#include "one.h"

#define MICROSOFT "com.microsoft"

static struct tensor *number(enum dtype dtype, double value)
{
    return one_tensor(dtype, SCALAR, VALUES(value));
}

static struct tensor *count_up(enum dtype dtype, int rank, const int64_t *dims)
{
    struct tensor *t = one_tensor(dtype, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, (double)(i % 7) - 3);
    return t;
}

static void test_qlinear_add(void)
{
    struct one o;
    one_start(&o, MICROSOFT, "QLinearAdd", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2, 2), VALUES(10, 20, 30, 255)));
    one_in(&o, number(DTYPE_F32, 0.5));
    one_in(&o, number(DTYPE_U8, 10));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2), VALUES(0, 4)));
    one_in(&o, number(DTYPE_F32, 0.25));
    one_in(&o, NULL);
    one_in(&o, number(DTYPE_F32, 1));
    one_in(&o, number(DTYPE_U8, 3));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(2, 2), VALUES(3, 9, 13, 127)));
    one_end(&o);
}

/* i8 without zero points stays i8. */
static void test_qlinear_sigmoid(void)
{
    struct one o;
    one_start(&o, MICROSOFT, "QLinearSigmoid", 1);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(3), VALUES(0, 127, -128)));
    one_in(&o, number(DTYPE_F32, 1));
    one_in(&o, NULL);
    one_in(&o, number(DTYPE_F32, 0.125));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(3), VALUES(4, 8, 0)));
    one_end(&o);
}

static void test_qlinear_reduce_mean(void)
{
    struct one o;
    one_start(&o, MICROSOFT, "QLinearReduceMean", 1);
    node_set_ints(o.n, "axes", (int64_t[]){-1}, 1, &o.err);
    node_set_int(o.n, "keepdims", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2, 3), VALUES(1, 2, 3, 10, 20, 30)));
    one_in(&o, number(DTYPE_F32, 2));
    one_in(&o, number(DTYPE_U8, 0));
    one_in(&o, number(DTYPE_F32, 1));
    one_in(&o, number(DTYPE_U8, 5));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(2), VALUES(9, 45)));
    one_end(&o);
}

static void test_channels_last(void)
{
    struct one o;
    one_start(&o, MICROSOFT, "QLinearAveragePool", 1);
    node_set_int(o.n, "channels_last", 1, &o.err);
    node_set_ints(o.n, "kernel_shape", (int64_t[]){1, 2}, 2, &o.err);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 3, 2), VALUES(0, 100, 10, 110, 20, 140)));
    one_in(&o, number(DTYPE_F32, 1));
    one_in(&o, number(DTYPE_U8, 0));
    one_in(&o, number(DTYPE_F32, 1));
    one_in(&o, number(DTYPE_U8, 0));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(1, 1, 2, 2), VALUES(5, 105, 15, 125)));
    one_end(&o);
}

static void start_nbits(struct one *o, int64_t bits, int64_t block)
{
    one_start(o, MICROSOFT, "MatMulNBits", 1);
    node_set_int(o->n, "N", 2, &o->err);
    node_set_int(o->n, "K", 20, &o->err);
    node_set_int(o->n, "bits", bits, &o->err);
    node_set_int(o->n, "block_size", block, &o->err);
    struct tensor *a = one_tensor(DTYPE_F32, DIMS(1, 20), NULL), *b = one_tensor(DTYPE_U8, DIMS(2, 2, 8), NULL);
    tensor_set_f64(a, 1, 1);  /* the high half of byte 0 of a row */
    tensor_set_f64(a, 18, 1); /* the low half of byte 1 of its second block */
    tensor_set_i64(b, 0, 0x90);
    tensor_set_i64(b, 9, 0x0a);
    one_in(o, a);
    one_in(o, b);
    one_in(o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 10, 100, 1000)));
}

static void test_nbits(void)
{
    struct one o;
    start_nbits(&o, 4, 16);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), VALUES(1 * 1 + 2 * 10, -8 * 100 - 8 * 1000)));
    one_end(&o);
    start_nbits(&o, 3, 16);
    CHECK(one_fails(&o, "attribute bits: 3, want 2, 4 or 8"));
    one_end(&o);
    start_nbits(&o, 4, 24);
    CHECK(one_fails(&o, "attribute block_size: 24"));
    one_end(&o);
    start_nbits(&o, 4, 16);
    node_set_int(o.n, "N", INT64_MAX, &o.err);
    CHECK(one_fails(&o, "N and K"));
    one_end(&o);
    start_nbits(&o, 4, 16);
    node_set_int(o.n, "N", 1 << 30, &o.err);
    CHECK(one_fails(&o, ""));
    one_end(&o);
}

/* Two queries that see the keys equally: the mean of the values; with the future hidden, the first sees but itself. */
static void start_attention(struct one *o, const char *op)
{
    one_start(o, MICROSOFT, op, 1);
    node_set_int(o->n, "num_heads", 2, &o->err);
    for (int i = 0; i < 3; i++)
        one_in(o, one_tensor(DTYPE_F32, DIMS(1, 2, 4), i < 2 ? NULL : VALUES(1, 2, 3, 4, 3, 4, 5, 6)));
}

static void test_multi_head(void)
{
    struct one o;
    start_attention(&o, "MultiHeadAttention");
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 4), VALUES(2, 3, 4, 5, 2, 3, 4, 5)));
    one_end(&o);
    start_attention(&o, "MultiHeadAttention");
    node_set_int(o.n, "unidirectional", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 4), VALUES(1, 2, 3, 4, 2, 3, 4, 5)));
    one_end(&o);
    start_attention(&o, "MultiHeadAttention");
    node_set_int(o.n, "num_heads", 0, &o.err);
    CHECK(one_fails(&o, "attribute num_heads: 0, want at least 1"));
    one_end(&o);
    start_attention(&o, "MultiHeadAttention");
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(7), NULL));
    CHECK(one_fails(&o, "the mask has 7 elements"));
    one_end(&o);
}

/* Q, K and V in one, which onnxruntime has on other devices alone. */
static void test_packed(void)
{
    struct one o;
    one_start(&o, MICROSOFT, "MultiHeadAttention", 1);
    node_set_int(o.n, "num_heads", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1, 3, 2), VALUES(0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2), VALUES(2, 3, 2, 3)));
    one_end(&o);
    one_start(&o, MICROSOFT, "MultiHeadAttention", 1);
    node_set_int(o.n, "num_heads", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(0, 0)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1, 2, 2), VALUES(0, 0, 1, 2, 0, 0, 3, 4)));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(6), VALUES(0, 0, 0, 0, 10, 20)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2), VALUES(12, 23)));
    one_end(&o);
}

static void test_attention_without_bias(void)
{
    struct one o;
    one_start(&o, MICROSOFT, "Attention", 1);
    node_set_int(o.n, "num_heads", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1), VALUES(0, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3), VALUES(0, 0, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 1), VALUES(2, 2)));
    one_end(&o);
}

/* Every operator gives errors, not faults, for operands that make no sense together. */
static void test_nonsense(void)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_U8, DTYPE_I8, DTYPE_I32, DTYPE_I64, DTYPE_BOOL};
    size_t count;
    const struct op *ops = op_table(&count);
    for (size_t i = 0; i < count; i++)
        for (int rank = 0; rank < 6 && strcmp(ops[i].domain, MICROSOFT) == 0; rank++)
            for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++) {
                struct one o;
                one_start(&o, MICROSOFT, ops[i].name, 1);
                const int64_t dims[] = {2, 3, 1, 2, 3};
                for (int k = 0; k < ONE_MAX; k++)
                    one_in(&o, count_up(dtypes[(d + (size_t)(k % 3)) % 6], rank, dims));
                node_set_int(o.n, "num_heads", rank - 2, &o.err);
                node_set_int(o.n, "kv_num_heads", 1, &o.err);
                node_set_ints(o.n, "kernel_shape", (int64_t[]){2, 2}, 2, &o.err);
                node_set_int(o.n, "N", 2, &o.err);
                node_set_int(o.n, "K", 3, &o.err);
                node_set_int(o.n, "block_size", 16, &o.err);
                o.err.text[0] = '\0';
                op_resolve(o.g);
                op_infer_graph(o.g, &o.err);
                CHECK(one_eval(&o) == 0 || o.err.text[0]);
                one_end(&o);
            }
}

/* ---- inference ---- */

static void set_type(struct value *v, enum dtype dtype, int rank, const int64_t *dims)
{
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    memcpy(v->type.dims, dims, (size_t)rank * sizeof(*dims));
}

static struct value *typed_input(struct graph *g, struct node *n, enum dtype dtype, int rank, const int64_t *dims)
{
    struct error err;
    struct value *v = graph_add_value(g, NULL, &err);
    graph_add_input(g, v, &err);
    set_type(v, dtype, rank, dims);
    node_add_input(n, v, &err);
    return v;
}

static void test_symbols(void)
{
    struct error err = {""};
    struct graph *g = graph_new(&err);
    int64_t batch = graph_symbol(g, "B", &err), length = graph_symbol(g, "S", &err);
    struct node *n = graph_add_node(g, MICROSOFT, "Attention", NULL, &err);
    typed_input(g, n, DTYPE_F32, 3, (int64_t[]){batch, length, 8});
    typed_input(g, n, DTYPE_F32, 2, (int64_t[]){8, 24});
    node_add_input(n, NULL, &err);
    node_add_input(n, NULL, &err);
    typed_input(g, n, DTYPE_F32, 5, (int64_t[]){2, batch, 2, 5, 4});
    for (int i = 0; i < 2; i++)
        graph_add_output(g, node_new_output(n, NULL, &err), &err);
    node_set_int(n, "num_heads", 2, &err);
    op_resolve(g);
    CHECK_MSG(op_infer_graph(g, &err) == 0, "%s", err.text);
    char text[200];
    CHECK_STR(type_text(g, &n->out[0]->type, text, sizeof(text)), "f32 BxSx8");
    const struct type *present = &n->out[1]->type;
    CHECK(present->rank == 5 && present->dims[1] == batch && present->dims[3] == graph_dim_add(g, length, 5) &&
          present->dims[4] == 4);
    node_set_int(n, "num_heads", 3, &err);
    CHECK(op_infer_graph(g, &err) != 0 && strstr(err.text, "num_heads: 3"));
    graph_free(g);
}

int main(void)
{
    RUN(test_qlinear_add);
    RUN(test_qlinear_sigmoid);
    RUN(test_qlinear_reduce_mean);
    RUN(test_channels_last);
    RUN(test_nbits);
    RUN(test_multi_head);
    RUN(test_packed);
    RUN(test_attention_without_bias);
    RUN(test_nonsense);
    RUN(test_symbols);
    return TEST_END();
}
