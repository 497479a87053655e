/* Branches that only a run decides: their blocks are run once, each into a subgraph. What a block assigns stays in a
 * frame of its own, and what it changes is kept apart (change.c), so that it is known what an If gives. */
#include <stdlib.h>
#include <string.h>

#include "format/torch/flow.h"

/* ---- subgraphs ---- */

struct torch_outer torch_block_enter(struct torch_frame *f, struct torch_block *k)
{
    struct torch_reader *t = f->t;
    if (!k->graph && ++t->subgraphs > TORCH_SUBGRAPHS)
        build_fail(t->b, "more than %d branches and loops depend on what only a run tells", TORCH_SUBGRAPHS);
    size_t values = t->b->failed ? 0 : t->b->graph->value_count;
    struct torch_outer outer = {build_enter(t->b, k->graph), t->changes, values};
    t->values += values - (k->graph ? k->graph->value_count : 0);
    if (!k->graph)
        k->frame = (struct torch_frame){.t = t, .source = f->source, .outer = f};
    t->changes = &k->changes;
    t->level++;
    return outer;
}

void torch_block_leave(struct torch_frame *f, struct torch_block *k, struct torch_outer outer)
{
    struct torch_reader *t = f->t;
    k->graph = build_leave(t->b, outer.build);
    t->values += (k->graph ? k->graph->value_count : 0) - outer.values;
    t->changes = outer.changes;
    t->level--;
    torch_changes_swap(&k->changes);
    if (k->frame.returned)
        build_fail(t->b, "a function is left within a branch or loop that only a run decides");
}

void torch_block_discard(struct build *b, struct graph *graph)
{
    build_infer(b);
    struct node *n = b->failed ? NULL : graph_add_node(b->graph, "", "Loop", NULL, b->err);
    build_check(b, n && node_set_graph(n, "body", graph, b->err) == 0);
    if (n)
        graph_remove_node(n);
}

bool torch_is_graphable(struct torch_value v)
{
    return v.kind == TORCH_TENSOR || v.kind == TORCH_SIZE || torch_is_number(v);
}

enum dtype torch_value_dtype(struct torch_reader *t, struct torch_value v)
{
    static const enum dtype dtypes[] = {[TORCH_BOOL] = DTYPE_BOOL, [TORCH_INT] = DTYPE_I64, [TORCH_FLOAT] = DTYPE_F32};
    const struct type *type = v.kind == TORCH_TENSOR || v.kind == TORCH_SIZE ? build_type(t->b, v.tensor->value) : NULL;
    return type ? type->dtype : torch_is_number(v) ? dtypes[v.kind] : DTYPE_NONE;
}

void torch_block_output(struct torch_reader *t, struct torch_value v, enum dtype dtype)
{
    struct value *x = torch_graph_value(t, v);
    enum dtype own = torch_value_dtype(t, v);
    const struct type *type = x ? build_type(t->b, x) : NULL;
    if (!x)
        build_fail(t->b, "a branch or loop that only a run decides gives None");
    if (type && type->rank > 0 && dtype_info(own)->class == DTYPE_CLASS_FLOAT &&
        dtype_info(dtype)->class == DTYPE_CLASS_INT)
        torch_fail_open(t, "a tensor has whole numbers or others, as only a run decides");
    if (!t->b->failed && dtype != DTYPE_NONE && own != dtype)
        x = build_cast(t->b, x, dtype);
    if (!t->b->failed)
        build_body_output(t->b, x);
}

struct value *torch_truth_value(struct torch_reader *t, struct torch_value v)
{
    struct value *x = torch_graph_value(t, v);
    if (!x)
        build_fail(t->b, "a branch or loop is decided by None");
    return build_reshape(t->b, build_cast(t->b, x, DTYPE_BOOL), 0, NULL);
}

/* ---- what both branches give ---- */

struct merge {
    struct torch_reader *t;
    struct torch_block yes, no;
    struct torch_value of_yes[TORCH_MOST_RESULTS], of_no[TORCH_MOST_RESULTS];
    struct torch_tensor *result[TORCH_MOST_RESULTS];
    int count;
    struct value *condition;
};

/* A tensor as the block left it. */
static struct torch_value as_left(struct torch_reader *t, const struct torch_block *k, struct torch_value v)
{
    bool is_tensor = v.kind == TORCH_TENSOR || v.kind == TORCH_SIZE;
    const struct torch_change *c = is_tensor ? torch_change_of(&k->changes, v.tensor) : NULL;
    struct torch_tensor *copy = c ? arena_alloc(&t->arena, sizeof(*copy), t->b->err) : NULL;
    build_check(t->b, !c || copy);
    if (copy) {
        *copy = c->other.tensor;
        v.tensor = copy;
    }
    return v;
}

