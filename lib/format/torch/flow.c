/* Branches and loops that only a run decides: their blocks are run once, each into a subgraph. What a block assigns
 * stays in a frame of its own, so that it is known what an If or Loop gives. */
#include <stdlib.h>
#include <string.h>

#include "format/torch/torch.h"

#define MOST_RESULTS 256 /* of a branch or loop */

/* ---- subgraphs ---- */

struct block {
    struct torch_frame frame;
    struct graph *graph;
};

/* Runs what `run` does with the frame, in a new subgraph or, where there is one, that. */
static struct build enter(struct torch_frame *f, struct block *k)
{
    if (!k->graph && ++f->t->subgraphs > TORCH_SUBGRAPHS)
        build_fail(f->t->b, "more than %d branches and loops depend on what only a run tells", TORCH_SUBGRAPHS);
    struct build outer = build_enter(f->t->b, k->graph);
    if (!k->graph)
        k->frame = (struct torch_frame){.t = f->t, .source = f->source, .outer = f};
    f->t->level++;
    return outer;
}

static void leave(struct torch_frame *f, struct block *k, struct build outer)
{
    k->graph = build_leave(f->t->b, outer);
    f->t->level--;
    if (k->frame.returned)
        build_fail(f->t->b, "a function is left within a branch or loop that only a run decides");
}

static bool is_graphable(struct torch_value v)
{
    return v.kind == TORCH_TENSOR || v.kind == TORCH_SIZE || torch_is_number(v);
}

static enum dtype dtype_of(struct torch_reader *t, struct torch_value v)
{
    static const enum dtype dtypes[] = {[TORCH_BOOL] = DTYPE_BOOL, [TORCH_INT] = DTYPE_I64, [TORCH_FLOAT] = DTYPE_F32};
    const struct type *type = v.kind == TORCH_TENSOR || v.kind == TORCH_SIZE ? build_type(t->b, v.tensor->value) : NULL;
    return type ? type->dtype : torch_is_number(v) ? dtypes[v.kind] : DTYPE_NONE;
}

/* The next output of the subgraph that is being filled. */
static void give(struct torch_reader *t, struct torch_value v, enum dtype dtype)
{
    struct value *x = torch_graph_value(t, v);
    if (x && dtype != DTYPE_NONE && dtype_of(t, v) != dtype)
        x = build_cast(t->b, x, dtype);
    build_body_output(t->b, x);
}

static struct value *truth_value(struct torch_reader *t, struct torch_value v)
{
    return build_reshape(t->b, build_cast(t->b, torch_graph_value(t, v), DTYPE_BOOL), 0, NULL);
}

/* ---- branches ---- */

struct merge {
    struct torch_reader *t;
    struct block yes, no;
    struct torch_value of_yes[MOST_RESULTS], of_no[MOST_RESULTS];
    struct torch_tensor *result[MOST_RESULTS];
    int count;
    struct value *condition;
};

/* A value that is one or the other; false: they are nothing that a graph can choose between. */
static bool merge(struct merge *m, struct torch_value yes, struct torch_value no, struct torch_value *both, int depth)
{
    if (torch_equal(yes, no) || (yes.kind == no.kind && yes.kind == TORCH_TENSOR && yes.tensor == no.tensor)) {
        *both = yes;
        return true;
    }
    if (is_graphable(yes) && is_graphable(no) && m->count < MOST_RESULTS) {
        bool tensor = yes.kind == TORCH_TENSOR || no.kind == TORCH_TENSOR;
        *both = tensor ? torch_tensor(m->t, m->condition) : torch_size(m->t, m->condition);
        m->of_yes[m->count] = yes;
        m->of_no[m->count] = no;
        m->result[m->count++] = both->tensor;
        return !m->t->b->failed;
    }
    if (!torch_is_list(yes) || !torch_is_list(no) || yes.list->count != no.list->count || depth > 8)
        return false;
    *both = torch_list(m->t, yes.kind);
    for (size_t i = 0; i < yes.list->count && !m->t->b->failed; i++) {
        struct torch_value item = torch_none();
        if (!merge(m, yes.list->items[i], no.list->items[i], &item, depth + 1))
            return false;
        torch_append(m->t, *both, item);
    }
    return true;
}

