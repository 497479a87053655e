/* Convolutions and pools. */
#include <stdio.h>
#include <string.h>

#include "format/openvino/openvino.h"

#define MOST_SPATIAL 3

static const char *const rules[] = {"explicit", "same_upper", "same_lower", "valid", "notset", NULL};
enum rule { RULE_EXPLICIT, RULE_SAME_UPPER, RULE_SAME_LOWER, RULE_VALID, RULE_NOTSET };

/* ---- windows ---- */

static void copy_list(struct openvino_read *l, struct value *v, const char *from, const char *to, int spatial,
                      int64_t otherwise)
{
    int64_t values[MOST_SPATIAL];
    int count = openvino_ints(l, from, values, spatial);
    bool plain = true;
    if (count >= 0 && count != spatial)
        build_fail(l->b, "its %s has %d numbers, want %d", from, count, spatial);
    for (int i = 0; i < count; i++)
        plain = plain && values[i] == otherwise;
    if (count > 0 && !plain && v)
        build_ints(l->b, v, to, count, values);
}

/* All pads, those at the ends behind those at the beginnings. */
static bool read_pads(struct openvino_read *l, int spatial, int64_t *pads)
{
    bool any = false;
    memset(pads, 0, 2 * MOST_SPATIAL * sizeof(*pads));
    int begin = openvino_ints(l, "pads_begin", pads, spatial);
    int end = openvino_ints(l, "pads_end", pads + spatial, spatial);
    if ((begin > 0 && begin != spatial) || (end > 0 && end != spatial))
        build_fail(l->b, "it has %d and %d pads, want %d", begin, end, spatial);
    for (int i = 0; i < 2 * spatial; i++)
        any = any || pads[i];
    return any;
}

/* No pads are no rule of ONNX's, which would round sizes of pools down. */
static enum rule set_pads(struct openvino_read *l, struct value *v, int spatial)
{
    static const char *const onnx[] = {NULL, "SAME_UPPER", "SAME_LOWER", NULL, NULL};
    enum rule rule = (enum rule)openvino_word(l, "auto_pad", "explicit", rules);
    int64_t pads[2 * MOST_SPATIAL];
    if (onnx[rule])
        build_string(l->b, v, "auto_pad", onnx[rule]);
    else if (rule != RULE_VALID && read_pads(l, spatial, pads))
        build_ints(l->b, v, "pads", 2 * spatial, pads);
    return rule;
}

/* Of an input whose rank is not known, as behind a branch, the strides tell. */
static int spatial_axes(struct openvino_read *l)
{
    int64_t strides[MOST_SPATIAL];
    const struct type *type = build_type(l->b, openvino_in(l, 0));
    int spatial = type && type->rank < 0 ? openvino_ints(l, "strides", strides, MOST_SPATIAL) : openvino_rank(l, 0) - 2;
    if (!l->b->failed && (spatial < 1 || spatial > MOST_SPATIAL))
        build_fail(l->b, "its input has %d axes, want 3 to 5", spatial + 2);
    return l->b->failed ? 1 : spatial;
}

/* ---- convolutions ---- */

static struct value *finish_conv(struct openvino_read *l, struct value *v, int64_t group)
{
    int spatial = spatial_axes(l);
    copy_list(l, v, "strides", "strides", spatial, 1);
    copy_list(l, v, "dilations", "dilations", spatial, 1);
    if (group > 1)
        build_int(l->b, v, "group", group);
    return v;
}

/* [groups, o, i, …] becomes [groups * o, i, …]. */
static struct value *grouped_weights(struct openvino_read *l, int64_t *group)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = openvino_rank(l, 1);
    if (rank < 4)
        build_fail(l->b, "its weights have %d axes, want 4 to 6", rank);
    *group = openvino_dim(l, 1, 0);
    for (int i = 1; i < rank; i++)
        dims[i - 1] = openvino_dim(l, 1, i);
    if (*group < 1 || dims[0] < 0 || __builtin_mul_overflow(dims[0], *group, &dims[0]))
        build_fail(l->b, "the sizes of its weights must be known");
    return openvino_reshaped(l, 1, rank - 1, dims);
}

static void conv(struct openvino_read *l, struct value *weights, int64_t group)
{
    struct value *v = BUILD(l->b, "Conv", openvino_in(l, 0), weights);
    set_pads(l, v, spatial_axes(l));
    l->out[0] = finish_conv(l, v, group);
}

void openvino_read_conv(struct openvino_read *l)
{
    conv(l, openvino_in(l, 1), 1);
}