/* Whether it is a part of another tensor, which changes where this one is changed in place. */
bool torch_is_part(struct torch_value v)
{
    return v.kind == TORCH_TENSOR && (v.tensor->base || v.tensor->lost);
}

bool torch_are_alike(struct torch_value a, struct torch_value b)
{
    struct torch_tensor plain = {0};
    const struct torch_tensor *x = a.kind == TORCH_TENSOR ? a.tensor : &plain,
                              *y = b.kind == TORCH_TENSOR ? b.tensor : &plain;
    return !x->kept && !y->kept && x->complex == y->complex && x->scale == y->scale && x->zero == y->zero;
}

void torch_stand_for(struct torch_tensor *to, struct torch_value of)
{
    if (of.kind != TORCH_TENSOR)
        return;
    to->lost = to->lost || torch_is_part(of);
    to->complex = of.tensor->complex;
    to->scale = of.tensor->scale;
    to->zero = of.tensor->zero;
}

/* `to` becomes one or the other. */
static void choose_between(struct merge *m, struct torch_value yes, struct torch_value no, struct torch_tensor *to)
{
    if (m->count == TORCH_MOST_RESULTS) {
        build_fail(m->t->b, "a branch with more than %d results", TORCH_MOST_RESULTS);
        return;
    }
    m->of_yes[m->count] = as_left(m->t, &m->yes, yes);
    m->of_no[m->count] = as_left(m->t, &m->no, no);
    m->result[m->count++] = to;
}

static struct torch_value merge(struct merge *m, struct torch_value yes, struct torch_value no, int depth);

/* Whether a list is one that a block made, and of a known length. */
static bool is_fresh_list(const struct torch_block *k, struct torch_value v)
{
    return (torch_is_list(v) || v.kind == TORCH_DICT) && !v.list->tail && !v.list->growing &&
           !torch_change_of(&k->changes, v.list);
}

static struct torch_value merge_items(struct merge *m, const struct torch_list *yes, const struct torch_list *no,
                                      enum torch_kind kind, int depth)
{
    struct torch_value both = torch_list(m->t, kind);
    for (size_t i = 0; i < yes->count && !m->t->b->failed; i++)
        torch_append(m->t, both, merge(m, yes->items[i], no->items[i], depth + 1));
    return both;
}

/* A value that is one or the other. */
static struct torch_value merge(struct merge *m, struct torch_value yes, struct torch_value no, int depth)
{
    struct torch_value split = {.kind = TORCH_SPLIT}, both;
    if (yes.kind == no.kind && yes.list == no.list && !torch_is_number(yes))
        return yes; /* the same object: what was changed of it is merged apart */
    if (yes.kind != TORCH_OBJECT && !torch_is_list(yes) && yes.kind != TORCH_DICT && torch_equal(m->t, yes, no))
        return yes;
    if (torch_is_graphable(yes) && torch_is_graphable(no) && torch_are_alike(yes, no)) {
        bool tensor = yes.kind == TORCH_TENSOR || no.kind == TORCH_TENSOR;
        both = tensor ? torch_tensor(m->t, m->condition) : torch_size(m->t, m->condition);
        if (!m->t->b->failed) {
            torch_stand_for(both.tensor, yes);
            torch_stand_for(both.tensor, no);
            choose_between(m, yes, no, both.tensor);
        }
        return both;
    }
    bool lists = yes.kind == no.kind && is_fresh_list(&m->yes, yes) && is_fresh_list(&m->no, no) &&
                 yes.list->count == no.list->count && depth < 8;
    return lists ? merge_items(m, yes.list, no.list, yes.kind, depth) : split;
}

/* All names that `one` assigned, and the other, or its outer frame, has too. A name of one branch alone is not used
 * behind both. */
static void merge_names(struct merge *m, struct torch_frame *f, struct torch_block *one, struct torch_block *other)
{
    const struct lookup *names = &one->frame.names;
    for (size_t i = 0; i < names->cap && !m->t->b->failed; i++) {
        const char *name = names->slots[i].name;
        struct torch_value *here = names->slots[i].what, *there = name ? torch_local(&other->frame, name) : NULL;
        if (!name || !there || (one == &m->no && lookup_find(&other->frame.names, name)))
            continue;
        torch_assign(f, name, one == &m->yes ? merge(m, *here, *there, 0) : merge(m, *there, *here, 0));
    }
}

/* ---- what both branches changed ---- */

