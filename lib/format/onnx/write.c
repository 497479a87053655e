/* Writing a model. */
#include "format/onnx/write.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the opset ---- */

/* The first opset that has an element type. */
static int opset_of_dtype(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_BF16:
        return 13;
    case DTYPE_F8E4M3FN:
    case DTYPE_F8E4M3FNUZ:
    case DTYPE_F8E5M2:
    case DTYPE_F8E5M2FNUZ:
        return 19;
    case DTYPE_U4:
    case DTYPE_I4:
        return 21;
    case DTYPE_F4E2M1:
        return 23;
    case DTYPE_F8E8M0:
        return 24;
    case DTYPE_U2:
    case DTYPE_I2:
        return 25;
    default:
        return ONNX_OLDEST_TARGET;
    }
}

/* The value whose element type needs the newest opset. */
static const struct value *most_demanding(const struct graph *root, int *opset)
{
    const struct value *found = NULL;
    *opset = ONNX_OLDEST_TARGET;
    for (const struct graph *g = root; g; g = graph_next(root, g))
        for (size_t i = 0; i < g->value_count; i++) {
            const struct value *v = g->values[i];
            if (!v || v->type.kind != TYPE_TENSOR || opset_of_dtype(v->type.dtype) <= *opset)
                continue;
            *opset = opset_of_dtype(v->type.dtype);
            found = v;
        }
    return found;
}

static int choose_opset(const struct graph *g, int asked, struct error *err)
{
    int needed;
    const struct value *v = most_demanding(g, &needed);
    if (asked == 0)
        return needed > ONNX_DEFAULT_OPSET ? needed : ONNX_DEFAULT_OPSET;
    if (asked < needed)
        return error_set(err, "value '%.200s' is of %s, which needs opset %d", v->name, dtype_info(v->type.dtype)->name,
                         needed);
    return asked;
}

/* The IR version that came with an opset; from 4 on, constants need not be inputs as well. */
static int ir_version(int opset)
{
    static const struct {
        int opset, version;
    } table[] = {{28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}, {12, 7}, {11, 6}, {10, 5}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (opset >= table[i].opset)
            return table[i].version;
    return 4;
}

/* ---- the model around the graph ---- */

struct domains {
    struct onnx_opset_id **at;
    size_t count;
};

#define MOST_DOMAINS 1000

/* The version of its domain that a node wants. */
static int version_of(const struct onnx_writer *w, const struct node *n)
{
    if (!*n->domain)
        return w->opset;
    if (!n->def)
        return n->since > 0 ? n->since : 1;
    const char *last = strrchr(n->def->versions, ' ');
    return atoi(last ? last : n->def->versions);
}

static int note_domain(struct onnx_writer *w, struct domains *d, const char *domain, int version)
{
    size_t i = 0;
    while (i < d->count && strcmp(d->at[i]->domain, domain) != 0)
        i++;
    if (i == d->count) {
        if (i == MOST_DOMAINS)
            return error_set(w->err, "operators of more than %d domains", MOST_DOMAINS);
        d->at[i] = arena_alloc(&w->arena, sizeof(**d->at), w->err);
        if (!d->at[i])
            return -1;
        d->at[i]->domain = domain;
        d->at[i]->has_version = 1;
        d->count++;
    }
    if (d->at[i]->version < version)
        d->at[i]->version = version;
    return 0;
}

static int set_opsets(struct onnx_writer *w, struct onnx_model *m)
{
    struct domains d = {onnx_make_list(w, MOST_DOMAINS), 0};
    if (!d.at || note_domain(w, &d, "", w->opset) != 0)
        return -1;
    for (const struct graph *g = w->root; g; g = graph_next(w->root, g))
        for (const struct node *n = g->first; n; n = n->next)
            if (note_domain(w, &d, n->domain, version_of(w, n)) != 0)
                return -1;
    m->opset_import = d.at;
    m->n_opset_import = d.count;
    return 0;
}

static int set_properties(struct onnx_writer *w, struct onnx_model *m)
{
    size_t count = 0;
    for (const struct property *p = w->root->properties; p; p = p->next)
        count++;
    m->metadata_props = onnx_make_list(w, count);
    for (const struct property *p = w->root->properties; m->metadata_props && p; p = p->next) {
        if (strcmp(p->key, "producer") == 0)
            m->producer_name = p->value.data;
        else if (strcmp(p->key, "producer_version") == 0)
            m->producer_version = p->value.data;
        else if (strcmp(p->key, "opset") == 0)
            continue; /* that of the file read; the one written is in its own place */
        else if (!(m->metadata_props[m->n_metadata_props++] = onnx_make_entry(w, p->key, p->value.data, p->value.size)))
            return -1;
    }
    return m->metadata_props ? 0 : -1;
}

static int make_model(struct onnx_writer *w, struct onnx_model *m)
{
    *m = (struct onnx_model){.has_ir_version = true};
    m->ir_version = ir_version(w->opset);
    if (set_opsets(w, m) != 0 || set_properties(w, m) != 0)
        return -1;
    return (m->graph = onnx_make_graph(w, w->root, 0)) ? 0 : -1;
}

/* ---- what ONNX's graphs do not allow ---- */

static int repeat_output(struct graph *g, size_t i, struct error *err)
{
    struct node *n = graph_add_node(g, "", "Identity", NULL, err);
    if (!n || node_add_input(n, g->outputs[i], err) != 0)
        return -1;
    struct value *v = node_new_output(n, NULL, err);
    if (!v || graph_copy_type(g, &v->type, &g->outputs[i]->type, err) != 0 || graph_add_output(g, v, err) != 0)
        return -1;
    g->outputs[i] = v;
    g->output_count--;
    return 0;
}

/* Outputs are known by name: each must be another value. */
static int part_outputs(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g)) {
        for (size_t i = 0; i < g->output_count; i++)
            g->outputs[i]->scratch = NULL;
        for (size_t i = 0; i < g->output_count; i++) {
            if (g->outputs[i]->scratch && repeat_output(g, i, err) != 0)
                return -1;
            g->outputs[i]->scratch = g;
        }
    }
    return 0;
}

