/* The control flow of TensorFlow 1, which is part of the graph: Switch and Merge around branches; Enter, Merge, Switch,
 * NextIteration and Exit around the frames of loops.
 *
 * A branch, and the body of a loop, are the same nodes read once more into a subgraph; what they take from outside
 * comes in through Switch, or Enter. Source: "Implementation of Control Flow in TensorFlow" (2017). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

static bool is(const struct tensorflow_node *n, const char *op)
{
    return n && strcmp(n->op, op) == 0;
}

bool tensorflow_is_edge(const struct tensorflow_scope *s, const struct tensorflow_node *n)
{
    return is(n, "Merge") || is(n, "Exit") || (s->outer && (is(n, "Enter") || is(n, s->boundary)));
}

static struct tensorflow_node *maker(struct tensorflow_scope *s, const struct tensorflow_node *n, size_t i)
{
    int output;
    return n ? tensorflow_scope_find(s, tensorflow_input(n->message, i), &output) : NULL;
}

/* ---- branches ---- */

/* The Switches that a Merge's inputs come from. */
struct gate {
    struct tensorflow_node **nodes;
    size_t count, cap;
    int port[2]; /* which output of a Switch its inputs come from: 0 when false, 1 when true; -1: none found */
    struct lookup seen;
};

struct step {
    const char *name;
    int depth; /* Merges that were passed */
};

static void see(struct tensorflow_scope *s, struct gate *g, int side, struct step at, struct step **stack,
                size_t *count, size_t *cap)
{
    int output;
    struct tensorflow_node *n = tensorflow_scope_find(s, at.name + (*at.name == '^'), &output);
    bool first = n && is(n, "Switch") && at.depth == 0;
    if (!n || lookup_find(&s->args, at.name))
        return;
    if (first && g->port[side] < 0)
        g->port[side] = output;
    if (lookup_find(&g->seen, n->name))
        return;
    build_check(s->b, lookup_add(&g->seen, n->name, n, s->b->err) == 0);
    if (first) {
        build_check(s->b, mem_grow(&g->nodes, &g->cap, g->count + 1, sizeof(*g->nodes), s->b->err) == 0);
        if (!s->b->failed)
            g->nodes[g->count++] = n;
        return;
    }
    if (is(n, "Exit")) /* past the loop, to what its variable begins with */
        n = maker(s, maker(s, maker(s, n, 0), 0), 0);
    int depth = at.depth + is(n, "Merge") - is(n, "Switch");
    for (const struct protobuf *p = n ? protobuf_first(n->message, "input") : NULL; p && !s->b->failed;
         p = protobuf_more(p)) {
        build_check(s->b, mem_grow(stack, cap, *count + 1, sizeof(**stack), s->b->err) == 0);
        if (!s->b->failed)
            (*stack)[(*count)++] = (struct step){protobuf_as_text(p, ""), depth};
    }
}

/* For free(): g->nodes. */
static void find_gate(struct tensorflow_scope *s, const struct tensorflow_node *merge, struct gate *g)
{
    *g = (struct gate){.port = {-1, -1}};
    for (int side = 0; side < 2 && !s->b->failed; side++) {
        struct step *stack = NULL;
        size_t count = 0, cap = 0;
        see(s, g, side, (struct step){tensorflow_input(merge->message, (size_t)side), 0}, &stack, &count, &cap);
        while (count && !s->b->failed)
            see(s, g, side, stack[--count], &stack, &count, &cap);
        free(stack);
        tensorflow_count_looks(s, g->seen.count);
        lookup_release(&g->seen);
        g->seen = (struct lookup){0};
    }
    if (!s->b->failed && (g->port[0] < 0) && (g->port[1] < 0))
        build_fail(s->b, "a Merge without a Switch before it");
}

static struct graph *branch(struct tensorflow_op *o, const char *result)
{
    struct tensorflow_reader *r = o->scope->r;
    struct tensorflow_scope s = {0};
    struct build outer = build_enter(&r->b, NULL);
    struct value *v = NULL;
    if (!r->b.failed && tensorflow_scope_again(&s, o->scope, "Switch") == 0)
        v = tensorflow_scope_value(&s, result);
    if (!r->b.failed)
        build_body_output(&r->b, v);
    tensorflow_scope_close(&s);
    return build_leave(&r->b, outer);
}

