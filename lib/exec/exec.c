#include "exec/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "exec/cut.h"
#include "exec/exec_private.h"
#include "exec/lower.h"
#include "exec/narrow.h"
#include "exec/widen.h"
#include "op/quant.h"
#include "pass/pass.h"
#include "pass/util.h"

/* Plans kept for as many different input shapes. */
#define EXEC_PLANS 8

/* ---- graphs that plans are made of ---- */

static bool has_known_dims(const struct node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] &&
            (n->in[i]->type.kind != TYPE_TENSOR || tensor_count(n->in[i]->type.rank, n->in[i]->type.dims) < 0))
            return false;
    return true;
}

/* Operators that are nothing but others, and have no kernel of their own, become those, which have. So do those of
 * whole numbers, `numbers`, although they can be evaluated. */
static int write_out(const struct kernels *k, struct graph *g, bool numbers, struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (strcmp(n->domain, "nn") != 0 || !n->def)
            continue;
        bool may = numbers ? n->op[0] == 'Q' && n->def->expand && has_known_dims(n) : !n->def->eval;
        if (may && !exec_lower_find(k, n) && pass_expand_node(n, err) < 0)
            return -1;
    }
    return 0;
}

/* Bytes become u8 where kernels take these as they are; where products take s8 too, only what is mostly zeros then,
 * such as results of a ReLU: bits that change cost power, and that speed, where tiles are multiplied. */
static int turn_bytes(const struct kernels *k, struct graph *g, struct error *err)
{
    return k->gemm_u8->a_offset ? 0 : op_turn_bytes(g, DTYPE_U8, k->gemm_s8->a_offset ? QUANT_ANY : 0, err);
}

/* Brings a graph, which may be replaced, to the form in which it is run. */
static int rewrite(const struct exec *e, struct graph **g, struct error *err)
{
    op_resolve(*g);
    (*g)->large_stay = true;
    if (op_infer_graph(*g, err) < 0 || write_out(e->kernels, *g, false, err) < 0)
        return -1;
    *g = widen_halves(*g, err);
    if (!*g || narrow_keep(*g, false, err) < 0 || turn_bytes(e->kernels, *g, err) < 0 ||
        pass_run_quantised(*g, err) < 0 || write_out(e->kernels, *g, true, err) < 0 ||
        pass_fake_quantize_wide(*g, err) < 0 || narrow_keep(*g, true, err) < 0)
        return -1;
    return pass_run_for_exec(*g, err);
}

/* What does not depend on the inputs' sizes is rewritten once, for the plans of all. A graph in which that cannot be
 * stays as it is: whoever wants a plan is told why. */
static void rewrite_once(struct exec *e)
{
    struct error ignored;
    struct graph *g = graph_clone(e->graph, &ignored);
    if (g && rewrite(e, &g, &ignored) == 0) {
        graph_free(e->graph);
        e->graph = g;
        e->is_rewritten = true;
    } else {
        graph_free(g);
    }
}

/* Whether all inputs are tensors of known sizes, so that there is one plan. */
static bool has_one_shape(const struct graph *g)
{
    for (size_t i = 0; i < g->input_count; i++) {
        const struct type *t = &g->inputs[i]->type;
        if (t->kind != TYPE_TENSOR || t->dtype == DTYPE_NONE || t->rank < 0)
            return false;
        for (int k = 0; k < t->rank; k++)
            if (t->dims[k] < 0)
                return false;
    }
    return true;
}

/* Of all constants, as f32 at least. */
static size_t weight_bytes(const struct graph *root)
{
    size_t bytes = 0;
    for (const struct graph *g = root; g; g = graph_next(root, g))
        for (size_t i = 0; i < g->value_count; i++) {
            const struct tensor *t = g->values[i] ? g->values[i]->constant : NULL;
            size_t wide = t ? (size_t)t->count * sizeof(float) : 0;
            bytes += t && t->size > wide ? t->size : wide;
        }
    return bytes;
}

