/* Inside the reading of torch.export's archives: export.c, and export_higher.c for operators that take graphs. */
#ifndef FORMAT_TORCH_EXPORT_H
#define FORMAT_TORCH_EXPORT_H

#include "format/torch/flow.h"
#include "parse/json.h"

#define TORCH_EXPORT_ARGS 32 /* of an operator */

struct export
{
    struct torch_reader *t;
    struct json json;
    const struct json_node *graph;
    struct lookup values; /* a name → struct torch_value */
    const char *program;  /* which of the archive's: "model" */
    bool old;             /* of before PyTorch 2.7: weights lie in archives within */
};

/* An argument's value: an object of one member, whose key says what it is ("as_tensor", "as_ints"). */
struct torch_value torch_export_argument(struct export *e, const struct json_node *arg, int depth);

/* The results of a graph within, whose inputs are these. It has names of its own. */
struct torch_value torch_export_within(struct export *e, const struct json_node *graph, const struct torch_list *in);

/* The results of an operator that takes graphs: a list, unless it is one. */
struct torch_value torch_export_higher(struct export *e, const struct json_node *node);

#endif
