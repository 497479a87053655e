/* Control flow and what is kept from run to run. */
#include <stdio.h>
#include <string.h>

#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

#define VALUES_MOST 256 /* that go into a subgraph */

enum if_slots { IF_THEN, IF_ELSE };
enum composite_slots { COMPOSITE_NAME, COMPOSITE_SUBGRAPH };
enum while_slots { WHILE_CONDITION, WHILE_BODY };
enum handle_slots { HANDLE_CONTAINER, HANDLE_NAME };

/* ---- subgraphs ---- */

/* Inputs `first` on, as stored; their number, or -1. */
static int values_from(struct tflite_op *o, int first, struct value **in)
{
    int count = (int)o->inputs.count - first;
    if (count < 0 || count > VALUES_MOST)
        tflite_fail(o, "%u inputs: want at most %d", o->inputs.count, VALUES_MOST);
    for (int i = 0; i < count && !o->b->failed; i++)
        if (!(in[i] = tflite_raw(o, first + i)))
            tflite_fail(o, "input %d is absent", first + i);
    build_infer(o->b);
    return o->b->failed ? -1 : count;
}

static void put_outputs(struct build *b, const struct tflite_results *r)
{
    for (size_t i = 0; i < r->count; i++)
        build_body_output(b, r->values[i]);
}

static void begin_subgraph(struct tflite_op *o, struct build *b)
{
    *b = (struct build){.err = o->b->err, .graph = graph_new_subgraph(build_place(o->b), o->b->err)};
    b->failed = !b->graph;
}

/* What a node with these subgraphs gives are the operator's outputs. */
static void give_outputs(struct tflite_op *o, struct value *v, size_t count)
{
    if (count != o->outputs.count)
        tflite_fail(o, "a subgraph of %zu outputs for %u", count, o->outputs.count);
    for (size_t i = 0; i < count && !o->b->failed; i++)
        build_output(o->b, v, (int)i);
    for (size_t i = 0; i < count && !o->b->failed; i++)
        tflite_give_raw(o, (int)i, build_output(o->b, v, (int)i));
}

static struct graph *branch(struct tflite_op *o, int slot, struct value *const *in, int count, size_t *outputs)
{
    struct tflite_results r = {0};
    struct build b;
    begin_subgraph(o, &b);
    if (!b.failed && tflite_read_graph(o->g->file, flatbuf_int(o->options, slot, 4, 0), &b, in, (size_t)count, &r) == 0)
        put_outputs(&b, &r);
    build_infer(&b);
    build_check(o->b, !b.failed);
    *outputs = r.count;
    tflite_results_release(&r);
    return b.graph;
}

void tflite_read_if(struct tflite_op *o)
{
    struct value *in[VALUES_MOST];
    size_t then_count, else_count;
    int count = values_from(o, 1, in);
    struct value *condition = tflite_raw(o, 0);
    if (o->b->failed)
        return;
    struct graph *yes = branch(o, IF_THEN, in, count, &then_count);
    struct graph *no = o->b->failed ? NULL : branch(o, IF_ELSE, in, count, &else_count);
    struct value *v = BUILD(o->b, "If", tflite_scalar(o->b, condition));
    build_check(o->b, v && node_set_graph(v->producer, "then_branch", yes, o->b->err) == 0 &&
                          node_set_graph(v->producer, "else_branch", no, o->b->err) == 0);
    if (!o->b->failed && then_count != else_count)
        tflite_fail(o, "branches of %zu and %zu outputs", then_count, else_count);
    if (!o->b->failed)
        give_outputs(o, v, then_count);
}

/* ONNX's Loop asks for the condition of the first round before it, and for the next one's in its body. */
static struct value *condition(struct tflite_op *o, struct build *b, struct value *const *in, size_t count)
{
    struct tflite_results r = {0};
    int64_t index = flatbuf_int(o->options, WHILE_CONDITION, 4, 0);
    if (tflite_read_graph(o->g->file, index, b, in, count, &r) == 0 && r.count != 1)
        build_fail(b, "the condition of a loop has %zu results", r.count);
    struct value *v = b->failed ? NULL : tflite_scalar(b, r.values[0]);
    tflite_results_release(&r);
    return v;
}

/* Sizes that the file does not state may change from round to round. */
static struct value *loop_input(struct tflite_op *o, struct build *b, int i, const struct value *start)
{
    struct tflite_tensor *t = tflite_output(o, i);
    struct type stated, type = start->type;
    if (!t || b->failed || tflite_tensor_type(o->g, t, &stated) < 0)
        return NULL;
    for (int k = 0; k < type.rank; k++)
        if (type.rank != stated.rank || type.dims[k] != stated.dims[k])
            type.dims[k] = DIM_UNKNOWN;
    return build_input(b, NULL, type.dtype, type.rank, type.dims);
}

