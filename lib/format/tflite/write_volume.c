/* Convolutions of volumes: of values of five axes, whose channels are turned to the end around each. */
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

#define AXES 3 /* of space */

static const int64_t to_last[] = {0, 2, 3, 4, 1}, to_plain[] = {0, 4, 1, 2, 3}, filter_order[] = {2, 3, 4, 1, 0};

struct volume {
    int64_t stride[AXES], dilation[AXES], pad[2 * AXES], more[AXES];
    bool is_same; /* the pads are what SAME means */
};

/* False beyond the numbers that TFLite has. */
static bool read_list(const struct node *n, const char *attr, int count, int64_t otherwise, int64_t *to)
{
    int listed;
    bool fine = true;
    const int64_t *list = op_ints(n, attr, &listed);
    for (int i = 0; i < count; i++) {
        to[i] = listed == count ? list[i] : otherwise;
        fine = fine && to[i] >= 0 && to[i] <= INT32_MAX;
    }
    return fine;
}

/* False where the padding has no word, or follows from sizes that are not known. */
static bool read_volume(const struct node *n, bool is_transposed, struct volume *v)
{
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type, *f = &n->in[1]->type;
    const char *automatic = op_string(n, "auto_pad");
    bool sized = is_transposed && op_has(n, "output_shape"), is_upper = strcmp(automatic, "SAME_UPPER") == 0;
    if (!read_list(n, "strides", AXES, 1, v->stride) || !read_list(n, "dilations", AXES, 1, v->dilation) ||
        !read_list(n, "pads", 2 * AXES, 0, v->pad) || !read_list(n, "output_padding", AXES, 0, v->more))
        return false;
    v->is_same = !is_transposed && is_upper;
    bool stated = v->is_same || ((strcmp(automatic, "NOTSET") == 0 || strcmp(automatic, "VALID") == 0) && !sized);
    for (int i = 0; i < 5 && (is_transposed || !stated); i++)
        if (x->dims[i] < 1 || y->dims[i] < 1 || x->dims[i] > INT32_MAX || y->dims[i] > INT32_MAX)
            return false;
    if (stated)
        return true;
    for (int i = 0; i < AXES; i++) {
        int64_t from = (is_transposed ? x : y)->dims[2 + i], to = (is_transposed ? y : x)->dims[2 + i];
        int64_t total = (from - 1) * v->stride[i] + (f->dims[2 + i] - 1) * v->dilation[i] + 1 + v->more[i] - to;
        total = total < 0 ? 0 : total;
        v->pad[i] = is_upper ? total / 2 : total - total / 2;
        v->pad[i + AXES] = total - v->pad[i];
    }
    return true;
}

/* A tensor with its axes in another order, as `to`; 0: a new one. */
static int turned(struct tflite_writer *w, int from, const int64_t *perm, int to)
{
    int64_t dims[5];
    struct tflite_out t = from ? w->at.tensors[from - 1] : (struct tflite_out){0};
    for (int i = 0; i < 5; i++)
        dims[i] = t.dims[perm[i]];
    int in[] = {from, tflite_put_ints(w, 5, perm)};
    to = to ? to : tflite_new_tensor(w, "", t.dtype, 5, dims);
    tflite_call(w, 39, 0, 2, in, 1, &to);
    return to;
}

/* Zeros around, by an operator of their own. */
static int padded(struct tflite_writer *w, int from, const int64_t *pad)
{
    int64_t dims[] = {5, 2}, size[5];
    bool any = false;
    struct tensor *t = from ? tensor_new(DTYPE_I32, 2, dims, w->err) : NULL;
    if (from)
        memcpy(size, w->at.tensors[from - 1].dims, sizeof size);
    for (int i = 0; t && i < AXES; i++) {
        tensor_set_i64(t, 2 + 2 * i, pad[i]);
        tensor_set_i64(t, 3 + 2 * i, pad[i + AXES]);
        size[i + 1] += size[i + 1] < 0 ? 0 : pad[i] + pad[i + AXES];
        any = any || pad[i] || pad[i + AXES];
    }
    int in[] = {from, t && any ? tflite_put_constant(w, "", t) : 0}, out = from;
    if (any)
        out = tflite_new_tensor(w, "", DTYPE_F32, 5, size);
    tensor_unref(t);
    if (any)
        tflite_call(w, 34, 0, 2, in, 1, &out);
    return out;
}

