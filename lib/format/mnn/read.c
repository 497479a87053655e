/* Reading a net: tensors, operators in order, inputs and outputs. */
#include "format/mnn/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/mnn/handlers.h"
#include "format/mnn/mnn.h"

#define MAX_TABLES  (1 << 24) /* of a file: far more than operators and their parameters make */
#define MAX_TENSORS (1 << 22)

/* ---- scopes ---- */

/* What the file says of tensors that are rounded to integers. */
static void read_describes(struct mnn_scope *s)
{
    size_t count = mnn_vector(&s->table, "extraTensorDescribe").count;
    for (size_t i = 0; i < count; i++) {
        struct mnn_table describe = mnn_item(&s->table, "extraTensorDescribe", i);
        struct mnn_table quant = mnn_sub(&describe, "quantInfo");
        int64_t index = mnn_int(&describe, "index");
        if (index < 0 || index >= (int64_t)s->count)
            continue;
        float zero = mnn_float(&quant, "zero");
        s->values[index].scale = mnn_float(&quant, "scale");
        s->values[index].zero = zero >= -128 && zero <= 127 ? zero : 0;
    }
}

int mnn_scope_open(struct mnn_scope *s, struct error *err)
{
    size_t count = mnn_vector(&s->table, s->outer ? "tensors" : "tensorName").count;
    int64_t said = mnn_int(&s->table, "tensorNumber");
    if (count == 0 && said > 0 && said < MAX_TENSORS)
        count = (size_t)said;
    s->values = count <= s->reader->file.size ? mem_calloc(count, sizeof(*s->values), err) : NULL;
    s->count = s->values ? count : 0;
    if (!s->values)
        return error_set(err, "%zu tensors are more than the file can hold", count);
    read_describes(s);
    return 0;
}

const char *mnn_tensor_name(struct mnn_scope *s, size_t i)
{
    struct flatbuf_vector names = mnn_vector(&s->table, s->outer ? "tensors" : "tensorName");
    struct flatbuf_vector name = flatbuf_vector_string(&s->reader->file, names, i);
    return name.count ? arena_strndup(&s->b.graph->root->arena, (const char *)name.data, name.count, s->b.err) : NULL;
}

/* ---- one operator ---- */

static const struct {
    void (*read)(struct mnn_op *o);
    int number;
} rest[] = {
#define OP(number, name, param, read, onnx) {read, number},
#include "format/mnn/ops.def"
#undef OP
};

#include "format/mnn/ops.inc"
PACKED_TABLE(kinds, struct mnn_kind, 3, rest);

const char *mnn_operator_at(size_t index)
{
    const struct mnn_kind *kind = packed_row(&kinds, index);
    return kind ? kind->name : NULL;
}

const struct mnn_kind *mnn_kind_at(int number)
{
    const struct mnn_kind *kind;
    for (size_t i = 0; (kind = packed_row(&kinds, i)) && kind->number != number;)
        i++;
    return kind;
}

const struct mnn_kind *mnn_kind_named(const char *name)
{
    return packed_find(&kinds, name);
}

static void check_indexes(struct mnn_op *o, struct flatbuf_vector v, const char *what)
{
    for (size_t i = 0; i < v.count && !o->b->failed; i++) {
        int64_t index = flatbuf_vector_int(v, i);
        if (index >= (int64_t)o->scope->count || (index < 0 && what[0] == 'o'))
            build_fail(o->b, "%s %zu is tensor %lld of %zu", what, i, (long long)index, o->scope->count);
    }
}

/* The node that makes the result is called as the operator; one before it, which has that name, after itself. */
static void name_nodes(struct mnn_op *o)
{
    char name[300];
    struct node *first = o->before ? o->before->next : o->b->graph->first;
    size_t at = o->out.count ? (size_t)flatbuf_vector_int(o->out, 0) : 0;
    struct value *v = o->out.count ? o->scope->values[at].value : NULL;
    struct node *last = v && v->graph == o->b->graph ? v->producer : NULL;
    if (!first || !last || first == last || last == o->before)
        return;
    for (struct node *n = first; n != last; n = n->next)
        if (!n->next)
            return; /* made before this operator's turn */
    snprintf(name, sizeof(name), "%.250s/%s_1", o->name, first->op);
    build_check(o->b, node_set_name(first, name, o->b->err) == 0 && node_set_name(last, o->name, o->b->err) == 0);
}

/* What cannot be told apart in the file: a number that is no operator's here. */
static const struct mnn_kind unknown = {.name = "Op", .param = "", .read = mnn_read_opaque, .number = -1};

#define ROOM_BESIDE (1 << 20) /* bodies may be read several times */

/* Operators and their lists of operands, of which many may be one in the file, take as many bytes as it has. */
static void check_room(struct mnn_op *o)
{
    struct mnn_reader *r = o->scope->reader;
    r->taken += 20 + 4 * ((size_t)o->in.count + o->out.count);
    if (r->taken > r->file.size + ROOM_BESIDE)
        build_fail(o->b, "more operators and operands than the file has room for: they are shared");
}

