/* MNN: codings of weights, what is kept of unknown operators, what the writer says it cannot carry. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "format/format.h"
#include "format/mnn/idst.h"
#include "op/build.h"
#include "../../test.h"

static struct error err;
static char path[] = "/tmp/test_mnn_XXXXXX.mnn";

/* ---- codings ---- */

static void dense_codes_come_back(void)
{
    int8_t codes[6 * 11];
    const struct idst_rest rest = {.rows = 6};
    for (int bits = 4; bits <= 8; bits += 4) {
        size_t size;
        bool wide;
        int found, span = 1 << bits;
        for (int i = 0; i < 66; i++)
            codes[i] = (int8_t)(i * 37 % span - span / 2);
        void *data = idst_write(codes, 6, 66, bits, &size, &wide, &err);
        struct blob *back = data ? idst_read(IDST_DENSE, data, size, wide, 66, &rest, &found, &err) : NULL;
        CHECK_MSG(back && memcmp(back->data, codes, sizeof(codes)) == 0 && found == bits, "%d bits: %s", bits,
                  err.text);
        for (size_t cut = 0; cut < size; cut++)
            CHECK(idst_read(IDST_DENSE, data, cut, wide, 66, &rest, &found, &err) == NULL);
        blob_unref(back);
        free(data);
    }
}

/* [2][4], of which elements 1, 4 and 7 are 5, -3 and 5: steps of 2 bits, values of 1 bit from the book (-3, 5). */
static const uint8_t sparse[] = {2, 2, 0, 4, 0, 3, 0, 0, 0, 2, 0x7c, 2, 0xfd, 5, 0xa0};

static void sparse_codes_lie_at_their_steps(void)
{
    static const int8_t want[8] = {0, 5, 0, 0, -3, 0, 0, 5};
    const struct idst_rest rest = {.rows = 2};
    int bits;
    struct blob *back = idst_read(IDST_SPARSE, sparse, sizeof(sparse), false, 8, &rest, &bits, &err);
    CHECK_MSG(back && memcmp(back->data, want, sizeof(want)) == 0, "%s", err.text);
    blob_unref(back);
    CHECK(idst_read(IDST_SPARSE, sparse, sizeof(sparse), false, 7, &rest, &bits, &err) == NULL);
    CHECK(idst_read(IDST_SPARSE, sparse, sizeof(sparse) - 1, false, 8, &rest, &bits, &err) == NULL);
}

/* More than the bytes can mean is refused before anything is allocated. */
static void absurd_counts_are_refused(void)
{
    const struct idst_rest rest = {.rows = 1};
    int bits;
    CHECK(idst_read(IDST_DENSE, sparse, sizeof(sparse), false, INT64_C(1) << 40, &rest, &bits, &err) == NULL);
    CHECK(idst_read(IDST_SPARSE, sparse, sizeof(sparse), true, INT64_MAX, &rest, &bits, &err) == NULL);
    CHECK(idst_read(IDST_BYTES, sparse, sizeof(sparse), true, -1, &rest, &bits, &err) == NULL);
}

/* ---- writing ---- */

static struct graph *with_two(const char *first, const char *second)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){2, 3});
    build_layer(&b, "a");
    x = BUILD(&b, first, x);
    build_layer(&b, "b");
    build_graph_output(&b, BUILD(&b, second, x), "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    return b.graph;
}

static void all_that_cannot_be_carried_is_named(void)
{
    struct graph *g = with_two("com.example.Mix", "com.example.Blend");
    CHECK(format_write(g, path, format_by_name("mnn"), NULL, &err) != 0);
    CHECK_MSG(strstr(err.text, "a (com.example.Mix)") && strstr(err.text, "b (com.example.Blend)"), "%s", err.text);
    graph_free(g);
}

static void unknown_operators_are_kept(void)
{
    struct graph *g = with_two("mnn.Op700", "Relu"), *back = NULL;
    CHECK_MSG(format_write(g, path, format_by_name("mnn"), NULL, &err) == 0, "%s", err.text);
    back = format_read(path, NULL, &err);
    CHECK_MSG(back && strcmp(back->first->domain, "mnn") == 0 && strcmp(back->first->op, "Op700") == 0, "%s", err.text);
    graph_free(g);
    graph_free(back);
}

