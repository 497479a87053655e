/* Convolutions, products, pooling and resizing, with channels last. */
#include <math.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

struct window {
    int64_t kernel[2], stride[2], dilation[2], pad[4]; /* pad: top, left, bottom, right */
    bool is_same, is_padded;                           /* is_padded: neither as SAME nor none */
};

static int64_t size_after(int64_t size, int64_t stride)
{
    return (size + stride - 1) / stride;
}

/* What SAME would put around axis i, in all. */
static int64_t same_total(const struct window *w, int64_t size, int i)
{
    int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
    int64_t total = (size_after(size, w->stride[i]) - 1) * w->stride[i] + reach - size;
    return total > 0 ? total : 0;
}

/* Sizes rounded up are rounded down over what is put behind. */
static void round_up(struct window *w, const int64_t *size, const int64_t *out)
{
    for (int i = 0; i < 2; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t more = (out[i] - 1) * w->stride[i] + reach - size[i] - w->pad[i] - w->pad[i + 2];
        w->pad[i + 2] += more > 0 ? more : 0;
    }
}

static void read_pads(const struct node *n, struct window *w, const int64_t *size, const int64_t *rounded)
{
    int count;
    const char *automatic = op_string(n, "auto_pad");
    const int64_t *pads = op_ints(n, "pads", &count);
    bool same = true, none = true;
    for (int i = 0; i < 2; i++) {
        int64_t total = same_total(w, size[i], i);
        if (strcmp(automatic, "NOTSET") == 0 && count == 4) {
            w->pad[i] = pads[i];
            w->pad[i + 2] = pads[i + 2];
        } else if (strncmp(automatic, "SAME", 4) == 0) {
            w->pad[i] = automatic[5] == 'U' ? total / 2 : total - total / 2;
            w->pad[i + 2] = total - w->pad[i];
        }
    }
    if (rounded)
        round_up(w, size, rounded);
    for (int i = 0; i < 2; i++) {
        int64_t total = same_total(w, size[i], i);
        same = same && w->pad[i] == total / 2 && w->pad[i + 2] == total - total / 2;
        none = none && !w->pad[i] && !w->pad[i + 2];
    }
    w->is_same = same && !none;
    w->is_padded = !same && !none;
}

/* rounded: the sizes of the result, where these are rounded up; or NULL. */
static bool read_window(struct tflite_writer *w, const struct node *n, const int64_t *kernel, const int64_t *rounded,
                        struct window *out)
{
    static const char *const names[] = {"strides", "dilations"};
    const struct type *x = &n->in[0]->type;
    *out = (struct window){.stride = {1, 1}, .dilation = {1, 1}};
    for (int k = 0; k < 2 && x->rank == 4; k++) {
        int count;
        const int64_t *list = op_ints(n, names[k], &count);
        if (count == 2)
            memcpy(k ? out->dilation : out->stride, list, 2 * sizeof *list);
    }
    if (x->rank != 4 || x->dims[2] < 1 || x->dims[3] < 1) {
        tflite_cannot(w, n, "its input must be of four axes and known height and width");
        return false;
    }
    memcpy(out->kernel, kernel, sizeof out->kernel);
    read_pads(n, out, x->dims + 2, rounded);
    return true;
}

/* Padding that is neither SAME nor none is an operator of its own before. */
static int padded(struct tflite_writer *w, int in, const struct window *win, double with)
{
    int64_t dims[] = {4, 2}, size[4];
    struct tensor *t = in ? tensor_new(DTYPE_I32, 2, dims, w->err) : NULL;
    if (!t)
        return 0;
    memcpy(size, w->tensors[in - 1].dims, sizeof size);
    for (int i = 0; i < 2; i++) {
        tensor_set_i64(t, 2 + 2 * i, win->pad[i]);
        tensor_set_i64(t, 3 + 2 * i, win->pad[i + 2]);
        size[i + 1] += win->pad[i] + win->pad[i + 2];
    }
    struct tflite_out from = w->tensors[in - 1];
    int call[3] = {in, tflite_put_constant(w, "", t), 0}, count = 2;
    tensor_unref(t);
    if (with != 0) {
        struct tensor *number = tensor_scalar_f32((float)with, w->err);
        call[count++] = number ? tflite_put_constant(w, "", number) : 0;
        tensor_unref(number);
    }
    int out = tflite_new_tensor(w, "", from.dtype, 4, size);
    if (out) {
        w->tensors[out - 1].scale = from.scale;
        w->tensors[out - 1].zero = from.zero;
    }
    tflite_call(w, count == 2 ? 34 : 60, 0, count, call, 1, &out);
    return out;
}

