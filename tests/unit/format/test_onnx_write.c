/* Writing ONNX: what is read back is the same graph, at any opset that can say it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "format/onnx/onnx.h"
#include "onnx_file.h"

static struct error err;
static char folder[] = "/tmp/test_onnx_XXXXXX";
static char path[64], data_path[80];

static int write_to(const struct graph *g, int opset, size_t limit)
{
    struct target target;
    char options[32];
    err.text[0] = '\0';
    snprintf(options, sizeof(options), "opset=%d", opset);
    if (target_init(&target, path, ".onnx", opset ? options : NULL, format_onnx.options, &err) != 0)
        return -1;
    if (onnx_write(g, &target, limit, &err) == 0)
        return target_commit(&target, &err);
    target_abandon(&target);
    return -1;
}

static struct graph *read_from(const char *name)
{
    struct source source;
    if (source_open(&source, name, &err) != 0)
        return NULL;
    CHECK(format_onnx.sniff(&source) > 50);
    struct graph *g = format_onnx.read(&source, &err);
    source_release(&source);
    return g;
}

/* The graph after writing and reading; NULL when either failed. */
static struct graph *round_trip(const struct graph *g, int opset)
{
    return write_to(g, opset, 1 << 30) == 0 ? read_from(path) : NULL;
}

/* A graph of one operator on x, [2, 3, 4] unless dims say otherwise, whose output is y. */
static struct node *one_node(struct graph *g, const char *domain, const char *op, int rank, const int64_t *dims)
{
    struct value *x = graph_add_value(g, "x", &err);
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = rank};
    memcpy(x->type.dims, dims, sizeof(*dims) * (size_t)rank);
    graph_add_input(g, x, &err);
    struct node *n = graph_add_node(g, domain, op, NULL, &err);
    node_add_input(n, x, &err);
    graph_add_output(g, node_new_output(n, "y", &err), &err);
    node_set_name(n, "it", &err);
    return n;
}

static struct value *ints(struct graph *g, int64_t count, const int64_t *values)
{
    return graph_add_constant(g, NULL, tensor_ints(count, values, &err), &err);
}

/* Output 0 of a graph for seeded inputs; a new reference. */
static struct item *run(const struct graph *g)
{
    struct item *in[4] = {NULL}, *out[4] = {NULL};
    uint64_t seed = 5;
    for (size_t i = 0; i < g->input_count; i++) {
        struct tensor *t = tensor_new(DTYPE_F32, g->inputs[i]->type.rank, g->inputs[i]->type.dims, &err);
        for (int64_t k = 0; t && k < t->count; k++)
            tensor_set_f64(t, k, hash_normal(&seed));
        in[i] = item_of_tensor(t, &err);
    }
    if (op_run(g, in, out, 1 << 24, 1, &err) != 0)
        printf("%s\n", err.text);
    for (int i = 0; i < 4; i++) {
        item_unref(in[i]);
        if (i)
            item_unref(out[i]);
    }
    return out[0];
}

static bool close_to(const struct tensor *a, const struct tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->count != b->count)
        return false;
    for (int64_t i = 0; i < a->count; i++)
        if (!(fabs(tensor_get_f64(a, i) - tensor_get_f64(b, i)) <= 1e-5))
            return false;
    return true;
}

/* Written at the opset and read again the graph gives the same. The graph goes. */
static void keeps_meaning(struct graph *g, int opset)
{
    op_resolve(g);
    op_infer_graph(g, &err);
    struct graph *again = round_trip(g, opset);
    CHECK_MSG(again != NULL, "%s at %d: %s", g->first->op, opset, err.text);
    if (again) {
        struct item *a = run(g), *b = run(again);
        CHECK_MSG(a && b && close_to(a->tensor, b->tensor), "%s at %d", g->first->op, opset);
        item_unref(a);
        item_unref(b);
    }
    graph_free(again);
    graph_free(g);
}

