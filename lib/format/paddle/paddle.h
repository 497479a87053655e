/* Inside lib/format/paddle: PaddlePaddle's programs, in both of their forms.
 *
 * A ProgramDesc (.pdmodel, __model__; program.c) names an operator's operands by roles; PIR's JSON (Paddle 3; pir.c)
 * has them in order, under newer names of operators and attributes. Both become lists of struct paddle_op here, which
 * read.c reads one by one: each type is a row of ops.def, which names the function that adds ONNX's nodes. Source of
 * the meaning of operators: Paddle's documentation, and its kernels where that is silent. */
#ifndef FORMAT_PADDLE_PADDLE_H
#define FORMAT_PADDLE_PADDLE_H

#include "base/lookup.h"
#include "format/source.h"
#include "format/torch/function.h"
#include "op/build.h"
#include "parse/protobuf.h"

#define PADDLE_DEPTH 32        /* of blocks within each other */
#define PADDLE_OPS   (1 << 15) /* read in all */
#define PADDLE_PARTS (1 << 17) /* elements of lists that operators take and make, in all */

/* ---- a program, of either form ---- */

/* A variable. Programs may assign it anew: `value` is that of the last operator read. */
struct paddle_operand {
    const char *name;
    enum dtype dtype; /* as the file states; DTYPE_NONE: it does not */
    int rank;         /* -1: not stated */
    const int64_t *dims;
    bool is_parameter;
    struct value *value;
    struct paddle_operand **parts; /* of a list of tensors; else NULL */
    int part_count;
    const struct paddle_op *pending; /* the branch that makes it, read when it is chosen; or NULL */
};

/* What an operator takes or makes in one role. */
struct paddle_slot {
    const char *role; /* "": its place tells */
    struct paddle_operand **all;
    int count;
};

enum paddle_kind_of { PADDLE_INTS, PADDLE_FLOATS, PADDLE_TEXTS, PADDLE_TYPE };

struct paddle_attr {
    const char *name;
    enum paddle_kind_of kind;
    bool is_list;
    int count;
    union {
        const int64_t *ints; /* also of true and false */
        const double *floats;
        const char *const *texts;
        enum dtype dtype;
    };
};

struct paddle_block;

struct paddle_op {
    const char *type; /* without dialect */
    const struct paddle_slot *in, *out;
    const struct paddle_attr *attrs;
    int in_count, out_count, attr_count;
    const struct paddle_block *blocks[2];
    int block_count;
};

struct paddle_block {
    struct paddle_op *ops;
    size_t count;
    struct paddle_operand *const *args; /* what a block of PIR is given */
    int arg_count;
};

/* ---- the reader ---- */

struct paddle_reader {
    const struct source *source;
    struct build b;
    struct arena arena;
    bool is_pir;
    const struct paddle_block *main;
    struct lookup operands; /* a name → struct paddle_operand */
    struct paddle_operand **parameters;
    size_t parameter_count, parameter_cap;
    void *formulas; /* their functions */
    int depth;
    long ops, parts;
};

/* Memory of the reader's arena, zeroed; NULL after a failure. */
void *paddle_alloc(struct paddle_reader *r, size_t count, size_t size);
const char *paddle_keep(struct paddle_reader *r, const char *text);
/* The operand of that name, which may be new; the name is copied. NULL after a failure. */
struct paddle_operand *paddle_operand(struct paddle_reader *r, const char *name);
int paddle_add_parameter(struct paddle_reader *r, struct paddle_operand *o);

/* A message by the name that Paddle has for it: one of proto.text. */
const struct protobuf_type *paddle_message(const char *name);
bool paddle_is_program(const struct blob *blob);
bool paddle_is_pir(const struct blob *blob);
/* Fill r->main. -1 after a failure. */
int paddle_list_program(struct paddle_reader *r, const struct blob *blob);
int paddle_list_pir(struct paddle_reader *r, const struct blob *blob);
/* ProgramDesc's number of an element type, and PIR's name, "f32" or "float32". DTYPE_NONE: not one that is read. */
enum dtype paddle_dtype(int64_t number);
enum dtype paddle_dtype_named(const char *name);

/* Makes constants of all parameters (params.c). */
int paddle_read_parameters(struct paddle_reader *r);
/* What an operator writes in place (read_flow.c); or NULL. */
struct paddle_operand *paddle_written(const struct paddle_op *op);
/* Reads the operators of a block into r->b.graph. */
int paddle_read_block(struct paddle_reader *r, const struct paddle_block *block);

/* ---- an operator being read ---- */

struct paddle_node {
    struct paddle_reader *r;
    struct build *b;
    const struct paddle_op *op;
    const struct paddle_kind *kind;
};

typedef void paddle_op_fn(struct paddle_node *o);