/* All names that `one` assigned, and the other, or its outer frame, has too. A name of one branch alone is not used
 * behind both. */
static void merge_names(struct merge *m, struct torch_frame *f, struct block *one, struct block *other)
{
    const struct lookup *names = &one->frame.names;
    for (size_t i = 0; i < names->cap && !m->t->b->failed; i++) {
        const char *name = names->slots[i].name;
        struct torch_value *here = names->slots[i].what, *there = name ? torch_local(&other->frame, name) : NULL, both;
        if (!name || !there || (one == &m->no && lookup_find(&other->frame.names, name)))
            continue;
        if (one == &m->yes ? merge(m, *here, *there, &both, 0) : merge(m, *there, *here, &both, 0))
            torch_assign(f, name, both);
    }
}

/* The results of a branch become outputs of its subgraph. */
static void give_all(struct torch_frame *f, struct merge *m, struct block *k, const struct torch_value *values)
{
    struct build outer = enter(f, k);
    for (int i = 0; i < m->count && !f->t->b->failed; i++)
        give(f->t, values[i], dtype_of(f->t, m->of_yes[i]));
    leave(f, k, outer);
}

static void choose(struct torch_frame *f, struct merge *m)
{
    struct torch_reader *t = f->t;
    if (m->count == 0 || t->b->failed)
        return;
    give_all(f, m, &m->yes, m->of_yes);
    give_all(f, m, &m->no, m->of_no);
    struct value *v = BUILD(t->b, "If", m->condition);
    build_check(t->b, v && node_set_graph(v->producer, "then_branch", m->yes.graph, t->b->err) == 0 &&
                          node_set_graph(v->producer, "else_branch", m->no.graph, t->b->err) == 0);
    for (int i = 0; i < m->count && !t->b->failed; i++)
        m->result[i]->value = build_output(t->b, v, i);
}

void torch_branch(struct torch_frame *f, struct torch_value condition, size_t yes, size_t no, int indent)
{
    struct torch_reader *t = f->t;
    struct merge *m = mem_calloc(1, sizeof(*m), t->b->err);
    build_check(t->b, m != NULL);
    if (!m)
        return;
    m->t = t;
    m->condition = truth_value(t, condition);
    struct build outer = enter(f, &m->yes);
    torch_block(&m->yes.frame, yes, indent);
    leave(f, &m->yes, outer);
    outer = enter(f, &m->no);
    if (no)
        torch_block(&m->no.frame, no, indent);
    leave(f, &m->no, outer);
    merge_names(m, f, &m->yes, &m->no);
    merge_names(m, f, &m->no, &m->yes);
    choose(f, m);
    lookup_release(&m->yes.frame.names);
    lookup_release(&m->no.frame.names);
    free(m);
}

/* ---- loops ---- */

struct loop {
    const char *names[MOST_RESULTS]; /* what a round hands on to the next */
    bool sizes[MOST_RESULTS];
    struct value *in[MOST_RESULTS + 2];
    int count;
};

static bool has_name(const struct loop *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->names[i], name) == 0)
            return true;
    return false;
}

/* What the lines assign and the frame has already. */
static void find_carried(struct torch_frame *f, struct loop *l, size_t line, size_t end)
{
    for (; line < end && !f->t->b->failed; line++) {
        const struct torch_line *text = &f->source->lines[line];
        const struct torch_token *equal = text->at;
        while (equal < text->end && (equal->kind != TOKEN_SIGN || !strchr("=:([", *equal->text)))
            equal++;
        if (equal == text->end || (strcmp(equal->text, "=") != 0 && strcmp(equal->text, ":") != 0))
            continue;
        for (const struct torch_token *at = text->at; at < equal; at++) {
            struct torch_value *known = at->kind == TOKEN_NAME ? torch_local(f, at->text) : NULL;
            if (!known || has_name(l, at->text) || !is_graphable(*known) || l->count == MOST_RESULTS)
                continue;
            l->sizes[l->count] = known->kind != TORCH_TENSOR;
            l->in[2 + l->count] = torch_graph_value(f->t, *known);
            l->names[l->count++] = at->text;
        }
    }
}

