/* All nodes of a graph as layers, and the files: of parameters as text, or in words where the name says .param.bin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/lower.h"
#include "format/ncnn/ncnn.h"
#include "format/ncnn/write.h"
#include "format/ncnn/write_text.h"
#include "format/source.h"

static const ncnn_write_fn writes[] = {
#define OP(domain, op, types, function) ncnn_write_##function,
#include "format/ncnn/write.def"
#undef OP
};

#include "format/ncnn/write.inc"
PACKED_TABLE(rows, struct ncnn_write_row, 3, writes);

const struct ncnn_write_row *ncnn_write_row(const struct node *n)
{
    const struct ncnn_write_row *row;
    for (size_t i = 0; (row = packed_row(&rows, i)); i++)
        if (strcmp(row->domain, n->domain) == 0 && (!row->op || strcmp(row->op, n->op) == 0))
            break;
    return row;
}

/* ---- nodes ---- */

static void write_input(struct writer *w, const struct value *v)
{
    static const int ids[BLOB_AXES + 1][BLOB_AXES] = {{0}, {0}, {1, 0}, {2, 1, 0}, {2, 11, 1, 0}};
    w->input = v;
    struct blob_shape s = ncnn_shape(w, v);
    const char *name = ncnn_result(w, v);
    bool known = true;
    enum dtype dtype = v->type.dtype;
    enum dtype_class class = dtype_info(dtype)->class;
    if (dtype != DTYPE_F32 && class != DTYPE_CLASS_INT && class != DTYPE_CLASS_UINT)
        ncnn_miss(w, "of a type that is neither float32 nor an integer");
    ncnn_layer_of(w, "Input", 0, NULL, 1, &name);
    for (int i = 0; i < s.n; i++)
        known = known && s.dims[i] > 0;
    /* ncnn does without sizes, but readers need the number of axes, and take three where nothing is said */
    for (int i = s.n - 1; (known || s.n != 3) && i >= 0; i--)
        ncnn_put_int(w, ids[s.n][i], s.dims[i] > 0 ? s.dims[i] : -1);
}

/* Of a value of too many axes: the first of size 1, whose place in the order of elements means nothing. */
static int any_batch(const struct type *t)
{
    for (int i = 0; t->rank > BLOB_AXES && i < t->rank; i++)
        if (t->dims[i] == 1)
            return i;
    return -1;
}

/* Operators whose layers make blobs of as many axes as they take, whatever the sizes. */
static const char *const cutters[] = {"Slice", "Split", "Pad", "Concat", "Tile", "MatMul", "Gemm", "CumSum"};

/* Whether a result has the axes of the first operand, which has no batch: an axis of size 1 in front is none either. */
static bool keeps_all_axes(struct writer *w, const struct node *n, const struct type *t)
{
    const struct value *x = node_in(n, 0);
    bool each = op_trait(n, "axes=each") || node_is(n, "LayerNormalization") || node_is(n, "RMSNormalization");
    bool any = false;
    for (size_t i = 0; i < sizeof(cutters) / sizeof(cutters[0]); i++)
        any = any || node_is(n, cutters[i]);
    return (each || any) && x && !x->constant && ncnn_batch(w, x) < 0 && t->rank >= 0 && x->type.rank == t->rank &&
           t->rank <= BLOB_AXES && (any || memcmp(x->type.dims, t->dims, (size_t)t->rank * sizeof(*t->dims)) == 0);
}

/* The batch of a result is where that of the first operand of as many axes is, or first. */
static void place_batches(struct writer *w, const struct node *n)
{
    for (int o = 0; o < n->out_count; o++) {
        const struct value *v = n->out[o];
        if (!v)
            continue;
        const struct type *t = &v->type;
        int axis = t->kind == TYPE_TENSOR && t->rank >= 2 && t->dims[0] == 1 ? 0 : any_batch(t);
        for (int i = n->in_count - 1; i >= 0; i--) {
            const struct value *x = n->in[i];
            bool alike = x && !x->constant && x->type.rank == t->rank && ncnn_batch(w, x) >= 0;
            if (alike && t->dims[ncnn_batch(w, x)] == 1)
                axis = ncnn_batch(w, x);
        }
        ncnn_set_batch(w, v, keeps_all_axes(w, n, t) ? -1 : axis);
    }
}

/* Whether all operands and results have a known number of axes, without which no blob can be said. */
static bool has_ranks(const struct node *n)
{
    bool known = true;
    for (int i = 0; i < n->in_count; i++)
        known = known && (!n->in[i] || n->in[i]->type.rank >= 0);
    for (int o = 0; o < n->out_count; o++)
        known = known && (!n->out[o] || n->out[o]->type.rank >= 0);
    return known;
}

