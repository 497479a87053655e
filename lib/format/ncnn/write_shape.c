/* Operators that only change what a blob looks like. */
#include <string.h>

#include "format/ncnn/ncnn.h"
#include "format/ncnn/write.h"

/* Where the batch of a view is: Squeeze and Unsqueeze move it; Reshape and Flatten have it first. */
static void place_view(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    const struct tensor *axes = node_in(w->n, 1) ? node_in(w->n, 1)->constant : NULL;
    int batch = ncnn_batch(w, x), rank = node_is(w->n, "Squeeze") ? x->type.rank : y->type.rank;
    if (batch < 0 || !axes || !(node_is(w->n, "Squeeze") || node_is(w->n, "Unsqueeze")))
        return;
    bool gone = false;
    int at = batch;
    for (int pass = 0; pass < y->type.rank + 1; pass++) /* axes need not be in order */
        for (int64_t i = 0; i < axes->count; i++) {
            int64_t axis = tensor_get_i64(axes, i) + (tensor_get_i64(axes, i) < 0 ? rank : 0);
            if (axis != pass)
                continue;
            gone |= node_is(w->n, "Squeeze") && axis == batch;
            at += node_is(w->n, "Unsqueeze") ? axis <= at : axis < batch ? -1 : 0;
        }
    if (!gone)
        ncnn_set_batch(w, y, at);
}

/* Sizes that the types leave open as Reshape's list has them: ncnn has the same 0 and -1. */
static void take_listed(struct writer *w, struct blob_shape *s)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    const struct tensor *list = node_in(w->n, 1) ? node_in(w->n, 1)->constant : NULL;
    int at = 0, batch = ncnn_batch(w, y);
    bool same_axes = x->type.rank == y->type.rank && ncnn_batch(w, x) == batch;
    for (int i = 0; i < y->type.rank; i++) {
        int64_t listed = list && list->count == y->type.rank ? tensor_get_i64(list, i) : -1;
        if (i == batch)
            continue;
        if (s->dims[at] < 0 && (listed != 0 || same_axes))
            s->dims[at] = listed;
        at++;
    }
}

/* Most views need no layer: who takes them may take what they are a view of. But where several sizes are open, only
 * the node says what it means. */
void ncnn_write_view(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    place_view(w);
    struct blob_shape to = ncnn_shape(w, y);
    int open = 0;
    for (int i = 0; i < to.n; i++)
        open += to.dims[i] < 0;
    if (open <= 1 || !node_is(w->n, "Reshape")) {
        ncnn_alias(w, y, x);
        return;
    }
    const char *in = ncnn_blob(w, x), *out = ncnn_result(w, y);
    take_listed(w, &to);
    ncnn_put_reshape(w, in, &to, out);
}

/* The number of an order of axes: of ncnn's names of them, the fastest first. -1: there is none. */
static int order_of(int n, const int *perm)
{
    static const char *const names[] = {"", "w", "hw", "chw", "cdhw"};
    for (int type = 0; ncnn_permute_order(n, type); type++) {
        const char *order = ncnn_permute_order(n, type);
        bool same = true;
        for (int i = 0; i < n; i++)
            same = same && order[n - 1 - i] == names[n][perm[i]];
        if (same)
            return type;
    }
    return -1;
}

void ncnn_write_transpose(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    int count, rank = x->type.rank, perm[TENSOR_MAX_RANK], n = 0, batch = ncnn_batch(w, x);
    const int64_t *list = op_ints(w->n, "perm", &count);
    bool moves = false;
    ncnn_set_batch(w, y, -1);
    for (int i = 0; i < rank; i++) {
        int64_t from = list ? list[i] : rank - 1 - i;
        if (from == batch)
            ncnn_set_batch(w, y, i);
        else
            perm[n++] = (int)(from - (batch >= 0 && from > batch));
    }
    for (int i = 0; i < n; i++)
        moves |= perm[i] != i;
    if (n > BLOB_AXES) {
        ncnn_miss(w, "of more than four axes");
        return;
    }
    if (!moves) {
        ncnn_alias(w, y, x);
        return;
    }
    ncnn_simple_layer(w, "Permute");
    ncnn_put_int(w, 0, order_of(n, perm));
}

void ncnn_write_concat(struct writer *w)
{
    const struct value *y = w->n->out[0];
    int axis = ncnn_blob_axis(w, y, op_int(w->n, "axis")), n = w->n->in_count;
    const char **in = arena_alloc(&w->net.arena, (size_t)n * sizeof(*in), w->err);
    ncnn_write_check(w, in != NULL);
    if (axis < 0)
        ncnn_miss(w, "along the batch");
    for (int i = 0; !w->failed && i < n; i++)
        in[i] = ncnn_blob_aligned(w, w->n->in[i], y);
    const char *out = ncnn_result(w, y);
    if (w->failed)
        return;
    ncnn_layer_of(w, "Concat", n, in, 1, &out);
    ncnn_put_int(w, 0, axis);
}

/* How often each axis is repeated, by the sizes of operand and result. */
static void put_tile(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    struct blob_shape to = ncnn_shape(w, y), from = {.n = to.n};
    int64_t repeats[TENSOR_MAX_RANK];
    int missing = y->type.rank - x->type.rank, at = 0;
    bool all_one = true;
    for (int i = 0; i < y->type.rank; i++) {
        if (i == ncnn_batch(w, y))
            continue;
        int64_t size = i < missing ? 1 : x->type.dims[i - missing];
        bool known = size > 0 && to.dims[at] > 0;
        if (!known && size != to.dims[at])
            ncnn_miss(w, "to sizes that are not known");
        from.dims[at] = size < 0 ? -1 : size;
        repeats[at] = known ? to.dims[at] / size : 1;
        all_one = all_one && repeats[at] == 1;
        at++;
    }
    if (!at)
        from.dims[0] = repeats[0] = 1;
    if (all_one) {
        ncnn_alias(w, y, x);
        return;
    }
    const char *in = ncnn_blob_as(w, x, &from), *out = ncnn_result(w, y);
    ncnn_layer_of(w, "Tile", 1, &in, 1, &out);
    ncnn_put_ints(w, 2, (size_t)to.n, repeats);
}

void ncnn_write_tile(struct writer *w)
{
    put_tile(w);
}

void ncnn_write_expand(struct writer *w)
{
    put_tile(w);
}
