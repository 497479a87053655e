/* Loops whose rounds only a run counts: their block is run until it is known what a round hands on to the next, and
 * becomes the subgraph of a Loop. What it appends to a list, one item in each round, are the Loop's scan outputs. */
#include <stdlib.h>
#include <string.h>

#include "format/torch/flow.h"

#define MOST_GROWN  32
#define MOST_ROUNDS 12 /* in which a block is run: each but the last finds something that is handed on */

static const char not_one[] = "appends more than one item to a list, or sometimes none";
static const char by_two_names[] = "changes a list that a variable of it stands for too";

/* What a round hands on: a variable, or something that was made before the loop. */
struct carried {
    const char *name;            /* NULL: */
    struct torch_change changed; /* its kind, place and level */
    struct torch_value before;
    bool split; /* rounds leave it in ways that no graph can hand on: it must not be asked for */
};

struct loop {
    struct torch_reader *t;
    struct carried carried[TORCH_MOST_RESULTS];
    int count;
    struct torch_change grown[MOST_GROWN]; /* lists */
    bool numbers[MOST_GROWN];
    int grown_count;
    struct value *in[TORCH_MOST_RESULTS + 2]; /* of the Loop: rounds, condition, and the tensors and numbers carried */
    bool loose[TORCH_MOST_RESULTS];           /* whose sizes differ from round to round */
    int leaves;                               /* in the latter */
    bool again;                               /* something was found */
};

static void fail(struct loop *l, const char *does)
{
    l->t->ops.wants_shapes = true;
    build_fail(l->t->b, "a loop whose rounds only a run counts %s", does);
}

static void carry(struct loop *l, struct carried what)
{
    if (l->count == TORCH_MOST_RESULTS)
        build_fail(l->t->b, "a loop that changes more than %d things", TORCH_MOST_RESULTS);
    else
        l->carried[l->count++] = what;
    l->again = true;
}

static bool has_name(const struct loop *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (l->carried[i].name && strcmp(l->carried[i].name, name) == 0)
            return true;
    return false;
}

/* What the lines assign and the frame has already. */
static void find_names(struct torch_frame *f, struct loop *l, size_t line, size_t end)
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
            if (known && !has_name(l, at->text))
                carry(l, (struct carried){.name = at->text, .before = *known});
        }
    }
}

/* ---- values as inputs and outputs ---- */

static bool is_known_list(struct torch_value v, int depth)
{
    return (torch_is_list(v) || v.kind == TORCH_DICT) && !v.list->tail && !v.list->growing && depth < 8;
}

/* The tensors and numbers of a value are inputs of the Loop. */
static void take(struct loop *l, struct torch_value v, int depth)
{
    if (torch_is_graphable(v)) {
        if (l->leaves == TORCH_MOST_RESULTS)
            build_fail(l->t->b, "a loop that hands on more than %d values", TORCH_MOST_RESULTS);
        else
            l->in[2 + l->leaves++] = torch_graph_value(l->t, v);
    }
    for (size_t i = 0; is_known_list(v, depth) && i < v.list->count && !l->t->b->failed; i++) {
        torch_count_item(l->t);
        take(l, v.list->items[i], depth + 1);
    }
}

/* The same value of these tensors and numbers. */
static struct torch_value made_of(struct loop *l, struct torch_value v, struct value *const *values, int *next,
                                  int depth)
{
    if (torch_is_graphable(v)) {
        struct value *x = values[(*next)++];
        struct torch_value same = v.kind == TORCH_TENSOR ? torch_tensor(l->t, x) : torch_size(l->t, x);
        if (same.kind == TORCH_TENSOR)
            torch_stand_for(same.tensor, v);
        return same;
    }
    if (!is_known_list(v, depth))
        return v;
    struct torch_value list = torch_list(l->t, v.kind);
    for (size_t i = 0; i < v.list->count && !l->t->b->failed; i++)
        torch_append(l->t, list, made_of(l, v.list->items[i], values, next, depth + 1));
    return list;
}

/* Whether a value has the form of the one that went in, so that it can go on to the next round. */
static bool is_alike(struct loop *l, struct torch_value before, struct torch_value now, int depth)
{
    if (torch_is_graphable(before))
        return torch_is_graphable(now) && (before.kind == TORCH_TENSOR || now.kind != TORCH_TENSOR) &&
               torch_are_alike(before, now);
    if (!is_known_list(before, depth))
        return before.kind == now.kind && (before.list == now.list || torch_equal(l->t, before, now));
    if (before.kind != now.kind || now.list->tail || now.list->growing || now.list->count != before.list->count)
        return false;
    for (size_t i = 0; i < now.list->count; i++)
        if (!is_alike(l, before.list->items[i], now.list->items[i], depth + 1))
            return false;
    return true;
}

/* The sizes of input n are not those of what comes out. */
static void check_sizes(struct loop *l, int n, struct torch_value now)
{
    struct value *x = torch_graph_value(l->t, now);
    const struct type *in = &l->in[2 + n]->type, *out = x ? build_type(l->t->b, x) : NULL;
    bool same = out && in->rank == out->rank;
    for (int i = 0; same && i < in->rank; i++)
        same = in->dims[i] == out->dims[i];
    if (!same && !l->loose[n])
        l->loose[n] = l->again = true;
}