static void write_node(struct writer *w, struct node *n)
{
    const struct ncnn_write_row *row = ncnn_write_row(n);
    const struct value *first = node_out(n, 0);
    w->n = n;
    if (first && w->slots[first->index].done)
        return;
    place_batches(w, n);
    if (!row)
        ncnn_miss(w, "is not among its layers");
    else if (n->def && !has_ranks(n))
        ncnn_miss(w, "with a number of axes that is not known");
    else if (!format_takes(n, row->types))
        ncnn_miss(w, "of integers");
    else
        row->write(w);
}

/* ---- blobs that several layers take ---- */

struct uses {
    const char *name;
    int count;      /* layers that take it, and 1 if it is an output of the graph */
    int next;       /* the part that the next one takes */
    const char *of; /* the blob before the Split, when it has another name */
    bool is_output;
};

static int count_uses(struct writer *w, struct lookup *table, struct uses *list)
{
    size_t n = 0;
    for (size_t i = 0; i < w->net.layer_count; i++)
        for (int o = 0; o < w->net.layers[i].out_count; o++) {
            list[n].name = w->net.layers[i].out[o];
            if (lookup_add(table, list[n].name, &list[n], w->err) != 0)
                return -1;
            n++;
        }
    for (size_t i = 0; i < w->net.layer_count; i++)
        for (int k = 0; k < w->net.layers[i].in_count; k++) {
            struct uses *u = lookup_find(table, w->net.layers[i].in[k]);
            if (!u)
                return error_set(w->err, "blob '%s' is taken and not made", w->net.layers[i].in[k]);
            u->count++;
        }
    for (size_t i = 0; i < w->g->output_count; i++) {
        const char *blob = w->slots[w->g->outputs[i]->index].blob;
        if (!blob)
            return error_set(w->err, "ncnn cannot carry output '%.200s', which is a constant of bytes with a scale",
                             w->g->outputs[i]->name);
        struct uses *u = lookup_find(table, blob);
        if (u && !u->is_output)
            u->count++;
        if (u)
            u->is_output = true;
    }
    return 0;
}

static const char *part_name(struct writer *w, const struct uses *u, int i)
{
    char text[300];
    snprintf(text, sizeof(text), "%.200s_splitncnn_%d", u->name, i);
    return arena_strdup(&w->net.arena, text, w->err);
}

/* A Split behind the layer for each of its blobs that several take. An output of the graph keeps its name: it is one of
 * the parts, and the blob before has another. */
static int add_split(struct writer *w, struct ncnn_net *to, struct uses *u)
{
    struct ncnn_layer *l = ncnn_add_layer(to, w->err);
    const char **in = arena_alloc(&w->net.arena, sizeof(*in), w->err);
    const char **out = arena_alloc(&w->net.arena, (size_t)u->count * sizeof(*out), w->err);
    if (!l || !in || !out)
        return -1;
    in[0] = u->of;
    for (int i = 0; i < u->count; i++)
        if (!(out[i] = u->is_output && i == u->count - 1 ? u->name : part_name(w, u, i)))
            return -1;
    l->name = part_name(w, u, u->count);
    *l = (struct ncnn_layer){
        .type = "Split", .name = l->name, .in_count = 1, .out_count = u->count, .in = in, .out = out};
    return l->name ? 0 : -1;
}

static int with_splits_of(struct writer *w, struct ncnn_net *to, const struct ncnn_layer *from, struct lookup *table)
{
    struct ncnn_layer *l = ncnn_add_layer(to, w->err);
    if (!l)
        return -1;
    *l = *from;
    for (int k = 0; k < l->in_count; k++) {
        struct uses *u = lookup_find(table, l->in[k]);
        if (u->count > 1 && !(l->in[k] = part_name(w, u, u->next++)))
            return -1;
    }
    for (int o = 0; o < from->out_count; o++) {
        struct uses *u = lookup_find(table, from->out[o]);
        if (u->count < 2)
            continue;
        char text[260];
        snprintf(text, sizeof(text), "%.200s_whole", u->name);
        u->of = u->is_output ? arena_strdup(&w->net.arena, text, w->err) : u->name;
        if (!u->of)
            return -1;
        from->out[o] = u->of;
        if (add_split(w, to, u) != 0)
            return -1;
    }
    return 0;
}

static int add_splits(struct writer *w)
{
    size_t blobs = 0;
    struct lookup table = {0};
    struct ncnn_net to = {0};
    for (size_t i = 0; i < w->net.layer_count; i++)
        blobs += (size_t)w->net.layers[i].out_count;
    struct uses *list = mem_calloc(blobs, sizeof(*list), w->err);
    int status = list ? count_uses(w, &table, list) : -1;
    for (size_t i = 0; status == 0 && i < w->net.layer_count; i++)
        status = with_splits_of(w, &to, &w->net.layers[i], &table);
    lookup_release(&table);
    free(list);
    if (status != 0) {
        free(to.layers);
        return -1;
    }
    free(w->net.layers);
    w->net.layers = to.layers;
    w->net.layer_count = to.layer_count;
    return 0;
}

