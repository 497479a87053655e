/* Malformed ncnn nets as text; tests/models/ncnn has whole ones with answers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../test.h"
#include "base/file.h"
#include "base/text.h"
#include "format/format.h"
#include "op/build.h"

static struct error err;
static char folder[] = "/tmp/test_ncnn_XXXXXX", path[64], weights[64];

#define INPUT "Input in 0 1 a 0=4 1=4 2=3 "

static void refused(const char *layers, const char *want)
{
    struct blob *blob = blob_new(strlen(layers), &err);
    memcpy(blob->data, layers, strlen(layers));
    struct source source = {.blob = blob};
    struct graph *g = format_by_name("ncnn")->read(&source, &err);
    CHECK_MSG(!g && strstr(err.text, want), "got \"%s\", want \"%s\"", err.text, want);
    graph_free(g);
    blob_unref(blob);
}

/* An axis that the blob has not was an index all the same. */
static void an_axis_beyond_the_blob(void)
{
    refused("7767517\n2 2\n" INPUT "\nTile t 1 1 a b 0=100000000 1=5\n", "axis 100000000 of a blob of 3 axes");
    refused("7767517\n2 2\n" INPUT "\nTile t 1 1 a b 0=-2000000000 1=5\n", "axis -2000000000 of a blob of 3 axes");
}

/* Blobs of more than four axes can be made, and have no letters for these. */
static void a_blob_of_seven_axes(void)
{
    refused("7767517\n3 3\nInput in 0 1 a 0=1 1=1 2=1 11=1\nExpandDims e 1 1 a b -23303=3,0,1,2\n"
            "Squeeze s 1 1 b c 0=1 1=1 2=1 11=1\n",
            "has flags for four axes; its blob has 7");
}

/* A reduction of all axes. */
static void all_of_seven_axes(void)
{
    static const char layers[] = "7767517\n3 3\nInput in 0 1 a 0=1 1=1 2=1 11=1\n"
                                 "ExpandDims e 1 1 a b -23303=3,0,1,2\nReduction r 1 1 b c 0=0 1=1 4=1\n";
    struct blob *blob = blob_new(sizeof(layers) - 1, &err);
    memcpy(blob->data, layers, sizeof(layers) - 1);
    struct source source = {.blob = blob};
    struct graph *g = format_by_name("ncnn")->read(&source, &err);
    CHECK_MSG(g && g->output_count == 1 && g->outputs[0]->type.rank == 8, "%s", err.text);
    graph_free(g);
    blob_unref(blob);
}

/* What ncnn's wheel of October 2026 gives: a row of x through one layer, or more, a line each. */
static void row_gives(const char *layer, int count, const float *want)
{
    char layers[200];
    int lines = 2;
    for (const char *c = layer; *c; c++)
        lines += *c == '\n';
    snprintf(layers, sizeof(layers), "7767517\n%d %d\nInput in 0 1 a 0=8 1=1 2=1\n%s\n", lines, lines, layer);
    struct blob *blob = blob_new(strlen(layers), &err);
    memcpy(blob->data, layers, strlen(layers));
    struct source source = {.blob = blob};
    struct graph *g = format_by_name("ncnn")->read(&source, &err);
    struct tensor *x = tensor_new(DTYPE_F32, 4, (int64_t[]){1, 1, 1, 8}, &err);
    for (int i = 0; i < 8; i++)
        tensor_set_f64(x, i, i);
    struct item *in = item_of_tensor(x, &err), *out = NULL;
    CHECK_MSG(g && op_run(g, &in, &out, 1 << 20, 0, &err) == 0 && out->tensor->count == count, "%s", err.text);
    for (int i = 0; out && i < count; i++)
        CHECK_MSG(fabs(tensor_get_f64(out->tensor, i) - (double)want[i]) < 1e-4, "%s: %d", layer, i);
    item_unref(out);
    item_unref(in);
    graph_free(g);
    blob_unref(blob);
}

