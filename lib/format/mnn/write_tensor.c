/* What writers of operators share: tables, tensors, operators. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/mnn/write.h"
#include "format/mnn/writers.h"

/* ---- tables ---- */

static int find_slot(struct mnn_writer *w, const char *field, struct mnn_field *f)
{
    for (int slot = 0; mnn_schema_field(w->schema, slot, f); slot++)
        if (strlen(field) == (size_t)f->name_size && memcmp(f->name, field, (size_t)f->name_size) == 0)
            return slot;
    w->out.failed = true;
    error_set(w->err, "%s has no field %s", w->schema->name, field);
    return -1;
}

void mnn_begin(struct mnn_writer *w, const char *table)
{
    w->schema = mnn_schema_find(table);
    flatbuf_begin(&w->out);
}

void mnn_put_int(struct mnn_writer *w, const char *field, int64_t value)
{
    struct mnn_field f;
    int slot = find_slot(w, field, &f);
    if (slot >= 0)
        flatbuf_add_int(&w->out, slot, strchr("by", f.kind) ? 1 : 4, value,
                        f.fallback ? strtol(f.fallback, NULL, 10) : 0);
}

void mnn_put_float(struct mnn_writer *w, const char *field, float value)
{
    struct mnn_field f;
    double fallback = 0;
    int slot = find_slot(w, field, &f);
    if (slot >= 0 && f.fallback)
        text_to_f64(f.fallback, strcspn(f.fallback, " "), &fallback);
    if (slot >= 0)
        flatbuf_add_float(&w->out, slot, value, (float)fallback);
}

void mnn_put_ref(struct mnn_writer *w, const char *field, uint32_t ref)
{
    struct mnn_field f;
    int slot = find_slot(w, field, &f);
    if (slot >= 0 && ref)
        flatbuf_add_ref(&w->out, slot, ref);
}

uint32_t mnn_end(struct mnn_writer *w)
{
    return flatbuf_end(&w->out);
}

void mnn_end_param(struct mnn_writer *w)
{
    w->param_number = w->schema->number;
    w->param = mnn_end(w);
}