/* The graph that MNN's file says. */
static struct graph *written(struct build *b, struct value *y)
{
    build_graph_output(b, y, "y");
    CHECK_MSG(build_graph_end(b) == 0, "%s", err.text);
    bool fine = format_write(b->graph, path, format_by_name("mnn"), NULL, &err) == 0;
    graph_free(b->graph);
    return fine ? format_read(path, NULL, &err) : NULL;
}

static const struct node *find(const struct graph *g, const char *op)
{
    const struct node *n = g ? g->first : NULL;
    while (n && strcmp(n->op, op) != 0)
        n = n->next;
    return n;
}

/* What MNN 3.6.1 computes otherwise is said in a way that it does not. */
static void as_mnn_computes(void)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){2, 3});
    struct graph *g = written(&b, build_int(&b, BUILD(&b, "Gather", x, build_number(&b, DTYPE_I64, -1)), "axis", 1));
    const struct node *n = find(g, "Gather");
    CHECK_MSG(n && n->in[1]->constant && tensor_get_i64(n->in[1]->constant, 0) == 2, "%s", err.text);
    graph_free(g);
    b = (struct build){.graph = graph_new(&err), .err = &err};
    x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){2, 3});
    struct value *less = BUILD(&b, "Less", x, build_input(&b, "z", DTYPE_F32, 2, (int64_t[]){2, 3}));
    g = written(&b, build_cast(&b, less, DTYPE_F32));
    n = find(g, "Greater");
    CHECK_MSG(n && strcmp(n->in[0]->name, "z") == 0 && strcmp(n->in[1]->name, "x") == 0, "%s", err.text);
    graph_free(g);
    b = (struct build){.graph = graph_new(&err), .err = &err};
    x = build_input(&b, "x", DTYPE_F32, 2, (int64_t[]){2, 3});
    g = written(&b, build_int(&b, BUILD(&b, "GatherND", x, build_list(&b, 2, (int64_t[]){0, 1})), "batch_dims", 0));
    CHECK_MSG(find(g, "GatherND"), "%s", err.text);
    graph_free(g);
}

/* ---- written again ---- */

/* From the second time on the file is the same. */
static void settles(struct graph *g, const char *what)
{
    struct blob *file[3] = {NULL};
    for (int i = 0; i < 3 && g; i++) {
        CHECK_MSG(format_write(g, path, format_by_name("mnn"), NULL, &err) == 0, "%s: %s", what, err.text);
        graph_free(g);
        file[i] = file_read(path, &err);
        g = format_read(path, NULL, &err);
        CHECK_MSG(g && op_infer_graph(g, &err) == 0, "%s: %s", what, err.text);
    }
    CHECK_MSG(file[1] && file[2] && file[1]->size == file[2]->size &&
                  memcmp(file[1]->data, file[2]->data, file[1]->size) == 0,
              "%s: written otherwise the third time", what);
    graph_free(g);
    for (int i = 0; i < 3; i++)
        blob_unref(file[i]);
}

static struct graph *branch(struct build *b, const char *op, struct value *x)
{
    struct build outer = build_enter(b, NULL);
    struct value *y = BUILD(b, op, x);
    build_body_output(b, build_name(b, y, "t"));
    build_body_output(b, BUILD(b, "Identity", y));
    return build_leave(b, outer);
}

static struct value *start(struct build *b)
{
    *b = (struct build){.graph = graph_new(&err), .err = &err};
    return build_input(b, "x", DTYPE_F32, 3, (int64_t[]){1, 6, 4});
}

/* An input with a value of its own is no constant, nor is what is made of it. */
static void states(void)
{
    struct build b;
    struct value *x = start(&b), *state = build_input(&b, "state", DTYPE_F32, 1, (int64_t[]){4});
    state->constant = tensor_new(DTYPE_F32, 1, (int64_t[]){4}, &err);
    build_layer(&b, "a");
    build_graph_output(&b, BUILD(&b, "Add", x, BUILD(&b, "Tanh", state)), "y");
    CHECK_MSG(build_graph_end(&b) == 0 && format_write(b.graph, path, format_by_name("mnn"), NULL, &err) == 0, "%s",
              err.text);
    graph_free(b.graph);
    struct graph *g = format_read(path, NULL, &err);
    CHECK_MSG(g && g->input_count == 2 && g->inputs[1]->use_count == 1, "%s", err.text);
    graph_free(g);
}

