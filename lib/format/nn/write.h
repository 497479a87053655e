/* Inside lib/format/nn: the writer. */
#ifndef FORMAT_NN_WRITE_H
#define FORMAT_NN_WRITE_H

#include "base/text.h"
#include "format/nn/syntax.h"
#include "graph/graph.h"

/* Bytes of the data section, in order. */
struct nn_item {
    const void *bytes;
    size_t size;
    void *owned; /* to be freed, when `bytes` are not the tensor's own */
};

/* The header as text, and what follows it. */
struct nn_writer {
    struct text *out;
    struct nn_item *items;
    size_t count, cap;
    size_t data; /* bytes of the data section so far */
};

void nn_writer_release(struct nn_writer *w);

/* All declarations of a root graph. */
int nn_write_graph(struct nn_writer *w, const struct graph *root, struct error *err);

/* ---- words (write_text.c) ---- */

/* Escaped, also the bytes of `also`, and what is not UTF-8. */
void nn_put_bytes(struct text *out, const char *bytes, size_t n, const char *also);
/* A name as one word: "" as "-", what would be read as something else escaped. */
void nn_put_name(struct text *out, const char *name, const char *also);
void nn_put_quoted(struct text *out, const struct str *s);
void nn_put_i64(struct text *out, int64_t value);
/* Never looks like an integer. */
void nn_put_float(struct text *out, float value);
/* Two words, "f32 1x3xHx?", separated by `separator`. */
void nn_put_type(struct text *out, const struct graph *g, const struct type *type, char separator);
void nn_put_shape(struct text *out, const struct graph *g, int rank, const int64_t *dims);

/* ---- tensors (write_tensor.c) ---- */

/* " f32 2x2 = 1 2 3 4" or " f32 64x3 bytes=768 crc=0123abcd", noting the bytes as next of the data section. */
int nn_put_constant(struct nn_writer *w, const struct graph *g, const struct tensor *t, struct error *err);
/* The same as one word: "f32:2x2[1,2,3,4]". */
int nn_put_literal(struct nn_writer *w, const struct graph *g, const struct tensor *t, struct error *err);

#endif
