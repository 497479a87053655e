/* Inside lib/format/keras: HDF5 files and .keras archives of Keras 1 to 3.
 *
 * A model is JSON: layers, each with a configuration and the tensors it is called on, once or several times (net.c).
 * Each class of layers is a row of layer.def, which names the function that adds ONNX's nodes; what is no row is kept
 * as a node of the domain "keras". Operations of keras.ops and tf (TFOpLambda) are rows of operation.def. Weights are
 * datasets of an HDF5 file (weights.c). Tensors are channels-last unless data_format says otherwise: spatial operators
 * stand between Transposes, which model_read() cancels. Nothing of a file is ever executed: a Lambda is refused.
 * Source of the meaning of layers: the API pages of keras.io. */
#ifndef FORMAT_KERAS_KERAS_H
#define FORMAT_KERAS_KERAS_H

#include "base/lookup.h"
#include "format/source.h"
#include "format/torch/function.h"
#include "op/build.h"
#include "parse/hdf5.h"
#include "parse/json.h"

#define KERAS_OUTPUTS 64 /* of one layer */
#define KERAS_DEPTH   16 /* of models within each other */
#define KERAS_CALLS   (1 << 18)
#define KERAS_WORK    (1 << 24)
#define KERAS_SPARE   (1 << 27) /* elements of weights beyond the bytes of the file */

/* ---- the reader (read.c) ---- */

/* Weights that are at hand, by names such as "conv1/kernel". */
struct keras_named {
    const char **names; /* [count] */
    struct tensor **tensors;
    size_t count;
};

struct keras_reader {
    struct json json;
    struct hdf5 *weights; /* NULL: they are at hand */
    struct lookup named;  /* then: a name → struct keras_at_hand (weights.c) */
    struct arena arena;
    struct build b;
    int major;          /* Keras 1, 2 or 3 */
    bool is_prepared;   /* its first layer scales, normalises or resizes a photo */
    bool by_path;       /* weights lie by the attributes of layers, as in .keras; else by their names */
    struct lookup kept; /* constants, "dataset permutation", and masks, "mask value" → struct value */
    int depth;
    void *formulas; /* their functions */
    long calls;
    size_t work;
    size_t elements; /* of weights that may still be read: layers that are called again may read theirs again */
};

/* Counts n things that are listed, looked at or made on the file's word, which may ask for the same ones again and
 * again: a failure, and false, beyond KERAS_WORK in all. */
bool keras_count_work(struct keras_reader *r, size_t n);

struct keras_place;

/* Reads a model that is at hand, of Keras 2, as TensorFlow.js has it. NULL with a message. */
struct graph *keras_read_json(const struct json *json, const struct json_node *model, const struct keras_named *weights,
                              struct error *err);

/* ---- weights (weights.c) ---- */

/* Of a whole model whose weights are at hand. */
int keras_place_named(struct keras_reader *r, const struct keras_named *weights, struct keras_place *place);

/* Where the weights of a layer are. */
struct keras_place {
    const struct hdf5_object *group; /* the layer's own, by path; by name: of the outermost layer. NULL: none */
    const char **names;              /* [count] by name: datasets of the group */
    int count;
};

/* The place of the layer `name`, number `repeat` of its class, in a model, which may be a layer of another one. -1
 * after a failure, as all of these. */
int keras_place_layer(struct keras_reader *r, const struct keras_place *model, const char *name, const char *class,
                      int repeat, struct keras_place *place);
/* Of a layer that another one holds: the attribute it is, and how its name begins. */
int keras_place_part(struct keras_reader *r, const struct keras_place *whole, const char *attribute, const char *begins,
                     struct keras_place *place);

/* ---- layers (layer.c) ---- */

struct keras_net;

