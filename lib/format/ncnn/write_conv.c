/* Convolutions, transposed ones and pools as layers. */
#include <string.h>

#include "format/ncnn/write.h"
#include "format/ncnn/write_int8.h"
#include "op/window.h"

/* Parameters' numbers by axis, the width first: kernel, dilation, stride, pads. */
static const int conv_ids[3][5] = {{1, 2, 3, 4, 15}, {11, 12, 13, 14, 16}, {21, 22, 23, 24, 17}};
static const int pool_ids[3][5] = {{1, -1, 2, 3, 14}, {11, -1, 12, 13, 15}, {21, -1, 22, 23, 16}};

/* Pads that follow from the size as numbers where the sizes are known, else as a convolution of ncnn has them. */
static bool place_pads(struct window *win, const int64_t *dims, bool is_conv)
{
    struct error ignored;
    bool known = true;
    if (win->auto_pad != WINDOW_SAME_UPPER && win->auto_pad != WINDOW_SAME_LOWER)
        return true;
    for (int i = 0; i < win->rank; i++)
        known = known && dims[i] >= 0;
    if (known)
        return window_resolve(win, dims, &ignored) == 0;
    for (int i = 0; i < win->rank; i++)
        win->begin[i] = win->end[i] = win->auto_pad == WINDOW_SAME_UPPER ? -233 : -234;
    return is_conv;
}

/* The window of the node; whether it can be told. */
static bool read_window(struct writer *w, struct window *win, const int64_t *kernel)
{
    struct error ignored;
    const struct type *x = &w->n->in[0]->type;
    if (x->kind != TYPE_TENSOR || x->rank < 3 || x->rank > 5 ||
        window_read(win, w->n, x->rank - 2, kernel, &ignored) != 0)
        return false;
    return place_pads(win, x->dims + 2, kernel != NULL);
}

static void put_window(struct writer *w, const struct window *win, const int ids[3][5])
{
    for (int i = 0; i < win->rank; i++) {
        int at = win->rank - 1 - i;
        ncnn_put_int(w, ids[i][0], win->kernel[at]);
        if (ids[i][1] >= 0)
            ncnn_put_int(w, ids[i][1], win->dilation[at]);
        ncnn_put_int(w, ids[i][2], win->stride[at]);
        ncnn_put_int(w, ids[i][3], win->begin[at]);
        ncnn_put_int(w, ids[i][4], win->end[at]);
    }
}

static const char *const conv_types[2][3] = {
    {"Convolution1D", "Convolution", "Convolution3D"},
    {"ConvolutionDepthWise1D", "ConvolutionDepthWise", "ConvolutionDepthWise3D"}};
static const char *const deconv_types[2][3] = {
    {"Deconvolution1D", "Deconvolution", "Deconvolution3D"},
    {"DeconvolutionDepthWise1D", "DeconvolutionDepthWise", "DeconvolutionDepthWise3D"}};

/* What all have: outputs, window, bias, activation, size of the weight. */
static void put_common(struct writer *w, const struct window *win, int64_t outputs, int64_t groups,
                       const struct tensor *weight, const struct tensor *bias, const struct ncnn_fused *fused)
{
    ncnn_put_int(w, 0, outputs);
    put_window(w, win, conv_ids);
    ncnn_put_int(w, 5, bias != NULL);
    ncnn_put_int(w, 6, weight->count);
    if (groups > 1)
        ncnn_put_int(w, 7, groups);
    ncnn_put_fused(w, fused, 9);
}