/* ---- the whole ---- */

/* A model beyond 2 GiB keeps its weights in a second file. */
static int write_second(struct onnx_writer *w, struct target *target)
{
    struct file_out *out = target_file(target, "+.data", w->err);
    const char *slash = target->path ? strrchr(target->path, '/') : NULL;
    char location[NAME_MAX + sizeof(".data")];
    if (!out)
        return -1;
    snprintf(location, sizeof(location), "%s.data", slash ? slash + 1 : target->path);
    if (onnx_place_weights(w, arena_strdup(&w->arena, location, w->err)) != 0)
        return -1;
    return onnx_write_weights(w, out);
}

/* A copy of the graph at w->opset; when no opset was asked for, at the first from there on that can say it. */
static struct graph *lowered(const struct graph *g, struct onnx_writer *w, bool is_asked, bool for_tensorrt)
{
    static const int steps[] = {ONNX_DEFAULT_OPSET, 21, 23, 25, OP_OPSET};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (!is_asked && w->opset < steps[i])
            w->opset = steps[i];
        struct graph *copy = graph_clone(g, w->err);
        if (copy && (!for_tensorrt || onnx_for_tensorrt(copy, w->err) == 0) && onnx_lower(copy, w->opset, w->err) == 0)
            return copy;
        graph_free(copy);
        if (!copy || is_asked)
            break;
    }
    return NULL;
}

static int write_model(struct onnx_writer *w, struct target *target, size_t limit)
{
    struct onnx_model m;
    struct file_out *out = target_file(target, NULL, w->err);
    if (!out || part_outputs(w->root, w->err) != 0 || make_model(w, &m) != 0)
        return -1;
    if (onnx_wire_size(&m) > limit && write_second(w, target) != 0)
        return -1;
    if (onnx_wire_size(&m) > INT32_MAX)
        return error_set(w->err, "the model is beyond 2 GiB even without its weights");
    return onnx_wire_write(&m, out, w->err);
}

int onnx_write(const struct graph *g, struct target *target, size_t limit, struct error *err)
{
    struct onnx_writer w = {.err = err};
    int asked = target_number(target, "opset", err);
    bool for_tensorrt = target_option(target, "tensorrt") != NULL;
    if (for_tensorrt && asked > 0 && asked < 13)
        return error_set(err, "TensorRT's scales for each channel need opset 13 or later, not %d", asked);
    w.opset = asked < 0 ? -1 : choose_opset(g, asked, err);
    w.root = w.opset > 0 ? lowered(g, &w, asked > 0, for_tensorrt) : NULL;
    if (!w.root)
        return -1;
    arena_init(&w.arena);
    int result = write_model(&w, target, limit);
    free(w.weights);
    arena_release(&w.arena);
    graph_free(w.root);
    return result;
}
