/* Operators of windows, products and shapes that TFLite has for other ranks, axes or orders. */
#include <string.h>

#include "format/tflite/lower.h"
#include "op/build_filled.h"

/* ---- convolutions of several groups, transposed ones or of volumes ---- */

static struct value *filter_part(struct build *b, const struct tensor *t, int64_t i, int64_t groups)
{
    int64_t dims[TENSOR_MAX_RANK], step = t->dims[0] / groups;
    memcpy(dims, t->dims, sizeof dims);
    dims[0] = step;
    struct tensor *part = tensor_new(t->dtype, t->rank, dims, b->err);
    if (part)
        memcpy(part->data, (const char *)t->data + (size_t)i * part->size, part->size);
    return build_constant(b, NULL, part);
}

int tflite_lower_grouped(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t groups = op_int(n, "group");
    const struct tensor *w = n->in[1]->constant;
    struct value *parts[1024];
    if (!w || w->dtype != DTYPE_F32 || w->rank < 2 || groups > 1024 || w->dims[0] % groups != 0)
        return 0;
    bool is_transposed = node_is(n, "ConvTranspose");
    int64_t share = w->dims[0] / groups, step = is_transposed ? share : w->dims[1];
    int64_t made = is_transposed ? w->dims[1] : share;
    for (int64_t i = 0; i < groups && !b.failed; i++) {
        struct value *x = build_slice(&b, n->in[0], 1, i * step, (i + 1) * step);
        struct value *bias = node_in(n, 2) ? build_slice(&b, n->in[2], 0, i * made, (i + 1) * made) : NULL;
        parts[i] = build_attrs(&b, BUILD(&b, n->op, x, filter_part(&b, w, i, groups), bias));
        parts[i] = build_int(&b, parts[i], "group", 1);
    }
    return format_lowered(&b, b.failed ? NULL : build_int(&b, build_node(&b, "Concat", (int)groups, parts), "axis", 1));
}

/* ---- means ---- */

/* A picture's map has no more places. */
#define SHARES_MOST (1 << 24)

/* What the window counts: ones where there are pixels, or padding that counts, over the same windows. A mean is the sum
 * over all, divided by how much of it counts. */
int tflite_lower_average(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int count, kernel_count;
    const int64_t *pads = op_ints(n, "pads", &count), *kernel = op_ints(n, "kernel_shape", &kernel_count);
    const int64_t *strides = op_ints(n, "strides", &kernel_count);
    bool counts = op_int(n, "count_include_pad") != 0;
    int64_t whole[8] = {0}, dims[4] = {1, 1, y->dims[2], y->dims[3]};
    if (dims[2] < 1 || dims[3] < 1 || dims[2] > SHARES_MOST / dims[3])
        return 0;
    for (int i = 0; i < 2; i++) {
        int64_t step = strides ? strides[i] : 1, before = pads ? pads[i] : 0, behind = pads ? pads[i + 2] : 0;
        int64_t reach = (dims[2 + i] - 1) * step + kernel[i] - x->dims[2 + i] - before;
        whole[2 + i] = before;
        whole[6 + i] = reach > behind ? reach : behind;
    }
    struct tensor *share = build_zeros(&b, DTYPE_F32, 4, dims);
    for (int64_t r = 0; share && r < dims[2]; r++)
        for (int64_t c = 0; c < dims[3]; c++) {
            int64_t at[] = {r, c}, inside = 1;
            for (int i = 0; i < 2; i++) {
                int64_t from = at[i] * (strides ? strides[i] : 1) - (pads ? pads[i] : 0), to = from + kernel[i];
                int64_t low = counts ? from : 0, high = x->dims[2 + i] + (counts && pads ? pads[i + 2] : 0);
                int64_t first = from > low ? from : low, last = to < high ? to : high;
                inside *= last > first ? last - first : 0;
            }
            tensor_set_f64(share, r * dims[3] + c, inside ? (double)(kernel[0] * kernel[1]) / (double)inside : 0);
        }
    struct value *v = BUILD(&b, "Pad", n->in[0], build_list(&b, 8, whole));
    v = build_ints(&b, BUILD(&b, "AveragePool", v), "kernel_shape", 2, kernel);
    v = strides ? build_ints(&b, v, "strides", 2, strides) : v;
    return format_lowered(&b, BUILD(&b, "Mul", v, build_constant(&b, NULL, share)));
}