/* What a round hands on. */
static void give(struct loop *l, struct torch_value before, struct torch_value now, int *next, int depth)
{
    if (torch_is_graphable(before)) {
        int n = (*next)++;
        if (n >= l->leaves)
            fail(l, by_two_names);
        else
            check_sizes(l, n, now);
        if (!l->t->b->failed)
            torch_block_output(l->t, now, l->in[2 + n]->type.dtype);
        return;
    }
    for (size_t i = 0; is_known_list(before, depth) && i < before.list->count && !l->t->b->failed; i++)
        give(l, before.list->items[i], now.list->items[i], next, depth + 1);
}

/* ---- what is carried, set and read ---- */

static struct torch_value value_of(struct torch_frame *f, const struct carried *c)
{
    if (c->name)
        return *torch_local(f, c->name);
    if (c->changed.kind == TORCH_CHANGED_LIST)
        return (struct torch_value){.kind = TORCH_LIST, .list = c->changed.what};
    if (c->changed.kind == TORCH_CHANGED_TENSOR)
        return (struct torch_value){.kind = TORCH_TENSOR, .tensor = c->changed.what};
    return ((struct torch_attr *)c->changed.what)->value;
}

static void set(struct torch_frame *f, const struct carried *c, struct torch_value v)
{
    struct torch_list *list = c->changed.what;
    if (c->name) {
        torch_assign(f, c->name, c->split ? (struct torch_value){.kind = TORCH_SPLIT} : v);
        return;
    }
    torch_change_again(f->t, &c->changed);
    if (f->t->b->failed)
        return;
    if (c->changed.kind == TORCH_CHANGED_LIST) {
        list->items = v.list->items;
        list->count = v.list->count;
        list->cap = v.list->cap;
    } else if (c->changed.kind == TORCH_CHANGED_TENSOR) {
        ((struct torch_tensor *)c->changed.what)->value = v.tensor->value;
    } else {
        ((struct torch_attr *)c->changed.what)->value = v;
    }
}

static void set_all(struct torch_frame *f, struct loop *l, struct value *const *values)
{
    for (int i = 0, next = 0; i < l->count && !f->t->b->failed; i++) {
        struct torch_value v = l->carried[i].split ? torch_none() : made_of(l, l->carried[i].before, values, &next, 0);
        if (!f->t->b->failed)
            set(f, &l->carried[i], v);
    }
}

/* A list that a round appends to is empty before it. */
static void empty(struct loop *l, const struct torch_change *grown)
{
    struct torch_list *list = grown->what;
    torch_change_again(l->t, grown);
    *list = (struct torch_list){.level = list->level, .growing = true};
}

/* What was carried without being so: it is found when the block has been run, and run again. */
static void find_changes(struct loop *l, const struct torch_changes *changes)
{
    for (const struct torch_change *c = changes->first; c && !l->t->b->failed; c = c->next) {
        bool known = false;
        for (int i = 0; i < l->count; i++)
            known = known || (!l->carried[i].name && l->carried[i].changed.what == c->what);
        for (int i = 0; i < l->grown_count; i++)
            known = known || l->grown[i].what == c->what;
        if (known)
            continue;
        struct carried what = {.changed = *c};
        const struct torch_list *now = &c->other.list, *before = c->what;
        struct torch_value copy = torch_list(l->t, TORCH_LIST);
        if (c->kind == TORCH_CHANGED_LIST && now->unknown && !before->unknown)
            fail(l, not_one);
        if (c->kind == TORCH_CHANGED_LIST && now->count == before->count + 1 && now->tail == before->tail &&
            l->grown_count < MOST_GROWN) {
            l->numbers[l->grown_count] = now->items[before->count].kind != TORCH_TENSOR;
            l->grown[l->grown_count++] = *c;
            l->again = true;
            continue;
        }
        if (c->kind == TORCH_CHANGED_LIST && (now->count != before->count || now->tail || before->tail))
            fail(l, "changes the length of a list otherwise than by appending one item in each");
        what.before = value_of(NULL, &what);
        for (size_t i = 0; c->kind == TORCH_CHANGED_LIST && i < before->count; i++)
            torch_append(l->t, copy, before->items[i]);
        if (c->kind == TORCH_CHANGED_LIST)
            what.before = copy;
        carry(l, what);
    }
}

/* ---- the subgraph ---- */

/* An input for what a round hands on. */
static struct value *add_input(struct loop *l, int n)
{
    const struct type *type = build_type(l->t->b, l->in[2 + n]);
    int64_t dims[TENSOR_MAX_RANK];
    for (int k = 0; type && k < type->rank; k++)
        dims[k] = l->loose[n] ? DIM_UNKNOWN : type->dims[k];
    return type ? build_input(l->t->b, NULL, type->dtype, type->rank, dims) : NULL;
}

