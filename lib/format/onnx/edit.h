/* Edits that raising and lowering share. New nodes stand before a given one and are resolved; what they make gets fresh
 * names. Functions that return a value return NULL with a message. */
#ifndef FORMAT_ONNX_EDIT_H
#define FORMAT_ONNX_EDIT_H

#include "op/op.h"

/* A new node with these inputs (NULL: absent) and one output, which is returned; attributes can be set on its producer.
 */
struct value *onnx_edit_op(struct node *before, const char *op, int count, struct value *const *in, struct error *err);
#define EDIT_OP(before, op, err, ...)                                                                                  \
    onnx_edit_op(before, op, (int)(sizeof((struct value *[]){__VA_ARGS__}) / sizeof(struct value *)),                  \
                 (struct value *[]){__VA_ARGS__}, err)
/* The same with an int attribute. in NULL (an error already set) gives NULL. */
struct value *onnx_edit_op_int(struct node *before, const char *op, struct value *in, const char *attr, int64_t value,
                               struct error *err);

/* Constants in the node's graph. */
struct value *onnx_edit_ints(struct node *n, int64_t count, const int64_t *values, struct error *err); /* i64 [count] */
struct value *onnx_edit_int(struct node *n, int64_t value, struct error *err);                         /* i64 scalar */
struct value *onnx_edit_number(struct node *n, enum dtype dtype, double value, struct error *err);     /* scalar */
struct value *onnx_edit_floats(struct node *n, int64_t count, const float *values, struct error *err); /* f32 [count] */
struct value *onnx_edit_empty(struct node *n, enum dtype dtype, struct error *err);                    /* [0] */

/* Makes a node another operator with these inputs and no attributes; it keeps its outputs, its name and its place. */
int onnx_edit_become(struct node *n, const char *op, int count, struct value *const *in, struct error *err);
#define EDIT_BECOME(n, op, err, ...)                                                                                   \
    onnx_edit_become(n, op, (int)(sizeof((struct value *[]){__VA_ARGS__}) / sizeof(struct value *)),                   \
                     (struct value *[]){__VA_ARGS__}, err)

/* Puts a copy of a node before it, with its inputs and attributes and one new output, which is returned: the node
 * itself can then become what goes on from there, and keep the outputs. */
struct value *onnx_edit_split(struct node *n, struct error *err);
/* The same node with only its first `outputs` outputs; NULL when another one is used. */
struct node *onnx_edit_drop_outputs(struct node *n, int outputs, struct error *err);

/* Sets input `index`, with absent ones before it when there are fewer. */
int onnx_edit_set_input(struct node *n, int index, struct value *v, struct error *err);
/* The list attribute becomes input `index` (an i64 list), and goes. Nothing when it is not set. */
int onnx_edit_attr_to_input(struct node *n, const char *attr, int index, struct error *err);
/* The reverse: input `index`, a constant of integers, becomes the attribute. Nothing when it is absent; `since`: the
 * opset from which on it can be computed. */
int onnx_edit_input_to_attr(struct node *n, int index, const char *attr, int since, struct error *err);

/* An attribute, when it is set and of that kind; else the other value. */
int64_t onnx_edit_get_int(const struct node *n, const char *name, int64_t other);
float onnx_edit_get_float(const struct node *n, const char *name, float other);
bool onnx_edit_attr_is(const struct node *n, const char *name, const char *text);
/* Input i's constant; NULL when absent or not constant. */
const struct tensor *onnx_edit_constant(const struct node *n, int i);
/* The elements of input i, a constant of integers, at most max; -1 when it is no such thing. */
int onnx_edit_constant_ints(const struct node *n, int i, int64_t *values, int max);

/* "node 'a' (Conv): …"; -1. */
int onnx_edit_error(const struct node *n, struct error *err, const char *format, ...) BASE_PRINTF(3, 4);

#endif