/* ---- products ---- */

static struct value *times(struct build *b, struct value *v, float factor)
{
    return factor == 1 ? v : BUILD(b, "Mul", v, build_number(b, build_dtype(b, 0), (double)factor));
}

/* The remainder with the sign of what is divided; of integers, whose quotients are rounded towards zero. */
int tflite_lower_fmod(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    if (dtype_info(build_dtype(&b, 0))->class != DTYPE_CLASS_FLOAT) {
        struct value *whole = BUILD(&b, "Mul", BUILD(&b, "Div", node_in(n, 0), node_in(n, 1)), node_in(n, 1));
        return format_lowered(&b, BUILD(&b, "Sub", node_in(n, 0), whole));
    }
    struct value *x = BUILD(&b, "Abs", node_in(n, 0)), *y = BUILD(&b, "Abs", node_in(n, 1));
    struct value *rest = BUILD(&b, "Sub", x, BUILD(&b, "Mul", y, BUILD(&b, "Floor", BUILD(&b, "Div", x, y))));
    return format_lowered(&b, BUILD(&b, "Mul", rest, BUILD(&b, "Sign", node_in(n, 0))));
}

int tflite_lower_gemm(struct node *n, struct error *err)
{
    static const int64_t swap[] = {1, 0};
    struct build b = {.node = n, .err = err};
    struct value *x = op_int(n, "transA") ? build_transpose(&b, n->in[0], 2, swap) : n->in[0];
    struct value *y = op_int(n, "transB") ? build_transpose(&b, n->in[1], 2, swap) : n->in[1];
    struct value *c = node_in(n, 2) ? times(&b, n->in[2], op_float(n, "beta")) : NULL;
    return format_lowered(&b, build_add(&b, times(&b, BUILD(&b, "MatMul", x, y), op_float(n, "alpha")), c));
}

/* A vector is a matrix of one row, or of one column. */
int tflite_lower_matmul(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    bool first = n->in[0]->type.rank == 1, second = n->in[1]->type.rank == 1;
    struct value *x = first ? build_unsqueeze(&b, n->in[0], 0) : n->in[0];
    struct value *y = BUILD(&b, "MatMul", x, second ? build_unsqueeze(&b, n->in[1], 1) : n->in[1]);
    y = second ? BUILD(&b, "Squeeze", y, BUILD_LIST(&b, -1)) : y;
    return format_lowered(&b, first ? BUILD(&b, "Squeeze", y, BUILD_LIST(&b, second ? -1 : -2)) : y);
}

static struct value *real(struct build *b, int q, int axis)
{
    struct value *v =
        BUILD(b, "DequantizeLinear", node_in(b->node, q), node_in(b->node, q + 1), node_in(b->node, q + 2));
    const struct value *scale = node_in(b->node, q + 1);
    return axis >= 0 && scale->type.rank == 1 ? build_int(b, v, "axis", axis) : v;
}

/* The bias in steps of the product of both scales. */
static struct value *real_bias(struct build *b)
{
    struct value *scale = BUILD(b, "Mul", node_in(b->node, 1), node_in(b->node, 4));
    struct tensor *t = tflite_evaluate(scale, b->err);
    scale = t ? build_constant(b, NULL, t) : scale;
    struct value *v = BUILD(b, "DequantizeLinear", node_in(b->node, 8), scale);
    return t && t->rank == 1 ? build_int(b, v, "axis", 0) : v;
}

int tflite_lower_qlinear(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    bool is_conv = node_is(n, "QLinearConv");
    struct value *x = real(&b, 0, -1), *y = real(&b, 3, is_conv ? 0 : -1);
    struct value *in[] = {x, y, is_conv && node_in(n, 8) ? real_bias(&b) : NULL};
    struct value *v = build_node(&b, is_conv ? "Conv" : "MatMul", is_conv ? 3 : 2, in);
    v = is_conv ? build_attrs(&b, v) : v;
    return format_lowered(&b, BUILD(&b, "QuantizeLinear", v, node_in(n, 6), node_in(n, 7)));
}

