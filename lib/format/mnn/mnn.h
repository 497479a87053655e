/* MNN files (.mnn): FlatBuffers of alibaba/MNN's schema, with or without a second file of weights. */
#ifndef FORMAT_MNN_MNN_H
#define FORMAT_MNN_MNN_H

#include "format/source.h"
#include "format/target.h"
#include "graph/graph.h"

struct graph *mnn_read(const struct source *source, struct error *err);

/* Options: fp16 (weights as halves), int8 (weights of convolutions and matrix products in 8 bits). */
int mnn_write(const struct graph *g, struct target *target, struct error *err);

/* The operators that are read, by name; NULL behind the last. */
const char *mnn_operator_at(size_t index);

/* The file has no magic number: whether it is built as a net is. */
bool mnn_is_net(const void *data, size_t size);

#endif