static void lowered_attributes(void)
{
    for (int opset = 7; opset <= OP_OPSET; opset++) {
        struct graph *g = graph_new(&err);
        struct node *n = one_node(g, "", "Softmax", FILE_DIMS(2, 3, 4));
        node_set_int(n, "axis", 1, &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "ReduceMean", FILE_DIMS(2, 3, 4));
        node_add_input(n, ints(g, 2, (int64_t[]){-1, 0}), &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "Slice", FILE_DIMS(2, 3, 4));
        node_add_input(n, ints(g, 1, (int64_t[]){1}), &err);
        node_add_input(n, ints(g, 1, (int64_t[]){3}), &err);
        node_add_input(n, ints(g, 1, (int64_t[]){-1}), &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "Pad", FILE_DIMS(2, 3));
        node_add_input(n, ints(g, 2, (int64_t[]){1, 2}), &err);
        node_add_input(n, graph_add_constant(g, NULL, tensor_scalar_f32(7, &err), &err), &err);
        node_add_input(n, ints(g, 1, (int64_t[]){-1}), &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "Clip", FILE_DIMS(2, 3));
        node_add_input(n, NULL, &err);
        node_add_input(n, graph_add_constant(g, NULL, tensor_scalar_f32(0.5f, &err), &err), &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "Unsqueeze", FILE_DIMS(2, 3));
        node_add_input(n, ints(g, 2, (int64_t[]){-1, 1}), &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "Split", FILE_DIMS(5, 2));
        node_set_int(n, "num_outputs", 2, &err);
        node_new_output(n, "rest", &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "TopK", FILE_DIMS(2, 3));
        node_add_input(n, ints(g, 1, (int64_t[]){2}), &err);
        node_new_output(n, "indices", &err);
        keeps_meaning(g, opset);
    }
}

static void lowered_operators(void)
{
    static const char *const ops[] = {"Gelu", "Mish", "Swish", "HardSwish"};
    for (int opset = 9; opset <= OP_OPSET; opset += opset < 12 ? 1 : 6) {
        for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
            struct graph *g = graph_new(&err);
            one_node(g, "", ops[i], FILE_DIMS(2, 3));
            keeps_meaning(g, opset);
        }
        struct graph *g = graph_new(&err);
        struct node *n = one_node(g, "", "Gelu", FILE_DIMS(2, 3));
        node_set_string(n, "approximate", "tanh", 4, &err);
        keeps_meaning(g, opset);
        g = graph_new(&err);
        n = one_node(g, "", "Mod", FILE_DIMS(2, 3));
        node_add_input(n, graph_add_constant(g, NULL, tensor_scalar_f32(-0.75f, &err), &err), &err);
        keeps_meaning(g, opset);
        for (int kind = 0; kind < 3; kind++) {
            const char *const norms[] = {"LayerNormalization", "RMSNormalization", "GroupNormalization"};
            int64_t size = 4;
            struct tensor *scale = tensor_new(DTYPE_F32, 1, &size, &err), *bias = tensor_new(DTYPE_F32, 1, &size, &err);
            for (int k = 0; k < 4; k++) {
                tensor_set_f64(scale, k, k + 1);
                tensor_set_f64(bias, k, -k);
            }
            g = graph_new(&err);
            n = one_node(g, "", norms[kind], FILE_DIMS(2, 4, 4));
            if (kind == 2)
                node_set_int(n, "num_groups", 2, &err);
            node_add_input(n, graph_add_constant(g, "scale", scale, &err), &err);
            if (kind != 1)
                node_add_input(n, graph_add_constant(g, "bias", bias, &err), &err);
            else
                tensor_unref(bias);
            keeps_meaning(g, opset);
        }
    }
}

static struct value *input(struct graph *g, int rank, const int64_t *dims)
{
    struct value *x = graph_add_value(g, NULL, &err);
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = rank};
    memcpy(x->type.dims, dims, sizeof(*dims) * (size_t)rank);
    graph_add_input(g, x, &err);
    return x;
}

enum { NO_MASK, SUM, SEES_ALL, SEES_SOME, SEES_NONE, COMPUTED };

/* [3, 5]: a query sees all keys, or but one, or one sees none. */
static struct value *attention_mask(struct graph *g, int kind)
{
    struct tensor *t = tensor_new(kind == SUM ? DTYPE_F32 : DTYPE_BOOL, FILE_DIMS(3, 5), &err);
    for (int i = 0; i < 15; i++)
        tensor_set_f64(t, i, kind == SUM ? i % 4 : kind == SEES_ALL || (kind == SEES_SOME ? i % 4 : i / 5 != 1));
    struct value *v = graph_add_constant(g, NULL, t, &err);
    if (kind != COMPUTED)
        return v;
    struct node *n = graph_add_node(g, "", "Not", NULL, &err);
    node_add_input(n, v, &err);
    return node_new_output(n, NULL, &err);
}