/* The weight is made by other nodes: the layer's second blob. */
static void dynamic_conv(struct writer *w, const struct window *win, const struct ncnn_fused *fused)
{
    const struct value *bias = node_in(w->n, 2), *weight = w->n->in[1];
    struct blob_shape s = ncnn_shape(w, weight), b = {.n = 1, .dims = {weight->type.dims[0]}};
    if (win->rank != 2 || op_int(w->n, "group") != 1 || s.n != 4 || weight->type.dims[0] < 0) {
        ncnn_miss(w, "with weights that are no constant");
        return;
    }
    const char *in[3] = {ncnn_image(w, w->n->in[0]), ncnn_blob(w, weight), bias ? ncnn_blob_as(w, bias, &b) : NULL};
    const char *out = ncnn_result(w, fused->out);
    ncnn_layer_of(w, "Convolution", bias ? 3 : 2, in, 1, &out);
    ncnn_put_int(w, 0, weight->type.dims[0]);
    put_window(w, win, conv_ids);
    ncnn_put_int(w, 5, bias != NULL);
    ncnn_put_fused(w, fused, 9);
    ncnn_put_int(w, 19, 1);
}

void ncnn_write_conv(struct writer *w)
{
    struct window win;
    struct int8_layer q;
    const struct value *w_value = w->n->in[1];
    if (w_value->type.rank < 3 || !read_window(w, &win, w_value->type.dims + 2)) {
        ncnn_miss(w, "with pads that follow from sizes that are not known");
        return;
    }
    bool quantised = ncnn_int8_find(w, &q, w->n->in[0], w_value);
    const struct tensor *weight = quantised ? q.weight : ncnn_constant_of(w, w_value);
    const struct tensor *bias = ncnn_constant_of(w, node_in(w->n, 2));
    struct ncnn_fused fused = ncnn_fuse(w, w->n->out[0]);
    if (!weight || (node_in(w->n, 2) && !bias)) {
        dynamic_conv(w, &win, &fused);
        return;
    }
    int64_t groups = op_int(w->n, "group");
    const char *in = ncnn_image(w, quantised ? q.input : w->n->in[0]), *out = ncnn_result(w, fused.out);
    ncnn_layer_of(w, conv_types[groups > 1][win.rank - 1], 1, &in, 1, &out);
    put_common(w, &win, weight->dims[0], groups, weight, bias, &fused);
    if (quantised)
        ncnn_put_int(w, 8, groups > 1 ? 1 : 2);
    ncnn_put_record(w, weight, true);
    ncnn_put_record(w, bias, false);
    if (quantised)
        ncnn_int8_put(w, &q, groups > 1 ? groups : weight->dims[0]);
}

/* ---- transposed ---- */

/* ONNX keeps inputs × outputs where ncnn has outputs × inputs, by groups. */
static const struct tensor *swapped(struct writer *w, const struct tensor *t, int64_t groups)
{
    int64_t inputs = t->dims[0] / groups, outputs = t->dims[1];
    size_t run = t->count ? t->size / (size_t)(t->dims[0] * outputs) : 0;
    struct tensor *to = tensor_new(DTYPE_F32, 1, &t->count, w->err);
    for (int64_t i = 0; to && i < t->dims[0] * outputs; i++) {
        int64_t g = i / (inputs * outputs), at = (g * outputs + i % outputs) * inputs + i / outputs % inputs;
        memcpy((char *)to->data + (size_t)at * run, (const char *)t->data + (size_t)i * run, run);
    }
    return ncnn_keep(w, to);
}

/* Pads, as the output's size wants them where that is stated. */
static bool place_transposed(struct writer *w, struct window *win, const int64_t *more)
{
    int count, axes = win->rank;
    const int64_t *size = op_ints(w->n, "output_shape", &count), *dims = w->n->in[0]->type.dims + 2;
    bool same = strcmp(op_string(w->n, "auto_pad"), "NOTSET") != 0 && strcmp(op_string(w->n, "auto_pad"), "VALID") != 0;
    for (int i = 0; i < axes && (size || same); i++) {
        if (dims[i] < 0)
            return false;
        int64_t full = (dims[i] - 1) * win->stride[i] + more[i] + (win->kernel[i] - 1) * win->dilation[i] + 1;
        int64_t wanted = size ? size[count - axes + i] : dims[i] * win->stride[i], cut = full - wanted;
        if (cut < 0)
            return false;
        bool upper = strcmp(op_string(w->n, "auto_pad"), "SAME_UPPER") == 0;
        win->begin[i] = upper ? cut / 2 : cut - cut / 2;
        win->end[i] = cut - win->begin[i];
    }
    return true;
}

