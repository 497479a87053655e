/* Kernels, strides, pads. */
#include "format/ncnn/read_window.h"

#include <string.h>

/* "…1D" and "…3D" say so in their name; but DeformableConv2D has two as all others. */
static int axes_of(const char *type)
{
    return strstr(type, "1D") ? 1 : strstr(type, "3D") ? 3 : 2;
}

#define MOST (1 << 16)

static int64_t size_in(struct reader *r, int id, int fallback)
{
    int n = ncnn_int(r->l, id, fallback);
    if (n < 1 || n > MOST)
        build_fail(&r->b, "has %d as parameter %d; 1 or more was expected", n, id);
    return n;
}

static void read_pads(struct reader *r, struct window *w, const struct window_ids *ids)
{
    int width_begin = ncnn_int(r->l, ids[0].begin, 0);
    for (int i = 0; i < w->axes; i++) {
        int at = w->axes - 1 - i;
        int begin = ncnn_int(r->l, ids[i].begin, width_begin), end = ncnn_int(r->l, ids[i].end, begin);
        if (begin == PAD_SAME_UPPER || begin == PAD_SAME_LOWER) {
            w->same = begin == PAD_SAME_UPPER ? "SAME_UPPER" : "SAME_LOWER";
        } else if (begin < 0 || begin > MOST || end < 0 || end > MOST) {
            build_fail(&r->b, "has pads of %d and %d", begin, end);
        } else {
            w->pads[at] = begin;
            w->pads[at + w->axes] = end;
        }
    }
    if (w->same)
        memset(w->pads, 0, sizeof(w->pads));
}

void ncnn_window_read(struct reader *r, struct window *w, const struct window_ids *ids)
{
    *w = (struct window){.axes = axes_of(r->l->type), .taps = 1};
    int width = ncnn_int(r->l, ids[0].kernel, 0);
    int dilation = ids[0].dilation < 0 ? 1 : ncnn_int(r->l, ids[0].dilation, 1);
    int stride = ncnn_int(r->l, ids[0].stride, 1);
    for (int i = 0; i < w->axes; i++) {
        int at = w->axes - 1 - i;
        w->kernel[at] = size_in(r, ids[i].kernel, width);
        w->dilation[at] = ids[i].dilation < 0 ? 1 : size_in(r, ids[i].dilation, dilation);
        w->stride[at] = size_in(r, ids[i].stride, stride);
        w->taps *= w->kernel[at];
    }
    read_pads(r, w, ids);
}

struct value *ncnn_window_set(struct reader *r, struct value *v, const struct window *w)
{
    struct build *b = &r->b;
    build_ints(b, v, "kernel_shape", w->axes, w->kernel);
    build_ints(b, v, "strides", w->axes, w->stride);
    for (int i = 0; i < w->axes; i++)
        if (w->dilation[i] != 1) {
            build_ints(b, v, "dilations", w->axes, w->dilation);
            break;
        }
    return w->same ? build_string(b, v, "auto_pad", w->same) : build_ints(b, v, "pads", 2 * w->axes, w->pads);
}

struct value *ncnn_window_pad(struct reader *r, struct value *x, const struct window *w, const int64_t *pads,
                              double number)
{
    int rank = w->axes + 2;
    int64_t all[2 * (WINDOW_AXES + 2)] = {0};
    for (int i = 0; i < w->axes; i++) {
        all[2 + i] = pads[i];
        all[rank + 2 + i] = pads[w->axes + i];
    }
    return BUILD(&r->b, "Pad", x, build_list(&r->b, 2 * rank, all), build_number(&r->b, DTYPE_F32, number));
}