/* Four heads of queries on two of keys, apart or side by side. */
static void lowered_attention(void)
{
    for (int i = 0; i < 48; i++) {
        int mask = i % 6;
        bool flat = i / 6 % 2, causal = i / 12 % 2, capped = i / 24;
        struct graph *g = graph_new(&err);
        struct value *in[4];
        for (int k = 0; k < 3; k++)
            in[k] =
                flat ? input(g, FILE_DIMS(2, k ? 5 : 3, k ? 12 : 24)) : input(g, FILE_DIMS(2, k ? 2 : 4, k ? 5 : 3, 6));
        in[3] = mask == NO_MASK ? NULL : attention_mask(g, mask);
        struct node *n = graph_add_node(g, "", "Attention", NULL, &err);
        for (int k = 0; k < 4; k++)
            if (in[k])
                node_add_input(n, in[k], &err);
        graph_add_output(g, node_new_output(n, "y", &err), &err);
        if (flat) {
            node_set_int(n, "q_num_heads", 4, &err);
            node_set_int(n, "kv_num_heads", 2, &err);
        }
        node_set_int(n, "is_causal", causal, &err);
        if (capped) {
            node_set_float(n, "softcap", 0.5f, &err);
            node_set_float(n, "scale", 0.7f, &err);
        }
        keeps_meaning(g, 17);
    }
}

static void lowered_resize(void)
{
    for (int opset = 7; opset <= 25; opset++) {
        struct graph *g = graph_new(&err);
        struct node *n = one_node(g, "", "Resize", FILE_DIMS(1, 1, 2, 3));
        int64_t two = 2;
        struct tensor *scales = tensor_new(DTYPE_F32, 1, &two, &err);
        tensor_set_f64(scales, 0, 2);
        tensor_set_f64(scales, 1, 3);
        node_add_input(n, NULL, &err);
        node_add_input(n, graph_add_constant(g, NULL, scales, &err), &err);
        node_set_ints(n, "axes", (int64_t[]){2, -1}, 2, &err);
        node_set_string(n, "coordinate_transformation_mode", "asymmetric", 10, &err);
        node_set_string(n, "nearest_mode", "floor", 5, &err);
        keeps_meaning(g, opset);
    }
}

/* Fused nodes become the operators they are made of. */
static void fused(void)
{
    struct graph *g = graph_new(&err);
    struct node *n = one_node(g, "nn", "Add", FILE_DIMS(2, 3));
    node_add_input(n, n->in[0], &err);
    node_set_string(n, "activation", "LeakyRelu", 9, &err);
    node_set_float(n, "activation_alpha", 0.5f, &err);
    op_resolve(g);
    struct graph *again = round_trip(g, 0);
    CHECK_MSG(again && again->node_count == 2 && node_is(again->first, "Add") && node_is(again->last, "LeakyRelu"),
              "%s", err.text);
    CHECK(g->node_count == 1);
    graph_free(again);
    keeps_meaning(g, 7);
}

static void refused(const char *op, int opset, const char *part)
{
    struct graph *g = graph_new(&err);
    struct node *n = one_node(g, "", op, FILE_DIMS(2, 3));
    if (strcmp(op, "MaxPool") == 0)
        node_set_int(n, "ceil_mode", 1, &err);
    if (strcmp(op, "QuantizeLinear") == 0) {
        node_add_input(n, graph_add_constant(g, NULL, tensor_scalar_f32(1, &err), &err), &err);
        node_add_input(n, graph_add_constant(g, NULL, tensor_new(DTYPE_I16, 0, NULL, &err), &err), &err);
    }
    if (strcmp(op, "ReduceSum") == 0)
        node_add_input(n, n->in[0], &err);
    op_resolve(g);
    CHECK(write_to(g, opset, 1 << 30) != 0);
    CHECK_MSG(strstr(err.text, part), "'%s' does not say '%s'", err.text, part);
    graph_free(g);
}

static void refusals(void)
{
    refused("BitwiseNot", 17, "node 'it' (BitwiseNot): this operator needs opset 18, and 17 is to be written");
    refused("MaxPool", 9, "node 'it' (MaxPool): attribute ceil_mode as it is needs opset 10");
    refused("ReduceSum", 12, "input 1 (axes), being computed, needs opset 13");
    refused("QuantizeLinear", 17, "input 2, being i16, needs opset 21");
    refused("Relu", 6, "option opset=6: want a number from 7 to 28");
    refused("Relu", 29, "option opset=29");
    refused("CumProd", 25, "needs opset 26");
}

/* ---- what else a file holds ---- */

