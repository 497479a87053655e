/* The model: one graph of nodes. */
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "format/format.h"
#include "format/tengine/tengine.h"

static const struct {
    tengine_op_fn *read;
    uint32_t number, words;
} rest[] = {
#define OP(number, name, words, read, onnx) {tengine_read_##read, number, words},
#define KEPT(number, name, words)           {NULL, number, words},
#include "format/tengine/ops.def"
#undef OP
#undef KEPT
};

#include "format/tengine/ops.inc"
PACKED_TABLE(kinds, struct tengine_kind, 2, rest);

enum { OP_CONST = 4, OP_INPUT = 12 };

/* Words of struct Subgraph, Node, Operator, Tensor. */
enum {
    GRAPH_MODEL_LAYOUT = 2,
    GRAPH_INPUTS,
    GRAPH_OUTPUTS,
    GRAPH_NODES,
    GRAPH_TENSORS,
    GRAPH_BUFFERS,
    GRAPH_WORDS = 10
};
enum { NODE_INPUTS = 1, NODE_OUTPUTS, NODE_OPERATOR, NODE_NAME, NODE_WORDS = 6 };
enum { OPERATOR_TYPE = 1, OPERATOR_PARAM, OPERATOR_WORDS };
enum { TENSOR_NAME = 3, TENSOR_QUANT = 4, TENSOR_WORDS = 8 };

static const char *operator_at(size_t index)
{
    const struct tengine_kind *kind;
    for (size_t i = 0; (kind = packed_row(&kinds, i)); i++)
        if (kind->read && index-- == 0)
            return kind->name;
    return NULL;
}

/* ---- nodes ---- */

/* Its parameters, whose types are not known, as whole numbers. */
static void keep(struct tengine_op *o)
{
    struct value *in[64] = {NULL};
    int64_t words[32];
    char op[100];
    int count = o->in.count < 64 ? (int)o->in.count : 64;
    for (int k = 0; k < count; k++)
        in[k] = tengine_in(o, (uint32_t)k);
    snprintf(op, sizeof(op), "tengine.%s", o->kind->name);
    struct value *v = o->b->failed ? NULL : build_node(o->b, op, count, in);
    for (uint32_t i = 0; i < o->param.count && i < 32; i++)
        words[i] = tengine_int(o, i);
    if (o->param.count)
        build_ints(o->b, v, "params", (int)o->param.count, words);
    for (uint32_t k = 0; k < o->out.count && k < 64 && !o->b->failed; k++)
        tengine_set_tensor(o->r, tengine_word(&o->out, k), k ? build_output(o->b, v, (int)k) : v);
}

static const struct tengine_kind *find_kind(uint32_t number)
{
    const struct tengine_kind *kind;
    for (size_t i = 0; (kind = packed_row(&kinds, i)) && kind->number != number;)
        i++;
    return kind;
}

static void read_node(struct tengine_reader *r, const struct tengine_words *node)
{
    struct tengine_file *f = &r->file;
    struct tengine_words op = tengine_struct(f, tengine_word(node, NODE_OPERATOR), OPERATOR_WORDS);
    struct tengine_op o = {.r = r, .b = &r->b};
    uint32_t number = tengine_word(&op, OPERATOR_TYPE);
    const char *name = tengine_text(f, tengine_word(node, NODE_NAME), &r->arena, r->b.err);
    build_check(&r->b, name != NULL);
    if (f->bad || r->b.failed || number == OP_CONST || number == OP_INPUT)
        return;
    o.kind = find_kind(number);
    if (!o.kind)
        build_fail(&r->b, "an operator of the number %u, want 0 to 107", number);
    o.in = tengine_vector(f, tengine_word(node, NODE_INPUTS));
    o.out = tengine_vector(f, tengine_word(node, NODE_OUTPUTS));
    o.param = tengine_struct(f, tengine_word(&op, OPERATOR_PARAM), o.kind ? o.kind->words : 0);
    if (!r->b.failed && !f->bad) {
        build_layer(&r->b, name);
        (o.kind->read ? o.kind->read : keep)(&o);
        build_infer(&r->b);
    }
    if (r->b.failed)
        error_prefix(r->b.err, "node '%.200s' (%.100s)", name, o.kind ? o.kind->name : "?");
}

/* ---- the graph ---- */

