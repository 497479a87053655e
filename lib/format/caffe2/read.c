/* The pair of files: "init_net.pb", whose operators fill the weights, and "predict_net.pb"; or one with all.
 * Source: caffe2/proto/caffe2.proto. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "format/caffe2/caffe2.h"
#include "format/format.h"

static netdef_fn *const reads[] = {
#define OP(type, read, onnx) caffe2_read_##read,
#include "format/caffe2/ops.def"
#undef OP
};

#include "format/caffe2/ops.inc"
PACKED_TABLE(kinds, struct netdef_kind, 2, reads);

static const char *operator_at(size_t index)
{
    const struct netdef_kind *kind = packed_row(&kinds, index);
    return kind ? kind->type : NULL;
}

/* ---- bytes ---- */

/* An operator on bytes: that on real numbers, then Relu where its name ends so, then rounding. */
void caffe2_read_int8(struct netdef_op *o)
{
    bool has_relu = strlen(o->type) > 8 && strcmp(o->type + strlen(o->type) - 4, "Relu") == 0;
    const struct netdef_kind *real = netdef_find(o->r, o->kind->onnx ? o->kind->onnx : o->type + 4);
    has_relu = has_relu && o->kind->onnx;
    o->kind = real;
    real->read(o);
    for (int k = 0; k < o->out_count && !o->b->failed; k++) {
        if (o->out[k] && has_relu)
            o->out[k] = BUILD(o->b, "Relu", o->out[k]);
        if (o->out[k] && netdef_has(o, "Y_scale"))
            o->out[k] = caffe2_rounded(o, o->out[k]);
    }
}

static const struct netdef_kind *find_kind(const struct netdef_reader *r, const char *type)
{
    static const struct netdef_kind on_bytes = {"", NULL, caffe2_read_int8};
    const struct netdef_kind *kind = netdef_find(r, type);
    return !kind && strncmp(type, "Int8", 4) == 0 && netdef_find(r, type + 4) ? &on_bytes : kind;
}

/* ---- nets ---- */

/* Whether an operator of the net that fills weights only makes a place for what will be fed: one zero. */
static bool is_place(const struct protobuf *op)
{
    const struct netdef_op o = {.message = op};
    int64_t dims[TENSOR_MAX_RANK];
    int rank = netdef_ints(&o, "shape", dims, TENSOR_MAX_RANK);
    return strcmp(protobuf_text(op, "type", ""), "ConstantFill") == 0 && !netdef_has(&o, "value") && rank >= 0 &&
           rank <= TENSOR_MAX_RANK && tensor_count(rank, dims) == 1;
}

static void read_operators(struct netdef_reader *r, const struct protobuf *net)
{
    for (const struct protobuf *p = protobuf_first(net, "op"); p && !r->b.failed; p = protobuf_more(p))
        netdef_read(r, p, find_kind(r, protobuf_text(p, "type", "")));
}

/* All but places for what is an operator's first operand. */
static void read_weights(struct netdef_reader *r, const struct protobuf *init, const struct protobuf *net)
{
    struct lookup firsts = {0};
    for (const struct protobuf *p = protobuf_first(net, "op"); p && !r->b.failed; p = protobuf_more(p)) {
        const char *name = protobuf_as_text(protobuf_first(p, "input"), "");
        if (!lookup_find(&firsts, name))
            build_check(&r->b, lookup_add(&firsts, name, r, r->b.err) == 0);
    }
    for (const struct protobuf *p = protobuf_first(init, "op"); p && !r->b.failed; p = protobuf_more(p))
        if (!is_place(p) || !lookup_find(&firsts, protobuf_text(p, "output", "")))
            netdef_read(r, p, find_kind(r, protobuf_text(p, "type", "")));
    lookup_release(&firsts);
}

static bool is_fill(const struct protobuf *op)
{
    const char *type = protobuf_text(op, "type", "");
    return strlen(type) > 4 && strcmp(type + strlen(type) - 4, "Fill") == 0;
}

/* Whether the net only fills weights. */
static bool is_init(const struct protobuf *net)
{
    for (const struct protobuf *p = protobuf_first(net, "op"); p; p = protobuf_more(p))
        if (!is_fill(p))
            return false;
    return true;
}

static void read_net(struct netdef_reader *r, const struct protobuf *net)
{
    netdef_add_inputs(r, net, "external_input");
    r->computes = true;
    read_operators(r, net);
    for (const struct protobuf *p = protobuf_first(net, "external_output"); p && !r->b.failed; p = protobuf_more(p))
        netdef_add_output(r, protobuf_as_text(p, ""));
    if (!protobuf_first(net, "external_output"))
        netdef_add_unused(r);
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "the net has no outputs");
}

