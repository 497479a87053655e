#include "exec/copy.h"

#include <string.h>

struct copy_args {
    struct view from, to;
    const struct kernels *kernels;
};

static void run_copy(const struct step *s, struct tile tile)
{
    const struct copy_args *c = s->args;
    kernel_copy(c->kernels, view_data(&c->to), c->to.stride, view_data(&c->from), c->from.stride, c->to.dims,
                c->to.rank, view_element(&c->to), tile.first, tile.last);
}

/* How well threads share an axis of a copy. Of few elements that follow each other in what is read, as channels do,
 * each would read all memory, for a few bytes of every line. */
static ptrdiff_t sharing(const struct view *from, const struct view *to, int axis)
{
    int64_t n = to->dims[axis];
    if (n <= 1)
        return 0;
    return from->stride[axis] == 1 && to->stride[axis] > 1 && n < view_count(to) / n ? 2 : to->stride[axis];
}

/* Moves an axis that threads can share to the front, since kernel_copy() cuts along the first. */
static void share_axis(struct view *from, struct view *to)
{
    int best = 0;
    for (int i = 0; i < to->rank; i++)
        if (sharing(from, to, i) > sharing(from, to, best))
            best = i;
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < to->rank; i++)
        perm[i] = i == 0 ? best : i <= best ? i - 1 : i;
    view_permute(from, perm, from);
    view_permute(to, perm, to);
}

int plan_copy_into(struct plan *p, const struct node *n, const struct view *from, const struct view *to,
                   struct error *err)
{
    struct copy_args *c = plan_alloc(p, sizeof *c, err);
    if (!c)
        return -1;
    *c = (struct copy_args){*from, *to, p->kernels};
    if (to->rank > 0)
        share_axis(&c->from, &c->to);
    int64_t slices = to->rank > 0 ? c->to.dims[0] : 1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "copy",
                                    .run = run_copy,
                                    .args = c,
                                    .units = slices,
                                    .tiles = plan_tiles(view_count(to), 32768, slices)},
                     err, PLAN_WRITES(to, from));
}

/* Pixels [first, last) of an axis and all that is in them, borders included. */
static void fill_pixels(const struct view *v, char *at, int axis, int64_t first, int64_t last)
{
    size_t element = view_element(v), pixel = (size_t)v->dims[1] * element;
    ptrdiff_t step = v->stride[axis] * (ptrdiff_t)element;
    bool inner = axis + 1 == v->rank;
    if (inner && step == (ptrdiff_t)pixel && first < last) {
        memset(at + first * step, v->fill, (size_t)(last - first) * pixel);
        return;
    }
    for (int64_t i = first; i < last; i++)
        if (inner)
            memset(at + i * step, v->fill, pixel);
        else
            fill_pixels(v, at + i * step, axis + 1, -v->border[axis - 1][0],
                        v->dims[axis + 1] + v->border[axis - 1][1]);
}

/* Rows that lie one behind the other have one border between two of them. */
static void fill_between(const struct view *v, char *at, int rows_axis)
{
    const int axis = rows_axis + 1, *border = v->border[axis - 2];
    const ptrdiff_t step = v->stride[rows_axis] * (ptrdiff_t)view_element(v);
    const int64_t width = v->dims[axis], rows = v->dims[rows_axis];
    fill_pixels(v, at, axis, -border[0], 0);
    for (int64_t i = 1; i <= rows; i++, at += step)
        fill_pixels(v, at, axis, width, width + border[1] + (i < rows ? border[0] : 0));
}

static void fill_borders(const struct view *v, char *at, int axis)
{
    ptrdiff_t step = v->stride[axis] * (ptrdiff_t)view_element(v);
    const int *border = v->border[axis - 2];
    fill_pixels(v, at, axis, -border[0], 0);
    fill_pixels(v, at, axis, v->dims[axis], v->dims[axis] + border[1]);
    bool deeper = false;
    for (int k = axis + 1; k < v->rank; k++)
        deeper = deeper || v->border[k - 2][0] || v->border[k - 2][1];
    if (deeper && axis + 2 == v->rank &&
        v->stride[axis] == (v->dims[axis + 1] + v->border[axis - 1][0] + v->border[axis - 1][1]) * v->stride[axis + 1])
        fill_between(v, at, axis);
    else
        for (int64_t i = 0; deeper && i < v->dims[axis]; i++)
            fill_borders(v, at + i * step, axis + 1);
}

struct border_args {
    struct view v, byte; /* byte.buffer NULL: as the view says */
};

static void run_fill_border(const struct step *s, struct tile tile)
{
    const struct border_args *a = s->args;
    struct view v = a->v;
    if (a->byte.buffer)
        v.fill = *(const uint8_t *)view_data(&a->byte);
    for (int64_t i = tile.first; i < tile.last; i++)
        fill_borders(&v, (char *)view_data(&v) + i * v.stride[0] * (ptrdiff_t)view_element(&v), 2);
}

static int fill_border(struct plan *p, const struct border_args *args, enum step_uses uses, struct error *err)
{
    struct border_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = *args;
    return plan_step(p, &(struct step){.kernel = "border", .run = run_fill_border, .args = a, .units = a->v.dims[0]},
                     err, PLAN_VIEWS_USED(uses, &a->v, &a->byte));
}

int copy_fill_border(struct plan *p, const struct view *v, struct error *err)
{
    return fill_border(p, &(struct border_args){.v = *v}, STEP_MAKES_BORDER, err);
}

int copy_fill_border_with(struct plan *p, const struct view *v, const struct view *byte, struct error *err)
{
    return fill_border(p, &(struct border_args){*v, *byte}, STEP_USES_ANYHOW, err);
}
