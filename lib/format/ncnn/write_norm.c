/* Normalisation as layers. */
#include <string.h>

#include "format/ncnn/write.h"

/* Inputs first to last of the node as constants; a miss unless all are. */
static bool constants(struct writer *w, int first, int count, const struct tensor **t)
{
    for (int i = 0; i < count; i++)
        if (!(t[i] = ncnn_constant_of(w, node_in(w->n, first + i)))) {
            ncnn_miss(w, "with parameters that are no constants");
            return false;
        }
    return true;
}

/* A layer of the operand in another shape; NULL: its own. What it makes gets the result's shape by finish(). */
static const char *start_as(struct writer *w, const char *type, const struct blob_shape *as)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    const char *in = as ? ncnn_blob_as(w, x, as) : ncnn_blob(w, x);
    const char *out = as ? ncnn_fresh(w, y->name) : ncnn_result(w, y);
    ncnn_layer_of(w, type, 1, &in, 1, &out);
    return as ? out : NULL;
}

static void finish(struct writer *w, const char *made)
{
    struct blob_shape own = ncnn_shape(w, w->n->out[0]);
    if (made)
        ncnn_put_reshape(w, made, &own, ncnn_result(w, w->n->out[0]));
}

/* Some layers know channels only where their maps have two axes. */
static const char *start_maps(struct writer *w, const char *type)
{
    const struct type *x = &w->n->in[0]->type;
    struct blob_shape maps = {.n = 3, .dims = {x->rank > 1 ? x->dims[1] : -1, 1, -1}};
    if (x->rank == 4) {
        ncnn_image_layer(w, type);
        return NULL;
    }
    if (x->dims[0] != 1 || maps.dims[0] < 0)
        ncnn_miss(w, "of a batch that is not 1, or of channels whose number is not known");
    return start_as(w, type, &maps);
}

/* scale, bias, mean, variance; ncnn has scale, mean, variance, bias. */
void ncnn_write_batch_norm(struct writer *w)
{
    static const int order[] = {0, 2, 3, 1};
    const struct tensor *t[4];
    if (op_int(w->n, "training_mode"))
        ncnn_miss(w, "in training mode");
    if (!constants(w, 1, 4, t))
        return;
    ncnn_image_layer(w, "BatchNorm");
    ncnn_put_int(w, 0, t[0]->count);
    ncnn_put_float(w, 1, op_float(w->n, "epsilon"));
    for (int i = 0; i < 4; i++)
        ncnn_put_record(w, t[order[i]], false);
}

void ncnn_write_instance_norm(struct writer *w)
{
    const struct tensor *t[2];
    if (!constants(w, 1, 2, t))
        return;
    const char *made = start_maps(w, "InstanceNorm");
    ncnn_put_int(w, 0, t[0]->count);
    ncnn_put_float(w, 1, op_float(w->n, "epsilon"));
    ncnn_put_record(w, t[0], false);
    ncnn_put_record(w, t[1], false);
    finish(w, made);
}

void ncnn_write_group_norm(struct writer *w)
{
    const struct tensor *t[2];
    if (!constants(w, 1, 2, t))
        return;
    ncnn_image_layer(w, "GroupNorm");
    ncnn_put_int(w, 0, op_int(w->n, "num_groups"));
    ncnn_put_int(w, 1, t[0]->count);
    ncnn_put_float(w, 2, op_float(w->n, "epsilon"));
    ncnn_put_record(w, t[0], false);
    ncnn_put_record(w, t[1], false);
}

/* Zeros in the place of an absent bias. */
static const struct tensor *zeros_like(struct writer *w, const struct tensor *t)
{
    return ncnn_keep(w, tensor_new(DTYPE_F32, t->rank, t->dims, w->err));
}

/* ncnn takes the last axis of up to three, or the last two of three, and leaves what is of another form as it is: there
 * the axes are made one before. */