struct paddle_kind {
    const char *type;
    const char *arg; /* for functions that serve several; or NULL */
    const char *in;  /* roles of ProgramDesc, in PIR's order: "X Y" */
    const char *out;
    paddle_op_fn *read;
};

#define OP(type, read, arg, in, out) paddle_op_fn paddle_read_##read;
#include "format/paddle/ops.def"
#undef OP

const struct paddle_kind *paddle_find_kind(const char *type);

/* ---- operands (op.c); k is a place in the row's list of roles ---- */

bool paddle_has(const struct paddle_node *o, int k);
/* Input k; a failure, and NULL, where it is missing. Of a layout with channels last, input 0 comes, and output 0 is
 * given, with channels second. */
struct value *paddle_in(struct paddle_node *o, int k);
/* The same without a failure. */
struct value *paddle_optional(struct paddle_node *o, int k);
/* The tensors of list k, which the arena keeps; their number, 0 where there is none. */
int paddle_all(struct paddle_node *o, int k, struct value ***list);
int paddle_out_count(const struct paddle_node *o, int k);
/* What the program calls input k; "" where it is missing. */
const char *paddle_in_name(const struct paddle_node *o, int k);
/* Output k, and element i of output k, which is a list, is v. */
void paddle_give(struct paddle_node *o, int k, struct value *v);
void paddle_give_part(struct paddle_node *o, int k, int i, struct value *v);
/* The list of outputs k, made by taking v apart: parts[count]. */
void paddle_give_all(struct paddle_node *o, int k, int count, struct value *const *parts);

/* Its rank: a failure, and 0, when unknown; a dim: -1 when unknown. */
int paddle_rank(struct paddle_node *o, struct value *v);
int64_t paddle_dim(struct paddle_node *o, struct value *v, int axis);
enum dtype paddle_type(struct paddle_node *o, struct value *v);
/* From 0; a failure, and 0, when it is out of range. */
int paddle_axis(struct paddle_node *o, int64_t axis, int rank);

/* ---- attributes; names are alternatives, "dim|axis" ---- */

const struct paddle_attr *paddle_attr(const struct paddle_node *o, const char *names);
int64_t paddle_int(const struct paddle_node *o, const char *names, int64_t otherwise);
float paddle_float(const struct paddle_node *o, const char *names, float otherwise);
bool paddle_bool(const struct paddle_node *o, const char *names, bool otherwise);
const char *paddle_text(const struct paddle_node *o, const char *names, const char *otherwise);
bool paddle_is(const struct paddle_node *o, const char *names, const char *text);
enum dtype paddle_dtype_of(const struct paddle_node *o, const char *names, enum dtype otherwise);
/* The numbers: their count, at most max, -1 when not set. */
int paddle_list(const struct paddle_node *o, const char *names, int64_t *values, int max);
int paddle_floats(const struct paddle_node *o, const char *names, float *values, int max);

/* ---- numbers that are an attribute, or input k, or the list of inputs `many` (-1: there is none) ---- */

/* As i64 [n]; NULL, without a failure, when none is given. */
struct value *paddle_numbers(struct paddle_node *o, const char *names, int k, int many);
/* The same, known: their count, at most max; -1 when not known or not given. want: a failure then. Where open is not
 * NULL those that are not known are *open. */
int paddle_ints(struct paddle_node *o, const char *names, int k, int many, int64_t *values, int max,
                const int64_t *open);
int paddle_want_ints(struct paddle_node *o, const char *names, int k, int many, int64_t *values, int max);
/* One number; `otherwise` when not given. */
int64_t paddle_want_int(struct paddle_node *o, const char *names, int k, int64_t otherwise);
/* One number of a type, as a scalar: input k, else an attribute, else `otherwise`. */
struct value *paddle_scalar(struct paddle_node *o, const char *names, int k, enum dtype dtype, double otherwise);

/* A number of v's type. */
struct value *paddle_number(struct paddle_node *o, struct value *v, double number);
/* v joined by an operator with such a number. */
struct value *paddle_with(struct paddle_node *o, const char *op, struct value *v, double number);
/* A tensor of that shape, i64 [rank], all of whose elements are the scalar: a constant when it is small. */
struct value *paddle_filled(struct paddle_node *o, struct value *number, struct value *shape);
struct value *paddle_concat(struct paddle_node *o, int count, struct value *const *in, int64_t axis);
/* v of that type. */
struct value *paddle_as(struct paddle_node *o, struct value *v, enum dtype dtype);
/* v [C] as [1, C, 1, …] of that rank. */
struct value *paddle_along_channels(struct paddle_node *o, struct value *v, int rank);
/* x through an activation by its name ("" or "identity": none). */
struct value *paddle_activate(struct paddle_node *o, struct value *x, const char *name);
/* The outputs are what a formula makes (build_formulas()): $0, $1, … are inputs, parameters attributes of one kind. */
void paddle_formula(struct paddle_node *o, const char *formula);

#endif
