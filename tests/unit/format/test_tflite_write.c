/* What is written as TFLite, by its tables. */
#include <stdlib.h>
#include <unistd.h>

#include "parse/flatbuf.h"
#include "tflite_test.h"

/* The bytes of a graph, written. */
static struct blob *written(struct build *b)
{
    char path[] = "/tmp/test_tflite_XXXXXX";
    int file = mkstemp(path);
    CHECK_MSG(build_graph_end(b) == 0 && op_infer_graph(b->graph, &err) == 0, "%s", err.text);
    struct target target;
    CHECK(target_init(&target, path, ".tflite", NULL, NULL, &err) == 0);
    CHECK_MSG(format_by_name("tflite")->write(b->graph, &target, &err) == 0, "%s", err.text);
    CHECK(target_commit(&target, &err) == 0);
    struct blob *blob = file_read(path, &err);
    graph_free(b->graph);
    close(file);
    unlink(path);
    return blob;
}

/* The options of the first operator that has some of a kind; 0: of any. */
static struct flatbuf_table options_in(struct flatbuf *in, const struct blob *blob, int kind)
{
    flatbuf_init(in, blob ? blob->data : NULL, blob ? blob->size : 0, 1000);
    struct flatbuf_table graph = flatbuf_vector_table(in, flatbuf_vector(flatbuf_root(in), 2, 4), 0);
    struct flatbuf_vector operators = flatbuf_vector(graph, 3, 4);
    for (size_t i = 0; i < operators.count; i++) {
        struct flatbuf_table op = flatbuf_vector_table(in, operators, i);
        if (!kind || flatbuf_int(op, 3, 1, 0) == kind)
            return flatbuf_table(op, 4);
    }
    return (struct flatbuf_table){0};
}

/* A kernel takes the mode of a reflection from a table of options, which must be there though it is the default. */
static void test_reflection_is_written(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct flatbuf in = {0};
    struct value *x = build_input(&b, "x", DTYPE_F32, 1, (int64_t[]){4});
    x = BUILD(&b, "Pad", x, build_list(&b, 2, (int64_t[]){1, 1}));
    build_graph_output(&b, build_string(&b, x, "mode", "reflect"), "y");
    struct blob *blob = written(&b);
    CHECK(options_in(&in, blob, 0).file != NULL);
    blob_unref(blob);
}

/* A kernel that finds no options leaves the axes off. */
static void test_product_keeps_axes(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct flatbuf in = {0};
    struct value *x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){3, 4});
    build_graph_output(&b, BUILD(&b, "ReduceProd/keepdims=1", x, build_list(&b, 1, (int64_t[]){1})), "y");
    struct blob *blob = written(&b);
    CHECK(flatbuf_int(options_in(&in, blob, 27), 0, 1, 0) == 1);
    blob_unref(blob);
}

/* LiteRT asks of a transposed convolution that its result, convolved, has the size of the input. SAME is 0; it refused
 * that without pads at a stride of 1. */
static void test_transposed_padding(void)
{
    static const struct {
        const char *op;
        int padding, slices;
    } cases[] = {{"ConvTranspose", 1, 0},
                 {"ConvTranspose/pads=1,1,1,1", 0, 0},
                 {"ConvTranspose/strides=2,2/pads=1,1,1,1", 0, 0},
                 {"ConvTranspose/strides=2,2/pads=0,0,1,1", 0, 0},
                 {"ConvTranspose/strides=2,2", 1, 0},
                 {"ConvTranspose/pads=0,0,1,1", 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct build b = {.graph = graph_new(&err), .err = &err};
        struct flatbuf in = {0};
        struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 2, 5, 6});
        struct value *f = build_constant(&b, "f", tensor_new(DTYPE_F32, 4, (int64_t[]){2, 2, 3, 3}, &err));
        build_graph_output(&b, BUILD(&b, cases[i].op, x, f), "y");
        struct blob *blob = written(&b);
        CHECK_MSG(flatbuf_int(options_in(&in, blob, 49), 0, 1, 0) == cases[i].padding, "%s", cases[i].op);
        CHECK_MSG((options_in(&in, blob, 32).file != NULL) == cases[i].slices, "%s", cases[i].op);
        blob_unref(blob);
    }
}