static bool takes_axes(struct writer *w, const struct value *x, int64_t axis)
{
    int n = ncnn_shape(w, x).n;
    int64_t count = x->type.rank - axis;
    return axis > ncnn_batch(w, x) && (count == 1 ? n < 4 : count == 2 && n == 3);
}

/* The last axes together. */
void ncnn_write_layer_norm(struct writer *w)
{
    bool shifts = node_is(w->n, "LayerNormalization");
    const struct value *x = w->n->in[0];
    const struct tensor *scale, *bias = ncnn_constant_of(w, node_in(w->n, 2));
    int64_t axis = op_int(w->n, "axis"), size = 1;
    axis = axis < 0 ? axis + x->type.rank : axis;
    if (!constants(w, 1, 1, &scale))
        return;
    for (int64_t i = axis; i < x->type.rank; i++)
        size = x->type.dims[i] < 0 ? -1 : size * x->type.dims[i];
    if (scale->count != size || (shifts && node_in(w->n, 2) && !bias) || node_out(w->n, 1)) {
        ncnn_miss(w, "with parameters of another shape than the axes, or several results");
        return;
    }
    struct blob_shape rows = {.n = 2, .dims = {-1, size}};
    const char *made = start_as(w, shifts ? "LayerNorm" : "RMSNorm", takes_axes(w, x, axis) ? NULL : &rows);
    ncnn_put_int(w, 0, size);
    ncnn_put_float(w, 1, op_float(w->n, "epsilon"));
    ncnn_put_record(w, scale, false);
    if (shifts)
        ncnn_put_record(w, bias ? bias : zeros_like(w, scale), false);
    finish(w, made);
}

void ncnn_write_lrn(struct writer *w)
{
    if (op_int(w->n, "size") % 2 == 0)
        ncnn_miss(w, "without a channel in the middle");
    const char *made = start_maps(w, "LRN");
    ncnn_put_int(w, 1, op_int(w->n, "size"));
    ncnn_put_float(w, 2, op_float(w->n, "alpha"));
    ncnn_put_float(w, 3, op_float(w->n, "beta"));
    ncnn_put_float(w, 4, op_float(w->n, "bias"));
    finish(w, made);
}

static void put_normalize(struct writer *w, bool spatial, bool channel, float epsilon, int mode,
                          const struct tensor *scale)
{
    struct tensor *one = scale ? NULL : tensor_new(DTYPE_F32, 1, (int64_t[]){1}, w->err);
    if (one)
        ((float *)one->data)[0] = 1;
    if (!scale)
        scale = ncnn_keep(w, one);
    ncnn_image_layer(w, "Normalize");
    ncnn_put_int(w, 0, spatial);
    ncnn_put_int(w, 1, scale && scale->count == 1);
    ncnn_put_float(w, 2, epsilon);
    ncnn_put_int(w, 3, scale ? scale->count : 0);
    ncnn_put_int(w, 4, channel);
    ncnn_put_int(w, 9, mode);
    ncnn_put_record(w, scale, false);
}

/* Along the first axis of the blob. */
void ncnn_write_lp_norm(struct writer *w)
{
    struct blob_shape s = ncnn_shape(w, w->n->in[0]);
    if (op_int(w->n, "p") != 2 || ncnn_blob_axis(w, w->n->in[0], op_int(w->n, "axis")) != 0 || s.n != 3) {
        ncnn_miss(w, "along another axis than the channels, or of another power than 2");
        return;
    }
    put_normalize(w, false, true, 1e-30f, 1, NULL);
}

void ncnn_write_normalize(struct writer *w)
{
    static const char *const modes[] = {"inside", "max_outside", "max_inside"};
    int mode = 0;
    const struct tensor *scale = ncnn_constant_of(w, node_in(w->n, 1));
    while (mode < 3 && strcmp(modes[mode], op_string(w->n, "epsilon_mode")) != 0)
        mode++;
    if (mode == 3 || (node_in(w->n, 1) && !scale)) {
        ncnn_miss(w, "with epsilon outside, or a scale that is no constant");
        return;
    }
    put_normalize(w, op_int(w->n, "across_spatial") != 0, op_int(w->n, "across_channel") != 0,
                  op_float(w->n, "epsilon"), mode, scale);
}