static struct graph *loop_body(struct tflite_op *o, struct value *const *start, int count)
{
    struct tflite_results r = {0};
    struct value *in[VALUES_MOST];
    struct build b;
    begin_subgraph(o, &b);
    build_input(&b, NULL, DTYPE_I64, 0, NULL);
    build_input(&b, NULL, DTYPE_BOOL, 0, NULL);
    for (int i = 0; i < count && !b.failed; i++)
        in[i] = loop_input(o, &b, i, start[i]);
    if (!b.failed &&
        tflite_read_graph(o->g->file, flatbuf_int(o->options, WHILE_BODY, 4, 0), &b, in, (size_t)count, &r) == 0) {
        struct value *again = condition(o, &b, r.values, r.count);
        if (!b.failed && r.count != (size_t)count)
            build_fail(&b, "the body of a loop over %d values has %zu results", count, r.count);
        build_body_output(&b, again);
        put_outputs(&b, &r);
    }
    build_infer(&b);
    build_check(o->b, !b.failed);
    tflite_results_release(&r);
    return b.graph;
}

void tflite_read_while(struct tflite_op *o)
{
    struct value *in[VALUES_MOST + 2] = {NULL};
    int count = values_from(o, 0, in + 2);
    if (count < 0)
        return;
    in[1] = condition(o, o->b, in + 2, (size_t)count);
    build_infer(o->b);
    struct graph *body = o->b->failed ? NULL : loop_body(o, in + 2, count);
    struct value *v = build_node(o->b, "Loop", count + 2, in);
    build_check(o->b, v && node_set_graph(v->producer, "body", body, o->b->err) == 0);
    if (!o->b->failed)
        give_outputs(o, v, (size_t)count);
}

/* An operator of a name of its own, with a subgraph that says what it does: which is read in its place. */
void tflite_read_composite(struct tflite_op *o)
{
    struct value *in[VALUES_MOST];
    struct tflite_results r = {0};
    int count = values_from(o, 0, in);
    int64_t index = flatbuf_int(flatbuf_table(o->table, OPERATOR_OPTIONS_2), COMPOSITE_SUBGRAPH, 4, 0);
    if (count >= 0 && tflite_read_graph(o->g->file, index, o->b, in, (size_t)count, &r) == 0) {
        if (r.count != o->outputs.count)
            tflite_fail(o, "a subgraph of %zu outputs for %zu", r.count, (size_t)o->outputs.count);
        for (size_t i = 0; i < r.count && !o->b->failed; i++)
            tflite_give_raw(o, (int)i, r.values[i]);
    }
    tflite_results_release(&r);
}

/* ---- what is kept ---- */

struct tflite_variable {
    const char *name;
    struct value *first, *now; /* before the run: an input, or what CALL_ONCE put there; NULL: nothing yet */
    bool is_kept;              /* first is an input, and what is there at the end an output */
    struct tflite_variable *next;
};

static struct tflite_variable *add_variable(struct tflite_graph *g, const char *name)
{
    struct tflite_variable *v = arena_alloc(&g->file->root->arena, sizeof *v, g->file->err);
    build_check(g->b, v && name);
    if (g->b->failed)
        return NULL;
    *v = (struct tflite_variable){.name = name};
    struct tflite_variable **end = &g->file->variables;
    while (*end)
        end = &(*end)->next;
    return *end = v;
}

/* An input that need not be given: `first` is its default. */
static struct value *kept_input(struct tflite_graph *g, const char *name, struct tensor *first)
{
    struct type type = {.rank = -1};
    if (first)
        type = (struct type){.dtype = first->dtype, .rank = first->rank};
    if (first)
        memcpy(type.dims, first->dims, sizeof type.dims);
    if (g->b->graph != g->file->root)
        build_fail(g->b, "tensor '%s' keeps its value from run to run inside of a loop or branch, which is not read",
                   name);
    struct value *v = first ? build_input(g->b, name, type.dtype, type.rank, type.dims) : NULL;
    build_check(g->b, v && graph_make_constant(v, tensor_ref(first), g->file->err) == 0);
    tensor_unref(first);
    return g->b->failed ? NULL : v;
}

/* Zeros, in stored form. No state is larger than the weights that work on it, by much. */
static struct tensor *zero_state(struct tflite_graph *g, struct tflite_tensor *t)
{
    struct tflite_scale scale;
    struct type type;
    if (tflite_tensor_type(g, t, &type) < 0)
        return NULL;
    int64_t count = tensor_count(type.rank, type.dims);
    if (count < 0 || (uint64_t)count > g->file->buf.size + 65536) {
        build_fail(g->b, "tensor '%s' keeps %lld elements from run to run", tflite_tensor_name(g, t), (long long)count);
        return NULL;
    }
    struct tensor *zeros = tensor_new(type.dtype, type.rank, type.dims, g->file->err);
    bool is_quantised = tflite_is_quantised(t, &scale) && scale.zero.count;
    for (int64_t i = 0; zeros && is_quantised && i < count; i++)
        tensor_set_i64(zeros, i, flatbuf_vector_int(scale.zero, 0));
    build_check(g->b, zeros != NULL);
    return zeros;
}