void openvino_read_group_conv(struct openvino_read *l)
{
    int64_t group = 1;
    struct value *weights = grouped_weights(l, &group);
    conv(l, weights, group);
}

/* Inputs: data, offsets, weights, perhaps a mask. */
void openvino_read_deform_conv(struct openvino_read *l)
{
    int64_t pads[2 * MOST_SPATIAL];
    struct value *v = BUILD(l->b, "DeformConv", openvino_in(l, 0), openvino_in(l, 2), openvino_in(l, 1), NULL,
                            openvino_has(l, 3) ? l->in[3] : NULL);
    if (openvino_word(l, "auto_pad", "explicit", rules) != 0 || openvino_rank(l, 0) != 4 ||
        !openvino_bool(l, "bilinear_interpolation_pad", false))
        build_fail(l->b, "want 4 axes, pads in numbers, and bilinear_interpolation_pad");
    if (read_pads(l, 2, pads))
        build_ints(l->b, v, "pads", 4, pads);
    build_int(l->b, v, "offset_group", openvino_int(l, "deformable_group", 1));
    l->out[0] = finish_conv(l, v, openvino_int(l, "group", 1));
}

/* Where the size of the result is given, pads follow from it: the larger half stands at the beginning, or, for
 * same_lower, at the end; else those at the beginning are given too. */
static void set_size(struct openvino_read *l, struct value *v, int spatial)
{
    int64_t size[MOST_SPATIAL], pads[2 * MOST_SPATIAL], extra[MOST_SPATIAL] = {0};
    int64_t stride[MOST_SPATIAL] = {1, 1, 1}, dilation[MOST_SPATIAL] = {1, 1, 1};
    int rule = openvino_word(l, "auto_pad", "explicit", rules);
    int weight_axis = openvino_rank(l, 1) - spatial;
    openvino_ints(l, "output_padding", extra, spatial);
    openvino_ints(l, "strides", stride, spatial);
    openvino_ints(l, "dilations", dilation, spatial);
    read_pads(l, spatial, pads);
    if (openvino_want_ints(l, 2, size, spatial) != spatial)
        build_fail(l->b, "the size of its result has not %d numbers", spatial);
    for (int i = 0; i < spatial && !l->b->failed; i++) {
        int64_t in = openvino_dim(l, 0, 2 + i), kernel = openvino_dim(l, 1, weight_axis + i), total;
        if (in < 0 || kernel < 1 || in > INT32_MAX || kernel > INT32_MAX || stride[i] > INT32_MAX ||
            dilation[i] > INT32_MAX || size[i] > INT32_MAX || stride[i] < 1 || dilation[i] < 1 || size[i] < 0 ||
            extra[i] < 0 || extra[i] > INT32_MAX || pads[i] > INT32_MAX)
            build_fail(l->b, "the sizes of its input and weights must be known, and less than 2^31");
        if (l->b->failed)
            return;
        total = stride[i] * (in - 1) + dilation[i] * (kernel - 1) + 1 + extra[i] - size[i];
        int64_t begin = rule == RULE_SAME_UPPER   ? (total + 1) / 2
                        : rule == RULE_SAME_LOWER ? total / 2
                        : rule == RULE_VALID      ? 0
                                                  : pads[i];
        pads[i] = begin > 0 ? begin : 0;
        pads[spatial + i] = total > pads[i] ? total - pads[i] : 0;
        extra[i] += total < pads[i] ? pads[i] - total : 0; /* what no window reaches is 0 */
    }
    build_ints(l->b, v, "pads", 2 * spatial, pads);
    if (extra[0] || extra[1] || extra[2])
        build_ints(l->b, v, "output_padding", spatial, extra);
}

static void deconv(struct openvino_read *l, struct value *weights, int64_t group)
{
    int spatial = spatial_axes(l);
    struct value *v = BUILD(l->b, "ConvTranspose", openvino_in(l, 0), weights);
    if (openvino_has(l, 2))
        set_size(l, v, spatial);
    else {
        int rule = openvino_word(l, "auto_pad", "explicit", rules);
        if (rule != RULE_SAME_UPPER && rule != RULE_SAME_LOWER) /* which say nothing without a size */
            set_pads(l, v, spatial);
        copy_list(l, v, "output_padding", "output_padding", spatial, 0);
    }
    l->out[0] = finish_conv(l, v, group);
}

void openvino_read_deconv(struct openvino_read *l)
{
    deconv(l, openvino_in(l, 1), 1);
}

void openvino_read_group_deconv(struct openvino_read *l)
{
    int64_t group = 1;
    struct value *weights = grouped_weights(l, &group);
    deconv(l, weights, group);
}

