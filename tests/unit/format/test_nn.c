/* Graphs to .nn and back, exactly. */
#include "nn_test.h"

#include <sys/wait.h>
#include <time.h>

#include "op/op.h"

/* ---- the text ---- */

static void text_is_as_specified(void)
{
    static const char want[] = "nn 1\n"
                               "property recipe resize=32,rgb\n"
                               "input images f32 Nx3x32x32\n"
                               "constant conv.weight f32 8x3x1x1 bytes=96 crc=baf465ae\n"
                               "constant conv.bias f32 8 = 0 0.5 1 -1.5 1e-05 nan inf -inf\n"
                               "node conv Conv images conv.weight conv.bias -> conv_out f32 Nx8x32x32 : "
                               "pads=[0,0,0,0] group=1 auto_pad=\"NOTSET\"\n"
                               "node - LeakyRelu conv_out -> out f32 Nx8x32x32 : alpha=1.0\n"
                               "output out\n";
    struct graph *g = graph_new(&err);
    struct value *x, *w, *b, *y;
    int64_t n = graph_symbol(g, "N", &err), in[] = {n, 3, 32, 32}, out[] = {n, 8, 32, 32};
    float bias[] = {0, 0.5f, 1, -1.5f, 1e-5f, NAN, INFINITY, -INFINITY};
    struct tensor *t = tensor_new(DTYPE_F32, 1, (int64_t[]){8}, &err);
    struct node *conv;
    struct text text;

    memcpy(t->data, bias, sizeof bias);
    memcpy((char *)t->data + 20, &(uint32_t){0x7fc00000}, 4);
    graph_set_property(g, "recipe", "resize=32,rgb", 13, &err);
    x = nn_input(g, "images", nn_tensor_type(DTYPE_F32, 4, in));
    w = graph_add_constant(g, "conv.weight", tensor_new(DTYPE_F32, 4, (int64_t[]){8, 3, 1, 1}, &err), &err);
    b = graph_add_constant(g, "conv.bias", t, &err);
    conv = graph_add_node(g, "", "Conv", NULL, &err);
    node_set_name(conv, "conv", &err);
    node_add_input(conv, x, &err);
    node_add_input(conv, w, &err);
    node_add_input(conv, b, &err);
    y = node_new_output(conv, "conv_out", &err);
    y->type = nn_tensor_type(DTYPE_F32, 4, out);
    node_set_ints(conv, "pads", (int64_t[]){0, 0, 0, 0}, 4, &err);
    node_set_int(conv, "group", 1, &err);
    node_set_string(conv, "auto_pad", "NOTSET", 6, &err);
    y = nn_unary(g, "LeakyRelu", y, "out");
    node_set_float(y->producer, "alpha", 1, &err);
    graph_add_output(g, y, &err);
    text_init(&text);
    CHECK(nn_write_header(g, &text, &err) == 0);
    CHECK_STR(text.data, want);
    text_release(&text);
    graph_free(nn_round(g));
    graph_free(g);
}

static void sample_round_trip(void)
{
    struct graph *g = nn_sample(), *back, *clone = graph_clone(g, &err);
    struct blob *a = nn_bytes(g), *b = nn_bytes(clone);
    const struct str *labels;

    CHECK_MSG(graph_check(g, &err) == 0, "%s", err.text);
    CHECK(nn_same(a, b)); /* whoever made the graph */
    back = nn_round(g);
    if (back) {
        const struct node *odd = back->first;

        CHECK_STR(back->name, "main graph");
        labels = graph_property(back, "labels");
        CHECK(labels && labels->size == 15 && memcmp(labels->data, " cat\ndog, big\n ", 15) == 0);
        CHECK(graph_property(back, "") && graph_property(back, "")->size == 11);
        CHECK_STR(graph_property(back, "x-")->data, "x-new thing  here\nx-");
        CHECK_STR(odd->op, "Odd.Op@");
        CHECK_STR(odd->domain, "com.example");
        CHECK(odd->since == 3 && !odd->in[0] && odd->in[1] == back->inputs[0] && !odd->out[0]);
        CHECK(node_attr(odd, "one")->kind == ATTR_INTS && node_attr(odd, "f=")->kind == ATTR_FLOAT);
        CHECK(node_attr(odd, "no floats")->kind == ATTR_FLOATS && node_attr(odd, "no strings")->kind == ATTR_STRINGS);
        CHECK(memcmp(node_attr(odd, "floats")->floats, node_attr(g->first, "floats")->floats, 24) == 0);
        CHECK(odd->out[1]->type.kind == TYPE_SEQUENCE && !odd->out[1]->type.element);
        CHECK(odd->next->def == op_find("", "Relu"));
        CHECK(back->output_count == 4 && back->outputs[0] == back->outputs[2]);
        CHECK(tensor_equal(graph_find_value(back, "->")->constant, graph_find_value(g, "->")->constant));
        CHECK(back->last->attrs->next->graph->parent == back);
        CHECK_STR(back->last->attrs->graph->name, "then graph");
    }
    blob_unref(a);
    blob_unref(b);
    graph_free(back);
    graph_free(clone);
    graph_free(g);
}

