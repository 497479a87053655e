/* Branches and loops, whose bodies are subgraphs of the net, found by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/mnn/handlers.h"

#define MAX_DEPTH     16
#define MAX_SUBGRAPHS 4096 /* read in all: the same one may be named again and again */
#define MAX_OPERANDS  256

/* ---- reading a subgraph ---- */

static struct mnn_table find_subgraph(struct mnn_op *o, const char *field)
{
    const struct mnn_table *net = &o->scope->reader->net;
    struct flatbuf_vector name = mnn_vector(&o->param, field);
    size_t count = mnn_vector(net, "subgraphs").count;
    for (size_t i = 0; i < count; i++) {
        struct mnn_table sub = mnn_item(net, "subgraphs", i);
        if (name.count && mnn_same_bytes(mnn_vector(&sub, "name"), name))
            return sub;
    }
    build_fail(o->b, "its subgraph '%.*s' is not in the file", (int)(name.count % 200), name.data);
    return (struct mnn_table){0};
}

static bool open_body(struct mnn_op *o, struct mnn_scope *s, const char *field)
{
    struct mnn_reader *r = o->scope->reader;
    *s = (struct mnn_scope){.reader = r, .outer = o->scope, .table = find_subgraph(o, field)};
    if (r->depth >= MAX_DEPTH || ++r->subgraphs > MAX_SUBGRAPHS)
        build_fail(o->b, "subgraphs nest too deep, or are too many");
    build_infer(o->b);
    if (o->b->failed)
        return false;
    s->b = (struct build){.graph = graph_new_subgraph(o->b->graph, o->b->err), .err = o->b->err};
    if (!s->b.graph || mnn_scope_open(s, o->b->err) != 0)
        build_check(o->b, false);
    return !o->b->failed;
}

/* Gives a tensor of the subgraph its value beforehand: its Input operator then has nothing to do. */
static void preset(struct mnn_scope *s, int64_t index, struct value *v, enum mnn_layout layout)
{
    if (index >= 0 && index < (int64_t)s->count)
        s->values[index] = (struct mnn_value){.value = v, .layout = layout};
}

/* What leaves a subgraph is of its own graph, and a truth value only where one is wanted. */
static void add_result(struct mnn_scope *s, int64_t index, bool truth)
{
    char name[32];
    snprintf(name, sizeof(name), "result%zu", s->b.graph->output_count);
    const char *layer = arena_strdup(&s->b.graph->root->arena, name, s->b.err);
    struct value *v = index >= 0 && index < (int64_t)s->count ? s->values[index].value : NULL;
    const struct type *type = v && !s->b.failed ? build_type(&s->b, v) : NULL;
    if (!type) {
        build_fail(&s->b, "result %lld of the subgraph is not made", (long long)index);
        return;
    }
    build_layer(&s->b, layer ? layer : "");
    if (truth != (type->dtype == DTYPE_BOOL) && (truth || type->dtype == DTYPE_BOOL))
        v = build_cast(&s->b, v, truth ? DTYPE_BOOL : DTYPE_I64);
    else if (v->graph != s->b.graph)
        v = BUILD(&s->b, "Identity", v);
    build_graph_output(&s->b, v, NULL);
}

static void read_body(struct mnn_op *o, struct mnn_scope *s)
{
    s->reader->depth++;
    mnn_read_nodes(s, "nodes");
    s->reader->depth--;
    build_check(o->b, !s->b.failed);
}

static struct graph *close_body(struct mnn_op *o, struct mnn_scope *s)
{
    build_infer(&s->b);
    build_check(o->b, !s->b.failed);
    free(s->values);
    return s->b.graph;
}

static void set_body(struct mnn_op *o, struct value *y, const char *attr, struct graph *body)
{
    if (!o->b->failed)
        build_check(o->b, node_set_graph(y->producer, attr, body, o->b->err) == 0);
}

static int64_t find_tensor(struct mnn_scope *s, struct flatbuf_vector name)
{
    struct flatbuf_vector names = mnn_vector(&s->table, "tensors");
    for (size_t i = 0; i < names.count && i < s->count; i++)
        if (mnn_same_bytes(flatbuf_vector_string(&s->reader->file, names, i), name))
            return (int64_t)i;
    return -1;
}

/* ---- If ---- */

/* Input i goes to the tensors that aliases_inputs[i] names, of either branch. */
static void preset_aliases(struct mnn_op *o, struct mnn_scope *s)
{
    size_t count = mnn_vector(&o->param, "aliases_inputs").count;
    for (size_t i = 0; i < count && i < o->in.count && !o->b->failed; i++) {
        struct mnn_table alias = mnn_item(&o->param, "aliases_inputs", i);
        struct flatbuf_vector names = mnn_vector(&alias, "data");
        for (size_t j = 0; j < names.count && !o->b->failed; j++) {
            int64_t index = find_tensor(s, flatbuf_vector_string(o->param.raw.file, names, j));
            if (index >= 0)
                preset(s, index, mnn_in_any(o, i), mnn_layout_in(o, i));
        }
    }
}