/* A layer being called. */
struct keras_call {
    struct keras_reader *r;
    struct build *b;
    const struct keras_net *net; /* whose tensors its arguments name; NULL: they name none */
    const struct keras_kind *kind;
    const char *name, *class;
    const struct json_node *layer, *config;
    const struct json_node *args, *kwargs; /* what it is called with, as written; NULL: nothing else */
    const struct json_node *cell;          /* further members of the configuration; or NULL */
    bool in_bytes;                         /* its weights are whole numbers of 8 bits, with scales */
    bool turns, by_time; /* of a recurrent layer: go_backwards is the other way; its steps come in the order of time */
    bool all_steps;      /* and all of them, whatever return_sequences says */
    struct keras_place place;
    struct value **in; /* [in_count] */
    int in_count;
    struct value *out[KERAS_OUTPUTS];
    int out_count;
};

typedef void keras_layer_fn(struct keras_call *l);

struct keras_kind {
    const char *class;
    const char *onnx; /* for functions that serve several; or NULL */
    keras_layer_fn *read;
};

#define LAYER(class, function, onnx, mask) keras_layer_fn keras_read_##function;
#include "format/keras/layer.def"
#undef LAYER

keras_layer_fn keras_read_operation, keras_read_model;

/* Whether what stands among the layers is an operation of keras.ops: HDF5 files only tell by what its configuration has
 * not. */
bool keras_is_operation(const struct keras_reader *r, const struct json_node *layer);
/* The operation a layer stands for: rows of operation.def. NULL: none. */
const struct keras_kind *keras_find_operation(const char *name);
const struct keras_kind *keras_find_kind(const char *class);
const char *keras_operator_at(size_t index); /* NULL beyond the end */

/* Calls the layer that a JSON object describes, {"class_name", "config"}, as a part of layer l: on inner's inputs and
 * with its flags, the rest of it is filled in. A failure where it has no output. */
void keras_call_part(struct keras_call *l, const struct json_node *part, const struct keras_place *place,
                     struct keras_call *inner);
/* Reads a call that is filled in but for its kind. */
void keras_read_call(struct keras_call *l);

/* Members of a layer's configuration; null counts as absent. Failures where they are of another kind. */
const struct json_node *keras_member(const struct keras_call *l, const char *name);
int64_t keras_int(struct keras_call *l, const char *name, int64_t otherwise);
float keras_float(struct keras_call *l, const char *name, float otherwise);
bool keras_bool(struct keras_call *l, const char *name, bool otherwise);
const char *keras_text(struct keras_call *l, const char *name, const char *otherwise);
/* n numbers, or one for all. */
void keras_ints(struct keras_call *l, const char *name, int n, int64_t otherwise, int64_t *values);
/* A list of at most max numbers: their count; -1: not set. A number alone is a list of one. */
int keras_list(struct keras_call *l, const char *name, int64_t *values, int max);
int keras_list_of(struct keras_call *l, const struct json_node *node, const char *name, int64_t *values, int max);
int64_t keras_number(struct keras_call *l, const struct json_node *node, const char *name);
/* The name in {"class_name": …} or in a string. */
const char *keras_class_of(const struct json *j, const struct json_node *node);

/* Parameters that an operation is called with, by name, position (-1: by name alone) or in its configuration; null
 * counts as absent (argument.c). */
const struct json_node *keras_parameter(struct keras_call *l, const char *name, int position);
int64_t keras_parameter_int(struct keras_call *l, const char *name, int position, int64_t otherwise);
bool keras_parameter_flag(struct keras_call *l, const char *name, int position);
int keras_parameter_list(struct keras_call *l, const char *name, int position, int64_t *values, int max);
/* Argument k as written, or NULL. */
const struct json_node *keras_by_position(struct keras_call *l, int k);
/* A tensor, or numbers of the type of another one, or of a type of their own; a failure where it is neither. */
struct value *keras_operand(struct keras_call *l, const char *name, int position, struct value *like);
/* What "float32" and such name; DTYPE_NONE: nothing that is read. */
enum dtype keras_named_type(const struct json_node *n);

