/* Filling a graph. */
#include <string.h>

#include "op/build.h"

void build_layer(struct build *b, const char *name)
{
    b->layer = name;
    b->made = 0;
}

/* ---- names ---- */

/* `name`, or, when another value than v has it, `name` with a number. */
static const char *free_name(struct build *b, const struct value *v, const char *name)
{
    struct graph *g = build_place(b);
    const struct value *other = graph_find_local(g, name);
    return other && other != v ? graph_fresh_name(g, name, b->err) : name;
}

struct value *build_name(struct build *b, struct value *v, const char *name)
{
    if (b->failed || !name || !*name)
        return b->failed ? NULL : v;
    name = free_name(b, v, name);
    build_check(b, name && graph_rename_value(v, name, b->err) == 0);
    return b->failed ? NULL : v;
}

/* ---- values ---- */

struct value *build_input(struct build *b, const char *name, enum dtype dtype, int rank, const int64_t *dims)
{
    struct value *v = b->failed ? NULL : graph_add_value(b->graph, name, b->err);
    build_check(b, v && graph_add_input(b->graph, v, b->err) == 0);
    if (b->failed)
        return NULL;
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    if (rank > 0)
        memcpy(v->type.dims, dims, (size_t)rank * sizeof(*dims));
    return v;
}

struct value *build_constant(struct build *b, const char *name, struct tensor *t)
{
    if (b->failed || !t) {
        b->failed = true;
        tensor_unref(t);
        return NULL;
    }
    struct value *v = graph_add_constant(build_place(b), name && *name ? free_name(b, NULL, name) : NULL, t, b->err);
    build_check(b, v != NULL);
    return v;
}

const struct type *build_type(struct build *b, struct value *v)
{
    if (v && v->producer == b->latest)
        build_infer(b);
    return b->failed || !v ? NULL : &v->type;
}

/* ---- the end ---- */

/* Takes a name from the value that has it. */
static void claim_name(struct build *b, const struct value *v, const char *name)
{
    struct value *other = graph_find_local(b->graph, name);
    if (!other || other == v)
        return;
    if (other->is_input || other->is_output) {
        build_fail(b, "two of the model's inputs and outputs are called '%.200s'", name);
        return;
    }
    const char *fresh = graph_fresh_name(b->graph, name, b->err);
    build_check(b, fresh && graph_rename_value(other, fresh, b->err) == 0);
}

void build_graph_output(struct build *b, struct value *v, const char *name)
{
    if (!b->failed && !v)
        build_fail(b, "an output of the graph, or of a part of it, is made by nothing");
    if (b->failed)
        return;
    if (v->is_input || v->is_output || v->constant)
        v = BUILD(b, "Identity", v);
    build_infer(b);
    if (!b->failed && name && *name) {
        claim_name(b, v, name);
        build_name(b, v, name);
    }
    build_check(b, !b->failed && graph_add_output(b->graph, v, b->err) == 0);
}

struct build build_enter(struct build *b, struct graph *in)
{
    build_infer(b);
    struct build outer = *b;
    struct graph *g = in || b->failed ? in : graph_new_subgraph(outer.graph, outer.err);
    outer.latest = NULL;
    b->graph = g;
    b->latest = NULL;
    b->failed = !g;
    return outer;
}

struct graph *build_leave(struct build *b, struct build outer)
{
    build_infer(b);
    struct graph *g = b->graph;
    outer.failed = outer.failed || b->failed;
    *b = outer;
    return g;
}

void build_body_output(struct build *b, struct value *v)
{
    if (!b->failed && v && v->graph != b->graph)
        v = BUILD(b, "Identity", v);
    build_graph_output(b, v, NULL);
}

/* New nodes come before the old one: going back to the first of them lets them expand in turn. */
static int expand_graph(struct graph *g, bool (*has)(const struct node *n), struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        struct node *before = n->prev;
        next = n->next;
        if (has(n) || !n->def || !n->def->expand)
            continue;
        if (n->def->expand(n, err) != 0)
            return error_prefix(err, "node '%.100s' (%.100s)", n->name, n->op);
        graph_remove_node(n);
        next = before ? before->next : g->first;
    }
    return 0;
}

int build_expand_all(struct graph *root, bool (*has)(const struct node *n), struct error *err)
{
    for (struct graph *g = root; g; g = (struct graph *)graph_next(root, g))
        if (expand_graph(g, has, err) != 0)
            return -1;
    return 0;
}

void build_remove_unused(struct build *b)
{
    build_infer(b);
    if (!b->failed)
        graph_sweep(b->graph);
}

/* Whether all operators have operands as their rows want them: a file may say otherwise. */
static bool is_sound(const struct graph *root, struct error *err)
{
    for (const struct graph *g = root; g; g = graph_next(root, g))
        for (const struct node *n = g->first; n; n = n->next)
            if (n->def && op_check(n, err) != 0)
                return false;
    return true;
}

/* ---- what the results mean ---- */

/* Operators that give boxes, and the task ("task/task.def") of a net that ends with one. */
static const struct {
    const char *op, *task;
} detectors[] = {
    {"DetectionOutput", "detect=ssd"},         {"YoloRegion", "detect=yolov3"},
    {"YoloDetectionOutput", "detect=ncnn"},    {"Yolov3DetectionOutput", "detect=ncnn"},
    {"DetectionPostProcess", "detect=tflite"},
};

/* The node that computes an output, before those that change nothing but its form. */
static const struct node *maker(const struct value *v)
{
    static const char *const forms[] = {"Identity", "Unsqueeze", "Squeeze", "Reshape"};
    const struct node *n = v->producer;
    for (size_t i = 0; n && i < sizeof(forms) / sizeof(*forms); i++)
        if (node_is(n, forms[i])) {
            n = node_in(n, 0) ? node_in(n, 0)->producer : NULL;
            i = (size_t)-1;
        }
    return n;
}

/* A net that ends with boxes is a detector, unless its file says what else it is. */
static void set_task(struct build *b)
{
    const struct graph *g = b->graph;
    const struct node *n = g->output_count ? maker(g->outputs[0]) : NULL;
    if (!n || strcmp(n->domain, "nn") != 0 || graph_property(g, "task"))
        return;
    for (size_t i = 1; i < 4 && strcmp(n->op, "DetectionPostProcess") == 0; i++)
        if (g->output_count < 4 || maker(g->outputs[i]) != n)
            return;
    for (size_t i = 0; i < sizeof(detectors) / sizeof(*detectors); i++)
        if (strcmp(n->op, detectors[i].op) == 0)
            build_check(b, graph_set_property(b->graph, "task", detectors[i].task, strlen(detectors[i].task), b->err) ==
                               0);
}

int build_graph_end(struct build *b)
{
    build_infer(b);
    if (!b->failed)
        set_task(b);
    build_check(b, !b->failed && graph_sort(b->graph, b->err) == 0 && graph_check(b->graph, b->err) == 0 &&
                       is_sound(b->graph, b->err));
    return build_end(b);
}