/* The result without the first `before` and the last `behind` of each axis of space. */
static int cut(struct tflite_writer *w, int from, const int64_t *before, const int64_t *behind)
{
    int64_t begin[5] = {0}, end[5] = {0}, dims[5], steps[] = {1, 1, 1, 1, 1};
    int whole = 1 | 1 << 4, in[] = {from, 0, 0, tflite_put_ints(w, 5, steps)};
    for (int i = 0; i < 5 && from; i++)
        dims[i] = w->at.tensors[from - 1].dims[i];
    for (int i = 0; i < AXES; i++) {
        begin[i + 1] = before[i];
        end[i + 1] = -behind[i];
        dims[i + 1] -= before[i] + behind[i];
        whole |= !behind[i] << (i + 1); /* axes whose end is that of the input */
    }
    in[1] = tflite_put_ints(w, 5, begin);
    in[2] = tflite_put_ints(w, 5, end);
    int out = tflite_new_tensor(w, "", DTYPE_F32, 5, dims);
    tflite_call(w, 45, tflite_option(w, 1, 4, whole, -1, 0), 4, in, 1, &out);
    return out;
}

static uint32_t put_options(struct tflite_writer *w, const struct volume *v, int act)
{
    static const int order[] = {0, 2, 1}; /* options stand in the order D, W, H */
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 1, v->is_same ? PADDING_SAME : PADDING_VALID, 0);
    for (int i = 0; i < AXES; i++)
        flatbuf_add_int(&w->out, 1 + i, 4, v->stride[order[i]], 0);
    flatbuf_add_int(&w->out, 4, 1, act, 0);
    for (int i = 0; i < AXES; i++)
        flatbuf_add_int(&w->out, 5 + i, 4, v->dilation[order[i]], 1);
    return flatbuf_end(&w->out);
}

/* The shape of what n gives, channels last, with as many more places as will be cut. */
static void made_dims(const struct node *n, const struct volume *v, int64_t *dims)
{
    const struct type *y = &n->out[0]->type;
    for (int i = 0; i < 5; i++)
        dims[i] = y->dims[to_last[i]];
    for (int i = 0; i < AXES; i++)
        dims[i + 1] += dims[i + 1] < 0 ? 0 : v->pad[i] + v->pad[i + AXES];
}

/* Pads of a transposed convolution cut: what is added behind the result takes some of that back. */
static void cuts_of(struct volume *v)
{
    for (int i = AXES; i < 2 * AXES; i++)
        v->pad[i] = v->pad[i] > v->more[i - AXES] ? v->pad[i] - v->more[i - AXES] : 0;
}

void tflite_write_volume(struct tflite_writer *w, struct node *n)
{
    bool is_transposed = node_is(n, "ConvTranspose"), cuts = false;
    const struct value *bias = node_in(n, 2);
    struct volume v;
    int64_t dims[5];
    if (n->in[0]->type.rank != 5 || n->out[0]->type.rank != 5 || op_int(n, "group") != 1 ||
        !tflite_is_constant(n->in[1]) || !read_volume(n, is_transposed, &v)) {
        tflite_cannot(w, n, "of volumes, only one group, a constant filter, and sizes that are known, can be said");
        return;
    }
    int x = turned(w, tflite_take(w, n->in[0], false), to_last, 0), b = bias ? tflite_take(w, bias, false) : 0;
    int filter = tflite_take_weights(w, n->in[1], filter_order, false);
    if (is_transposed)
        cuts_of(&v);
    else
        x = padded(w, x, v.pad);
    for (int i = 0; i < 2 * AXES; i++) {
        v.pad[i] = is_transposed ? v.pad[i] : 0;
        cuts = cuts || v.pad[i];
    }
    made_dims(n, &v, dims);
    int conv[] = {x, filter, b}, spread[] = {is_transposed ? tflite_put_ints(w, 5, dims) : 0, filter, x, b};
    struct tflite_end end = tflite_follow(n, false, !cuts, false);
    int out = tflite_give_end(w, &end), made = tflite_new_tensor(w, "", DTYPE_F32, 5, dims);
    tflite_call(w, is_transposed ? 141 : 132, put_options(w, &v, end.act), 2 + is_transposed + (bias != NULL),
                is_transposed ? spread : conv, 1, &made);
    turned(w, cuts ? cut(w, made, v.pad, v.pad + AXES) : made, to_plain, out);
}
