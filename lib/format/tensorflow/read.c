/* Reading a graph: its inputs and outputs, calls of functions, variables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"
#include "format/format.h"
#include "format/tensorflow/tensorflow.h"

static tensorflow_op_fn *const reads[] = {
#define OP(op, read, onnx) tensorflow_read_##read,
#include "format/tensorflow/ops.def"
#undef OP
};

#include "format/tensorflow/ops.inc"
PACKED_TABLE(kinds, struct tensorflow_kind, 2, reads);

static const char *operator_at(size_t index)
{
    const struct tensorflow_kind *kind = packed_row(&kinds, index);
    return kind ? kind->op : NULL;
}

const struct tensorflow_kind *tensorflow_find_kind(const char *op)
{
    return packed_find(&kinds, op);
}

/* ---- functions ---- */

static int list_functions(struct tensorflow_reader *r)
{
    for (const struct protobuf *f = protobuf_first(r->library, "function"); f && !r->b.failed; f = protobuf_more(f)) {
        const char *name = protobuf_text(protobuf_message(f, "signature"), "name", "");
        if (!lookup_find(&r->functions, name))
            build_check(&r->b, lookup_add(&r->functions, name, (void *)f, r->b.err) == 0);
    }
    return r->b.failed ? -1 : 0;
}

const char *tensorflow_returned(const struct protobuf *function, const char *name)
{
    for (const struct protobuf *p = protobuf_first(function, "ret"); p; p = protobuf_more(p))
        if (strcmp(protobuf_text(p, "key", ""), name) == 0)
            return protobuf_text(p, "value", "");
    return "";
}

int tensorflow_call(struct tensorflow_reader *r, const char *name, struct value *const *in, int count,
                    struct value **out, int most)
{
    const struct protobuf *function = lookup_find(&r->functions, name),
                          *signature = protobuf_message(function, "signature");
    struct tensorflow_scope s;
    int i = 0, results = 0;
    if (!function || ++r->depth > TENSORFLOW_DEPTH) {
        build_fail(&r->b, function ? "functions call each other more than 64 deep"
                                   : "it calls a function that is not in the file");
        return -1;
    }
    tensorflow_scope_open(&s, r, function, "node_def");
    for (const struct protobuf *p = protobuf_first(signature, "input_arg"); p && !r->b.failed;
         p = protobuf_more(p), i++) {
        if (i >= count)
            build_fail(&r->b, "it calls '%.200s' with %d arguments", name, count);
        else
            build_check(&r->b, lookup_add(&s.args, protobuf_text(p, "name", ""), in[i], r->b.err) == 0);
    }
    for (const struct protobuf *p = protobuf_first(signature, "output_arg"); p && !r->b.failed && results < most;
         p = protobuf_more(p))
        out[results++] = tensorflow_scope_value(&s, tensorflow_returned(function, protobuf_text(p, "name", "")));
    tensorflow_scope_close(&s);
    r->depth--;
    return r->b.failed ? -1 : results;
}

/* ---- inputs ---- */

static void stated_type(const struct protobuf *shape, int *rank, int64_t *dims)
{
    *rank = shape && !protobuf_int(shape, "unknown_rank", 0) ? 0 : -1;
    for (const struct protobuf *d = protobuf_first(shape, "dim"); d && *rank >= 0; d = protobuf_more(d)) {
        int64_t size = protobuf_int(d, "size", 0);
        if (*rank == TENSOR_MAX_RANK)
            *rank = -1;
        else
            dims[(*rank)++] = size < 0 ? DIM_UNKNOWN : size;
    }
}

/* How many channels the first picture has that the graph, or a function of it, decodes; 0: there is none. */
static int decoded_channels(const struct protobuf *graph, const char *nodes)
{
    for (const struct protobuf *n = protobuf_first(graph, nodes); n; n = protobuf_more(n)) {
        const char *op = protobuf_text(n, "op", "");
        int64_t channels = protobuf_int(tensorflow_attr(n, "channels"), "i", 0);
        if (strncmp(op, "Decode", 6) == 0 && tensorflow_attr(n, "channels"))
            return channels > 0 && channels <= 4 ? (int)channels : 3;
    }
    return 0;
}

static void find_pictures(struct tensorflow_reader *r, const struct protobuf *graph)
{
    r->channels = decoded_channels(graph, "node");
    for (const struct protobuf *f = protobuf_first(r->library, "function"); f && !r->channels; f = protobuf_more(f))
        r->channels = decoded_channels(f, "node_def");
}

