/* ArrayFeatureExtractor, Binarizer, LabelEncoder, TreeEnsemble. */
#include "one.h"

#define ML "ai.onnx.ml"

static void test_simple(void)
{
    struct one o;
    one_start(&o, ML, "ArrayFeatureExtractor", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 3), VALUES(1, 2, 3, 4, 5, 6)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1, 2), VALUES(2, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(3, 1, 6, 4)));
    one_end(&o);
    one_start(&o, ML, "ArrayFeatureExtractor", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(3)));
    CHECK(one_fails(&o, "input Y: element 0 is 3, want 0 to 2"));
    one_end(&o);
    one_start(&o, ML, "Binarizer", 1);
    node_set_float(o.n, "threshold", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(3), VALUES(0, 1, 2)));
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(3), VALUES(0, 0, 1)));
    one_end(&o);
}

static void test_label_encoder(void)
{
    struct one o;
    one_start(&o, ML, "LabelEncoder", 1);
    node_set_floats(o.n, "keys_floats", (float[]){1, NAN, -0.0f, 1}, 4, &o.err);
    node_set_ints(o.n, "values_int64s", (int64_t[]){10, 20, 30, 40}, 4, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(4), VALUES(1, -NAN, 0, 9)));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(4), VALUES(40, 20, 30, -1)));
    one_end(&o);
    one_start(&o, ML, "LabelEncoder", 1);
    struct str words[2] = {{"a", 1}, {"bc", 2}};
    node_set_ints(o.n, "keys_int64s", (int64_t[]){5, 6}, 2, &o.err);
    node_set_strings(o.n, "values_strings", words, 2, &o.err);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(6, 7)));
    CHECK(one_run(&o) == 0);
    const struct str *s = o.out[0]->tensor->data;
    CHECK(s[0].size == 2 && memcmp(s[0].data, "bc", 2) == 0 && s[1].size == 7 && memcmp(s[1].data, "_Unused", 7) == 0);
    one_end(&o);
    one_start(&o, ML, "LabelEncoder", 1);
    node_set_tensor(o.n, "keys_tensor", one_tensor(DTYPE_I16, DIMS(2), VALUES(3, -3)), &o.err);
    node_set_tensor(o.n, "values_tensor", one_tensor(DTYPE_F64, DIMS(2), VALUES(0.5, 1.5)), &o.err);
    node_set_tensor(o.n, "default_tensor", one_tensor(DTYPE_F64, SCALAR, VALUES(9)), &o.err);
    one_in(&o, one_tensor(DTYPE_I16, DIMS(3), VALUES(-3, 3, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(3), VALUES(1.5, 0.5, 9)));
    one_end(&o);
}

static void test_label_errors(void)
{
    struct one o;
    for (int i = 0; i < 4; i++) {
        one_start(&o, ML, "LabelEncoder", 1);
        if (i != 0)
            node_set_ints(o.n, "keys_int64s", (int64_t[]){5, 6}, 2, &o.err);
        if (i == 1)
            node_set_floats(o.n, "keys_floats", (float[]){1}, 1, &o.err);
        node_set_ints(o.n, "values_int64s", (int64_t[]){5, 6, 7}, i == 2 ? 3 : 2, &o.err);
        one_in(&o, one_tensor(i == 3 ? DTYPE_I32 : DTYPE_I64, DIMS(1), NULL));
        static const char *const words[] = {"no attribute keys_", "are both set", "2 keys and 3 values",
                                            "the keys are i64, input X is i32"};
        CHECK(one_fails(&o, words[i]));
        one_end(&o);
    }
}

