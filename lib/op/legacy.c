/* Rearrangements, resizing and arithmetic of Caffe, ncnn and Darknet, as ONNX's operators. */
#include <math.h>
#include <string.h>

#include "op/build.h"
#include "op/real.h"
#include "op/util.h"

/* ---- ShuffleChannel ---- */

/* Axes from 2 on stay as they are where their dims are known, and become one where not. */
int expand_shuffle_channel(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = build_rank(&b, 0), at = 3;
    int64_t channels = build_dim(&b, 0, 1), group = op_int(n, "group"), dims[TENSOR_MAX_RANK] = {0},
            perm[] = {0, 2, 1, 3, 4, 5, 6, 7};
    if (!b.failed && (group < 1 || channels % group))
        build_fail(&b, "attribute group: %lld does not divide %lld channels", (long long)group, (long long)channels);
    if (b.failed)
        return -1;
    if (channels == 0 || tensor_count(rank, n->in[0]->type.dims) == 0) {
        build_give(&b, 0, BUILD(&b, "Identity", n->in[0]));
        return build_end(&b);
    }
    dims[1] = op_int(n, "reverse") ? channels / group : group;
    dims[2] = channels / dims[1];
    for (int i = 2; i < rank && rank < TENSOR_MAX_RANK && n->in[0]->type.dims[i] > 0; i++)
        dims[at++] = n->in[0]->type.dims[i];
    if (at != rank + 1)
        dims[3] = -1, at = 4;
    struct value *table = build_reshape(&b, n->in[0], at, dims);
    struct value *turned = build_transpose(&b, table, at, perm);
    build_give(&b, 0, BUILD(&b, "Reshape", turned, BUILD(&b, "Shape", n->in[0])));
    return build_end(&b);
}

/* ---- Reorg ---- */

static int check_reorg(const struct node *n, const struct type *x, struct error *err)
{
    int64_t s = op_int(n, "stride");
    if (s < 1 || s > 1 << 15)
        return error_set(err, "attribute stride: %lld, want 1 to %d", (long long)s, 1 << 15);
    if (x->rank >= 0 && x->rank != 4)
        return error_set(err, "input X has rank %d, want 4", x->rank);
    for (int i = 2; i < x->rank; i++)
        if (x->dims[i] > 0 && x->dims[i] % s)
            return error_set(err, "attribute stride: %lld does not divide dim %d of X, %lld", (long long)s, i,
                             (long long)x->dims[i]);
    if (x->rank == 4 && strcmp(op_string(n, "mode"), "darknet") == 0 && x->dims[1] > 0 && x->dims[1] % (s * s))
        return error_set(err, "%lld channels are no multiple of stride * stride, %lld", (long long)x->dims[1],
                         (long long)(s * s));
    return 0;
}

int infer_reorg(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t s = op_int(c->node, "stride");
    if (check_reorg(c->node, x, err) < 0)
        return real_infer_fail(c, err);
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, 4, NULL, err);
    int64_t dims[] = {x->dims[0], graph_dim_mul(c->graph, x->dims[1], s * s), graph_dim_div(c->graph, x->dims[2], s),
                      graph_dim_div(c->graph, x->dims[3], s)};
    return infer_set(c, 0, x->dtype, 4, dims, err);
}

int expand_reorg(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const char *mode = op_string(n, "mode");
    int64_t s = op_int(n, "stride"), dims[4] = {0};
    build_rank(&b, 0);
    if (!b.failed && check_reorg(n, &n->in[0]->type, err) < 0)
        return -1;
    struct value *x = n->in[0], *y = NULL;
    if (strcmp(mode, "DCR") == 0) {
        build_give(&b, 0, build_int(&b, BUILD(&b, "SpaceToDepth", x), "blocksize", s));
        return build_end(&b);
    }
    for (int i = 1; i < 4; i++)
        dims[i] = build_dim(&b, 0, i);
    const int64_t wide[] = {0, dims[1] / (s * s), dims[2] * s, dims[3] * s},
                  cells[] = {0, dims[1], dims[2] / s, s, dims[3] / s, s}, perm[] = {0, 1, 3, 5, 2, 4},
                  out[] = {0, dims[1] * s * s, dims[2] / s, dims[3] / s};
    if (strcmp(mode, "darknet") == 0)
        y = build_int(&b, BUILD(&b, "SpaceToDepth", build_reshape(&b, x, 4, wide)), "blocksize", s);
    else if (strcmp(mode, "CRD") == 0)
        y = build_transpose(&b, build_reshape(&b, x, 6, cells), 6, perm);
    else
        build_fail(&b, "attribute mode: '%.40s', want darknet, CRD or DCR", mode);
    build_give(&b, 0, build_reshape(&b, y, 4, out));
    return build_end(&b);
}