void ncnn_write_conv_transpose(struct writer *w)
{
    static const int more_ids[] = {18, 19, 20};
    struct window win;
    struct error ignored;
    int64_t groups = op_int(w->n, "group"), more[WINDOW_MAX] = {0};
    int rank = w->n->in[0]->type.rank, count;
    const struct tensor *weight = ncnn_constant_of(w, w->n->in[1]), *bias = ncnn_constant_of(w, node_in(w->n, 2));
    const int64_t *listed = op_ints(w->n, "output_padding", &count);
    if (!weight || (node_in(w->n, 2) && !bias) || rank < 3 || rank > 5 || weight->rank != rank) {
        ncnn_miss(w, "with weights that are no constant");
        return;
    }
    for (int i = 0; i < count && i < rank - 2; i++)
        more[i] = listed[i];
    if (window_read(&win, w->n, rank - 2, weight->dims + 2, &ignored) != 0 || !place_transposed(w, &win, more)) {
        ncnn_miss(w, "of an output size that pads cannot make");
        return;
    }
    const struct tensor *to = swapped(w, weight, groups);
    struct ncnn_fused fused = ncnn_fuse(w, w->n->out[0]);
    const char *in = ncnn_image(w, w->n->in[0]), *out = ncnn_result(w, fused.out);
    ncnn_layer_of(w, deconv_types[groups > 1][win.rank - 1], 1, &in, 1, &out);
    if (!w->failed)
        put_common(w, &win, weight->dims[1] * groups, groups, to, bias, &fused);
    for (int i = 0; i < win.rank && count; i++)
        ncnn_put_int(w, more_ids[i], more[win.rank - 1 - i]);
    ncnn_put_record(w, to, true);
    ncnn_put_record(w, bias, false);
}

void ncnn_write_deform_conv(struct writer *w)
{
    struct window win;
    const struct tensor *weight = ncnn_constant_of(w, w->n->in[1]), *bias = ncnn_constant_of(w, node_in(w->n, 3));
    if (!weight || (node_in(w->n, 3) && !bias) || op_int(w->n, "group") != 1 || op_int(w->n, "offset_group") != 1 ||
        !read_window(w, &win, weight->dims + 2) || win.rank != 2) {
        ncnn_miss(w, "in groups, or with weights that are no constant");
        return;
    }
    struct ncnn_fused fused = ncnn_fuse(w, w->n->out[0]);
    const struct value *mask = node_in(w->n, 4);
    const char *in[3] = {ncnn_image(w, w->n->in[0]), ncnn_image(w, w->n->in[2]), mask ? ncnn_image(w, mask) : NULL};
    const char *out = ncnn_result(w, fused.out);
    ncnn_layer_of(w, "DeformableConv2D", mask ? 3 : 2, in, 1, &out);
    put_common(w, &win, weight->dims[0], 1, weight, bias, &fused);
    ncnn_put_record(w, weight, true);
    ncnn_put_record(w, bias, false);
}

/* ---- pools ---- */

static const char *const pool_types[] = {"Pooling1D", "Pooling", "Pooling3D"};

enum { FULL, VALID };

static void put_pool(struct writer *w, const struct window *win, bool average, int mode, bool counts)
{
    const char *in = ncnn_image(w, w->n->in[0]), *out = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, pool_types[win->rank - 1], 1, &in, 1, &out);
    ncnn_put_int(w, 0, average);
    put_window(w, win, pool_ids);
    ncnn_put_int(w, 5, mode);
    if (average && counts)
        ncnn_put_int(w, 6, 1);
}

