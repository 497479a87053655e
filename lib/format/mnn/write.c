/* Writing a net: a copy of the graph, its operators one by one, the list of what cannot be carried. */
#include "format/mnn/write.h"

#include <ctype.h>
#include <stdlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "format/mnn/mnn.h"
#include "format/lower.h"
#include "format/mnn/writers.h"

/* ---- rows ---- */

static const struct {
    void (*write)(struct mnn_writer *w, struct node *n);
    int type, detail;
} rest[] = {
#define WRITER(onnx, types, write, type, detail) {write, type, detail},
#include "format/mnn/writers.def"
#undef WRITER
};

#include "format/mnn/writers.inc"
PACKED_TABLE(rows, struct mnn_row, 2, rest);

const struct mnn_row *mnn_row_of(const struct node *n)
{
    return n->domain[0] ? NULL : packed_find(&rows, n->op);
}

static bool has_row(const struct node *n)
{
    return mnn_row_of(n) != NULL;
}

/* ---- inputs and outputs ---- */

static const struct {
    enum dtype dtype;
    enum mnn_type type;
} types[] = {{DTYPE_F32, MNN_FLOAT},  {DTYPE_I32, MNN_INT32}, {DTYPE_I64, MNN_INT32},
             {DTYPE_BOOL, MNN_INT32}, {DTYPE_U8, MNN_UINT8},  {DTYPE_I8, MNN_INT8}};

int mnn_type_of(enum dtype dtype)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (types[i].dtype == dtype)
            return (int)types[i].type;
    return 0;
}

int mnn_write_graph_input(struct mnn_writer *w, struct value *v)
{
    int64_t dims[TENSOR_MAX_RANK];
    bool inner = w->at.graph->parent != NULL; /* what a subgraph is given has dims of its own, stated or not */
    enum dtype dtype = v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
    int type = mnn_type_of(inner && dtype == DTYPE_NONE ? DTYPE_F32 : dtype), rank = mnn_rank_of(v), tensor;
    if (type == 0 || (rank < 0 && !inner))
        return error_set(w->err, "MNN cannot carry input '%.200s' of type %s%s", v->name, dtype_info(dtype)->name,
                         rank < 0 ? ", of a rank that is not known" : "");
    for (int i = 0; i < rank; i++)
        dims[i] = v->type.dims[i] >= 0 ? v->type.dims[i] : -1;
    uint32_t ref = rank > 0 ? mnn_put_ints(w, dims, (size_t)rank) : 0;
    mnn_begin(w, "Input");
    mnn_put_ref(w, "dims", ref);
    mnn_put_int(w, "dtype", type);
    mnn_put_int(w, "dformat", MNN_NCHW);
    mnn_end_param(w);
    w->name = v->name;
    tensor = mnn_new_tensor(w, v->name);
    mnn_emit(w, 34, NULL, 0, NULL, 1, &tensor);
    return w->out.failed ? -1 : tensor;
}

