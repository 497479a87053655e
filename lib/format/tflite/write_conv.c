/* Convolutions, products, pooling and resizing, with channels last. */
#include <math.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

struct window {
    int64_t kernel[2], stride[2], dilation[2], pad[4]; /* pad: top, left, bottom, right */
    bool is_same, is_padded;                           /* is_padded: neither as SAME nor none */
};

/* What SAME would put around axis i, in all; -1: it depends on a size that is not known. */
static int64_t same_total(const struct window *w, int64_t size, int i)
{
    int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
    if (size < 1)
        return w->stride[i] == 1 ? reach - 1 : -1;
    int64_t total = ((size + w->stride[i] - 1) / w->stride[i] - 1) * w->stride[i] + reach - size;
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

/* The padding that is meant; false: it depends on what is not known. */
static bool read_pads(const struct node *n, struct window *w, const int64_t *size)
{
    int count;
    const char *automatic = op_string(n, "auto_pad");
    const int64_t *pads = op_ints(n, "pads", &count);
    for (int i = 0; i < 2; i++) {
        int64_t total = same_total(w, size[i], i);
        bool is_upper = strcmp(automatic, "SAME_UPPER") == 0, is_same = strncmp(automatic, "SAME", 4) == 0;
        if (is_same && total < 0 && !is_upper)
            return false;
        w->is_same = is_same && is_upper;
        if (strcmp(automatic, "NOTSET") == 0 && count == 4) {
            w->pad[i] = pads[i];
            w->pad[i + 2] = pads[i + 2];
        } else if (is_same && total >= 0) {
            w->pad[i] = is_upper ? total / 2 : total - total / 2;
            w->pad[i + 2] = total - w->pad[i];
        }
    }
    return true;
}

/* Whether TFLite has a word for the padding. */
static void name_padding(struct window *w, const int64_t *size)
{
    bool same = true, none = true;
    for (int i = 0; i < 2; i++) {
        int64_t total = same_total(w, size[i], i);
        same = same && total >= 0 && w->pad[i] == total / 2 && w->pad[i + 2] == total - total / 2;
        none = none && !w->pad[i] && !w->pad[i + 2];
    }
    none = none && !(w->is_same && (same_total(w, size[0], 0) < 0 || same_total(w, size[1], 1) < 0));
    w->is_same = w->is_same || (same && !none);
    w->is_padded = !w->is_same && !none;
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
    memcpy(out->kernel, kernel, sizeof out->kernel);
    if (x->rank != 4 || !read_pads(n, out, x->dims + 2)) {
        tflite_cannot(w, n, "it must have four axes, and sizes that its padding follows from");
        return false;
    }
    if (rounded)
        round_up(out, x->dims + 2, rounded);
    name_padding(out, x->dims + 2);
    return true;
}

/* Padding that is neither SAME nor none is an operator of its own before. */
static int padded(struct tflite_writer *w, int in, const struct window *win, double with)
{
    int64_t dims[] = {4, 2}, size[4];
    struct tensor *t = in ? tensor_new(DTYPE_I32, 2, dims, w->err) : NULL;
    if (!t)
        return 0;
    memcpy(size, w->at.tensors[in - 1].dims, sizeof size);
    for (int i = 0; i < 2; i++) {
        tensor_set_i64(t, 2 + 2 * i, win->pad[i]);
        tensor_set_i64(t, 3 + 2 * i, win->pad[i + 2]);
        size[i + 1] += size[i + 1] < 0 ? 0 : win->pad[i] + win->pad[i + 2];
    }
    struct tflite_out from = w->at.tensors[in - 1];
    int call[3] = {in, tflite_put_constant(w, "", t), 0}, count = 2;
    tensor_unref(t);
    if (with != 0) {
        struct tensor *number = tensor_new(from.dtype, 0, NULL, w->err);
        if (number)
            tensor_set_f64(number, 0, with);
        call[count++] = number ? tflite_put_constant(w, "", number) : 0;
        tensor_unref(number);
    }
    int out = tflite_new_tensor(w, "", from.dtype, 4, size);
    tflite_copy_scale(w, out, in);
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
    if (f->rank == 5) {
        tflite_write_volume(w, n);
        return;
    }
    if (f->rank != 4 || !tflite_is_constant(n->in[1])) {
        tflite_cannot(w, n, "its filter must be a constant of four axes");
        return;
    }
    if (!read_window(w, n, f->dims + 2, NULL, &win))
        return;
    bool is_stored = tflite_computes_stored(w, n, row);
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
    bool pads = win.is_padded || (counts && win.is_same), is_stored = !pads && tflite_computes_stored(w, n, row);
    int in = is_stored ? tflite_take_stored(w, n->in[0], true) : tflite_take(w, n->in[0], true);
    enum dtype dtype = n->in[0]->type.dtype;
    double lowest = dtype == DTYPE_I8 ? INT8_MIN : dtype == DTYPE_U8 ? 0 : -INFINITY;
    if (pads)
        in = padded(w, in, &win, is_max ? lowest : 0);
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

/* The Add of constants [units] that follows a product alone, and the operand that they are; NULL. */
static struct node *bias_behind(const struct node *n, int64_t units, struct value **bias)
{
    const struct value *y = n->out[0];
    struct node *add = y->use_count == 1 && !y->is_output ? y->uses[0].node : NULL;
    if (!add || !node_is(add, "Add") || add->graph != n->graph || node_in(n, 2))
        return NULL;
    struct value *other = add->in[!y->uses[0].index];
    bool is_bias = tflite_is_constant(other) && other->type.rank == 1 && other->type.dims[0] == units;
    *bias = is_bias ? other : *bias;
    return is_bias ? add : NULL;
}

static void dense(struct tflite_writer *w, struct node *n, const int64_t *perm)
{
    const struct type *y = &n->out[0]->type;
    struct value *bias = node_in(n, 2);
    struct node *add = bias_behind(n, y->dims[y->rank - 1], &bias), *last = add ? add : n;
    bool is_stored =
        tflite_takes_stored(w, n) && (!bias || tflite_is_stored(w, bias)) && tflite_quantize_behind(last, true);
    const struct value *flat = w->at.forms[n->in[0]->index].flat;
    int in[] = {tflite_take_as(w, n->in[0], false, is_stored),
                flat ? tflite_take_flat_weights(w, n->in[1], flat, is_stored)
                     : tflite_take_weights(w, n->in[1], perm, is_stored),
                bias ? tflite_take_as(w, bias, false, is_stored) : 0};
    if (add)
        add->scratch = add;
    struct tflite_end end = tflite_follow(last, false, true, is_stored);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, end.act, 0);
    flatbuf_add_int(&w->out, 2, 1, n->in[0]->type.rank > 2, 0);
    tflite_call(w, 9, flatbuf_end(&w->out), 3, in, 1, &out);
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
    dense(w, n, op_int(n, "transB") ? NULL : swap);
    (void)row;
}

void tflite_write_matmul(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const int64_t swap[] = {1, 0};
    if (tflite_is_constant(n->in[1]) && n->in[1]->type.rank == 2 && n->in[0]->type.rank >= 2) {
        dense(w, n, swap);
        return;
    }
    if (n->in[0]->type.rank < 2 || n->in[1]->type.rank < 2) {
        tflite_cannot(w, n, "a factor has less than two axes");
        return;
    }
    bool is_stored = tflite_computes_stored(w, n, row);
    int in[] = {tflite_take_as(w, n->in[0], false, is_stored), tflite_take_as(w, n->in[1], false, is_stored)};
    struct tflite_end end = tflite_follow(n, false, false, is_stored);
    int out = tflite_give_end(w, &end);
    tflite_call(w, row->code, 0, 2, in, 1, &out);
}

/* ---- transposed convolutions ---- */

/* A filter [in, out, h, w] in TFLite's order. */
static const int64_t transposed_filter[] = {1, 2, 3, 0};

/* Pads of both sides and what is added to the size behind, from attributes. */
static bool read_transposed(const struct node *n, struct window *w, int64_t *more)
{
    int count;
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type, *f = &n->in[1]->type;
    const int64_t *pads = op_ints(n, "pads", &count), *strides = op_ints(n, "strides", &count);
    const int64_t *dilations = op_ints(n, "dilations", &count), *extra = op_ints(n, "output_padding", &count);
    *w = (struct window){.stride = {1, 1}, .dilation = {1, 1}};
    for (int i = 0; i < 2; i++) {
        w->stride[i] = strides ? strides[i] : 1;
        w->kernel[i] = f->dims[2 + i];
        more[i] = extra ? extra[i] : 0;
        w->pad[i] = pads ? pads[i] : 0;
        w->pad[i + 2] = pads ? pads[i + 2] : 0;
        if (dilations && dilations[i] != 1)
            return false;
        if (strcmp(op_string(n, "auto_pad"), "NOTSET") == 0 && !op_has(n, "output_shape"))
            continue;
        if (x->dims[2 + i] < 1 || y->dims[2 + i] < 1)
            return false;
        int64_t total = (x->dims[2 + i] - 1) * w->stride[i] + w->kernel[i] + more[i] - y->dims[2 + i];
        w->pad[i] = total < 0 ? 0 : strcmp(op_string(n, "auto_pad"), "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
        w->pad[i + 2] = total - w->pad[i];
    }
    return true;
}

/* The shape of the result with `cut` more around its rows and columns, as constants or by that of x. */
static int transposed_shape(struct tflite_writer *w, const struct node *n, int x, const struct window *win,
                            const int64_t *more, const int64_t *cut)
{
    const struct type *y = &n->out[0]->type;
    int64_t dims[] = {y->dims[0], y->dims[2] + cut[0] + cut[2], y->dims[3] + cut[1] + cut[3], y->dims[1]}, four = 4;
    if (y->dims[0] >= 0 && y->dims[2] >= 0 && y->dims[3] >= 0)
        return tflite_put_ints(w, 4, dims);
    int64_t times[] = {1, win->stride[0], win->stride[1], 0}, plus[] = {0, 0, 0, y->dims[1]};
    for (int i = 0; i < 2; i++)
        plus[i + 1] =
            win->kernel[i] - win->stride[i] - win->pad[i] - win->pad[i + 2] + more[i] + cut[i] + cut[i + 2];
    int steps[3];
    for (int i = 0; i < 3; i++)
        steps[i] = tflite_new_tensor(w, "", DTYPE_I32, 1, &four);
    tflite_call(w, 77, tflite_option(w, 0, 1, TYPE_I32, -1, 0), 1, &x, 1, &steps[0]);
    tflite_call(w, 18, tflite_option(w, -1, 0, 0, 0, 0), 2, (int[]){steps[0], tflite_put_ints(w, 4, times)}, 1,
                &steps[1]);
    tflite_call(w, 0, tflite_option(w, -1, 0, 0, 0, 0), 2, (int[]){steps[1], tflite_put_ints(w, 4, plus)}, 1,
                &steps[2]);
    return steps[2];
}

/* The result without the rows and columns to be cut. */
static void cut_around(struct tflite_writer *w, int from, const int64_t *cut, int to)
{
    int64_t begin[] = {0, cut[0], cut[1], 0}, end[] = {0, -cut[2], -cut[3], 0}, steps[] = {1, 1, 1, 1};
    int in[] = {from, tflite_put_ints(w, 4, begin), tflite_put_ints(w, 4, end), tflite_put_ints(w, 4, steps)};
    int whole = 1 | !cut[2] << 1 | !cut[3] << 2 | 1 << 3; /* axes whose end is that of the input */
    tflite_call(w, 45, tflite_option(w, 1, 4, whole, -1, 0), 4, in, 1, &to);
}

/* What LiteRT can compute is a result whose size gives back the input's: as a convolution with padding SAME or VALID
 * would. Whether it is the former; if not, `cut` is what the latter makes too much before and behind. */
static bool pads_same(const struct window *win, const int64_t *more, int64_t *cut)
{
    bool same = true;
    for (int i = 0; i < 2; i++) {
        int64_t total = win->pad[i] + win->pad[i + 2] - more[i], rest = win->kernel[i] - total;
        same = same && total >= 0 && win->pad[i] == total / 2 && rest >= 1 && rest <= win->stride[i];
    }
    for (int i = 0; i < 2 && !same; i++) {
        cut[i] = win->pad[i];
        cut[i + 2] = win->pad[i + 2] > more[i] ? win->pad[i + 2] - more[i] : 0;
    }
    return same;
}

void tflite_write_conv_transpose(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const struct type *f = &n->in[1]->type;
    struct window win;
    int64_t more[2], cut[4] = {0};
    if (f->rank == 5) {
        tflite_write_volume(w, n);
        return;
    }
    if (n->in[0]->type.rank != 4 || n->out[0]->type.rank != 4 || f->rank != 4 || op_int(n, "group") != 1 ||
        !tflite_is_constant(n->in[1]) || !read_transposed(n, &win, more)) {
        tflite_cannot(w, n, "only one group without dilation, and a constant filter, can be said");
        return;
    }
    bool same = pads_same(&win, more, cut), cuts = cut[0] || cut[1] || cut[2] || cut[3];
    bool is_stored = !cuts && tflite_computes_stored(w, n, row);
    int x = tflite_take_as(w, n->in[0], true, is_stored);
    int in[] = {transposed_shape(w, n, x, &win, more, cut),
                tflite_take_weights(w, n->in[1], transposed_filter, is_stored), x,
                node_in(n, 2) ? tflite_take_as(w, n->in[2], false, is_stored) : 0};
    struct tflite_end end = tflite_follow(n, true, !cuts, is_stored);
    int out = tflite_give_end(w, &end), whole = cuts ? tflite_like_tensor(w, out) : out;
    for (int i = 0; i < 2 && cuts && whole; i++)
        if (w->at.tensors[whole - 1].dims[i + 1] >= 0)
            w->at.tensors[whole - 1].dims[i + 1] += cut[i] + cut[i + 2];
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, same ? PADDING_SAME : PADDING_VALID, 0);
    flatbuf_add_int(&w->out, 1, 4, win.stride[1], 0);
    flatbuf_add_int(&w->out, 2, 4, win.stride[0], 0);
    flatbuf_add_int(&w->out, row->act, 1, end.act, 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), in[3] ? 4 : 3, in, 1, &whole);
    if (cuts)
        cut_around(w, whole, cut, out);
}