/* ---- pools ---- */

static const char *const roundings[] = {"floor", "ceil", "ceil_torch", NULL};

/* Of a layer whose rounding is "ceil", whether that differs from ONNX's, which drops a last window that begins behind
 * the input and its first pad. */
static bool has_empty_window(struct openvino_read *l, int spatial)
{
    int64_t kernel[MOST_SPATIAL] = {1, 1, 1}, stride[MOST_SPATIAL] = {1, 1, 1}, pads[2 * MOST_SPATIAL];
    openvino_ints(l, "kernel", kernel, spatial);
    openvino_ints(l, "strides", stride, spatial);
    read_pads(l, spatial, pads);
    for (int i = 0; i < spatial && !l->b->failed; i++) {
        int64_t in = openvino_dim(l, 0, 2 + i), over = in + pads[i] + pads[spatial + i] - kernel[i];
        if (in >= 0 && stride[i] > 0 && over >= 0 && (over + stride[i] - 1) / stride[i] * stride[i] >= in + pads[i])
            return true;
    }
    return false;
}

/* An average that counts pads counts those that rounding up adds too, as the CPU plugin has it; without pads of its
 * own it counts none. */
static void pool(struct openvino_read *l, const char *name, bool exclude)
{
    int spatial = spatial_axes(l), rounding = openvino_word(l, "rounding_type", "floor", roundings);
    int rule = openvino_word(l, "auto_pad", "explicit", rules);
    bool is_same = rule == RULE_SAME_UPPER || rule == RULE_SAME_LOWER;
    int64_t pads[2 * MOST_SPATIAL];
    bool is_padded = is_same || (read_pads(l, spatial, pads) && rule != RULE_VALID);
    bool counts = is_padded && !exclude && strcmp(name, "AveragePool") == 0;
    bool is_legacy = !is_same && rounding && (counts || (rounding == 1 && has_empty_window(l, spatial)));
    char legacy[40];
    snprintf(legacy, sizeof(legacy), "nn.%s", name);
    struct value *v = BUILD(l->b, is_legacy ? legacy : name, openvino_in(l, 0));
    set_pads(l, v, spatial);
    copy_list(l, v, "kernel", "kernel_shape", spatial, 0);
    copy_list(l, v, "strides", "strides", spatial, 1);
    if (is_legacy) {
        build_string(l->b, v, "rounding", rounding == 1 ? "ceil_full" : "ceil");
        if (counts)
            build_string(l->b, v, "count", "include");
    } else {
        copy_list(l, v, "dilations", "dilations", spatial, 1);
        if (rounding)
            build_int(l->b, v, "ceil_mode", 1);
        if (counts)
            build_int(l->b, v, "count_include_pad", 1);
    }
    l->out[0] = v;
}

void openvino_read_max_pool(struct openvino_read *l)
{
    pool(l, "MaxPool", true);
    if (l->layer->out_count < 2 || !l->layer->out[1].is_used || !l->out[0] || *l->out[0]->producer->domain)
        return;
    struct value *at = build_output(l->b, l->out[0], 1);
    int axis = openvino_axis(l, openvino_int(l, "axis", 0), openvino_rank(l, 0));
    int64_t run = 1;
    for (int i = axis; axis > 0 && i < openvino_rank(l, 0) && !l->b->failed; i++) {
        int64_t dim = openvino_dim(l, 0, i);
        if (dim < 1 || dim > INT32_MAX / run)
            build_fail(l->b, "indices within axes of sizes that are not known");
        run *= dim;
    }
    if (axis > 0) /* they count within the axes from there on */
        at = BUILD(l->b, "Mod", at, build_number(l->b, DTYPE_I64, (double)run));
    l->out[1] = openvino_as(l, at, "index_element_type", "i64");
}

void openvino_read_average_pool(struct openvino_read *l)
{
    pool(l, "AveragePool", openvino_bool(l, "exclude-pad", true));
}

void openvino_read_adaptive_pool(struct openvino_read *l)
{
    int64_t size[MOST_SPATIAL];
    int spatial = spatial_axes(l), count = openvino_want_ints(l, 1, size, MOST_SPATIAL);
    if (count != spatial)
        build_fail(l->b, "the size of its result has %d numbers, want %d", count, spatial);
    struct value *v = build_ints(l->b, BUILD(l->b, "nn.AdaptivePool", openvino_in(l, 0)), "output_size", count, size);
    l->out[0] = build_string(l->b, v, "mode", l->kind->onnx);
}
