/* Channels that are there several times: with these, a convolution whose groups have one input and several outputs is a
 * depthwise one. */
#include "exec/lower_conv.h"

struct repeat_args {
    struct view x, to;
    const struct kernels *kernels;
    int times;
    int64_t together; /* pixels without a gap between them */
};

static void repeat_pixels(const struct repeat_args *a, char *to, const char *x)
{
    const size_t n = (size_t)(a->together * a->x.dims[1]), times = (size_t)a->times;
    if (view_element(&a->x) == 1)
        a->kernels->interleave_8(to, x, 0, times, n);
    else
        a->kernels->transpose_32(to, a->times, x, 0, times, n);
}

/* Units are rows of pixels. */
static void run_repeat(const struct step *s, struct tile tile)
{
    const struct repeat_args *a = s->args;
    const ptrdiff_t size = (ptrdiff_t)view_element(&a->x);
    const int last = a->x.rank - 1;
    const int64_t height = last == 3 ? a->x.dims[2] : 1;
    for (int64_t i = tile.first; i < tile.last; i++)
        for (int64_t w = 0; w < a->x.dims[last]; w += a->together) {
            const struct view *views[] = {&a->to, &a->x};
            char *at[2];
            for (int v = 0; v < 2; v++)
                at[v] = (char *)view_data(views[v]) +
                        size * (i / height * views[v]->stride[0] + w * views[v]->stride[last] +
                                (last == 3 ? i % height * views[v]->stride[2] : 0));
            repeat_pixels(a, at[0], at[1]);
        }
}

/* Lets the border be a part of the value, or what it was again. */
static void move_border(struct view *v, int sign)
{
    for (int i = 2; i < v->rank; i++) {
        const int *border = v->border[i - 2];
        v->dims[i] += sign * (border[0] + border[1]);
        v->offset -= sign * border[0] * v->stride[i];
    }
}

int exec_repeat_channels(struct plan *p, const struct node *n, int times, struct view *x, struct error *err)
{
    struct repeat_args *a = plan_alloc(p, sizeof *a, err);
    struct view from = *x, to = *x, memory;
    size_t bytes;
    move_border(&from, 1);
    move_border(&to, 1);
    to.dims[1] *= times;
    to.offset = 0;
    view_dense(&to, ORDER_CHANNELS);
    if (!tensor_bytes(x->dtype, view_count(&to), &bytes))
        return error_set(err, "the channels are too many");
    if (!a || plan_scratch(p, bytes, &memory, err) < 0)
        return -1;
    to.buffer = memory.buffer;
    const int last = to.rank - 1;
    const bool is_dense = from.stride[last] == from.dims[1];
    *a = (struct repeat_args){from, to, p->kernels, times, is_dense ? from.dims[last] : 1};
    *x = to;
    move_border(x, -1);
    const int64_t rows = to.dims[0] * (last == 3 ? to.dims[2] : 1);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "repeat",
                                    .run = run_repeat,
                                    .args = a,
                                    .units = rows,
                                    .tiles = plan_tiles((double)view_count(&to), 32768, rows)},
                     err, PLAN_WRITES(&a->to, &a->x));
}