/* Takes what comes first of two branches, of which only one is taken. */
void tensorflow_read_merge(struct tensorflow_op *o)
{
    struct gate g;
    int64_t known;
    find_gate(o->scope, o->node, &g);
    int yes = g.port[1] == 1 || g.port[0] == 0 ? 1 : 0; /* the input that is taken when it is true */
    struct value *p = g.count ? tensorflow_scope_value(o->scope, tensorflow_input(g.nodes[0]->message, 1)) : NULL;
    free(g.nodes);
    if (!o->b->failed && !p)
        build_fail(o->b, "a Merge without a condition");
    if (!o->b->failed && ++o->scope->r->depth > TENSORFLOW_DEPTH)
        build_fail(o->b, "branches more than %d deep", TENSORFLOW_DEPTH);
    if (o->b->failed)
        return;
    const char *in[2] = {tensorflow_input(o->node->message, (size_t)!yes),
                         tensorflow_input(o->node->message, (size_t)yes)};
    if (build_known(o->b, p, &known, 1, NULL) == 1) {
        tensorflow_give(o, 0, tensorflow_scope_value(o->scope, in[known != 0]));
    } else {
        struct graph *then = branch(o, in[1]), *otherwise = branch(o, in[0]);
        tensorflow_build_if(o, p, then, otherwise, 1);
    }
    o->scope->r->depth--;
}

/* Both outputs are the value: which of them is used, Merge decides. */
void tensorflow_read_switch(struct tensorflow_op *o)
{
    struct tensorflow_scope *s = o->scope;
    bool is_edge = tensorflow_is_edge(s, o->node);
    struct value *v = is_edge ? tensorflow_scope_value(s->outer, o->node->name) : tensorflow_in(o, 0);
    tensorflow_give(o, 0, v);
    tensorflow_give(o, 1, v);
}

/* ---- loops ---- */

void tensorflow_read_enter(struct tensorflow_op *o)
{
    struct tensorflow_scope *s = o->scope;
    if (!s->outer)
        tensorflow_give(o, 0, tensorflow_in(o, 0));
    else if (strcmp(s->boundary, "Enter") == 0)
        tensorflow_give(o, 0, tensorflow_scope_value(s->outer, tensorflow_input(o->node->message, 0)));
    else
        tensorflow_give(o, 0, tensorflow_scope_value(s->outer, o->node->name));
}

/* The variables of a frame: Enter → Merge → Switch → body → NextIteration → Merge; Switch → Exit. */
struct frame {
    const char *name;
    int count;
    const struct tensorflow_node *enter[TENSORFLOW_OUTPUTS], *merge[TENSORFLOW_OUTPUTS], *next[TENSORFLOW_OUTPUTS],
        *turn[TENSORFLOW_OUTPUTS];
    const struct tensorflow_node *condition; /* LoopCond */
};

static const char *frame_name(struct tensorflow_scope *s, const struct tensorflow_node *enter)
{
    return tensorflow_span(s->r, protobuf_find(tensorflow_attr(enter->message, "frame_name"), "s"), "");
}

static int find_variable(const struct frame *f, const struct tensorflow_node *merge)
{
    int k = 0;
    while (k < f->count && f->merge[k] != merge)
        k++;
    return k;
}

static void find_frame(struct tensorflow_scope *s, const struct tensorflow_node *exit, struct frame *f)
{
    const struct tensorflow_node *turn = maker(s, exit, 0), *merge = maker(s, turn, 0), *enter = maker(s, merge, 0);
    *f = (struct frame){.condition = maker(s, turn, 1)};
    if (!is(turn, "Switch") || !is(merge, "Merge") || !is(enter, "Enter") || !is(f->condition, "LoopCond")) {
        build_fail(s->b, "an Exit of no loop");
        return;
    }
    f->name = frame_name(s, enter);
    tensorflow_count_looks(s, s->count);
    for (size_t i = 0; i < s->count && !s->b->failed; i++) {
        const struct tensorflow_node *m = &s->nodes[i];
        const struct tensorflow_node *e = is(m, "Merge") ? maker(s, m, 0) : NULL;
        if (!is(e, "Enter") || strcmp(frame_name(s, e), f->name) != 0)
            continue;
        if (f->count == TENSORFLOW_OUTPUTS)
            build_fail(s->b, "a loop over more than %d values", TENSORFLOW_OUTPUTS);
        else if (!is(f->next[f->count] = maker(s, m, 1), "NextIteration"))
            build_fail(s->b, "a loop whose variable '%.100s' has no next value", m->name);
        else {
            f->enter[f->count] = e;
            f->merge[f->count++] = m;
        }
    }
    for (size_t i = 0; i < s->count && !s->b->failed; i++) {
        int k = is(&s->nodes[i], "Switch") ? find_variable(f, maker(s, &s->nodes[i], 0)) : f->count;
        if (k < f->count)
            f->turn[k] = &s->nodes[i];
    }
}

