/* Operators that only rearrange: most give another view of the same memory. */
#include <string.h>

#include "exec/lower.h"
#include "op/util.h"

/* ---- other dims ---- */

/* Whether a dense copy by rows would turn pixels into planes, as behind a shuffle of channels. */
static bool has_inner_channels(const struct view *v)
{
    for (int i = 0; i < v->rank - 1; i++)
        if (v->dims[i] > 1 && v->stride[i] == 1)
            return v->dims[v->rank - 1] > 1;
    return false;
}

/* A copy whose result has its channels innermost again; 1 when they are not an axis of it. */
static int reshape_pixels(struct plan *p, struct node *n, struct error *err)
{
    const struct view *from = plan_in(n, 0);
    const struct type *out = &n->out[0]->type;
    struct view own = {.dtype = out->dtype, .rank = out->rank}, to;
    memcpy(own.dims, out->dims, sizeof own.dims);
    if (out->rank < 3 || out->rank > 5 || !has_inner_channels(from))
        return 1;
    view_dense(&own, ORDER_CHANNELS);
    if (!view_reshape(&own, from->rank, from->dims, &to))
        return 1;
    if (plan_out(p, n, 0, ORDER_CHANNELS, &own, err) < 0)
        return -1;
    if (view_reshape(&own, from->rank, from->dims, &to))
        return plan_copy_into(p, n, from, &to, err);
    if (plan_in_dense(p, n, 0, ORDER_ROWS, &to, err) < 0) /* a border parts axes that the input has in one */
        return -1;
    view_reshape(&to, own.rank, own.dims, &to);
    return plan_copy_into(p, n, &to, &own, err);
}

/* The result's dims on the input's memory, where strides allow, else on a copy. */
int exec_lower_reshape(struct plan *p, struct node *n, struct error *err)
{
    const struct type *out = &n->out[0]->type;
    struct view view;
    if (view_reshape(plan_in(n, 0), out->rank, out->dims, &view))
        return plan_alias(p, n, 0, &view, err);
    int status = reshape_pixels(p, n, err);
    if (status <= 0)
        return status;
    if (plan_in_dense(p, n, 0, ORDER_ROWS, &view, err) < 0)
        return -1;
    view_reshape(&view, out->rank, out->dims, &view);
    return plan_alias(p, n, 0, &view, err);
}

/* A Dropout in training drops. */
static bool may_train(const struct node *n)
{
    const struct value *mode = node_is(n, "Dropout") ? node_in(n, 2) : NULL;
    return mode && !(mode->constant && mode->constant->count == 1 && tensor_get_i64(mode->constant, 0) == 0);
}

int exec_lower_identity(struct plan *p, struct node *n, struct error *err)
{
    if (n->out_count != 1 || may_train(n))
        return 1;
    return plan_alias(p, n, 0, plan_in(n, 0), err);
}

int exec_lower_transpose(struct plan *p, struct node *n, struct error *err)
{
    int count, rank = n->in[0]->type.rank;
    int64_t reversed[TENSOR_MAX_RANK];
    const int64_t *perm = op_ints(n, "perm", &count);
    for (int i = 0; i < rank; i++)
        reversed[i] = rank - 1 - i;
    struct view view;
    view_permute(plan_in(n, 0), count == rank ? perm : reversed, &view);
    return plan_alias(p, n, 0, &view, err);
}

int exec_lower_expand(struct plan *p, struct node *n, struct error *err)
{
    struct view view;
    view_broadcast(plan_in(n, 0), n->out[0]->type.rank, n->out[0]->type.dims, &view);
    return plan_alias(p, n, 0, &view, err);
}

/* One element, seen everywhere. */
int exec_lower_constant_of_shape(struct plan *p, struct node *n, struct error *err)
{
    const struct type *out = &n->out[0]->type;
    const struct tensor *value = op_tensor(n, "value");
    struct view one = {.dtype = out->dtype};
    size_t element = view_element(&one);
    char *data = plan_alloc(p, element, err);
    one.buffer = data ? plan_external(p, data, err) : NULL;
    if (!one.buffer)
        return -1;
    if (value)
        memcpy(data, value->data, element);
    view_broadcast(&one, out->rank, out->dims, &one);
    return plan_alias(p, n, 0, &one, err);
}

/* ---- parts ---- */

/* Element i of constant input `in`, or `absent` when there is no such input. */
static int64_t constant_int(const struct node *n, int in, int64_t i, int64_t absent)
{
    return node_in(n, in) ? tensor_get_i64(n->in[in]->constant, i) : absent;
}