/* ---- files ---- */

/* The name of the other file: "init" for "predict" in it, or the other way. NULL: neither stands there. */
static char *other_name(const char *path, struct error *err)
{
    static const char *const words[] = {"predict", "init"};
    const char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path;
    for (int i = 0; i < 2 && name; i++) {
        const char *at = strstr(name, words[i]);
        char *other = at ? mem_calloc(strlen(name) + 8, 1, err) : NULL;
        if (other)
            sprintf(other, "%.*s%s%s", (int)(at - name), name, words[!i], at + strlen(words[i]));
        if (at)
            return other;
    }
    return NULL;
}

/* The file that goes with this one: given, of the other word, or "model_init.pb" for "model.pb". NULL: there is none.
 */
static struct blob *find_other(const struct source *s, struct error *err)
{
    struct error ignored;
    char *name = s->second ? NULL : other_name(s->path, &ignored);
    struct blob *blob = name ? source_member(s, name, &ignored) : NULL;
    free(name);
    if (!blob && source_has_twin(s, "_init.pb"))
        blob = source_twin(s, "_init.pb", err);
    return blob;
}

static int no_weights(const struct source *s, struct error *err)
{
    return error_set(err,
                     "its weights are missing: want the net that fills them beside it (init_net.pb for "
                     "predict_net.pb), or both, init_net.pb,%s",
                     s->path ? s->path : "predict_net.pb");
}

static bool has_fill(const struct protobuf *net)
{
    for (const struct protobuf *p = protobuf_first(net, "op"); p; p = protobuf_more(p))
        if (is_fill(p) || !protobuf_first(p, "input"))
            return true;
    return false;
}

struct half {
    struct blob *file;
    const struct protobuf *net;
};

static int parse(struct netdef_reader *r, struct half *h, struct error *err)
{
    const struct protobuf_type *type = netdef_message("caffe2.NetDef");
    h->net = h->file ? protobuf_read(h->file->data, h->file->size, type, &r->arena, err) : NULL;
    return h->file && !h->net ? -1 : 0;
}

static int read_both(struct netdef_reader *r, const struct source *s, struct blob *second, struct error *err)
{
    struct half predict = {.file = s->blob}, init = {.file = second};
    if (parse(r, &predict, err) != 0 || parse(r, &init, err) != 0)
        return -1;
    if (init.net && is_init(predict.net)) {
        struct half swapped = predict;
        predict = init;
        init = swapped;
    }
    if (is_init(predict.net))
        return error_set(err, "it only fills weights: want the net that computes beside it (predict_net.pb for "
                              "init_net.pb), or both, INIT,PREDICT");
    if (!init.net && !has_fill(predict.net))
        return no_weights(s, err);
    r->file = init.file;
    read_weights(r, init.net, predict.net);
    r->file = predict.file;
    read_net(r, predict.net);
    build_check(&r->b, r->b.failed || graph_set_property(r->b.graph, "producer", "Caffe2", 6, err) == 0);
    return build_graph_end(&r->b);
}

static struct graph *caffe2_read(const struct source *s, struct error *err)
{
    struct netdef_reader r = {.domain = "caffe2", .kinds = &kinds};
    struct error at = {{0}};
    struct blob *second = find_other(s, &at);
    r.b = (struct build){.graph = graph_new(err), .err = err};
    int result = -1;
    if (s->second && !second)
        error_set(err, "%s", at.text);
    else
        result = r.b.graph ? read_both(&r, s, second, err) : -1;
    netdef_release(&r);
    blob_unref(second);
    return graph_if(result == 0, r.b.graph);
}

/* ---- recognising ---- */

/* A few operators are enough: a file of weights need not be gone through. */
static int sniff(const struct source *s)
{
    struct bytes in = bytes_of(s->blob->data, s->blob->size);
    struct protobuf_field f;
    int operators = 0;
    for (int i = 0; i < 64 && bytes_left(&in) && operators < 4; i++) {
        if (!protobuf_take(&in, &f) || f.number > 9)
            return 0;
        if (f.number == 2 && (f.wire != PROTOBUF_WIRE_BYTES || !netdef_is_operator(&f, 5)))
            return 0;
        operators += f.number == 2;
    }
    return operators ? 85 : 0;
}

const struct format format_caffe2 = {
    .name = "caffe2",
    .suffixes = ".pb",
    .what = "Caffe2: init_net.pb and predict_net.pb",
    .channels_last = true,
    .sniff = sniff,
    .read = caffe2_read,
    .operator_at = operator_at,
};
