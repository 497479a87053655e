/* Attention, LinearAttention and RotaryEmbedding. */
#include "one.h"

static struct one o;

/* One head of size 1 with scale 1: scores are q * k, and V counts 1, 10, 100. */
static void start(int64_t queries, const double *q, int64_t keys, const double *k, int outputs)
{
    one_start(&o, "", "Attention", outputs);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, queries, 1), q));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, keys, 1), k));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, keys, 1), VALUES(1, 10, 100, 1000)));
    node_set_float(o.n, "scale", 1, &o.err);
}

static void test_plain(void)
{
    start(2, VALUES(0, 1), 2, VALUES(0, 1), 1);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 1), VALUES(5.5, (1 + 10 * exp(1)) / (1 + exp(1)))));
    one_end(&o);
}

static void test_causal(void)
{
    start(2, VALUES(0, 0), 2, VALUES(0, 0), 1);
    node_set_int(o.n, "is_causal", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 1), VALUES(1, 5.5)));
    one_end(&o);
    start(1, VALUES(0), 2, VALUES(0, 0), 1); /* keys of the past come before */
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1, 1), VALUES(0)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1, 1), VALUES(4)));
    node_set_int(o.n, "is_causal", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 1), VALUES(2.5)));
    one_end(&o);
}

static void test_lengths(void)
{
    start(2, VALUES(0, 0), 4, VALUES(0, 0, 0, 0), 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(3)));
    node_set_int(o.n, "is_causal", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 1), VALUES(5.5, 37)));
    one_end(&o);
    start(2, VALUES(0, 0), 2, VALUES(0, 0), 1); /* fewer keys than queries: the first sees nothing */
    for (int i = 0; i < 3; i++)
        one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(1)));
    node_set_int(o.n, "is_causal", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 1), VALUES(0, 1)));
    one_end(&o);
}

static void test_window(void)
{
    start(3, VALUES(0, 0, 0), 3, VALUES(0, 0, 0), 1);
    node_set_int(o.n, "left_window_size", 1, &o.err);
    node_set_int(o.n, "right_window_size", 0, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 3, 1), VALUES(1, 5.5, 55)));
    one_end(&o);
    start(1, VALUES(0), 1, VALUES(0), 1);
    node_set_int(o.n, "left_window_size", -2, &o.err);
    CHECK(one_fails(&o, "attribute left_window_size: -2"));
    one_end(&o);
}

static void test_masks(void)
{
    start(2, VALUES(0, 0), 3, VALUES(0, 0, 0), 1);
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(2, 3), VALUES(1, 0, 1, 0, 0, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 1), VALUES(50.5, 0)));
    one_end(&o);
    start(1, VALUES(0), 3, VALUES(0, 0, 0), 1); /* a shorter mask forbids the rest */
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(0, log(3))));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 1), VALUES(31.0 / 4)));
    one_end(&o);
    start(1, VALUES(0), 3, VALUES(0, 0, 0), 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2, 3), NULL));
    CHECK(one_fails(&o, "input attn_mask does not broadcast to 1x1x1x3"));
    one_end(&o);
    start(1, VALUES(0), 3, VALUES(0, 0, 0), 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4), NULL));
    CHECK(one_fails(&o, "input attn_mask does not broadcast"));
    one_end(&o);
}