/* Keys of one branch alone are there too, but not to be asked for. */
static struct torch_value merge_dicts(struct merge *m, struct torch_value yes, struct torch_value no)
{
    struct torch_value both = torch_list(m->t, TORCH_DICT), split = {.kind = TORCH_SPLIT};
    for (size_t i = 0; i + 1 < yes.list->count && !m->t->b->failed; i += 2) {
        const struct torch_value *key = &yes.list->items[i], *there = torch_find_key(m->t, no, *key);
        torch_append(m->t, both, *key);
        torch_append(m->t, both, there ? merge(m, key[1], *there, 0) : split);
    }
    for (size_t i = 0; i + 1 < no.list->count && !m->t->b->failed; i += 2)
        if (!torch_find_key(m->t, yes, no.list->items[i])) {
            torch_append(m->t, both, no.list->items[i]);
            torch_append(m->t, both, split);
        }
    return both;
}

/* Of lists of different lengths nothing is known. One of both may be `list` itself. */
static void merge_list(struct merge *m, struct torch_list *list, const struct torch_list *yes,
                       const struct torch_list *no)
{
    struct torch_value a = {.kind = TORCH_DICT, .list = (struct torch_list *)yes}, items = torch_list(m->t, TORCH_LIST),
                       b = {.kind = TORCH_DICT, .list = (struct torch_list *)no};
    bool alike = yes->count == no->count && yes->tail == no->tail;
    if (list->is_dict)
        items = merge_dicts(m, a, b);
    else if (alike)
        items = merge_items(m, yes, no, TORCH_LIST, 0);
    list->unknown = yes->unknown || no->unknown || (!alike && !list->is_dict);
    list->growing = yes->growing || no->growing || list->unknown;
    if (m->t->b->failed)
        return;
    list->items = items.list->items;
    list->count = items.list->count;
    list->cap = items.list->cap;
    list->tail = yes->tail;
}

static void merge_tensor(struct merge *m, struct torch_tensor *tensor)
{
    struct torch_value v = {.kind = TORCH_TENSOR, .tensor = tensor};
    choose_between(m, v, v, tensor);
}

/* What `one` changed, and, where `one` is `no`, the other did not. */
static void merge_changes(struct merge *m, const struct torch_block *one, const struct torch_block *other)
{
    for (const struct torch_change *c = one->changes.first; c && !m->t->b->failed; c = c->next) {
        const struct torch_change *there = torch_change_of(&other->changes, c->what);
        if (one == &m->no && there)
            continue;
        const struct torch_change *yes = one == &m->yes ? c : there, *no = one == &m->yes ? there : c;
        torch_change_again(m->t, c);
        if (c->kind == TORCH_CHANGED_TENSOR) {
            merge_tensor(m, c->what);
        } else if (c->kind == TORCH_CHANGED_LIST) {
            merge_list(m, c->what, yes ? &yes->other.list : c->what, no ? &no->other.list : c->what);
        } else {
            struct torch_attr *a = c->what;
            a->value = merge(m, yes ? yes->other.attr.value : a->value, no ? no->other.attr.value : a->value, 0);
        }
    }
}

/* ---- the whole ---- */

/* The results of a branch become outputs of its subgraph. */
static void give_all(struct merge *m, const struct torch_block *k, const struct torch_value *values)
{
    struct torch_reader *t = m->t;
    struct build outer = build_enter(t->b, k->graph);
    for (int i = 0; i < m->count && !t->b->failed; i++)
        torch_block_output(t, values[i], torch_value_dtype(t, m->of_yes[i]));
    build_leave(t->b, outer);
}

static void choose(struct merge *m)
{
    struct torch_reader *t = m->t;
    if (m->count == 0) {
        torch_block_discard(t->b, m->yes.graph);
        torch_block_discard(t->b, m->no.graph);
    }
    if (m->count == 0 || t->b->failed)
        return;
    give_all(m, &m->yes, m->of_yes);
    give_all(m, &m->no, m->of_no);
    struct value *v = BUILD(t->b, "If", m->condition);
    build_check(t->b, v && node_set_graph(v->producer, "then_branch", m->yes.graph, t->b->err) == 0 &&
                          node_set_graph(v->producer, "else_branch", m->no.graph, t->b->err) == 0);
    for (int i = 0; i < m->count && !t->b->failed; i++)
        m->result[i]->value = build_output(t->b, v, i);
}

static void settle_value(struct torch_reader *t, struct torch_value v, int depth)
{
    if (v.kind == TORCH_TENSOR)
        torch_current(t, v.tensor);
    for (size_t i = 0; torch_is_list(v) && i < v.list->count && depth < 4 && !t->b->failed; i++) {
        torch_count_item(t);
        settle_value(t, v.list->items[i], depth + 1);
    }
}