/* x0 <= 1 ? leaf 0 : (x1 in {2, 4} ? leaf 1 : leaf 2), and a second tree that is leaf 1 alone. */
static void start_trees(struct one *o, int64_t aggregate)
{
    one_start(o, ML, "TreeEnsemble", 1);
    node_set_int(o->n, "n_targets", 2, &o->err);
    node_set_int(o->n, "aggregate_function", aggregate, &o->err);
    node_set_ints(o->n, "tree_roots", (int64_t[]){0, 2}, 2, &o->err);
    node_set_ints(o->n, "nodes_featureids", (int64_t[]){0, 1, 0}, 3, &o->err);
    node_set_tensor(o->n, "nodes_modes", one_tensor(DTYPE_U8, DIMS(3), VALUES(0, 6, 0)), &o->err);
    node_set_tensor(o->n, "nodes_splits", one_tensor(DTYPE_F32, DIMS(3), VALUES(1, 0, 0)), &o->err);
    node_set_ints(o->n, "nodes_truenodeids", (int64_t[]){0, 1, 1}, 3, &o->err);
    node_set_ints(o->n, "nodes_trueleafs", (int64_t[]){1, 1, 1}, 3, &o->err);
    node_set_ints(o->n, "nodes_falsenodeids", (int64_t[]){1, 2, 1}, 3, &o->err);
    node_set_ints(o->n, "nodes_falseleafs", (int64_t[]){0, 1, 1}, 3, &o->err);
    node_set_ints(o->n, "nodes_missing_value_tracks_true", (int64_t[]){1, 0, 0}, 3, &o->err);
    node_set_tensor(o->n, "membership_values", one_tensor(DTYPE_F32, DIMS(3), VALUES(2, 4, NAN)), &o->err);
    node_set_ints(o->n, "leaf_targetids", (int64_t[]){0, 1, 1}, 3, &o->err);
    node_set_tensor(o->n, "leaf_weights", one_tensor(DTYPE_F32, DIMS(3), VALUES(10, 20, 30)), &o->err);
}

static void test_trees(void)
{
    static const double want[4][8] = {{5, 10, 0, 20, 0, 25, 5, 10},
                                      {10, 20, 0, 40, 0, 50, 10, 20},
                                      {10, 20, 0, 20, 0, 20, 10, 20},
                                      {10, 20, 0, 20, 0, 30, 10, 20}};
    for (int64_t aggregate = 0; aggregate < 4; aggregate++) {
        struct one o;
        start_trees(&o, aggregate);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(4, 2), VALUES(1, 9, 2, 4, 2, 3, NAN, 0)));
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(4, 2), want[aggregate]), "aggregate %lld", (long long)aggregate);
        one_end(&o);
    }
    struct one o;
    start_trees(&o, 1);
    node_set_int(o.n, "post_transform", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 2), VALUES(1, 9)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 2), VALUES(4.5397868702434395e-05, 0.99995460213129761)));
    one_end(&o);
}

/* More rows than are taken at a time, and no round number of walks. */
static void test_tree_rows(void)
{
    enum { ROWS = 131 };
    static const double x[4][2] = {{1, 9}, {2, 4}, {2, 3}, {NAN, 0}}, y[4][2] = {{10, 20}, {0, 40}, {0, 50}, {10, 20}};
    double in[ROWS * 2], want[ROWS * 2];
    for (int i = 0; i < ROWS; i++) {
        memcpy(in + 2 * i, x[i * 7 % 4], sizeof x[0]);
        memcpy(want + 2 * i, y[i * 7 % 4], sizeof y[0]);
    }
    struct one o;
    start_trees(&o, 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(ROWS, 2), in));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(ROWS, 2), want));
    one_end(&o);
    start_trees(&o, 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(0, 2), NULL));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 2), NULL));
    one_end(&o);
}

static void test_tree_errors(void)
{
    static const struct {
        const char *attr;
        int64_t values[3];
        size_t n;
        const char *words;
    } rows[] = {
        {"nodes_featureids", {0, 2, 0}, 3, "attribute nodes_featureids: entry 1 is 2, want 0 to 1"},
        {"nodes_falsenodeids", {3, 2, 1}, 3, "attribute nodes_falsenodeids: entry 0 is 3"},
        {"nodes_falsenodeids", {1, 2}, 2, "attribute nodes_falsenodeids has 2 entries, want 3"},
        {"nodes_truenodeids", {-1, 1, 1}, 3, "attribute nodes_truenodeids: entry 0 is -1"},
        {"leaf_targetids", {0, 1, 2}, 3, "attribute leaf_targetids: entry 2 is 2"},
        {"tree_roots", {0, 3}, 2, "attribute tree_roots: entry 1 is 3"},
        {"nodes_falsenodeids", {0, 2, 1}, 3, "the nodes of tree 0 go in a circle"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        start_trees(&o, 1);
        node_set_ints(o.n, rows[i].attr, rows[i].values, rows[i].n, &o.err);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(5, 0, 1, 0)));
        CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
        one_end(&o);
    }
    struct one o;
    start_trees(&o, 1);
    node_set_tensor(o.n, "membership_values", one_tensor(DTYPE_F32, DIMS(2), VALUES(2, 4)), &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), NULL));
    CHECK(one_fails(&o, "fewer sets than nodes"));
    one_end(&o);
}

int main(void)
{
    RUN(test_simple);
    RUN(test_label_encoder);
    RUN(test_label_errors);
    RUN(test_trees);
    RUN(test_tree_rows);
    RUN(test_tree_errors);
    return TEST_END();
}