/* ---- axes ---- */

/* The permutation that makes `axis` the last one, which is its own reverse. */
static void swap_last(int rank, int64_t axis, int64_t *perm)
{
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    axis += axis < 0 ? rank : 0;
    perm[axis] = rank - 1;
    perm[rank - 1] = axis;
}

int tflite_lower_by_last_axis(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t perm[TENSOR_MAX_RANK];
    int rank = build_rank(&b, 0);
    swap_last(rank, op_int(n, "axis"), perm);
    struct value *y = BUILD(&b, n->op, build_transpose(&b, n->in[0], rank, perm));
    return format_lowered(&b, build_transpose(&b, build_int(&b, y, "axis", -1), rank, perm));
}

/* The least are the largest of the negatives. */
int tflite_lower_top_k(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t perm[TENSOR_MAX_RANK];
    int rank = build_rank(&b, 0);
    bool least = !op_int(n, "largest");
    swap_last(rank, op_int(n, "axis"), perm);
    struct value *x = least ? BUILD(&b, "Neg", n->in[0]) : n->in[0];
    struct value *y = BUILD(&b, "TopK", build_transpose(&b, x, rank, perm), n->in[1]);
    struct value *where = b.failed ? NULL : build_output(&b, y, 1);
    y = build_transpose(&b, least ? BUILD(&b, "Neg", y) : y, rank, perm);
    where = build_transpose(&b, where, rank, perm);
    if (b.failed)
        return -1;
    build_give(&b, 1, where);
    return format_lowered(&b, y);
}

/* Channels are counted before the places in the block. */
int tflite_lower_columns(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t size = op_int(n, "blocksize"), c = build_dim(&b, 0, 1), h = build_dim(&b, 0, 2), w = build_dim(&b, 0, 3);
    if (b.failed)
        return -1;
    struct value *y = build_reshape(&b, n->in[0], 6, (int64_t[]){-1, c / (size * size), size, size, h, w});
    y = BUILD(&b, "Transpose/perm=0,1,4,2,5,3", y);
    return format_lowered(&b, build_reshape(&b, y, 4, (int64_t[]){-1, c / (size * size), h * size, w * size}));
}

int tflite_lower_edge(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = build_rank(&b, 0);
    const struct tensor *pads = n->in[1]->constant;
    struct value *x = n->in[0];
    if (!pads || node_in(n, 3) || pads->count != 2 * rank)
        return 0;
    for (int axis = 0; axis < rank && !b.failed; axis++) {
        struct value *parts[3];
        int64_t before = tensor_get_i64(pads, axis), behind = tensor_get_i64(pads, axis + rank);
        int64_t repeats[TENSOR_MAX_RANK];
        int count = 0;
        if (before < 0 || behind < 0) /* cuts */
            x = build_slice(&b, x, axis, before < 0 ? -before : 0, behind < 0 ? behind : INT64_MAX);
        for (int side = 0; side < 3; side++) {
            int64_t times = side == 1 ? 1 : side ? behind : before;
            for (int i = 0; i < rank; i++)
                repeats[i] = i == axis ? times : 1;
            if (side == 1)
                parts[count++] = x;
            else if (times > 0)
                parts[count++] = BUILD(&b, "Tile", build_slice(&b, x, axis, side ? -1 : 0, side ? INT64_MAX : 1),
                                       build_list(&b, rank, repeats));
        }
        x = count > 1 ? build_int(&b, build_node(&b, "Concat", count, parts), "axis", axis) : x;
    }
    return format_lowered(&b, x == n->in[0] ? BUILD(&b, "Identity", x) : x);
}