/* Input k; a failure, and NULL, where it is missing. */
struct value *keras_in(struct keras_call *l, int k);
int keras_rank(struct keras_call *l, struct value *v);
int64_t keras_dim(struct keras_call *l, struct value *v, int axis); /* -1: not known */
int keras_axis(struct keras_call *l, int64_t axis, int rank);
void keras_give(struct keras_call *l, struct value *v); /* as the next output */
bool keras_is_nchw(struct keras_call *l);
/* v with channels second, and back, where they stand last. */
struct value *keras_to_nchw(struct keras_call *l, struct value *v, int rank);
struct value *keras_from_nchw(struct keras_call *l, struct value *v, int rank);
/* Input 0 in these sizes, "bilinear" or so; windows of a picture as an operation (read_space.c, read_conv.c). */
struct value *keras_resize(struct keras_call *l, const char *mode, bool antialias, const int64_t sizes[2]);
void keras_read_patches(struct keras_call *l);
void keras_read_stft(struct keras_call *l); /* read_spectrum.c */
/* Operations on arrays (operation_array.c). */
void keras_read_tensordot(struct keras_call *l);
void keras_read_split(struct keras_call *l);
void keras_read_select(struct keras_call *l);
void keras_read_diagonal(struct keras_call *l);
/* v with the function that a member of the configuration names. */
struct value *keras_activate(struct keras_call *l, struct value *v, const char *member);
/* Through the function of that name. */
struct value *keras_activation(struct keras_call *l, struct value *v, const char *name);
/* A name of the graph that outlives the file. */
const char *keras_keep(struct keras_reader *r, const char *text);

/* The tensor of weight number `index` of a layer, called `name`, as f32; of the part of the layer that is its attribute
 * `part` (NULL: its own). NULL: there is none. A new reference. */
struct tensor *keras_tensor(struct keras_call *l, const char *part, const char *name, int index);
/* The same of its attribute "cell", or of the layer itself (read_rnn.c). */
struct tensor *keras_cell_tensor(struct keras_call *l, const char *name, int index);
/* v with its elements along an axis, which may count from the end, the other way round (read_rnn.c). */
struct value *keras_reversed(struct keras_call *l, struct value *v, int64_t axis);
/* The same of the layer itself as a constant; a failure where there is none. */
struct value *keras_weight(struct keras_call *l, const char *name, int index);
/* Its axes in the order perm [rank]; a failure where it has more or fewer. */
struct value *keras_permuted(struct keras_call *l, const char *name, int index, int rank, const int64_t *perm);
/* Its dims, each at least 1 and of 31 bits: their number, at most max. 0 after a failure. */
int keras_weight_dims(struct keras_call *l, const char *name, int index, int64_t *dims, int max);

/* The mask of a tensor, which of its steps count, bool [batch, steps]; NULL: all. */
struct value *keras_mask_of(const struct keras_reader *r, const struct value *v);
void keras_set_mask(struct keras_call *l, const struct value *v, struct value *mask);

/* Layers that prepare a photo say so; properties "recipe" and "task" of the graph, as far as they are known, when it is
 * read (recipe.c). */
void keras_note_prepared(struct keras_call *l);
int keras_put_recipe(struct keras_reader *r);

/* ---- models (net.c) ---- */

/* The outermost model: its inputs and outputs become the graph's. */
void keras_read_whole(struct keras_reader *r, const struct json_node *model, const struct keras_place *place);
/* The tensor that an argument names; NULL: it names none. */
struct value *keras_argument(struct keras_call *l, const struct json_node *argument);
/* The tensors in an argument, in order: their number. values NULL: only that. */
int keras_arguments(struct keras_call *l, const struct json_node *argument, struct value **values);
/* Tensor of the keyword argument; NULL: there is none. */
struct value *keras_keyword(struct keras_call *l, const char *name);

#endif