static struct graph *read_branch(struct mnn_op *o, const char *field, size_t side)
{
    struct mnn_scope s;
    size_t count = mnn_vector(&o->param, "aliases_outputs").count;
    if (!open_body(o, &s, field))
        return NULL;
    preset_aliases(o, &s);
    read_body(o, &s);
    for (size_t i = 0; i < count && !o->b->failed; i++) {
        struct mnn_table alias = mnn_item(&o->param, "aliases_outputs", i);
        struct flatbuf_vector names = mnn_vector(&alias, "data");
        add_result(&s, find_tensor(&s, flatbuf_vector_string(o->param.raw.file, names, side)), false);
        build_check(o->b, !s.b.failed);
    }
    return close_body(o, &s);
}

void mnn_read_if(struct mnn_op *o)
{
    struct value *condition = mnn_int_scalar(o, mnn_in_bool(o, 0));
    struct graph *yes = read_branch(o, "then_graph", 0), *no = read_branch(o, "else_graph", 1);
    build_layer(o->b, o->name);
    struct value *y = BUILD(o->b, "If", condition);
    set_body(o, y, "then_branch", yes);
    set_body(o, y, "else_branch", no);
    build_output(o->b, y, (int)o->out.count - 1);
    for (size_t i = 0; i < o->out.count && !o->b->failed; i++)
        mnn_give_as(o, i, build_output(o->b, y, (int)i), MNN_NCHW);
}

/* ---- While ---- */

/* Inputs of the body: the count, the condition, what is carried on, each of the type of what it begins with. */
static void add_body_inputs(struct mnn_op *o, struct mnn_scope *s, struct value *const *begin)
{
    int64_t index[MAX_OPERANDS];
    struct flatbuf_vector inputs = mnn_vector(&s->table, "inputs");
    if (inputs.count != o->in.count)
        build_fail(o->b, "its body has %u inputs, want %u", inputs.count, o->in.count);
    for (size_t i = 0; i < inputs.count && !o->b->failed; i++) {
        index[i] = flatbuf_vector_int(inputs, i);
        const struct type *type = begin[i] ? build_type(o->b, begin[i]) : NULL;
        const char *name = index[i] >= 0 && index[i] < (int64_t)s->count ? mnn_tensor_name(s, (size_t)index[i]) : NULL;
        int64_t dims[TENSOR_MAX_RANK];
        for (int d = 0; d < TENSOR_MAX_RANK; d++)
            dims[d] = DIM_UNKNOWN;
        enum dtype dtype = i == 0 ? DTYPE_I64 : i == 1 ? DTYPE_BOOL : type ? type->dtype : DTYPE_NONE;
        struct value *v = build_input(&s->b, name, dtype, i < 2 ? 0 : type ? type->rank : -1, dims);
        preset(s, index[i], v, i < 2 ? MNN_NCHW : mnn_layout_in(o, i));
        build_check(o->b, !s->b.failed);
    }
}

/* Without a graph for the condition it is a loop as ONNX has it; others are kept as they are. */
void mnn_read_while(struct mnn_op *o)
{
    struct value *in[MAX_OPERANDS];
    struct mnn_scope s;
    if (mnn_vector(&o->param, "cond_graph").count || !mnn_vector(&o->param, "body_graph").count || o->in.count < 2 ||
        o->in.count > MAX_OPERANDS) {
        mnn_read_opaque(o);
        return;
    }
    for (size_t i = 0; i < o->in.count; i++)
        in[i] = i == 0 ? mnn_int_scalar(o, mnn_in(o, 0)) : i == 1 ? mnn_int_scalar(o, mnn_in_bool(o, 1)) : mnn_in(o, i);
    if (o->b->failed || !open_body(o, &s, "body_graph"))
        return;
    add_body_inputs(o, &s, in);
    if (!o->b->failed)
        read_body(o, &s);
    struct flatbuf_vector results = mnn_vector(&s.table, "outputs");
    for (size_t i = 0; i < results.count && !o->b->failed; i++) {
        add_result(&s, flatbuf_vector_int(results, i), i == 0);
        build_check(o->b, !s.b.failed);
    }
    struct graph *body = close_body(o, &s);
    build_layer(o->b, o->name);
    struct value *y = build_node(o->b, "Loop", (int)o->in.count, in);
    set_body(o, y, "body", body);
    build_output(o->b, y, (int)o->out.count - 1);
    for (size_t i = 0; i < o->out.count && !o->b->failed; i++)
        mnn_give_as(o, i, build_output(o->b, y, (int)i), MNN_NCHW);
}
