/* Inside the executor: what a plan is made of. See ARCHITECTURE.md, "The executor". */
#ifndef EXEC_PLAN_H
#define EXEC_PLAN_H

#include "base/hash.h"
#include "exec/exec.h"
#include "op/op.h"

/* ---- memory ---- */

/* A piece of memory that values share. Planned ones get their place in the arena once all steps are known; external
 * ones (constants, graph inputs and outputs) get `base` from elsewhere. */
struct buffer {
    char *base;
    size_t size;     /* bytes */
    int first, last; /* steps that touch it; first < 0: none yet */
    bool external;
    int pending;          /* uses of values in it that are still to be lowered: 1 allows to overwrite it in place */
    struct buffer *next;  /* of the plan's list */
    struct tensor *owned; /* a constant's tensor; or NULL */
};

#define VIEW_SPATIAL 3 /* spatial axes that can have a border */

/* A value's place: dims in ONNX order, a stride (in elements) per axis. Layout is nothing but the strides' order. */
struct view {
    struct buffer *buffer;
    enum dtype dtype;
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
    ptrdiff_t stride[TENSOR_MAX_RANK];
    ptrdiff_t offset; /* elements from the buffer's base to index 0 */
    /* Zeroed pixels that lie around the spatial axes (2, 3, …) of a channels-last value, before and behind. */
    int border[VIEW_SPATIAL][2];
};

enum order {
    ORDER_ROWS,     /* row-major as ONNX has it */
    ORDER_CHANNELS, /* axis 1 innermost: NHWC, for rank >= 3 */
};

/* Element size in bytes. */
size_t view_element(const struct view *v);
int64_t view_count(const struct view *v);
/* The address of index 0; valid from the first run on, or at once for a constant. */
static inline void *view_data(const struct view *v)
{
    return v->buffer->base + v->offset * (ptrdiff_t)view_element(v);
}
/* Fills strides for a dense view with axes laid out in `order`. */
void view_dense(struct view *v, enum order order);
bool view_is_dense(const struct view *v, enum order order);
/* Axis 1 contiguous (or of size 1). */
bool view_is_channels(const struct view *v);
/* Sees the same elements with other dims, if strides allow. */
bool view_reshape(const struct view *v, int rank, const int64_t *dims, struct view *result);
void view_permute(const struct view *v, const int64_t *perm, struct view *result);
/* Right-aligned broadcast to dims, with stride 0 along repeated axes. */
void view_broadcast(const struct view *v, int rank, const int64_t *dims, struct view *result);
/* The order whose stride ranking fits the view best: what an elementwise result should take. */
enum order view_order(const struct view *v);

/* A loop nest over several views of equal dims: axes sorted by the strides of the first view, size-1 axes dropped,
 * mergeable ones merged. Axis rank - 1 is innermost. */
#define NEST_MAX 5
struct nest {
    int rank; /* at least 1 */
    int64_t dims[TENSOR_MAX_RANK];
    ptrdiff_t stride[NEST_MAX][TENSOR_MAX_RANK];
};
void nest_make(struct nest *nest, const struct view *const *views, int count);
/* A nest over the pixels of two channels-last views, whose innermost axis is the channels. */
void nest_pixels(struct nest *nest, const struct view *out, const struct view *in);
/* Offsets of each view at position `index` of the axes but the innermost. */
void nest_at(const struct nest *nest, int count, int64_t index, ptrdiff_t *offset);
int64_t nest_outer(const struct nest *nest); /* product of all but the innermost */

/* ---- steps ---- */

struct plan;
struct step;

/* Does tile i of the step. Tiles may run on any thread in any order and write disjoint memory. */
typedef void step_run(const struct step *step, int64_t tile, int thread);

struct step {
    const struct node *node; /* of the plan's graph; may be NULL */
    const char *kernel;
    const char *shape;
    step_run *run;
    void *args;
    int64_t tiles;
    double macs;
    double seconds;
    long runs;
};

/* ---- plans ---- */