/* An input for what a round hands on: its sizes may differ from round to round. */
static void add_carried(struct torch_frame *f, const struct loop *l, int i)
{
    struct build *b = f->t->b;
    const struct type *type = build_type(b, l->in[2 + i]);
    int64_t dims[TENSOR_MAX_RANK];
    for (int k = 0; type && k < type->rank; k++)
        dims[k] = DIM_UNKNOWN;
    struct value *v = type ? build_input(b, NULL, type->dtype, type->rank, dims) : NULL;
    torch_assign(f, l->names[i], l->sizes[i] ? torch_size(f->t, v) : torch_tensor(f->t, v));
}

/* The subgraph of a loop: the number of the round, whether to go on, and what the last one handed on. */
static struct graph *loop_body(struct torch_frame *f, const struct loop *l, const struct torch_loop *of)
{
    struct torch_reader *t = f->t;
    struct block k = {0};
    struct build outer = enter(f, &k);
    struct value *round = build_input(t->b, NULL, DTYPE_I64, 0, NULL);
    build_input(t->b, NULL, DTYPE_BOOL, 0, NULL);
    for (int i = 0; i < l->count && !t->b->failed; i++)
        add_carried(&k.frame, l, i);
    if (of->counter)
        torch_assign(&k.frame, of->counter, torch_size(t, round));
    torch_block(&k.frame, of->line, of->indent);
    struct torch_cursor c = of->condition;
    struct torch_value again = c.at ? torch_expression(&k.frame, &c) : torch_bool(true);
    if (!t->b->failed)
        build_body_output(t->b, truth_value(t, again));
    for (int i = 0; i < l->count && !t->b->failed; i++) {
        const struct type *type = &l->in[2 + i]->type;
        give(t, *torch_local(&k.frame, l->names[i]), type->dtype);
    }
    leave(f, &k, outer);
    lookup_release(&k.frame.names);
    return k.graph;
}

void torch_loop(struct torch_frame *f, const struct torch_loop *of)
{
    struct torch_reader *t = f->t;
    struct loop *l = mem_calloc(1, sizeof(*l), t->b->err);
    build_check(t->b, l != NULL);
    if (!l)
        return;
    l->in[0] = of->counter ? torch_graph_value(t, of->start) : NULL;
    l->in[1] = of->counter ? NULL : truth_value(t, of->start);
    find_carried(f, l, of->line, of->end);
    build_infer(t->b);
    struct graph *body = t->b->failed ? NULL : loop_body(f, l, of);
    struct value *v = build_node(t->b, "Loop", l->count + 2, l->in);
    build_check(t->b, v && node_set_graph(v->producer, "body", body, t->b->err) == 0);
    for (int i = 0; i < l->count && !t->b->failed; i++)
        build_output(t->b, v, i);
    for (int i = 0; i < l->count && !t->b->failed; i++) {
        struct value *out = build_output(t->b, v, i);
        torch_assign(f, l->names[i], l->sizes[i] ? torch_size(t, out) : torch_tensor(t, out));
    }
    free(l);
}

/* ---- what must not happen within ---- */

void torch_check_level(struct torch_reader *t, int level, const char *what)
{
    if (level < t->level)
        torch_fail_open(t, what);
}

struct torch_root torch_enter_root(struct torch_reader *t)
{
    struct torch_root kept = {*t->b, t->level};
    if (t->level == 0)
        return kept;
    kept.build = build_enter(t->b, t->b->graph->root);
    t->level = 0;
    return kept;
}

void torch_leave_root(struct torch_reader *t, struct torch_root kept)
{
    if (kept.level == 0)
        return;
    build_leave(t->b, kept.build);
    t->level = kept.level;
}
