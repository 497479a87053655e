/* Reading .tflite files: the model, its subgraphs and their operators. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"
#include "format/tflite/write.h"

/* Tables of the FlatBuffer that may be visited, and tensors of subgraphs, those read several times counted each time.
 */
#define TABLES_MOST  ((size_t)1 << 22)
#define TENSORS_MOST ((size_t)1 << 20)

/* ---- operators ---- */

/* The name of a custom operator, with what cannot stand in an operator's name replaced. */
static const char *custom_name(struct tflite_graph *g, struct flatbuf_table code)
{
    struct flatbuf_vector text = flatbuf_string(code, CODE_CUSTOM);
    char *name =
        arena_strndup(&g->file->root->arena, text.data ? (const char *)text.data : "", text.count, g->file->err);
    build_check(g->b, name != NULL);
    for (char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            *c = '_';
    return name && !*name ? "CUSTOM" : name;
}

int tflite_code(struct flatbuf_table code)
{
    int old = (int)flatbuf_uint(code, CODE_OLD, 1, 0), new = (int)flatbuf_int(code, CODE_NEW, 4, 0);
    return old > new ? old : new;
}

/* The row of an operator's code; one of its own for what is not in the table. */
static struct tflite_row find_row(struct tflite_graph *g, struct flatbuf_table code)
{
    int number = tflite_code(code);
    char text[32];
    if (number == TFLITE_CUSTOM) {
        const char *name = custom_name(g, code);
        const struct tflite_row *row = name ? tflite_custom_row(name) : NULL;
        return row ? *row : (struct tflite_row){name, NULL, tflite_read_opaque, (int16_t)number, -1, false};
    }
    const struct tflite_row *row = tflite_row(number);
    const struct tflite_opaque *opaque = tflite_opaque(number);
    if (number > INT16_MAX)
        build_fail(g->b, "its operator has the number %d, which is none", number);
    if (row)
        return *row;
    if (opaque)
        return (struct tflite_row){opaque->name, NULL, tflite_read_opaque, (int16_t)number, -1, false};
    snprintf(text, sizeof text, "OPERATOR_%d", number);
    const char *name = arena_strdup(&g->file->root->arena, text, g->file->err);
    build_check(g->b, name != NULL);
    return (struct tflite_row){name, NULL, tflite_read_opaque, (int16_t)number, -1, false};
}

/* Whether what a moving operator moves, and where to, has one scale. */
static bool is_one_scale(struct tflite_op *o)
{
    const struct tflite_tensor *first = NULL;
    struct tflite_scale scale;
    bool same = true;
    for (int list = 0; list < 2; list++) {
        struct flatbuf_vector v = list ? o->outputs : o->inputs;
        for (size_t i = 0; i < v.count && same && !o->b->failed; i++) {
            const struct tflite_tensor *t = list ? tflite_output(o, (int)i) : tflite_input(o, (int)i);
            if (!t || (!list && !tflite_is_quantised(t, &scale)))
                continue;
            same = !first || tflite_same_scale(first, t);
            first = first ? first : t;
        }
    }
    return same && first && tflite_is_quantised(first, &scale);
}

/* What a node of the domain "tflite" needs to be written again. */
static void keep_options(struct tflite_op *o, struct node *n)
{
    const struct tflite_opaque *row = tflite_opaque(o->row->code);
    struct flatbuf_vector bytes = flatbuf_vector(o->table, OPERATOR_CUSTOM, 1);
    struct flatbuf_table code =
        flatbuf_vector_table(&o->g->file->buf, o->g->file->codes, flatbuf_uint(o->table, OPERATOR_CODE, 4, 0));
    struct flatbuf_vector custom = flatbuf_string(code, CODE_CUSTOM);
    char name[16];
    bool good = true;
    for (int slot = 0; row && row->widths[slot] && good; slot++) {
        int64_t number = flatbuf_int(o->options, slot, row->widths[slot] - '0', 0);
        if (number)
            good = node_set_int(n, tflite_slot_name(slot, name, sizeof name), number, o->b->err) == 0;
    }
    if (!row && o->row->code != TFLITE_CUSTOM && good)
        good = node_set_int(n, "code", o->row->code, o->b->err) == 0;
    if (!row && (o->options.file || flatbuf_table(o->table, OPERATOR_OPTIONS_2).file) && good)
        good = node_set_int(n, "has_options", 1, o->b->err) == 0;
    if (bytes.count && good)
        good = node_set_string(n, "custom_options", (const char *)bytes.data, bytes.count, o->b->err) == 0;
    bool is_other = custom.count != strlen(o->row->name) || memcmp(custom.data, o->row->name, custom.count) != 0;
    if (o->row->code == TFLITE_CUSTOM && custom.count && is_other && good)
        good = node_set_string(n, "custom_code", (const char *)custom.data, custom.count, o->b->err) == 0;
    build_check(o->b, good);
}

void tflite_read_opaque(struct tflite_op *o)
{
    struct value *in[64];
    char name[160];
    size_t count = o->inputs.count;
    if (count > 64 || o->outputs.count < 1 || o->outputs.count > 64) {
        tflite_fail(o, "%zu inputs and %u outputs: want at most 64, and an output", count, o->outputs.count);
        return;
    }
    for (size_t i = 0; i < count && !o->b->failed; i++)
        in[i] = tflite_raw(o, (int)i);
    snprintf(name, sizeof name, "tflite.%.100s", o->row->name);
    struct value *v = build_node(o->b, name, (int)count, in);
    if (v)
        keep_options(o, v->producer);
    for (int i = 0; i < (int)o->outputs.count && !o->b->failed; i++) {
        struct value *out = build_output(o->b, v, i);
        struct tflite_tensor *t = tflite_output(o, i);
        if (out && t && tflite_tensor_type(o->g, t, &out->type) == 0)
            tflite_give_raw(o, i, out);
    }
}

static void read_operator(struct tflite_graph *g, struct flatbuf_table table)
{
    struct tflite_op o = {.g = g, .b = g->b, .table = table};
    struct flatbuf_table code =
        flatbuf_vector_table(&g->file->buf, g->file->codes, flatbuf_uint(table, OPERATOR_CODE, 4, 0));
    struct tflite_row row = find_row(g, code);
    o.row = &row;
    o.options = flatbuf_table(table, OPERATOR_OPTIONS);
    o.inputs = flatbuf_vector(table, OPERATOR_INPUTS, 4);
    o.outputs = flatbuf_vector(table, OPERATOR_OUTPUTS, 4);
    if (g->file->operators++ >= TFLITE_OPERATORS_MOST)
        build_fail(g->b, "more than %d operators", TFLITE_OPERATORS_MOST);
    g->file->operands += (size_t)o.inputs.count + o.outputs.count;
    if (g->file->operands > g->file->blob->size / 4 + TFLITE_OPERATORS_MOST)
        build_fail(g->b, "more operands than the file has room for: operators share their lists");
    if (!code.file && !g->b->failed)
        build_fail(g->b, "an operator without a code");
    struct tflite_tensor *first = o.outputs.count ? tflite_output(&o, 0) : NULL;
    if (g->b->failed || g->file->buf.fault)
        return;
    build_layer(g->b, first ? tflite_tensor_name(g, first) : "");
    bool has_act = row.act >= 0 && flatbuf_int(o.options, row.act, 1, 0) != ACT_NONE;
    o.is_raw = row.moves && !has_act && is_one_scale(&o);
    row.read(&o);
    if (g->file->buf.fault)
        g->b->failed = true;
}

/* ---- subgraphs ---- */

static int read_tensors(struct tflite_graph *g)
{
    struct flatbuf_vector list = flatbuf_vector(g->table, GRAPH_TENSORS, 4);
    struct tflite_file *f = g->file;
    if (list.count > TENSORS_MOST - f->tensors) {
        build_fail(g->b, "more than %zu tensors", TENSORS_MOST);
        return -1;
    }
    f->tensors += list.count;
    g->tensors = mem_calloc(list.count, sizeof *g->tensors, f->err);
    build_check(g->b, g->tensors != NULL);
    for (g->tensor_count = 0; g->tensors && g->tensor_count < list.count; g->tensor_count++)
        g->tensors[g->tensor_count] =
            (struct tflite_tensor){.table = flatbuf_vector_table(&g->file->buf, list, g->tensor_count), .decoded = -1};
    return f->buf.fault || g->b->failed ? -1 : 0;
}

/* Batches that the file leaves open are N, other sizes a symbol of their own. */
static void name_dims(struct tflite_graph *g, struct type *type, size_t input)
{
    char name[64];
    for (int i = 0; i < type->rank; i++) {
        if (type->dims[i] >= 0)
            continue;
        snprintf(name, sizeof name, i ? "d%zu_%d" : "N", input, i);
        type->dims[i] = graph_symbol(g->file->root, name, g->file->err);
        build_check(g->b, type->dims[i] != 0);
    }
}

static void add_input(struct tflite_graph *g, struct tflite_tensor *t, size_t i)
{
    struct type type;
    struct tflite_scale scale;
    const char *name = tflite_tensor_name(g, t);
    if (t->raw)
        build_fail(g->b, "tensor '%s' is an input twice", name);
    if (g->b->failed || tflite_tensor_type(g, t, &type) < 0)
        return;
    name_dims(g, &type, i);
    t->raw = build_input(g->b, name, type.dtype, type.rank, type.dims);
    t->real = tflite_is_quantised(t, &scale) ? NULL : t->raw;
}

static void bind_inputs(struct tflite_graph *g, struct value *const *in, size_t count)
{
    struct flatbuf_vector list = flatbuf_vector(g->table, GRAPH_INPUTS, 4);
    struct tflite_scale scale;
    if (in && list.count != count)
        build_fail(g->b, "a subgraph of %u inputs is given %zu", list.count, count);
    for (size_t i = 0; i < list.count && !g->b->failed; i++) {
        struct tflite_tensor *t = tflite_tensor(g, flatbuf_vector_int(list, i));
        if (t && !in)
            add_input(g, t, i);
        if (!t || !in)
            continue;
        t->raw = in[i];
        t->real = tflite_is_quantised(t, &scale) ? NULL : in[i];
    }
}

static int take_outputs(struct tflite_graph *g, struct tflite_results *out)
{
    struct flatbuf_vector list = flatbuf_vector(g->table, GRAPH_OUTPUTS, 4);
    out->values = mem_calloc(list.count, sizeof *out->values, g->file->err);
    out->names = mem_calloc(list.count, sizeof *out->names, g->file->err);
    build_check(g->b, out->values && out->names);
    for (size_t i = 0; i < list.count && !g->b->failed; i++) {
        struct tflite_tensor *t = tflite_tensor(g, flatbuf_vector_int(list, i));
        out->values[i] = tflite_tensor_raw(g, t);
        out->names[i] = t ? tflite_tensor_name(g, t) : NULL;
        out->count = i + 1;
    }
    return g->b->failed ? -1 : 0;
}

void tflite_results_release(struct tflite_results *r)
{
    free(r->values);
    free(r->names);
    *r = (struct tflite_results){0};
}

static void read_operators(struct tflite_graph *g)
{
    struct flatbuf_vector list = flatbuf_vector(g->table, GRAPH_OPERATORS, 4);
    for (size_t i = 0; i < list.count && !g->b->failed; i++)
        read_operator(g, flatbuf_vector_table(&g->file->buf, list, i));
}

int tflite_read_graph(struct tflite_file *f, int64_t index, struct build *b, struct value *const *in, size_t count,
                      struct tflite_results *out)
{
    struct tflite_graph g = {.file = f, .b = b};
    *out = (struct tflite_results){0};
    if (index < 0 || (uint64_t)index >= f->graphs.count)
        build_fail(b, "subgraph %lld of %u", (long long)index, f->graphs.count);
    if (f->depth >= TFLITE_DEPTH_MOST)
        build_fail(b, "subgraphs inside of one another deeper than %d", TFLITE_DEPTH_MOST);
    if (b->failed)
        return -1;
    f->depth++;
    g.table = flatbuf_vector_table(&f->buf, f->graphs, (size_t)index);
    if (read_tensors(&g) == 0) {
        bind_inputs(&g, in, count);
        read_operators(&g);
        take_outputs(&g, out);
    }
    f->depth--;
    for (size_t i = 0; i < g.tensor_count; i++)
        tensor_unref(g.tensors[i].constant);
    free(g.tensors);
    build_check(b, !f->buf.fault);
    return b->failed ? -1 : 0;
}

/* ---- the file ---- */

/* Types that the file states need not be what operators take. */
static int check_types(const struct tflite_file *f)
{
    for (struct graph *g = f->root; g; g = graph_next(f->root, g))
        for (const struct node *n = g->first; n; n = n->next)
            if (n->def && op_check(n, f->err) < 0)
                return -1;
    return 0;
}

static int fill(struct tflite_file *f, struct build *b)
{
    struct tflite_results out;
    f->codes = flatbuf_vector(f->model, MODEL_CODES, 4);
    f->graphs = flatbuf_vector(f->model, MODEL_GRAPHS, 4);
    f->buffers = flatbuf_vector(f->model, MODEL_BUFFERS, 4);
    if (tflite_read_graph(f, 0, b, NULL, 0, &out) == 0) {
        for (size_t i = 0; i < out.count; i++)
            build_graph_output(b, out.values[i], out.names[i]);
        tflite_give_variables(f, b);
    }
    tflite_results_release(&out);
    if (flatbuf_check(&f->buf, f->err) < 0 || b->failed)
        return -1;
    for (struct graph *g = f->root; g; g = graph_next(f->root, g))
        graph_sweep_constants(g); /* which made others, or were read as numbers */
    if (build_graph_end(b) < 0 || check_types(f) < 0)
        return -1;
    return tflite_read_metadata(f);
}

static struct graph *tflite_read(const struct source *source, struct error *err)
{
    struct tflite_file f = {.blob = source->blob, .err = err};
    struct build b = {.err = err};
    flatbuf_init(&f.buf, source->blob->data, source->blob->size, TABLES_MOST);
    f.model = flatbuf_root(&f.buf);
    if (flatbuf_check(&f.buf, err) < 0)
        return NULL;
    b.graph = f.root = graph_new(err);
    return graph_if(f.root && fill(&f, &b) == 0, f.root);
}

static int tflite_sniff(const struct source *source)
{
    const struct blob *blob = source->blob;
    return blob->size >= 8 && memcmp((const char *)blob->data + 4, TFLITE_IDENTIFIER, 4) == 0 ? 100 : 0;
}

static const struct target_option options[] = {{"fp16", NULL, "weights as half floats"}, {NULL, NULL, NULL}};

const struct format format_tflite = {
    .name = "tflite",
    .suffixes = ".tflite .lite",
    .what = "TensorFlow Lite (LiteRT)",
    .channels_last = true,
    .has_properties = true,
    .lacks_parts = true,
    .has_numbers = true,
    .sniff = tflite_sniff,
    .read = tflite_read,
    .write = tflite_write,
    .options = options,
    .operator_at = tflite_operator_at,
};