static void written_again(void)
{
    struct build b;
    struct value *x = start(&b), *y = build_input(&b, "s", DTYPE_I64, 1, (int64_t[]){graph_symbol(b.graph, "n", &err)});
    build_layer(&b, "a");
    x = BUILD(&b, "Reshape", x, y);
    build_layer(&b, "b");
    y = build_constant(&b, "w", tensor_new(DTYPE_F32, 3, (int64_t[]){2, 6, 1}, &err));
    build_graph_output(&b, BUILD(&b, "Conv", x, y), "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    settles(b.graph, "a convolution of a signal or an image");

    x = start(&b);
    build_layer(&b, "a");
    y = build_constant(&b, "at", tensor_new(DTYPE_I64, 2, (int64_t[]){1, 1}, &err));
    y = BUILD(&b, "ScatterND", x, y, BUILD(&b, "Relu", x));
    build_graph_output(&b, y, "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    settles(b.graph, "a shape that the reader has no use for");

    x = start(&b);
    build_layer(&b, "a");
    struct graph *on = branch(&b, "Neg", x), *off = branch(&b, "Relu", x);
    y = BUILD(&b, "If", build_input(&b, "c", DTYPE_BOOL, 1, (int64_t[]){1}));
    CHECK(node_set_graph(y->producer, "then_branch", on, &err) == 0);
    CHECK(node_set_graph(y->producer, "else_branch", off, &err) == 0);
    x = build_output(&b, y, 1);
    build_graph_output(&b, y, "y");
    build_graph_output(&b, x, "z");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    settles(b.graph, "results of branches without names");

    x = start(&b);
    build_layer(&b, "a");
    y = build_cast(&b, BUILD(&b, "Greater", x, BUILD(&b, "Neg", x)), DTYPE_I32);
    build_layer(&b, "b");
    y = build_cast(&b, y, DTYPE_BOOL);
    build_layer(&b, "d");
    build_graph_output(&b, BUILD(&b, "Where", y, x, BUILD(&b, "Relu", x)), "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    settles(b.graph, "a truth value that is made one again");
}

/* The node of what is written and read, of two operands or one; NULL where that is refused. */
static struct graph *again(const char *op, enum dtype dtype, int count, int rank, const int64_t *dims)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *in[2] = {build_input(&b, "x", dtype, rank, dims), NULL};
    if (count > 1)
        in[1] = build_input(&b, "z", dtype, rank, dims);
    return written(&b, count > 1 ? BUILD(&b, op, in[0], in[1]) : BUILD(&b, op, in[0]));
}

/* Of integers the two remainders of MNN 3.6.1 are those of floats exchanged. */
static void numbers_as_mnn_has_them(void)
{
    static const char *const ops[] = {"Mod/fmod=0", "Mod/fmod=1"};
    for (int fmod = 0; fmod < 2; fmod++) {
        struct graph *g = again(ops[fmod], DTYPE_I32, 2, 1, (int64_t[]){3});
        const struct node *n = find(g, "Mod");
        CHECK_MSG(n && op_int(n, "fmod") == fmod, "%s", err.text);
        graph_free(g);
    }
}

/* Operators that MNN has not are arithmetic. */
static void as_arithmetic(void)
{
    static const char *const ops[] = {"Softsign", "Celu", "LpNormalization/axis=0", "ReduceLogSumExp/keepdims=0",
                                      "ReduceLogSum/noop_with_empty_axes=1"};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        struct graph *g = again(ops[i], DTYPE_F32, 1, 2, (int64_t[]){2, 3});
        CHECK_MSG(g && g->first && strcmp(g->outputs[0]->name, "y") == 0, "%s: %s", ops[i], err.text);
        graph_free(g);
    }
    struct graph *g = again("MeanVarianceNormalization", DTYPE_F32, 1, 4, (int64_t[]){1, 2, 3, 4});
    const struct node *root = find(g, "Sqrt");
    CHECK_MSG(root && node_is(root->in[0]->producer, "ReduceMean"), "the epsilon is added to the root: %s", err.text);
    graph_free(g);
}

/* A Pad of four axes is written. */
static bool has_pads(const char *op, const int64_t *pads)
{
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){2, 3, 4, 4});
    struct graph *g = written(&b, BUILD(&b, op, x, build_list(&b, 8, pads)));
    bool has = g != NULL;
    graph_free(g);
    return has;
}