static void as_ncnn_computes(void)
{
    row_gives("Interp l 1 1 a b 0=2 1=1.0 2=0.6", 4, (float[]){1.0f / 3, 2, 3 + 2.0f / 3, 5 + 1.0f / 3});
    row_gives("BinaryOp l 1 1 a b 0=17 1=1 2=5.0", 8, (float[]){0, 1, 2, -2, -1, 0, 1, 2});
    row_gives("BinaryOp l 1 1 a b 0=12 1=1 2=5.0", 8, (float[]){0, 1, 2, 3, 4, 0, 1, 2});
    row_gives("BinaryOp l 1 1 a b 0=15 1=1 2=5.0", 8, (float[]){0, 0, 0, 0, 0, 1, 1, 1});
    row_gives("BinaryOp l 1 1 a b 0=14 1=1 2=0.0", 8,
              (float[]){0.693147f, 1.313262f, 2.126928f, 3.048587f, 4.01815f, 5.006715f, 6.002476f, 7.000911f});
    row_gives("Padding p 1 1 a c 1=1 3=1\nReorg l 1 1 c b 0=2 1=1", 16, (float[16]){0, 2, 4, 6, 1, 3, 5, 7});
    refused("7767517\n2 2\n" INPUT "\nLRN l 1 1 a b 1=4\n", "an even window of 4 channels");
}

/* Sizes that an input says and the net cannot have: of another order, and of another net. */
static void sizes_that_do_not_fit(void)
{
    static const struct {
        const char *layers;
        int64_t dims[3]; /* -1: open */
    } cases[] = {{"7767517\n2 2\nInput in 0 1 a 0=9 1=8 2=3\nPooling p 1 1 a b 1=5\n", {3, 8, 9}},
                 {"7767517\n2 2\nInput in 0 1 a 0=3 1=8 2=9\nPooling p 1 1 a b 1=5\n", {3, 8, 9}},
                 {"7767517\n2 2\nInput in 0 1 a 0=4 1=4 2=4\nPooling p 1 1 a b 1=5\n", {-1, -1, -1}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct blob *blob = blob_new(strlen(cases[i].layers), &err);
        memcpy(blob->data, cases[i].layers, strlen(cases[i].layers));
        struct source source = {.blob = blob};
        struct graph *g = format_by_name("ncnn")->read(&source, &err);
        CHECK_MSG(g != NULL, "%zu: %s", i, err.text);
        for (int k = 0; g && k < 3; k++) {
            int64_t dim = g->inputs[0]->type.dims[k + 1];
            CHECK_MSG(cases[i].dims[k] < 0 ? dim < 0 : dim == cases[i].dims[k], "%zu: %d", i, k);
        }
        graph_free(g);
        blob_unref(blob);
    }
}

/* Bytes with a scale are weights of layers: as a result they had no blob, and no name. */
static void a_constant_of_bytes_as_output(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 3, 4, 4});
    build_graph_output(&b, BUILD(&b, "Relu", x), "r");
    struct value *codes = build_constant(&b, "w", tensor_new(DTYPE_U8, 1, (int64_t[]){2}, &err));
    build_graph_output(&b, BUILD(&b, "DequantizeLinear", codes, build_number(&b, DTYPE_F32, 0.5)), "y");
    CHECK(build_graph_end(&b) == 0);
    CHECK(format_write(b.graph, path, format_by_name("ncnn"), NULL, &err) != 0);
    CHECK_MSG(strstr(err.text, "cannot carry output 'y'"), "%s", err.text);
    graph_free(b.graph);
}

/* The writer asks for a shape more than once; an input that has none in ncnn is still one. */
static void an_input_of_six_axes(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 6, (int64_t[]){2, 2, 3, 2, 2, 2});
    build_graph_output(&b, BUILD(&b, "Relu", x), "y");
    CHECK(build_graph_end(&b) == 0);
    CHECK(format_write(b.graph, path, format_by_name("ncnn"), NULL, &err) != 0);
    CHECK_MSG(strstr(err.text, "an input with more than four axes beside the batch (1: x)"), "%s", err.text);
    CHECK_MSG(strstr(err.text, "Relu with more than four axes beside the batch (1: "), "%s", err.text);
    graph_free(b.graph);
}

/* What stands in the file of a graph, or why it cannot be written. */
static void shows(struct build *b, const char *what, const char *want)
{
    CHECK_MSG(build_graph_end(b) == 0 && op_infer_graph(b->graph, &err) == 0, "%s", err.text);
    struct blob *blob = NULL;
    if (format_write(b->graph, path, format_by_name("ncnn"), NULL, &err) == 0)
        blob = file_read(path, &err);
    struct text t;
    text_init(&t);
    text_printf(&t, "%.*s", blob ? (int)blob->size : (int)strlen(err.text), blob ? (const char *)blob->data : err.text);
    CHECK_MSG(t.data && strstr(t.data, want), "%s: got \"%s\", want \"%s\"", what, t.data, want);
    text_release(&t);
    blob_unref(blob);
    graph_free(b->graph);
}

