/* Columns of an image and back, and the place of the largest. */
#include <string.h>

#include "format/ncnn/read_window.h"

static const struct window_ids ids[WINDOW_AXES] = {{1, 2, 3, 4, 15}, {11, 12, 13, 14, 16}, {1, 2, 3, 4, 15}};

/* One filter for each tap, which takes the element there and no other. */
static struct tensor *tap_filters(struct reader *r, const struct window *w)
{
    int64_t n = w->taps, dims[] = {n, 1, w->kernel[0], w->kernel[1]};
    struct tensor *t = n <= 1 << 12 ? tensor_new(DTYPE_F32, 4, dims, r->b.err) : NULL;
    if (n > 1 << 12)
        build_fail(&r->b, "has a window of %lld elements", (long long)n);
    build_check(&r->b, t != NULL);
    for (int64_t i = 0; t && i < n; i++)
        ((float *)t->data)[i * n + i] = 1;
    return t;
}

/* [1, C, H, W] to [1, C * taps, places]: a convolution of each channel by itself. */
struct value *ncnn_unfold(struct reader *r)
{
    struct build *b = &r->b;
    struct window w;
    ncnn_window_read(r, &w, ids);
    struct value *x = ncnn_in(r, 0);
    float number = ncnn_float(r->l, 18, 0);
    if (number != 0 && !w.same && !b->failed) {
        x = ncnn_window_pad(r, x, &w, w.pads, number);
        memset(w.pads, 0, sizeof(w.pads));
    }
    struct tensor *filters = b->failed ? NULL : tap_filters(r, &w);
    struct value *image = BUILD(b, "Transpose/perm=1,0,2,3", x);
    struct value *v = filters ? BUILD(b, "Conv", image, build_constant(b, NULL, filters)) : NULL;
    v = build_reshape(b, ncnn_window_set(r, v, &w), 3, (int64_t[]){0, 0, -1});
    struct value *shape = BUILD(b, "Concat/axis=0", BUILD_LIST(b, 1, -1), build_shape(b, v, 2, 3));
    return BUILD(b, "Reshape", v, shape);
}

struct value *ncnn_fold(struct reader *r)
{
    struct build *b = &r->b;
    struct window w;
    ncnn_window_read(r, &w, ids);
    int width = ncnn_int(r->l, 20, 0), height = ncnn_int(r->l, 21, width);
    if (w.same)
        build_fail(b, "has pads that follow from the size");
    struct value *v = BUILD(b, "Col2Im", ncnn_in(r, 0), BUILD_LIST(b, height, width), build_list(b, 2, w.kernel));
    build_ints(b, v, "strides", 2, w.stride);
    build_ints(b, v, "dilations", 2, w.dilation);
    return build_ints(b, v, "pads", 4, w.pads);
}

/* The places of the largest elements of the whole blob, as numbers; before them, if wanted, the elements. */
struct value *ncnn_arg_max(struct reader *r)
{
    struct build *b = &r->b;
    int64_t count = ncnn_int(r->l, 1, 1);
    struct value *flat = build_reshape(b, ncnn_in(r, 0), 3, (int64_t[]){0, 1, -1});
    struct value *values = BUILD(b, "TopK", flat, BUILD_LIST(b, count));
    struct value *places = build_cast(b, build_output(b, values, 1), DTYPE_F32);
    return ncnn_int(r->l, 0, 0) ? BUILD(b, "Concat/axis=1", values, places) : places;
}
