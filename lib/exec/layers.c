/* What the plans consist of, for listings. */
#include <stdlib.h>

#include "exec/exec_private.h"

struct listing {
    struct exec_layer *layers;
    size_t count, cap;
};

static int list_plan(struct listing *l, const struct plan *p, struct error *err)
{
    for (size_t i = 0; i < p->step_count; i++) {
        const struct step *s = &p->steps[i];
        if (mem_grow(&l->layers, &l->cap, l->count + 1, sizeof *l->layers, err) < 0)
            return -1;
        l->layers[l->count++] = (struct exec_layer){.node = s->node ? s->node->name : "",
                                                    .op = s->node ? s->node->op : "",
                                                    .kernel = s->kernel,
                                                    .shape = s->shape,
                                                    .macs = s->macs,
                                                    .seconds = s->seconds,
                                                    .runs = s->runs};
    }
    for (const struct node *n = p->dynamic ? p->graph->first : NULL; n; n = n->next) {
        if (mem_grow(&l->layers, &l->cap, l->count + 1, sizeof *l->layers, err) < 0)
            return -1;
        l->layers[l->count++] = (struct exec_layer){.node = n->name, .op = n->op, .kernel = "reference", .shape = ""};
    }
    return 0;
}

/* Subgraphs' execs, then what follows each plan, are visited like the plans themselves. */
static int list_exec(struct listing *l, const struct exec *e, struct error *err)
{
    for (const struct exec_sub *s = e->subs; s; s = s->next)
        if (list_exec(l, s->exec, err) < 0)
            return -1;
    for (const struct plan *p = e->plans; p; p = p->next)
        if (list_plan(l, p, err) < 0 || (p->then && list_exec(l, p->then, err) < 0))
            return -1;
    return 0;
}

struct exec_layer *exec_layers(const struct exec *e, size_t *count, struct error *err)
{
    struct listing l = {NULL, 0, 0};
    *count = 0;
    if (list_exec(&l, e, err) < 0) {
        free(l.layers);
        return NULL;
    }
    *count = l.count;
    return l.layers ? l.layers : mem_calloc(1, sizeof *l.layers, err);
}

void exec_reset_profile(struct exec *e)
{
    for (struct exec_sub *s = e->subs; s; s = s->next)
        exec_reset_profile(s->exec);
    for (struct plan *p = e->plans; p; p = p->next) {
        for (size_t i = 0; i < p->step_count; i++) {
            p->steps[i].seconds = 0;
            p->steps[i].runs = 0;
        }
        if (p->then)
            exec_reset_profile(p->then);
    }
}

size_t exec_arena_bytes(const struct exec *e)
{
    size_t most = 0;
    for (const struct exec_sub *s = e->subs; s; s = s->next) {
        size_t bytes = exec_arena_bytes(s->exec);
        most = bytes > most ? bytes : most;
    }
    for (const struct plan *p = e->plans; p; p = p->next) {
        size_t bytes = p->memory_size + (p->then ? exec_arena_bytes(p->then) : 0);
        most = bytes > most ? bytes : most;
    }
    return most;
}

size_t exec_packed_bytes(const struct exec *e)
{
    return e->packed_bytes;
}