/* Every output is a plain tensor of its name. */
static uint32_t write_outputs(struct mnn_writer *w)
{
    uint32_t refs[1024], result = 0;
    size_t count = w->at.graph->output_count;
    if (count > sizeof(refs) / sizeof(*refs)) {
        error_set(w->err, "%zu outputs are more than MNN is written with", count);
        w->out.failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        mnn_plain(w, w->at.graph->outputs[i]);
    for (size_t i = 0; i < count; i++)
        refs[i] = flatbuf_put_string(&w->out, w->at.graph->outputs[i]->name);
    result = flatbuf_put_refs(&w->out, refs, count);
    return result;
}

/* ---- the whole ---- */

static void write_node(struct mnn_writer *w, struct node *n)
{
    const struct mnn_row *row = mnn_row_of(n);
    w->node = n;
    w->param = 0;
    w->param_number = 0;
    if (n->scratch) /* part of an operator that is written already */
        return;
    if (n->out_count == 1 && mnn_is_fixed(n->out[0]) && !n->out[0]->is_output)
        return; /* a constant of whoever takes it */
    w->name = mnn_node_name(w, n);
    if (row && !format_takes(n, row->types))
        mnn_cannot(w, "of elements of type %s", dtype_info(format_dtype(n))->name);
    else if (row)
        row->write(w, n);
    else
        mnn_write_opaque(w, n);
}

void mnn_write_nodes(struct mnn_writer *w)
{
    for (struct node *n = w->at.graph->first; n && !w->out.failed; n = n->next)
        write_node(w, n);
}

static uint32_t write_net(struct mnn_writer *w)
{
    uint32_t outputs = write_outputs(w), code = flatbuf_put_string(&w->out, w->at.graph->name);
    uint32_t ops = flatbuf_put_refs(&w->out, w->at.ops, w->at.op_count);
    uint32_t names = flatbuf_put_refs(&w->out, w->at.names, w->at.name_count);
    uint32_t subgraphs = w->subgraph_count ? flatbuf_put_refs(&w->out, w->subgraphs, w->subgraph_count) : 0;
    uint32_t said = flatbuf_put_string(&w->out, "3.0.0");
    mnn_begin(w, "ExtraInfo");
    mnn_put_ref(w, "version", said);
    uint32_t info = mnn_end(w);
    mnn_begin(w, "Net");
    mnn_put_ref(w, "bizCode", code);
    mnn_put_ref(w, "extraInfo", info);
    mnn_put_ref(w, "oplists", ops);
    mnn_put_ref(w, "outputName", outputs);
    mnn_put_int(w, "sourceType", MNN_ONNX);
    mnn_put_ref(w, "tensorName", names);
    mnn_put_ref(w, "subgraphs", subgraphs);
    return mnn_end(w);
}

static int write_all(struct mnn_writer *w, struct target *target)
{
    size_t size = 0;
    for (size_t i = 0; i < w->at.graph->input_count; i++) {
        struct value *v = w->at.graph->inputs[i];
        int tensor = mnn_write_graph_input(w, v);
        if (tensor < 0)
            return -1;
        w->at.places[v->index].plain = tensor;
    }
    mnn_write_nodes(w);
    if (faults_report(&w->faults, "MNN", w->err) != 0)
        return -1;
    uint32_t net = write_net(w);
    const uint8_t *data =
        faults_report(&w->faults, "MNN", w->err) == 0 ? flatbuf_finish(&w->out, net, NULL, &size) : NULL;
    struct file_out *file = data ? target_file(target, NULL, w->err) : NULL;
    return file ? file_write(file, data, size, w->err) : -1;
}

static void release(struct mnn_writer *w)
{
    mnn_level_close(&w->at);
    free(w->subgraphs);
    faults_release(&w->faults);
    flatbuf_out_release(&w->out);
}

#define ROUNDS 8 /* what one node is lowered to may be lowered */

/* Pools and transposed convolutions are of images alone. */
static int lower(struct node *n, struct error *err)
{
    const struct mnn_row *row = mnn_row_of(n);
    bool is_window = node_is(n, "MaxPool") || node_is(n, "AveragePool") || node_is(n, "ConvTranspose");
    return is_window && mnn_rank_of(node_in(n, 0)) == 3 ? format_lower_signal(n, err)
                                                        : format_lower_unless(n, row ? row->types : NULL, err);
}

/* How many nodes were; -1 after an error. */
static int lower_graphs(struct graph *g, struct error *err)
{
    int made = 0, some = 0;
    for (struct graph *of = g; of && some >= 0; of = (struct graph *)graph_next(g, of)) {
        made += some = format_lower_all(of, lower, err);
        graph_sweep(of);
    }
    return some < 0 ? -1 : made;
}

static int prepare(struct mnn_writer *w, struct graph *g)
{
    if (!g)
        return -1;
    if (build_expand_all(g, has_row, w->err) != 0)
        return -1;
    int made = 1;
    for (int round = 0; made > 0 && round < ROUNDS; round++)
        made = op_infer_graph(g, w->err) != 0 ? -1 : lower_graphs(g, w->err);
    return made < 0 || op_infer_graph(g, w->err) != 0 ? -1 : mnn_level_open(&w->at, g, w->err);
}

int mnn_write(const struct graph *g, struct target *target, struct error *err)
{
    struct mnn_writer w = {.err = err, .faults.origins.from = g};
    struct graph *copy = graph_clone(g, err);
    w.half = target_option(target, "fp16") != NULL;
    w.int8 = target_option(target, "int8") != NULL;
    flatbuf_out_init(&w.out, err);
    int result = prepare(&w, copy) == 0 ? write_all(&w, target) : -1;
    release(&w);
    graph_free(copy);
    return result;
}