struct value *tflite_read_state(struct tflite_graph *g, struct tflite_tensor *t)
{
    struct tensor *zeros = zero_state(g, t);
    struct tflite_variable *v = zeros ? add_variable(g, tflite_tensor_name(g, t)) : NULL;
    if (!v) {
        tensor_unref(zeros);
        return NULL;
    }
    t->variable = v;
    v->is_kept = true;
    return v->now = v->first = kept_input(g, v->name, zeros);
}

void tflite_write_state(struct tflite_op *o, int k, struct value *v)
{
    struct tflite_tensor *t = tflite_input(o, k);
    if (!t || !v || o->b->failed)
        return;
    t->raw = tflite_quantise(o->g, t, v);
    t->real = t->raw == v ? v : NULL;
    if (t->variable)
        t->variable->now = t->raw;
}

void tflite_give_variables(struct tflite_file *f, struct build *b)
{
    char name[300];
    for (struct tflite_variable *v = f->variables; v; v = v->next) {
        if (!v->is_kept || v->now == v->first)
            continue;
        snprintf(name, sizeof name, "%.290s_out", v->name);
        build_graph_output(b, v->now, name);
    }
}

/* ---- resources ---- */

void tflite_read_var_handle(struct tflite_op *o)
{
    struct flatbuf_vector text = flatbuf_string(o->options, HANDLE_NAME);
    struct tflite_tensor *out = tflite_output(o, 0);
    struct graph *root = o->g->file->root;
    const char *name = arena_strndup(&root->arena, text.count ? (const char *)text.data : "variable",
                                     text.count ? text.count : 8, o->b->err);
    build_check(o->b, name != NULL);
    struct tflite_variable *v = o->g->file->variables;
    while (v && name && strcmp(v->name, name) != 0)
        v = v->next;
    if (out && !o->b->failed)
        out->variable = v ? v : add_variable(o->g, name);
}

static struct tflite_variable *variable(struct tflite_op *o)
{
    struct tflite_tensor *t = tflite_input(o, 0);
    if (t && !t->variable)
        tflite_fail(o, "its variable is not one of this subgraph");
    return o->b->failed || !t ? NULL : t->variable;
}

/* Whether the network itself, not what is called once before, gives variables new values. */
static bool assigns(struct tflite_file *f)
{
    struct flatbuf_vector list = flatbuf_vector(flatbuf_vector_table(&f->buf, f->graphs, 0), GRAPH_OPERATORS, 4);
    for (size_t i = 0; i < list.count && !f->buf.fault; i++) {
        uint64_t code = flatbuf_uint(flatbuf_vector_table(&f->buf, list, i), OPERATOR_CODE, 4, 0);
        if (flatbuf_int(flatbuf_vector_table(&f->buf, f->codes, (size_t)code), CODE_NEW, 4, 0) ==
            TFLITE_ASSIGN_VARIABLE)
            return true;
    }
    return false;
}

void tflite_read_read_variable(struct tflite_op *o)
{
    struct tflite_variable *v = variable(o);
    if (!v)
        return;
    if (!v->now && v->first && v->first->constant && assigns(o->g->file)) {
        v->now = v->first = kept_input(o->g, v->name, tensor_ref(v->first->constant));
        v->is_kept = true;
    }
    struct value *now = v->now ? v->now : v->first;
    if (!now)
        tflite_fail(o, "variable '%s' is read, and has no value", v->name);
    tflite_give_raw(o, 0, now);
}

void tflite_read_assign_variable(struct tflite_op *o)
{
    struct tflite_variable *v = variable(o);
    struct value *now = tflite_raw(o, 1);
    if (!v || o->b->failed)
        return;
    if (o->g->file->is_init)
        v->first = now;
    else
        v->now = now;
    if (!o->g->file->is_init && o->b->graph != o->g->file->root)
        tflite_fail(o, "a variable that a loop or branch changes, which is not read");
}

/* What is done once before the first run: the first values of variables. */
void tflite_read_call_once(struct tflite_op *o)
{
    struct tflite_results r;
    bool was = o->g->file->is_init;
    o->g->file->is_init = true;
    tflite_read_graph(o->g->file, flatbuf_int(o->options, 0, 4, 0), o->b, NULL, 0, &r);
    o->g->file->is_init = was;
    tflite_results_release(&r);
}
