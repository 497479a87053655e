/* Branches and loops: their graphs become subgraphs of the net. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/mnn/writers.h"

#define MAX_OPERANDS 256

/* Writes a body at a level of its own, which is left in *inner for mnn_level_close(), and returns to the one around.
 * inputs: tensors that the body begins with, those captured behind; outputs: its results. */
struct body {
    struct mnn_level inner;
    int32_t inputs[MAX_OPERANDS], outputs[MAX_OPERANDS];
    int input_count, output_count;
    const char *name;
};

static bool open_body(struct mnn_writer *w, struct body *b, struct graph *g, const char *what, struct mnn_level *outer)
{
    char name[400];
    snprintf(name, sizeof(name), "%.300s_%s%zu", w->name, what, w->subgraph_count);
    *outer = w->at;
    *b = (struct body){.name = arena_strdup(&g->root->arena, name, w->err)};
    if (!b->name || mnn_level_open(&w->at, g, w->err) != 0) {
        w->at = *outer;
        w->out.failed = true;
        return false;
    }
    for (size_t i = 0; i < g->input_count && i < MAX_OPERANDS; i++) {
        mnn_settle_name(w, g->inputs[i], b->name, (int)i);
        int tensor = mnn_write_graph_input(w, g->inputs[i]);
        w->out.failed = w->out.failed || tensor < 0;
        w->at.places[g->inputs[i]->index].plain = tensor;
        b->inputs[b->input_count++] = tensor;
    }
    for (size_t i = 0; i < g->output_count; i++)
        if (g->outputs[i]->producer)
            mnn_settle_name(w, g->outputs[i], g->outputs[i]->producer->name, g->outputs[i]->producer_index);
    mnn_write_nodes(w);
    for (size_t i = 0; i < g->output_count && i < MAX_OPERANDS; i++)
        b->outputs[b->output_count++] = mnn_plain(w, g->outputs[i]);
    return true;
}

static void close_body(struct mnn_writer *w, struct body *b, const struct mnn_level *outer)
{
    uint32_t nodes = flatbuf_put_refs(&w->out, w->at.ops, w->at.op_count);
    uint32_t tensors = flatbuf_put_refs(&w->out, w->at.names, w->at.name_count);
    uint32_t inputs = flatbuf_put_i32s(&w->out, b->inputs, (size_t)b->input_count);
    uint32_t outputs = flatbuf_put_i32s(&w->out, b->outputs, (size_t)b->output_count);
    uint32_t name = flatbuf_put_string(&w->out, b->name);
    mnn_begin(w, "SubGraphProto");
    mnn_put_ref(w, "name", name);
    mnn_put_ref(w, "inputs", inputs);
    mnn_put_ref(w, "outputs", outputs);
    mnn_put_ref(w, "tensors", tensors);
    mnn_put_ref(w, "nodes", nodes);
    mnn_keep_subgraph(w, mnn_end(w));
    b->inner = w->at;
    w->at = *outer;
}

/* ---- names that tie tensors together ---- */

static uint32_t put_names(struct mnn_writer *w, int count, const char *const *names)
{
    uint32_t refs[2];
    for (int i = 0; i < count; i++)
        refs[i] = flatbuf_put_string(&w->out, names[i]);
    uint32_t data = count ? flatbuf_put_refs(&w->out, refs, (size_t)count) : 0;
    mnn_begin(w, "StringVec");
    mnn_put_ref(w, "data", data);
    return mnn_end(w);
}

/* What a body's result is called: the tensor of the output that the graph has. */
static const char *result_name(struct graph *g, size_t i)
{
    return i < g->output_count ? g->outputs[i]->name : "";
}

/* ---- If ---- */

static void add_captured(struct mnn_writer *w, const struct body *b, struct value **all, int *count)
{
    for (size_t i = 0; i < b->inner.capture_count; i++) {
        int at = 0;
        while (at < *count && all[at] != b->inner.captured[i])
            at++;
        if (at == MAX_OPERANDS - 1)
            mnn_cannot(w, "more than %d values from outside", at);
        else if (at == *count)
            all[(*count)++] = b->inner.captured[i];
    }
}

