/* Evaluating nodes one by one, each as soon as its operands' shapes are known; subgraphs get execs of their own. */
#include <stdlib.h>

#include "exec/plan.h"

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

static int eval_node(struct plan *p, struct node *n, struct error *err)
{
    struct item **in = mem_calloc((size_t)n->in_count, sizeof *in, err),
                **out = in ? mem_calloc((size_t)n->out_count, sizeof *out, err) : NULL;
    int status = out ? 0 : -1;
    if (out) {
        for (int i = 0; i < n->in_count; i++)
            in[i] = n->in[i] ? p->env[n->in[i]->index] : NULL;
        struct op_eval c = {.node = n,
                            .in = in,
                            .in_count = n->in_count,
                            .out = out,
                            .out_count = n->out_count,
                            .memory = p->exec->memory,
                            .seed = &p->exec->seed,
                            .run_graph = run_graph,
                            .user = p};
        status = op_eval_node(&c, err);
        for (int i = 0; status == 0 && i < n->out_count; i++)
            if (n->out[i])
                p->env[n->out[i]->index] = out[i];
            else
                item_unref(out[i]);
    }
    free(in);
    free(out);
    return status;
}

/* Values by their index: constants and the inputs at first. */
static int load(struct plan *p, struct item *const *in, struct error *err)
{
    struct graph *g = p->graph;
    p->env = mem_calloc(g->value_count, sizeof *p->env, err);
    if (!p->env)
        return -1;
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i] && g->values[i]->constant &&
            !(p->env[i] = item_of_tensor(tensor_ref(g->values[i]->constant), err)))
            return -1;
    for (size_t i = 0; i < g->input_count; i++)
        p->env[g->inputs[i]->index] = item_ref(in[i]);
    return 0;
}

static void forget(struct plan *p)
{
    for (size_t i = 0; p->env && i < p->graph->value_count; i++)
        item_unref(p->env[i]);
    free(p->env);
    p->env = NULL;
}

int dynamic_run(struct plan *p, struct item *const *in, struct item **out, struct error *err)
{
    struct graph *g = p->graph;
    int status = load(p, in, err);
    for (struct node *n = g->first; status == 0 && n; n = n->next)
        status = eval_node(p, n, err);
    for (size_t i = 0; status == 0 && i < g->output_count; i++)
        out[i] = item_ref(p->env[g->outputs[i]->index]);
    forget(p);
    return status;
}