/* Every run is given all inputs: what one is otherwise, which plans would take for its value, is for the caller. */
static void drop_defaults(struct graph *g)
{
    for (size_t i = 0; i < g->input_count; i++) {
        tensor_unref(g->inputs[i]->constant);
        g->inputs[i]->constant = NULL;
    }
}

struct exec *exec_new(const struct graph *g, const struct exec_options *options, struct error *err)
{
    struct exec *e = mem_calloc(1, sizeof *e, err);
    if (!e)
        return NULL;
    e->kernels = options->kernels ? options->kernels : kernel_select(NULL, err);
    if (options->weights != KERNEL_F32 && e->kernels) {
        e->own = *e->kernels;
        e->own.gemm_weights = kernel_gemm_16(e->kernels, options->weights);
        e->kernels = &e->own;
    }
    e->pool = options->pool;
    e->memory = options->memory ? options->memory : EXEC_MEMORY;
    e->frugal = options->frugal;
    e->profile = options->profile;
    e->graph = e->kernels ? graph_clone(g, err) : NULL;
    if (!e->graph) {
        exec_free(e);
        return NULL;
    }
    drop_defaults(e->graph);
    op_resolve(e->graph);
    rewrite_once(e);
    e->weight_bytes = weight_bytes(e->graph);
    return e;
}

struct exec *exec_new_part(struct exec *e, struct graph *g, struct error *err)
{
    struct exec *part = mem_calloc(1, sizeof *part, err);
    if (!part) {
        graph_free(g);
        return NULL;
    }
    *part = (struct exec){.graph = g,
                          .kernels = e->kernels,
                          .pool = e->pool,
                          .memory = e->memory,
                          .profile = e->profile,
                          .parent = e,
                          .seed = hash_random(&e->seed)}; /* so that its draws are not those of another part */
    op_resolve(g);
    return part;
}

void exec_free(struct exec *e)
{
    if (!e)
        return;
    for (struct plan *p = e->plans, *next; p; p = next) {
        next = p->next;
        plan_free(p);
    }
    for (struct exec_sub *s = e->subs, *next; s; s = next) {
        next = s->next;
        exec_free(s->exec);
        free(s->captured);
        free(s);
    }
    graph_free(e->graph);
    free(e);
}

/* ---- memory ---- */

/* Of all plans but one, and of those that follow them. A dynamic one has memory only while it runs. */
static void let_go(struct exec *e, const struct plan *but)
{
    for (struct exec_sub *s = e->subs; s; s = s->next)
        let_go(s->exec, but);
    for (struct plan *p = e->plans; p; p = p->next) {
        if (p != but && !p->dynamic)
            plan_let_go(p);
        if (p->then)
            let_go(p->then, but);
    }
}

static size_t room(const struct exec *whole)
{
    return whole->memory - whole->held - packing_excess(whole, 0);
}

int exec_take(struct plan *p, size_t bytes, struct error *err)
{
    struct exec *whole = exec_whole(p->exec);
    if (bytes > room(whole))
        let_go(whole, p);
    if (bytes > room(whole))
        return error_set(err, "the activations take %zu MiB, and the limit is %zu MiB: NN_MEMORY sets another",
                         (whole->memory - room(whole) + bytes) >> 20, whole->memory >> 20);
    whole->held += bytes;
    p->held += bytes;
    return 0;
}

void exec_give(struct plan *p, size_t bytes)
{
    exec_whole(p->exec)->held -= bytes;
    p->held -= bytes;
}

/* Only while a dynamic plan evaluates, no other is running. */
size_t exec_left(struct plan *p)
{
    struct exec *whole = exec_whole(p->exec);
    if (p->dynamic && whole->held > whole->memory / 2)
        let_go(whole, p);
    return room(whole);
}

/* ---- plans for the inputs at hand ---- */