void tensorflow_edge_needs(struct tensorflow_scope *s, struct tensorflow_node *n,
                           void (*need)(struct tensorflow_scope *s, const char *name, void *data), void *data)
{
    if (is(n, "Merge")) {
        struct gate g;
        find_gate(s, n, &g);
        for (size_t i = 0; i < g.count && !s->b->failed; i++)
            need(s, g.nodes[i]->name, data);
        free(g.nodes);
    } else if (is(n, "Exit")) {
        struct frame f;
        find_frame(s, n, &f);
        for (size_t i = 0; i < s->count && !s->b->failed; i++) /* what stays in all rounds too */
            if (is(&s->nodes[i], "Enter") && strcmp(frame_name(s, &s->nodes[i]), f.name) == 0)
                need(s, tensorflow_input(s->nodes[i].message, 0), data);
    }
}

/* A part of the frame for these values of its variables, which it knows by these names. */
static int open_part(struct tensorflow_loop *l, struct tensorflow_scope *s, const char *const *names,
                     struct value *const *in)
{
    const struct frame *f = l->data;
    if (tensorflow_scope_again(s, l->o->scope, "Enter") != 0)
        return -1;
    for (int k = 0; k < f->count && !s->b->failed; k++)
        if (names[k] && !lookup_find(&s->args, names[k]))
            build_check(s->b, lookup_add(&s->args, names[k], in[k], s->b->err) == 0);
    return s->b->failed ? -1 : 0;
}

static int read_body(struct tensorflow_loop *l, struct value *const *in, struct value **out)
{
    struct tensorflow_scope s = {0};
    if (open_part(l, &s, l->arg, in) == 0)
        for (int k = 0; k < l->count && !s.b->failed; k++)
            out[k] = tensorflow_scope_value(&s, l->becomes[k]);
    tensorflow_scope_close(&s);
    return l->o->b->failed ? -1 : 0;
}

static struct value *read_condition(struct tensorflow_loop *l, struct value *const *in)
{
    const struct frame *f = l->data;
    struct tensorflow_scope s = {0};
    const char *names[TENSORFLOW_OUTPUTS];
    struct value *v = NULL;
    for (int k = 0; k < f->count; k++)
        names[k] = f->merge[k]->name;
    if (open_part(l, &s, names, in) == 0)
        v = tensorflow_scope_value(&s, tensorflow_input(f->condition->message, 0));
    tensorflow_scope_close(&s);
    return l->o->b->failed ? NULL : build_reshape(l->o->b, v, 0, NULL);
}

/* All Exits of the frame are read with the first. */
static void give_exits(struct tensorflow_scope *s, const struct frame *f, struct value *const *out)
{
    for (size_t i = 0; i < s->count && !s->b->failed; i++) {
        struct tensorflow_node *n = &s->nodes[i];
        const struct tensorflow_node *turn = is(n, "Exit") ? maker(s, n, 0) : NULL;
        for (int k = 0; turn && k < f->count && !s->b->failed; k++) {
            if (f->turn[k] != turn)
                continue;
            if (!n->out)
                n->out = arena_alloc(&s->r->arena, TENSORFLOW_OUTPUTS * sizeof(*n->out), s->b->err);
            build_check(s->b, n->out != NULL);
            if (n->out)
                n->out[0] = out[k];
            n->state = 2;
        }
    }
}

void tensorflow_read_exit(struct tensorflow_op *o)
{
    struct tensorflow_scope *s = o->scope;
    struct frame f;
    struct value *out[TENSORFLOW_OUTPUTS];
    struct tensorflow_loop l = {.o = o, .look = s, .data = &f, .body = read_body, .condition = read_condition};
    find_frame(s, o->node, &f);
    l.count = f.count;
    if (!o->b->failed && ++s->r->depth > TENSORFLOW_DEPTH)
        build_fail(o->b, "loops more than %d deep", TENSORFLOW_DEPTH);
    for (int k = 0; k < f.count && !o->b->failed; k++) {
        char name[1024];
        snprintf(name, sizeof(name), "%.1000s:1", f.turn[k] ? f.turn[k]->name : "?");
        l.in[k] = tensorflow_scope_value(s, tensorflow_input(f.enter[k]->message, 0));
        l.arg[k] = arena_strdup(&s->r->arena, name, o->b->err);
        l.becomes[k] = tensorflow_input(f.next[k]->message, 0);
        build_check(o->b, l.arg[k] != NULL);
    }
    if (!o->b->failed && tensorflow_build_loop(&l, out) == 0)
        give_exits(s, &f, out);
    s->r->depth--;
}
