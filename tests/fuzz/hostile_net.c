/* Nets of Caffe2, MACE, TensorFlow and Tengine that say more than their bytes hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

/* ---- the wire form ---- */

static void put_varint(struct out *o, uint64_t n)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; n >= 0x80; n >>= 7)
        bytes[size++] = (uint8_t)(n | 0x80);
    bytes[size++] = (uint8_t)n;
    hostile_add(o, bytes, size);
}

static void put_bytes(struct out *o, unsigned field, const void *bytes, size_t size)
{
    put_varint(o, field << 3 | 2);
    put_varint(o, size);
    hostile_add(o, bytes, size);
}

static void put_text(struct out *o, unsigned field, const char *text)
{
    put_bytes(o, field, text, strlen(text));
}

static void put_number(struct out *o, unsigned field, uint64_t number)
{
    put_varint(o, field << 3);
    put_varint(o, number);
}

static void put_message(struct out *o, unsigned field, struct out *message)
{
    put_bytes(o, field, message->data, message->size);
    free(message->data);
    *message = (struct out){0};
}

/* An argument that is a list of the same integer. */
static void put_list(struct out *o, unsigned field, const char *name, uint64_t number, int count)
{
    struct out arg = {0};
    put_text(&arg, 1, name);
    for (int i = 0; i < count; i++)
        put_number(&arg, 6, number);
    put_message(o, field, &arg);
}

static void put_head(struct out *o, const char *type, const char *in, int count, const char *out)
{
    for (int i = 0; i < count; i++)
        put_text(o, 1, in);
    put_text(o, 2, out);
    put_text(o, 4, type);
}

/* ---- Caffe2 ---- */

static void put_op(struct out *o, const char *type, const char *in, int count, const char *out)
{
    struct out op = {0};
    put_head(&op, type, in, count, out);
    put_message(o, 2, &op);
}

/* A net needs an operator that fills, so that no other file is looked for. */
static void begin(struct out *o)
{
    struct out op = {0};
    put_head(&op, "GivenTensorFill", "", 0, "w");
    put_list(&op, 5, "shape", 1, 0);
    put_list(&op, 5, "values", 1, 1);
    put_message(o, 2, &op);
}

static void caffe2_in_place(struct out *o)
{
    begin(o);
    for (int i = 0; i < 8000; i++)
        put_op(o, "Relu", "a", 1, "a");
}

static void caffe2_doublings(struct out *o)
{
    begin(o);
    put_op(o, "FlattenToVec", "x", 1, "a");
    for (int i = 0; i < 70; i++)
        put_op(o, "Concat", "a", 2, "a");
}

static void caffe2_large_fill(struct out *o)
{
    struct out op = {0};
    put_head(&op, "ConstantFill", "", 0, "w");
    put_list(&op, 5, "shape", 1 << 20, 3);
    put_message(o, 2, &op);
    put_op(o, "Relu", "w", 1, "y");
}

static void caffe2_many_arguments(struct out *o)
{
    struct out op = {0};
    char name[40];
    begin(o);
    put_head(&op, "Warp", "x", 1, "y");
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        put_list(&op, 5, name, 1, 1);
    }
    put_message(o, 2, &op);
}

static void caffe2_many_inputs(struct out *o)
{
    begin(o);
    put_op(o, "Sum", "x", 300000, "y");
}

static void caffe2_huge_window(struct out *o)
{
    struct out op = {0};
    begin(o);
    put_head(&op, "MaxPool", "x", 1, "y");
    put_list(&op, 5, "kernels", INT64_MAX, 2);
    put_list(&op, 5, "strides", INT64_MAX, 2);
    put_list(&op, 5, "pads", INT64_MAX, 4);
    put_message(o, 2, &op);
}

/* ---- MACE ---- */

