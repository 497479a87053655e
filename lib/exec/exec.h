/* Running a graph: plans for the shapes at hand, kept and used again. */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "base/pool.h"
#include "graph/graph.h"
#include "graph/item.h"
#include "kernel/kernel.h"

struct exec_options {
    const struct kernels *kernels; /* NULL: the best of this processor */
    struct pool *pool;             /* NULL: one thread; must outlive the exec */
    size_t memory;                 /* bytes that activations and results may take; 0: EXEC_MEMORY */
    bool frugal;                   /* of plans for other shapes only the one that runs has memory */
    bool profile;                  /* time every step */
    enum kernel_type weights; /* KERNEL_F32, or one that constant weights are multiplied as: kernel_gemm_16() of the
                               * kernels is there */
};

#define EXEC_MEMORY ((size_t)880 << 20)

/* One step of a plan, for listings. Strings live as long as the exec. */
struct exec_layer {
    const char *node, *op, *kernel; /* kernel "reference": the plain-C evaluation */
    const char *shape;              /* of the result, "1x64x56x56" */
    double macs;
    double seconds; /* sum over the profiled runs */
    long runs;
};

struct exec;

/* Keeps its own copy of the graph (weights are shared). */
struct exec *exec_new(const struct graph *g, const struct exec_options *options, struct error *err);
void exec_free(struct exec *e);

/* in[input_count] tensors of the declared types → out[output_count], new references. Not thread-safe: one exec, one
 * caller at a time. */
int exec_run(struct exec *e, struct item *const *in, struct item **out, struct error *err);

/* The steps of the plans used so far, in order; those of subgraphs behind the node that runs them. The array is freed
 * by the caller. */
struct exec_layer *exec_layers(const struct exec *e, size_t *count, struct error *err);
void exec_reset_profile(struct exec *e);

/* Bytes: the largest plan's activations, and all packed weights. */
size_t exec_arena_bytes(const struct exec *e);
size_t exec_packed_bytes(const struct exec *e);

#endif
