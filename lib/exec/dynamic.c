/* Evaluating nodes one by one, each as soon as its operands' shapes are known; subgraphs get execs of their own. */
#include <stdlib.h>

#include "exec/exec_private.h"
#include "op/lifetimes.h"

static struct exec_sub *find_sub(struct exec *e, const struct graph *subgraph, struct error *err)
{
    for (struct exec_sub *s = e->subs; s; s = s->next)
        if (s->subgraph == subgraph)
            return s;
    struct exec_sub *s = mem_calloc(1, sizeof *s, err);
    if (!s)
        return NULL;
    struct graph *g = graph_extract(subgraph, &s->captured, &s->captured_count, err);
    s->exec = g ? exec_new_part(e, g, err) : NULL;
    if (!s->exec) {
        free(s->captured);
        free(s);
        return NULL;
    }
    s->subgraph = subgraph;
    s->next = e->subs;
    return e->subs = s;
}

/* op_eval's way to run an If branch or a Loop body: its own inputs, then what it captures. */
static int run_graph(struct op_eval *c, const struct graph *g, struct item *const *in, struct item **out,
                     struct error *err)
{
    struct plan *p = c->user;
    struct exec_sub *s = find_sub(p->exec, g, err);
    struct item **all = s ? mem_calloc(s->exec->graph->input_count, sizeof *all, err) : NULL;
    if (!all)
        return -1;
    for (size_t i = 0; i < g->input_count; i++)
        all[i] = in[i];
    for (size_t i = 0; i < s->captured_count; i++)
        all[g->input_count + i] = p->env[s->captured[i]->index];
    int status = exec_run(s->exec, all, out, err);
    free(all);
    return status;
}

/* The results become the values'; an error when these take too much together. */
static int keep_outputs(struct plan *p, const struct node *n, struct item **out, struct error *err)
{
    char label[128];
    int status = 0;
    for (int i = 0; i < op_out_count(n); i++) {
        if (!node_out(n, i)) {
            item_unref(out[i]);
            continue;
        }
        p->env[n->out[i]->index] = out[i];
        if (status == 0)
            status = exec_take(p, item_bytes(out[i]), err);
    }
    return status < 0 ? error_prefix(err, "%s", node_label(n, label, sizeof label)) : 0;
}

static int eval_node(struct plan *p, struct node *n, struct error *err)
{
    struct item **in = mem_calloc((size_t)n->in_count, sizeof *in, err),
                **out = in ? mem_calloc((size_t)op_out_count(n), sizeof *out, err) : NULL;
    int status = out ? 0 : -1;
    if (out) {
        for (int i = 0; i < n->in_count; i++)
            in[i] = n->in[i] ? p->env[n->in[i]->index] : NULL;
        struct op_eval c = {.node = n,
                            .in = in,
                            .in_count = n->in_count,
                            .out = out,
                            .out_count = op_out_count(n),
                            .memory = exec_left(p),
                            .seed = &p->exec->seed,
                            .body_nodes = &exec_whole(p->exec)->body_nodes,
                            .run_graph = run_graph,
                            .user = p};
        status = op_eval_node(&c, err);
        if (status == 0)
            status = keep_outputs(p, n, out, err);
    }
    free(in);
    free(out);
    return status;
}

static void forget_value(struct plan *p, size_t index)
{
    item_unref(p->env[index]);
    p->env[index] = NULL;
}

/* Lets go of what no later node needs. */
static void forget_dead(struct plan *p, const struct lifetimes *l, int64_t place)
{
    for (int64_t i = l->ends[place]; i >= 0; i = l->after[i]) {
        const struct value *v = p->graph->values[i];
        if (v->producer && p->env[i])
            exec_give(p, item_bytes(p->env[i]));
        forget_value(p, (size_t)i);
    }
}

/* Values by their index: constants and the inputs at first. */
static int load(struct plan *p, struct item *const *in, struct error *err)
{
    struct graph *g = p->graph;
    p->env = mem_calloc(g->value_count, sizeof *p->env, err);
    if (!p->env)
        return -1;
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i] && g->values[i]->constant && !g->values[i]->is_input &&
            !(p->env[i] = item_of_tensor(tensor_ref(g->values[i]->constant), err)))
            return -1;
    for (size_t i = 0; i < g->input_count; i++) {
        p->env[g->inputs[i]->index] = item_ref(in[i]);
        if (p->exec->follows && exec_take(p, item_bytes(in[i]), err) < 0)
            return -1;
    }
    return 0;
}

static void forget(struct plan *p)
{
    for (size_t i = 0; p->env && i < p->graph->value_count; i++)
        forget_value(p, i);
    free(p->env);
    p->env = NULL;
    exec_give(p, p->held);
}

static int run_nodes(struct plan *p, struct item *const *in, struct item **out, struct error *err)
{
    struct graph *g = p->graph;
    struct lifetimes lifetimes = {0};
    int64_t place = 0;
    int status = lifetimes_init(&lifetimes, g, err) == 0 ? load(p, in, err) : -1;
    for (struct node *n = g->first; status == 0 && n; n = n->next, place++) {
        status = eval_node(p, n, err);
        if (status == 0)
            forget_dead(p, &lifetimes, place);
    }
    for (size_t i = 0; status == 0 && i < g->output_count; i++)
        out[i] = item_ref(p->env[g->outputs[i]->index]);
    forget(p);
    lifetimes_release(&lifetimes);
    return status;
}

struct dynamic_args {
    struct plan *plan;
    struct item *const *in;
    struct item **out;
    struct error *err;
    int status;
};

static void run_region(void *arg, int thread)
{
    struct dynamic_args *a = arg;
    (void)thread;
    a->status = run_nodes(a->plan, a->in, a->out, a->err);
}

/* As a region of one thread, so that denormals are treated as in a static plan. */
int dynamic_run(struct plan *p, struct item *const *in, struct item **out, struct error *err)
{
    struct dynamic_args a = {p, in, out, err, 0};
    pool_run(NULL, run_region, &a);
    return a.status;
}