/* Convolutions of volumes, what they give when read again: a filter of ones over ones, by hand. */
static void test_volumes(void)
{
    static const struct {
        const char *op;
        int64_t filter[2], dims[3];
        float corner; /* the first number */
    } cases[] = {{"Conv", {2, 4}, {2, 3, 4}, 32},
                 {"Conv/group=2", {2, 2}, {2, 3, 4}, 16},
                 {"Conv/pads=1,0,0,0,1,2", {2, 4}, {3, 4, 6}, 16},
                 {"Conv/auto_pad=SAME_LOWER", {2, 4}, {3, 4, 5}, 4},
                 {"ConvTranspose", {4, 2}, {4, 5, 6}, 4},
                 {"ConvTranspose/strides=2,2,2/pads=1,0,0,0,1,0", {4, 2}, {5, 7, 10}, 4},
                 {"ConvTranspose/pads=0,1,0,0,1,0/dilations=1,2,1", {4, 2}, {4, 4, 6}, 4},
                 {"ConvTranspose/group=2", {4, 1}, {4, 5, 6}, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct build b = {.graph = graph_new(&err), .err = &err};
        struct flatbuf in = {0};
        const int64_t dims[] = {1, 4, 3, 4, 5}, *f = cases[i].filter;
        struct value *x = build_input(&b, "x", DTYPE_F32, 5, dims);
        struct tensor *ones = tensor_new(DTYPE_F32, 5, (int64_t[]){f[0], f[1], 2, 2, 2}, &err);
        struct tensor *t = tensor_new(DTYPE_F32, 5, dims, &err);
        for (int64_t k = 0; k < ones->count; k++)
            tensor_set_f64(ones, k, 1);
        for (int64_t k = 0; k < t->count; k++)
            tensor_set_f64(t, k, 1);
        build_graph_output(&b, BUILD(&b, cases[i].op, x, build_constant(&b, "f", ones)), "y");
        struct blob *blob = written(&b);
        struct source source = {.blob = blob};
        CHECK_MSG(options_in(&in, blob, 106).file != NULL, "%s", cases[i].op);
        struct graph *g = format_by_name("tflite")->read(&source, &err);
        struct item *of = item_of_tensor(t, &err), *out = NULL;
        CHECK_MSG(g && op_run(g, &of, &out, 1 << 20, 1, &err) == 0, "%s", err.text);
        for (int k = 0; out && k < 3; k++)
            CHECK_MSG(out->tensor->dims[k + 2] == cases[i].dims[k], "%s: %d", cases[i].op, k);
        CHECK_MSG(out && ((const float *)out->tensor->data)[0] == cases[i].corner, "%s", cases[i].op);
        item_unref(of);
        item_unref(out);
        graph_free(g);
        blob_unref(blob);
    }
}

/* Pads that cut, in every mode that can be said. */
static void test_cutting_pads(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 1, 1, 5});
    x = BUILD(&b, "Pad", x, build_list(&b, 8, (int64_t[]){0, 0, 0, -1, 0, 0, 0, 2}));
    build_graph_output(&b, build_string(&b, x, "mode", "edge"), "y");
    struct blob *blob = written(&b);
    struct source source = {.blob = blob};
    gives(format_by_name("tflite")->read(&source, &err), (float[]){0, 1, 2, 3, 4}, (float[]){1, 2, 3, 4, 4, 4}, 6);
    blob_unref(blob);
}

/* A reduction over no axes is none, whether TFLite has it or it becomes arithmetic. */
static void test_no_axes(void)
{
    static const char *const ops[] = {"ReduceSum/noop_with_empty_axes=1", "ReduceL1/noop_with_empty_axes=1"};
    for (size_t i = 0; i < 2; i++) {
        struct build b = {.graph = graph_new(&err), .err = &err};
        struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 1, 1, 3});
        build_graph_output(&b, BUILD(&b, ops[i], x), "y");
        struct blob *blob = written(&b);
        struct source source = {.blob = blob};
        gives(format_by_name("tflite")->read(&source, &err), (float[]){1, 2, 3}, (float[]){1, 2, 3}, 3);
        blob_unref(blob);
    }
}

/* Floor is of floats only. */
static void test_remainder_of_integers(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 1, 1, 4});
    struct value *y = build_constant(&b, "c", tensor_new(DTYPE_I32, 1, (int64_t[]){4}, &err));
    for (int i = 0; i < 4; i++)
        tensor_set_i64((struct tensor *)y->constant, i, i % 2 ? -3 : 3);
    y = BUILD(&b, "Mod/fmod=1", build_cast(&b, x, DTYPE_I32), y);
    build_graph_output(&b, build_cast(&b, y, DTYPE_F32), "y");
    struct blob *blob = written(&b);
    struct source source = {.blob = blob};
    gives(format_by_name("tflite")->read(&source, &err), (float[]){7, 7, -7, -7}, (float[]){1, 1, -1, -1}, 4);
    blob_unref(blob);
}

static bool is_text(struct flatbuf_vector v, const char *text)
{
    return v.count == strlen(text) && memcmp(v.data, text, v.count) == 0;
}

/* Tools that quantise a file keep what they measure by the names of tensors, and runtimes call a network by its
 * signature. */
static void test_names(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct flatbuf in = {0};
    struct value *x = build_input(&b, "x", DTYPE_F32, 1, (int64_t[]){4});
    build_graph_output(&b, BUILD(&b, "Abs", BUILD(&b, "Exp", BUILD(&b, "Neg", x))), "y");
    struct blob *blob = written(&b);
    flatbuf_init(&in, blob ? blob->data : NULL, blob ? blob->size : 0, 1000);
    struct flatbuf_table graph = flatbuf_vector_table(&in, flatbuf_vector(flatbuf_root(&in), 2, 4), 0);
    struct flatbuf_vector tensors = flatbuf_vector(graph, 0, 4);
    CHECK(tensors.count == 4);
    for (size_t i = 0; i < tensors.count; i++)
        CHECK(flatbuf_string(flatbuf_vector_table(&in, tensors, i), 3).count > 0);
    struct flatbuf_table signature = flatbuf_vector_table(&in, flatbuf_vector(flatbuf_root(&in), 7, 4), 0);
    CHECK(is_text(flatbuf_string(signature, 2), "serving_default"));
    for (int i = 0; i < 2; i++) {
        struct flatbuf_table port = flatbuf_vector_table(&in, flatbuf_vector(signature, i, 4), 0);
        CHECK(is_text(flatbuf_string(port, 0), i ? "y" : "x"));
        CHECK(flatbuf_int(port, 1, 4, 0) == flatbuf_vector_int(flatbuf_vector(graph, 1 + i, 4), 0));
    }
    blob_unref(blob);
}

int main(void)
{
    RUN(test_reflection_is_written);
    RUN(test_product_keeps_axes);
    RUN(test_transposed_padding);
    RUN(test_cutting_pads);
    RUN(test_volumes);
    RUN(test_no_axes);
    RUN(test_remainder_of_integers);
    RUN(test_names);
    return TEST_END();
}