/* Zeros where there is no bias: some kernels want one. With stored factors they count in steps of their product. */
static int take_bias(struct tflite_writer *w, const struct node *n, int64_t count, bool is_stored)
{
    struct value *v = node_in(n, 2);
    if (v)
        return is_stored ? tflite_take_stored(w, v, false) : tflite_take(w, v, false);
    if (is_stored)
        return -1;
    struct tensor *t = tensor_new(DTYPE_F32, 1, &count, w->err);
    int tensor = t ? tflite_put_constant(w, "", t) : 0;
    w->failed = w->failed || !tensor;
    tensor_unref(t);
    return tensor;
}

void tflite_write_conv(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t dense[] = {0, 2, 3, 1}, depthwise[] = {1, 2, 3, 0};
    const struct type *f = &n->in[1]->type;
    int64_t group = op_int(n, "group"), channels = n->in[0]->type.rank == 4 ? n->in[0]->type.dims[1] : -1;
    struct window win;
    bool is_depthwise = group > 1 && group == channels;
    if (f->rank != 4 || !tflite_is_constant(n->in[1])) {
        tflite_cannot(w, n, "its filter must be a constant of four axes");
        return;
    }
    if (!read_window(w, n, f->dims + 2, NULL, &win))
        return;
    bool is_stored = tflite_on_stored(w, n, true);
    int x = is_stored ? tflite_take_stored(w, n->in[0], true) : tflite_take(w, n->in[0], true);
    if (win.is_padded)
        x = padded(w, x, &win, 0);
    int in[] = {x, tflite_take_weights(w, n->in[1], is_depthwise ? depthwise : dense, is_stored),
                take_bias(w, n, f->dims[0], is_stored)};
    struct tflite_end end = tflite_follow(n, true, true, is_stored);
    int out = tflite_give_end(w, &end), act = is_depthwise ? 4 : row->act;
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, win.is_same ? PADDING_SAME : PADDING_VALID, 0);
    flatbuf_add_int(&w->out, 1, 4, win.stride[1], 0);
    flatbuf_add_int(&w->out, 2, 4, win.stride[0], 0);
    if (is_depthwise)
        flatbuf_add_int(&w->out, 3, 4, f->dims[0] / group, 0);
    flatbuf_add_int(&w->out, act, 1, end.act, 0);
    flatbuf_add_int(&w->out, act + 1, 4, win.dilation[1], 1);
    flatbuf_add_int(&w->out, act + 2, 4, win.dilation[0], 1);
    tflite_call(w, is_depthwise ? 4 : row->code, flatbuf_end(&w->out), in[2] < 0 ? 2 : 3, in, 1, &out);
}

void tflite_write_pool(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int count;
    const int64_t *kernel = op_ints(n, "kernel_shape", &count);
    struct window win;
    bool is_max = row->code == 17, counts = !is_max && op_int(n, "count_include_pad");
    const struct type *y = &n->out[0]->type;
    bool rounds_up = op_int(n, "ceil_mode") != 0;
    if (count != 2 || n->out_count > 1 ||
        (rounds_up && (!is_max || y->rank != 4 || y->dims[2] < 1 || y->dims[3] < 1))) {
        tflite_cannot(w, n, "only two axes, no indices, and means of sizes rounded down can be said");
        return;
    }
    if (!read_window(w, n, kernel, rounds_up ? y->dims + 2 : NULL, &win))
        return;
    if (win.dilation[0] != 1 || win.dilation[1] != 1 || (!is_max && win.is_padded && !counts)) {
        tflite_cannot(w, n, "its padding or dilation cannot be said");
        return;
    }
    bool pads = win.is_padded || (counts && win.is_same), is_stored = !pads && tflite_keeps_scale(w, n, true);
    int in = is_stored ? tflite_take_stored(w, n->in[0], true) : tflite_take(w, n->in[0], true);
    if (pads)
        in = padded(w, in, &win, is_max ? -INFINITY : 0);
    struct tflite_end end = tflite_follow(n, true, true, is_stored);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, win.is_same && !pads ? PADDING_SAME : PADDING_VALID, 0);
    flatbuf_add_int(&w->out, 1, 4, win.stride[1], 0);
    flatbuf_add_int(&w->out, 2, 4, win.stride[0], 0);
    flatbuf_add_int(&w->out, 3, 4, win.kernel[1], 0);
    flatbuf_add_int(&w->out, 4, 4, win.kernel[0], 0);
    flatbuf_add_int(&w->out, row->act, 1, end.act, 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

/* ---- products ---- */

static void dense(struct tflite_writer *w, struct node *n, const struct tflite_writes *row, const int64_t *perm)
{
    bool is_stored = tflite_on_stored(w, n, true);
    int64_t units = n->out[0]->type.dims[n->out[0]->type.rank - 1];
    const struct value *flat = w->forms[n->in[0]->index].flat;
    int in[] = {is_stored ? tflite_take_stored(w, n->in[0], false) : tflite_take(w, n->in[0], false),
                flat ? tflite_take_flat_weights(w, n->in[1], flat, is_stored)
                     : tflite_take_weights(w, n->in[1], perm, is_stored),
                take_bias(w, n, units, is_stored)};
    struct tflite_end end = tflite_follow(n, false, true, is_stored);
    int out = tflite_give_end(w, &end);
    (void)row;
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, end.act, 0);
    flatbuf_add_int(&w->out, 2, 1, n->in[0]->type.rank > 2, 0);
    tflite_call(w, 9, flatbuf_end(&w->out), in[2] < 0 ? 2 : 3, in, 1, &out);
}

