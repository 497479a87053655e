/* The reference interpreter: a graph node by node, subgraphs by recursion, each value freed after its last use. */
#include "op/op.h"

#include <stdlib.h>

#include "op/check.h"
#include "op/lifetimes.h"

#define RUN_SUM 4 /* times `memory`: what all values may take together */

/* A graph's, in the list of those met. */
struct met {
    struct lifetimes lifetimes;
    struct met *next;
};

struct run {
    size_t memory, used, limit;
    uint64_t seed;
    int64_t body_nodes;
    struct met *known;
};

/* A graph being executed. */
struct frame {
    struct run *run;
    const struct graph *graph;
    struct frame *parent;
    struct item **items; /* [graph->value_count] */
    const struct lifetimes *lifetimes;
    int depth;
};

/* ---- lifetimes ---- */

static const struct lifetimes *lifetimes_of(struct run *run, const struct graph *g, struct error *err)
{
    for (const struct met *m = run->known; m; m = m->next)
        if (m->lifetimes.graph == g)
            return &m->lifetimes;
    struct met *m = mem_calloc(1, sizeof(*m), err);
    if (!m)
        return NULL;
    m->next = run->known;
    run->known = m;
    return lifetimes_init(&m->lifetimes, g, err) ? NULL : &m->lifetimes;
}

static void forget_lifetimes(struct run *run)
{
    while (run->known) {
        struct met *next = run->known->next;
        lifetimes_release(&run->known->lifetimes);
        free(run->known);
        run->known = next;
    }
}

/* ---- values ---- */

static void drop_value(struct frame *f, size_t index)
{
    f->run->used -= item_bytes(f->items[index]);
    item_unref(f->items[index]);
    f->items[index] = NULL;
}

/* Takes over the reference. */
static int set_value(struct frame *f, const struct value *v, struct item *item, struct error *err)
{
    if (f->items[v->index])
        drop_value(f, v->index);
    f->items[v->index] = item;
    f->run->used += item_bytes(item);
    if (f->run->used > f->run->limit)
        return error_set(err, "values take more than %zu bytes together at '%s'", f->run->limit, v->name);
    return 0;
}

/* A new reference to a value of this graph or of one around it. */
static struct item *get_value(const struct frame *f, const struct value *v, struct error *err)
{
    while (f && f->graph != v->graph)
        f = f->parent;
    if (f && f->items[v->index])
        return item_ref(f->items[v->index]);
    if (v->constant)
        return item_of_tensor(tensor_ref(v->constant), err);
    error_set(err, "value '%s' is not computed where it is used", v->name);
    return NULL;
}

/* ---- execution ---- */

static int run_frame(struct run *run, struct frame *parent, const struct graph *g, struct item *const *in,
                     struct item **out, struct error *err);

static int run_subgraph(struct op_eval *c, const struct graph *g, struct item *const *in, struct item **out,
                        struct error *err)
{
    struct frame *f = c->user;
    return run_frame(f->run, f, g, in, out, err);
}

static int keep_outputs(struct frame *f, const struct node *n, struct item **out, struct error *err)
{
    int result = 0;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && out[o]) {
            if (set_value(f, n->out[o], out[o], err))
                result = -1;
            out[o] = NULL;
        }
    return result;
}

static void drop_dead(struct frame *f, int64_t place)
{
    for (int64_t i = f->lifetimes->ends[place]; i >= 0; i = f->lifetimes->after[i])
        if (f->items[i])
            drop_value(f, (size_t)i);
}

static int run_node(struct frame *f, const struct node *n, int64_t place, struct error *err)
{
    struct op_eval c = {.node = n,
                        .in_count = n->in_count,
                        .memory = f->run->memory,
                        .seed = &f->run->seed,
                        .body_nodes = &f->run->body_nodes,
                        .run_graph = run_subgraph,
                        .out_count = op_out_count(n),
                        .user = f};
    struct item **in = mem_calloc((size_t)n->in_count, sizeof(*in), err);
    c.out = mem_calloc((size_t)c.out_count, sizeof(*c.out), err);
    int result = in && c.out ? 0 : -1;
    for (int i = 0; i < n->in_count && result == 0; i++)
        if (n->in[i] && !(in[i] = get_value(f, n->in[i], err)))
            result = -1;
    c.in = in;
    if (result == 0)
        result = op_eval_node(&c, err);
    if (result == 0)
        result = keep_outputs(f, n, c.out, err);
    for (int i = 0; in && i < n->in_count; i++)
        item_unref(in[i]);
    for (int o = 0; c.out && o < c.out_count; o++)
        item_unref(c.out[o]);
    free(c.out);
    free(in);
    drop_dead(f, place);
    return result;
}

static int take_inputs(struct frame *f, struct item *const *in, struct error *err)
{
    for (size_t i = 0; i < f->graph->input_count; i++) {
        const struct value *v = f->graph->inputs[i];
        if (in[i] && set_value(f, v, item_ref(in[i]), err))
            return -1;
        if (!in[i] && !v->constant)
            return error_set(err, "input '%s' is missing", v->name);
    }
    return 0;
}

static int give_outputs(struct frame *f, struct item **out, struct error *err)
{
    for (size_t i = 0; i < f->graph->output_count; i++)
        out[i] = NULL;
    for (size_t i = 0; i < f->graph->output_count; i++)
        if (!(out[i] = get_value(f, f->graph->outputs[i], err))) {
            while (i-- > 0) {
                item_unref(out[i]);
                out[i] = NULL;
            }
            return -1;
        }
    return 0;
}

static int run_frame(struct run *run, struct frame *parent, const struct graph *g, struct item *const *in,
                     struct item **out, struct error *err)
{
    struct frame f = {.run = run, .graph = g, .parent = parent, .depth = parent ? parent->depth + 1 : 0};
    if (f.depth > GRAPH_MAX_DEPTH)
        return error_set(err, "subgraphs are nested more than %d deep", GRAPH_MAX_DEPTH);
    f.lifetimes = lifetimes_of(run, g, err);
    f.items = f.lifetimes ? mem_calloc(g->value_count, sizeof(struct item *), err) : NULL;
    if (!f.items)
        return -1;
    int result = take_inputs(&f, in, err);
    int64_t place = 0;
    for (const struct node *n = g->first; n && result == 0; n = n->next)
        result = run_node(&f, n, place++, err);
    if (result == 0)
        result = give_outputs(&f, out, err);
    for (size_t i = 0; i < g->value_count; i++)
        if (f.items[i])
            drop_value(&f, i);
    free(f.items);
    return result;
}

int op_run(const struct graph *g, struct item *const *in, struct item **out, size_t memory, uint64_t seed,
           struct error *err)
{
    struct run run = {.memory = memory, .seed = seed, .body_nodes = OP_MAX_BODY_NODES};
    if (!mem_mul(memory, RUN_SUM, &run.limit))
        run.limit = SIZE_MAX;
    int result = run_frame(&run, NULL, g, in, out, err);
    forget_lifetimes(&run);
    return result;
}