/* ---- tensors ---- */

static void every_dtype_and_size(void)
{
    static const int64_t shapes[][3] = {{0, 3, 1}, {1, 1, 1}, {16, 1, 1}, {17, 1, 1}, {3, 7, 11}};
    struct graph *g = graph_new(&err), *back;
    uint64_t seed = 7;
    size_t i = 0;

    for (int d = 1; d < DTYPE_COUNT; d++)
        for (size_t s = 0; d != DTYPE_STRING && s < sizeof shapes / sizeof *shapes; s++)
            for (int rank = 0; rank < 4; rank++)
                graph_add_constant(g, NULL, nn_random_tensor((enum dtype)d, rank, shapes[s], &seed), &err);
    back = nn_round(g);
    CHECK(back && back->value_count == g->value_count);
    for (; back && i < g->value_count; i++)
        CHECK_MSG(tensor_equal(g->values[i]->constant, back->values[i]->constant), "%s",
                  dtype_info(g->values[i]->constant->dtype)->name);
    graph_free(back);
    graph_free(g);
}

/* All of f16 and bf16, and many of f32 and f64, sixteen at a time in the header. */
static void floats_in_the_header_are_exact(void)
{
    static const enum dtype dtypes[] = {DTYPE_F16, DTYPE_BF16, DTYPE_F32, DTYPE_F64};
    struct graph *g = graph_new(&err), *back;
    uint64_t seed = 3;
    int wrong = 0;

    for (int d = 0; d < 4; d++)
        for (int i = 0; i < (d < 2 ? 4096 : 300); i++) {
            struct tensor *t = nn_random_tensor(dtypes[d], 1, (int64_t[]){16}, &seed);

            for (int k = 0; d < 2 && k < 16; k++)
                ((uint16_t *)t->data)[k] = (uint16_t)(i * 16 + k);
            graph_add_constant(g, NULL, t, &err);
        }
    back = nn_round(g);
    for (size_t i = 0; back && i < g->value_count; i++)
        wrong +=
            memcmp(g->values[i]->constant->data, back->values[i]->constant->data, g->values[i]->constant->size) != 0;
    CHECK_MSG(wrong == 0, "%d of %zu", wrong, g->value_count);
    graph_free(back);
    graph_free(g);
}

/* Tensors equal as numbers are equal as bytes: what lies behind the last packed element is nobody's. */
static void stray_bits_are_not_written(void)
{
    struct blob *bytes[2];

    for (int i = 0; i < 2; i++) {
        struct graph *g = graph_new(&err);
        struct tensor *t = tensor_new(DTYPE_U2, 1, (int64_t[]){65}, &err);

        ((uint8_t *)t->data)[16] = i ? 0xfd : 0x01;
        graph_add_constant(g, "c", t, &err);
        bytes[i] = nn_bytes(g);
        graph_free(g);
    }
    CHECK(nn_same(bytes[0], bytes[1]));
    blob_unref(bytes[0]);
    blob_unref(bytes[1]);
}

static void data_is_used_in_place(void)
{
    const int64_t dims[] = {1 << 14}; /* 64 KiB: less is copied */
    struct graph *g = graph_new(&err), *back;
    struct node *n = graph_add_node(g, "", "Add", NULL, &err);
    struct value *y = node_new_output(n, "y", &err);
    node_add_input(n, nn_input(g, "x", nn_tensor_type(DTYPE_F32, 1, dims)), &err);
    node_add_input(n, graph_add_constant(g, "w", tensor_new(DTYPE_F32, 1, dims, &err), &err), &err);
    y->type = nn_tensor_type(DTYPE_F32, 1, dims);
    graph_add_output(g, y, &err);

    struct blob *blob = nn_bytes(g);
    back = nn_graph(blob);
    const struct tensor *t = back ? graph_find_value(back, "w")->constant : NULL;
    CHECK(t && t->blob == blob && (uintptr_t)t->data % 64 == 0);
    CHECK(t && (char *)t->data > (char *)blob->data && (char *)t->data < (char *)blob->data + blob->size);
    blob_unref(blob);
    graph_free(back);
    graph_free(g);
}

