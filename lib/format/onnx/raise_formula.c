/* Operators of other domains that are ONNX's, or several of these. */
#include <string.h>

#include "format/onnx/raise.h"
#include "op/detect_build.h"

/* ONNX took it over later: it is as of its first version there. */
int onnx_raise_domain(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)row;
    return node_set_op(*n, "", (*n)->op, err);
}

/* onnxruntime's form of it, whose extensions have values that add nothing. */
int onnx_raise_standard(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    static const struct {
        const char *name;
        int64_t plain;
    } extensions[] = {{"state_window", 0}, {"channels_last", 0}, {"ndim", 1}, {"dilation", 1}};
    for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
        int64_t value = onnx_edit_get_int(*n, extensions[i].name, extensions[i].plain);
        if (value != extensions[i].plain)
            return onnx_edit_error(*n, err, "attribute %s: %lld, want %lld", extensions[i].name, (long long)value,
                                   (long long)extensions[i].plain);
        node_remove_attr(*n, extensions[i].name);
    }
    return onnx_raise_domain(c, n, row, err);
}

int onnx_raise_replaced(struct node **n, struct build *b, int count, struct value *const *out)
{
    struct node *old = *n;
    for (int o = 0; o < count && o < old->out_count; o++)
        build_give(b, o, out[o]);
    if (build_end(b) != 0)
        return -1;
    *n = old->prev;
    graph_remove_node(old);
    return 0;
}

int onnx_raise_formula(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    struct node *old = *n, *before = old->prev, *after = old->next;
    struct graph *g = old->graph;
    onnx_raise_dtype(c, old, 0); /* numbers are of its type */
    if (build_replace(old, row->attr, err) != 0)
        return -1;
    struct node *last = after ? after->prev : g->last;
    *n = last && last != before ? last : *n;
    return 0;
}

/* A float, also where it is stored as a whole number. */
static double number(const struct node *n, const char *name, double otherwise)
{
    const struct attr *a = node_attr(n, name);
    return !a ? otherwise : a->kind == ATTR_INT ? (double)a->i : a->kind == ATTR_FLOAT ? (double)a->f : otherwise;
}

int onnx_raise_crop(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    struct build b = {.node = *n, .err = err};
    const struct value *v = node_in(*n, 3);
    const struct attr *mode = node_attr(*n, "mode");
    int64_t size[2] = {0};
    (void)row;
    onnx_raise_rank(c, *n, 0);
    if (v && v->constant && !v->is_input && v->constant->count == 2 && v->constant->dtype != DTYPE_STRING)
        tensor_load_i64(v->constant, 0, 2, size);
    if (mode && (mode->kind != ATTR_STRING || !mode->s.data || strcmp(mode->s.data, "bilinear") != 0))
        build_fail(&b, "the nearest pixels of a part are not read");
    if (size[0] < 1 || size[1] < 1 || size[0] > 1 << 15 || size[1] > 1 << 15)
        build_fail(&b, "the size of the parts must be known");
    struct value *index = build_cast(&b, node_in(*n, 2), DTYPE_I64);
    struct value *parts =
        detect_crop(&b, node_in(*n, 0), node_in(*n, 1), index, size, number(*n, "extrapolation_value", 0));
    return onnx_raise_replaced(n, &b, 1, &parts);
}