/* Elements that the last window of an axis has beyond the pads where sizes are rounded up; -1 when that is not known.
 */
static int64_t beyond(const struct window *win, int i, int64_t size)
{
    int64_t over = size < 0 ? 0 : (size + win->begin[i] + win->end[i] - win->kernel[i]) % win->stride[i];
    return size < 0 ? -1 : over ? win->stride[i] - over : 0;
}

/* Rounding up is ncnn's mode 0, unless a window would lie in pads alone, which ONNX leaves off. Where an average counts
 * its pads, ncnn counts what is beyond them too. */
static bool is_full(struct writer *w, const struct window *win, bool counts, bool *exact)
{
    const int64_t *dims = w->n->in[0]->type.dims + 2;
    bool any = false;
    for (int i = 0; i < win->rank; i++) {
        int64_t more = win->stride[i] == 1 ? 0 : beyond(win, i, dims[i]);
        any |= more != 0;
        if (more != 0 && (counts || win->end[i] + (more < 0 ? win->stride[i] - 1 : more) >= win->kernel[i]))
            *exact = false;
    }
    return any;
}

void ncnn_write_pool(struct writer *w)
{
    struct window win;
    bool average = node_is(w->n, "AveragePool"), exact = true;
    bool counts = average && op_int(w->n, "count_include_pad");
    if (!read_window(w, &win, NULL) || node_out(w->n, 1)) {
        ncnn_miss(w, "with pads that follow from sizes that are not known, or with indices");
        return;
    }
    for (int i = 0; i < win.rank; i++)
        exact = exact && win.dilation[i] == 1;
    bool full = win.ceil && is_full(w, &win, counts, &exact);
    if (!exact)
        ncnn_miss(w, "with dilations, or sizes rounded up in a way that it has not");
    put_pool(w, &win, average, full ? FULL : VALID, counts);
}

/* Pools with ncnn's own rounding. */
void ncnn_write_full_pool(struct writer *w)
{
    struct window win;
    bool average = strcmp(w->n->op, "AveragePool") == 0;
    const char *count = average ? op_string(w->n, "count") : "exclude", *rounding = op_string(w->n, "rounding");
    if (!read_window(w, &win, NULL) || strcmp(count, "include_clipped") == 0 ||
        (strcmp(rounding, "ceil_full") != 0 && strcmp(rounding, "floor") != 0)) {
        ncnn_miss(w, "with rounding or counting that it has not");
        return;
    }
    put_pool(w, &win, average, strcmp(rounding, "floor") == 0 ? VALID : FULL, strcmp(count, "include") == 0);
}

/* An adaptive pool of one bin keeps the axes, which ncnn's global pool does not. */
static void put_adaptive(struct writer *w, bool average, int axes, const int64_t *bins)
{
    static const int ids[] = {8, 18, 28};
    const char *in = ncnn_image(w, w->n->in[0]), *out = ncnn_result(w, w->n->out[0]);
    if (axes < 1 || axes > 3) {
        ncnn_miss(w, "of more than three axes");
        return;
    }
    ncnn_layer_of(w, pool_types[axes - 1], 1, &in, 1, &out);
    ncnn_put_int(w, 0, average);
    ncnn_put_int(w, 7, 1);
    for (int i = 0; i < axes; i++)
        ncnn_put_int(w, ids[i], !bins ? 1 : bins[axes - 1 - i] ? bins[axes - 1 - i] : -233);
}

void ncnn_write_global_pool(struct writer *w)
{
    put_adaptive(w, node_is(w->n, "GlobalAveragePool"), w->n->in[0]->type.rank - 2, NULL);
}

void ncnn_write_adaptive_pool(struct writer *w)
{
    int axes;
    const int64_t *bins = op_ints(w->n, "output_size", &axes);
    put_adaptive(w, strcmp(op_string(w->n, "mode"), "average") == 0, axes, bins);
}