static void put_tensor(struct out *o, const char *name, uint64_t dim, int rank, uint64_t offset, uint64_t count)
{
    struct out tensor = {0};
    for (int i = 0; i < rank; i++)
        put_number(&tensor, 1, dim);
    put_number(&tensor, 2, 1);
    put_text(&tensor, 5, name);
    put_number(&tensor, 6, offset);
    put_number(&tensor, 7, count);
    put_message(o, 3, &tensor);
}

static void put_mace_op(struct out *o, const char *type, const char *in, int count, const char *out)
{
    struct out op = {0};
    put_head(&op, type, in, count, out);
    put_list(&op, 6, "dim", 1, 1);
    put_message(o, 1, &op);
}

static void mace_far_tensor(struct out *o)
{
    put_mace_op(o, "Reshape", "w", 1, "y");
    put_tensor(o, "w", 1, 1, INT64_MAX, 1);
}

static void mace_large_tensor(struct out *o)
{
    put_mace_op(o, "Reshape", "w", 1, "y");
    put_tensor(o, "w", UINT64_C(1) << 31, 3, 0, INT64_MAX);
}

static void mace_many_axes(struct out *o)
{
    put_mace_op(o, "Reshape", "w", 1, "y");
    put_tensor(o, "w", 1, 1000000, 0, 1);
}

static void mace_doublings(struct out *o)
{
    put_mace_op(o, "Reshape", "x", 1, "a");
    for (int i = 0; i < 70; i++)
        put_mace_op(o, "Concat", "a", 2, "a");
}

static void mace_many_nets(struct out *o)
{
    struct out net = {0};
    put_mace_op(&net, "Identity", "x", 1, "y");
    put_number(o, 1, 1);
    for (int i = 0; i < 100000; i++)
        put_bytes(o, 3, net.data, net.size);
    free(net.data);
}

static void mace_many_channels(struct out *o)
{
    struct out input = {0};
    put_mace_op(o, "InstanceNorm", "x", 1, "y");
    put_text(&input, 1, "x");
    for (int i = 0; i < 4; i++)
        put_number(&input, 3, i < 3 ? 1 : INT32_MAX);
    put_message(o, 100, &input);
}

/* Padded by all but one of it. */
static void mace_huge_window(struct out *o)
{
    struct out op = {0}, rule = {0};
    put_head(&op, "Pooling", "x", 1, "y");
    put_list(&op, 6, "kernels", INT64_MAX, 2);
    put_list(&op, 6, "dilations", INT64_MAX, 2);
    put_text(&rule, 1, "padding");
    put_number(&rule, 3, 2);
    put_message(&op, 6, &rule);
    put_message(o, 1, &op);
}

/* ---- TensorFlow ---- */

/* An attribute of a node: member `field` of its value as a message. */
static void put_attribute(struct out *node, const char *name, unsigned field, struct out *message)
{
    struct out value = {0}, entry = {0};
    put_message(&value, field, message);
    put_text(&entry, 1, name);
    put_message(&entry, 2, &value);
    put_message(node, 5, &entry);
}

static void put_type(struct out *node, const char *name)
{
    struct out value = {0}, entry = {0};
    put_number(&value, 6, 1); /* DT_FLOAT */
    put_text(&entry, 1, name);
    put_message(&entry, 2, &value);
    put_message(node, 5, &entry);
}

/* `calls`: the function of a call, or NULL. */
static void put_node(struct out *o, unsigned field, const char *name, const char *op, const char *in, int count,
                     const char *calls)
{
    struct out node = {0}, function = {0};
    put_text(&node, 1, name);
    put_text(&node, 2, op);
    for (int i = 0; i < count; i++)
        put_text(&node, 3, in);
    put_type(&node, *op == 'P' && !calls ? "dtype" : "T");
    if (calls) {
        put_text(&function, 1, calls);
        put_attribute(&node, "f", 10, &function);
    }
    put_message(o, field, &node);
}