/* TensorRT's plugin, as exporters of detectors leave it: one image, rows of zeros behind. */
int onnx_raise_efficient_nms(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                             struct error *err)
{
    struct build b = {.node = *n, .err = err};
    const int64_t most = onnx_edit_get_int(*n, "max_output_boxes", 100);
    const struct detect_rule rule = {.normalized = true,
                                     .best = -1,
                                     .keep = most,
                                     .background = onnx_edit_get_int(*n, "background_class", -1),
                                     .overlap = (float)number(*n, "iou_threshold", 0.5),
                                     .score = (float)number(*n, "score_threshold", 0.25)};
    struct value *in[] = {node_in(*n, 0), node_in(*n, 1), NULL, NULL}, *of = NULL, *out[4];
    (void)c;
    (void)row;
    if ((*n)->in_count != 2 || most < 1 || most > 1 << 16 || onnx_edit_get_int(*n, "class_agnostic", 0) != 0)
        build_fail(&b, "want boxes and scores, suppressed by class");
    const char *boxes =
        onnx_edit_get_int(*n, "box_coding", 0) != 0 /* centre and size, else corners */
            ? "$0 [1,-1,4] Reshape:2 >x x [0] [2] [2] Slice:4 x [2] [4] [2] Slice:4 =0.5 Mul:2 >h >c c h "
              "Sub:2 c h Add:2 Concat:2/axis=2"
            : "$0 [1,-1,4] Reshape:2";
    in[0] = build_formula(&b, boxes, 1, in);
    in[1] = build_formula(&b,
                          onnx_edit_get_int(*n, "score_activation", 0) != 0 ? "$1 Sigmoid Transpose/perm=0,2,1"
                                                                            : "$1 Transpose/perm=0,2,1",
                          2, in);
    struct value *kept = detect_multiclass(&b, in[0], in[1], &rule, &of);
    in[2] = detect_gather(&b, kept, detect_best(&b, of, INT64_MAX), 0);
    out[0] = build_formula(&b, "$2 Shape/start=0/end=1 [1,1] Reshape:2 Cast/to=6", 3, in);
    out[1] = build_formula(&b, "$0 $2 [0,2] Gather:2/axis=1 GatherND:2", 3, in);
    out[2] = build_formula(&b, "$1 $2 GatherND:2 [-1,1] Reshape:2", 3, in);
    out[3] = build_formula(&b, "$2 [1] [2] [1] Slice:4 Cast/to=1", 3, in);
    for (int o = 1; o < 4; o++)
        out[o] = build_unsqueeze(&b, detect_fill(&b, out[o], most, o == 1 ? 4 : 1), 0);
    for (int o = 2; o < 4; o++)
        out[o] = build_reshape(&b, out[o], 2, (int64_t[]){1, -1});
    out[3] = build_cast(&b, out[3], DTYPE_I32);
    return onnx_raise_replaced(n, &b, 4, out);
}

/* Two numbers of 4 bits a byte, the first one in the low half, as numbers of their own. */
static struct value *halves(struct build *b, struct value *v)
{
    const struct tensor *t = v ? v->constant : NULL;
    int64_t dims[TENSOR_MAX_RANK];
    if (!t || t->dtype != DTYPE_U8 || t->rank < 1) {
        build_fail(b, "its bytes of two numbers each must be constants");
        return NULL;
    }
    for (int i = 0; i < t->rank; i++)
        dims[i] = t->dims[i] * (i == t->rank - 1 ? 2 : 1);
    struct tensor *to = tensor_new(DTYPE_U4, t->rank, dims, b->err);
    if (to && to->size == t->size)
        memcpy(to->data, t->data, t->size);
    return build_constant(b, NULL, to);
}