static void read_from_a_pipe(void)
{
    struct graph *g = nn_sample(), *back;
    struct blob *blob = nn_bytes(g), *again;
    int ends[2], saved = dup(STDIN_FILENO), status;
    pid_t child;

    CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0)
        _exit(write(ends[1], blob->data, blob->size) != (ssize_t)blob->size);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    back = format_read(NULL, NULL, &err);
    CHECK_MSG(back != NULL, "%s", err.text);
    waitpid(child, &status, 0);
    dup2(saved, STDIN_FILENO);
    close(saved);
    again = back ? nn_bytes(back) : NULL;
    CHECK(nn_same(blob, again));
    blob_unref(again);
    blob_unref(blob);
    graph_free(back);
    graph_free(g);
}

/* ---- types, inputs ---- */

static void types_round_trip(void)
{
    static const char *const symbols[] = {"H",     "max_len", "3",       "*",   "scalar", "-",
                                          "a{b}c", "x",       "(N+2)/2", "2*N", "é ?"};
    struct graph *g = graph_new(&err), *back;
    struct type t = nn_tensor_type(DTYPE_I64, 2, (int64_t[]){DIM_UNKNOWN, INT64_MAX}), deep[GRAPH_MAX_DEPTH + 1];
    struct value *v;

    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        v = nn_input(g, symbols[i], nn_tensor_type(DTYPE_F32, 2, (int64_t[]){2, 3}));
        v->type.dims[0] = graph_symbol(g, symbols[i], &err);
        v = nn_input(g, NULL, nn_tensor_type(DTYPE_F32, 1, (int64_t[]){graph_symbol(g, symbols[i], &err)}));
    }
    for (int i = 0; i <= GRAPH_MAX_DEPTH; i++) {
        deep[i] = t;
        if (i)
            deep[i] = (struct type){i % 2 ? TYPE_SEQUENCE : TYPE_OPTIONAL, .rank = -1, .element = &deep[i - 1]};
        v = nn_input(g, NULL, (struct type){.rank = -1});
        CHECK(graph_copy_type(g, &v->type, &deep[i], &err) == 0);
    }
    nn_input(g, "unknown", (struct type){.rank = -1});
    nn_input(g, "any", nn_tensor_type(DTYPE_NONE, 0, NULL));
    back = nn_round(g);
    for (size_t i = 0; back && i < g->input_count; i++) {
        char a[400], b[400];

        CHECK_STR(type_text(g, &g->inputs[i]->type, a, sizeof a), type_text(back, &back->inputs[i]->type, b, sizeof b));
        CHECK(g->inputs[i]->type.kind == back->inputs[i]->type.kind);
    }
    graph_free(back);
    graph_free(g);
}

static void inputs_with_constants(void)
{
    struct graph *g = graph_new(&err), *back;
    struct value *v;

    graph_add_constant(g, "first", tensor_scalar_i64(1, &err), &err);
    v = nn_input(g, "fed", nn_tensor_type(DTYPE_NONE, -1, NULL));
    graph_make_constant(v, tensor_ints(2, (int64_t[]){5, 6}, &err), &err);
    v->type.dims[0] = graph_symbol(g, "N", &err);
    graph_add_output(g, v, &err);
    back = nn_round(g);
    v = back ? back->inputs[0] : NULL;
    CHECK(v && v->constant && v->constant->count == 2 && v->type.dims[0] < 0 && v->is_output);
    graph_free(back);
    graph_free(g);
}

/* ---- written by people ---- */

static void hand_written(void)
{
    static const char text[] = "nn 1\n"
                               "x-from somewhere\n"
                               "constant c i32 20 = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n"
                               "input   x%20y  f32   2x?\n"
                               "  node  -  Relu  x%20y  ->  %79  f32  *\n"
                               "  x-later   %zz\n"
                               "constant h f16 3 = 0.1 70000 +1\n"
                               "output y\n";
    static const char want[] = "nn 1\n"
                               "x-from somewhere\n"
                               "x-later   %zz\n"
                               "input x%20y f32 2x?\n"
                               "constant c i32 20 bytes=80 crc=b6cafd02\n"
                               "constant h f16 3 = 0.1 inf 1\n"
                               "node - Relu x%20y -> y f32 *\n"
                               "output y\n";
    struct graph *g = nn_graph_of(text);
    struct text out;

    CHECK_MSG(g != NULL, "%s", err.text);
    if (!g)
        return;
    text_init(&out);
    CHECK(nn_write_header(g, &out, &err) == 0);
    CHECK_STR(out.data, want);
    text_release(&out);
    graph_free(nn_round(g));
    graph_free(g);
}