/* ---- the outputs' order ---- */

/* Where a blob is made, among all; -1: nowhere. */
static int64_t place_of(const struct writer *w, const char *blob)
{
    int64_t place = 0;
    for (size_t i = 0; i < w->net.layer_count; i++)
        for (int o = 0; o < w->net.layers[i].out_count; o++, place++)
            if (strcmp(w->net.layers[i].out[o], blob) == 0)
                return place;
    return -1;
}

static void rename_in(const char **list, int count, const char *from, const char *to)
{
    for (int i = 0; i < count; i++)
        if (strcmp(list[i], from) == 0)
            list[i] = to;
}

/* The blob is made once more, by a layer behind all others. */
static void make_last(struct writer *w, const char *blob)
{
    const char *inner = ncnn_fresh(w, blob);
    for (size_t i = 0; i < w->net.layer_count; i++) {
        struct ncnn_layer *l = &w->net.layers[i];
        rename_in(l->in, l->in_count, blob, inner);
        rename_in(l->out, l->out_count, blob, inner);
    }
    ncnn_layer_of(w, "Noop", 1, &inner, 1, &blob);
}

/* ncnn lists outputs in the order in which layers make them. */
static void order_outputs(struct writer *w)
{
    const struct graph *g = w->g;
    int64_t last = -1;
    bool ordered = true;
    for (size_t i = 0; i < g->output_count && ordered; i++) {
        const char *blob = w->slots[g->outputs[i]->index].blob;
        int64_t place = blob ? place_of(w, blob) : -1;
        ordered = place < 0 || place >= last;
        last = place < 0 ? last : place;
    }
    for (size_t i = 0; i < g->output_count && !ordered && !w->failed; i++) {
        const char *blob = w->slots[g->outputs[i]->index].blob;
        if (blob && place_of(w, blob) >= 0)
            make_last(w, blob);
    }
}

/* ---- the whole ---- */

static int start(struct writer *w)
{
    w->slots = mem_calloc(w->g->value_count, sizeof(*w->slots), w->err);
    for (size_t i = 0; w->slots && i < w->g->value_count; i++) {
        const struct value *v = w->g->values[i];
        const struct type *t = v ? &v->type : NULL;
        bool has = v && !v->constant && t->kind == TYPE_TENSOR && t->rank >= 2 && t->dims[0] == 1;
        w->slots[i].batch = has ? 0 : -1;
    }
    return w->slots ? 0 : -1;
}

static int write_nodes(struct writer *w)
{
    for (size_t i = 0; i < w->g->input_count; i++)
        write_input(w, w->g->inputs[i]);
    for (struct node *n = w->g->first; n && !w->failed; n = n->next)
        write_node(w, n);
    if (!w->failed && !w->miss_count)
        order_outputs(w);
    if (w->failed)
        return -1;
    return w->miss_count ? ncnn_tell_misses(w) : add_splits(w);
}

static int write_files(struct writer *w, struct target *target)
{
    struct text text;
    struct file_out *param = target_file(target, NULL, w->err), *bin = NULL;
    bool binary = target->path && source_suffix(target->path, ".param.bin");
    text_init(&text);
    int status = 0;
    if (binary)
        status = ncnn_write_words(&text, &w->net, w->err);
    else
        ncnn_write_net(&text, &w->net);
    if (status == 0)
        status = text.failed ? error_memory(w->err) : param ? file_write(param, text.data, text.size, w->err) : -1;
    text_release(&text);
    if (status == 0 && !(bin = target_file(target, ".bin", w->err)))
        status = -1;
    for (size_t i = 0; status == 0 && i < w->record_count; i++)
        status = ncnn_write_record(bin, w->records[i].tensor, w->records[i].tagged, w->half, w->err);
    return status;
}

static void release(struct writer *w)
{
    for (size_t i = 0; i < w->made_count; i++)
        tensor_unref(w->made[i]);
    lookup_release(&w->names);
    ncnn_net_release(&w->net);
    free(w->made);
    free(w->records);
    free(w->misses);
    lookup_release(&w->origins.names);
    free(w->slots);
    graph_free(w->g);
}

int ncnn_write(const struct graph *g, struct target *target, struct error *err)
{
    struct writer w = {.err = err, .origins.from = g, .half = target_option(target, "fp16") != NULL};
    ncnn_net_init(&w.net);
    w.g = ncnn_write_prepare(g, err);
    int status = w.g && start(&w) == 0 && write_nodes(&w) == 0 ? write_files(&w, target) : -1;
    release(&w);
    return status;
}
