/* Edits that raising and lowering share, beside those of the builder. */
#ifndef FORMAT_ONNX_EDIT_H
#define FORMAT_ONNX_EDIT_H

#include "op/build.h"

/* Puts a copy of a node before it, with its inputs and attributes and one new output, which is returned (NULL with a
 * message): the node itself can then become what goes on from there, and keep the outputs. */
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
