/* Inside lib/format/coreml: models of Core ML, .mlmodel files and .mlpackage folders (read.c).
 *
 * A model is an ML program, whose operations have named operands (program.c), a neural network, whose layers have
 * messages of parameters (layers.c), or a pipeline of models. Messages are read as they lie in the file (wire.c).
 * Both kinds of operators become a struct coreml_op: parameters of a layer have the names that an operation has for
 * them, so that one table, ops.def, says what they are in ONNX's operators. Halves are read as weights of fewer bits:
 * computing is in f32. Source: the .proto files and the documentation of coremltools. */
#ifndef FORMAT_COREML_COREML_H
#define FORMAT_COREML_COREML_H

#include "base/bytes.h"
#include "base/lookup.h"
#include "format/rows.h"
#include "format/source.h"
#include "op/build.h"
#include "parse/protobuf.h"

#define COREML_DEPTH 16        /* of blocks, and of models, within each other */
#define COREML_OPS   (1 << 15) /* read in all */
#define COREML_PARTS (1 << 20) /* operands, outputs and operations of all */
#define COREML_NODES (1 << 18) /* that the operations of a block become */
#define COREML_FILES 64        /* of weights */
#define COREML_TIMES 128       /* so many times the files' bytes may constants be, and blocks that are read */

/* ---- messages (wire.c) ---- */

/* The next field of that number; false behind the last, or where the message is damaged. */
bool coreml_next(struct bytes *message, uint64_t number, struct protobuf_field *f);
/* The last one: a message, text or packed list; empty where there is none. */
struct bytes coreml_part(struct bytes message, uint64_t number);
bool coreml_has(struct bytes message, uint64_t number);
int64_t coreml_int(struct bytes message, uint64_t number);
/* Numbers, packed or not, whole or floats by their wire type: their count, of which max are stored. is_float: of a
 * packed list. */
int coreml_numbers(struct bytes message, uint64_t number, bool is_float, double *numbers, int max);
size_t coreml_count(struct bytes message, uint64_t number);

/* ---- the reader ---- */

/* What a name stands for. */
struct coreml_value {
    struct value *value;   /* NULL: not yet made of */
    struct bytes constant; /* a Value of MIL */
    const char *name;
};

struct coreml_reader {
    const struct source *source;
    const char *folder; /* that weights lie in, of a folder; "" */
    struct build b;
    struct arena arena;
    struct lookup names; /* a name → struct coreml_value */
    struct blob *file;   /* of the model */
    struct {
        struct blob *blob;
        const char *name;
    } weights[COREML_FILES];
    int weights_count;
    uint64_t file_bytes, made, read; /* of all files; of constants, and of blocks, so far */
    struct bytes description;
    bool is_exact; /* arrays have the axes that they say, else they are [C] or [C, H, W] */
    int depth;
    long ops, parts;
};

void *coreml_alloc(struct coreml_reader *r, size_t count, size_t size); /* NULL after a failure */
/* Failures where a file wants more than its limits: of operations, COREML_OPS, and of parts, COREML_PARTS, which it
 * says one by one; and of bytes that come to be, to *sum, which a few bytes of it may say again and again. */
void coreml_count_ops(struct coreml_reader *r, size_t count);
void coreml_count_parts(struct coreml_reader *r, size_t count);
bool coreml_count_bytes(struct coreml_reader *r, uint64_t *sum, uint64_t bytes);
/* Axis `axis` of an input, whose size is not known; 0 after a failure. */
int64_t coreml_symbol(struct coreml_reader *r, const char *input, int axis);
/* A text of the file, without NUL; "" after a failure. */
const char *coreml_text(struct coreml_reader *r, struct bytes text);
struct coreml_value *coreml_find(struct coreml_reader *r, const char *name); /* NULL: there is none */
/* From here on the name, which stays, stands for this value, or, NULL, for this constant. */
void coreml_set(struct coreml_reader *r, const char *name, struct value *v, struct bytes constant);
struct value *coreml_get(struct coreml_reader *r, struct coreml_value *v);

/* ---- what operators are given ---- */

struct coreml_arg {
    const char *role;
    struct coreml_value **all;
    int count;
};

struct coreml_op {
    struct coreml_reader *r;
    struct build *b;
    const char *type, *name, *arg; /* arg: of the row */
    const struct coreml_arg *args;
    int arg_count;
    struct bytes params; /* of a layer, and the names of its fields: */
    const char *fields;  /* "alpha1 axes2* scales3~ weights4!": a number, a list, one of floats, weights */
    struct bytes blocks[2];
    int block_count;
    const char *const *out_names;
    struct value **out; /* [out_count], to be set */
    int out_count;
};

typedef void coreml_op_fn(struct coreml_op *o);

/* Reads an operator by the table's row; where it has none, keeps it as it is. */
void coreml_read_op(struct coreml_op *o);
const char *coreml_operator_at(size_t index);
void coreml_read_program(struct coreml_reader *r, struct bytes program);
void coreml_read_network(struct coreml_reader *r, struct bytes network);
/* The operations of a block, read into the graph being filled. */
void coreml_read_operations(struct coreml_reader *r, struct bytes block);
/* A Value of MIL as a tensor; NULL after a failure. */
struct tensor *coreml_tensor(struct coreml_reader *r, struct bytes value);
/* An element type of MIL; DTYPE_NONE: not one that is read. bits: of those below a byte, which are read as bytes. */
enum dtype coreml_dtype(int64_t number, int *bits);
/* Numbers of `bits` each, the first in the lowest bits, or, high_first, the highest, as bytes. */
void coreml_unpack(const uint8_t *from, int bits, bool high_first, bool is_signed, int64_t count, uint8_t *to);

/* ---- what an operator's function sees (op.c) ---- */

struct value *coreml_optional(struct coreml_op *o, const char *name);
struct value *coreml_in(struct coreml_op *o, const char *name); /* a failure where it is missing */
void coreml_give(struct coreml_op *o, int k, struct value *v);
/* Numbers of a parameter: as in struct build_terms. */
int coreml_params(struct coreml_op *o, const char *name, double *numbers, int max);
int64_t coreml_param(struct coreml_op *o, const char *name, int64_t otherwise);
float coreml_float(struct coreml_op *o, const char *name, float otherwise);
int coreml_ints(struct coreml_op *o, const char *name, int64_t *values, int max); /* 0: not set */
const char *coreml_word(struct coreml_op *o, const char *name, const char *otherwise);
/* The number of a field by its name, 0 where there is none; what stands behind, in *flag. */
uint64_t coreml_field_of(const struct coreml_op *o, const char *name, char *flag);
/* A field of weights: their number; and as a constant, of these dims or, rank 0, [n]. */
int64_t coreml_weight_count(struct coreml_op *o, const char *name);
struct value *coreml_weights(struct coreml_op *o, const char *name, int rank, const int64_t *dims);
/* A layer's bias, [count]: its own, or an input; NULL: none. */
struct value *coreml_bias(struct coreml_op *o, int64_t count);
/* A row's formula. */
struct value *coreml_formula(struct coreml_op *o, const char *formula);
/* A number of v's type. */
struct value *coreml_number(struct coreml_op *o, struct value *v, double number);
#define FN(read, rows) coreml_op_fn coreml_read_##read;
#include "format/coreml/ops.def"
#undef FN

#endif