static void list_tensors(struct tengine_reader *r, struct tengine_words places)
{
    struct tengine_file *f = &r->file;
    r->tensors = arena_alloc(&r->arena, ((size_t)places.count + 1) * sizeof(*r->tensors), r->b.err);
    build_check(&r->b, r->tensors != NULL);
    for (uint32_t i = 0; i < places.count && !r->b.failed && !f->bad; i++) {
        struct tengine_tensor *t = &r->tensors[i];
        t->words = tengine_struct(f, tengine_word(&places, i), TENSOR_WORDS);
        t->name = tengine_text(f, tengine_word(&t->words, TENSOR_NAME), &r->arena, r->b.err);
        t->quant = tengine_vector(f, tengine_word(&t->words, TENSOR_QUANT));
        t->value = t->raw = NULL;
        build_check(&r->b, t->name != NULL);
    }
    r->tensor_count = f->bad ? 0 : places.count;
}

/* What is to be done with each tensor that the nodes of a list give. */
static void each_output(struct tengine_reader *r, const struct tengine_words *nodes, const struct tengine_words *list,
                        void (*each)(struct tengine_reader *r, uint32_t tensor))
{
    struct tengine_file *f = &r->file;
    for (uint32_t i = 0; i < list->count && !r->b.failed && !f->bad; i++) {
        uint32_t index = tengine_word(list, i);
        if (index >= nodes->count) {
            build_fail(&r->b, "node %u of %u is an input or output", index, nodes->count);
            return;
        }
        struct tengine_words node = tengine_struct(f, tengine_word(nodes, index), NODE_WORDS);
        struct tengine_words out = tengine_vector(f, tengine_word(&node, NODE_OUTPUTS));
        for (uint32_t k = 0; k < out.count && !r->b.failed && !f->bad; k++)
            each(r, tengine_word(&out, k));
    }
}

static void read_graph(struct tengine_reader *r, const struct tengine_words *graph)
{
    struct tengine_file *f = &r->file;
    struct tengine_words nodes = tengine_vector(f, tengine_word(graph, GRAPH_NODES));
    struct tengine_words inputs = tengine_vector(f, tengine_word(graph, GRAPH_INPUTS));
    struct tengine_words outputs = tengine_vector(f, tengine_word(graph, GRAPH_OUTPUTS));
    r->buffers = tengine_vector(f, tengine_word(graph, GRAPH_BUFFERS));
    r->from_nhwc = tengine_word(graph, GRAPH_MODEL_LAYOUT) == 1;
    list_tensors(r, tengine_vector(f, tengine_word(graph, GRAPH_TENSORS)));
    each_output(r, &nodes, &inputs, tengine_add_input);
    for (uint32_t i = 0; i < nodes.count && !r->b.failed && !f->bad; i++) {
        struct tengine_words node = tengine_struct(f, tengine_word(&nodes, i), NODE_WORDS);
        read_node(r, &node);
    }
    each_output(r, &nodes, &outputs, tengine_add_output);
    if (f->bad && !r->b.failed)
        build_fail(&r->b, "the file is damaged or cut off: something that it names lies beyond its end");
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "the graph has no outputs");
}

static int read_whole(struct tengine_reader *r, struct error *err)
{
    struct tengine_words model;
    if (!tengine_is_model(&r->file, &model))
        return error_set(err, "no Tengine model of version 2, or damaged");
    struct tengine_words graphs = tengine_vector(&r->file, tengine_word(&model, 2));
    struct tengine_words graph = tengine_struct(&r->file, tengine_word(&graphs, 0), GRAPH_WORDS);
    read_graph(r, &graph);
    build_remove_unused(&r->b);
    build_check(&r->b, r->b.failed || graph_set_property(r->b.graph, "producer", "Tengine", 7, err) == 0);
    return build_graph_end(&r->b);
}

static struct graph *tengine_read(const struct source *s, struct error *err)
{
    struct tengine_reader r = {.b = {.graph = graph_new(err), .err = err}, .file = {.blob = s->blob}};
    int result = r.b.graph ? read_whole(&r, err) : -1;
    arena_release(&r.arena);
    return graph_if(result == 0, r.b.graph);
}

static int sniff(const struct source *s)
{
    struct tengine_file f = {.blob = s->blob};
    struct tengine_words model;
    return tengine_is_model(&f, &model) ? 90 : 0;
}

const struct format format_tengine = {
    .name = "tengine",
    .suffixes = ".tmfile",
    .what = "Tengine, version 2",
    .sniff = sniff,
    .read = tengine_read,
    .operator_at = operator_at,
};