/* ncnn refuses files without parameter 1, which once had another meaning of the axis. */
void ncnn_write_softmax(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    int axis = ncnn_blob_axis(w, x, op_int(w->n, "axis"));
    if (axis < 0)
        ncnn_miss(w, "along the batch");
    bool logarithm = node_is(w->n, "LogSoftmax");
    const char *in = ncnn_blob(w, x), *out = logarithm ? ncnn_fresh(w, y->name) : ncnn_result(w, y);
    ncnn_layer_of(w, "Softmax", 1, &in, 1, &out);
    ncnn_put_int(w, 0, axis);
    ncnn_put_int(w, 1, 1);
    if (!logarithm)
        return;
    const char *last = ncnn_result(w, y);
    ncnn_layer_of(w, "UnaryOp", 1, &out, 1, &last);
    ncnn_put_int(w, 0, 8);
}

/* ---- reductions ---- */

static const struct {
    const char *op;
    int type;
} reductions[] = {
    {"ReduceSum", 0},  {"ReduceSumSquare", 2}, {"ReduceMean", 3}, {"ReduceMax", 4},    {"ReduceMin", 5},
    {"ReduceProd", 6}, {"ReduceL1", 7},        {"ReduceL2", 8},   {"ReduceLogSum", 9}, {"ReduceLogSumExp", 10},
};
/* Types that change an element by itself. */
#define CHANGES_ONE (1 << 2 | 1 << 7 | 1 << 8 | 1 << 9)

/* Where the batch goes: reduced or not, an axis of 1 stays the batch's only where it is kept. */
static int batch_after(int batch, bool keeps, int n, const int64_t *axes)
{
    int before = 0;
    for (int i = 0; i < n; i++) {
        if (axes[i] == batch && !keeps)
            return -1;
        before += axes[i] < batch;
    }
    return batch < 0 || keeps ? batch : batch - before;
}

void ncnn_write_reduce(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    const struct tensor *list = node_in(w->n, 1) ? node_in(w->n, 1)->constant : NULL;
    int64_t axes[TENSOR_MAX_RANK], blob_axes[TENSOR_MAX_RANK];
    int n = 0, count = 0, rank = x->type.rank, type = 0;
    bool keeps = op_int(w->n, "keepdims") != 0;
    while (strcmp(reductions[type].op, w->n->op) != 0)
        type++;
    if ((node_in(w->n, 1) && !list) || rank < 0) {
        ncnn_miss(w, "over axes that are no constants");
        return;
    }
    for (int64_t i = 0; list && i < list->count && n < TENSOR_MAX_RANK; i++)
        axes[n++] = tensor_get_i64(list, i) + (tensor_get_i64(list, i) < 0 ? rank : 0);
    if (!n && op_int(w->n, "noop_with_empty_axes")) {
        if (1 << reductions[type].type & CHANGES_ONE)
            ncnn_miss(w, "over no axes");
        ncnn_write_identity(w);
        return;
    }
    for (; (!list || !list->count) && n < rank; n++)
        axes[n] = n;
    for (int i = 0; i < n; i++)
        if (ncnn_blob_axis(w, x, axes[i]) >= 0)
            blob_axes[count++] = ncnn_blob_axis(w, x, axes[i]);
    ncnn_set_batch(w, y, batch_after(ncnn_batch(w, x), keeps, n, axes));
    if (!count) {
        ncnn_miss(w, "over the batch alone");
        return;
    }
    ncnn_simple_layer(w, "Reduction");
    ncnn_put_int(w, 0, reductions[type].type);
    ncnn_put_int(w, 1, 0);
    ncnn_put_ints(w, 3, (size_t)count, blob_axes);
    ncnn_put_int(w, 4, keeps);
    ncnn_put_int(w, 5, 1);
}
