/* Resize over channels-last pixels: each row of the result is a weighted sum of a few rows, and each pixel one of a few
 * pixels of that, with tables of taps for every axis. Bytes are summed as f32, and rounded once. */
#include <string.h>

#include "exec/lower_quant.h"
#include "op/resize.h"

#define RESIZE_TAPS 4         /* of an axis: cubic */
#define RESIZE_SIDE (1 << 20) /* of what a table of taps is made for */
#define RESIZE_ROW  (1 << 21) /* elements that are summed in scratch memory at a time */

struct resize_axis {
    int64_t size;
    int most;                       /* taps */
    int *count;                     /* [size] */
    ptrdiff_t (*from)[RESIZE_TAPS]; /* offsets in elements */
    float (*weight)[RESIZE_TAPS];
};

struct resize_args {
    struct view x, out;
    const struct kernels *kernels;
    struct resize_axis axis[VIEW_SPATIAL]; /* right-aligned; those in front of size 1 */
    ptrdiff_t out_stride[VIEW_SPATIAL];
    size_t channels, row; /* elements of a pixel; of a row of the input, with what lies between pixels */
    bool copies;          /* every pixel is one pixel of the input */
    struct kernel_byte byte;
    struct kernel_rounding rounding;
};

/* The rows of an image that a row of the result is made of: all combinations of the other axes' taps. */
static int find_rows(const struct resize_args *a, const int64_t *at, const char *x, const void **row, float *weight)
{
    const struct resize_axis *outer = &a->axis[0], *inner = &a->axis[1];
    int n = 0;
    for (int i = 0; i < outer->count[at[0]]; i++)
        for (int j = 0; j < inner->count[at[1]]; j++) {
            row[n] = x + (outer->from[at[0]][i] + inner->from[at[1]][j]) * (ptrdiff_t)view_element(&a->x);
            weight[n++] = outer->weight[at[0]][i] * inner->weight[at[1]][j];
        }
    return n;
}

static void copy_pixels(const struct resize_args *a, const char *row, char *out)
{
    size_t size = view_element(&a->x);
    for (int64_t i = 0; i < a->axis[2].size; i++)
        memcpy(out + i * a->out_stride[2] * (ptrdiff_t)size, row + a->axis[2].from[i][0] * (ptrdiff_t)size,
               a->channels * size);
}

static void round_pixels(const struct resize_args *a, const float *from, uint8_t *out)
{
    bool dense = a->out_stride[2] == (ptrdiff_t)a->channels;
    size_t pixels = (size_t)a->axis[2].size, n = dense ? pixels * a->channels : a->channels;
    for (size_t i = 0; i < (dense ? 1 : pixels); i++)
        a->kernels->quantize_8(out + (ptrdiff_t)i * a->out_stride[2], from + i * n, n, 1, &a->rounding);
}

/* Scratch memory holds the sum of the rows; of bytes the rows and the result's as f32, too. */
static void blend_pixels(const struct resize_args *a, const void *const *row, const float *weight, int n,
                         float *scratch, void *out)
{
    const struct resize_axis *t = &a->axis[2];
    bool bytes = view_element(&a->x) == 1;
    float *wide = scratch + a->row, *result = bytes ? wide + (size_t)n * a->row : out;
    ptrdiff_t step = bytes ? (ptrdiff_t)a->channels : a->out_stride[2];
    const float *real[RESIZE_TAPS * RESIZE_TAPS], *pixel[RESIZE_TAPS], *sum = scratch;
    for (int i = 0; i < n; i++, wide += a->row) {
        real[i] = bytes ? wide : row[i];
        if (bytes)
            a->kernels->dequantize_8(wide, row[i], a->row, &a->byte);
    }
    if (n == 1 && weight[0] == 1)
        sum = real[0];
    else
        a->kernels->blend_f32(scratch, real, weight, n, a->row);
    for (int64_t i = 0; i < t->size; i++) {
        for (int k = 0; k < t->count[i]; k++)
            pixel[k] = sum + t->from[i][k];
        a->kernels->blend_f32(result + i * step, pixel, t->weight[i], t->count[i], a->channels);
    }
    if (bytes)
        round_pixels(a, result, out);
}

static void run_resize(const struct step *s, struct tile tile)
{
    const struct resize_args *a = s->args;
    const void *row[RESIZE_TAPS * RESIZE_TAPS];
    float weight[RESIZE_TAPS * RESIZE_TAPS];
    ptrdiff_t size = (ptrdiff_t)view_element(&a->x);
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t at[] = {i / a->axis[1].size % a->axis[0].size, i % a->axis[1].size},
                image = i / a->axis[1].size / a->axis[0].size;
        char *out = (char *)view_data(&a->out) +
                    (image * a->out.stride[0] + at[0] * a->out_stride[0] + at[1] * a->out_stride[1]) * size;
        int n = find_rows(a, at, (const char *)view_data(&a->x) + image * a->x.stride[0] * size, row, weight);
        if (a->copies)
            copy_pixels(a, row[0], out);
        else
            blend_pixels(a, row, weight, n, tile.scratch, out);
    }
}