static void property_that_only_looks_kept(void)
{
    static const char *const values[] = {"y", "x-a\n", "x-a\n\nx-b", "x-a ", "x-\xff", "", "x-a\tb"};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct graph *g = graph_new(&err), *back;

        graph_set_property(g, "x-", values[i], strlen(values[i]), &err);
        back = nn_round(g);
        CHECK(back && graph_property(back, "x-"));
        if (back)
            CHECK_STR(graph_property(back, "x-")->data, values[i]);
        graph_free(back);
        graph_free(g);
    }
}

/* ---- the page nn(5) ---- */

/* The next line of a page, its escapes undone; false at the end. */
static bool page_line(FILE *page, char *line, size_t size)
{
    char *to = line;

    if (!fgets(line, (int)size, page))
        return false;
    for (const char *at = line; *at; at++)
        if (*at != '\\' || at[1] != '-')
            *to++ = *at;
    *to = '\0';
    return true;
}

static void skip_to(FILE *page, const char *text)
{
    char line[300];

    while (fgets(line, sizeof line, page) && strncmp(line, text, strlen(text)) != 0)
        ;
}

/* "00000010  6e 6e …": sixteen bytes, or fewer; "*": the sixteen before go on up to the next line's offset. */
static void undump(struct text *bytes, const char *line)
{
    char *at;
    unsigned long offset = strtoul(line, &at, 16);

    while (bytes->size < offset)
        text_add(bytes, bytes->data + bytes->size - 16, 16);
    for (int i = 0; i < 16 && *line != '*' && *at != '\n'; i++) {
        char byte = (char)strtoul(at, &at, 16);

        text_add(bytes, &byte, 1);
    }
}

/* The example's text and its dump are what the library reads and writes. */
static void page_tells_the_truth(void)
{
    FILE *page = fopen("man/nn.5", "r");
    struct text header, bytes, got;
    struct blob *blob, *again = NULL;
    struct graph *g;
    char line[300];

    CHECK_MSG(page != NULL, "run the tests in the top folder");
    if (!page)
        return;
    text_init(&header);
    text_init(&bytes);
    text_init(&got);
    skip_to(page, ".\\\" tests/unit/format/test_nn.c");
    skip_to(page, ".Bd");
    while (page_line(page, line, sizeof line) && strncmp(line, "data", 4) != 0)
        text_puts(&header, line);
    skip_to(page, ".Bd");
    while (page_line(page, line, sizeof line) && strncmp(line, ".Ed", 3) != 0)
        undump(&bytes, line);
    fclose(page);
    blob = blob_new(bytes.size, &err);
    memcpy(blob->data, bytes.data, bytes.size);
    g = nn_graph(blob);
    CHECK_MSG(g != NULL, "%s", err.text);
    if (g) {
        CHECK(nn_write_header(g, &got, &err) == 0);
        CHECK_STR(got.data, header.data);
        again = nn_bytes(g);
        CHECK(nn_same(blob, again));
    }
    graph_free(g);
    blob_unref(blob);
    blob_unref(again);
    text_release(&header);
    text_release(&bytes);
    text_release(&got);
}

/* ---- size ---- */

static void a_hundred_thousand_nodes(void)
{
    struct graph *g = graph_new(&err), *back;
    struct value *v = nn_input(g, "x", nn_tensor_type(DTYPE_F32, 4, (int64_t[]){1, 32, 112, 112}));
    struct blob *blob;
    clock_t start;

    for (int i = 0; i < 100000; i++)
        v = nn_unary(g, i % 2 ? "Relu" : "Neg", v, NULL);
    graph_add_output(g, v, &err);
    start = clock();
    blob = nn_bytes(g);
    back = nn_graph(blob);
    CHECK_MSG(back && back->node_count == 100000, "%s", err.text);
    CHECK(test_in_time(start, 5));
    blob_unref(blob);
    graph_free(back);
    graph_free(g);
}

int main(void)
{
    RUN(text_is_as_specified);
    RUN(sample_round_trip);
    RUN(every_dtype_and_size);
    RUN(floats_in_the_header_are_exact);
    RUN(stray_bits_are_not_written);
    RUN(data_is_used_in_place);
    RUN(read_from_a_pipe);
    RUN(types_round_trip);
    RUN(inputs_with_constants);
    RUN(hand_written);
    RUN(property_that_only_looks_kept);
    RUN(page_tells_the_truth);
    RUN(a_hundred_thousand_nodes);
    return TEST_END();
}