static void test_softcap_and_scores(void)
{
    double capped[2] = {2 * tanh(1.5), 2 * tanh(0.5)}, e[2] = {exp(capped[0] + 1), exp(capped[1])};
    const double want[4][2] = {
        {3, 1}, {capped[0], capped[1]}, {capped[0] + 1, capped[1]}, {e[0] / (e[0] + e[1]), e[1] / (e[0] + e[1])}};
    for (int mode = 0; mode < 4; mode++) {
        start(1, VALUES(1), 2, VALUES(3, 1), 4);
        one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 2), VALUES(1, 0))); /* is added to what is capped */
        node_set_float(o.n, "softcap", 2, &o.err);
        node_set_int(o.n, "qk_matmul_output_mode", mode, &o.err);
        CHECK(one_gives(&o, 3, DTYPE_F64, DIMS(1, 1, 1, 2), want[mode]));
        one_end(&o);
    }
    start(1, VALUES(1), 2, VALUES(2, 100), 1); /* what is forbidden stays so under the cap */
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(1, 2), VALUES(1, 0)));
    node_set_float(o.n, "softcap", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 1), VALUES(1)));
    one_end(&o);
    start(1, VALUES(1), 1, VALUES(1), 4);
    node_set_int(o.n, "qk_matmul_output_mode", 4, &o.err);
    CHECK(one_fails(&o, "attribute qk_matmul_output_mode: 4"));
    one_end(&o);
}

/* Heads in the last axis, four of Q sharing two of K and V. */
static void test_flat_groups(void)
{
    one_start(&o, "", "Attention", 3);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(5, 6)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), VALUES(1, 2, 3, 4)));
    node_set_int(o.n, "q_num_heads", 4, &o.err);
    node_set_int(o.n, "kv_num_heads", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 8), VALUES(1, 2, 1, 2, 3, 4, 3, 4)));
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(1, 2, 1, 1), VALUES(5, 6)));
    CHECK(one_gives(&o, 2, DTYPE_F32, DIMS(1, 2, 1, 2), VALUES(1, 2, 3, 4)));
    one_end(&o);
    one_start(&o, "", "Attention", 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), NULL));
    CHECK(one_fails(&o, "attribute q_num_heads: 0"));
    one_end(&o);
}

static void test_attention_errors(void)
{
    start(1, VALUES(0), 1, VALUES(0), 1);
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1, 1), NULL));
    CHECK(one_fails(&o, "past_key and past_value are wanted together"));
    one_end(&o);
    start(1, VALUES(0), 1, VALUES(0), 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(2)));
    CHECK(one_fails(&o, "input nonpad_kv_seqlen holds 2, want 0 to 1"));
    one_end(&o);
    one_start(&o, "", "Attention", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 1, 2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1, 2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1, 2), NULL));
    CHECK(one_fails(&o, "Q has 3 heads, want a multiple of K's 2"));
    one_end(&o);
}

static void test_attention_inference(void)
{
    one_start(&o, "", "Attention", 4);
    int64_t s = one_symbol(&o, "S"), p = one_symbol(&o, "P"), n = one_symbol(&o, "N");
    for (int i = 0; i < 3; i++)
        one_typed(&o, DTYPE_F16, DIMS(n, s, 64));
    one_in(&o, NULL);
    for (int i = 0; i < 2; i++)
        one_typed(&o, DTYPE_F16, DIMS(n, 2, p, 16));
    node_set_int(o.n, "q_num_heads", 4, &o.err);
    node_set_int(o.n, "kv_num_heads", 4, &o.err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f16 NxSx64");
    CHECK(!strncmp(one_type(&o, 1), "f16 Nx4x", 8));
    CHECK(strstr(one_type(&o, 1), "x16") && strstr(one_type(&o, 1), "P") && strstr(one_type(&o, 1), "S"));
    one_end(&o);
}

static void test_unknown_inputs(void)
{
    one_start(&o, "", "Attention", 4);
    one_typed(&o, DTYPE_F32, DIMS(1, 2, 3, 4));
    one_typed(&o, DTYPE_F32, -1, NULL);
    one_typed(&o, DTYPE_F32, DIMS(1, 2, 3, 4));
    CHECK(one_infer(&o) == 0);
    one_end(&o);
}

static void start_rotary(const double *ids)
{
    one_start(&o, "", "RotaryEmbedding", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 4), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 1), VALUES(1, 0)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 1), VALUES(0, 1)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1, 1), ids));
    node_set_int(o.n, "rotary_embedding_dim", 2, &o.err);
}