/* The first element that a slice takes of an axis, as the standard clamps it. */
static int64_t slice_start(int64_t start, int64_t step, int64_t dim)
{
    if (start < 0)
        start = start < -dim ? -1 : start + dim;
    return step > 0 ? op_clamp(start, 0, dim) : op_clamp(start, 0, dim - 1);
}

int exec_lower_slice(struct plan *p, struct node *n, struct error *err)
{
    struct view view = *plan_in(n, 0);
    for (int i = 1; i < n->in_count; i++)
        if (n->in[i] && !n->in[i]->constant)
            return 1;
    for (int64_t i = 0; i < n->in[1]->constant->count; i++) {
        int axis = exec_lower_axis(constant_int(n, 3, i, i), view.rank);
        int64_t step = constant_int(n, 4, i, 1);
        if (step == 0 || step == INT64_MIN)
            return 1;
        if (n->out[0]->type.dims[axis] > 0)
            view.offset += slice_start(constant_int(n, 1, i, 0), step, view.dims[axis]) * view.stride[axis];
        view.stride[axis] *= n->out[0]->type.dims[axis] > 1 ? step : 1;
        view.dims[axis] = n->out[0]->type.dims[axis];
        if (axis != 1)
            memset(view.border, 0, sizeof view.border);
    }
    return plan_alias(p, n, 0, &view, err);
}

static bool is_slice_along(const struct node *n, int axis)
{
    for (int i = 1; i < n->in_count; i++)
        if (n->in[i] && (!n->in[i]->constant || n->in[i]->constant->count != 1))
            return false;
    return constant_int(n, 4, 0, 1) == 1 && exec_lower_axis(constant_int(n, 3, 0, 0), n->out[0]->type.rank) == axis;
}

int64_t exec_lower_part(const struct value *v, int axis)
{
    const struct node *n = v->producer;
    int64_t first = 0;
    if (n && node_is(n, "Slice") && is_slice_along(n, axis))
        return slice_start(constant_int(n, 1, 0, 0), 1, n->in[0]->type.dims[axis]);
    if (!n || !node_is(n, "Split") || exec_lower_axis(op_int(n, "axis"), v->type.rank) != axis)
        return -1;
    for (int i = 0; n->out[i] != v; i++)
        if (n->out[i])
            first += n->out[i]->type.dims[axis];
        else
            return -1;
    return first;
}

int exec_lower_split(struct plan *p, struct node *n, struct error *err)
{
    int axis = exec_lower_axis(op_int(n, "axis"), n->in[0]->type.rank);
    int64_t first = 0;
    for (int i = 0; i < n->out_count; i++)
        if (!n->out[i])
            return 1;
    for (int i = 0; i < n->out_count; i++) {
        struct view view = *plan_in(n, 0);
        view.dims[axis] = n->out[i]->type.dims[axis];
        view.offset += first * view.stride[axis];
        if (axis != 1)
            memset(view.border, 0, sizeof view.border);
        if (plan_alias(p, n, i, &view, err) < 0)
            return -1;
        first += view.dims[axis];
    }
    return 0;
}

/* ---- joining ---- */

static bool same_place(const struct view *a, const struct view *b)
{
    if (a->buffer != b->buffer || a->offset != b->offset)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != 1 && a->stride[i] != b->stride[i])
            return false;
    return true;
}