/* Dims of a picture behind those of what was the text of a file. */
static int picture_dims(const struct tensorflow_reader *r, int rank, int64_t *dims)
{
    rank = rank < 0 || rank > 1 ? 0 : rank;
    dims[rank] = dims[rank + 1] = DIM_UNKNOWN;
    dims[rank + 2] = r->channels;
    return rank + 3;
}

struct value *tensorflow_add_picture(struct tensorflow_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    const char *name = arena_strdup(&o->b->graph->root->arena, o->node->name, o->b->err);
    if (o->b->graph->root != o->b->graph || !name)
        build_fail(o->b, "a picture is decoded within a branch or a loop");
    return o->b->failed ? NULL : build_input(o->b, name, DTYPE_U8, picture_dims(o->scope->r, 0, dims), dims);
}

/* An input of the graph for a Placeholder, called as the user knows it. */
static void add_input(struct tensorflow_scope *s, struct tensorflow_node *n, const char *name)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank;
    enum dtype dtype = tensorflow_dtype(protobuf_int(tensorflow_attr(n->message, "dtype"), "type", 0));
    const struct protobuf *shape = tensorflow_attr(n->message, "shape");
    stated_type(protobuf_message(shape, "shape"), &rank, dims);
    if (rank == 0 && !protobuf_message(shape, "shape"))
        rank = -1;
    n->out = arena_alloc(&s->r->arena, TENSORFLOW_OUTPUTS * sizeof(*n->out), s->b->err);
    const char *kept = arena_strdup(&s->b->graph->arena, name, s->b->err);
    build_check(s->b, n->out && kept);
    if (dtype == DTYPE_STRING && s->r->channels) {
        dtype = DTYPE_U8;
        rank = picture_dims(s->r, rank, dims);
    }
    if (dtype == DTYPE_NONE)
        build_fail(s->b, "input '%.200s' has an element type that is not read", name);
    if (!s->b->failed) {
        n->out[0] = build_input(s->b, kept, dtype, rank, dims);
        n->state = 2;
    }
}

/* ---- frozen graphs ---- */

/* Notes the names of all nodes that others take. */
static void list_used(struct tensorflow_scope *s, struct lookup *used)
{
    for (size_t i = 0; i < s->count && !s->b->failed; i++) {
        for (const struct protobuf *p = protobuf_first(s->nodes[i].message, "input"); p && !s->b->failed;
             p = protobuf_more(p)) {
            char *name =
                arena_strdup(&s->r->arena, protobuf_as_text(p, "") + (*protobuf_as_text(p, "") == '^'), s->b->err);
            build_check(s->b, name != NULL);
            if (name && strchr(name, ':'))
                *strchr(name, ':') = 0;
            if (name && !lookup_find(used, name))
                build_check(s->b, lookup_add(used, name, s, s->b->err) == 0);
        }
    }
}

/* Nodes that only watch over others are no results, nor are the ends of branches and loops that nothing takes. */
static bool is_result(struct tensorflow_scope *s, const struct tensorflow_node *n, bool of_loops)
{
    static const char no_results[] =
        "NoOp Assert Const Placeholder SaveV2 RestoreV2 Assign MergeSummary NextIteration Switch LookupTableImport "
        "LookupTableImportV2 InitializeTable InitializeTableV2 InitializeTableFromTextFile "
        "InitializeTableFromTextFileV2";
    int output;
    const struct tensorflow_node *from = tensorflow_scope_find(s, tensorflow_input(n->message, 0), &output);
    if (strcmp(n->op, "Exit") == 0)
        return of_loops;
    return !of_loops && !text_has_word(no_results, n->op) &&
           !(from && strcmp(from->op, "Switch") == 0 && strcmp(n->op, "Identity") == 0);
}

static void give_results(struct tensorflow_scope *s, const struct lookup *used, bool of_loops)
{
    for (size_t i = 0; i < s->count && !s->b->failed; i++) {
        struct tensorflow_node *n = &s->nodes[i];
        if (lookup_find(used, n->name) || !is_result(s, n, of_loops))
            continue;
        struct value *v = tensorflow_scope_value(s, n->name);
        const char *name = arena_strdup(&s->b->graph->arena, n->name, s->b->err);
        build_check(s->b, name != NULL);
        if (!s->b->failed && !n->out)
            build_fail(s->b, "the name '%.200s' is another node's", n->name);
        if (s->b->failed)
            break;
        build_layer(s->b, name);
        for (int k = 0; k < TENSORFLOW_OUTPUTS && n->out[k] && !s->b->failed; k++)
            build_graph_output(s->b, k ? n->out[k] : v, k ? NULL : name);
    }
}