static void test_rotary(void)
{
    start_rotary(VALUES(0));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 4), VALUES(1, 2, 3, 4)));
    one_end(&o);
    start_rotary(VALUES(1)); /* a quarter turn */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 4), VALUES(-2, 1, 3, 4)));
    one_end(&o);
    start_rotary(VALUES(2));
    CHECK(one_fails(&o, "input position_ids holds 2, want 0 to 1"));
    one_end(&o);
    start_rotary(VALUES(0));
    node_set_int(o.n, "rotary_embedding_dim", 3, &o.err);
    CHECK(one_fails(&o, "attribute rotary_embedding_dim: 3"));
    one_end(&o);
    for (int interleaved = 0; interleaved < 2; interleaved++) {
        one_start(&o, "", "RotaryEmbedding", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), VALUES(1, 2, 3, 4)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(0, 1)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(1, 0)));
        node_set_int(o.n, "num_heads", 1, &o.err);
        node_set_int(o.n, "interleaved", interleaved, &o.err);
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4), interleaved ? VALUES(-2, 1, 3, 4) : VALUES(-3, 2, 1, 4)));
        one_end(&o);
    }
}

/* One head, of keys of 2 numbers and values of 1; two steps behind a state. */
static void start_linear(const char *rule, bool decay, bool beta)
{
    one_start(&o, "", "LinearAttention", 2);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 4), VALUES(1, 0, 0, 1, 1, 1, 2, 0))); /* two heads of queries */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 2), VALUES(1, 2, 0, 1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1), VALUES(3, 5)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 1), VALUES(10, 20)));
    one_in(&o, decay ? one_tensor(DTYPE_F32, DIMS(1, 2, 2), VALUES(log(0.5), 0, 0, log(0.25))) : NULL);
    one_in(&o, beta ? one_tensor(DTYPE_F32, DIMS(1, 2, 1), VALUES(0.5, 1)) : NULL);
    node_set_int(o.n, "q_num_heads", 2, &o.err);
    node_set_int(o.n, "kv_num_heads", 1, &o.err);
    node_set_float(o.n, "scale", 1, &o.err);
    if (rule)
        node_set_string(o.n, "update_rule", rule, strlen(rule), &o.err);
}

static void test_linear(void)
{
    static const struct {
        const char *rule;
        double y[4], state[2]; /* worked out by hand */
    } rows[] = {
        {"linear", {13, 26, 44, 26}, {13, 31}},
        {"gated", {8, 26, 19.5, 16}, {8, 11.5}},
        {"delta", {-13.5, -27, -8.5, -27}, {-13.5, 5}},
        {NULL, {-16, -22, -11, -32}, {-16, 5}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_linear(rows[i].rule, true, true);
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2), rows[i].y), "%zu", i);
        CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(1, 1, 2, 1), rows[i].state));
        one_end(&o);
    }
    start_linear(NULL, true, false);
    CHECK(one_fails(&o, "input beta is missing, which the update rule needs"));
    one_end(&o);
    start_linear("delta", false, true);
    node_set_int(o.n, "kv_num_heads", 3, &o.err);
    CHECK(one_fails(&o, "attributes q_num_heads, kv_num_heads: 2, 3"));
    one_end(&o);
    start_linear("cubic", true, true);
    CHECK(one_fails(&o, "attribute update_rule: 'cubic'"));
    one_end(&o);
}

int main(void)
{
    RUN(test_plain);
    RUN(test_causal);
    RUN(test_lengths);
    RUN(test_window);
    RUN(test_masks);
    RUN(test_softcap_and_scores);
    RUN(test_flat_groups);
    RUN(test_attention_errors);
    RUN(test_attention_inference);
    RUN(test_unknown_inputs);
    RUN(test_rotary);
    RUN(test_linear);
    return TEST_END();
}