static void type_of_item(struct type *type, const struct item *item)
{
    memset(type, 0, sizeof *type);
    type->kind = item->kind == ITEM_TENSOR ? TYPE_TENSOR : item->kind == ITEM_SEQUENCE ? TYPE_SEQUENCE : TYPE_OPTIONAL;
    if (item->kind != ITEM_TENSOR)
        return;
    type->dtype = item->tensor->dtype;
    type->rank = item->tensor->rank;
    memcpy(type->dims, item->tensor->dims, sizeof(int64_t) * (size_t)type->rank);
}

static bool serves(const struct plan *p, struct item *const *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct type t;
        type_of_item(&t, in[i]);
        const struct type *s = &p->shapes[i];
        if (t.kind != s->kind || t.dtype != s->dtype || t.rank != s->rank ||
            memcmp(t.dims, s->dims, sizeof(int64_t) * (size_t)t.rank) != 0)
            return false;
    }
    return true;
}

static int bind_mismatch(const struct graph *g, const struct value *v, const struct type *given, struct error *err)
{
    char have[160], want[160];
    return error_set(err, "input '%s': given %s, wants %s", v->name, type_text(g, given, have, sizeof have),
                     type_text(g, &v->type, want, sizeof want));
}

/* Gives an input of the graph the type of the tensor at hand. */
static int bind_input(struct graph *g, struct value *v, const struct type *given, struct error *err)
{
    struct type *t = &v->type;
    if (given->kind != TYPE_TENSOR) {
        if (t->kind != given->kind && t->kind != TYPE_UNKNOWN)
            return bind_mismatch(g, v, given, err);
        t->kind = given->kind;
        return 0;
    }
    if (t->kind == TYPE_UNKNOWN)
        *t = *given;
    if (t->kind != TYPE_TENSOR || (t->dtype != DTYPE_NONE && t->dtype != given->dtype) ||
        (t->rank >= 0 && t->rank != given->rank))
        return bind_mismatch(g, v, given, err);
    for (int i = 0; t->rank >= 0 && i < t->rank; i++) {
        if (t->dims[i] >= 0 && t->dims[i] != given->dims[i])
            return bind_mismatch(g, v, given, err);
        if (t->dims[i] < 0 && t->dims[i] != DIM_UNKNOWN && graph_bind_symbol(g, t->dims[i], given->dims[i], err) < 0)
            return -1;
    }
    t->dtype = given->dtype;
    t->rank = given->rank;
    memcpy(t->dims, given->dims, sizeof t->dims);
    return 0;
}

static int64_t size_given(const void *shapes, const struct graph *g, size_t input, int axis)
{
    const struct type *given = (const struct type *)shapes + input;
    return given->kind == TYPE_TENSOR && given->rank == g->inputs[input]->type.rank ? given->dims[axis] : -1;
}

/* A copy of the exec's graph with input types bound, inferred and optimised for them. */
static struct graph *specialise(const struct exec *e, const struct type *shapes, struct error *err)
{
    struct graph *g = graph_clone(e->graph, err);
    if (!g)
        return NULL;
    int status = graph_bind_inputs(g, size_given, shapes, err);
    for (size_t i = 0; status == 0 && i < g->input_count; i++)
        status = bind_input(g, g->inputs[i], &shapes[i], err);
    if (status == 0 && !(e->is_rewritten && has_one_shape(e->graph)))
        status = rewrite(e, &g, err);
    if (status == 0)
        return g;
    graph_free(g);
    return NULL;
}

static struct plan *new_dynamic(struct exec *e, struct graph *g, struct error *err)
{
    struct plan *p = mem_calloc(1, sizeof *p, err);
    if (!p) {
        graph_free(g);
        return NULL;
    }
    arena_init(&p->arena);
    p->exec = e;
    p->kernels = e->kernels;
    p->graph = g;
    p->dynamic = true;
    return p;
}

static struct plan *make_plan(struct exec *e, struct graph *g, bool dynamic, struct error *err)
{
    op_resolve(g);
    return dynamic ? new_dynamic(e, g, err) : plan_new(e, g, err);
}

