/* Parts of blobs, and what is put around them. */
#include <string.h>

#include "format/ncnn/write.h"

#define REST -233

/* An operand's list of integers, which must be a constant of at most four, one for each axis. */
static bool list_of(struct writer *w, int i, int *count, int64_t *list)
{
    const struct value *v = node_in(w->n, i);
    *count = 0;
    if (!v)
        return true;
    if (!v->constant || v->constant->count > TENSOR_MAX_RANK)
        return false;
    for (; *count < v->constant->count; ++*count)
        list[*count] = tensor_get_i64(v->constant, *count);
    return true;
}

static void put_crop(struct writer *w, const char *in, const char *out, int n, const int64_t *starts,
                     const int64_t *ends, const int64_t *axes)
{
    ncnn_layer_of(w, "Crop", 1, &in, 1, &out);
    ncnn_put_ints(w, 9, (size_t)n, starts);
    ncnn_put_ints(w, 10, (size_t)n, ends);
    ncnn_put_ints(w, 11, (size_t)n, axes);
}

/* From the last element to the first, whole. */
static bool is_flip(const struct value *x, int64_t axis, int64_t start, int64_t end)
{
    int64_t size = x->type.dims[axis];
    return (start == -1 || start >= INT32_MAX || (size > 0 && start >= size - 1)) &&
           (end <= -(int64_t)INT32_MAX || (size > 0 && end < -size));
}

/* An end far behind the last element is the end; so is one that ncnn's way of counting has no number for. */
static int64_t end_of(const struct value *x, int64_t axis, int64_t end)
{
    int64_t size = x->type.dims[axis];
    return end >= INT32_MAX || (size >= 0 && end >= size) || end == 0 ? REST : end;
}

void ncnn_write_slice(struct writer *w)
{
    const struct value *x = w->n->in[0];
    int64_t starts[TENSOR_MAX_RANK], ends[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int n, count, listed, stepped, kept = 0, flips = 0;
    if (!list_of(w, 1, &n, starts) || !list_of(w, 2, &count, ends) || !list_of(w, 3, &listed, axes) ||
        !list_of(w, 4, &stepped, steps) || n != count || x->type.rank < 0) {
        ncnn_miss(w, "with places that are no constants");
        return;
    }
    for (int i = 0; i < n; i++) {
        int64_t axis = listed ? axes[i] : i, step = stepped ? steps[i] : 1;
        axis = axis < 0 ? axis + x->type.rank : axis;
        if (axis < 0 || axis >= x->type.rank) {
            ncnn_miss(w, "along an axis that there is not");
            return;
        }
        int at = ncnn_blob_axis(w, x, axis);
        int64_t size = x->type.dims[axis];
        bool flip = step == -1 && is_flip(x, axis, starts[i], ends[i]), before = size >= 0 && starts[i] < -size;
        if (step == 1 && (starts[i] == 0 || before) && end_of(x, axis, ends[i]) == REST)
            continue;
        if ((step != 1 && !flip) || at < 0 || (step == 1 && before))
            ncnn_miss(w, "with steps, or along the batch");
        flips += flip;
        starts[kept] = starts[i];
        ends[kept] = flip ? 0 : end_of(x, axis, ends[i]);
        axes[kept++] = at;
    }
    if (!kept) {
        ncnn_alias(w, w->n->out[0], x);
        return;
    }
    const char *in = ncnn_blob(w, x), *out = ncnn_result(w, w->n->out[0]);
    if (flips && flips < kept)
        ncnn_miss(w, "that turns some axes and cuts others");
    if (!flips) {
        put_crop(w, in, out, kept, starts, ends, axes);
        return;
    }
    ncnn_layer_of(w, "Flip", 1, &in, 1, &out);
    ncnn_put_ints(w, 0, (size_t)kept, axes);
}

void ncnn_write_split(struct writer *w)
{
    const struct value *x = w->n->in[0];
    int axis = ncnn_blob_axis(w, x, op_int(w->n, "axis")), n = w->n->out_count;
    int64_t sizes[256];
    const char *out[256], *in = ncnn_blob(w, x);
    bool equal = true;
    if (axis < 0 || n > 256) {
        ncnn_miss(w, "along the batch, or into too many parts");
        return;
    }
    for (int o = 0; o < n; o++) {
        const struct value *v = w->n->out[o];
        out[o] = v ? ncnn_result(w, v) : ncnn_fresh(w, x->name);
        struct blob_shape s = v ? ncnn_shape(w, v) : (struct blob_shape){.n = 0};
        sizes[o] = v && axis < s.n && s.dims[axis] > 0 ? s.dims[axis] : REST;
        equal = equal && sizes[o] == sizes[0];
        if (!v)
            ncnn_miss(w, "with a part that nobody takes");
    }
    if (equal || (n > 0 && sizes[n - 1] != REST))
        sizes[n - 1] = REST;
    for (int o = 0; o < n && equal; o++)
        sizes[o] = REST;
    ncnn_layer_of(w, "Slice", 1, &in, n, out);
    ncnn_put_ints(w, 0, (size_t)n, sizes);
    ncnn_put_int(w, 1, axis);
}

/* ---- Gather ---- */

/* One element of an axis, which goes. */
static void put_element(struct writer *w, int64_t index, int64_t axis)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    int at = ncnn_blob_axis(w, x, axis), batch = ncnn_batch(w, x);
    ncnn_set_batch(w, y, batch < 0 || axis == batch ? -1 : batch - (axis < batch));
    if (at < 0) {
        ncnn_alias(w, y, x);
        return;
    }
    struct blob_shape s = ncnn_shape(w, y);
    const char *in = ncnn_blob(w, x), *cut = ncnn_fresh(w, y->name);
    int64_t end = index == -1 ? REST : index + 1, place = at;
    put_crop(w, in, cut, 1, &index, &end, &place);
    ncnn_put_reshape(w, cut, &s, ncnn_result(w, y));
}