bool tflite_turn(const struct node *n, int64_t *perm)
{
    static const int64_t perms[2][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}};
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    for (int k = 0; k < 2 && x->rank == 4 && y->rank == 4; k++) {
        int64_t channels = x->dims[k ? 3 : 1];
        bool fits = channels == 1 || (x->dims[k ? 1 : 2] == 1 && x->dims[k ? 2 : 3] == 1);
        for (int i = 0; i < 4; i++)
            fits = fits && y->dims[i] == x->dims[perms[k][i]];
        memcpy(perm, perms[k], sizeof perms[k]);
        if (fits && memcmp(x->dims, y->dims, 4 * sizeof *x->dims) != 0)
            return true;
    }
    return false;
}

int tflite_lower_turn(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t perm[4];
    tflite_turn(n, perm);
    return format_lowered(&b, build_transpose(&b, n->in[0], 4, perm));
}

/* The stored integers are moved, and made real then. */
int tflite_lower_stored_view(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct node *d = n->in[0]->producer;
    struct value *in[] = {d->in[0], node_in(n, 1)}, *y = build_attrs(&b, build_node(&b, n->op, 2, in));
    return format_lowered(&b, BUILD(&b, "DequantizeLinear", y, node_in(d, 1), node_in(d, 2)));
}

/* What moves a constant's elements, or makes them real, gives a constant. */
int tflite_lower_moved_constant(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct error unused;
    struct tensor *t = tflite_evaluate(n->out[0], &unused);
    return t ? format_lowered(&b, build_constant(&b, NULL, t)) : 0;
}

/* Of two changes of shape the last counts. */
int tflite_lower_second_view(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct type *y = &n->out[0]->type;
    return format_lowered(&b, build_reshape(&b, n->in[0]->producer->in[0], y->rank, y->dims));
}

int tflite_lower_dropout(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct value *trains = node_in(n, 2);
    bool is_used = (node_out(n, 1) && (n->out[1]->use_count || n->out[1]->is_output)) ||
                   (trains && (!trains->constant || tensor_get_i64(trains->constant, 0)));
    return is_used ? 0 : format_lowered(&b, BUILD(&b, "Identity", n->in[0]));
}

int tflite_lower_filled(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct tensor *t = op_tensor(n, "value");
    struct value *v = t ? build_constant(&b, NULL, tensor_reshaped(t, 0, NULL, err)) : build_number(&b, DTYPE_F32, 0);
    return format_lowered(&b, BUILD(&b, "Expand", v, n->in[0]));
}

/* TFLite puts in one axis at a time, where sizes cannot say it. */
int tflite_lower_by_axis(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct tensor *axes = n->in[1]->constant;
    struct value *v = n->in[0];
    int rank = n->out[0]->type.rank;
    for (int k = 0; k < rank; k++)
        for (int64_t i = 0; i < axes->count; i++)
            if ((tensor_get_i64(axes, i) + rank) % rank == k)
                v = build_unsqueeze(&b, v, k);
    return format_lowered(&b, v);
}

int tflite_lower_size(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *y = BUILD(&b, "ReduceProd", BUILD(&b, "Shape", n->in[0]));
    return format_lowered(&b, build_int(&b, y, "keepdims", 0));
}

/* By a constant that says which elements stay. */
int tflite_lower_trilu(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct type *x = &n->in[0]->type;
    const struct value *k = node_in(n, 1);
    int64_t dims[] = {x->rank >= 2 ? x->dims[x->rank - 2] : -1, x->rank >= 2 ? x->dims[x->rank - 1] : -1};
    if (dims[0] < 0 || dims[1] < 0 || (k && !k->constant))
        return 0;
    int64_t shift = k ? tensor_get_i64(k->constant, 0) : 0;
    bool upper = op_int(n, "upper") != 0;
    struct tensor *t = build_zeros(&b, DTYPE_BOOL, 2, dims);
    for (int64_t r = 0; t && r < dims[0]; r++)
        for (int64_t c = 0; c < dims[1]; c++)
            ((uint8_t *)t->data)[r * dims[1] + c] = upper ? c - r >= shift : c - r <= shift;
    struct value *y = BUILD(&b, "Where", build_constant(&b, NULL, t), n->in[0], build_number(&b, x->dtype, 0));
    return format_lowered(&b, y);
}