uint32_t mnn_put_ints(struct mnn_writer *w, const int64_t *values, size_t count)
{
    int32_t narrow[1024];
    if (count > sizeof(narrow) / sizeof(*narrow)) {
        mnn_cannot(w, "a list of %zu numbers", count);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        narrow[i] = values[i] > INT32_MAX ? INT32_MAX : values[i] < INT32_MIN ? INT32_MIN : (int32_t)values[i];
    return flatbuf_put_i32s(&w->out, narrow, count);
}

/* ---- names ---- */

/* Its own, or made of its operator's; with a number where that is taken. In the arena of the graph. */
const char *mnn_node_name(struct mnn_writer *w, const struct node *n)
{
    char name[LOOKUP_FRESH];
    lookup_fresh(&w->at.op_names, n->name[0] ? n->name : n->op, 2, name);
    const char *kept = arena_strdup(&w->at.graph->root->arena, name, w->err);
    w->out.failed = w->out.failed || !kept;
    return kept ? kept : "";
}

/* Names that graphs make up, "_12", mean nothing and may clash when the file is read. */
static bool is_made_up(const char *name)
{
    size_t digits = name[0] == '_' ? strspn(name + 1, "0123456789") : 0;
    return digits > 0 && name[1 + digits] == '\0';
}

void mnn_settle_name(struct mnn_writer *w, struct value *v, const char *of, int i)
{
    char name[400];
    snprintf(name, sizeof(name), "%.300s/%d", of, i);
    if (is_made_up(v->name) && !graph_find_local(v->graph, name) && graph_rename_value(v, name, w->err) != 0)
        w->out.failed = true;
}

int mnn_new_tensor(struct mnn_writer *w, const char *name)
{
    uint32_t ref = flatbuf_put_string(&w->out, name);
    if (w->out.failed ||
        mem_grow(&w->at.names, &w->at.name_cap, w->at.name_count + 1, sizeof(*w->at.names), w->err) != 0) {
        w->out.failed = true;
        return -1;
    }
    w->at.names[w->at.name_count] = ref;
    return (int)w->at.name_count++;
}

int mnn_between(struct mnn_writer *w, const char *what)
{
    char name[400];
    snprintf(name, sizeof(name), "%s/%s", w->name, what);
    return mnn_new_tensor(w, name);
}

/* ---- operators ---- */

static uint32_t put_indexes(struct mnn_writer *w, int count, const int *list)
{
    int32_t narrow[1024];
    for (int i = 0; i < count && i < 1024; i++)
        narrow[i] = list[i];
    if (count > 1024)
        mnn_cannot(w, "%d operands", count);
    return count && count <= 1024 ? flatbuf_put_i32s(&w->out, narrow, (size_t)count) : 0;
}

static bool keep_op(struct mnn_writer *w, uint32_t op, const char *name)
{
    const char *copy = arena_strdup(&w->at.graph->root->arena, name, w->err);
    bool kept = copy && mem_grow(&w->at.ops, &w->at.op_cap, w->at.op_count + 1, sizeof(*w->at.ops), w->err) == 0 &&
                (lookup_find(&w->at.op_names, copy) || lookup_add(&w->at.op_names, copy, w, w->err) == 0);
    if (kept)
        w->at.ops[w->at.op_count++] = op;
    w->out.failed |= !kept;
    return kept;
}

void mnn_emit(struct mnn_writer *w, int type, const char *part, int in_count, const int *in, int out_count,
              const int *out)
{
    char name[400];
    snprintf(name, sizeof(name), part ? "%s/%s" : "%s", w->name, part);
    uint32_t ins = put_indexes(w, in_count, in), outs = put_indexes(w, out_count, out);
    uint32_t called = flatbuf_put_string(&w->out, name);
    mnn_begin(w, "Op");
    mnn_put_ref(w, "inputIndexes", ins);
    mnn_put_int(w, "mainType", w->param ? w->param_number : 0);
    mnn_put_ref(w, "main", w->param);
    mnn_put_ref(w, "name", called);
    mnn_put_ref(w, "outputIndexes", outs);
    mnn_put_int(w, "type", type);
    mnn_put_int(w, "defaultDimentionFormat", type == 80 ? MNN_NCHW : MNN_NHWC);
    uint32_t op = mnn_end(w);
    w->param = 0;
    w->param_number = 0;
    if (!w->out.failed)
        keep_op(w, op, name);
}

/* ---- constants ---- */

/* As i32: sentinels for "up to the end" keep their meaning at its ends. */
static struct tensor *narrowed(const struct tensor *t, struct error *err)
{
    struct tensor *narrow = tensor_new(DTYPE_I32, t->rank, t->dims, err);
    for (int64_t i = 0; narrow && i < t->count; i++) {
        int64_t number = tensor_get_i64(t, i);
        tensor_set_i64(narrow, i, number > INT32_MAX ? INT32_MAX : number < -INT32_MAX ? -INT32_MAX : number);
    }
    return narrow;
}

/* The numbers of a constant as MNN stores them. */
static uint32_t put_data(struct mnn_writer *w, const struct tensor *t, const char **field, int *type)
{
    enum dtype to = t->dtype == DTYPE_I64 || t->dtype == DTYPE_BOOL  ? DTYPE_I32
                    : t->dtype == DTYPE_F16 || t->dtype == DTYPE_F64 ? DTYPE_F32
                                                                     : t->dtype;
    bool half = w->half && to == DTYPE_F32 && t->count >= 64;
    struct tensor *cast =
        t->dtype == DTYPE_I64 ? narrowed(t, w->err) : tensor_cast(t, half ? DTYPE_F16 : to, true, w->err);
    *type = half ? MNN_HALF : mnn_type_of(to);
    *field = half || to == DTYPE_U8 ? "uint8s" : to == DTYPE_F32 ? "float32s" : to == DTYPE_I32 ? "int32s" : "int8s";
    w->out.failed = w->out.failed || !cast;
    uint32_t ref = 0;
    if (cast && *type)
        ref = half ? flatbuf_put_vector(&w->out, cast->data, cast->size, 1, 4)
                   : flatbuf_put_vector(&w->out, cast->data, (size_t)cast->count, dtype_info(to)->bits / 8, 4);
    else if (cast)
        mnn_cannot(w, "a constant of type %s", dtype_info(t->dtype)->name);
    tensor_unref(cast);
    return ref;
}

static int write_const(struct mnn_writer *w, const char *name, const struct tensor *t)
{
    const char *field, *said = w->name;
    int type, tensor = -1;
    uint32_t param = w->param, dims = t->rank ? mnn_put_ints(w, t->dims, (size_t)t->rank) : 0;
    int number = w->param_number;
    uint32_t data = put_data(w, t, &field, &type);
    mnn_begin(w, "Blob");
    mnn_put_ref(w, "dims", dims);
    mnn_put_int(w, "dataFormat", MNN_NCHW);
    mnn_put_int(w, "dataType", type);
    mnn_put_ref(w, field, data);
    mnn_end_param(w);
    w->name = name;
    tensor = mnn_new_tensor(w, name);
    mnn_emit(w, 11, NULL, 0, NULL, 1, &tensor);
    w->name = said;
    w->param = param;
    w->param_number = number;
    return tensor;
}

int mnn_const_tensor(struct mnn_writer *w, const char *what, struct tensor *t)
{
    char name[400];
    snprintf(name, sizeof(name), "%s/%s", w->name, what);
    w->out.failed = w->out.failed || !t;
    int tensor = t ? write_const(w, name, t) : -1;
    tensor_unref(t);
    return tensor;
}

int mnn_const_ints(struct mnn_writer *w, const char *what, const int64_t *values, int count, bool scalar)
{
    return mnn_const_tensor(w, what,
                            scalar ? tensor_scalar_i64(values[0], w->err) : tensor_ints(count, values, w->err));
}

int mnn_const_float(struct mnn_writer *w, const char *what, float value)
{
    return mnn_const_tensor(w, what, tensor_scalar_f32(value, w->err));
}

/* ---- tensors of values ---- */

static int convert(struct mnn_writer *w, int from, enum mnn_layout source, enum mnn_layout dest, const char *name)
{
    const char *said = w->name;
    uint32_t param = w->param;
    int number = w->param_number, tensor;
    mnn_begin(w, "TensorConvertInfo");
    mnn_put_int(w, "source", source);
    mnn_put_int(w, "dest", dest);
    mnn_end_param(w);
    w->name = name;
    tensor = mnn_new_tensor(w, name);
    mnn_emit(w, 129, NULL, 1, &from, 1, &tensor);
    w->name = said;
    w->param = param;
    w->param_number = number;
    return tensor;
}

/* A constant is named after itself, or after its first use. */
static int constant_place(struct mnn_writer *w, struct value *v)
{
    char name[400];
    int operand = 0;
    while (operand < w->node->in_count && w->node->in[operand] != v)
        operand++;
    if (is_made_up(v->name))
        snprintf(name, sizeof(name), "%.300s/constant%d", w->name, operand);
    else
        snprintf(name, sizeof(name), "%.399s", v->name);
    struct tensor *t = mnn_fixed(w, v);
    int tensor = t ? write_const(w, name, t) : -1;
    tensor_unref(t);
    return tensor;
}

/* A value of a graph around is an input of this one. */
static int capture(struct mnn_writer *w, struct value *v)
{
    struct mnn_level *at = &w->at;
    const char *said = w->name;
    uint32_t param = w->param;
    int number = w->param_number;
    for (size_t i = 0; i < at->capture_count; i++)
        if (at->captured[i] == v)
            return at->captured_as[i];
    if (mem_grow(&at->captured, &at->capture_cap, at->capture_count + 1, sizeof(*at->captured), w->err) != 0 ||
        mem_grow(&at->captured_as, &at->capture_as_cap, at->capture_count + 1, sizeof(*at->captured_as), w->err) != 0) {
        w->out.failed = true;
        return -1;
    }
    if (v->producer)
        mnn_settle_name(w, v, v->producer->name, v->producer_index);
    int tensor = mnn_write_graph_input(w, v);
    w->out.failed = w->out.failed || tensor < 0;
    at->captured[at->capture_count] = v;
    at->captured_as[at->capture_count++] = tensor;
    w->name = said;
    w->param = param;
    w->param_number = number;
    return tensor;
}

int mnn_plain(struct mnn_writer *w, struct value *v)
{
    char name[400];
    if (!v || w->out.failed)
        return -1;
    if (v->graph != w->at.graph)
        return mnn_is_fixed(v) ? constant_place(w, v) : capture(w, v);
    struct mnn_place *place = &w->at.places[v->index];
    if (place->plain >= 0)
        return place->plain;
    if (place->packed < 0 && mnn_is_fixed(v) && (place->plain = constant_place(w, v)) >= 0)
        return place->plain;
    if (place->packed < 0) {
        if (w->faults.count == 0)
            mnn_cannot(w, "its operand '%.100s' is not made", v->name);
        return -1;
    }
    if (v->is_output)
        snprintf(name, sizeof(name), "%.399s", v->name);
    else
        snprintf(name, sizeof(name), "%.300s/plain", v->producer ? v->producer->name : v->name);
    return place->plain = convert(w, place->packed, MNN_NC4HW4, MNN_NCHW, name);
}

int mnn_packed(struct mnn_writer *w, struct value *v)
{
    char name[400];
    if (!v || w->out.failed)
        return -1;
    struct mnn_place *place = v->graph == w->at.graph ? &w->at.places[v->index] : &(struct mnn_place){-1, -1};
    if (place->packed >= 0)
        return place->packed;
    int plain = mnn_plain(w, v);
    snprintf(name, sizeof(name), "%.300s/packed",
             v->is_input || v->constant || !v->producer ? v->name : v->producer->name);
    return place->packed = convert(w, plain, MNN_NCHW, MNN_NC4HW4, name);
}

bool mnn_is_packed(const struct mnn_writer *w, const struct value *v)
{
    return v && v->graph == w->at.graph && w->at.places[v->index].packed >= 0;
}

int mnn_result(struct mnn_writer *w, int i, bool packed)
{
    char name[400];
    struct value *v = node_out(w->node, i);
    if (!v)
        return mnn_between(w, "unused");
    if (!packed && v->is_output)
        snprintf(name, sizeof(name), "%.399s", v->name);
    else if (i == 0)
        snprintf(name, sizeof(name), v->is_output ? "%.300s/packed" : "%.300s", w->name);
    else
        snprintf(name, sizeof(name), "%.300s/%d", w->name, i);
    int tensor = mnn_new_tensor(w, name);
    *(packed ? &w->at.places[v->index].packed : &w->at.places[v->index].plain) = tensor;
    return tensor;
}

#define MAX_OPERANDS 1024

void mnn_emit_plain(struct mnn_writer *w, int type)
{
    int in[MAX_OPERANDS], out[64], count = w->node->in_count, results = w->node->out_count;
    if (count > MAX_OPERANDS || results > 64) {
        mnn_cannot(w, "%d operands", count + results);
        return;
    }
    for (int i = 0; i < count; i++)
        in[i] = mnn_plain(w, w->node->in[i]);
    for (int i = 0; i < results; i++)
        out[i] = mnn_result(w, i, false);
    mnn_emit(w, type, NULL, count, in, results, out);
}

void mnn_emit_same(struct mnn_writer *w, int type)
{
    struct value *x = node_in(w->node, 0);
    bool packed = mnn_is_packed(w, x);
    int in = packed ? mnn_packed(w, x) : mnn_plain(w, x), out = mnn_result(w, 0, packed);
    mnn_emit(w, type, NULL, 1, &in, 1, &out);
}

/* ---- several operators for one node ---- */

int mnn_step(struct mnn_writer *w, int type, const char *part, int in_count, const int *in)
{
    uint32_t param = w->param;
    int number = w->param_number, out = mnn_between(w, part);
    w->param = param;
    w->param_number = number;
    mnn_emit(w, type, part, in_count, in, 1, &out);
    return out;
}

int mnn_pack_step(struct mnn_writer *w, const char *part, int tensor)
{
    char name[400];
    snprintf(name, sizeof(name), "%s/%s/packed", w->name, part);
    return convert(w, tensor, MNN_NCHW, MNN_NC4HW4, name);
}

int mnn_unpack_step(struct mnn_writer *w, const char *part, int tensor)
{
    char name[400];
    snprintf(name, sizeof(name), "%s/%s/plain", w->name, part);
    return convert(w, tensor, MNN_NC4HW4, MNN_NCHW, name);
}

void mnn_param_int(struct mnn_writer *w, const char *table, const char *field, int64_t value)
{
    mnn_begin(w, table);
    mnn_put_int(w, field, value);
    mnn_end_param(w);
}

void mnn_param_binary(struct mnn_writer *w, int operation)
{
    mnn_param_int(w, "BinaryOp", "opType", operation);
}

void mnn_param_unary(struct mnn_writer *w, int operation)
{
    mnn_begin(w, "UnaryOp");
    mnn_put_int(w, "opType", operation);
    mnn_put_int(w, "T", MNN_FLOAT);
    mnn_end_param(w);
}

/* ---- graphs ---- */

int mnn_level_open(struct mnn_level *level, struct graph *g, struct error *err)
{
    *level = (struct mnn_level){.graph = g, .places = mem_calloc(g->value_count, sizeof(*level->places), err)};
    for (size_t i = 0; level->places && i < g->value_count; i++)
        level->places[i] = (struct mnn_place){-1, -1};
    for (struct node *n = g->first; n; n = n->next)
        n->scratch = NULL;
    return level->places ? 0 : -1;
}

void mnn_level_close(struct mnn_level *level)
{
    lookup_release(&level->op_names);
    free(level->ops);
    free(level->names);
    free(level->places);
    free(level->captured);
    free(level->captured_as);
}

void mnn_keep_subgraph(struct mnn_writer *w, uint32_t ref)
{
    if (mem_grow(&w->subgraphs, &w->subgraph_cap, w->subgraph_count + 1, sizeof(*w->subgraphs), w->err) != 0)
        w->out.failed = true;
    else
        w->subgraphs[w->subgraph_count++] = ref;
}

/* ---- facts ---- */

const struct mnn_row *mnn_row(const struct mnn_writer *w)
{
    return mnn_row_of(w->node);
}

int mnn_rank_of(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR ? v->type.rank : -1;
}

int mnn_input_ints(struct mnn_writer *w, int i, int64_t *values, int max, bool needed)
{
    struct value *v = node_in(w->node, i);
    struct tensor *t = mnn_fixed(w, v);
    int count = 0;
    if (t && t->count <= max) {
        count = (int)t->count;
        tensor_load_i64(t, 0, count, values);
        tensor_unref(t);
        return count;
    }
    tensor_unref(t);
    for (; v && count < v->known_count && count < max && v->known[count].kind == KNOWN_NUMBER; count++)
        values[count] = v->known[count].value;
    if (v && v->known_count > 0 && count == v->known_count)
        return count;
    if (needed)
        mnn_cannot(w, "input %d must be constant", i);
    return -1;
}
