/* Weights in fewer bits: what is chosen, along which axis, how far off they come back, and that they do at all. */
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "op/op.h"
#include "quant/weights.h"

static struct tensor *random_tensor(int rank, const int64_t *dims, double scale)
{
    static uint64_t seed = 5;
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, scale * hash_normal(&seed));
    return t;
}

/* y = op(x, w), or op(w, x) when first. */
static struct graph *layer(const char *op, int rank, const int64_t *dims, bool first)
{
    struct graph *g = graph_new(NULL);
    struct value *x = graph_add_value(g, "x", NULL);
    struct value *w = graph_add_constant(g, "w", random_tensor(rank, dims, 0.1), NULL);
    graph_add_input(g, x, NULL);
    struct node *n = graph_add_node(g, "", op, NULL, NULL);
    node_add_input(n, first ? w : x, NULL);
    node_add_input(n, first ? x : w, NULL);
    if (strcmp(op, "LSTM") == 0) { /* which wants a recurrent weight as well */
        struct value *r = graph_add_value(g, "r", NULL);
        graph_add_input(g, r, NULL);
        node_add_input(n, r, NULL);
    }
    graph_add_output(g, node_new_output(n, "y", NULL), NULL);
    op_resolve(g);
    return g;
}

static size_t store(struct graph *g, const char *scheme, struct quant_change *first)
{
    struct error err = {""};
    struct quant_change *changes = NULL;
    size_t count = 0;
    CHECK_MSG(quant_store_weights(g, quant_scheme_find(scheme), &changes, &count, &err) == 0, "%s", err.text);
    CHECK_MSG(graph_check(g, &err) == 0, "%s", err.text);
    for (const struct node *n = g->first; n; n = n->next)
        CHECK_MSG(op_check(n, &err) == 0, "%s", err.text);
    if (count && first)
        *first = changes[0];
    free(changes);
    return count;
}