/* ---- Normalize ---- */

static struct value *norm_of(struct build *b, struct value *sum)
{
    const char *mode = op_string(b->node, "epsilon_mode");
    struct value *epsilon = build_number(b, build_dtype(b, 0), op_float(b->node, "epsilon"));
    bool inside = strcmp(mode, "inside") == 0, max_inside = strcmp(mode, "max_inside") == 0;
    bool outside = strcmp(mode, "outside") == 0, max_outside = strcmp(mode, "max_outside") == 0;
    if (inside || max_inside)
        return BUILD(b, "Sqrt", BUILD(b, inside ? "Add" : "Max", sum, epsilon));
    if (outside || max_outside)
        return BUILD(b, outside ? "Add" : "Max", BUILD(b, "Sqrt", sum), epsilon);
    build_fail(b, "attribute epsilon_mode: '%.40s', want inside, outside, max_inside or max_outside", mode);
    return NULL;
}

int expand_normalize(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = build_rank(&b, 0), count = 0;
    int64_t axes[TENSOR_MAX_RANK], along[TENSOR_MAX_RANK] = {-1, 1, 1, 1, 1, 1, 1};
    for (int i = 1; i < rank; i++)
        if (op_int(n, i == 1 ? "across_channel" : "across_spatial"))
            axes[count++] = i;
    if (!b.failed && count == 0)
        build_fail(&b, "no axis of X, of rank %d, is to be normalised", rank);
    if (b.failed)
        return -1;
    struct value *sum = BUILD(&b, "ReduceSumSquare", n->in[0], build_list(&b, count, axes));
    struct value *y = BUILD(&b, "Div", n->in[0], norm_of(&b, sum));
    if (node_in(n, 1))
        y = BUILD(&b, "Mul", y, build_reshape(&b, n->in[1], rank - 1, along));
    build_give(&b, 0, y);
    return build_end(&b);
}

/* ---- Crop ---- */

static int read_crop(const struct node *n, int rank, int64_t *first, int64_t *offsets, struct error *err)
{
    int count;
    const int64_t *given = op_ints(n, "offsets", &count);
    *first = op_int(n, "axis");
    if (*first < -rank || *first >= rank)
        return error_set(err, "attribute axis: %lld is not in [%d, %d)", (long long)*first, -rank, rank);
    *first += *first < 0 ? rank : 0;
    if (count > 1 && count != rank - *first)
        return error_set(err, "attribute offsets: %d values, want none, 1 or %lld", count, (long long)(rank - *first));
    for (int i = 0; i < rank - *first; i++) {
        offsets[i] = count == 0 ? 0 : given[count == 1 ? 0 : i];
        if (offsets[i] < 0 || offsets[i] > INT32_MAX)
            return error_set(err, "attribute offsets: %lld, want 0 or more", (long long)offsets[i]);
    }
    return 0;
}