static void pads_of_mnn(void)
{
    CHECK(!has_pads("Pad", (int64_t[]){0, 0, 0, -1, 0, 0, 0, 0}) && strstr(err.text, "cuts"));
    CHECK(!has_pads("Pad/mode=edge", (int64_t[]){1, 0, 1, 0, 0, 0, 0, 0}) && strstr(err.text, "so many axes"));
    CHECK_MSG(has_pads("Pad/mode=edge", (int64_t[]){0, 1, 1, 1, 0, 0, 0, 0}), "%s", err.text);
    CHECK_MSG(has_pads("Pad/mode=edge", (int64_t[]){1, 0, 0, 1, 0, 0, 0, 0}), "%s", err.text);
    CHECK_MSG(has_pads("Pad", (int64_t[]){1, 0, 1, 1, 0, 0, 0, 0}), "%s", err.text);
}

/* What MNN leaves as it is, or ends with, is refused or said otherwise. */
static void what_mnn_has_not(void)
{
    CHECK(!again("LRN/size=2", DTYPE_F32, 1, 4, (int64_t[]){1, 4, 5, 6}) && strstr(err.text, "channel in the middle"));
    CHECK(!again("ReduceSum/noop_with_empty_axes=1", DTYPE_F32, 1, 2, (int64_t[]){2, 3}) &&
          strstr(err.text, "over no axes"));
    struct build b = {.graph = graph_new(&err), .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 3, (int64_t[]){1, 4, 9});
    struct value *f = build_constant(&b, "f", tensor_new(DTYPE_F32, 3, (int64_t[]){6, 2, 3}, &err));
    struct graph *g = written(&b, BUILD(&b, "Conv/group=2", x, f));
    const struct node *n = find(g, "Conv");
    CHECK_MSG(n && n->in[1]->type.rank == 4, "%s", err.text);
    graph_free(g);
}

/* Every small word of a file as -1: among them are the inputs of operators, which are absent then. */
static void absent_inputs(void)
{
    struct blob *file = file_read("tests/models/mnn/tf.mnn", &err);
    CHECK_MSG(file != NULL, "%s", err.text);
    int refused = 0;
    for (size_t at = 0; file && at + 4 <= file->size; at += 4) {
        struct blob *copy = blob_new(file->size, &err);
        uint32_t word;
        memcpy(copy->data, file->data, file->size);
        memcpy(&word, (char *)copy->data + at, sizeof(word));
        if (word < 40)
            memset((char *)copy->data + at, 0xff, sizeof(word));
        struct graph *g = format_by_name("mnn")->read(&(struct source){.blob = copy}, &err);
        refused += !g && strstr(err.text, "input 0 is absent");
        graph_free(g);
        blob_unref(copy);
    }
    CHECK_MSG(refused > 0, "no word was an input");
    blob_unref(file);
}

int main(void)
{
    int fd = mkstemps(path, 4);
    CHECK(fd >= 0);
    close(fd);
    RUN(dense_codes_come_back);
    RUN(sparse_codes_lie_at_their_steps);
    RUN(absurd_counts_are_refused);
    RUN(all_that_cannot_be_carried_is_named);
    RUN(unknown_operators_are_kept);
    RUN(as_mnn_computes);
    RUN(written_again);
    RUN(states);
    RUN(numbers_as_mnn_has_them);
    RUN(what_mnn_has_not);
    RUN(as_arithmetic);
    RUN(pads_of_mnn);
    RUN(absent_inputs);
    unlink(path);
    return TEST_END();
}
