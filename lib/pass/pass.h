/* Graph → graph rewrites that keep the meaning. A pass is one file and one line in pass.def. */
#ifndef PASS_PASS_H
#define PASS_PASS_H

#include "graph/graph.h"

struct pass {
    const char *name; /* "fold-constants" */
    const char *what; /* one line for people */
    bool safe;        /* the result is the same to rounding, and any runtime gains: run by default */
    bool fuses;       /* makes nodes of domain "nn": run once the others have nothing left to do */
    /* Rewrites what it finds in this graph (not in its subgraphs, but If branches may be taken over); the number of
     * changes, or -1. The graph is resolved and inferred before, and new nodes are after. */
    int (*run)(struct graph *g, struct error *err);
};

const struct pass *pass_table(size_t *count);

/* Runs the chosen passes (NULL: those that are safe) over a resolved graph and its subgraphs, in the table's order,
 * again and again until none changes anything: first those that do not fuse, then all. At most 50 rounds of each. The
 * graph is inferred before and after. Names and types of inputs and outputs stay. counts, if not NULL, has one entry a
 * row of the table and is added to. */
int pass_run(struct graph *g, const bool *chosen, int *counts, struct error *err);

/* Those for which a function says so. */
int pass_run_those(struct graph *g, bool (*is_wanted)(const struct pass *), struct error *err);

/* All safe passes. */
int pass_run_safe(struct graph *g, struct error *err);

/* Those that do not fuse: for a file whose operators take numbers where ONNX's take operands. */
int pass_run_unfused(struct graph *g, struct error *err);

/* All safe passes, and those that make operators of whole numbers of quantised ones. */
int pass_run_quantised(struct graph *g, struct error *err);
/* Writes QuantizeLinear and DequantizeLinear of more than 8 bits, or of several scales, as arithmetic on numbers, in
 * subgraphs too. */
int pass_fake_quantize_wide(struct graph *root, struct error *err);

/* All safe passes, and what serves running only: weights in full. */
int pass_run_for_exec(struct graph *g, struct error *err);

/* Takes the Transposes out that a reader of a channels-last format puts around spatial operators, and what they leave
 * behind. A graph that cannot be inferred stays as it is: whoever runs it will be told why. */
int pass_cancel_wraps(struct graph *g, struct error *err);

#endif