/* A plan of g's beginning up to `at`, and an exec for what follows. */
static struct plan *cut_plan(struct exec *e, const struct graph *g, const struct node *at, bool dynamic,
                             struct error *err)
{
    struct graph *before, *after;
    int *from;
    if (cut_graph(g, at, &before, &after, &from, err) < 0)
        return NULL;
    struct plan *p = make_plan(e, before, dynamic, err);
    if (!p) {
        graph_free(after);
        free(from);
        return NULL;
    }
    p->then_from = from;
    p->then = exec_new_part(e, after, err);
    if (!p->then) {
        plan_free(p);
        return NULL;
    }
    p->then->follows = true;
    return p;
}

static struct plan *make_plan_for(struct exec *e, const struct type *shapes, struct error *err)
{
    struct graph *g = specialise(e, shapes, err);
    if (g && e->is_spent)
        error_set(err, "the model could not be made ready when it was tried before");
    if (!g || e->is_spent) {
        graph_free(g);
        return NULL;
    }
    if (has_one_shape(e->graph)) { /* nobody will want another plan */
        graph_drop_constants(e->graph);
        e->is_spent = true;
    }
    bool dynamic;
    const struct node *at = cut_point(g, &dynamic);
    if (!at && !dynamic && cut_has_static_outputs(g))
        return make_plan(e, g, false, err);
    struct plan *p = cut_plan(e, g, at, dynamic, err);
    graph_free(g);
    return p;
}

/* Leaves the plans used last. */
static void drop_old_plans(struct exec *e)
{
    struct plan **at = &e->plans;
    for (int i = 0; *at && i < EXEC_PLANS; i++)
        at = &(*at)->next;
    while (*at) {
        struct plan *old = *at;
        *at = old->next;
        plan_free(old);
    }
}

/* The plan for these inputs, moved to the front of the cache. */
static struct plan *find_plan(struct exec *e, struct item *const *in, struct error *err)
{
    size_t n = e->graph->input_count;
    for (struct plan **at = &e->plans; *at; at = &(*at)->next) {
        struct plan *p = *at;
        if (!serves(p, in, n))
            continue;
        if (e->frugal && !p->memory)
            let_go(e, p);
        *at = p->next;
        p->next = e->plans;
        return e->plans = p;
    }
    if (e->frugal)
        let_go(e, NULL);
    struct type *shapes = mem_calloc(n, sizeof *shapes, err);
    if (!shapes)
        return NULL;
    for (size_t i = 0; i < n; i++)
        type_of_item(&shapes[i], in[i]);
    struct plan *p = make_plan_for(e, shapes, err);
    if (!p) {
        free(shapes);
        return NULL;
    }
    p->shapes = shapes;
    p->next = e->plans;
    e->plans = p;
    drop_old_plans(e);
    return p;
}

/* ---- running ---- */

/* A tensor for output i: the last run's, when nobody else holds it any more. */
static struct item *output_item(struct plan *p, size_t i, struct error *err)
{
    struct item *kept = p->kept[i];
    if (kept && kept->refs == 1 && kept->tensor->refs == 1 && kept->tensor->blob->refs == 1)
        return kept;
    item_unref(kept);
    const struct type *t = &p->graph->outputs[i]->type;
    return p->kept[i] = item_of_tensor(tensor_new(t->dtype, t->rank, t->dims, err), err);
}

static int run_static(struct plan *p, struct item *const *in, struct item **out, struct error *err)
{
    if (plan_hold(p, err) < 0)
        return -1;
    for (size_t i = 0; i < p->graph->input_count; i++)
        p->inputs[i].buffer->base = in[i]->tensor ? in[i]->tensor->data : NULL; /* others only pass by */
    for (size_t i = 0; i < p->graph->output_count; i++) {
        struct item *item = output_item(p, i, err);
        if (!item)
            return -1;
        p->outputs[i].buffer->base = item->tensor->data;
    }
    if (plan_execute(p, p->exec->pool, p->exec->profile, err) < 0)
        return -1;
    for (size_t i = 0; i < p->graph->output_count; i++)
        out[i] = item_ref(p->kept[i]);
    return 0;
}