int exec_lower_concat(struct plan *p, struct node *n, struct error *err)
{
    int axis = exec_lower_axis(op_int(n, "axis"), n->out[0]->type.rank);
    struct place *place = plan_place(n->out[0]);
    struct view out = place->view;
    if (!place->placed && plan_out(p, n, 0, view_order(plan_in(n, 0)), &out, err) < 0)
        return -1;
    int64_t first = 0;
    for (int i = 0; i < n->in_count; i++) {
        struct view part = out;
        part.dims[axis] = n->in[i]->type.dims[axis];
        part.offset += first * part.stride[axis];
        first += part.dims[axis];
        if (view_count(&part) > 0 && !same_place(plan_in(n, i), &part) &&
            plan_copy_into(p, n, plan_in(n, i), &part, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- copies between views with split axes ---- */

/* DepthToSpace and SpaceToDepth: the larger side's axes split, permuted onto the other's. */
static int blocks(struct plan *p, struct node *n, const struct view *depth, const struct view *space, int64_t b,
                  bool crd, bool to_space, struct error *err)
{
    int64_t c = space->dims[1], h = depth->dims[2], w = depth->dims[3];
    const int64_t dcr_dims[6] = {depth->dims[0], b, b, c, h, w}, crd_dims[6] = {depth->dims[0], c, b, b, h, w};
    const int64_t dcr_perm[6] = {0, 3, 4, 1, 5, 2}, crd_perm[6] = {0, 1, 4, 2, 5, 3},
                  space_dims[6] = {depth->dims[0], c, h, b, w, b};
    struct view d, s;
    if (!view_reshape(depth, 6, crd ? crd_dims : dcr_dims, &d) || !view_reshape(space, 6, space_dims, &s))
        return error_set(err, "the blocks do not fit the layout");
    view_permute(&d, crd ? crd_perm : dcr_perm, &d);
    return to_space ? plan_copy_into(p, n, &d, &s, err) : plan_copy_into(p, n, &s, &d, err);
}

int exec_lower_depth_to_space(struct plan *p, struct node *n, struct error *err)
{
    struct view out;
    if (n->in[0]->type.rank != 4 || view_count(plan_in(n, 0)) == 0)
        return 1;
    if (plan_out(p, n, 0, view_order(plan_in(n, 0)), &out, err) < 0)
        return -1;
    return blocks(p, n, plan_in(n, 0), &out, op_int(n, "blocksize"), strcmp(op_string(n, "mode"), "CRD") == 0, true,
                  err);
}

int exec_lower_space_to_depth(struct plan *p, struct node *n, struct error *err)
{
    struct view out;
    if (n->in[0]->type.rank != 4 || view_count(plan_in(n, 0)) == 0)
        return 1;
    if (plan_out(p, n, 0, view_order(plan_in(n, 0)), &out, err) < 0)
        return -1;
    return blocks(p, n, &out, plan_in(n, 0), op_int(n, "blocksize"), false, false, err);
}

int exec_lower_tile(struct plan *p, struct node *n, struct error *err)
{
    struct view in = *plan_in(n, 0), out, from = in, to;
    if (in.rank > TENSOR_MAX_RANK / 2 || in.rank == 0 || !plan_is_constant(n, 1) || view_count(&in) == 0)
        return 1;
    if (plan_out(p, n, 0, view_order(&in), &out, err) < 0)
        return -1;
    if (view_count(&out) == 0)
        return 0;
    int64_t dims[TENSOR_MAX_RANK];
    from.rank = 2 * in.rank;
    for (int i = 0; i < in.rank; i++) {
        dims[2 * i] = from.dims[2 * i] = tensor_get_i64(n->in[1]->constant, i);
        dims[2 * i + 1] = from.dims[2 * i + 1] = in.dims[i];
        from.stride[2 * i] = 0;
        from.stride[2 * i + 1] = in.stride[i];
    }
    if (!view_reshape(&out, from.rank, dims, &to))
        return error_set(err, "the tiles do not fit the layout");
    return plan_copy_into(p, n, &from, &to, err);
}

/* ---- padding ---- */

struct fill_args {
    struct view out;
    struct nest nest;
    float value;
};

static void run_fill(const struct step *s, struct tile tile)
{
    const struct fill_args *f = s->args;
    const size_t element = view_element(&f->out);
    int64_t n = f->nest.dims[f->nest.rank - 1];
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset, step = f->nest.stride[0][f->nest.rank - 1];
        nest_at(&f->nest, 1, i, &offset);
        char *to = (char *)view_data(&f->out) + offset * (ptrdiff_t)element;
        bool same = step == 1 && (element == 1 || f->value == 0);
        if (same)
            memset(to, (int)f->value, (size_t)n * element);
        for (int64_t j = 0; j < n && !same; j++, to += step * (ptrdiff_t)element)
            if (element == 1)
                *to = (char)(int)f->value;
            else
                memcpy(to, &f->value, sizeof f->value);
    }
}

static int fill(struct plan *p, struct node *n, const struct view *out, float value, struct error *err)
{
    struct fill_args *f = plan_alloc(p, sizeof *f, err);
    if (!f)
        return -1;
    *f = (struct fill_args){.out = *out, .value = value};
    nest_make(&f->nest, (const struct view *const[]){&f->out}, 1);
    int64_t rows = nest_outer(&f->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "fill",
                                    .run = run_fill,
                                    .args = f,
                                    .units = rows,
                                    .tiles = plan_tiles(view_count(out), 65536, rows)},
                     err, PLAN_WRITES(out));
}

/* What the axes get before and behind, [TENSOR_MAX_RANK]; false when it is not constant, negative, or does not make the
 * result's dims, which inference need not have found from them. */
static bool read_pads(const struct node *n, int64_t (*pads)[2])
{
    if (!plan_is_constant(n, 1) || (node_in(n, 3) && !plan_is_constant(n, 3)))
        return false;
    const struct type *x = &n->in[0]->type, *out = &n->out[0]->type;
    int64_t axes = node_in(n, 3) ? n->in[3]->constant->count : x->rank;
    memset(pads, 0, sizeof *pads * TENSOR_MAX_RANK);
    if (n->in[1]->constant->count != 2 * axes || axes > x->rank || out->rank != x->rank)
        return false;
    for (int64_t i = 0; i < 2 * axes; i++) {
        int64_t pad = constant_int(n, 1, i, 0), axis = constant_int(n, 3, i % axes, i % axes);
        if (pad < 0 || axis < -x->rank || axis >= x->rank)
            return false;
        pads[exec_lower_axis(axis, x->rank)][i / axes] = pad;
    }
    bool fits = true;
    for (int i = 0; i < x->rank; i++)
        fits = fits && pads[i][0] <= out->dims[i] - x->dims[i] && pads[i][1] == out->dims[i] - x->dims[i] - pads[i][0];
    return fits;
}

/* How modes take elements of the axis itself for those beyond its ends: backwards from the one beside the end, the one
 * at the end, or on from the other end. */
static const struct pad_mode {
    const char *name;
    int step;
} pad_modes[] = {{"reflect", -1}, {"edge", 0}, {"wrap", 1}};

/* The elements of `axis` beyond one of its ends, from the `dim` behind pads[0] of them. */
static int copy_beyond(struct plan *p, struct node *n, int step, const struct view *whole, int axis,
                       const int64_t *pads, int64_t dim, int behind, struct error *err)
{
    struct view to = *whole, from = *whole;
    ptrdiff_t stride = whole->stride[axis];
    int64_t start = behind ? dim - 1 + step : -step * pads[0];
    if (step > 0)
        start = behind ? 0 : dim - pads[0];
    to.dims[axis] = from.dims[axis] = pads[behind];
    to.offset += (behind ? pads[0] + dim : 0) * stride;
    from.offset += (pads[0] + start) * stride;
    from.stride[axis] = step * stride;
    return pads[behind] > 0 ? plan_copy_into(p, n, &from, &to, err) : 0;
}

/* Axis after axis, each over all that those before have made. */
static int copy_borders(struct plan *p, struct node *n, int step, const struct view *out, const struct view *inner,
                        int64_t (*pads)[2], struct error *err)
{
    struct view whole = *inner;
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t dim = whole.dims[axis];
        whole.dims[axis] = out->dims[axis];
        whole.offset -= pads[axis][0] * whole.stride[axis];
        for (int behind = 0; behind < 2; behind++)
            if (copy_beyond(p, n, step, &whole, axis, pads[axis], dim, behind, err) < 0)
                return -1;
    }
    return 0;
}

/* The mode when the pads of all axes are within one copy of these; else NULL. */
static const struct pad_mode *find_pad_mode(const struct node *n, int64_t (*pads)[2])
{
    const struct type *x = &n->in[0]->type;
    const struct pad_mode *mode = NULL;
    for (size_t i = 0; i < sizeof pad_modes / sizeof *pad_modes; i++)
        if (strcmp(op_string(n, "mode"), pad_modes[i].name) == 0)
            mode = &pad_modes[i];
    for (int i = 0; mode && mode->step && i < x->rank; i++)
        for (int j = 0; j < 2; j++)
            if (pads[i][j] > x->dims[i] - (mode->step < 0))
                return NULL;
    return x->dtype == DTYPE_STRING || dtype_info(x->dtype)->bits < 8 ? NULL : mode;
}

int exec_lower_pad(struct plan *p, struct node *n, struct error *err)
{
    struct view in = *plan_in(n, 0), out;
    int64_t pads[TENSOR_MAX_RANK][2];
    bool constant = strcmp(op_string(n, "mode"), "constant") == 0, value = node_in(n, 2) != NULL;
    bool bytes = in.dtype == DTYPE_U8 || in.dtype == DTYPE_I8;
    if ((constant && !bytes && !exec_lower_is_f32(n, 0)) || !read_pads(n, pads) ||
        (value && (!plan_is_constant(n, 2) || n->in[2]->constant->count != 1)) || view_count(&in) == 0)
        return 1;
    const struct pad_mode *mode = find_pad_mode(n, pads);
    if (!constant && !mode)
        return 1;
    if (plan_out(p, n, 0, view_order(&in), &out, err) < 0 ||
        (constant && fill(p, n, &out, value ? (float)tensor_get_f64(n->in[2]->constant, 0) : 0, err) < 0))
        return -1;
    struct view inner = out;
    memcpy(inner.dims, in.dims, sizeof in.dims);
    for (int i = 0; i < in.rank; i++)
        inner.offset += pads[i][0] * inner.stride[i];
    if (plan_copy_into(p, n, &in, &inner, err) < 0)
        return -1;
    return constant ? 0 : copy_borders(p, n, mode->step, &out, &inner, pads, err);
}
