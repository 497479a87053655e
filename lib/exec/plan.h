/* Plans, and what a lowering asks of them. See ARCHITECTURE.md, "The executor". */
#ifndef EXEC_PLAN_H
#define EXEC_PLAN_H

#include <stdatomic.h>

#include "base/pool.h"
#include "exec/view.h"
#include "graph/item.h"
#include "kernel/kernel.h"
#include "op/op.h"

/* ---- steps ---- */

struct plan;
struct step;

/* What a thread does of a step at a time. */
struct tile {
    int64_t first, last; /* units of work [first, last) */
    int64_t round;       /* of a step that has rounds */
    void *scratch;       /* the step's `scratch` bytes, 64-byte aligned: the thread's alone, of unknown content */
    const void **kept;   /* but for what the step notes here that an earlier tile left there; NULL at its first one */
};

/* Does a tile. Tiles may run on any thread in any order and write disjoint memory; what is written does not depend on
 * where one ends and the next begins. */
typedef void step_run(const struct step *step, struct tile tile);

/* How a step uses the views that it names. */
enum step_uses {
    STEP_USES_ANYHOW,
    STEP_WRITES_FIRST, /* writes elements of the first, and reads the others */
    STEP_MAKES_BORDER, /* writes what lies around the elements */
};

enum access_kind { ACCESS_ANY, ACCESS_READ, ACCESS_WRITE, ACCESS_BORDER };

/* Memory that a step uses. */
struct access {
    struct buffer *buffer;
    enum access_kind kind;
    /* Of elements written: [first, first + run) of each `pitch` elements of the buffer. pitch 0: not so simple. */
    ptrdiff_t pitch, first, run;
};

/* Packed ones, or the first of them. at NULL: none. */
struct weights {
    const void *at;
    size_t bytes;
};

struct step {
    const struct node *node; /* of the plan's graph; may be NULL */
    const char *kernel;
    step_run *run;
    void *args;
    int64_t units;  /* of work */
    int64_t tiles;  /* that they are cut into, at most as many; 0: one for each unit */
    int64_t rounds; /* not 0: all units are done so often, each round behind all of the one before (rounds.h) */
    size_t scratch; /* bytes that a thread needs to do a tile */
    void (*enter)(void), (*leave)(void); /* each thread calls them around its tiles; or NULL */
    double macs;
    struct weights weights; /* that it reads, if they are packed */
    bool is_reference; /* evaluates an operator: not while another one does */
    const char *shape; /* of the node's result: these are set by plan_step() */
    struct access *access;
    int access_count;
    bool waits;      /* for all before it; these are set by schedule_make() */
    bool is_chained; /* to the step before it, whose thread runs it then */
    struct weights ahead; /* of the next step that has some: the first of them, which a product fetches at its end */
    double seconds;  /* these are counted by profiled runs */
    long runs;
};

/* ---- plans ---- */

/* What the plan knows of a value, at value->scratch. */
struct place {
    struct view view;
    bool placed;
    struct view weights; /* the value is to be multiplied by a factor of each channel, as these packed weights of its
                            only user, a product, already are: an image's behind the other's; buffer NULL: it is not */
    int border[VIEW_SPATIAL][2]; /* wanted by its consumers */
    uint8_t fill;                /* what it holds */
    struct value *concat_parent; /* the Concat result that it should be written into; or NULL */
    int concat_axis;
    int64_t concat_offset;
    bool is_dense;           /* wants memory without gaps */
    bool is_inside;          /* its only user is a part of the step that makes it: it has no memory */
    bool is_packed, is_kept; /* of a constant: a step needs it packed; as it is */
    size_t uses_lowered;     /* of a constant, by nodes */
    size_t output;           /* which graph output it is; of several that are one, any */
    struct view other;       /* the same elements in another layout, made for a consumer; other.buffer NULL: none yet */
};