static void read_op(struct mnn_scope *s, const struct mnn_table *table)
{
    struct mnn_op o = {.scope = s, .b = &s->b, .table = *table, .param = mnn_sub(table, "main")};
    const struct mnn_kind *kind = mnn_kind_at((int)mnn_int(table, "type"));
    struct flatbuf_vector name = mnn_vector(table, "name");
    o.kind = kind ? kind : &unknown;
    if (!o.param.raw.file)
        o.param.schema = mnn_schema_find(o.kind->param);
    o.in = mnn_vector(table, "inputIndexes");
    o.out = mnn_vector(table, "outputIndexes");
    o.name = arena_strndup(&s->b.graph->root->arena, (const char *)name.data, name.count, s->b.err);
    build_check(o.b, o.name != NULL);
    check_room(&o);
    check_indexes(&o, o.in, "input");
    if (o.in.count && !mnn_has_in(&o, 0)) /* further ones may be absent */
        build_fail(o.b, "input 0 is absent");
    check_indexes(&o, o.out, "output");
    build_layer(o.b, o.name);
    o.before = s->b.graph->last;
    if (!o.b->failed)
        (o.kind->read ? o.kind->read : mnn_read_opaque)(&o);
    if (!o.b->failed)
        name_nodes(&o);
    if (flatbuf_check(&s->reader->file, s->b.err) != 0)
        build_check(o.b, false);
    else if (o.b->failed)
        error_prefix(s->b.err, "operator '%.200s' (%s)", o.name ? o.name : "", o.kind->name);
}

int mnn_read_nodes(struct mnn_scope *s, const char *field)
{
    size_t count = mnn_vector(&s->table, field).count;
    for (size_t i = 0; i < count && !s->b.failed; i++) {
        struct mnn_table op = mnn_item(&s->table, field, i);
        read_op(s, &op);
    }
    return s->b.failed ? -1 : 0;
}

/* ---- outputs ---- */

/* A truth value leaves as MNN has it, i32; so do all integers. */
static void add_output(struct mnn_scope *s, size_t i, const char *name)
{
    struct value *v = s->values[i].value;
    const struct type *type = v ? build_type(&s->b, v) : NULL;
    build_layer(&s->b, name);
    if (type && !v->is_input && (type->dtype == DTYPE_I64 || type->dtype == DTYPE_BOOL))
        v = build_cast(&s->b, v, DTYPE_I32);
    build_graph_output(&s->b, v, name);
}

static int find_tensor(struct mnn_scope *s, struct flatbuf_vector name)
{
    struct flatbuf_vector names = mnn_vector(&s->table, "tensorName");
    for (size_t i = s->count; i-- > 0;) {
        if (s->values[i].value && mnn_same_bytes(flatbuf_vector_string(&s->reader->file, names, i), name))
            return (int)i;
    }
    return -1;
}

static void read_named_outputs(struct mnn_scope *s, struct flatbuf_vector list)
{
    for (size_t i = 0; i < list.count && !s->b.failed; i++) {
        struct flatbuf_vector name = flatbuf_vector_string(&s->reader->file, list, i);
        int at = find_tensor(s, name);
        if (at < 0)
            build_fail(&s->b, "output '%.*s' is no tensor that an operator makes", (int)(name.count % 200), name.data);
        else
            add_output(s, (size_t)at, mnn_tensor_name(s, (size_t)at));
    }
}

/* Old files do not list outputs: these are what nothing takes. */
static void read_unused_outputs(struct mnn_scope *s)
{
    size_t found = 0;
    for (size_t i = 0; i < s->count && !s->b.failed; i++) {
        struct value *v = s->values[i].value;
        if (!v || v->constant || s->values[i].used || v->is_input)
            continue;
        const char *name = mnn_tensor_name(s, i);
        add_output(s, i, name ? name : v->name);
        found++;
    }
    if (!s->b.failed && found == 0)
        build_fail(&s->b, "the net has no outputs");
}

/* ---- the whole ---- */

static void set_property(struct graph *g, const char *key, struct flatbuf_vector text, struct build *b)
{
    if (text.count)
        build_check(b, graph_set_property(g, key, (const char *)text.data, text.count, b->err) == 0);
}

static void read_properties(struct mnn_scope *s)
{
    struct mnn_table extra = mnn_sub(&s->table, "extraInfo");
    struct graph *g = s->b.graph;
    struct flatbuf_vector code = mnn_vector(&s->table, "bizCode");
    build_check(&s->b, graph_set_property(g, "producer", "MNN", 3, s->b.err) == 0);
    set_property(g, "producer_version", mnn_vector(&extra, "version"), &s->b);
    g->name = arena_strndup(&g->arena, (const char *)code.data, code.count, s->b.err);
    build_check(&s->b, g->name != NULL);
}

static int read_net(struct mnn_scope *s, struct error *err)
{
    struct flatbuf_vector outputs = mnn_vector(&s->table, "outputName");
    if (mnn_vector(&s->table, "oplists").count == 0)
        return error_set(err, "the net has no operators");
    if (mnn_scope_open(s, err) != 0)
        return -1;
    read_properties(s);
    mnn_read_nodes(s, "oplists");
    if (!s->b.failed && outputs.count)
        read_named_outputs(s, outputs);
    else if (!s->b.failed)
        read_unused_outputs(s);
    free(s->values);
    return flatbuf_check(&s->reader->file, err) != 0 ? -1 : build_graph_end(&s->b);
}

struct graph *mnn_read(const struct source *source, struct error *err)
{
    struct mnn_reader r = {.source = source, .err = err};
    struct mnn_scope s = {.reader = &r, .b = {.graph = graph_new(err), .err = err}};
    if (!s.b.graph)
        return NULL;
    flatbuf_init(&r.file, source->blob->data, source->blob->size, MAX_TABLES);
    r.net = (struct mnn_table){flatbuf_root(&r.file), mnn_schema_find("Net")};
    s.table = r.net;
    int result = read_net(&s, err);
    blob_unref(r.weights);
    return graph_if(result == 0, s.b.graph);
}