/* Views that the block left are made anew while what it changed is still there. */
static void settle(struct torch_reader *t, const struct torch_block *k)
{
    for (const struct torch_change *c = k->changes.first; c && !t->b->failed; c = c->next)
        if (c->kind == TORCH_CHANGED_TENSOR)
            torch_current(t, c->what);
    for (size_t i = 0; i < k->frame.names.cap && !t->b->failed; i++)
        if (k->frame.names.slots[i].name)
            settle_value(t, *(struct torch_value *)k->frame.names.slots[i].what, 0);
}

static void run_block(struct torch_frame *f, struct torch_block *k, size_t line, int indent)
{
    struct torch_outer outer = torch_block_enter(f, k);
    if (line)
        torch_block(&k->frame, line, indent);
    settle(f->t, k);
    torch_block_leave(f, k, outer);
}

static void merge_all(struct torch_frame *f, struct merge *m)
{
    f->t->settled = true;
    merge_names(m, f, &m->yes, &m->no);
    merge_names(m, f, &m->no, &m->yes);
    merge_changes(m, &m->yes, &m->no);
    merge_changes(m, &m->no, &m->yes);
    choose(m);
    f->t->settled = false;
}

static int rank_of(struct torch_reader *t, struct torch_value v)
{
    const struct type *type = v.kind == TORCH_TENSOR && !t->b->failed ? build_type(t->b, v.tensor->value) : NULL;
    return type ? type->rank : -1;
}

/* Whether what `one` assigned has another number of axes than in the other, or before. */
static bool ranks_differ(const struct merge *m, const struct torch_block *one, const struct torch_block *other)
{
    const struct lookup *names = &one->frame.names;
    for (size_t i = 0; i < names->cap; i++) {
        struct torch_value *there =
            names->slots[i].name ? torch_local((struct torch_frame *)&other->frame, names->slots[i].name) : NULL;
        int here = there ? rank_of(m->t, *(struct torch_value *)names->slots[i].what) : -1;
        if (here >= 0 && there->kind == TORCH_TENSOR && here != rank_of(m->t, *there))
            return true;
    }
    return false;
}

/* Whether a condition asks if something is not empty: 1, if it is: 0; -1: it asks for something else. */
static int asks_for_items(const struct value *v)
{
    static const struct {
        const char *op;
        int64_t number; /* behind, or, first, before it */
        bool first, answer;
    } rows[] = {{"Greater", 0, false, true},    {"GreaterOrEqual", 1, false, true}, {"Less", 0, true, true},
                {"LessOrEqual", 1, true, true}, {"Equal", 0, false, false},         {"Equal", 0, true, false}};
    const struct node *n = v->producer;
    while (n && (node_is(n, "Reshape") || node_is(n, "Cast") || node_is(n, "Squeeze")))
        n = n->in[0]->producer;
    bool inverts = n && node_is(n, "Not");
    n = inverts ? n->in[0]->producer : n;
    for (size_t i = 0; n && i < sizeof(rows) / sizeof(*rows); i++) {
        const struct value *number = node_in(n, rows[i].first ? 0 : 1);
        const struct tensor *t = number ? number->constant : NULL;
        if (node_is(n, rows[i].op) && t && t->count == 1 && dtype_info(t->dtype)->class == DTYPE_CLASS_INT &&
            tensor_get_i64(t, 0) == rows[i].number)
            return rows[i].answer != inverts;
    }
    return -1;
}

/* A branch for what is empty, which has fewer axes: it is taken to be not so. */
static bool takes_items(struct torch_frame *f, struct merge *m, size_t yes, size_t no, int indent)
{
    bool differ = !f->t->b->failed && (ranks_differ(m, &m->yes, &m->no) || ranks_differ(m, &m->no, &m->yes));
    int answer = differ ? asks_for_items(m->condition) : -1;
    if (answer < 0)
        return false;
    torch_block_discard(f->t->b, m->yes.graph);
    torch_block_discard(f->t->b, m->no.graph);
    if (answer ? yes : no)
        torch_block(f, answer ? yes : no, indent);
    return true;
}

void torch_branch(struct torch_frame *f, struct torch_value condition, size_t yes, size_t no, int indent)
{
    struct torch_reader *t = f->t;
    struct merge *m = mem_calloc(1, sizeof(*m), t->b->err);
    build_check(t->b, m != NULL);
    if (!m)
        return;
    m->t = t;
    m->condition = torch_truth_value(t, condition);
    run_block(f, &m->yes, yes, indent);
    run_block(f, &m->no, no, indent);
    if (!takes_items(f, m, yes, no, indent))
        merge_all(f, m);
    lookup_release(&m->yes.frame.names);
    lookup_release(&m->no.frame.names);
    free(m);
}

/* ---- what stays ---- */

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
