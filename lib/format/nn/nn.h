/* The toolkit's own model file, specified in man/nn.5: a text header, one declaration a line, then raw tensor data. */
#ifndef FORMAT_NN_NN_H
#define FORMAT_NN_NN_H

#include "base/text.h"
#include "graph/graph.h"

/* Appends the declarations of a graph, "nn 1" first, without the line that ends a header in a file: what people read.
 * Same graph, same text. Reads every byte of the constants, whose checksums it states. The graph stays as it was.
 * Fails when memory is short, or for a name that cannot be written. */
int nn_write_header(const struct graph *g, struct text *out, struct error *err);

#endif