/* What the plan knows of a value, at value->scratch. */
struct place {
    struct view view;
    bool placed;
    int border[VIEW_SPATIAL][2]; /* wanted by its consumers */
    struct value *home;          /* the Concat result that it should be written into; or NULL */
    int home_axis;
    int64_t home_offset;
    struct view other; /* the same elements in another layout, made for a consumer; other.buffer NULL: none yet */
};

/* A graph, with shapes bound and passes run, as steps. When it holds nodes whose results' shapes only the data tell (or
 * control flow), it is cut: a static plan ends before the first such node; a dynamic one evaluates such nodes one by
 * one; `then` runs what follows. */
struct plan {
    struct exec *exec;
    const struct kernels *kernels;
    struct graph *graph; /* owned */
    struct arena arena;  /* steps' arguments, buffers, places */
    struct step *steps;
    size_t step_count, step_cap;
    struct buffer *buffers;
    struct packed_use *packed;
    char *memory; /* the activations' arena */
    size_t memory_size;
    struct view *inputs, *outputs; /* external buffers, by the graph's order */
    struct item *
        *kept; /* [graph->output_count] results of the last run: their memory serves again once the caller let go */
    atomic_llong *next_tile; /* [step_count] */
    struct error *error;     /* where plan_fail() puts its message while a run is on */
    atomic_bool failed, failing;
    bool dynamic;
    struct item **env;   /* while a dynamic plan runs: [graph->value_count] */
    size_t env_bytes;    /* of those that nodes made */
    struct exec *then;   /* or NULL: the plan's outputs are the whole's */
    int *then_from;      /* [then->graph->input_count] index of a plan input (>= 0), or of output k as -1 - k */
    struct plan *next;   /* in the exec's cache, most recently used first */
    struct type *shapes; /* [graph->input_count] the input types that it serves */
};

struct plan *plan_new(struct exec *e, struct graph *g, struct error *err); /* takes the graph over, also on failure */
void plan_free(struct plan *p);
/* Runs the steps; inputs' and outputs' bases must have been set. */
int plan_execute(struct plan *p, struct pool *pool, bool profile, struct error *err);

/* ---- for lowering ---- */

/* Lowers a node to steps: 0 done, 1 not a case for it (the reference takes it), -1 failed. */
typedef int exec_lower_fn(struct plan *p, struct node *n, struct error *err);

/* Zeroed memory that lives as long as the plan. */
void *plan_alloc(struct plan *p, size_t size, struct error *err);

static inline struct place *plan_place(const struct value *v)
{
    return v->scratch;
}

/* Input i's view as it lies. */
const struct view *plan_in(const struct node *n, int i);
/* Input i of f32 (or any dtype) in a layout: copied (once) when it lies otherwise. */
int plan_in_dense(struct plan *p, struct node *n, int i, enum order order, struct view *view, struct error *err);
/* With axis 1 contiguous and at least `border` zeroed pixels around. border NULL: none. */
int plan_in_channels(struct plan *p, struct node *n, int i, int (*border)[2], struct view *view, struct error *err);
/* With `axis` contiguous. */
int plan_in_contiguous(struct plan *p, struct node *n, int i, int axis, struct view *view, struct error *err);
/* Copies a view into new memory laid out in `order`, with border. */
int plan_copy(struct plan *p, const struct node *n, const struct view *from, enum order order, int (*border)[2],
              struct view *to, struct error *err);

/* Adds a step that copies between two views of equal dims. */
int plan_copy_into(struct plan *p, const struct node *n, const struct view *from, const struct view *to,
                   struct error *err);

/* Places output o in new memory (or in its Concat's, or the graph output's) in this order: its innermost axis is
 * contiguous, the others may have gaps between. */
