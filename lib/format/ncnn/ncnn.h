/* The ncnn format: from a net to a graph and back. */
#ifndef FORMAT_NCNN_NCNN_H
#define FORMAT_NCNN_NCNN_H

#include "format/ncnn/net.h"
#include "format/source.h"
#include "format/target.h"
#include "graph/graph.h"

/* The graph of a net; weights come from the source's .bin file, which is opened when the first is wanted. */
struct graph *ncnn_read_net(const struct ncnn_net *net, const struct source *source, struct error *err);

/* The files of a graph: .param and, beside it, .bin. An error lists all that ncnn cannot carry. */
int ncnn_write(const struct graph *g, struct target *target, struct error *err);

/* The axes of Permute's result, the fastest first, by its order: "cwh". NULL for an order that blobs of so many axes
 * have not. */
const char *ncnn_permute_order(int dims, int type);

#endif