int infer_crop(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *to = real_type(c, 1);
    int64_t first, offsets[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    if (x->rank < 0 || to->rank < 0)
        return infer_set(c, 0, x->dtype, x->rank, NULL, err);
    if (to->rank != x->rank)
        return infer_error(c, err, "inputs X and reference have ranks %d and %d", x->rank, to->rank);
    if (read_crop(c->node, x->rank, &first, offsets, err) < 0)
        return real_infer_fail(c, err);
    for (int i = 0; i < x->rank; i++) {
        dims[i] = i < first ? x->dims[i] : to->dims[i];
        if (i >= first && dims[i] >= 0 && x->dims[i] >= 0 && offsets[i - first] + dims[i] > x->dims[i])
            return infer_error(c, err, "axis %d of X has %lld elements, fewer than %lld from %lld on", i,
                               (long long)x->dims[i], (long long)dims[i], (long long)offsets[i - first]);
    }
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}

int expand_crop(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = build_rank(&b, 0), count = 0;
    int64_t first, offsets[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    if (b.failed || read_crop(n, rank, &first, offsets, err) < 0)
        return -1;
    for (int i = (int)first; i < rank; i++)
        axes[count++] = i;
    struct value *from = build_list(&b, count, offsets);
    struct value *to = BUILD(&b, "Add", build_shape(&b, n->in[1], first, rank), from);
    build_give(&b, 0, BUILD(&b, "Slice", n->in[0], from, to, build_list(&b, count, axes)));
    return build_end(&b);
}

/* ---- Eltwise ---- */

int infer_eltwise(struct op_infer *c, struct error *err)
{
    return op_infer_broadcast(c, 0, infer_dtype(c, 0), 0, c->node->in_count, err);
}

int expand_eltwise(struct node *n, struct error *err)
{
    static const struct {
        const char *operation, *op;
    } table[] = {{"sum", "Add"}, {"prod", "Mul"}, {"max", "Max"}};
    struct build b = {.node = n, .err = err};
    const char *operation = op_string(n, "operation"), *op = NULL;
    int count;
    const float *coeff = op_floats(n, "coeff", &count);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        op = strcmp(table[i].operation, operation) == 0 ? table[i].op : op;
    if (!op)
        build_fail(&b, "attribute operation: '%.40s', want sum, prod or max", operation);
    else if (count && (strcmp(op, "Add") != 0 || count != n->in_count))
        build_fail(&b, "attribute coeff: %d values for the %s of %d inputs", count, operation, n->in_count);
    struct value *y = NULL;
    for (int i = 0; i < n->in_count && !b.failed; i++) {
        struct value *x = n->in[i];
        if (count && coeff[i] != 1)
            x = BUILD(&b, "Mul", x, build_number(&b, build_dtype(&b, 0), coeff[i]));
        y = i == 0 ? x : BUILD(&b, op, y, x);
    }
    build_give(&b, 0, n->in_count > 1 || (count && coeff[0] != 1) ? y : BUILD(&b, "Identity", y));
    return build_end(&b);
}

/* ---- Interp ---- */

struct interp {
    const int64_t *size; /* height, width; NULL: not set */
    const float *scales;
    int64_t zoom, shrink, begin, end; /* begin, end: elements cut off */
};

static int read_interp(struct interp *s, const struct node *n, const struct type *x, struct error *err)
{
    int64_t begin = op_int(n, "pad_begin"), end = op_int(n, "pad_end");
    int sizes, scales;
    *s = (struct interp){.size = op_ints(n, "size", &sizes),
                         .scales = op_floats(n, "scales", &scales),
                         .zoom = op_int(n, "zoom_factor"),
                         .shrink = op_int(n, "shrink_factor"),
                         .begin = begin < -INT32_MAX ? -1 : -begin,
                         .end = end < -INT32_MAX ? -1 : -end};
    if (x->rank >= 0 && x->rank != 4)
        return error_set(err, "input X has rank %d, want 4", x->rank);
    if ((sizes && sizes != 2) || (scales && scales != 2))
        return error_set(err, "attribute %s: want height and width", sizes ? "size" : "scales");
    for (int i = 0; i < 2; i++) {
        if (sizes && (s->size[i] < 1 || s->size[i] > INT32_MAX))
            return error_set(err, "attribute size: %lld, want at least 1", (long long)s->size[i]);
        if (scales && !(s->scales[i] > 0 && s->scales[i] < 1e6f))
            return error_set(err, "attribute scales: %g, want a positive number", (double)s->scales[i]);
    }
    if (s->zoom < 1 || s->zoom > 1 << 20 || s->shrink < 1 || s->shrink > 1 << 20)
        return error_set(err, "attributes zoom_factor and shrink_factor: %lld and %lld, want at least 1",
                         (long long)s->zoom, (long long)s->shrink);
    if (s->begin < 0 || s->end < 0)
        return error_set(err, "attributes pad_begin and pad_end: %lld and %lld, want 0 or less", (long long)begin,
                         (long long)end);
    return 0;
}

/* Caffe's: shrunk to (dim - 1) / shrink + 1, then zoomed to dim + (dim - 1) * (zoom - 1). */
static int64_t factor_dim(struct graph *g, const struct interp *s, int64_t dim)
{
    dim = graph_dim_sub(g, dim, s->begin + s->end);
    if (s->shrink > 1)
        dim = graph_dim_add(g, graph_dim_div(g, graph_dim_sub(g, dim, 1), s->shrink), 1);
    if (s->zoom > 1)
        dim = graph_dim_add(g, dim, graph_dim_mul(g, graph_dim_sub(g, dim, 1), s->zoom - 1));
    return dim;
}

int infer_interp(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *to = real_type(c, 1);
    struct interp s;
    int64_t dims[4] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    if (read_interp(&s, c->node, x, err) < 0)
        return real_infer_fail(c, err);
    for (int i = 0; i < 4; i++) {
        int64_t dim = x->rank == 4 ? x->dims[i] : DIM_UNKNOWN;
        if (i >= 2 && dim >= 0 && dim <= s.begin + s.end)
            return infer_error(c, err, "pads cut off all of axis %d, of %lld", i, (long long)dim);
        if (i < 2)
            dims[i] = dim;
        else if (node_in(c->node, 1))
            dims[i] = to->rank >= 2 ? to->dims[to->rank - 4 + i] : DIM_UNKNOWN;
        else if (s.size)
            dims[i] = s.size[i - 2];
        else if (s.scales)
            dims[i] = dim < 0 ? DIM_UNKNOWN : (int64_t)floorf((float)(dim - s.begin - s.end) * s.scales[i - 2]);
        else
            dims[i] = factor_dim(c->graph, &s, dim);
    }
    return infer_set(c, 0, x->dtype, 4, dims, err);
}

/* The sizes that the factors make of those of x, i64 [2]. */
static struct value *factor_sizes(struct build *b, const struct interp *s, struct value *x)
{
    struct value *one = BUILD_LIST(b, 1), *size = build_shape(b, x, 2, 4);
    if (s->scales) {
        size = BUILD(b, "Mul", build_cast(b, size, DTYPE_F32), build_f32s(b, 2, s->scales));
        return build_cast(b, BUILD(b, "Floor", size), DTYPE_I64);
    }
    if (s->shrink > 1)
        size = BUILD(b, "Add", BUILD(b, "Div", BUILD(b, "Sub", size, one), BUILD_LIST(b, s->shrink)), one);
    if (s->zoom > 1)
        size = BUILD(b, "Add", size, BUILD(b, "Mul", BUILD(b, "Sub", size, one), BUILD_LIST(b, s->zoom - 1)));
    return size;
}

/* The sizes of the result, i64 [4]. */
static struct value *target_sizes(struct build *b, const struct interp *s, struct value *x)
{
    struct value *size = s->size ? build_list(b, 2, s->size) : NULL;
    if (node_in(b->node, 1))
        size = build_shape(b, b->node->in[1], -2, INT64_MAX);
    else if (!size)
        size = factor_sizes(b, s, x);
    return BUILD(b, "Concat/axis=0", build_shape(b, x, 0, 2), size);
}

/* Whether places follow from the scales themselves, not from the sizes that they give. */
static bool by_scales(const struct interp *s, const struct node *n)
{
    return s->scales && !s->size && !node_in(n, 1) && strcmp(op_string(n, "coordinates"), "asymmetric") == 0;
}

int expand_interp(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const char *mode = op_string(n, "mode"), *coordinates = op_string(n, "coordinates");
    struct interp s;
    if (read_interp(&s, n, &n->in[0]->type, err) < 0)
        return -1;
    struct value *x = n->in[0], *y, *none = NULL;
    if (s.begin || s.end)
        x = BUILD(&b, "Slice", x, BUILD_LIST(&b, s.begin, s.begin),
                  s.end ? BUILD_LIST(&b, -s.end, -s.end) : BUILD_LIST(&b, INT64_MAX, INT64_MAX), BUILD_LIST(&b, 2, 3));
    if (by_scales(&s, n))
        y = BUILD(&b, "Resize", x, none, build_f32s(&b, 4, (float[]){1, 1, s.scales[0], s.scales[1]}));
    else
        y = BUILD(&b, "Resize", x, none, none, target_sizes(&b, &s, x));
    y = build_string(&b, y, "mode", mode);
    y = build_string(&b, y, "coordinate_transformation_mode", coordinates);
    if (strcmp(mode, "nearest") == 0)
        y = build_string(&b, y, "nearest_mode", strcmp(coordinates, "asymmetric") ? "round_prefer_ceil" : "floor");
    build_give(&b, 0, y);
    return build_end(&b);
}