int plan_out(struct plan *p, struct node *n, int o, enum order order, struct view *view, struct error *err);
/* The same, without gaps: not in a Concat's memory, which takes a copy then. */
int plan_out_dense(struct plan *p, struct node *n, int o, struct view *view, struct error *err);
/* As plan_out(), over input i's memory when nothing else needs it and the layout fits; else as plan_out. */
int plan_out_over(struct plan *p, struct node *n, int o, int i, enum order order, struct view *view, struct error *err);
/* Whether output o may lie where input i does, which nothing else needs: its type and dims are the same. */
bool plan_may_overwrite(const struct node *n, int o, int i);
/* Places output o on existing memory. */
int plan_alias(struct plan *p, struct node *n, int o, const struct view *view, struct error *err);
/* A buffer over memory that is not the plan's to place; base may be set later. */
struct buffer *plan_external(struct plan *p, void *base, struct error *err);
/* Memory for use between steps of one node. */
int plan_scratch(struct plan *p, size_t bytes, struct view *view, struct error *err);

/* Adds a step that touches these views' buffers. */
struct step *plan_step(struct plan *p, const struct node *n, const char *kernel, step_run *run, void *args,
                       int64_t tiles, struct error *err, const struct view *const *views, int count);
#define PLAN_VIEWS(...)                                                                                                \
    (const struct view *const[]){__VA_ARGS__},                                                                         \
        (int)(sizeof((const struct view *const[]){__VA_ARGS__}) / sizeof(struct view *))

/* A constant input's data as dense f32 (widened from f16, bf16); NULL when it is not constant, or with *failed set on
 * error. The plan keeps it alive. */
const float *plan_constant_f32(struct plan *p, struct node *n, int i, bool *failed, struct error *err);
bool plan_is_constant(const struct node *n, int i);

/* From a running step: the run fails with this message, if it is the first to fail; n NULL: the message names the
 * node already. */
void plan_fail(struct plan *p, const struct node *n, const char *format, ...) BASE_PRINTF(3, 4);

/* The number of tiles that suits `work` (in elements or MACs) when a tile should have at least `grain`, and there are
 * at most `most`. */
int64_t plan_tiles(int64_t work, int64_t grain, int64_t most);
/* floor(n * tile / tiles), without the product's overflow. */
static inline int64_t plan_tile_first(int64_t n, int64_t tiles, int64_t tile)
{
    return n / tiles * tile + n % tiles * tile / tiles;
}

/* The function of one operand that an ONNX node is; false when the kernels lack it. */
bool plan_unary(const struct node *n, struct kernel_act *act);
/* The activation fused into a node: KERNEL_NONE when there is none. False when the kernels lack it. */
bool plan_activation(const struct node *n, struct kernel_act *act);

/* ---- the matrix product, under convolutions and matmuls (gemm.c) ---- */

#define GEMM_AXES 4
/* C[pixel][n] = act(sum over taps, k of A[pixel + tap][k] B[tap, k][n] + bias[n] + add[pixel][n]), for each of
 * `batches`. A pixel is an index over up to GEMM_AXES axes, each with strides in A, C and add. */
struct gemm_job {
    struct view a, c, add; /* only buffer and offset are used; add.buffer NULL: none */
    int64_t dims[GEMM_AXES];
    ptrdiff_t a_stride[GEMM_AXES], c_stride[GEMM_AXES], add_stride[GEMM_AXES];
    const ptrdiff_t *tap; /* [taps] */
    int taps, k, n;
    const int *b_tap; /* [taps] which of the b_taps taps of B each is; NULL: B has the same, in order */
    int b_taps;
    int batches;
    const ptrdiff_t *a_batch, *c_batch, *add_batch,
        *b_batch;            /* [batches], in floats; NULL: all 0. b_batch counts from packed */
    const float *packed;     /* panels of constant B; or NULL, then */
    struct view packed_view; /* where a step before put them */
    const float *bias;       /* or NULL */
    struct view bias_view;   /* a bias computed at run time; buffer NULL: none */
    int bias_batch;          /* floats from one batch's bias to the next */
    struct kernel_act act;
    bool add_last;
};
int gemm_emit(struct plan *p, const struct node *n, const char *kernel, const struct gemm_job *job, struct error *err);

