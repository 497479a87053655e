/* The pnnx format: from a net to a graph. */
#ifndef FORMAT_PNNX_PNNX_H
#define FORMAT_PNNX_PNNX_H

#include "format/pnnx/net.h"
#include "format/source.h"
#include "graph/graph.h"

/* The graph of a net; weights come from the source's .bin file, a zip archive, opened when the first is wanted. Inputs
 * and outputs whose operands have only numbers are called in0, in1, …, out0, … as in the ncnn file that pnnx makes of
 * the same net. */
struct graph *pnnx_read_net(const struct pnnx_net *net, const struct source *source, struct error *err);

/* The operators that the table has; NULL behind the last. */
const char *pnnx_type_at(size_t index);

#endif
