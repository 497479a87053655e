/* The exec: what its plans share. */
#ifndef EXEC_EXEC_PRIVATE_H
#define EXEC_EXEC_PRIVATE_H

#include "exec/exec.h"
#include "exec/packing.h"
#include "exec/plan.h"

struct packed {
    uint64_t tensor_id, sample;  /* of the tensor */
    struct packing how;          /* but for args, when it is filled */
    const struct tensor *tensor; /* until it is filled */
    void *data;
    int refs; /* plans' uses; it goes with the last of them */
    struct packed_region *region;
    struct packed *next;
};

/* Memory that packings share; it goes with the last of them. */
struct packed_region {
    char *base;
    size_t size, used;
    size_t huge; /* of which so much lies in huge pages, if there are any */
    int packings;
    struct packed_region *next;
};

/* A packing that is to be filled. */
struct pack_job {
    struct packing how;
    struct packed *packed;
    struct tensor *tensor;
    int64_t tiles;
    struct pack_job *next;
};

/* A plan's use of a packing. */
struct packed_use {
    struct packed *packed;
    struct packed_use *next;
};

/* A subgraph of a dynamic node, as a graph of its own whose last inputs are what it captured. */
struct exec_sub {
    const struct graph *subgraph;
    struct exec *exec;
    struct value **captured; /* of the dynamic plan's graph */
    size_t captured_count;
    struct exec_sub *next;
};

struct exec {
    struct graph *graph; /* without its constants once no other plan can be made of it */
    bool is_spent;       /* they are gone */
    bool is_rewritten;   /* as plans want it, as far as that does not depend on shapes */
    const struct kernels *kernels;
    struct kernels own; /* what `kernels` points to where products of weights are others than the level's */
    struct pool *pool;
    size_t memory;
    size_t held; /* of the whole: activations, results that plans keep, values of dynamic ones, by all its parts */
    bool frugal, profile;
    uint64_t seed;
    int64_t body_nodes; /* of the whole: what op_eval's counts down */
    struct plan *plans;
    struct packed *packed;
    size_t packed_bytes, weight_bytes, grown_bytes; /* grown_bytes: of packed_bytes, what plainer packings save */
    struct packed_region *regions;                  /* the newest first, which is being filled */
    long runs;
    double page_seconds; /* spent on huge pages */
    struct exec_sub *subs;
    struct exec *parent; /* of a part's exec: whose packed weights are used */
    bool follows;        /* it runs what follows a plan: its inputs are no caller's, but made by plans before it */
};

/* The exec that this one is a part of, however deep; itself when it is none. */
static inline struct exec *exec_whole(struct exec *e)
{
    while (e->parent)
        e = e->parent;
    return e;
}

/* Threads that a run may have: for memory of each and their shares of the work, never for what a step computes. */
static inline int plan_threads(const struct plan *p)
{
    return p->exec->pool ? pool_threads(p->exec->pool) : 1;
}

/* Counts bytes as the plan's, if the whole may take so many more, with what no plan needs that isn't running let go of
 * for them; and no longer. */
int exec_take(struct plan *p, size_t bytes, struct error *err);
void exec_give(struct plan *p, size_t bytes);
/* How many more there may be while the plan evaluates a node. */
size_t exec_left(struct plan *p);

/* An exec over a part of e's graph, which it takes over, also on failure. */
struct exec *exec_new_part(struct exec *e, struct graph *g, struct error *err);

/* Seconds since some moment. */
double run_now(void);

/* Evaluates the nodes of a dynamic plan (dynamic.c). */
int dynamic_run(struct plan *p, struct item *const *in, struct item **out, struct error *err);

#endif
