/* Attention in one pass, as ONNX's operator, as nn.Attention, and as the products that become it. */
#include "exec_test.h"

struct sizes {
    int64_t batch, heads, shared, queries, keys, size, columns; /* shared: heads of K and V */
};

static const struct sizes all[] = {
    {1, 1, 1, 1, 1, 1, 1},     {2, 3, 3, 5, 7, 4, 9},       {1, 2, 2, 50, 300, 16, 40},
    {2, 4, 2, 49, 257, 33, 8}, {1, 1, 1, 100, 530, 64, 64}, {1, 2, 1, 3, 600, 5, 70},
};

static struct value *heads_input(const struct sizes *s, const char *name, bool query, int64_t size)
{
    return input(name, DIMS(s->batch, query ? s->heads : s->shared, query ? s->queries : s->keys, size));
}

static void test_onnx(void)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int causal = 0; causal < 2; causal++) {
            const struct sizes *s = &all[i];
            begin();
            struct node *n = NODE("Attention", heads_input(s, "q", true, s->size), heads_input(s, "k", false, s->size),
                                  heads_input(s, "v", false, s->columns));
            node_set_int(n, "is_causal", causal, &error);
            output(n->out[0]);
            kernel_wanted = "attend_f32";
            check();
        }
}

static void test_flat(void)
{
    begin();
    struct node *n = NODE("Attention", input("q", DIMS(2, 60, 24)), input("k", DIMS(2, 70, 12)),
                          input("v", DIMS(2, 70, 10)), input("m", DIMS(60, 70)));
    node_set_int(n, "q_num_heads", 4, &error);
    node_set_int(n, "kv_num_heads", 2, &error);
    node_set_float(n, "scale", 0.5f, &error);
    output(n->out[0]);
    kernel_wanted = "attend_f32";
    check();
}

/* Queries that see nothing get zeros; a mask of truth values. */
static void test_bool_mask(void)
{
    struct item *in[4];
    begin();
    struct value *v[4] = {input("q", DIMS(1, 2, 20, 8)), input("k", DIMS(1, 2, 300, 8)), input("v", DIMS(1, 2, 300, 8)),
                          input("m", DIMS(20, 300))};
    v[3]->type.dtype = DTYPE_BOOL;
    struct node *n = NODE("Attention", v[0], v[1], v[2], v[3]);
    output(n->out[0]);
    kernel_wanted = "attend_f32";
    for (int i = 0; i < 4; i++) {
        struct tensor *t = random_tensor(v[i]->type.dtype, v[i]->type.rank, v[i]->type.dims, 1);
        for (int64_t k = 0; i == 3 && k < t->count; k++)
            ((uint8_t *)t->data)[k] = k / 300 != 7 && (k / 300 != 9 || k % 300 > 280) && k % 3 != 1;
        in[i] = item_of_tensor(t, &error);
    }
    check_with(in);
}

/* The products, with heads that lie side by side, become one operator; a mask, and what the result becomes. */
static void test_pattern(int64_t keys, int masked, const char *scaling)
{
    begin();
    struct value *q = input("q", DIMS(2, 30, 3, 16)), *k = input("k", DIMS(2, keys, 3, 16));
    struct node *tq = NODE("Transpose", q), *tk = NODE("Transpose", k),
                *tv = NODE("Transpose", input("v", DIMS(2, keys, 3, 20)));
    node_set_ints(tq, "perm", INTS(0, 2, 1, 3), &error);
    node_set_ints(tk, "perm", INTS(0, 2, 3, 1), &error);
    node_set_ints(tv, "perm", INTS(0, 2, 1, 3), &error);
    struct value *s = NODE("MatMul", tq->out[0], tk->out[0])->out[0];
    if (scaling) {
        struct tensor *t = tensor_new(DTYPE_F32, 0, NULL, &error);
        tensor_set_f64(t, 0, 3);
        s = NODE(scaling, s, graph_add_constant(graph, NULL, t, &error))->out[0];
    }
    if (masked == 1)
        s = NODE("Add", s, input("m", DIMS(2, 1, 1, keys)))->out[0];
    if (masked == 2)
        s = NODE("Add", input("m", DIMS(30, 1)), s)->out[0];
    struct node *soft = NODE("Softmax", s);
    node_set_int(soft, "axis", 3, &error);
    struct node *back = NODE("Transpose", NODE("MatMul", soft->out[0], tv->out[0])->out[0]);
    node_set_ints(back, "perm", INTS(0, 2, 1, 3), &error);
    output(NODE("Reshape", back->out[0], ints(INTS(2, 30, 60)))->out[0]);
    kernel_wanted = "attend_f32";
    check();
}

static void test_patterns(void)
{
    for (int masked = 0; masked < 3; masked++) {
        test_pattern(17, masked, NULL);
        test_pattern(270, masked, "Mul");
        test_pattern(33, masked, "Div");
    }
}

/* K and V that are the same for all heads. */
static void test_shared(void)
{
    begin();
    struct node *n = FUSED("Attention", input("q", DIMS(2, 3, 50, 8)), input("k", DIMS(2, 1, 8, 40)),
                           input("v", DIMS(2, 1, 40, 6)), input("m", DIMS(3, 1, 40)));
    node_set_float(n, "scale", 0.25f, &error);
    output(n->out[0]);
    kernel_wanted = "attend_f32";
    check();
}

/* Keys that a mask's last axis does not reach are forbidden, also where it has one entry. */
static void test_short_mask(void)
{
    begin();
    struct node *n = NODE("Attention", input("q", DIMS(1, 2, 5, 8)), input("k", DIMS(1, 2, 9, 8)),
                          input("v", DIMS(1, 2, 9, 8)), input("m", DIMS(5, 1)));
    output(n->out[0]);
    reference_allowed = 1;
    check();
}

/* Shapes that only evaluation looks at. */
static void test_misfits(void)
{
    static const struct {
        int64_t k[4], v[4], mask[2];
        const char *why;
    } cases[] = {
        {{1, 4, 9, 7}, {1, 4, 9, 8}, {5, 9}, "K is for"},
        {{2, 4, 9, 8}, {2, 4, 9, 8}, {5, 9}, "K is for"},
        {{1, 4, 9, 8}, {1, 4, 3, 8}, {5, 9}, "V has other"},
        {{1, 4, 9, 8}, {1, 2, 9, 8}, {5, 9}, "V has other"},
        {{1, 3, 9, 8}, {1, 3, 9, 8}, {5, 9}, "want a multiple"},
        {{1, 4, 9, 8}, {1, 4, 9, 8}, {2, 9}, "does not broadcast"},
        {{1, 4, 9, 8}, {1, 4, 9, 8}, {5, 12}, "does not broadcast"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        struct value *q = input("q", DIMS(1, 4, 5, 8)), *k = input("k", 4, cases[i].k), *v = input("v", 4, cases[i].v);
        output(NODE("Attention", q, k, v, input("m", 2, cases[i].mask))->out[0]);
        check_refused(cases[i].why);
    }
}

int main(void)
{
    RUN(test_onnx);
    RUN(test_flat);
    RUN(test_bool_mask);
    RUN(test_patterns);
    RUN(test_shared);
    RUN(test_short_mask);
    RUN(test_misfits);
    return TEST_END();
}
