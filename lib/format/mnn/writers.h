/* Functions that writers.def names, in write_*.c, and what they share. */
#ifndef FORMAT_MNN_WRITERS_H
#define FORMAT_MNN_WRITERS_H

#include "format/mnn/write.h"

#define WRITER(onnx, types, write, type, detail) void write(struct mnn_writer *w, struct node *n);
#include "format/mnn/writers.def"
#undef WRITER

int mnn_type_of(enum dtype dtype); /* the file's DataType; 0: none */
const char *mnn_node_name(struct mnn_writer *w, const struct node *n);
int mnn_new_tensor(struct mnn_writer *w, const char *name);
void mnn_write_opaque(struct mnn_writer *w, struct node *n);

#endif