void tflite_write_dense(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t swap[] = {1, 0};
    const struct value *c = node_in(n, 2);
    if (op_int(n, "transA") || op_float(n, "alpha") != 1 || (c && op_float(n, "beta") != 1) ||
        !tflite_is_constant(n->in[1]) || (c && (c->type.rank != 1 || !tflite_is_constant(c)))) {
        tflite_cannot(w, n, "only x W + b with constant W and b can be said");
        return;
    }
    dense(w, n, row, op_int(n, "transB") ? NULL : swap);
}

void tflite_write_matmul(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t swap[] = {1, 0};
    if (tflite_is_constant(n->in[1]) && n->in[1]->type.rank == 2 && n->in[0]->type.rank >= 2) {
        dense(w, n, row, swap);
        return;
    }
    if (n->in[0]->type.rank < 2 || n->in[1]->type.rank < 2) {
        tflite_cannot(w, n, "a factor has less than two axes");
        return;
    }
    int in[] = {tflite_take(w, n->in[0], false), tflite_take(w, n->in[1], false)};
    struct tflite_end end = tflite_follow(n, false, false, false);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, 0, 2, in, 1, &out);
}

/* ---- sizes ---- */

void tflite_write_blocks(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    if (n->in[0]->type.rank != 4 || (row->code == 5 && strcmp(op_string(n, "mode"), "DCR") != 0)) {
        tflite_cannot(w, n, "its order of blocks cannot be said");
        return;
    }
    int in = tflite_take(w, n->in[0], true);
    struct tflite_end end = tflite_follow(n, true, false, false);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, tflite_option(w, 0, 4, op_int(n, "blocksize"), -1, 0), 1, &in, 1, &out);
}

/* The mode and rounding that TFLite has a word for: 0 asymmetric, 1 corners, 2 half pixels; -1: none. */
static int resize_kind(const struct node *n, bool is_nearest)
{
    const char *where = op_string(n, "coordinate_transformation_mode"), *nearest = op_string(n, "nearest_mode");
    int kind = strcmp(where, "asymmetric") == 0                                               ? 0
               : strcmp(where, "align_corners") == 0                                          ? 1
               : strcmp(where, "half_pixel") == 0 || strcmp(where, "pytorch_half_pixel") == 0 ? 2
                                                                                              : -1;
    bool rounds = is_nearest && strcmp(nearest, kind == 0 ? "floor" : "round_prefer_ceil") != 0;
    return op_int(n, "antialias") || rounds ? -1 : kind;
}

void tflite_write_resize(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const char *mode = op_string(n, "mode");
    bool is_nearest = strcmp(mode, "nearest") == 0;
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int kind = is_nearest || strcmp(mode, "linear") == 0 ? resize_kind(n, is_nearest) : -1;
    if (kind < 0 || x->rank != 4 || y->rank != 4 || x->dims[1] != y->dims[1] || y->dims[2] < 1 || y->dims[3] < 1) {
        tflite_cannot(w, n, "its mode cannot be said, or its sizes are not known");
        return;
    }
    int in[] = {tflite_take(w, n->in[0], true), tflite_put_ints(w, 2, y->dims + 2)}, first = is_nearest ? 0 : 2;
    struct tflite_end end = tflite_follow(n, true, false, false);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, first, 1, kind == 1, 0);
    flatbuf_add_int(&w->out, first + 1, 1, kind == 2, 0);
    tflite_call(w, is_nearest ? 97 : row->code, flatbuf_end(&w->out), 2, in, 1, &out);
}