/* A net of one operator, whose other operands are constants of the first one's axes from `first` on. */
static void written(const char *op, const char *attr, int number, int rank, const int64_t *dims, int operands,
                    int first, const char *want)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *in[5] = {build_input(&b, "x", DTYPE_F32, rank, dims)};
    for (int i = 1; i <= operands; i++)
        in[i] = build_constant(&b, NULL, tensor_new(DTYPE_F32, rank - first, dims + first, &err));
    struct value *y = build_node(&b, op, operands + 1, in);
    build_graph_output(&b, attr ? build_int(&b, y, attr, number) : y, "y");
    shows(&b, op, want);
}

#define DIMS(...) sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__}

/* ncnn leaves, or takes for others, the axes of blobs whose form its layers do not know. */
static void blobs_of_the_form_that_layers_know(void)
{
    written("BatchNormalization", NULL, 0, DIMS(2, 4), 4, 1, "BatchNormalization of a batch that is not 1");
    written("LRN", "size", 3, DIMS(2, 4, 5, 6), 0, 0, "LRN of a batch that is not 1");
    written("LRN", "size", 2, DIMS(1, 4, 5, 6), 0, 0, "LRN without a channel in the middle");
    written("LRN", "size", 3, DIMS(1, 4, 7), 0, 0, " 0=-1 1=1 2=4\nLRN ");
    written("LayerNormalization", "axis", 1, DIMS(1, 3, 4), 1, 1, " 0=12 1=-1\nLayerNorm ");
    written("RMSNormalization", "axis", 0, DIMS(2, 3, 4), 1, 0, " 0=24 1=-1\nRMSNorm ");
    written("LayerNormalization", "axis", 2, DIMS(1, 2, 3, 4), 1, 2, " 0=4 1=3 2=2\nLayerNorm ");
    written("Softsign", NULL, 0, DIMS(1, 3), 0, 0, "\nBinaryOp ");
    written("LpNormalization", "axis", 2, DIMS(1, 3, 4), 0, 0, "\nReduction ");
    written("LpNormalization", "axis", 1, DIMS(1, 3, 4, 5), 0, 0, "\nNormalize ");
    written("ReduceSumSquare", "noop_with_empty_axes", 1, DIMS(1, 3), 0, 0, "ReduceSumSquare over no axes");
}

/* A part of size 1 had an axis less than its blob. */
static void a_part_of_one_row(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){4, 5});
    build_graph_output(&b, BUILD(&b, "Softmax/axis=-1", build_slice(&b, x, 0, 1, 2)), "y");
    shows(&b, "Softmax", " y 0=1 1=1\n");
}

/* An input with a value of its own was a constant of that value, with an axis for the batch. */
static void a_state(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){1, 4});
    struct value *state = build_input(&b, "state", DTYPE_F32, 2, (int64_t[]){1, 4});
    state->constant = tensor_new(DTYPE_F32, 2, (int64_t[]){1, 4}, &err);
    build_graph_output(&b, BUILD(&b, "Add", x, BUILD(&b, "Tanh", state)), "y");
    shows(&b, "a state", " 0 1 state 0=4\n");
}

/* What reading makes of Embed, and of results without names, is written as it was. */
static void written_again(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_I64, 1, (int64_t[]){5});
    struct value *table = build_constant(&b, NULL, tensor_new(DTYPE_F32, 2, (int64_t[]){9, 4}, &err));
    x = BUILD(&b, "Clip", x, build_number(&b, DTYPE_I64, 0), build_number(&b, DTYPE_I64, 8));
    build_graph_output(&b, BUILD(&b, "Gather", table, x), "y");
    shows(&b, "Embed", " x y 0=4 1=9 3=36\n");

    b = (struct build){.graph = graph_new(&err), .err = &err};
    x = build_input(&b, "x", DTYPE_F32, 3, (int64_t[]){1, 4, 6});
    build_layer(&b, "a");
    x = build_int(&b, build_int(&b, BUILD(&b, "Split", x), "num_outputs", 2), "axis", 1);
    struct value *rest = build_output(&b, x, 1);
    build_layer(&b, "b");
    build_graph_output(&b, BUILD(&b, "Sub", x, rest), "y");
    shows(&b, "Split", " x a a/1 ");
}