static void unref_all(struct item **items, size_t n)
{
    for (size_t i = 0; items && i < n; i++)
        item_unref(items[i]);
}

/* A graph without nodes hands its inputs and constants on. */
static int pass_through(const struct graph *g, struct item *const *in, struct item **out, struct error *err)
{
    for (size_t i = 0; i < g->output_count; i++) {
        const struct value *v = g->outputs[i];
        out[i] = NULL;
        for (size_t j = 0; !out[i] && j < g->input_count; j++)
            if (g->inputs[j] == v)
                out[i] = item_ref(in[j]);
        if (!out[i] && v->constant)
            out[i] = item_of_tensor(tensor_ref(v->constant), err);
        if (!out[i]) {
            unref_all(out, i);
            return v->constant ? -1 : error_set(err, "output '%s' has no value", v->name);
        }
    }
    return 0;
}

static int run_plan(struct plan *p, struct item *const *in, struct item **out, struct error *err)
{
    return p->dynamic ? dynamic_run(p, in, out, err) : run_static(p, in, out, err);
}

/* The inputs of what follows the plan, new references; made is the plan's outputs. */
static struct item **inputs_of_then(const struct plan *p, struct item *const *in, struct item *const *made,
                                    struct error *err)
{
    size_t n = p->then->graph->input_count;
    struct item **next = mem_calloc(n, sizeof *next, err);
    for (size_t i = 0; next && i < n; i++)
        next[i] = item_ref(p->then_from[i] >= 0 ? in[p->then_from[i]] : made[-1 - p->then_from[i]]);
    return next;
}

/* Runs a plan that has a successor: *in is replaced by the successor's inputs. */
static int run_on(struct plan *p, struct item ***in, struct error *err)
{
    size_t n = p->graph->output_count;
    struct item **made = mem_calloc(n, sizeof *made, err), **next = NULL;
    if (made && run_plan(p, *in, made, err) == 0) {
        next = inputs_of_then(p, *in, made, err);
        unref_all(made, n);
    }
    free(made);
    unref_all(*in, p->exec->graph->input_count);
    free(*in);
    *in = next;
    return next ? 0 : -1;
}

static int run_whole(struct exec *e, struct item *const *in, struct item **out, struct error *err)
{
    struct item **now = mem_calloc(e->graph->input_count, sizeof *now, err);
    int status = now ? 1 : -1;
    if (!e->parent)
        e->body_nodes = OP_MAX_BODY_NODES;
    for (size_t i = 0; now && i < e->graph->input_count; i++)
        now[i] = item_ref(in[i]);
    while (status > 0) {
        struct plan *p = e->graph->first ? find_plan(e, now, err) : NULL;
        if (!p)
            status = e->graph->first ? -1 : pass_through(e->graph, now, out, err);
        else if (!p->then)
            status = run_plan(p, now, out, err);
        else if (run_on(p, &now, err) < 0)
            return -1;
        else
            e = p->then;
    }
    unref_all(now, e->graph->input_count);
    free(now);
    return status;
}

/* An exec that is run again is worth huge pages: for a while as much time as its runs take, then a small part of it. */
static void spend_on_pages(struct exec *e, double run_seconds)
{
    double begun = run_now();
    packing_make_huge(e, e->page_seconds < 0.2 ? run_seconds : run_seconds / 16);
    e->page_seconds += run_now() - begun;
}

int exec_run(struct exec *e, struct item *const *in, struct item **out, struct error *err)
{
    double begun = run_now();
    int status = run_whole(e, in, out, err);
    if (!e->parent && e->runs++ > 0)
        spend_on_pages(e, run_now() - begun);
    return status;
}
