/* The two files: a net of operators and tensors, and the tensors' bytes. Source: mace/proto/mace.proto. */
#include <string.h>

#include "format/format.h"
#include "format/mace/mace.h"

static netdef_fn *const reads[] = {
#define OP(type, read, onnx) mace_read_##read,
#include "format/mace/ops.def"
#undef OP
};

#include "format/mace/ops.inc"
PACKED_TABLE(kinds, struct netdef_kind, 2, reads);

static const char *operator_at(size_t index)
{
    const struct netdef_kind *kind = packed_row(&kinds, index);
    return kind ? kind->type : NULL;
}

/* ---- layouts ---- */

/* Where axis i of one layout stands in the other. */
static const int to_nchw[] = {0, 2, 3, 1}, from_nhwc[] = {0, 3, 1, 2};

bool mace_is_moved(const struct netdef_op *o, int rank)
{
    int64_t format = netdef_int(o, "data_format", 0);
    bool nhwc = format == MACE_NHWC || (format == MACE_AUTO && netdef_int(o, "has_data_format", 0));
    return rank == 4 && nhwc && mace_of(o)->format == MACE_NCHW;
}

int mace_axis(struct netdef_op *o, int64_t axis, int rank)
{
    int to = build_axis(o->b, axis, rank);
    return mace_is_moved(o, rank) && !o->b->failed ? to_nchw[to] : to;
}

void mace_move(const struct netdef_op *o, int64_t *values, int count, int each)
{
    int64_t moved[8];
    if (!mace_is_moved(o, count) || each < 1 || each > 2)
        return;
    for (int i = 0; i < 4; i++)
        memcpy(moved + each * i, values + each * from_nhwc[i], (size_t)each * sizeof(*values));
    memcpy(values, moved, 4 * (size_t)each * sizeof(*values));
}

/* ---- inputs and outputs ---- */

/* Dims as the net's own layout has them. */
static void add_input(struct mace_reader *m, const struct protobuf *info)
{
    int64_t stated[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    enum dtype dtype = mace_dtype(protobuf_int(info, "data_type", MACE_FLOAT));
    int64_t format = protobuf_int(info, "data_format", MACE_NHWC);
    const char *name = protobuf_text(info, "name", "");
    int rank = 0;
    for (const struct protobuf *d = protobuf_first(info, "dims"); d && rank < TENSOR_MAX_RANK; d = protobuf_more(d)) {
        stated[rank] = protobuf_as_int(d, 0);
        rank++;
    }
    for (int i = 0; i < rank; i++) {
        bool swapped = rank == 4 && format != (int64_t)m->format && (format == MACE_NHWC || format == MACE_NCHW);
        int64_t dim = stated[!swapped ? i : format == MACE_NHWC ? from_nhwc[i] : to_nchw[i]];
        dims[i] = dim > 0 && dim <= INT32_MAX ? dim : DIM_UNKNOWN;
    }
    netdef_set(&m->r, name, build_input(&m->r.b, name, dtype == DTYPE_I32 ? dtype : DTYPE_F32, rank ? rank : -1, dims));
}

static int64_t net_int(const struct mace_reader *m, const char *name)
{
    const struct netdef_op net = {.message = m->net};
    return netdef_int(&net, name, 0);
}

static void read_net(struct mace_reader *m)
{
    struct netdef_reader *r = &m->r;
    const struct protobuf *first = protobuf_first(m->net, "input_info");
    int64_t format = net_int(m, "data_format");
    if (format != MACE_NHWC && format != MACE_NCHW)
        format = protobuf_int(first, "data_format", MACE_NHWC);
    m->format = format == MACE_NCHW ? MACE_NCHW : MACE_NHWC;
    m->is_ohwi = net_int(m, "filter_format") == 103;
    m->data_offset = protobuf_int(m->net, "data_offset", 0);
    mace_add_tensors(m);
    for (const struct protobuf *p = first; p && !r->b.failed; p = protobuf_more(p))
        add_input(m, p);
    if (!first)
        netdef_add_inputs(r, m->net, "input_info");
    r->computes = true;
    r->after = mace_round;
    for (const struct protobuf *p = protobuf_first(m->net, "op"); p && !r->b.failed; p = protobuf_more(p))
        netdef_read(r, p, netdef_find(r, protobuf_text(p, "type", "")));
    for (const struct protobuf *p = protobuf_first(m->net, "output_info"); p && !r->b.failed; p = protobuf_more(p))
        netdef_add_output(r, protobuf_text(p, "name", ""));
    if (!protobuf_first(m->net, "output_info"))
        netdef_add_unused(r);
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "the net has no outputs");
}

/* ---- files ---- */

/* One net, or several in a list. */
static bool is_list(const struct blob *blob)
{
    struct bytes in = bytes_of(blob->data, blob->size);
    struct protobuf_field f;
    for (int i = 0; i < 3 && protobuf_take(&in, &f); i++) {
        if (f.number == 3)
            return true;
        if (f.number == 1 && f.wire == PROTOBUF_WIRE_BYTES)
            return false;
    }
    return false;
}

static int read_whole(struct mace_reader *m, const struct source *s, struct error *err)
{
    bool list = is_list(s->blob);
    const struct protobuf_type *type = netdef_message(list ? "mace.MultiNetDef" : "mace.NetDef");
    const struct protobuf *file = protobuf_read(s->blob->data, s->blob->size, type, &m->r.arena, err);
    m->net = list ? protobuf_message(file, "net_def") : file;
    if (!m->net)
        return file ? error_set(err, "it holds no net") : -1;
    if (protobuf_count(file, "net_def") > 1)
        return error_set(err, "it holds %zu nets, which run on several devices in turn, want one",
                         protobuf_count(file, "net_def"));
    if (source_has_twin(s, ".data") && !(m->data = source_twin(s, ".data", err)))
        return -1;
    read_net(m);
    build_check(&m->r.b, m->r.b.failed || graph_set_property(m->r.b.graph, "producer", "MACE", 4, err) == 0);
    return build_graph_end(&m->r.b);
}

static struct graph *mace_read(const struct source *s, struct error *err)
{
    struct mace_reader m = {.r = {.domain = "mace", .kinds = &kinds, .file = s->blob}};
    m.r.b = (struct build){.graph = graph_new(err), .err = err};
    int result = m.r.b.graph ? read_whole(&m, s, err) : -1;
    netdef_release(&m.r);
    blob_unref(m.data);
    return graph_if(result == 0, m.r.b.graph);
}

/* ---- recognising ---- */

static bool is_net(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct protobuf_field f;
    return protobuf_take(&in, &f) && f.number == 1 && f.wire == PROTOBUF_WIRE_BYTES && netdef_is_operator(&f, 6);
}

static int sniff(const struct source *s)
{
    struct bytes in = bytes_of(s->blob->data, s->blob->size);
    struct protobuf_field f;
    if (is_net(s->blob->data, s->blob->size))
        return 85;
    for (int i = 0; i < 3 && is_list(s->blob) && protobuf_take(&in, &f); i++)
        if (f.number == 3 && f.wire == PROTOBUF_WIRE_BYTES && is_net(f.data, f.size))
            return 85;
    return 0;
}

const struct format format_mace = {
    .name = "mace",
    .suffixes = ".pb",
    .twins = ".data",
    .what = "MACE: a net and its weights",
    .channels_last = true,
    .sniff = sniff,
    .read = mace_read,
    .operator_at = operator_at,
};
