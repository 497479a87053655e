/* Inputs that options give: -s NAME=DIMS binds open sizes, -i NAME=FILE.npy or NAME=NUMBER gives a tensor. */
#ifndef COMMON_INPUTS_H
#define COMMON_INPUTS_H

#include "model.h"

struct inputs {
    const char **shapes, **tensors; /* as given */
    size_t shape_count, tensor_count;
};

#define OPTION_ROW_SHAPE                                                                                               \
    {                                                                                                                  \
        's', "shape", "NAME=DIMS", "set the shape of an input, or an open size: x=4x3x224x224, batch=1"                \
    }
#define OPTION_ROWS_INPUTS                                                                                             \
    {'i', "input", "NAME=VALUE", "an input: a .npy file, or a number for all of it; random when not given"},           \
        OPTION_ROW_SHAPE

/* most: how often the options may come. */
void inputs_init(struct inputs *inputs, int most);
void inputs_release(struct inputs *inputs);

/* Takes -s or -i; false when the key is neither. */
bool inputs_option(struct inputs *inputs, int key, const char *value);

/* Reads the model as input_read() does, with the shapes that -s gave and those of the .npy files among the inputs of a
 * run: "FILE.npy" in the order of the model's inputs, or "NAME=FILE.npy". */
struct model *inputs_read(const struct inputs *inputs, const char *path, const char *format, char **files,
                          size_t count);

/* Binds the sizes, and those of the tensors; in[inputs of m], all NULL, gets the tensors, for model_tensor_free(). 0,
 * or 1 with a message. */
int inputs_apply(const struct inputs *inputs, struct model *m, const char *path, struct model_tensor **in);

/* Whether a size is open, from that axis on. */
bool port_is_open(const struct model_port *port, int from);

/* Binds what is open still to small sizes, and tells which inputs that was in. 0, or 1 with a message. */
int inputs_bind_rest(struct model *m, const char *path);

/* Random tensors for inputs that are NULL and must be given, of a model whose sizes are all bound; 0, or 1 with a
 * message. */
int inputs_fill(const struct model *m, const char *path, uint64_t seed, struct model_tensor **in);

/* A tensor as -i takes it: a .npy file, or a number for an input of known sizes; NULL with a message in err. */
struct model_tensor *input_value(const struct model *m, size_t input, const char *value, struct model_error *err);
/* Whether the text is a number, and no file's name. */
bool input_is_number(const char *value);

/* The input that "NAME=" begins with, and what is behind; -1 when there is none. */
ptrdiff_t input_named(const struct model *m, const char *given, const char **value);

/* "'x', 'y'", the model's inputs, as far as they fit. */
const char *input_names(const struct model *m, char *text, size_t size);

#endif
