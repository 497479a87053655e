/* Col2Im: blocks, as columns, added into the image that they were cut from. In struct window `in` is the image, `out`
 * the places of blocks. */
#include <stdlib.h>
#include <string.h>

#include "op/conv.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

struct columns {
    struct window window; /* in: the image, out: places of blocks */
    int64_t taps, places, image_size;
    int64_t batch, channels;
};

/* to[image] += from[taps][places], a pair of doubles (complex), a double or an int64 each. */
static void add_columns(const struct columns *cols, const void *from, void *to, bool ints, int parts)
{
    const struct window *w = &cols->window;
    for (int64_t tap = 0; tap < cols->taps; tap++) {
        int64_t tap_at[WINDOW_MAX], at[WINDOW_MAX] = {0};
        conv_tap(w, tap, tap_at);
        for (int64_t place = 0; place < cols->places; place++, window_next(w->rank, w->out, at)) {
            int64_t offset = window_offset(w, at, tap_at), source = tap * cols->places + place;
            for (int p = 0; offset >= 0 && p < parts; p++)
                if (ints)
                    ((uint64_t *)to)[offset] += ((const uint64_t *)from)[source];
                else
                    ((double *)to)[offset * parts + p] += ((const double *)from)[source * parts + p];
        }
    }
}

/* A complex tensor's numbers, real and imaginary parts by turns. */
static double complex_part(const struct tensor *t, int64_t i)
{
    return t->dtype == DTYPE_C64 ? ((const float *)t->data)[i] : ((const double *)t->data)[i];
}

static void read_columns(const struct tensor *t, int64_t first, int64_t n, void *to, bool ints, int parts)
{
    if (ints)
        op_load_ints(t, first, n, to);
    else if (parts == 1)
        real_read(t, first, n, to);
    else
        for (int64_t i = 0; i < 2 * n; i++)
            ((double *)to)[i] = complex_part(t, 2 * first + i);
}

static void write_image(struct tensor *t, int64_t first, int64_t n, const void *from, bool ints, int parts)
{
    if (ints)
        op_store_ints(t, first, n, from);
    else if (parts == 1)
        real_write(t, first, n, from);
    else
        for (int64_t i = 0; i < 2 * n; i++) {
            double value = ((const double *)from)[i];
            if (t->dtype == DTYPE_C64)
                ((float *)t->data)[2 * first + i] = (float)value;
            else
                ((double *)t->data)[2 * first + i] = value;
        }
}

static int run_columns(const struct columns *cols, const struct tensor *x, struct tensor *y, struct error *err)
{
    bool ints = op_is_int(x->dtype) || x->dtype == DTYPE_BOOL;
    int parts = dtype_info(x->dtype)->class == DTYPE_CLASS_COMPLEX ? 2 : 1;
    int64_t count = cols->taps * cols->places;
    double *from = real_new(count, parts, err), *to = from ? real_new(cols->image_size, parts, err) : NULL;
    for (int64_t i = 0; to && i < cols->batch * cols->channels; i++) {
        memset(to, 0, (size_t)(cols->image_size * parts) * sizeof(double));
        read_columns(x, i * count, count, from, ints, parts);
        add_columns(cols, from, to, ints, parts);
        write_image(y, i * cols->image_size, cols->image_size, to, ints, parts);
    }
    int result = to ? 0 : -1;
    free(from);
    free(to);
    return result;
}

/* Reads image and block sizes and the attributes; the block is the window's kernel. */
static int read_columns_shape(struct op_eval *c, struct columns *cols, int64_t *image, struct error *err)
{
    int64_t block[WINDOW_MAX];
    int rank = eval_ints(c, 1, image, WINDOW_MAX, err),
        block_rank = rank < 0 ? -1 : eval_ints(c, 2, block, WINDOW_MAX, err);
    if (block_rank < 0)
        return -1;
    if (rank < 1 || rank != block_rank)
        return eval_error(c, err, "input block_shape has %d elements and image_shape %d, want the same number",
                          block_rank, rank);
    for (int i = 0; i < rank; i++) {
        if (image[i] < 0 || image[i] > (int64_t)1 << 40)
            return eval_error(c, err, "input image_shape holds %lld", (long long)image[i]);
        if (block[i] < 1)
            return eval_error(c, err, "input block_shape holds %lld, want at least 1", (long long)block[i]);
    }
    if (window_read(&cols->window, c->node, rank, block, err) < 0 || window_resolve(&cols->window, image, err) < 0)
        return real_eval_fail(c, err);
    cols->taps = tensor_count(rank, block);
    cols->places = tensor_count(rank, cols->window.out);
    cols->image_size = tensor_count(rank, image);
    if (cols->taps < 1 || cols->places < 0 || cols->image_size < 0)
        return eval_error(c, err, "the image is too large");
    return 0;
}

int eval_col2im(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct columns cols;
    int64_t dims[TENSOR_MAX_RANK];
    if (real_want_rank(c, 0, "input", 3, err) < 0 || read_columns_shape(c, &cols, dims + 2, err) < 0)
        return -1;
    if (x->dims[1] % cols.taps)
        return eval_error(c, err, "input has %lld rows, want a multiple of the block's %lld", (long long)x->dims[1],
                          (long long)cols.taps);
    if (x->dims[2] != cols.places)
        return eval_error(c, err, "input has %lld columns, but there are %lld places for blocks", (long long)x->dims[2],
                          (long long)cols.places);
    cols.batch = dims[0] = x->dims[0];
    cols.channels = dims[1] = x->dims[1] / cols.taps;
    struct tensor *y = eval_out(c, 0, x->dtype, cols.window.rank + 2, dims, err);
    if (y && y->count == 0)
        return 0;
    return y ? run_columns(&cols, x, y, err) : -1;
}

int infer_col2im(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t dims[TENSOR_MAX_RANK], block[WINDOW_MAX], taps = 1;
    int rank = infer_dims(c, 1, dims + 2, WINDOW_MAX), block_rank = infer_ints(c, 2, block, WINDOW_MAX);
    if (x->rank >= 0 && x->rank != 3)
        return infer_error(c, err, "input input has rank %d, want 3", x->rank);
    if (rank < 0 && real_type(c, 1)->rank == 1 && real_type(c, 1)->dims[0] >= 0 &&
        real_type(c, 1)->dims[0] <= WINDOW_MAX) {
        rank = (int)real_type(c, 1)->dims[0];
        for (int i = 0; i < rank; i++)
            dims[i + 2] = DIM_UNKNOWN;
    }
    if (rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    for (int i = 0; i < block_rank; i++)
        if (block[i] < 1 || __builtin_mul_overflow(taps, block[i], &taps))
            return infer_error(c, err, "input block_shape holds %lld, want at least 1", (long long)block[i]);
    dims[0] = x->rank >= 0 ? x->dims[0] : DIM_UNKNOWN;
    dims[1] = x->rank >= 0 && block_rank >= 0 ? graph_dim_div(c->graph, x->dims[1], taps) : DIM_UNKNOWN;
    return infer_set(c, 0, x->dtype, rank + 2, dims, err);
}