/* A table of rows and integers that say which. */
static void put_embed(struct writer *w, const struct tensor *table)
{
    const struct value *index = w->n->in[1], *y = w->n->out[0];
    struct blob_shape s = ncnn_shape(w, index), flat = {.n = 1, .dims = {-1}}, to = ncnn_shape(w, y);
    if (s.n == 1)
        flat = s;
    const char *in = ncnn_blob_as(w, index, &flat), *out = s.n == 1 ? ncnn_result(w, y) : ncnn_fresh(w, y->name);
    ncnn_layer_of(w, "Embed", 1, &in, 1, &out);
    ncnn_put_int(w, 0, table->dims[1]);
    ncnn_put_int(w, 1, table->dims[0]);
    ncnn_put_int(w, 3, table->count);
    ncnn_put_record(w, table, true);
    if (s.n != 1)
        ncnn_put_reshape(w, out, &to, ncnn_result(w, y));
}

void ncnn_write_gather(struct writer *w)
{
    const struct tensor *table = ncnn_constant_of(w, w->n->in[0]), *index = w->n->in[1]->constant;
    int64_t axis = op_int(w->n, "axis"), rank = w->n->in[0]->type.rank;
    axis = axis < 0 ? axis + rank : axis;
    if (!table && index && index->rank == 0 && rank > 0)
        put_element(w, tensor_get_i64(index, 0), axis);
    else if (table && !index && table->rank == 2 && axis == 0 && !ncnn_holds_integers(w->n->in[0]) &&
             ncnn_holds_integers(w->n->in[1]))
        put_embed(w, table);
    else
        ncnn_miss(w, "of other things than one element, or rows of a table");
}

/* ---- Pad ---- */

/* Parameters' numbers: begins and ends of the axis before the last two, the height and the width. */
static const int pad_ids[] = {7, 0, 2, 8, 1, 3};

void ncnn_write_pad(struct writer *w)
{
    if (ncnn_is_region(w->n))
        return;
    static const char *const modes[] = {"constant", "edge", "reflect"};
    const struct value *x = w->n->in[0];
    const struct tensor *number = ncnn_constant_of(w, node_in(w->n, 2));
    int64_t pads[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK], all[6] = {0};
    int n, listed, mode = 0, rank = x->type.rank;
    while (mode < 3 && strcmp(modes[mode], op_string(w->n, "mode")) != 0)
        mode++;
    struct blob_shape s = ncnn_shape(w, x);
    const struct value *list = w->n->in[1];
    bool fine =
        list->constant && list->constant->count <= 2 * TENSOR_MAX_RANK && list_of(w, 3, &listed, axes) && mode < 3;
    if (number && ncnn_holds_integers(x) && tensor_get_f64(number, 0) != 0)
        ncnn_miss(w, "with an integer");
    if (!fine || (node_in(w->n, 2) && !number)) {
        ncnn_miss(w, "with pads that are no constants, or in a mode that it has not");
        return;
    }
    for (n = 0; n < list->constant->count; n++)
        pads[n] = tensor_get_i64(list->constant, n);
    for (int i = 0; i < n / 2; i++) {
        int64_t axis = listed ? axes[i] : i;
        int at = ncnn_blob_axis(w, x, axis < 0 ? axis + rank : axis), slot = at < 0 ? -1 : 3 - s.n + at;
        if (pads[i] == 0 && pads[n / 2 + i] == 0)
            continue;
        if (slot < 0 || pads[i] < 0 || pads[n / 2 + i] < 0) {
            ncnn_miss(w, "of the batch, of four axes, or that cuts");
            return;
        }
        all[slot] = pads[i];
        all[slot + 3] = pads[n / 2 + i];
    }
    ncnn_simple_layer(w, "Padding");
    for (int i = 0; i < 6; i++)
        ncnn_put_int(w, pad_ids[i], all[i]);
    ncnn_put_int(w, 4, mode);
    if (number)
        ncnn_put_float(w, 5, (float)tensor_get_f64(number, 0));
}