/* In the order of the file; those of no use are none. */
static void add_placeholders(struct tensorflow_scope *s, struct lookup *used)
{
    list_used(s, used);
    for (size_t i = 0; i < s->count && !s->b->failed; i++)
        if (strcmp(s->nodes[i].op, "Placeholder") == 0 && lookup_find(used, s->nodes[i].name))
            add_input(s, &s->nodes[i], s->nodes[i].name);
}

/* Nodes that nothing takes are the outputs. */
static void read_frozen(struct tensorflow_scope *s)
{
    struct lookup used = {0};
    add_placeholders(s, &used);
    give_results(s, &used, false);
    if (!s->b->failed && s->b->graph->output_count == 0)
        give_results(s, &used, true);
    lookup_release(&used);
}

/* ---- SavedModels ---- */

static const struct protobuf *find_key(const struct protobuf *m, const char *map, const char *key)
{
    for (const struct protobuf *p = protobuf_first(m, map); p; p = protobuf_more(p))
        if (!key || strcmp(protobuf_text(p, "key", ""), key) == 0)
            return p;
    return NULL;
}

/* The signature that is asked for, else "serving_default", or the only one that computes something; NULL: a failure. */
static const struct protobuf *find_signature(struct tensorflow_reader *r)
{
    const char *wanted = r->source->entry ? r->source->entry : "serving_default";
    const struct protobuf *found = find_key(r->meta, "signature_def", wanted);
    char names[200] = "";
    int count = 0;
    if (r->signature)
        return r->signature;
    for (const struct protobuf *p = protobuf_first(r->meta, "signature_def"); p; p = protobuf_more(p)) {
        const char *key = protobuf_text(p, "key", "");
        size_t n = strlen(names);
        if (strncmp(key, "__saved_model", 13) == 0)
            continue;
        snprintf(names + n, sizeof(names) - n, "%s%.40s", n ? ", " : "", key);
        if (!r->source->entry && count++ == 0 && !found)
            found = p;
    }
    if (count > 1 && found && strcmp(protobuf_text(found, "key", ""), wanted) != 0)
        found = NULL;
    if (!found)
        build_fail(&r->b, "the model has no signature %.60s, but: %s", wanted, names);
    return protobuf_message(found, "value");
}

static void read_signature(struct tensorflow_scope *s, const struct protobuf *signature)
{
    char name[1024];
    struct lookup used = {0};
    if (s->r->signature && !protobuf_first(signature, "inputs")) /* TensorFlow.js goes by the nodes then */
        add_placeholders(s, &used);
    lookup_release(&used);
    for (const struct protobuf *p = protobuf_first(signature, "inputs"); p && !s->b->failed; p = protobuf_more(p)) {
        snprintf(name, sizeof(name), "%.1000s", protobuf_text(protobuf_message(p, "value"), "name", ""));
        name[strcspn(name, ":")] = 0;
        struct tensorflow_node *n = lookup_find(&s->names, name);
        if (n && strcmp(n->op, "Placeholder") == 0 && n->state == 0)
            add_input(s, n, protobuf_text(p, "key", ""));
    }
    for (const struct protobuf *p = protobuf_first(signature, "outputs"); p && !s->b->failed; p = protobuf_more(p)) {
        struct value *v = tensorflow_scope_value(s, protobuf_text(protobuf_message(p, "value"), "name", ""));
        const char *key = arena_strdup(&s->b->graph->arena, protobuf_text(p, "key", ""), s->b->err);
        build_check(s->b, key != NULL);
        if (!s->b->failed) {
            build_layer(s->b, key);
            build_graph_output(s->b, v, key);
        }
    }
}

/* ---- the whole ---- */

static const struct protobuf *meta_graph(const struct protobuf *saved)
{
    for (const struct protobuf *g = protobuf_first(saved, "meta_graphs"); g; g = protobuf_more(g))
        for (const struct protobuf *t = protobuf_first(protobuf_message(g, "meta_info_def"), "tags"); t;
             t = protobuf_more(t))
            if (strcmp(protobuf_as_text(t, ""), "serve") == 0)
                return g;
    return protobuf_first(saved, "meta_graphs");
}

static bool is_saved(const struct blob *blob)
{
    const uint8_t *data = blob->data;
    return blob->size > 3 && data[0] == 0x08 && data[1] <= 1 && data[2] == 0x12;
}