static void put_aliases(struct mnn_writer *w, struct value *const *captured, int count, struct graph *const *graphs,
                        const struct body *bodies)
{
    uint32_t refs[MAX_OPERANDS], names[2];
    refs[0] = put_names(w, 0, NULL);
    for (int i = 0; i < count; i++)
        refs[i + 1] = put_names(w, 1, &captured[i]->name);
    uint32_t inputs = flatbuf_put_refs(&w->out, refs, (size_t)count + 1);
    size_t results = graphs[0]->output_count;
    for (size_t i = 0; i < results && i < MAX_OPERANDS; i++)
        refs[i] = put_names(w, 2, (const char *const[]){result_name(graphs[0], i), result_name(graphs[1], i)});
    uint32_t outputs = flatbuf_put_refs(&w->out, refs, results < MAX_OPERANDS ? results : MAX_OPERANDS);
    for (int i = 0; i < 2; i++)
        names[i] = flatbuf_put_string(&w->out, bodies[i].name);
    mnn_begin(w, "IfParam");
    mnn_put_ref(w, "then_graph", names[0]);
    mnn_put_ref(w, "else_graph", names[1]);
    mnn_put_ref(w, "aliases_inputs", inputs);
    mnn_put_ref(w, "aliases_outputs", outputs);
    mnn_end_param(w);
}

void mnn_write_if(struct mnn_writer *w, struct node *n)
{
    static const char *const attrs[2] = {"then_branch", "else_branch"}, *const sides[2] = {"then", "else"};
    struct graph *graphs[2];
    struct body bodies[2];
    struct value *captured[MAX_OPERANDS];
    struct mnn_level outer;
    const char *name = w->name;
    int in[MAX_OPERANDS], out[MAX_OPERANDS], count = 0;
    for (int i = 0; i < 2; i++) {
        graphs[i] = op_graph(n, attrs[i]);
        if (!open_body(w, &bodies[i], graphs[i], sides[i], &outer))
            return;
        for (size_t j = 0; j < w->at.capture_count && bodies[i].input_count < MAX_OPERANDS; j++)
            bodies[i].inputs[bodies[i].input_count++] = w->at.captured_as[j];
        close_body(w, &bodies[i], &outer);
        w->node = n;
        w->name = name;
        add_captured(w, &bodies[i], captured, &count);
        mnn_level_close(&bodies[i].inner);
    }
    in[0] = mnn_plain(w, n->in[0]);
    for (int i = 0; i < count; i++)
        in[i + 1] = mnn_plain(w, captured[i]);
    for (int i = 0; i < n->out_count && i < MAX_OPERANDS; i++)
        out[i] = mnn_result(w, i, false);
    put_aliases(w, captured, count, graphs, bodies);
    mnn_emit(w, 601, NULL, count + 1, in, n->out_count, out);
}

/* ---- Loop ---- */

/* What the body takes from outside is carried on unchanged: behind what it carries on, before what it collects. */
static int add_carried(struct mnn_writer *w, struct body *b, int carried)
{
    int extra = (int)w->at.capture_count, collected = b->output_count - 1 - carried;
    if (b->input_count + extra > MAX_OPERANDS || b->output_count + extra > MAX_OPERANDS || collected < 0) {
        mnn_cannot(w, "of more than %d operands", MAX_OPERANDS);
        return 0;
    }
    memmove(b->outputs + 1 + carried + extra, b->outputs + 1 + carried, (size_t)collected * sizeof(*b->outputs));
    for (int i = 0; i < extra; i++) {
        b->inputs[b->input_count++] = w->at.captured_as[i];
        b->outputs[1 + carried + i] = w->at.captured_as[i];
    }
    b->output_count += extra;
    return extra;
}

void mnn_write_loop(struct mnn_writer *w, struct node *n)
{
    static const int64_t endless = INT32_MAX, truth = 1;
    struct graph *g = op_graph(n, "body");
    struct mnn_level outer;
    struct body b;
    const char *name = w->name;
    int in[MAX_OPERANDS], out[MAX_OPERANDS], carried = n->in_count - 2, extra, results = n->out_count;
    if (n->in_count + 64 > MAX_OPERANDS || carried < 0 || !open_body(w, &b, g, "body", &outer))
        return;
    extra = add_carried(w, &b, carried);
    close_body(w, &b, &outer);
    w->node = n;
    w->name = name;
    in[0] = n->in[0] ? mnn_plain(w, n->in[0]) : mnn_const_ints(w, "endless", &endless, 1, true);
    in[1] = n->in[1] ? mnn_plain(w, n->in[1]) : mnn_const_ints(w, "condition", &truth, 1, true);
    for (int i = 2; i < n->in_count; i++)
        in[i] = mnn_plain(w, n->in[i]);
    for (int i = 0; i < extra; i++)
        in[n->in_count + i] = mnn_plain(w, b.inner.captured[i]);
    for (int i = 0; i < results; i++)
        out[i < carried ? i : i + extra] = mnn_result(w, i, false);
    for (int i = 0; i < extra; i++)
        out[carried + i] = mnn_between(w, "same");
    uint32_t body = flatbuf_put_string(&w->out, b.name);
    mnn_begin(w, "WhileParam");
    mnn_put_ref(w, "body_graph", body);
    mnn_end_param(w);
    mnn_emit(w, 600, NULL, n->in_count + extra, in, results + extra, out);
    mnn_level_close(&b.inner);
}