static void give_all(struct torch_frame *f, struct loop *l)
{
    bool splits = false; /* then the subgraph is made again without what does */
    int next = 0;
    for (int i = 0; i < l->count && !f->t->b->failed; i++) {
        struct carried *c = &l->carried[i];
        struct torch_value now = value_of(f, c);
        bool alike = c->split || is_alike(l, c->before, now, 0);
        if (alike && !c->split && !splits)
            give(l, c->before, now, &next, 0);
        if (alike)
            continue;
        if (!c->name)
            fail(l, "gives something another form");
        c->split = splits = l->again = true;
    }
    if (!splits && next != l->leaves)
        fail(l, by_two_names);
    for (int i = 0; i < l->grown_count && !f->t->b->failed && !l->again; i++) {
        const struct torch_list *list = l->grown[i].what;
        if (list->count != 1 || list->tail || list->unknown)
            fail(l, not_one);
        else if (!torch_are_alike(list->items[0], torch_none()))
            fail(l, "appends what is no plain tensor to a list");
        else
            torch_block_output(l->t, list->items[0], DTYPE_NONE);
    }
}

/* The number of the round, whether to go on, and what the last one handed on. */
static struct graph *run_body(struct torch_frame *f, struct loop *l, const struct torch_loop *of)
{
    struct torch_reader *t = f->t;
    struct torch_block k = {0};
    struct value *inputs[TORCH_MOST_RESULTS];
    struct torch_outer outer = torch_block_enter(f, &k);
    struct value *round = build_input(t->b, NULL, DTYPE_I64, 0, NULL);
    build_input(t->b, NULL, DTYPE_BOOL, 0, NULL);
    for (int i = 0; i < l->leaves && !t->b->failed; i++)
        inputs[i] = add_input(l, i);
    set_all(&k.frame, l, inputs);
    for (int i = 0; i < l->grown_count && !t->b->failed; i++)
        empty(l, &l->grown[i]);
    if (of->counter)
        torch_assign(&k.frame, of->counter, torch_size(t, round));
    torch_block(&k.frame, of->line, of->indent);
    struct torch_cursor c = of->condition;
    struct torch_value again = c.at ? torch_expression(&k.frame, &c) : torch_bool(true);
    if (!t->b->failed)
        build_body_output(t->b, torch_truth_value(t, again));
    if (!t->b->failed)
        give_all(&k.frame, l);
    torch_block_leave(f, &k, outer);
    find_changes(l, &k.changes);
    lookup_release(&k.frame.names);
    return k.graph;
}

/* Runs the block until nothing more is found. */
static struct graph *find_body(struct torch_frame *f, struct loop *l, const struct torch_loop *of)
{
    struct graph *body = NULL;
    l->again = true;
    for (int n = 0; l->again && !l->t->b->failed; n++) {
        if (body)
            torch_block_discard(l->t->b, body);
        if (n == MOST_ROUNDS)
            build_fail(l->t->b, "a loop in which it is not found what each round hands on to the next");
        l->again = false;
        l->leaves = 0;
        for (int i = 0; i < l->count && !l->t->b->failed; i++)
            if (!l->carried[i].split)
                take(l, l->carried[i].before, 0);
        build_infer(l->t->b);
        if (!l->t->b->failed)
            body = run_body(f, l, of);
    }
    return body;
}

/* Behind what a list had comes what the rounds appended. */
static void grow(struct loop *l, int i, struct value *more)
{
    struct torch_list *list = l->grown[i].what;
    torch_change_again(l->t, &l->grown[i]);
    if (l->t->b->failed)
        return;
    list->tail = list->tail ? BUILD(l->t->b, "Concat/axis=0", list->tail, more) : more;
    list->tail_numbers = l->numbers[i];
}

static void make_node(struct torch_frame *f, struct loop *l, struct graph *body)
{
    struct build *b = f->t->b;
    struct value *out[TORCH_MOST_RESULTS + MOST_GROWN];
    int outs = l->leaves + l->grown_count;
    if (outs == 0) {
        torch_block_discard(b, body);
        return;
    }
    struct value *v = build_node(b, "Loop", l->leaves + 2, l->in);
    build_check(b, v && node_set_graph(v->producer, "body", body, b->err) == 0);
    for (int i = 0; i < outs && !b->failed; i++)
        out[i] = build_output(b, v, i);
    set_all(f, l, out);
    for (int i = 0; i < l->grown_count && !b->failed; i++)
        grow(l, i, out[l->leaves + i]);
}

void torch_loop(struct torch_frame *f, const struct torch_loop *of)
{
    struct torch_reader *t = f->t;
    struct loop *l = mem_calloc(1, sizeof(*l), t->b->err);
    build_check(t->b, l != NULL);
    if (!l)
        return;
    l->t = t;
    l->in[0] = of->counter ? torch_graph_value(t, of->start) : NULL;
    l->in[1] = of->counter ? NULL : torch_truth_value(t, of->start);
    find_names(f, l, of->line, of->end);
    struct graph *body = find_body(f, l, of);
    if (!t->b->failed)
        make_node(f, l, body);
    free(l);
}