/* A GraphDef begins with a node: its name, and its operator, which must be one of the table or begin with '_'. */
static bool is_graph(const struct blob *blob)
{
    struct bytes in = bytes_of(blob->data, blob->size), inside;
    struct protobuf_field f, g;
    if (!protobuf_take(&in, &f) || f.number != 1 || f.wire != PROTOBUF_WIRE_BYTES)
        return false;
    inside = bytes_of(f.data, f.size);
    if (!protobuf_take(&inside, &g) || g.number != 1 || g.wire != PROTOBUF_WIRE_BYTES || g.size == 0)
        return false;
    if (!protobuf_take(&inside, &g) || g.number != 2 || g.wire != PROTOBUF_WIRE_BYTES || g.size == 0)
        return false;
    char op[128] = "";
    memcpy(op, g.data, g.size < sizeof(op) ? g.size : 0);
    return g.data[0] == '_' || packed_find(&kinds, op);
}

/* by_signature: its inputs and outputs are what a signature says. */
static int read_graph(struct tensorflow_reader *r, const struct protobuf *graph, bool by_signature)
{
    struct tensorflow_scope s;
    r->library = protobuf_message(graph, "library");
    r->root = &s;
    list_functions(r);
    find_pictures(r, graph);
    if (tensorflow_scope_open(&s, r, graph, "node") == 0) {
        if (by_signature) {
            tensorflow_trace_restore(&s);
            read_signature(&s, find_signature(r));
        } else
            read_frozen(&s);
    }
    tensorflow_scope_close(&s);
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "the graph has no outputs");
    build_check(&r->b, graph_set_property(r->b.graph, "producer", "TensorFlow", 10, r->b.err) == 0);
    build_remove_unused(&r->b);
    return build_graph_end(&r->b);
}

static int read_whole(struct tensorflow_reader *r, struct error *err)
{
    bool saved = is_saved(r->blob);
    if (!saved && r->source->entry)
        return error_set(err, "a frozen graph has no signatures: want no ':%.60s'", r->source->entry);
    if (!saved && !is_graph(r->blob))
        return error_set(err, "it begins neither as a frozen graph of TensorFlow's nor as a SavedModel");
    const struct protobuf_type *type = tensorflow_message(saved ? "SavedModel" : "GraphDef");
    struct protobuf *file = protobuf_read(r->blob->data, r->blob->size, type, &r->arena, err);
    const struct protobuf *meta = saved && file ? meta_graph(file) : NULL;
    const struct protobuf *graph = saved ? protobuf_message(meta, "graph_def") : file;
    if (!file || !graph)
        return file ? error_set(err, "the model holds no graph") : -1;
    r->meta = meta;
    return read_graph(r, graph, saved);
}

static void release(struct tensorflow_reader *r)
{
    tensorflow_bundle_close(r->bundle);
    lookup_release(&r->functions);
    torch_formula_end(r->formulas);
    lookup_release(&r->variables);
    lookup_release(&r->keys);
    arena_release(&r->arena);
    blob_unref(r->blob);
}

struct graph *tensorflow_read_tree(const struct source *s, struct blob *blob, const struct protobuf *graph,
                                   const struct protobuf *signature, const struct lookup *constants, struct error *err)
{
    struct tensorflow_reader r = {.source = s,
                                  .blob = blob_ref(blob),
                                  .signature = signature,
                                  .constants = constants,
                                  .b = {.graph = graph_new(err), .err = err}};
    int result = r.b.graph ? read_graph(&r, graph, signature != NULL) : -1;
    release(&r);
    return graph_if(result == 0, r.b.graph);
}

static struct graph *tensorflow_read(const struct source *s, struct error *err)
{
    struct tensorflow_reader r = {.source = s, .b = {.graph = graph_new(err), .err = err}};
    r.blob = s->is_folder ? source_member(s, "saved_model.pb", err) : blob_ref(s->blob);
    int result = r.blob && r.b.graph ? read_whole(&r, err) : -1;
    release(&r);
    return graph_if(result == 0, r.b.graph);
}

static int sniff(const struct source *s)
{
    struct error ignored;
    if (!s->is_folder)
        return is_saved(s->blob) ? 60 : is_graph(s->blob) ? 90 : 0;
    struct blob *blob = source_member(s, "saved_model.pb", &ignored);
    bool found = blob && is_saved(blob);
    blob_unref(blob);
    return found ? 95 : 0;
}

const struct format format_tensorflow = {
    .name = "tensorflow",
    .suffixes = ".pb",
    .what = "TensorFlow: frozen graphs and SavedModels",
    .channels_last = true,
    .has_entries = true,
    .sniff = sniff,
    .read = tensorflow_read,
    .operator_at = operator_at,
};
