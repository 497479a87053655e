/* Inside lib/format/tengine: .tmfile of version 2. A file is structs that name each other by their place in it; all
 * references go from the model down to a node's parameters, without loops, and each is read within the file's bounds
 * (file.c). An operator's number is a row of ops.def. Values are [N, C, H, W], as Tengine runs them: tensors of four
 * axes in files that came from TensorFlow Lite are moved. */
#ifndef FORMAT_TENGINE_TENGINE_H
#define FORMAT_TENGINE_TENGINE_H

#include "base/bytes.h"
#include "op/build.h"

/* ---- the file (file.c) ---- */

/* Numbers of 32 bits in a row. */
struct tengine_words {
    const uint8_t *at;
    uint32_t count;
};

struct tengine_file {
    struct blob *blob;
    bool bad;      /* something lay beyond its end */
    uint64_t read; /* bytes of lists, texts and tensors: where these are named again and again, they end the reading */
};

/* Counts bytes read; the file is bad where they are many times as many as it has. */
void tengine_count(struct tengine_file *f, uint64_t bytes);
uint32_t tengine_word(const struct tengine_words *w, uint32_t i); /* 0 beyond the last */
float tengine_word_float(const struct tengine_words *w, uint32_t i);
/* `count` words at a place; none, and the file is bad, where they do not fit. */
struct tengine_words tengine_struct(struct tengine_file *f, uint32_t place, uint32_t count);
/* The words behind their number; place 0: none. */
struct tengine_words tengine_vector(struct tengine_file *f, uint32_t place);
/* A text without NUL, in the arena; "" for place 0. */
const char *tengine_text(struct tengine_file *f, uint32_t place, struct arena *arena, struct error *err);

/* The model, if the file is one of version 2: words of struct Model. */
bool tengine_is_model(struct tengine_file *f, struct tengine_words *model);

/* ---- the reader (read.c) ---- */

enum tengine_tensor_kind { TENGINE_VAR = 1, TENGINE_CONST = 2, TENGINE_INPUT = 3 };
enum tengine_type { TENGINE_F32, TENGINE_F16, TENGINE_I8, TENGINE_U8, TENGINE_I32, TENGINE_I16 };

struct tengine_tensor {
    struct tengine_words words, quant; /* quant: places of the scales */
    const char *name;
    struct value *value; /* real numbers */
    struct value *raw;   /* bytes, where the value has any */
};

struct tengine_reader {
    struct build b;
    struct arena arena;
    struct tengine_file file;
    struct tengine_tensor *tensors;
    uint32_t tensor_count;
    struct tengine_words buffers;
    bool from_nhwc;
};

struct tengine_kind;

/* A node being read. */
struct tengine_op {
    struct tengine_reader *r;
    struct build *b;
    const struct tengine_kind *kind;
    struct tengine_words in, out, param;
};

typedef void tengine_op_fn(struct tengine_op *o);

struct tengine_kind {
    const char *name;
    const char *onnx;    /* for functions that serve several; or NULL */
    tengine_op_fn *read; /* NULL: kept as it is */
    uint32_t number;
    uint32_t words; /* of its parameters */
};

#define OP(number, name, words, read, onnx) tengine_op_fn tengine_read_##read;
#define KEPT(number, name, words)
#include "format/tengine/ops.def"
#undef OP
#undef KEPT

/* Tensor t as real numbers (tensor.c): a constant, or what a node gave; NULL after a failure. */
struct value *tengine_tensor_value(struct tengine_reader *r, uint32_t t);
/* Tensor t is v, real numbers: rounded where the file has bytes. */
void tengine_set_tensor(struct tengine_reader *r, uint32_t t, struct value *v);
void tengine_add_input(struct tengine_reader *r, uint32_t t);
void tengine_add_output(struct tengine_reader *r, uint32_t t);

/* ---- what a node's function sees (op.c) ---- */

int32_t tengine_int(const struct tengine_op *o, uint32_t word);
float tengine_float(const struct tengine_op *o, uint32_t word);
/* The list that a parameter names: its count, at most max; a failure beyond. */
int tengine_list(struct tengine_op *o, uint32_t word, int64_t *values, int max);
/* Input k; a failure where it is missing. tengine_optional(): NULL then. */
struct value *tengine_in(struct tengine_op *o, uint32_t k);
struct value *tengine_optional(struct tengine_op *o, uint32_t k);
int tengine_rank(struct tengine_op *o, uint32_t k);              /* a failure, and 0, when unknown */
int64_t tengine_dim(struct tengine_op *o, uint32_t k, int axis); /* -1 */
void tengine_give(struct tengine_op *o, uint32_t k, struct value *v);
/* Input k, of one number for each channel, against values of the rank of input 0. */
struct value *tengine_by_channel(struct tengine_op *o, uint32_t k);
/* The bias, input k: 32-bit integers without a scale have that of input 0 times that of the weights. */
struct value *tengine_bias(struct tengine_op *o, uint32_t k);

#endif
