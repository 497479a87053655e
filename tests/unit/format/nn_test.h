/* For the tests of .nn files: graphs to bytes and back, without files where none are needed. */
#ifndef TESTS_NN_TEST_H
#define TESTS_NN_TEST_H

#include <stdlib.h>
#include <unistd.h>

#include "../../test.h"
#include "base/hash.h"
#include "base/text.h"
#include "format/format.h"
#include "format/nn/nn.h"

static struct error err;

/* A whole file of its declarations and its data. */
static inline struct blob *nn_frame(const char *text, size_t text_size, const void *data, size_t size)
{
    struct text t;
    struct blob *blob;

    text_init(&t);
    text_add(&t, text, text_size);
    text_printf(&t, "data %zu", size);
    while ((t.size + 1) % 64)
        text_add(&t, " ", 1);
    text_add(&t, "\n", 1);
    blob = blob_new(t.size + size, &err);
    memcpy(blob->data, t.data, t.size);
    if (size)
        memcpy((char *)blob->data + t.size, data, size);
    text_release(&t);
    return blob;
}

static inline struct graph *nn_graph(struct blob *blob)
{
    struct source source = {.blob = blob};

    err.text[0] = '\0';
    return format_by_name("nn")->read(&source, &err);
}

static inline struct graph *nn_graph_of(const char *text)
{
    struct blob *blob = nn_frame(text, strlen(text), NULL, 0);
    struct graph *g = nn_graph(blob);

    blob_unref(blob);
    return g;
}

/* The bytes of a graph's file; NULL with a message when writing fails. */
static inline struct blob *nn_bytes(const struct graph *g)
{
    char path[] = "/tmp/test_nn.XX" "XX" "XX";
    int fd = mkstemp(path);
    struct blob *blob = NULL;

    err.text[0] = '\0';
    if (format_write(g, path, format_by_name("nn"), NULL, &err) == 0)
        blob = file_read(path, &err);
    close(fd);
    unlink(path);
    return blob;
}

static inline bool nn_same(const struct blob *a, const struct blob *b)
{
    return a && b && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Writes and reads back; checks that writing again gives the same bytes. The graph read. */
static inline struct graph *nn_round(const struct graph *g)
{
    struct blob *first = nn_bytes(g), *second;
    struct graph *back;

    CHECK_MSG(first != NULL, "%s", err.text);
    if (!first)
        return NULL;
    back = nn_graph(first);
    CHECK_MSG(back != NULL, "%s", err.text);
    second = back ? nn_bytes(back) : NULL;
    CHECK(nn_same(first, second));
    blob_unref(first);
    blob_unref(second);
    return back;
}

static inline struct type nn_tensor_type(enum dtype dtype, int rank, const int64_t *dims)
{
    struct type type = {.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};

    for (int i = 0; i < rank; i++)
        type.dims[i] = dims[i];
    return type;
}

static inline struct value *nn_input(struct graph *g, const char *name, struct type type)
{
    struct value *v = graph_add_value(g, name, &err);

    v->type = type;
    graph_add_input(g, v, &err);
    return v;
}

/* A node of one input, with its output of the same type. */
static inline struct value *nn_unary(struct graph *g, const char *op, struct value *in, const char *name)
{
    struct node *n = graph_add_node(g, "", op, NULL, &err);
    struct value *out;

    node_add_input(n, in, &err);
    out = node_new_output(n, name, &err);
    out->type = in->type;
    return out;
}

/* Random bytes; bools are 0 or 1. */
static inline struct tensor *nn_random_tensor(enum dtype dtype, int rank, const int64_t *dims, uint64_t *seed)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &err);

    for (size_t i = 0; i < t->size; i++)
        ((uint8_t *)t->data)[i] = (uint8_t)(hash_random(seed) & (dtype == DTYPE_BOOL ? 1 : 255));
    return t;
}