static const float *floats_of(const struct graph *g, const char *name)
{
    struct value *v = g ? graph_find_value(g, name) : NULL;
    return v && v->constant ? v->constant->data : NULL;
}

static void everything_kept(void)
{
    struct graph *g = graph_new(&err);
    struct node *n = one_node(g, "com.example", "Frob", 2, (int64_t[]){0, 3});
    struct value *x = g->inputs[0];
    const struct str words[] = {{"a", 1}, {"b\0c", 3}, {"", 0}};
    x->type.dims[0] = graph_symbol(g, "batch", &err);
    n->since = 3;
    node_add_input(n, NULL, &err);
    node_add_input(n, graph_add_constant(g, "words", tensor_of_strings(1, (int64_t[]){3}, words, &err), &err), &err);
    node_set_int(n, "i", INT64_MIN, &err);
    node_set_float(n, "f", -0.0f, &err);
    node_set_string(n, "s", "a\0b", 3, &err);
    node_set_ints(n, "none", NULL, 0, &err);
    node_set_strings(n, "words", words, 3, &err);
    node_set_tensor(n, "t", tensor_scalar_f32(3, &err), &err);
    node_set_type(n, "y", &(struct type){.kind = TYPE_SEQUENCE, .element = &x->type}, &err);
    graph_set_property(g, "producer", "me", 2, &err);
    graph_set_property(g, "recipe", "resize=256", 10, &err);
    graph_add_output(g, g->outputs[0], &err); /* twice */
    struct graph *again = round_trip(g, 0);
    CHECK_MSG(again != NULL, "%s", err.text);
    if (again) {
        n = again->first;
        CHECK(n->since == 3 && n->in_count == 3 && !n->in[1] && n->in[2]->constant->dtype == DTYPE_STRING);
        CHECK(node_attr(n, "i")->i == INT64_MIN && signbit(node_attr(n, "f")->f) && node_attr(n, "s")->s.size == 3);
        CHECK(node_attr(n, "none")->kind == ATTR_INTS && node_attr(n, "none")->n == 0);
        CHECK(node_attr(n, "words")->strings[1].size == 3 && node_attr(n, "t")->tensor->count == 1);
        CHECK(node_attr(n, "y")->type->kind == TYPE_SEQUENCE && node_attr(n, "y")->type->element->rank == 2);
        CHECK_STR(graph_symbol_name(again, again->inputs[0]->type.dims[0]), "batch");
        CHECK_STR(graph_property(again, "producer")->data, "me");
        CHECK_STR(graph_property(again, "recipe")->data, "resize=256");
        CHECK(again->output_count == 2 && again->outputs[0] != again->outputs[1]);
        CHECK_STR(again->outputs[0]->name, "y");
    }
    graph_free(again);
    graph_free(g);
}

/* Of every element type; 4-bit and others need a newer opset, which is chosen. */
static void element_types(void)
{
    for (int dtype = 1; dtype < DTYPE_COUNT; dtype++) {
        struct graph *g = graph_new(&err);
        int64_t dims[] = {5};
        struct tensor *t = tensor_new((enum dtype)dtype, 1, dims, &err);
        if (dtype != DTYPE_STRING)
            memset(t->data, 0x21, t->size);
        graph_add_output(g, graph_add_constant(g, "c", tensor_ref(t), &err), &err);
        struct graph *again = round_trip(g, 0);
        struct value *v = again ? graph_find_value(again, "c") : NULL;
        CHECK_MSG(v && tensor_equal(v->constant, t), "dtype %d: %s", dtype, err.text);
        graph_free(again);
        CHECK((write_to(g, 17, 1 << 30) == 0) == (dtype <= DTYPE_BF16));
        tensor_unref(t);
        graph_free(g);
    }
}

/* Two that go to a second file, and one that does not. */
static struct graph *three_weights(void)
{
    const char *const names[] = {"large", "small", "other"};
    struct graph *g = graph_new(&err);
    int64_t sizes[] = {1000, 3, 256};
    for (int i = 0; i < 3; i++) {
        struct tensor *t = tensor_new(DTYPE_F32, 1, &sizes[i], &err);
        for (int64_t k = 0; k < sizes[i]; k++)
            tensor_set_f64(t, k, (double)k);
        graph_add_output(g, graph_add_constant(g, names[i], t, &err), &err);
    }
    return g;
}