/* Last states that nothing takes were results of the network when the file was read. */
static void unused_states(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 3, (int64_t[]){5, 1, 3});
    struct value *in = build_constant(&b, NULL, tensor_new(DTYPE_F32, 3, (int64_t[]){1, 16, 3}, &err));
    struct value *last = build_constant(&b, NULL, tensor_new(DTYPE_F32, 3, (int64_t[]){1, 16, 4}, &err));
    build_layer(&b, "a");
    struct value *y = build_int(&b, BUILD(&b, "LSTM", x, in, last), "hidden_size", 4);
    build_output(&b, y, 1);
    build_output(&b, y, 2);
    build_graph_output(&b, BUILD(&b, "Reshape", y, build_list(&b, 2, (int64_t[]){5, 4})), "y");
    shows(&b, "LSTM", " 1 1 x_ncnn a 0=4 1=48 2=0\n");
}

/* Its first element alone is added to a blob of two axes. */
static void a_bias_of_rows(void)
{
    static const char layers[] = "7767517\n2 2\nInput in 0 1 a 0=2 1=3\nBias l 1 1 a b 0=3\n";
    static const float numbers[] = {1, 2, 3};
    FILE *f = fopen(weights, "wb");
    CHECK(f && fwrite(numbers, sizeof numbers, 1, f) == 1 && fclose(f) == 0);
    struct blob *blob = blob_new(sizeof layers - 1, &err);
    memcpy(blob->data, layers, sizeof layers - 1);
    struct source source = {.path = path, .second = weights, .blob = blob};
    struct graph *g = format_by_name("ncnn")->read(&source, &err);
    struct item *in = item_of_tensor(tensor_new(DTYPE_F32, 3, (int64_t[]){1, 3, 2}, &err), &err), *out = NULL;
    CHECK_MSG(g && op_run(g, &in, &out, 1 << 20, 0, &err) == 0, "%s", err.text);
    CHECK(out && tensor_get_f64(out->tensor, 0) == 1 && tensor_get_f64(out->tensor, 5) == 1);
    item_unref(out);
    item_unref(in);
    graph_free(g);
    blob_unref(blob);
}

/* pnnx keeps PyTorch's three axes of a recurrent layer's first state; ncnn takes the elements as they lie. */
static void a_state_of_three_axes(void)
{
    static const char layers[] = "7767517\n3 3\nInput in 0 1 a 0=3 1=5\nMemoryData m 0 1 h 0=2 1=1 2=1\n"
                                 "GRU g 2 1 a h b 0=2 1=18\n";
    static const char zeros[8 + 76 + 36 + 52];
    FILE *f = fopen(weights, "wb");
    CHECK(f && fwrite(zeros, sizeof zeros, 1, f) == 1 && fclose(f) == 0);
    struct blob *blob = blob_new(sizeof layers - 1, &err);
    memcpy(blob->data, layers, sizeof layers - 1);
    struct source source = {.path = path, .second = weights, .blob = blob};
    struct graph *g = format_by_name("ncnn")->read(&source, &err);
    CHECK_MSG(g && op_infer_graph(g, &err) == 0 && g->outputs[0]->type.dims[2] == 2, "%s", err.text);
    graph_free(g);
    blob_unref(blob);
}

int main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/net.param", folder);
    snprintf(weights, sizeof weights, "%s/net.bin", folder);
    RUN(a_part_of_one_row);
    RUN(a_state);
    RUN(written_again);
    RUN(blobs_of_the_form_that_layers_know);
    RUN(an_axis_beyond_the_blob);
    RUN(a_blob_of_seven_axes);
    RUN(all_of_seven_axes);
    RUN(as_ncnn_computes);
    RUN(sizes_that_do_not_fit);
    RUN(a_constant_of_bytes_as_output);
    RUN(an_input_of_six_axes);
    RUN(a_state_of_three_axes);
    RUN(unused_states);
    RUN(a_bias_of_rows);
    unlink(path);
    unlink(weights);
    CHECK(rmdir(folder) == 0);
    return TEST_END();
}