static void put_argument(struct out *o, unsigned field, const char *name)
{
    struct out arg = {0};
    put_text(&arg, 1, name);
    put_number(&arg, 3, 1);
    put_message(o, field, &arg);
}

/* A function of x that is two calls of another one behind each other, or (calls NULL) two of Relu. */
static void put_function(struct out *library, const char *name, const char *calls)
{
    struct out function = {0}, signature = {0}, entry = {0};
    put_text(&signature, 1, name);
    put_argument(&signature, 2, "x");
    put_argument(&signature, 3, "y");
    put_message(&function, 1, &signature);
    put_node(&function, 3, "a", calls ? "PartitionedCall" : "Relu", "x", 1, calls);
    put_node(&function, 3, "b", calls ? "PartitionedCall" : "Relu", calls ? "a:output:0" : "a:activations:0", 1, calls);
    put_text(&entry, 1, "y");
    put_text(&entry, 2, calls ? "b:output:0" : "b:activations:0");
    put_message(&function, 4, &entry);
    put_message(library, 1, &function);
}

static void tensorflow_call(struct out *o, struct out *library)
{
    put_node(o, 1, "x", "Placeholder", "", 0, NULL);
    put_node(o, 1, "y", "PartitionedCall", "x", 1, "f0");
    put_message(o, 2, library);
}

static void tensorflow_recursion(struct out *o)
{
    struct out library = {0};
    put_function(&library, "f0", "f0");
    tensorflow_call(o, &library);
}

static void tensorflow_calls(struct out *o)
{
    struct out library = {0};
    for (int i = 0; i <= 60; i++) {
        char name[8], next[8];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, "f%d", i + 1);
        put_function(&library, name, i < 60 ? next : NULL);
    }
    tensorflow_call(o, &library);
}

static void tensorflow_cycle(struct out *o)
{
    put_node(o, 1, "x", "Placeholder", "", 0, NULL);
    put_node(o, 1, "a", "Relu", "b", 1, NULL);
    put_node(o, 1, "b", "Relu", "a", 1, NULL);
    put_node(o, 1, "y", "AddV2", "a", 2, NULL);
}

static void tensorflow_doublings(struct out *o)
{
    char name[8], before[8] = "x";
    put_node(o, 1, "x", "Placeholder", "", 0, NULL);
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "a%d", i);
        put_node(o, 1, name, "Pack", before, 2, NULL);
        memcpy(before, name, sizeof name);
    }
}

static void tensorflow_filled(struct out *o)
{
    struct out node = {0}, tensor = {0}, shape = {0}, dim = {0};
    put_number(&tensor, 1, 1);
    for (int i = 0; i < 3; i++) {
        put_number(&dim, 1, 1 << 20);
        put_message(&shape, 2, &dim);
    }
    put_message(&tensor, 2, &shape);
    put_bytes(&tensor, 5, "\0\0\200\77", 4); /* one number for all */
    put_text(&node, 1, "w");
    put_text(&node, 2, "Const");
    put_type(&node, "dtype");
    put_attribute(&node, "value", 8, &tensor);
    put_message(o, 1, &node);
    put_node(o, 1, "y", "Relu", "w", 1, NULL);
}

/* ---- Tengine ---- */

static void put_words(struct out *o, const uint32_t *words, size_t count)
{
    hostile_add(o, words, count * sizeof(*words));
}

static uint32_t place(const struct out *o)
{
    return (uint32_t)o->size;
}

static uint32_t put_same(struct out *o, uint32_t word, uint32_t count)
{
    uint32_t at = place(o);
    put_words(o, &count, 1);
    for (uint32_t i = 0; i < count; i++)
        put_words(o, &word, 1);
    return at;
}

/* A graph of so many nodes and tensors, each of which is one struct: a Concat of `inputs` times tensor 0, whose name
 * has so many letters. */