static void second_file(void)
{
    struct graph *g = three_weights();
    struct stat st;
    CHECK_MSG(write_to(g, 0, 2000) == 0, "%s", err.text);
    CHECK(stat(path, &st) == 0 && st.st_size < 700);
    CHECK(stat(data_path, &st) == 0 && st.st_size == 4096 + 1024);
    struct graph *again = read_from(path);
    CHECK_MSG(floats_of(again, "large") && floats_of(again, "large")[999] == 999, "%s", err.text);
    CHECK(floats_of(again, "small") && floats_of(again, "small")[2] == 2);
    CHECK(floats_of(again, "other") && floats_of(again, "other")[255] == 255);
    graph_free(again);
    unlink(data_path);
    again = read_from(path);
    CHECK(!again && strstr(err.text, "tensor 'large': external data"));
    struct target target;
    CHECK(target_init(&target, NULL, ".onnx", NULL, NULL, &err) == 0);
    CHECK(onnx_write(g, &target, 2000, &err) != 0 && strstr(err.text, "second file"));
    target_abandon(&target);
    graph_free(g);
}

static size_t contents(char *to, size_t size)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, size, f) : 0;
    if (f)
        fclose(f);
    return n;
}

static void same_bytes(void)
{
    static char a[20000], b[20000];
    struct graph *g = three_weights();
    CHECK(write_to(g, 0, 1 << 30) == 0);
    size_t n = contents(a, sizeof(a));
    struct graph *again = read_from(path);
    CHECK(again && write_to(again, 0, 1 << 30) == 0);
    CHECK(n > 4000 && contents(b, sizeof(b)) == n && memcmp(a, b, n) == 0);
    graph_free(again);
    graph_free(g);
}

/* A branch that uses what is around it, and names that stay. */
static void branches(void)
{
    struct graph *g = graph_new(&err);
    struct node *n = one_node(g, "", "If", FILE_DIMS(2, 3));
    struct value *x = g->inputs[0];
    struct tensor *yes = tensor_new(DTYPE_BOOL, 0, NULL, &err);
    tensor_set_i64(yes, 0, 1);
    node_set_input(n, 0, graph_add_constant(g, "cond", yes, &err), &err);
    for (int i = 0; i < 2; i++) {
        struct graph *sub = graph_new_subgraph(g, &err);
        node_set_graph(n, i ? "else_branch" : "then_branch", sub, &err);
        struct node *inner = graph_add_node(sub, "", i ? "Neg" : "Swish", NULL, &err);
        node_add_input(inner, x, &err);
        graph_add_output(sub, node_new_output(inner, i ? "neg" : "swish", &err), &err);
    }
    CHECK_MSG(graph_check(g, &err) == 0, "%s", err.text);
    keeps_meaning(g, 11);
}

/* DequantizeLinear of 16-bit integers came with opset 21: which is taken unless an older one is asked for. */
static void newer_opset_where_needed(void)
{
    struct graph *g = graph_new(&err);
    struct value *x = graph_add_value(g, "x", &err);
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_I16, .rank = 1, .dims = {3}};
    graph_add_input(g, x, &err);
    struct node *n = graph_add_node(g, "", "DequantizeLinear", NULL, &err);
    node_add_input(n, x, &err);
    node_add_input(n, graph_add_constant(g, "scale", tensor_scalar_f32(0.5f, &err), &err), &err);
    graph_add_output(g, node_new_output(n, "y", &err), &err);
    op_resolve(g);
    CHECK(op_infer_graph(g, &err) == 0);
    CHECK_MSG(write_to(g, 0, INT32_MAX) == 0, "%s", err.text);
    CHECK(write_to(g, 17, INT32_MAX) != 0 && strstr(err.text, "needs opset 21"));
    graph_free(g);
}

/* Nodes of one name are told apart, as onnxruntime asks; the first keeps it, and a number that is there is not taken.
 */
static void names_of_nodes(void)
{
    static const char *const want[] = {"it", "it_2", "it_1", "it_3"};
    struct graph *g = graph_new(&err);
    struct node *n = one_node(g, "", "Relu", 1, (int64_t[]){3});
    for (int i = 1; i < 4; i++) {
        struct node *next = graph_add_node(g, "", "Relu", NULL, &err);
        node_set_name(next, i == 2 ? "it_1" : "it", &err);
        node_add_input(next, n->in[0], &err);
        graph_add_output(g, node_new_output(next, NULL, &err), &err);
    }
    struct graph *back = round_trip(g, 0);
    CHECK_MSG(back != NULL, "%s", err.text);
    int i = 0, seen = 0;
    for (n = back ? back->first : NULL; n && i < 4; n = n->next, i++)
        for (int k = 0; k < 4; k++)
            seen |= strcmp(n->name, want[k]) == 0 ? 1 << k : 0;
    CHECK_MSG(i == 4 && seen == 15, "%d nodes, names %x", i, (unsigned)seen);
    graph_free(g);
    graph_free(back);
}