/* Axis `axis` of the tensor (0: one that is not there). 1: more taps than there is room for. */
static int fill_axis(struct plan *p, struct resize_args *a, const struct resize *r, int at, int axis, struct error *err)
{
    struct resize_axis *t = &a->axis[at];
    t->size = axis ? a->out.dims[axis] : 1;
    t->count = plan_alloc(p, sizeof *t->count * (size_t)t->size, err);
    t->from = plan_alloc(p, sizeof *t->from * (size_t)t->size, err);
    t->weight = plan_alloc(p, sizeof *t->weight * (size_t)t->size, err);
    if (!t->count || !t->from || !t->weight)
        return -1;
    a->out_stride[at] = axis ? a->out.stride[axis] : 0;
    for (int64_t i = 0; i < t->size; i++) {
        int64_t index[RESIZE_TAPS] = {0};
        double weight[RESIZE_TAPS] = {1};
        t->count[i] = axis ? resize_taps(r, axis, i, index, weight, RESIZE_TAPS) : 1;
        if (t->count[i] < 1)
            return 1;
        a->copies &= t->count[i] == 1 && weight[0] == 1;
        t->most = t->count[i] > t->most ? t->count[i] : t->most;
        for (int k = 0; k < t->count[i]; k++) {
            t->from[i][k] = axis ? index[k] * a->x.stride[axis] : 0;
            t->weight[i][k] = (float)weight[k];
        }
    }
    return 0;
}

static const struct tensor *filled(const struct node *n, int i)
{
    const struct tensor *t = node_in(n, i) ? n->in[i]->constant : NULL;
    return t && t->count > 0 ? t : NULL;
}

/* The axis that stays as it is besides the batch: the second, or else the last. */
static int channel_axis(const struct resize *r)
{
    return r->in[1] == r->out[1] && r->scale[1] == 1 ? 1 : r->rank - 1;
}

static bool fits(const struct node *n, struct resize *r)
{
    struct error ignored;
    const struct type *x = &n->in[0]->type;
    bool bytes = x->dtype == DTYPE_U8 || x->dtype == DTYPE_I8;
    if (!(bytes || exec_lower_is_f32(n, 0)) || x->rank < 3 || x->rank > 2 + VIEW_SPATIAL ||
        tensor_count(x->rank, x->dims) == 0)
        return false;
    for (int i = 1; i < n->in_count; i++)
        if (n->in[i] && !n->in[i]->constant)
            return false;
    if (resize_plan(r, n, x->rank, x->dims, filled(n, 1), filled(n, 2), filled(n, 3), &ignored) < 0 || r->antialias ||
        r->coordinates == TF_CROP_AND_RESIZE)
        return false;
    for (int i = 0; i < x->rank; i++)
        if (i == 0 || i == channel_axis(r) ? r->in[i] != r->out[i] || r->scale[i] != 1 : r->out[i] > RESIZE_SIDE)
            return false;
    int channels = channel_axis(r), width = x->rank - 1 - (channels != 1);
    return tensor_count(x->rank, r->out) > 0 &&
           (r->method == NEAREST ||
            (r->in[width] <= RESIZE_ROW / r->out[channels] && r->out[width] <= RESIZE_ROW / r->out[channels]));
}

/* The input, but for nearest with pixels that follow each other along a row. */
static int load(struct plan *p, struct node *n, bool last, bool dense, struct view *x, struct error *err)
{
    int width = n->in[0]->type.rank - 1;
    if (last)
        return plan_in_dense(p, n, 0, ORDER_ROWS, x, err);
    if (plan_in_channels(p, n, 0, NULL, x, err) < 0)
        return -1;
    return dense && x->stride[width] != x->dims[1] ? plan_in_dense(p, n, 0, ORDER_CHANNELS, x, err) : 0;
}

/* Bytes that a row is blended in. */
static size_t scratch_of(const struct resize_args *a)
{
    size_t rows = (size_t)a->axis[0].most * (size_t)a->axis[1].most * a->row + (size_t)a->axis[2].size * a->channels;
    return a->copies ? 0 : sizeof(float) * (a->row + (view_element(&a->x) == 1 ? rows : 0));
}

int exec_lower_resize(struct plan *p, struct node *n, struct error *err)
{
    struct resize r = {0};
    if (!fits(n, &r))
        return 1;
    struct resize_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    bool last = channel_axis(&r) != 1;
    *a = (struct resize_args){.kernels = p->kernels, .channels = (size_t)r.out[channel_axis(&r)], .copies = true};
    if (load(p, n, last, r.method != NEAREST, &a->x, err) < 0 ||
        plan_out(p, n, 0, last ? ORDER_ROWS : ORDER_CHANNELS, &a->out, err) < 0)
        return -1;
    a->byte = (struct kernel_byte){a->x.dtype == DTYPE_I8, 0, 1};
    a->rounding = exec_quant_bounds(&a->byte);
    int width = a->x.rank - 1 - last;
    a->row = (size_t)((a->x.dims[width] - 1) * a->x.stride[width]) + a->channels;
    int missing = VIEW_SPATIAL + 2 - a->x.rank;
    for (int i = 0; i < VIEW_SPATIAL; i++) {
        int status = fill_axis(p, a, &r, i, i < missing ? 0 : i - missing + 2 - last, err);
        if (status != 0)
            return status < 0 ? -1 : error_set(err, "the mode needs more than %d pixels along an axis", RESIZE_TAPS);
    }
    int64_t rows = a->out.dims[0] * a->axis[0].size * a->axis[1].size;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = view_element(&a->x) == 1 ? "resize_8" : "resize_f32",
                                    .run = run_resize,
                                    .args = a,
                                    .scratch = scratch_of(a),
                                    .units = rows,
                                    .tiles = plan_tiles(view_count(&a->out), 16384, rows)},
                     err, PLAN_WRITES(&a->out, &a->x));
}