static void the_channel_axis_follows_the_layer(void)
{
    static const struct {
        const char *op;
        int rank;
        int64_t dims[4];
        bool first;
        int axis;
    } cases[] = {
        {"Conv", 4, {8, 4, 3, 3}, false, 0}, {"ConvTranspose", 4, {8, 4, 3, 3}, false, 1},
        {"MatMul", 2, {32, 24}, false, 1},   {"MatMul", 3, {2, 16, 24}, false, 2},
        {"MatMul", 2, {32, 24}, true, 0},    {"Gemm", 2, {32, 24}, false, 1},
        {"LSTM", 3, {1, 32, 24}, false, 1},  {"Gather", 2, {40, 16}, true, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct graph *g = layer(cases[i].op, cases[i].rank, cases[i].dims, cases[i].first);
        CHECK_MSG(store(g, "int8", NULL) == 1, "%s", cases[i].op);
        const struct node *n = graph_find_value(g, "w")->producer;
        CHECK(n && node_is(n, "DequantizeLinear") && op_int(n, "axis") == cases[i].axis);
        CHECK(n && n->in[1]->constant->count == cases[i].dims[cases[i].axis]);
        graph_free(g);
    }
}

static void transposed_gemm(void)
{
    static const int64_t dims[] = {32, 24};
    struct graph *g = layer("Gemm", 2, dims, false);
    node_set_int(g->first, "transB", 1, NULL);
    CHECK(store(g, "int8", NULL) == 1);
    CHECK(op_int(graph_find_value(g, "w")->producer, "axis") == 0);
    graph_free(g);
}

/* At most half a step of the channel's scale off, and the report says just that. */
static void errors_are_as_told(void)
{
    static const int64_t dims[] = {8, 4, 3, 3};
    static const struct {
        const char *scheme;
        double bound; /* of the error, relative to the largest weight */
        size_t after;
    } cases[] = {{"int8", 0.5001 / 127, 288 + 32},
                 {"int4", 0.5001 / 127, 288 + 32},
                 {"f16", 1.0 / 2048, 576},
                 {"bf16", 1.0 / 256, 576}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct graph *g = layer("Conv", 4, dims, false);
        struct tensor *before = tensor_ref(graph_find_value(g, "w")->constant);
        struct quant_change change;
        double largest = 0, squares = 0, most = 0;
        CHECK(store(g, cases[i].scheme, &change) == 1);
        CHECK(quant_restore_weights(g, true, NULL) == 1);
        const struct tensor *after = graph_find_value(g, "w")->constant;
        CHECK(after && after->dtype == DTYPE_F32 && after->count == before->count && g->node_count == 1);
        for (int64_t k = 0; after && k < after->count; k++) {
            double d = fabs(tensor_get_f64(after, k) - tensor_get_f64(before, k));
            largest = fmax(largest, d);
            squares += d * d;
            most = fmax(most, fabs(tensor_get_f64(before, k)));
        }
        CHECK_MSG(largest > 0 && largest <= cases[i].bound * most, "%s %g", cases[i].scheme, largest / most);
        CHECK(fabs(change.largest - largest) < 1e-9 && fabs(change.rms - sqrt(squares / 288)) < 1e-9);
        CHECK(change.before == 1152 && change.after == cases[i].after && change.elements == 288);
        tensor_unref(before);
        graph_free(g);
    }
}

/* Blocks of 32 along what outputs sum, the last one shorter: half a step of the block's scale off at most. */
static void blocks_of_four_bits(void)
{
    static const int64_t dims[] = {40, 24}, scales[2][2] = {{2, 24}, {40, 1}};
    for (int turned = 0; turned < 2; turned++) {
        struct graph *g = layer("Gemm", 2, dims, false);
        node_set_int(g->first, "transB", turned, NULL);
        struct tensor *before = tensor_ref(graph_find_value(g, "w")->constant);
        struct quant_change change;
        CHECK(store(g, "int4", &change) == 1);
        const struct node *n = graph_find_value(g, "w")->producer;
        CHECK(op_int(n, "axis") == turned && op_int(n, "block_size") == 32 && n->in[0]->constant->dtype == DTYPE_I4);
        struct tensor *scale = tensor_ref(n->in[1]->constant);
        CHECK(scale->rank == 2 && memcmp(scale->dims, scales[turned], sizeof dims) == 0);
        CHECK(change.after == 480 + scale->size);
        CHECK(quant_restore_weights(g, true, NULL) == 1);
        const struct tensor *after = graph_find_value(g, "w")->constant;
        for (int64_t i = 0; i < 40; i++)
            for (int64_t j = 0; j < 24; j++) {
                double step = tensor_get_f64(scale, turned ? i : i / 32 * 24 + j);
                double d = fabs(tensor_get_f64(after, i * 24 + j) - tensor_get_f64(before, i * 24 + j));
                CHECK_MSG(d <= step * 0.50001, "[%d][%d]: %g of %g", (int)i, (int)j, d, step);
            }
        tensor_unref(before);
        tensor_unref(scale);
        graph_free(g);
    }
}

static void left_alone(void)
{
    static const int64_t small[] = {5, 51}, large[] = {16, 16};
    struct graph *g = layer("MatMul", 2, small, false); /* 255 elements */
    CHECK(store(g, "int8", NULL) == 0);
    graph_free(g);
    g = layer("Add", 2, large, false); /* no weight */
    CHECK(store(g, "int8", NULL) == 0);
    graph_free(g);
    static const double odd[] = {INFINITY, NAN};
    for (int i = 0; i < 2; i++) {
        g = layer("MatMul", 2, large, false);
        tensor_set_f64(graph_find_value(g, "w")->constant, 77, odd[i]);
        CHECK(store(g, "int8", NULL) == 0 && store(g, "f16", NULL) == 0);
        graph_free(g);
    }
    g = layer("MatMul", 2, large, false); /* beyond 65504 */
    tensor_set_f64(graph_find_value(g, "w")->constant, 3, 1e6);
    CHECK(store(g, "f16", NULL) == 0 && store(g, "bf16", NULL) == 1);
    graph_free(g);
    g = layer("MatMul", 2, large, false); /* an output too */
    graph_add_output(g, graph_find_value(g, "w"), NULL);
    CHECK(store(g, "int8", NULL) == 0);
    graph_free(g);
}

static void zeros_and_the_smallest(void)
{
    static const int64_t dims[] = {16, 16};
    struct graph *g = layer("MatMul", 2, dims, false);
    struct tensor *w = graph_find_value(g, "w")->constant;
    for (int i = 0; i < 16; i++) {
        tensor_set_f64(w, 16 * i, 0);
        tensor_set_f64(w, 16 * i + 1, 1e-40);
    }
    CHECK(store(g, "int8", NULL) == 1);
    CHECK(quant_restore_weights(g, true, NULL) == 1);
    w = graph_find_value(g, "w")->constant;
    for (int i = 0; i < 16; i++)
        CHECK(tensor_get_f64(w, 16 * i) == 0 && tensor_get_f64(w, 16 * i + 1) == 0);
    graph_free(g);
}

/* A weight that two layers share is stored once, and again would find nothing. */
static void shared_weight(void)
{
    static const int64_t dims[] = {16, 16};
    struct graph *g = layer("MatMul", 2, dims, false);
    struct node *n = graph_add_node(g, "", "MatMul", NULL, NULL);
    node_add_input(n, graph_find_value(g, "y"), NULL);
    node_add_input(n, graph_find_value(g, "w"), NULL);
    graph_add_output(g, node_new_output(n, "z", NULL), NULL);
    op_resolve(g);
    CHECK(store(g, "int8", NULL) == 1);
    CHECK(g->node_count == 3 && store(g, "int8", NULL) == 0);
    graph_free(g);
}

/* Signed and not, with and without zero point, per channel, along the last axis too, and not. */
static void restored_as_the_standard_says(void)
{
    static const int64_t dims[] = {3, 5, 4};
    uint64_t seed = 9;
    for (int i = 0; i < 16; i++) {
        enum dtype dtype = i & 1 ? DTYPE_I8 : DTYPE_U8;
        bool zeroed = i & 2, spread = i & 4;
        int64_t axis = i & 8 ? 2 : 1, channels = spread ? dims[axis] : 1;
        struct graph *g = graph_new(NULL);
        struct tensor *t = tensor_new(dtype, 3, dims, NULL), *scale = tensor_new(DTYPE_F32, spread, &channels, NULL);
        struct tensor *zero = tensor_new(dtype, spread, &channels, NULL);
        for (int64_t k = 0; k < t->count; k++)
            tensor_set_i64(t, k, (int64_t)(hash_random(&seed) % 256) - (i & 1 ? 128 : 0));
        for (int64_t k = 0; k < channels; k++) {
            tensor_set_f64(scale, k, 0.01 + hash_uniform(&seed));
            tensor_set_i64(zero, k, (int64_t)(hash_random(&seed) % 128));
        }
        struct tensor *want = tensor_new(DTYPE_F32, 3, dims, NULL);
        for (int64_t k = 0; k < t->count; k++) {
            int64_t c = !spread ? 0 : axis == 2 ? k % 4 : k / 4 % 5;
            double real = (double)(tensor_get_i64(t, k) - (zeroed ? tensor_get_i64(zero, c) : 0));
            tensor_set_f64(want, k, real * tensor_get_f64(scale, c));
        }
        struct node *n = graph_add_node(g, "", "DequantizeLinear", NULL, NULL), *relu;
        node_add_input(n, graph_add_constant(g, "t", t, NULL), NULL);
        node_add_input(n, graph_add_constant(g, "scale", scale, NULL), NULL);
        struct value *z = graph_add_constant(g, "zero", zero, NULL);
        if (zeroed)
            node_add_input(n, z, NULL);
        node_set_int(n, "axis", axis, NULL);
        struct value *w = node_new_output(n, "w", NULL);
        relu = graph_add_node(g, "", "Relu", NULL, NULL);
        node_add_input(relu, w, NULL);
        graph_add_output(g, node_new_output(relu, "y", NULL), NULL);
        op_resolve(g);
        struct error err = {""};
        CHECK(quant_restore_weights(g, false, &err) == 0);
        CHECK(quant_restore_weights(g, true, &err) == 1);
        CHECK(w->constant && tensor_equal(w->constant, want) && g->node_count == 1);
        CHECK(graph_check(g, &err) == 0);
        tensor_unref(want);
        graph_free(g);
    }
}

/* What was half a float comes back as such, and only that. */
static void halves_are_stored_again(void)
{
    struct graph *g = layer("MatMul", 2, (int64_t[]){24, 32}, false);
    struct error err = {""};
    CHECK(!quant_stored_by(g));
    store(g, "f16", NULL);
    const struct quant_scheme *scheme = quant_stored_by(g);
    CHECK(scheme && strcmp(scheme->name, "f16") == 0);
    CHECK(quant_restore_weights(g, false, &err) == 1 && !quant_stored_by(g));
    CHECK(quant_store_exact(g, quant_scheme_find("bf16"), &err) == 0 && !quant_stored_by(g));
    CHECK_MSG(quant_store_exact(g, quant_scheme_find("f16"), &err) == 0 && quant_stored_by(g), "%s", err.text);
    CHECK_MSG(graph_check(g, &err) == 0, "%s", err.text);
    graph_free(g);
}

int main(void)
{
    RUN(the_channel_axis_follows_the_layer);
    RUN(transposed_gemm);
    RUN(errors_are_as_told);
    RUN(blocks_of_four_bits);
    RUN(left_alone);
    RUN(zeros_and_the_smallest);
    RUN(shared_weight);
    RUN(restored_as_the_standard_says);
    RUN(halves_are_stored_again);
    return TEST_END();
}
