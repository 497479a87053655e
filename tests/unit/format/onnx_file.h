/* ONNX files made by hand, for the tests: messages are put together field by field.
 *
 *     struct msg g = {0};
 *     file_node(&g, "Relu", "x", "y", NULL);
 *     file_input(&g, "x", 1, 2, 3, -1);
 *     …
 *     struct graph *graph = file_read_model(&g, 13, &err);
 */
#ifndef TESTS_UNIT_FORMAT_ONNX_FILE_H
#define TESTS_UNIT_FORMAT_ONNX_FILE_H

#include <stdarg.h>
#include <stdlib.h>

#include "../../test.h"
#include "format/format.h"
#include "op/op.h"

extern const struct format format_onnx;

#define FILE_UNUSED __attribute__((unused))

struct msg {
    size_t size;
    uint8_t data[16384];
};

FILE_UNUSED static void put_raw(struct msg *m, const void *data, size_t size)
{
    if (size <= sizeof(m->data) - m->size) {
        memcpy(m->data + m->size, data, size);
        m->size += size;
    }
}

FILE_UNUSED static void put_number(struct msg *m, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_raw(m, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
    put_raw(m, &(uint8_t){(uint8_t)value}, 1);
}

FILE_UNUSED static void put_int(struct msg *m, int field, int64_t value)
{
    put_number(m, (uint64_t)field << 3);
    put_number(m, (uint64_t)value);
}

FILE_UNUSED static void put_float(struct msg *m, int field, float value)
{
    put_number(m, (uint64_t)field << 3 | 5);
    put_raw(m, &value, 4);
}

FILE_UNUSED static void put_bytes(struct msg *m, int field, const void *data, size_t size)
{
    put_number(m, (uint64_t)field << 3 | 2);
    put_number(m, size);
    put_raw(m, data, size);
}

FILE_UNUSED static void put_string(struct msg *m, int field, const char *s)
{
    put_bytes(m, field, s, strlen(s));
}

FILE_UNUSED static void put_msg(struct msg *m, int field, const struct msg *inner)
{
    put_bytes(m, field, inner->data, inner->size);
}

/* The comma-separated names of a list; "-" is an empty one. */
FILE_UNUSED static void put_names(struct msg *m, int field, const char *names)
{
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, ",");
        put_bytes(m, field, at, n == 1 && *at == '-' ? 0 : n);
        at += n + (at[n] == ',');
    }
}

/* A node into a graph (or field 7 of a function), with one attribute message list or NULL. */
FILE_UNUSED static void file_node_in(struct msg *g, int field, const char *domain, const char *op, const char *in,
                                     const char *out, const struct msg *attributes)
{
    static struct msg n;
    n.size = 0;
    put_names(&n, 1, in);
    put_names(&n, 2, out);
    put_string(&n, 3, out);
    put_string(&n, 4, op);
    if (*domain)
        put_string(&n, 7, domain);
    if (attributes)
        put_raw(&n, attributes->data, attributes->size);
    put_msg(g, field, &n);
}

FILE_UNUSED static void file_node(struct msg *g, const char *op, const char *in, const char *out,
                                  const struct msg *attributes)
{
    file_node_in(g, 1, "", op, in, out, attributes);
}

/* ---- attributes, as fields of a node ---- */

FILE_UNUSED static void attr_int(struct msg *n, const char *name, int64_t value)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    put_int(&a, 3, value);
    put_int(&a, 20, 2);
    put_msg(n, 5, &a);
}

FILE_UNUSED static void attr_float(struct msg *n, const char *name, float value)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    put_float(&a, 2, value);
    put_int(&a, 20, 1);
    put_msg(n, 5, &a);
}

FILE_UNUSED static void attr_string(struct msg *n, const char *name, const char *value)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    put_string(&a, 4, value);
    put_int(&a, 20, 3);
    put_msg(n, 5, &a);
}

FILE_UNUSED static void attr_ints(struct msg *n, const char *name, int count, const int64_t *values)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    for (int i = 0; i < count; i++)
        put_int(&a, 8, values[i]);
    put_int(&a, 20, 7);
    put_msg(n, 5, &a);
}

FILE_UNUSED static void attr_floats(struct msg *n, const char *name, int count, const float *values)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    put_bytes(&a, 7, values, (size_t)count * 4); /* packed */
    put_int(&a, 20, 6);
    put_msg(n, 5, &a);
}

FILE_UNUSED static void attr_msg(struct msg *n, const char *name, int field, int type, const struct msg *content)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    put_msg(&a, field, content);
    put_int(&a, 20, type);
    put_msg(n, 5, &a);
}

FILE_UNUSED static void attr_ref(struct msg *n, const char *name, int type, const char *of)
{
    struct msg a = {.size = 0};
    put_string(&a, 1, name);
    put_string(&a, 21, of);
    put_int(&a, 20, type);
    put_msg(n, 5, &a);
}