struct cursor;

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
    struct pack_job *jobs; /* while it is being made */
    size_t job_bytes;
    bool is_lowered;
    char *memory;             /* the activations' arena, then each thread's scratch; NULL: let go of until it runs */
    size_t memory_size, huge; /* huge: of which so much lies in huge pages, if there are any */
    size_t held;              /* bytes of the whole exec's that are this plan's */
    char *scratch;
    size_t scratch_bytes;          /* of a thread: the most that a step wants, rounded to cache lines */
    struct view *inputs, *outputs; /* external buffers, by the graph's order */
    struct item *
        *kept; /* [graph->output_count] results of the last run: their memory serves again once the caller let go */
    struct cursor *cursors; /* [threads][step_count] */
    struct error *error;    /* where plan_fail() puts its message while a run is on */
    atomic_bool failed, failing;
    bool was_left; /* the last run failed: some tiles were not done */
    bool dynamic;
    struct item **env;   /* while a dynamic plan runs: [graph->value_count] */
    struct exec *then;   /* or NULL: the plan's outputs are the whole's */
    int *then_from;      /* [then->graph->input_count] index of a plan input (>= 0), or of output k as -1 - k */
    struct plan *next;   /* in the exec's cache, most recently used first */
    struct type *shapes; /* [graph->input_count] the input types that it serves */
};

struct plan *plan_new(struct exec *e, struct graph *g, struct error *err); /* takes the graph over, also on failure */
void plan_free(struct plan *p);
/* Gets the memory that running takes; lets go of it and of what is kept of the last run. */
int plan_hold(struct plan *p, struct error *err);
void plan_let_go(struct plan *p);
/* Makes what running takes, once all steps are there. */
int run_prepare(struct plan *p, struct error *err);
/* Runs the steps; inputs' and outputs' bases must have been set. */
int plan_execute(struct plan *p, struct pool *pool, bool profile, struct error *err);

/* ---- for lowering ---- */

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
/* The same with a border of bytes `fill`. */
int plan_in_filled(struct plan *p, struct node *n, int i, int (*border)[2], int fill, struct view *view,
                   struct error *err);
/* With `axis` contiguous. */
int plan_in_contiguous(struct plan *p, struct node *n, int i, int axis, struct view *view, struct error *err);
/* Copies a view into new memory laid out in `order`, with border. */
int plan_copy(struct plan *p, const struct node *n, const struct view *from, enum order order, int (*border)[2],
              struct view *to, struct error *err);

/* Adds a step that copies between two views of equal dims. */
BASE_COLD int plan_copy_into(struct plan *p, const struct node *n, const struct view *from, const struct view *to,
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
int plan_step(struct plan *p, const struct step *step, struct error *err, const struct view *const *views, int count,
              enum step_uses uses);
/* Says that the last step touches these views too. */
int plan_step_more(struct plan *p, struct error *err, const struct view *const *views, int count, enum step_uses uses);
/* The views, where the step may write any of them, and where it writes the first alone. */
#define PLAN_VIEWS(...)  PLAN_VIEWS_USED(STEP_USES_ANYHOW, __VA_ARGS__)
#define PLAN_WRITES(...) PLAN_VIEWS_USED(STEP_WRITES_FIRST, __VA_ARGS__)
#define PLAN_VIEWS_USED(uses, ...)                                                                                     \
    (const struct view *const[]){__VA_ARGS__},                                                                         \
        (int)(sizeof((const struct view *const[]){__VA_ARGS__}) / sizeof(struct view *)), uses

/* A constant input's data as dense f32 (widened from f16, bf16); NULL when it is not constant, or with *failed set on
 * error. The plan keeps it alive. */
const float *plan_constant_f32(struct plan *p, struct node *n, int i, bool *failed, struct error *err);
bool plan_is_constant(const struct node *n, int i);

/* From a running step: the run fails with this message, if it is the first to fail; n NULL: the message names the
 * node already. */
BASE_COLD void plan_fail(struct plan *p, const struct node *n, const char *format, ...) BASE_PRINTF(3, 4);

/* The number of tiles that suits `work` (in elements or MACs) when a tile should have at least `grain`, and there are
 * at most `most`. `work` may be beyond what an int64_t counts. */
int64_t plan_tiles(double work, double grain, int64_t most);
/* So many tiles, or a few more, at most `most`: several are shared evenly by the threads. */
int64_t plan_even_tiles(const struct plan *p, int64_t tiles, int64_t most);
/* The first of n units of tile `tile`: floor(n * tile / tiles), without the product's overflow. */
static inline int64_t plan_tile_first(int64_t n, int64_t tiles, int64_t tile)
{
    return n / tiles * tile + n % tiles * tile / tiles;
}

#endif
