/* Inside the pnnx reader: what the operators' functions share. Operators and parameters are PyTorch's; so are the axes,
 * batch included. */
#ifndef FORMAT_PNNX_READ_H
#define FORMAT_PNNX_READ_H

#include "base/lookup.h"
#include "format/pnnx/net.h"
#include "format/source.h"
#include "op/build.h"
#include "parse/zip.h"

#define WINDOW_AXES 3

/* What an operator makes: a value, a constant of the script ("None", "2", "1e-5"), or a tuple of others. */
struct pnnx_operand {
    const char *name;
    const char *hint; /* "(1,3,8,8)f32", or NULL */
    struct value *value;
    const char *literal;
    struct pnnx_operand **parts;
    int part_count;
};

struct reader {
    struct build b;
    const struct pnnx_net *net;
    const struct pnnx_operator *op; /* the one being read */
    const char *arg;                /* what its row says */
    struct arena arena;             /* of operands */
    struct pnnx_operand *operands;  /* in the order in which they are made */
    size_t operand_count;
    struct lookup names; /* of the operands */
    const struct source *source;
    struct zip *zip; /* the weights, opened when the first is wanted */
    struct lookup members;
    size_t *member_at; /* 0, 1, 2, …: what the table's names stand for */
    int inputs, outputs;
    bool wants_shapes; /* it failed for want of an input's shape */
    /* For a reader of another of PyTorch's forms, which has operators one by one: */
    struct pnnx_operand *given; /* operands "%0", "%1", … of the operator, its outputs too */
    struct tensor *(*weight)(void *owner, const char *name); /* a weight "weight_ih_l0", referenced; NULL: none */
    void *weight_owner;
};

/* Reads one such operator: values of its outputs are put into given[]. -1 after a failure of r->b. */
int pnnx_read_one(struct reader *r, const struct pnnx_operator *op, struct pnnx_operand *given);

/* Reads the operator: its first output; further ones go to pnnx_give(). NULL after a failure, or without any. */
typedef struct value *(*pnnx_read_fn)(struct reader *r);

struct pnnx_row {
    const char *type, *arg;
    pnnx_read_fn read;
};

#define OP(type, read, arg) struct value *pnnx_##read(struct reader *r);
#include "format/pnnx/ops.def"
#undef OP
/* An operator that the table has not: a node of the domain pnnx. */
struct value *pnnx_opaque(struct reader *r);

/* ---- operands ---- */

/* The operand of that role ("$weight=5"), or, in an operator that names none, the one at place i; NULL when there is
 * none. */
struct pnnx_operand *pnnx_operand(struct reader *r, const char *role, int i);
/* The same as a value: NULL where it is None or missing; pnnx_in() fails then. */
struct value *pnnx_optional(struct reader *r, const char *role, int i);
struct value *pnnx_in(struct reader *r, const char *role, int i);
/* Whatever is at place i, as a value. */
struct value *pnnx_at(struct reader *r, int i);
/* Output o of the operator is v. */
void pnnx_give(struct reader *r, int o, struct value *v);

/* ---- weights ---- */

/* The weight "@name" of the operator; NULL without a failure when it has none. */
struct tensor *pnnx_weight_tensor(struct reader *r, const char *name);
struct value *pnnx_weight(struct reader *r, const char *name);
/* The weight, else the operand of that role. */
struct value *pnnx_parameter(struct reader *r, const char *name, int i);

/* ---- parameters, or operands that are constants of the script ---- */

const char *pnnx_text(struct reader *r, const char *key); /* NULL: None, or not given */
int64_t pnnx_int(struct reader *r, const char *key, int64_t fallback);
double pnnx_float(struct reader *r, const char *key, double fallback);
bool pnnx_bool(struct reader *r, const char *key, bool fallback);
bool pnnx_is(struct reader *r, const char *key, const char *text);
/* Elements of "(1,2)", at most `most`, None as 0; a single number is a list of one; 0 when not given. */
int pnnx_ints(struct reader *r, const char *key, int most, int64_t *out);
int pnnx_numbers(struct reader *r, const char *key, int most, double *out);
/* A shape, of a parameter or an operand, as an i64 list; NULL when not given. */
struct value *pnnx_shape(struct reader *r, const char *key);
/* The dtype of "torch.float" or "f32"; NONE for others. */
enum dtype pnnx_dtype(const char *text);

/* ---- types ---- */

/* "(1,?,8)f32" of the text: the rank, -1 when it is none; the type is f32 then. */
int pnnx_hint(const char *text, int64_t *dims, enum dtype *dtype);

int pnnx_rank(struct reader *r, struct value *v);               /* fails when unknown */
int64_t pnnx_size(struct reader *r, struct value *v, int axis); /* negative: unknown */
/* An axis of a tensor of that rank, which may be given from behind; fails when there is none. */
int pnnx_axis(struct reader *r, int64_t axis, int rank);

/* ---- pieces that many operators have ---- */

/* Two values joined by an operator, the second a number of the first's type. */
struct value *pnnx_by(struct reader *r, const char *op, struct value *v, double number);
/* x over `weight` [outputs, inputs], transposed, and bias, which may be NULL. */
struct value *pnnx_linear_of(struct reader *r, struct value *x, struct value *weight, struct value *bias);
struct value *pnnx_concat(struct reader *r, int count, struct value *const *in, int64_t axis);
/* Pads of the spatial axes, begins then ends, of a value of axes + 2 axes. */
struct value *pnnx_pad_of(struct reader *r, struct value *x, int axes, const int64_t *pads, const char *mode,
                          double number);
/* The same with all axes. number is of constants. */
struct value *pnnx_pad_all(struct reader *r, struct value *x, int rank, const int64_t *pads, const char *mode,
                           double number);

/* Spatial axes that the operator's type states ("nn.Conv2d": 2), 0: none. */
int pnnx_axes(const struct reader *r);
/* A number for each spatial axis. */
void pnnx_window(struct reader *r, const char *key, int axes, int64_t fallback, int64_t *out);
/* Kernel, strides, symmetric pads and dilations as attributes of v. */
struct value *pnnx_window_set(struct reader *r, struct value *v, int axes, const int64_t *kernel,
                              const int64_t *strides, const int64_t *pads, const int64_t *dilations);
/* x with a batch of 1 where it has none, as spatial operators allow; and back. */
struct value *pnnx_batched(struct reader *r, struct value *x, int axes, bool *bare);
struct value *pnnx_unbatched(struct reader *r, struct value *v, bool bare);

/* ---- arithmetic ---- */

/* A function of element by element, "add", of the operands `in`; NULL for an unknown name, without a failure. */
struct value *pnnx_function(struct reader *r, const char *name, int count, struct value **in);
const char *pnnx_function_at(size_t index); /* "torch.abs"; NULL behind the last */

#endif