/* ---- values ---- */

/* An input (field 11), output (12) or other value (13) of a tensor type; dims < 0: open, of FILE_BATCH with that name.
 * rank < 0: none. */
#define FILE_BATCH (-2)
FILE_UNUSED static void file_value(struct msg *g, int field, const char *name, int dtype, int rank, const int64_t *dims)
{
    struct msg shape = {.size = 0}, tensor = {.size = 0}, type = {.size = 0}, value = {.size = 0};
    put_int(&tensor, 1, dtype);
    for (int i = 0; i < rank; i++) {
        struct msg dim = {.size = 0};
        if (dims[i] >= 0)
            put_int(&dim, 1, dims[i]);
        if (dims[i] == FILE_BATCH)
            put_string(&dim, 2, "batch");
        put_msg(&shape, 1, &dim);
    }
    if (rank >= 0)
        put_msg(&tensor, 2, &shape);
    put_msg(&type, 1, &tensor);
    put_string(&value, 1, name);
    put_msg(&value, 2, &type);
    put_msg(g, field, &value);
}

#define FILE_DIMS(...)                                                                                                 \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                                       \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

/* The head of a TensorProto. */
FILE_UNUSED static void tensor_head(struct msg *t, const char *name, int dtype, int rank, const int64_t *dims)
{
    t->size = 0;
    for (int i = 0; i < rank; i++)
        put_int(t, 1, dims[i]);
    put_int(t, 2, dtype);
    put_string(t, 8, name);
}

FILE_UNUSED static void file_floats(struct msg *g, const char *name, int rank, const int64_t *dims, int count,
                                    const float *values)
{
    struct msg t;
    tensor_head(&t, name, DTYPE_F32, rank, dims);
    put_bytes(&t, 9, values, (size_t)count * 4);
    put_msg(g, 5, &t);
}

#define FILE_FLOATS(...)                                                                                               \
    (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (const float[])                                             \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

/* ---- models ---- */

FILE_UNUSED static void file_opset(struct msg *m, int field, const char *domain, int64_t version)
{
    struct msg o = {.size = 0};
    put_string(&o, 1, domain);
    put_int(&o, 2, version);
    put_msg(m, field, &o);
}

FILE_UNUSED static void file_model(struct msg *m, const struct msg *g, int opset)
{
    m->size = 0;
    put_int(m, 1, opset < 3 ? 1 : 8);
    put_msg(m, 7, g);
    if (opset >= 3)
        file_opset(m, 8, "", opset);
}

FILE_UNUSED static struct graph *file_parse(const void *data, size_t size, const char *path, struct error *err)
{
    struct blob *blob = blob_new(size ? size : 1, err);
    struct graph *g = NULL;
    if (!blob)
        return NULL;
    if (size)
        memcpy(blob->data, data, size);
    blob->size = size;
    struct source source = {.path = path, .blob = blob};
    format_onnx.sniff(&source);
    g = format_onnx.read(&source, err);
    blob_unref(blob);
    return g;
}

FILE_UNUSED static struct graph *file_read_model(const struct msg *g, int opset, struct error *err)
{
    static struct msg m;
    file_model(&m, g, opset);
    return file_parse(m.data, m.size, NULL, err);
}

/* Reads, infers and runs a model of f32 inputs; whether output 0 has these elements, to 1e-5. */
FILE_UNUSED static bool graph_gives(struct graph *g, const float *const *inputs, int count, const float *want)
{
    struct error err = {""};
    struct item *in[8] = {NULL}, *out[8] = {NULL};
    bool same = g != NULL;
    for (size_t i = 0; same && i < g->input_count; i++) {
        struct tensor *t = tensor_new(DTYPE_F32, g->inputs[i]->type.rank, g->inputs[i]->type.dims, &err);
        if (t)
            memcpy(t->data, inputs[i], t->size);
        in[i] = item_of_tensor(t, &err);
    }
    if (same && (op_infer_graph(g, &err) != 0 || op_run(g, in, out, 1 << 24, 1, &err) != 0)) {
        printf("%s\n", err.text);
        same = false;
    }
    same = same && out[0]->tensor && out[0]->tensor->count == count;
    for (int i = 0; same && i < count; i++)
        if (!(fabs(tensor_get_f64(out[0]->tensor, i) - want[i]) <= 1e-5)) {
            printf("element %d is %g, want %g\n", i, tensor_get_f64(out[0]->tensor, i), want[i]);
            same = false;
        }
    for (int i = 0; i < 8; i++) {
        item_unref(in[i]);
        item_unref(out[i]);
    }
    return same;
}

#define FILE_INPUTS(...)                                                                                               \
    (const float *const[])                                                                                             \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

#endif
