/* Reading ONNX: names, constants in every form, functions, subgraphs. */
#include <unistd.h>

#include "onnx_file.h"

static struct error err;

static const float *constant(const struct graph *g, const char *name)
{
    struct value *v = g ? graph_find_value(g, name) : NULL;
    return v && v->constant && v->constant->dtype == DTYPE_F32 ? v->constant->data : NULL;
}

static void simple(void)
{
    struct msg g = {.size = 0};
    file_value(&g, 11, "x", 1, FILE_DIMS(2, -1, 0));
    file_node(&g, "Relu", "x", "y", NULL);
    file_value(&g, 12, "y", 1, FILE_DIMS(2, -1, -1));
    struct graph *graph = file_read_model(&g, 13, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    if (!graph)
        return;
    CHECK(graph->input_count == 1 && graph->output_count == 1 && graph->node_count == 1);
    CHECK(graph->first->def && node_is(graph->first, "Relu") && graph->first->since == 0);
    CHECK_STR(graph->first->name, "y");
    const struct type *type = &graph->inputs[0]->type;
    CHECK(type->rank == 3 && type->dims[0] == 2);
    CHECK_STR(graph_symbol_name(graph, type->dims[1]), "x_1");
    CHECK_STR(graph_symbol_name(graph, type->dims[2]), "x_2");
    CHECK(graph_check(graph, &err) == 0);
    graph_free(graph);
}

/* One name for several sizes of an input binds the first alone, in all inputs alike; other values keep it. */
static void repeated_names(void)
{
    struct msg g = {.size = 0};
    file_value(&g, 11, "x", 1, FILE_DIMS(FILE_BATCH, FILE_BATCH, 4));
    file_value(&g, 11, "z", 1, FILE_DIMS(FILE_BATCH, FILE_BATCH, 4));
    file_node(&g, "Relu", "x", "y", NULL);
    file_value(&g, 12, "y", 1, FILE_DIMS(-1, -1, -1));
    struct graph *graph = file_read_model(&g, 13, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    for (size_t i = 0; graph && i < graph->input_count; i++) {
        CHECK_STR(graph_symbol_name(graph, graph->inputs[i]->type.dims[0]), "batch");
        CHECK_STR(graph_symbol_name(graph, graph->inputs[i]->type.dims[1]), "batch_1");
    }
    graph_free(graph);
}

/* Nodes in the wrong order, an input that is a constant too, an absent input, an output that is an input. */
static void order_and_interface(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_ints(&a, "kernel_shape", 2, (int64_t[]){1, 1});
    file_node(&g, "Relu", "t", "y", NULL);
    file_node(&g, "Conv", "x,w,-", "t", &a);
    file_value(&g, 11, "x", 1, FILE_DIMS(1, 1, 2, 2));
    file_value(&g, 11, "w", 1, FILE_DIMS(1, 1, 1, 1));
    file_value(&g, 12, "y", 1, FILE_DIMS(1, 1, 2, 2));
    file_value(&g, 12, "x", 1, -1, NULL);
    file_value(&g, 12, "w", 1, -1, NULL);
    file_floats(&g, "w", FILE_DIMS(1, 1, 1, 1), FILE_FLOATS(3));
    struct graph *graph = file_read_model(&g, 9, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    if (!graph)
        return;
    CHECK(graph->input_count == 1 && graph->output_count == 3);
    CHECK(node_is(graph->first, "Conv") && graph->first->in_count == 2);
    CHECK(graph_gives(graph, FILE_INPUTS((float[]){1, -1, 2, 0}), 4, (float[]){3, 0, 6, 0}));
    graph_free(graph);
}

/* Every fault is an error that names what is wrong. */
static void refuses(struct msg *g, int opset, const char *part)
{
    struct graph *graph = file_read_model(g, opset, &err);
    CHECK_MSG(!graph, "was read, want '%s'", part);
    CHECK_MSG(graph || strstr(err.text, part), "'%s' does not say '%s'", err.text, part);
    graph_free(graph);
}

static void bad_names(void)
{
    struct msg g = {.size = 0};
    file_node(&g, "Relu", "nowhere", "y", NULL);
    refuses(&g, 13, "node 'y' (Relu): input 0, 'nowhere'");
    g.size = 0;
    file_value(&g, 11, "x", 1, -1, NULL);
    file_node(&g, "Relu", "x", "y", NULL);
    file_node(&g, "Relu", "x", "y", NULL);
    refuses(&g, 13, "two values are named 'y'");
    g.size = 0;
    file_node(&g, "Relu", "b", "a", NULL);
    file_node(&g, "Relu", "a", "b", NULL);
    refuses(&g, 13, "cycle");
    g.size = 0;
    file_value(&g, 12, "z", 1, -1, NULL);
    refuses(&g, 13, "output 'z'");
    g.size = 0;
    put_bytes(&g, 2, "a\0b", 3);
    refuses(&g, 13, "NUL");
    g.size = 0;
    file_value(&g, 11, "x", 77, -1, NULL);
    refuses(&g, 13, "input 'x': element type 77");
}

static void bad_attributes(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_int(&a, "nonsense", 1);
    file_value(&g, 11, "x", 1, -1, NULL);
    file_node(&g, "Relu", "x", "y", &a);
    refuses(&g, 13, "attribute nonsense is unknown");
    g.size = a.size = 0;
    attr_int(&a, "alpha", 1);
    file_value(&g, 11, "x", 1, -1, NULL);
    file_node(&g, "LeakyRelu", "x", "y", &a);
    refuses(&g, 13, "node 'y' (LeakyRelu): attribute alpha is");
}

/* Operators that are not known stay, with all that they have. */
static void unknown_operator(void)
{
    struct msg g = {.size = 0}, a = {.size = 0}, m = {.size = 0};
    attr_int(&a, "n", 7);
    attr_string(&a, "s", "t");
    file_value(&g, 11, "x", 1, -1, NULL);
    file_node_in(&g, 1, "com.example", "Frob", "x", "y", &a);
    file_value(&g, 12, "y", 1, -1, NULL);
    file_model(&m, &g, 13);
    file_opset(&m, 8, "com.example", 3);
    struct graph *graph = file_parse(m.data, m.size, NULL, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    if (!graph)
        return;
    CHECK(!graph->first->def && graph->first->since == 3);
    CHECK_STR(graph->first->domain, "com.example");
    CHECK(node_attr(graph->first, "n") && node_attr(graph->first, "n")->i == 7 && node_attr(graph->first, "s"));
    graph_free(graph);
}

/* ---- constants ---- */

static void typed_data(void)
{
    static const uint8_t half[] = {0x80, 0x78, 0x80, 0x84, 0x03}; /* the varints 0x3c00, 0xc200 and what follows */
    struct msg g = {.size = 0}, t;
    const float one[] = {1.5f, -2};
    tensor_head(&t, "packed", DTYPE_F32, FILE_DIMS(2));
    put_bytes(&t, 4, one, 8);
    put_msg(&g, 5, &t);
    tensor_head(&t, "loose", DTYPE_F32, FILE_DIMS(2));
    put_float(&t, 4, 1.5f);
    put_float(&t, 4, -2);
    put_msg(&g, 5, &t);
    tensor_head(&t, "long", DTYPE_I64, FILE_DIMS(2));
    put_int(&t, 7, -5);
    put_int(&t, 7, INT64_MAX);
    put_msg(&g, 5, &t);
    tensor_head(&t, "half", DTYPE_F16, FILE_DIMS(2));
    put_bytes(&t, 5, half, sizeof(half));
    put_msg(&g, 5, &t);
    tensor_head(&t, "nibbles", DTYPE_I4, FILE_DIMS(3));
    put_int(&t, 5, 0xf1); /* 1, -1 */
    put_int(&t, 5, 0x08); /* -8 */
    put_msg(&g, 5, &t);
    tensor_head(&t, "words", DTYPE_STRING, FILE_DIMS(2));
    put_string(&t, 6, "a");
    put_bytes(&t, 6, "b\0c", 3);
    put_msg(&g, 5, &t);
    struct graph *graph = file_read_model(&g, 21, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    if (!graph)
        return;
    CHECK(constant(graph, "packed") && memcmp(constant(graph, "packed"), one, 8) == 0);
    CHECK(constant(graph, "loose") && memcmp(constant(graph, "loose"), one, 8) == 0);
    CHECK(tensor_get_i64(graph_find_value(graph, "long")->constant, 0) == -5);
    CHECK(tensor_get_i64(graph_find_value(graph, "long")->constant, 1) == INT64_MAX);
    CHECK(tensor_get_f64(graph_find_value(graph, "half")->constant, 0) == 1);
    CHECK(tensor_get_f64(graph_find_value(graph, "half")->constant, 1) == -3);
    for (int i = 0; i < 3; i++)
        CHECK(tensor_get_i64(graph_find_value(graph, "nibbles")->constant, i) == (i == 0 ? 1 : i == 1 ? -1 : -8));
    const struct str *words = graph_find_value(graph, "words")->constant->data;
    CHECK(words[1].size == 3 && memcmp(words[1].data, "b\0c", 3) == 0);
    graph_free(graph);
}

static void bad_tensor(int dtype, int rank, const int64_t *dims, int field, int bytes, const char *part)
{
    static const uint8_t zeros[64];
    struct msg g = {.size = 0}, t;
    tensor_head(&t, "t", dtype, rank, dims);
    put_bytes(&t, field, zeros, (size_t)bytes);
    put_msg(&g, 5, &t);
    refuses(&g, 13, part);
}

static void bad_tensors(void)
{
    bad_tensor(DTYPE_F32, FILE_DIMS(3), 9, 11, "tensor 't': it has 11 bytes of data, its dims want 12");
    bad_tensor(DTYPE_F32, FILE_DIMS(3), 4, 16, "16 bytes");
    bad_tensor(DTYPE_I64, FILE_DIMS(3), 7, 2, "at most 2 elements of 3");
    bad_tensor(DTYPE_I64, FILE_DIMS(3), 7, 4, "more elements");
    bad_tensor(DTYPE_F32, FILE_DIMS(-1), 9, 4, "dim 0 is -1");
    bad_tensor(DTYPE_F32, FILE_DIMS(1ll << 40, 1ll << 40), 9, 4, "too large");
    bad_tensor(DTYPE_U8, FILE_DIMS(1ll << 39), 9, 4, "its dims want 549755813888");
    bad_tensor(DTYPE_U8, FILE_DIMS(1ll << 39), 5, 4, "elements of");
    bad_tensor(DTYPE_STRING, FILE_DIMS(1ll << 39), 6, 1, "strings");
    bad_tensor(99, FILE_DIMS(1), 9, 4, "element type is 99");
    bad_tensor(DTYPE_F32, FILE_DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 9, 4, "rank is 13");
}

static void constant_nodes(void)
{
    struct msg g = {.size = 0}, a = {.size = 0}, t, sparse = {.size = 0};
    attr_float(&a, "value_float", 2.5f);
    file_node(&g, "Constant", "", "f", &a);
    a.size = 0;
    attr_ints(&a, "value_ints", 2, (int64_t[]){4, 5});
    file_node(&g, "Constant", "", "i", &a);
    tensor_head(&t, "", DTYPE_F32, FILE_DIMS(2));
    put_bytes(&t, 9, (float[]){7, 8}, 8);
    put_msg(&sparse, 1, &t);
    tensor_head(&t, "", DTYPE_I64, FILE_DIMS(2));
    put_int(&t, 7, 1);
    put_int(&t, 7, 3);
    put_msg(&sparse, 2, &t);
    put_int(&sparse, 3, 2);
    put_int(&sparse, 3, 2);
    a.size = 0;
    attr_msg(&a, "sparse_value", 22, 11, &sparse);
    file_node(&g, "Constant", "", "s", &a);
    file_value(&g, 12, "f", 1, -1, NULL);
    struct graph *graph = file_read_model(&g, 13, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    if (graph) {
        CHECK(graph->node_count == 0);
        CHECK(constant(graph, "f") && *constant(graph, "f") == 2.5f);
        CHECK(tensor_get_i64(graph_find_value(graph, "i")->constant, 1) == 5);
        CHECK(constant(graph, "s") && memcmp(constant(graph, "s"), (float[]){0, 7, 0, 8}, 16) == 0);
    }
    graph_free(graph);
    a.size = g.size = sparse.size = 0;
    tensor_head(&t, "", DTYPE_F32, FILE_DIMS(2)); /* by coordinates */
    put_bytes(&t, 9, (float[]){7, 8}, 8);
    put_msg(&sparse, 1, &t);
    tensor_head(&t, "", DTYPE_I64, FILE_DIMS(2, 2));
    for (int i = 0; i < 4; i++)
        put_int(&t, 7, i == 0 || i == 3);
    put_msg(&sparse, 2, &t);
    put_int(&sparse, 3, 2);
    put_int(&sparse, 3, 2);
    attr_msg(&a, "sparse_value", 22, 11, &sparse);
    file_node(&g, "Constant", "", "s", &a);
    graph = file_read_model(&g, 13, &err);
    CHECK(constant(graph, "s") && memcmp(constant(graph, "s"), (float[]){0, 8, 7, 0}, 16) == 0);
    graph_free(graph);
    a.size = g.size = 0;
    put_int(&sparse, 3, 1 << 30); /* 2 x 2 x 2^30 */
    attr_msg(&a, "sparse_value", 22, 11, &sparse);
    file_node(&g, "Constant", "", "s", &a);
    refuses(&g, 13, "dense");
}

/* ---- external data ---- */

static void external_tensor(struct msg *g, const char *location, const char *offset, const char *length)
{
    const char *const pairs[][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    struct msg t;
    tensor_head(&t, "w", DTYPE_F32, FILE_DIMS(2));
    for (int i = 0; i < 3; i++) {
        struct msg e = {.size = 0};
        if (!pairs[i][1])
            continue;
        put_string(&e, 1, pairs[i][0]);
        put_string(&e, 2, pairs[i][1]);
        put_msg(&t, 13, &e);
    }
    put_int(&t, 14, 1);
    g->size = 0;
    put_msg(g, 5, &t);
}

static struct graph *read_at(const struct msg *g, const char *path)
{
    static struct msg m;
    file_model(&m, g, 13);
    return file_parse(m.data, m.size, path, &err);
}

static void external_data(void)
{
    char folder[] = "/tmp/test_onnx_XXXXXX", model[64], data[64];
    struct msg g = {.size = 0};
    if (!mkdtemp(folder))
        return;
    snprintf(model, sizeof(model), "%s/m.onnx", folder);
    snprintf(data, sizeof(data), "%s/w.bin", folder);
    FILE *f = fopen(data, "wb");
    fwrite((float[]){9, 1, 2, 3}, 4, 4, f);
    fclose(f);
    external_tensor(&g, "w.bin", "4", "8");
    struct graph *graph = read_at(&g, model);
    CHECK_MSG(constant(graph, "w") && constant(graph, "w")[0] == 1 && constant(graph, "w")[1] == 2, "%s", err.text);
    graph_free(graph);
    external_tensor(&g, "w.bin", "8", NULL);
    graph = read_at(&g, model);
    CHECK_MSG(constant(graph, "w") && constant(graph, "w")[1] == 3, "%s", err.text);
    graph_free(graph);
    const char *const bad[][3] = {
        {"w.bin", "12", NULL},  {"w.bin", "99", NULL},       {"w.bin", "0", "7"},
        {"../w.bin", "0", "8"}, {"w.bin", "x", "8"},         {NULL, "0", "8"},
        {"none", "0", "8"},     {"/etc/passwd", NULL, NULL}, {"w.bin", "18446744073709551615", "8"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        external_tensor(&g, bad[i][0], bad[i][1], bad[i][2]);
        graph = read_at(&g, model);
        CHECK_MSG(!graph, "case %zu was read", i);
        CHECK_MSG(strstr(err.text, "tensor 'w'"), "%s", err.text);
        graph_free(graph);
    }
    external_tensor(&g, "w.bin?x", "0", "8"); /* as if the name ended at a zero */
    *(char *)memchr(g.data, '?', g.size) = 0;
    CHECK(!read_at(&g, model) && strstr(err.text, "zero byte"));
    external_tensor(&g, "w.bin", "0", "8");
    CHECK(!read_at(&g, NULL) && strstr(err.text, "standard input"));
    unlink(data);
    rmdir(folder);
}

/* ---- functions ---- */

/* Leaky(x; slope) = LeakyRelu(x, alpha=@slope) + c, with c = @offset, 1 when not given; twice calls it twice. */
static void put_functions(struct msg *m)
{
    struct msg f = {.size = 0}, a = {.size = 0}, d = {.size = 0};
    put_string(&f, 1, "Leaky");
    put_names(&f, 4, "x");
    put_names(&f, 5, "y");
    put_names(&f, 6, "slope");
    attr_ref(&a, "alpha", 1, "slope");
    file_node_in(&f, 7, "", "LeakyRelu", "x", "t", &a);
    a.size = 0;
    attr_ref(&a, "value_float", 1, "offset");
    file_node_in(&f, 7, "", "Constant", "", "c", &a);
    file_node_in(&f, 7, "", "Add", "t,c", "y", NULL);
    file_opset(&f, 9, "", 16);
    put_string(&f, 10, "local");
    put_string(&d, 1, "offset");
    put_float(&d, 2, 1);
    put_int(&d, 20, 1);
    put_msg(&f, 11, &d);
    put_msg(m, 25, &f);
    f.size = a.size = 0;
    put_string(&f, 1, "Twice");
    put_names(&f, 4, "x");
    put_names(&f, 5, "y,x");
    attr_ref(&a, "slope", 1, "k");
    file_node_in(&f, 7, "local", "Leaky", "x", "t", &a);
    a.size = 0;
    attr_float(&a, "slope", 0.5f);
    attr_float(&a, "offset", 0);
    file_node_in(&f, 7, "local", "Leaky", "t", "y", &a);
    file_opset(&f, 9, "", 16);
    file_opset(&f, 9, "local", 1);
    put_string(&f, 10, "local");
    put_msg(m, 25, &f);
}

static void functions(void)
{
    struct msg g = {.size = 0}, a = {.size = 0}, m = {.size = 0};
    attr_float(&a, "k", 0.1f);
    file_value(&g, 11, "x", 1, FILE_DIMS(3));
    file_node_in(&g, 1, "local", "Twice", "x", "t,same", &a);
    file_node(&g, "Neg", "t", "y", NULL);
    file_value(&g, 12, "y", 1, -1, NULL);
    file_value(&g, 12, "same", 1, -1, NULL);
    file_model(&m, &g, 13);
    file_opset(&m, 8, "local", 1);
    put_functions(&m);
    struct graph *graph = file_parse(m.data, m.size, NULL, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    CHECK(graph_gives(graph, FILE_INPUTS((float[]){1, -20, -5}), 3, (float[]){-2, 0.5f, -0.5f}));
    CHECK(graph && graph_find_value(graph, "same") && graph_find_value(graph, "t"));
    graph_free(graph);
}

/* f0 calls f1 twice, which calls f2 twice, … fN; closed: the last calls the first. */
static struct graph *laugh(int depth, bool closed)
{
    static struct msg m;
    struct msg g = {.size = 0};
    file_value(&g, 11, "x", 1, -1, NULL);
    file_node_in(&g, 1, "l", "f0", "x", "y", NULL);
    file_model(&m, &g, 13);
    for (int i = 0; i < depth; i++) {
        char name[16], next[16];
        struct msg f = {.size = 0};
        snprintf(name, sizeof(name), "f%d", i);
        snprintf(next, sizeof(next), "f%d", i + 1 < depth || !closed ? i + 1 : 0);
        put_string(&f, 1, name);
        put_names(&f, 4, "x");
        put_names(&f, 5, "y");
        bool call = i + 1 < depth || closed;
        file_node_in(&f, 7, call ? "l" : "", call ? next : "Relu", "x", "t", NULL);
        file_node_in(&f, 7, call ? "l" : "", call ? next : "Relu", "t", "y", NULL);
        put_string(&f, 10, "l");
        put_msg(&m, 25, &f);
    }
    return file_parse(m.data, m.size, NULL, &err);
}

static void function_limits(void)
{
    CHECK(!laugh(3, true) && strstr(err.text, "calls itself"));
    CHECK(!laugh(60, false) && strstr(err.text, "500000 nodes"));
    struct graph *g = laugh(5, false);
    CHECK_MSG(g && g->node_count == 32, "%s", err.text);
    graph_free(g);
}

/* ---- subgraphs ---- */

static void subgraphs(void)
{
    struct msg g = {.size = 0}, a = {.size = 0}, yes = {.size = 0}, no = {.size = 0}, t;
    file_node(&yes, "Add", "x,late", "r", NULL); /* two values of the graph around, one made after in the file */
    file_value(&yes, 12, "r", 1, -1, NULL);
    file_value(&no, 12, "x", 1, -1, NULL); /* an output that is not its own */
    attr_msg(&a, "then_branch", 6, 5, &yes);
    attr_msg(&a, "else_branch", 6, 5, &no);
    file_value(&g, 11, "x", 1, FILE_DIMS(2));
    tensor_head(&t, "c", DTYPE_BOOL, 0, NULL);
    put_int(&t, 5, 1);
    put_msg(&g, 5, &t);
    file_node(&g, "If", "c", "y", &a);
    file_node(&g, "Neg", "x", "late", NULL);
    file_value(&g, 12, "y", 1, -1, NULL);
    struct graph *graph = file_read_model(&g, 13, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    CHECK(graph_gives(graph, FILE_INPUTS((float[]){1, 2}), 2, (float[]){0, 0}));
    graph_free(graph);
}

int main(void)
{
    RUN(simple);
    RUN(repeated_names);
    RUN(order_and_interface);
    RUN(bad_names);
    RUN(bad_attributes);
    RUN(unknown_operator);
    RUN(typed_data);
    RUN(bad_tensors);
    RUN(constant_nodes);
    RUN(external_data);
    RUN(functions);
    RUN(function_limits);
    RUN(subgraphs);
    return TEST_END();
}
