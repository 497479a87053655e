/* Writing convolutions and pools. */
#include <string.h>

#include "format/openvino/write.h"
#include "op/window.h"

#define MOST_SPATIAL 3

/* The number of spatial axes, from a value of the node. */
static int spatial_of(struct openvino_writer *w, int i)
{
    int spatial = openvino_rank_of(node_in(w->node, i)) - 2;
    if (spatial < 1 || spatial > MOST_SPATIAL)
        openvino_cannot(w, "%d spatial axes, or a rank that is not known", spatial);
    return spatial < 1 || spatial > MOST_SPATIAL ? 1 : spatial;
}

static void put_list(struct openvino_writer *w, const char *from, const char *to, int spatial, int64_t otherwise)
{
    int64_t values[MOST_SPATIAL];
    int count;
    const int64_t *given = op_ints(w->node, from, &count);
    for (int i = 0; i < spatial; i++)
        values[i] = given && i < count ? given[i] : otherwise;
    openvino_put_ints(w, to, spatial, values);
}

static void put_pads(struct openvino_writer *w, int spatial, const char *rule)
{
    static const char *const rules[][2] = {
        {"SAME_UPPER", "same_upper"}, {"SAME_LOWER", "same_lower"}, {"VALID", "valid"}};
    int64_t pads[2 * MOST_SPATIAL] = {0};
    int count;
    const int64_t *given = op_ints(w->node, "pads", &count);
    for (int i = 0; given && i < count && i < 2 * spatial; i++)
        pads[i] = given[i];
    openvino_put_ints(w, "pads_begin", spatial, pads);
    openvino_put_ints(w, "pads_end", spatial, pads + spatial);
    for (int i = 0; i < 3; i++)
        if (strcmp(rule, rules[i][0]) == 0)
            openvino_put_text(w, "auto_pad", rules[i][1]);
}

/* The dims of weights [groups * o, i, …], or transposed [groups * i, o, …], with the groups as an axis. */
static bool grouped_dims(const struct node *n, int64_t *dims)
{
    const struct value *v = node_in(n, 1);
    dims[0] = op_int(n, "group");
    bool known = openvino_rank_of(v) > 0 && dims[0] > 0;
    for (int i = 0; known && i < v->type.rank; i++) {
        dims[1 + i] = v->type.dims[i];
        known = dims[1 + i] >= 0;
    }
    if (known)
        dims[1] /= dims[0];
    return known;
}

/* What a Reshape took the axis of groups away from. */
static struct value *grouped_before(const struct node *n)
{
    int64_t dims[TENSOR_MAX_RANK + 1];
    const struct node *reshape = node_in(n, 1) ? node_in(n, 1)->producer : NULL;
    struct value *v = reshape && node_is(reshape, "Reshape") ? node_in(reshape, 0) : NULL;
    bool same = v && op_int(n, "group") > 1 && grouped_dims(n, dims) && v->type.rank == node_in(n, 1)->type.rank + 1;
    for (int i = 0; same && i < v->type.rank; i++)
        same = v->type.dims[i] == dims[i];
    return same ? v : NULL;
}

bool openvino_is_ungrouping(const struct node *reshape)
{
    const struct value *v = node_out(reshape, 0);
    const struct node *n = v && !v->is_output && v->use_count == 1 ? v->uses[0].node : NULL;
    return n && v->uses[0].index == 1 && (node_is(n, "Conv") || node_is(n, "ConvTranspose")) && grouped_before(n);
}

static struct openvino_place weights(struct openvino_writer *w, int spatial, int64_t groups)
{
    int64_t dims[TENSOR_MAX_RANK + 1];
    if (groups == 1)
        return openvino_at(w, 1);
    if (openvino_is_ungrouping(node_in(w->node, 1)->producer ? node_in(w->node, 1)->producer : w->node))
        return openvino_of(w, grouped_before(w->node));
    if (!grouped_dims(w->node, dims)) {
        openvino_cannot(w, "the sizes of its weights are not known");
        return (struct openvino_place){-1, 0};
    }
    return openvino_shaped(w, 1, "weights", spatial + 3, dims);
}

static struct openvino_place bias(struct openvino_writer *w, int spatial)
{
    int64_t dims[] = {1, -1, 1, 1, 1};
    return openvino_shaped(w, 2, "bias", spatial + 2, dims);
}

static void finish(struct openvino_writer *w, const char *type, int spatial, int count,
                   const struct openvino_place *in)
{
    if (node_in(w->node, 2))
        OPENVINO_FINISH(w, "Add", 1, openvino_step(w, type, 1, 1, count, in), bias(w, spatial));
    else
        openvino_finish(w, type, 1, count, in);
}