/* A convolution whose taps stand apart, padded as the size wants; `open`: of a size that is not known. */
static struct graph *dilated(bool is_open, int64_t stride)
{
    static const int64_t dims[] = {1, 1, 3, 3}, dilations[] = {2, 3};
    struct graph *g = graph_new(&err);
    struct node *n = one_node(g, "", "Conv", FILE_DIMS(1, 1, 7, 8));
    struct tensor *t = tensor_new(DTYPE_F32, 4, dims, &err);
    for (int i = 0; i < 9; i++)
        tensor_set_f64(t, i, i);
    n->in[0]->type.dims[2] = is_open ? graph_symbol(g, "height", &err) : 7;
    node_add_input(n, graph_add_constant(g, "w", t, &err), &err);
    node_set_string(n, "auto_pad", "SAME_UPPER", 10, &err);
    node_set_ints(n, "dilations", dilations, 2, &err);
    node_set_ints(n, "strides", (int64_t[]){stride, stride}, 2, &err);
    op_resolve(g);
    op_infer_graph(g, &err);
    return g;
}

static void dilated_pads(void)
{
    static const struct {
        bool is_open;
        int stride;
        int64_t pads[4]; /* -1: as the size wants */
    } cases[] = {{false, 1, {2, 3, 2, 3}}, {true, 1, {2, 3, 2, 3}}, {false, 2, {2, 2, 2, 3}}, {true, 2, {-1}}};
    for (int i = 0; i < 4; i++) {
        struct graph *g = dilated(cases[i].is_open, cases[i].stride), *again = round_trip(g, 0);
        int count = 0;
        const int64_t *pads = again ? op_ints(again->first, "pads", &count) : NULL;
        bool is_auto = again && strcmp(op_string(again->first, "auto_pad"), "SAME_UPPER") == 0;
        CHECK_MSG(again && is_auto == (cases[i].pads[0] < 0), "%d: %s", i, err.text);
        CHECK(is_auto || (pads && count == 4 && memcmp(pads, cases[i].pads, sizeof cases[i].pads) == 0));
        graph_free(again);
        graph_free(g);
    }
    keeps_meaning(dilated(false, 2), 25);
}

/* Branches in the first branch of branches. */
static struct value *nested(struct graph *g, struct value *condition, int depth)
{
    struct node *n = graph_add_node(g, "", depth ? "If" : "Not", NULL, &err);
    node_add_input(n, condition, &err);
    for (int i = 0; depth && i < 2; i++) {
        struct graph *branch = graph_new_subgraph(g, &err);
        node_set_graph(n, i ? "else_branch" : "then_branch", branch, &err);
        graph_add_output(branch, nested(branch, condition, i ? 0 : depth - 1), &err);
    }
    return node_new_output(n, NULL, &err);
}

/* What is written may not double with each level. */
static void deep_branches(void)
{
    struct graph *g = graph_new(&err), *again;
    struct value *c = graph_add_value(g, "c", &err);
    int depth = 0;
    c->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_BOOL};
    graph_add_input(g, c, &err);
    graph_add_output(g, nested(g, c, 20), &err);
    op_resolve(g);
    op_infer_graph(g, &err);
    again = round_trip(g, 0);
    for (struct graph *at = again; at && node_is(at->first, "If"); at = op_graph(at->first, "then_branch"))
        depth++;
    CHECK_MSG(depth == 20, "%d deep: %s", depth, err.text);
    graph_free(again);
    graph_free(g);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/m.onnx", folder);
    snprintf(data_path, sizeof(data_path), "%s.data", path);
    RUN(lowered_attributes);
    RUN(lowered_operators);
    RUN(lowered_attention);
    RUN(lowered_resize);
    RUN(fused);
    RUN(refusals);
    RUN(everything_kept);
    RUN(element_types);
    RUN(second_file);
    RUN(same_bytes);
    RUN(branches);
    RUN(deep_branches);
    RUN(newer_opset_where_needed);
    RUN(names_of_nodes);
    RUN(dilated_pads);
    unlink(path);
    unlink(data_path);
    rmdir(folder);
    return TEST_END();
}