/* Constant weights in a kernel's order, made by make(), which fills `floats` floats. Tensors of the same bytes that are
 * packed in the same way share one packing, whichever nodes and plans of the whole exec they belong to: `packing` names
 * the way, params[count] is all that make() depends on but the bytes. They live as long as the plan. */
typedef int pack_fn(float *packed, const void *args, const struct kernels *k, struct error *err);
const float *plan_packed(struct plan *p, const struct tensor *t, const char *packing, const int64_t *params, int count,
                         size_t floats, pack_fn *make, const void *args, struct error *err);
#define PACK_PARAMS(...) (const int64_t[]){__VA_ARGS__}, (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* ---- the exec ---- */

#define PACKED_PARAMS 6
struct packed {
    struct hash_content content; /* of the tensor */
    const char *packing;
    int64_t params[PACKED_PARAMS];
    float *data;
    size_t bytes;
    int refs; /* plans' uses; it goes with the last of them */
    struct packed *next;
};

/* A plan's use of a packing. */
struct packed_use {
    struct packed *packed;
    struct packed_use *next;
};
void plan_release_packed(struct plan *p);

/* A subgraph of a dynamic node, as a graph of its own whose last inputs are what it captured. */
struct exec_sub {
    const struct graph *subgraph;
    struct exec *exec;
    struct value **captured; /* of the dynamic plan's graph */
    size_t captured_count;
    struct exec_sub *next;
};

struct exec {
    struct graph *graph;
    const struct kernels *kernels;
    struct pool *pool;
    size_t memory;
    bool profile;
    uint64_t seed;
    int64_t bodies; /* of the whole: what op_eval's counts down */
    struct plan *plans;
    struct packed *packed;
    size_t packed_bytes;
    struct exec_sub *subs;
    struct exec *parent; /* of a part's exec: whose packed weights are used */
};

/* The exec that this one is a part of, however deep; itself when it is none. */
static inline struct exec *exec_whole(struct exec *e)
{
    while (e->parent)
        e = e->parent;
    return e;
}

/* Threads that a run may have: for memory of each, never for what a step computes. */
static inline int plan_threads(const struct plan *p)
{
    return p->exec->pool ? pool_threads(p->exec->pool) : 1;
}

/* An exec over a part of e's graph, which it takes over, also on failure. */
struct exec *exec_new_part(struct exec *e, struct graph *g, struct error *err);

/* Splits g before its node `at` (NULL: behind the last): into the graph of what comes before, whose outputs are what
 * the rest (or the caller) needs of it, and of the rest, whose inputs are found in from[] as struct plan's then_from
 * says; from is for free(). g is left as it was. */
int cut_graph(const struct graph *g, const struct node *at, struct graph **before, struct graph **after, int **from,
              struct error *err);

/* Where a plan of g must end: at the first node that is not static; or, when the first node is not, behind a run of
 * those, up to one that is worth planning anew. NULL: at the end; *dynamic tells which kind it is. */
const struct node *cut_point(const struct graph *g, bool *dynamic);
/* False when an output is an input, or a constant, of a kind that a static plan cannot hold: it has to be handed on. */
bool cut_has_static_outputs(const struct graph *g);

/* Evaluates the nodes of a dynamic plan (dynamic.c). */
int dynamic_run(struct plan *p, struct item *const *in, struct item **out, struct error *err);

/* One of the ways to lower an operator. Which one is taken depends on shapes and the processor alone, so that results
 * do not depend on threads or moments. */
struct exec_way {
    /* Cycles that one thread should take, negative: it is not a case for this way. */
    double (*cost)(const struct kernels *k, const struct node *n);
    /* NULL, or the zeroed border that it needs around the first input; false: none. */
    bool (*border)(const struct node *n, int (*border)[2]);
    exec_lower_fn *lower;
};

/* The cheapest way for a node; NULL when it has none. */
const struct exec_way *exec_lower_find(const struct kernels *k, const struct node *n);
int exec_lower_reference(struct plan *p, struct node *n, struct error *err);

#endif
