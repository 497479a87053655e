/* Inside lib/format/openvino: OpenVINO's intermediate representation, an XML file of layers and edges and a file of
 * constants.
 *
 * A body is a list of layers whose inputs are ports of others (net.c). Each layer's type is a row of layer.def, which
 * names the function that adds its nodes; what is no row is kept as a node of the domain "openvino". Source of the
 * meaning of layers: the operation sets' pages of OpenVINO's documentation. */
#ifndef FORMAT_OPENVINO_OPENVINO_H
#define FORMAT_OPENVINO_OPENVINO_H

#include "format/source.h"
#include "format/target.h"
#include "op/build.h"
#include "parse/xml.h"

/* ---- bodies (net.c) ---- */

struct openvino_port {
    int64_t id;
    const struct xml_node *xml;
    const char *names; /* "a,b": what the framework calls it; or NULL */
    bool is_used;
    struct value *value;
};

/* What an input is connected to. */
struct openvino_edge {
    size_t layer;
    int port; /* which output of it; -1: nothing */
};

struct openvino_layer {
    const struct xml_node *xml, *data; /* data holds the attributes; NULL: there are none */
    const char *name, *type;
    int version; /* of "opset5"; 0: not one of these */
    int64_t id;
    struct openvino_edge *in;
    struct openvino_port *out;
    int64_t *in_ids;
    int in_count, out_count;
    int waiting;          /* inputs whose layers are still to be read */
    struct value *result; /* what a Result within a body is */
};

struct openvino_net {
    struct openvino_layer *layers;
    size_t count;
    size_t *order; /* [count], producers first */
};

/* Lists the layers of an element that holds "layers" and "edges". The net lives in the arena. */
int openvino_net_list(struct openvino_net *net, const struct xml *xml, const struct xml_node *body, struct arena *arena,
                      struct error *err);

/* ---- the reader (read.c) ---- */

struct openvino_variable;

struct openvino_reader {
    const struct source *source;
    struct xml xml;
    struct blob *weights; /* the second file; NULL: not opened yet, or there is none */
    struct arena arena;
    struct graph *root;
    struct openvino_variable *variables; /* a list */
    struct error *err;
};

/* A body being read into b's graph. */
struct openvino_body {
    struct openvino_reader *reader;
    struct openvino_net net;
    struct build b;
    struct value **given; /* of a body within: [net.count] what its Parameters stand for. NULL: they become inputs */
};

/* A layer being read. */
struct openvino_read {
    struct openvino_body *body;
    struct openvino_layer *layer;
    const struct openvino_kind *kind;
    struct build *b;          /* the body's */
    struct value **in, **out; /* [layer->in_count], [layer->out_count]; in: NULL where nothing is connected */
};

typedef void openvino_layer_fn(struct openvino_read *l);

struct openvino_kind {
    const char *type; /* "Convolution" */
    const char *onnx; /* for functions that serve several types; or NULL */
    openvino_layer_fn *read;
};

#define LAYER(type, function, onnx) openvino_layer_fn openvino_read_##function;
#include "format/openvino/layer.def"
#undef LAYER

openvino_layer_fn openvino_read_opaque;

/* Reads all layers of a body, whose graph is b.graph. */
int openvino_read_body(struct openvino_body *body);
/* The outputs for all variables, which keep their value from run to run (read_state.c). */
void openvino_give_variables(struct openvino_body *body);

/* ---- a layer's attributes and inputs (layer.c) ---- */

const char *openvino_text(const struct openvino_read *l, const char *name, const char *otherwise);
/* Failures where the text is no number. */
int64_t openvino_int(struct openvino_read *l, const char *name, int64_t otherwise);
float openvino_float(struct openvino_read *l, const char *name, float otherwise);
bool openvino_bool(struct openvino_read *l, const char *name, bool otherwise);
/* The numbers of "1, 2": their count, -1 when there is no such attribute. A failure for more than max. */
int openvino_ints(struct openvino_read *l, const char *name, int64_t *values, int max);
/* The same of real numbers, or words for true and false (read_formula.c). */
int openvino_numbers(struct openvino_read *l, const char *name, double *values, int max);
/* Which of the words (NULL behind the last) the attribute is; a failure when none. */
int openvino_word(struct openvino_read *l, const char *name, const char *otherwise, const char *const *words);

bool openvino_has(const struct openvino_read *l, int k);
/* Input k; a failure, and NULL, where it is missing. */
struct value *openvino_in(struct openvino_read *l, int k);
/* The constant that it is, perhaps converted; NULL: none. */
const struct tensor *openvino_constant(struct openvino_read *l, int k);
/* Its elements, at most max: the count; -1 when it is no constant or larger. want: a failure then. */
int openvino_in_ints(struct openvino_read *l, int k, int64_t *values, int max);
int openvino_want_ints(struct openvino_read *l, int k, int64_t *values, int max);
bool openvino_in_float(struct openvino_read *l, int k, float *value);
/* As a list of i64. */
struct value *openvino_list(struct openvino_read *l, int k);
/* Input 1, the axes of a reduction, so; a failure where there are none. */
struct value *openvino_axes(struct openvino_read *l);
/* As i64 of the shape that it has. */
struct value *openvino_i64(struct openvino_read *l, int k);
/* v, which has one element, of no axes. */
struct value *openvino_scalar(struct build *b, struct value *v);
/* Its rank (a failure, and 0, when unknown) and size along an axis (-1: unknown). */
int openvino_rank(struct openvino_read *l, int k);
int64_t openvino_dim(struct openvino_read *l, int k, int axis);
enum dtype openvino_dtype(struct openvino_read *l, int k);
/* An axis counted from 0, -1 with a failure when it is out of range; the latter is input k, a constant. */
int openvino_axis(struct openvino_read *l, int64_t axis, int rank);
int openvino_in_axis(struct openvino_read *l, int k, int rank);
/* Input k, a constant or not, with other dims: a constant's data stay in the file. */
struct value *openvino_reshaped(struct openvino_read *l, int k, int rank, const int64_t *dims);
/* v as the element type that the attribute names. */
struct value *openvino_as(struct openvino_read *l, struct value *v, const char *attribute, const char *otherwise);

/* ---- writing (write.c) ---- */

int openvino_write(const struct graph *g, struct target *target, struct error *err);

/* ---- constants (constant.c) ---- */

enum dtype openvino_element_type(const char *name); /* DTYPE_NONE: not one that is read */
const char *openvino_type_name(enum dtype dtype);   /* NULL: one that the format has not */
/* The dims of an attribute, open ones DIM_UNKNOWN; their number, -1 when it is open too. */
int openvino_stated_dims(struct openvino_read *l, const char *name, int64_t *dims);
/* A name of the graph that outlives the file. */
const char *openvino_keep(struct openvino_read *l, const char *text);

/* Properties that <rt_info><nn> keeps as they are. */
#define OPENVINO_INFO_KEYS "recipe", "task", "labels"

/* Sets the properties "recipe", "task" and "labels" where the file tells. -1 after a failure. */
int openvino_read_info(struct graph *g, const struct xml *xml, struct error *err);

#endif