void openvino_write_conv(struct openvino_writer *w)
{
    int spatial = spatial_of(w, 1);
    int64_t groups = op_int(w->node, "group");
    struct openvino_place in[] = {openvino_at(w, 0), weights(w, spatial, groups)};
    put_list(w, "strides", "strides", spatial, 1);
    put_list(w, "dilations", "dilations", spatial, 1);
    put_pads(w, spatial, op_string(w->node, "auto_pad"));
    finish(w, groups > 1 ? "GroupConvolution" : "Convolution", spatial, 2, in);
}

/* The size of the result, from which pads follow. */
static struct openvino_place size_of(struct openvino_writer *w, int spatial)
{
    const struct type *t = &node_out(w->node, 0)->type;
    for (int i = 0; i < spatial; i++)
        if (t->rank != spatial + 2 || t->dims[2 + i] < 0) {
            openvino_cannot(w, "pads that follow from a size which is not known");
            return (struct openvino_place){-1, 0};
        }
    return openvino_list_of(w, spatial, t->dims + 2);
}

void openvino_write_deconv(struct openvino_writer *w)
{
    int spatial = spatial_of(w, 1), count;
    int64_t groups = op_int(w->node, "group");
    const char *rule = op_string(w->node, "auto_pad");
    bool upper = strcmp(rule, "SAME_UPPER") == 0;
    bool sized = op_ints(w->node, "output_shape", &count) || upper || strcmp(rule, "SAME_LOWER") == 0;
    struct openvino_place in[] = {openvino_at(w, 0), weights(w, spatial, groups), {-1, 0}};
    if (sized) { /* the larger half of the pads stands at the other end than in ONNX */
        in[2] = size_of(w, spatial);
        rule = upper ? "SAME_LOWER" : "SAME_UPPER";
    }
    put_list(w, "strides", "strides", spatial, 1);
    put_list(w, "dilations", "dilations", spatial, 1);
    put_list(w, "output_padding", "output_padding", spatial, 0);
    put_pads(w, spatial, rule);
    finish(w, groups > 1 ? "GroupConvolutionBackpropData" : "ConvolutionBackpropData", spatial, 2 + sized, in);
}

/* ---- pools ---- */

/* Whether some window reaches behind the pads, or that is not known: IR counts what it has there. */
static bool is_clipped(const struct node *n, int spatial)
{
    struct window at;
    struct error err;
    if (window_read(&at, n, spatial, NULL, &err) < 0)
        return true;
    bool is_padded = false, reaches = false;
    for (int i = 0; i < spatial; i++) {
        int64_t in = n->in[0]->type.dims[2 + i], out = n->out[0]->type.dims[2 + i];
        is_padded |= at.begin[i] || at.end[i];
        reaches |= in < 0 || out < 0 || (out - 1) * at.stride[i] + at.kernel[i] > in + at.begin[i] + at.end[i];
    }
    return is_padded && reaches;
}

/* A window that begins in the pads behind is dropped, as in ONNX. */
void openvino_write_pool(struct openvino_writer *w)
{
    int spatial = spatial_of(w, 0), count;
    bool max = strcmp(w->row->type, "MaxPool") == 0;
    struct openvino_place x = openvino_at(w, 0);
    const int64_t *dilations = op_ints(w->node, "dilations", &count);
    for (int i = 0; dilations && i < count; i++)
        if (!max && dilations[i] != 1)
            openvino_cannot(w, "dilations");
    put_list(w, "strides", "strides", spatial, 1);
    if (max)
        put_list(w, "dilations", "dilations", spatial, 1);
    put_list(w, "kernel_shape", "kernel", spatial, 1);
    put_pads(w, spatial, op_string(w->node, "auto_pad"));
    if (max && op_int(w->node, "storage_order"))
        openvino_cannot(w, "places by columns");
    if (!max)
        openvino_put_bool(w, "exclude-pad", !op_int(w->node, "count_include_pad"));
    bool ceil = op_int(w->node, "ceil_mode") != 0;
    if (!max && ceil && op_int(w->node, "count_include_pad") && is_clipped(w->node, spatial))
        openvino_cannot(w, "an average of windows that reach behind the pads that count");
    openvino_put_text(w, "rounding_type", ceil ? "ceil_torch" : "floor");
    if (max) {
        openvino_put_text(w, "index_element_type", "i64");
        openvino_put_int(w, "axis", 0);
    }
    int set = max ? ceil ? 14 : 8 : ceil ? 14 : 1;
    w->outputs = max ? 2 : 1;
    OPENVINO_FINISH(w, w->row->type, set, x);
}

void openvino_write_adaptive_pool(struct openvino_writer *w)
{
    int count;
    const int64_t *sizes = op_ints(w->node, "output_size", &count);
    if (strcmp(op_string(w->node, "mode"), "average") != 0)
        openvino_cannot(w, "an adaptive maximum");
    for (int i = 0; i < count; i++)
        if (sizes[i] < 1)
            openvino_cannot(w, "an axis that stays");
    struct openvino_place x = openvino_at(w, 0);
    OPENVINO_FINISH(w, "AdaptiveAvgPool", 8, x, openvino_list_of(w, count, sizes));
}