static void put_tengine(struct out *o, uint32_t nodes, uint32_t inputs, uint32_t tensors, uint32_t letters)
{
    const uint32_t head[3] = {2, 0, 0};
    put_words(o, head, 3);
    uint32_t text = place(o);
    for (uint32_t i = 0; i < letters / 4; i++)
        put_words(o, &(uint32_t){0x61616161}, 1);
    uint32_t name = place(o);
    put_words(o, (uint32_t[]){letters, text}, 2);
    uint32_t dims = put_same(o, 1, 2), tensor = place(o);
    put_words(o, (uint32_t[]){0, 0, dims, name, 0, 0, 1, 0}, 8);
    uint32_t list = put_same(o, 0, inputs), one = put_same(o, 0, 1), axis = place(o);
    put_words(o, (uint32_t[]){0}, 1);
    uint32_t input_op = place(o);
    put_words(o, (uint32_t[]){1, 12, 0}, 3);
    uint32_t op = place(o);
    put_words(o, (uint32_t[]){1, 3, axis}, 3);
    uint32_t input = place(o);
    put_words(o, (uint32_t[]){0, 0, one, input_op, name, 0, 0}, 7);
    uint32_t node = place(o);
    put_words(o, (uint32_t[]){0, list, one, op, name, 0, 0}, 7);
    uint32_t all = put_same(o, node, nodes + 1);
    memcpy(o->data + all + 4, &input, 4);
    uint32_t all_tensors = put_same(o, tensor, tensors), graph = place(o);
    put_words(o, (uint32_t[]){0, 0, 0, one, one, all, all_tensors, 0, 0, 0}, 10);
    uint32_t graphs = put_same(o, graph, 1), root = place(o);
    put_words(o, (uint32_t[]){0, 0, graphs, 0}, 4);
    memcpy(o->data + 8, &root, 4);
}

static void tengine_shared_lists(struct out *o)
{
    put_tengine(o, 20000, 20000, 1, 4);
}

static void tengine_doublings(struct out *o)
{
    put_tengine(o, 70, 2, 1, 4);
}

static void tengine_shared_names(struct out *o)
{
    put_tengine(o, 1, 1, 50000, 65536);
}

static void tengine_loop(struct out *o)
{
    put_words(o, (uint32_t[]){2, 0, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12}, 14);
}

const struct hostile_case hostile_nets[] = {
    {"Caffe2: 8,000 operators in place", caffe2_in_place},
    {"Caffe2: 70 doublings by Concat", caffe2_doublings},
    {"Caffe2: a constant of 2^60 elements", caffe2_large_fill},
    {"Caffe2: 100,000 arguments", caffe2_many_arguments},
    {"Caffe2: an operator of 300,000 inputs", caffe2_many_inputs},
    {"Caffe2: a window of 2^63", caffe2_huge_window},
    {"MACE: a tensor at 2^63", mace_far_tensor},
    {"MACE: a tensor of 2^93 elements", mace_large_tensor},
    {"MACE: a tensor of 1,000,000 axes", mace_many_axes},
    {"MACE: 70 doublings by Concat", mace_doublings},
    {"MACE: 100,000 nets", mace_many_nets},
    {"MACE: 2^31 channels", mace_many_channels},
    {"MACE: a window of 2^63", mace_huge_window},
    {"CVE-2022-23591, TensorFlow: a function that calls itself", tensorflow_recursion},
    {"TensorFlow: 60 functions that each call the next one twice", tensorflow_calls},
    {"TensorFlow: nodes that take each other", tensorflow_cycle},
    {"TensorFlow: 70 doublings by Pack", tensorflow_doublings},
    {"TensorFlow: a constant of 2^60 elements", tensorflow_filled},
    {"Tengine: 20,000 nodes of one list of 20,000 inputs", tengine_shared_lists},
    {"Tengine: 70 doublings by Concat", tengine_doublings},
    {"Tengine: 50,000 tensors of one name of 64 KB", tengine_shared_names},
    {"Tengine: a model that is its own graph", tengine_loop},
    {NULL, NULL},
};
