/* Resize over channels-last pixels: each result pixel is a weighted sum of a few pixels, with tables of taps for every
 * axis. */
#include <string.h>

#include "exec/lower.h"
#include "op/resize.h"

#define RESIZE_TAPS 4         /* of an axis: cubic */
#define RESIZE_SIDE (1 << 20) /* of what a table of taps is made for */

struct resize_axis {
    int64_t size;
    int *count;                     /* [size] */
    ptrdiff_t (*from)[RESIZE_TAPS]; /* offsets in bytes */
    float (*weight)[RESIZE_TAPS];
};

struct resize_args {
    struct view x, out;
    const struct kernels *kernels;
    struct resize_axis axis[VIEW_SPATIAL]; /* right-aligned; those in front of size 1 */
    ptrdiff_t out_stride[VIEW_SPATIAL];
    size_t channels;
    bool copies; /* every pixel is one pixel of the input */
};

/* All combinations of the axes' taps at one place of the result. */
static int combine(const struct resize_args *a, const int64_t *at, const char *x, const float **row, float *weight)
{
    int n = 0;
    for (int i = 0; i < a->axis[0].count[at[0]]; i++)
        for (int j = 0; j < a->axis[1].count[at[1]]; j++)
            for (int k = 0; k < a->axis[2].count[at[2]]; k++) {
                row[n] = (const void *)(x + a->axis[0].from[at[0]][i] + a->axis[1].from[at[1]][j] +
                                        a->axis[2].from[at[2]][k]);
                weight[n++] = a->axis[0].weight[at[0]][i] * a->axis[1].weight[at[1]][j] * a->axis[2].weight[at[2]][k];
            }
    return n;
}

static void run_resize(const struct step *s, struct tile tile)
{
    const struct resize_args *a = s->args;
    const float *row[RESIZE_TAPS * RESIZE_TAPS * RESIZE_TAPS];
    float weight[RESIZE_TAPS * RESIZE_TAPS * RESIZE_TAPS];
    size_t channels = a->channels, size = view_element(&a->x);
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t at[VIEW_SPATIAL] = {i / a->axis[1].size % a->axis[0].size, i % a->axis[1].size, 0},
                image = i / a->axis[1].size / a->axis[0].size;
        const char *x = (const char *)view_data(&a->x) + image * a->x.stride[0] * (ptrdiff_t)size;
        char *out = (char *)view_data(&a->out) +
                    (image * a->out.stride[0] + at[0] * a->out_stride[0] + at[1] * a->out_stride[1]) * (ptrdiff_t)size;
        for (; at[2] < a->axis[2].size; at[2]++, out += a->out_stride[2] * (ptrdiff_t)size) {
            int n = combine(a, at, x, row, weight);
            if (a->copies)
                memcpy(out, row[0], channels * size);
            else
                a->kernels->blend_f32((float *)(void *)out, row, weight, n, channels);
        }
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
        for (int k = 0; k < t->count[i]; k++) {
            t->from[i][k] = axis ? index[k] * a->x.stride[axis] * (ptrdiff_t)view_element(&a->x) : 0;
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
    if (!(bytes ? strcmp(op_string(n, "mode"), "nearest") == 0 : exec_lower_is_f32(n, 0)) || x->rank < 3 ||
        x->rank > 2 + VIEW_SPATIAL || tensor_count(x->rank, x->dims) == 0)
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
    return tensor_count(x->rank, r->out) > 0;
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
    if ((last ? plan_in_dense(p, n, 0, ORDER_ROWS, &a->x, err) : plan_in_channels(p, n, 0, NULL, &a->x, err)) < 0 ||
        plan_out(p, n, 0, last ? ORDER_ROWS : ORDER_CHANNELS, &a->out, err) < 0)
        return -1;
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
                                    .units = rows,
                                    .tiles = plan_tiles(view_count(&a->out), 16384, rows)},
                     err, PLAN_WRITES(&a->out, &a->x));
}
