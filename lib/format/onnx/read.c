/* Reading a model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/onnx/onnx.h"

const char *onnx_domain(const char *domain)
{
    return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

int onnx_opset(const struct onnx_scope *s, const char *domain)
{
    for (size_t i = 0; i < s->opset_count; i++)
        if (strcmp(onnx_domain(s->opsets[i]->domain), domain) == 0)
            return s->opsets[i]->version > 0 && s->opsets[i]->version < 1000 ? (int)s->opsets[i]->version : 0;
    /* The first two IR versions do not say. */
    return s->opset_count == 0 && !*domain && s->reader->model->ir_version < 3 ? 1 : 0;
}

/* ---- properties ---- */

static int set_text(struct graph *g, const char *key, const char *text, struct error *err)
{
    return text && *text ? graph_set_property(g, key, text, strlen(text), err) : 0;
}

static int read_properties(struct onnx_reader *r, int opset, struct error *err)
{
    const struct onnx_model *m = r->model;
    char number[16] = "";
    if (opset > 0)
        snprintf(number, sizeof number, "%d", opset);
    if (set_text(r->root, "opset", number, err) != 0 || set_text(r->root, "producer", m->producer_name, err) != 0 ||
        set_text(r->root, "producer_version", m->producer_version, err) != 0)
        return -1;
    for (size_t i = 0; i < m->n_metadata_props; i++) {
        const struct onnx_entry *p = m->metadata_props[i];
        if (p->key && *p->key && graph_set_property(r->root, p->key, p->value.data, p->value.size, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- the whole ---- */

static int read_model(struct onnx_reader *r, struct error *err)
{
    struct onnx_scope scope = {
        .reader = r, .graph = r->root, .opsets = r->model->opset_import, .opset_count = r->model->n_opset_import};
    if (!r->model->graph)
        return error_set(err, "the model has no graph");
    if (onnx_list_functions(r, err) != 0 || read_properties(r, onnx_opset(&scope, ""), err) != 0)
        return -1;
    int result = onnx_read_graph(&scope, r->model->graph, err);
    lookup_release(&scope.names);
    if (result != 0 || graph_sort(r->root, err) != 0 || onnx_raise(r->root, err) != 0)
        return -1;
    return graph_check(r->root, err);
}

static void reader_release(struct onnx_reader *r)
{
    for (size_t i = 0; i < r->external_count; i++)
        blob_unref(r->externals[i].blob);
    free(r->externals);
    lookup_release(&r->functions);
    arena_release(&r->arena);
}

static struct graph *onnx_read(const struct source *source, struct error *err)
{
    struct onnx_reader r = {.source = source};
    arena_init(&r.arena);
    r.model = onnx_wire_read(source->blob->data, source->blob->size, &r.arena, err);
    r.root = r.model ? graph_new(err) : NULL;
    int result = r.root ? read_model(&r, err) : -1;
    reader_release(&r);
    return graph_if(result == 0, r.root);
}

/* ---- recognising ---- */

static int onnx_sniff(const struct source *source)
{
    return onnx_wire_is_model(source->blob->data, source->blob->size) ? 90 : 0;
}

static int write_graph(const struct graph *g, struct target *target, struct error *err)
{
    /* The most that other programs read in one piece; a little is left for what stands beside the weights. */
    return onnx_write(g, target, (size_t)INT32_MAX - (1 << 20), err);
}

static const struct target_option options[] = {
    {"opset", "7..28", "the opset to write"},
    {"tensorrt", NULL, "signed bytes without zero points, for TensorRT; inputs, outputs and biases as floats"},
    {NULL, NULL, NULL},
};

const struct format format_onnx = {
    .name = "onnx",
    .suffixes = ".onnx",
    .what = "ONNX, opset 1 to 28",
    .has_properties = true,
    .options = options,
    .sniff = onnx_sniff,
    .read = onnx_read,
    .write = write_graph,
};