/* Rows of a table in blocks of few bits. */
int onnx_raise_gather_blocks(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                             struct error *err)
{
    struct build b = {.node = *n, .err = err};
    const int64_t bits = onnx_edit_get_int(*n, "bits", 4);
    struct value *in[] = {node_in(*n, 0), node_in(*n, 1), node_in(*n, 2), node_in(*n, 3)};
    int rank = onnx_raise_rank(c, *n, 0);
    bool bytes = onnx_raise_dtype(c, *n, 0) == DTYPE_U8, pairs = bytes && bits == 4;
    int64_t axis = onnx_edit_get_int(*n, "quantize_axis", 1);
    (void)row;
    if ((axis != rank - 1 && axis != -1) || onnx_edit_get_int(*n, "gather_axis", 0) != 0 || rank < 2)
        build_fail(&b, "want rows of a table that is in blocks along its last axis");
    if (pairs)
        in[0] = halves(&b, in[0]);
    if (in[3])
        in[3] = build_formula(&b, "$3 $1 Gather:2", 4,
                              (struct value *[]){in[0], in[1], in[2], pairs ? halves(&b, in[3]) : in[3]});
    else if (bytes)
        in[3] = build_formula(&b,
                              pairs ? "#_=8 $2 Shape Expand:2 Cast/to=21 $1 Gather:2"
                                    : "#_=128 $2 Shape Expand:2 Cast/to=2 $1 Gather:2",
                              3, in);
    struct value *v = build_formula(&b, "$0 $1 Gather:2 $2 $1 Gather:2 $3? DequantizeLinear:3/axis=-1", 4, in);
    build_int(&b, v, "block_size", onnx_edit_get_int(*n, "block_size", 128));
    return onnx_raise_replaced(n, &b, 1, &v);
}

/* A depthwise convolution of what was left of the last call, or zeros, and the input behind it; the end of both is left
 * for the next call. */
int onnx_raise_causal_conv(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    struct build b = {.node = *n, .err = err};
    struct value *in[] = {node_in(*n, 0), node_in(*n, 1), node_in(*n, 2), node_in(*n, 3)};
    bool known = onnx_raise_rank(c, *n, 1) == 3 && in[1]->type.dims[0] > 0 && in[1]->type.dims[2] > 0;
    int64_t channels = known ? in[1]->type.dims[0] : 1, left = known ? in[1]->type.dims[2] - 1 : 0;
    bool swish = onnx_edit_attr_is(*n, "activation", "silu") || onnx_edit_attr_is(*n, "activation", "swish");
    (void)row;
    if (!known)
        build_fail(&b, "the size of its kernel must be known");
    if (!swish && node_attr(*n, "activation") && !onnx_edit_attr_is(*n, "activation", "none"))
        build_fail(&b, "attribute activation: want silu, swish or none");
    struct value *whole = in[0];
    if (in[3])
        whole = BUILD(&b, "Concat/axis=2", in[3], in[0]);
    else if (left > 0)
        whole = BUILD(&b, "Pad", in[0], BUILD_LIST(&b, 0, 0, left, 0, 0, 0));
    struct value *y = build_int(&b, BUILD(&b, "Conv", whole, in[1], in[2]), "group", channels);
    struct value *from = BUILD_LIST(&b, left > 0 ? -left : INT64_MAX);
    struct value *state = BUILD(&b, "Slice", whole, from, BUILD_LIST(&b, INT64_MAX), BUILD_LIST(&b, 2));
    return onnx_raise_replaced(n, &b, 2, (struct value *[]){swish ? BUILD(&b, "Swish", y) : y, state});
}

/* The blocks' pixels within each channel instead of the channels within each pixel. */
int onnx_raise_space_to_depth(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                              struct error *err)
{
    struct build b = {.node = *n, .err = err};
    int64_t block = onnx_edit_get_int(*n, "blocksize", 0);
    (void)c;
    (void)row;
    bool crd = onnx_edit_attr_is(*n, "mode", "CRD");
    if (!crd && node_attr(*n, "mode") && !onnx_edit_attr_is(*n, "mode", "DCR"))
        return onnx_edit_error(*n, err, "attribute mode: want DCR or CRD");
    node_remove_attr(*n, "mode");
    if (!crd)
        return 0;
    if (block < 1 || block > 1 << 15)
        return onnx_edit_error(*n, err, "attribute blocksize: %lld, want 1 to 32768", (long long)block);
    struct value *y = build_int(&b, BUILD(&b, "SpaceToDepth", node_in(*n, 0)), "blocksize", block);
    y = build_int(&b, BUILD(&b, "nn.ShuffleChannel", y), "group", block * block);
    return onnx_raise_replaced(n, &b, 1, &y);
}