/* A graph with something of everything that a file can hold. */
static inline struct graph *nn_sample(void)
{
    static const char odd[] = "a\0\n\"%,]\xff\xc3\xa4 ", many[] = "a long string, many times";
    struct graph *g = graph_new(&err), *then, *otherwise, *inner;
    int64_t n = graph_symbol(g, "N", &err), max = graph_symbol(g, "max len", &err);
    struct value *x = nn_input(g, "x", nn_tensor_type(DTYPE_F32, 3, (int64_t[]){n, max, 4}));
    struct value *flag = nn_input(g, "flag", nn_tensor_type(DTYPE_BOOL, 0, NULL)), *v, *y;
    struct str strings[20];
    struct node *node;
    struct type type = {.kind = TYPE_UNKNOWN, .rank = -1}, sequence = {.kind = TYPE_SEQUENCE, .element = &type};
    uint64_t seed = 1;

    g->name = "main graph";
    graph_set_property(g, "recipe", "resize=256,crop=224,rgb", 23, &err);
    graph_set_property(g, "labels", " cat\ndog, big\n ", 15, &err);
    graph_set_property(g, "", odd, sizeof odd - 1, &err);
    graph_set_property(g, "x-", "x-new thing  here\nx-", 20, &err);
    graph_add_constant(g, "w:0", nn_random_tensor(DTYPE_F32, 2, (int64_t[]){5, 7}, &seed), &err);
    graph_add_constant(g, "q", nn_random_tensor(DTYPE_I8, 2, (int64_t[]){32, 4}, &seed), &err);
    for (int i = 0; i < 20; i++)
        strings[i] = (struct str){i % 2 ? odd : many, i % 2 ? sizeof odd - 1 : sizeof many - 1};
    graph_add_constant(g, "->", tensor_of_strings(1, (int64_t[]){20}, strings, &err), &err);
    graph_add_constant(g, "-", tensor_of_strings(2, (int64_t[]){1, 3}, strings, &err), &err);
    graph_add_constant(g, ":", nn_random_tensor(DTYPE_I4, 1, (int64_t[]){33}, &seed), &err);
    graph_add_constant(g, "none", tensor_new(DTYPE_F8E5M2, 2, (int64_t[]){0, 9}, &err), &err);

    node = graph_add_node(g, "com.example", "Odd.Op@", NULL, &err);
    node->since = 3;
    node_add_input(node, NULL, &err);
    node_add_input(node, x, &err);
    node_add_output(node, NULL, &err);
    y = node_new_output(node, "odd out", &err);
    graph_copy_type(g, &y->type, &sequence, &err);
    node_set_int(node, "i", INT64_MIN, &err);
    node_set_float(node, "f=", 3, &err);
    node_set_string(node, "s", odd, sizeof odd - 1, &err);
    node_set_string(node, "empty", "", 0, &err);
    node_set_ints(node, "one", (int64_t[]){-1}, 1, &err);
    node_set_ints(node, "no ints", NULL, 0, &err);
    node_set_floats(node, "floats", (float[]){0.1f, -0.0f, NAN, INFINITY, -INFINITY, 1e30f}, 6, &err);
    node_set_floats(node, "no floats", NULL, 0, &err);
    node_set_strings(node, "strings", strings, 3, &err);
    node_set_strings(node, "no strings", NULL, 0, &err);
    node_set_tensor(node, "small", nn_random_tensor(DTYPE_U16, 1, (int64_t[]){3}, &seed), &err);
    node_set_tensor(node, "large", nn_random_tensor(DTYPE_F64, 1, (int64_t[]){30}, &seed), &err);
    node_set_type(node, "type", &x->type, &err);

    y = nn_unary(g, "Relu", x, "y");
    node = graph_add_node(g, "", "If", NULL, &err);
    node_set_name(node, "choice", &err);
    node_add_input(node, flag, &err);
    then = graph_new_subgraph(g, &err);
    otherwise = graph_new_subgraph(g, &err);
    then->name = "then graph";
    node_set_graph(node, "then_branch", then, &err);
    node_set_graph(node, "else_branch", otherwise, &err);
    graph_add_output(then, nn_unary(then, "Neg", y, "out"), &err);
    inner = graph_new_subgraph(otherwise, &err);
    graph_add_constant(otherwise, "local", nn_random_tensor(DTYPE_F16, 1, (int64_t[]){40}, &seed), &err);
    v = nn_unary(otherwise, "Abs", x, "abs");
    node = graph_add_node(otherwise, "", "If", NULL, &err);
    node_add_input(node, flag, &err);
    node_set_graph(node, "then_branch", inner, &err);
    graph_add_output(inner, nn_unary(inner, "Exp", v, "e"), &err);
    inner = graph_new_subgraph(otherwise, &err);
    node_set_graph(node, "else_branch", inner, &err);
    graph_add_output(inner, nn_unary(inner, "Log", y, "e"), &err);
    v = node_new_output(node, "result", &err);
    graph_add_output(otherwise, v, &err);
    node = g->last;
    v = node_new_output(node, "z", &err);
    v->type = nn_tensor_type(DTYPE_NONE, -1, NULL);
    graph_add_output(g, v, &err);
    graph_add_output(g, y, &err);
    graph_add_output(g, v, &err);
    graph_add_output(g, graph_find_value(g, "w:0"), &err);
    return g;
}

#endif
