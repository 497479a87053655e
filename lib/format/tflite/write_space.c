/* What moves, resizes and normalises pixels, with channels last. */
#include <math.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"

void tflite_write_blocks(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    if (n->in[0]->type.rank != 4) {
        tflite_cannot(w, n, "it must have four axes");
        return;
    }
    int in = tflite_take(w, n->in[0], true);
    struct tflite_end end = tflite_follow(n, true, false, false);
    int out = tflite_give_end(w, &end);
    tflite_copy_scale(w, out, in);
    tflite_call(w, row->code, tflite_option(w, 0, 4, op_int(n, "blocksize"), -1, 0), 1, &in, 1, &out);
}

/* TFLite's alpha is of one channel. */
void tflite_write_lrn(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int64_t size = op_int(n, "size");
    if (n->in[0]->type.rank != 4 || size % 2 == 0) {
        tflite_cannot(w, n, "it must have four axes and a middle");
        return;
    }
    int in = tflite_take(w, n->in[0], true);
    struct tflite_end end = tflite_follow(n, true, false, false);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, 0, 4, size / 2, 0);
    flatbuf_add_float(&w->out, 1, op_float(n, "bias"), 0);
    flatbuf_add_float(&w->out, 2, op_float(n, "alpha") / (float)size, 0);
    flatbuf_add_float(&w->out, 3, op_float(n, "beta"), 0);
    tflite_call(w, row->code, flatbuf_end(&w->out), 1, &in, 1, &out);
}

/* ---- resizing ---- */

/* How much an axis grows; 0 where sizes say that, NaN where only the run does. */
static double factor(const struct node *n, int axis)
{
    const struct value *scales = node_in(n, 2);
    const struct tensor *t = scales && !scales->is_input ? scales->constant : NULL;
    int count, at = axis;
    const int64_t *axes = op_ints(n, "axes", &count);
    if (!scales || scales->type.rank != 1 || scales->type.dims[0] == 0)
        return 0;
    for (int i = 0; i < count; i++)
        at = axes[i] == axis ? i : at;
    return t && at < t->count && (!axes || axes[at] == axis) ? tensor_get_f64(t, at) : (double)NAN;
}

/* Whether a size grows by a whole factor, so that no place lies between two pixels. */
static bool grows_evenly(const struct node *n, int axis)
{
    int64_t x = n->in[0]->type.dims[axis], y = n->out[0]->type.dims[axis];
    double f = factor(n, axis);
    return (x > 0 && y > 0 && y % x == 0) || (f >= 1 && f == floor(f));
}

/* Whether a factor that was given is that of the sizes, which is what TFLite goes by. */
static bool is_exact(const struct node *n, int axis)
{
    int64_t x = n->in[0]->type.dims[axis], y = n->out[0]->type.dims[axis];
    double f = factor(n, axis);
    return f == 0 || f == floor(f) || (x > 0 && y > 0 && fabs((double)x * f - (double)y) < 1e-3);
}

/* The mode and rounding that TFLite has a word for: 0 asymmetric, 1 corners, 2 half pixels; -1: none. */
static int resize_kind(const struct node *n, bool is_nearest, int space)
{
    static const struct {
        const char *where, *nearest;
        int kind;
    } known[] = {{"asymmetric", "floor", 0},
                 {"align_corners", "round_prefer_ceil", 1},
                 {"half_pixel", "round_prefer_ceil", 2},
                 {"pytorch_half_pixel", "round_prefer_ceil", 2},
                 {"tf_half_pixel_for_nn", "floor", 2}};
    const char *where = op_string(n, "coordinate_transformation_mode"), *nearest = op_string(n, "nearest_mode");
    bool is_even = grows_evenly(n, space) && grows_evenly(n, space + 1) && strncmp(nearest, "round", 5) == 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(where, known[i].where) == 0 &&
            (!is_nearest || strcmp(nearest, known[i].nearest) == 0 || (known[i].kind == 2 && is_even)))
            return is_nearest || i != 4 ? known[i].kind : -1;
    return -1;
}

static bool is_pytorch_point(const struct node *n, int space)
{
    const struct type *y = &n->out[0]->type;
    return strcmp(op_string(n, "coordinate_transformation_mode"), "pytorch_half_pixel") == 0 &&
           (y->dims[space] == 1 || y->dims[space + 1] == 1);
}

/* Height and width of the result: constants, the sizes given or the last two of them, or x's multiplied. */
static int new_size(struct tflite_writer *w, const struct node *n, int x, int space)
{
    const struct type *y = &n->out[0]->type;
    int64_t two = 2, four = 4, times[] = {1, 1}, one = 1, from = space, to = space + 2;
    if (y->dims[space] > 0 && y->dims[space + 1] > 0)
        return tflite_put_ints(w, 2, y->dims + space);
    for (int i = 0; i < 2 && !node_in(n, 3); i++)
        times[i] = (int64_t)factor(n, space + i);
    int list, out = tflite_new_tensor(w, "", DTYPE_I32, 1, &two);
    if (node_in(n, 3)) {
        list = tflite_take_list(w, n->in[3]);
        if (n->in[3]->type.dims[0] == two)
            return list;
    } else {
        list = tflite_new_tensor(w, "", DTYPE_I32, 1, &four);
        tflite_call(w, 77, tflite_option(w, 0, 1, TYPE_I32, -1, 0), 1, &x, 1, &list);
        from = 1;
        to = 3;
    }
    int slice[] = {list, tflite_put_ints(w, 1, &from), tflite_put_ints(w, 1, &to), tflite_put_ints(w, 1, &one)};
    tflite_call(w, 45, 0, 4, slice, 1, &out);
    if (node_in(n, 3))
        return out;
    int product[] = {out, tflite_put_ints(w, 2, times)}, made = tflite_new_tensor(w, "", DTYPE_I32, 1, &two);
    tflite_call(w, 18, tflite_option(w, -1, 0, 0, 0, 0), 2, product, 1, &made);
    return made;
}

/* The first of the two axes that are resized: 2, or 1 of a value whose channels stand last; 0: other ones are. */
static int first_of_space(const struct node *n)
{
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    if (x->rank != 4 || y->rank != 4 || x->dims[0] != y->dims[0])
        return 0;
    return x->dims[1] == y->dims[1] ? 2 : x->dims[3] == y->dims[3] ? 1 : 0;
}

/* Whether TFLite has a word for the way, and the sizes can be told. */
static bool can_resize(const struct node *n, int space, int kind)
{
    const struct type *y = &n->out[0]->type;
    if (!space || kind < 0 || op_int(n, "antialias") || is_pytorch_point(n, space))
        return false;
    bool grows = factor(n, space) >= 1 && factor(n, space + 1) >= 1;
    bool is_known = y->dims[space] > 0 && y->dims[space + 1] > 0;
    return (is_known || (!op_has(n, "axes") && (node_in(n, 3) || grows))) && is_exact(n, space) &&
           is_exact(n, space + 1);
}

void tflite_write_resize(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    const char *mode = op_string(n, "mode");
    bool is_nearest = strcmp(mode, "nearest") == 0, is_linear = strcmp(mode, "linear") == 0;
    int space = first_of_space(n), kind = space && (is_nearest || is_linear) ? resize_kind(n, is_nearest, space) : -1;
    if (!can_resize(n, space, kind)) {
        tflite_cannot(w, n, "its mode cannot be said, or its sizes are not known");
        return;
    }
    bool is_stored = tflite_computes_stored(w, n, row), is_last = space == 2;
    int in[2] = {tflite_take_as(w, n->in[0], is_last, is_stored)}, first = is_nearest ? 0 : 2;
    in[1] = new_size(w, n, in[0], space);
    struct tflite_end end = tflite_follow(n, is_last, false, is_stored);
    int out = tflite_give_end(w, &end);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, first, 1, kind == 1, 0);
    flatbuf_add_int(&w->out, first + 1, 1, kind == 2, 0);
    tflite_call(w, is_nearest ? 97 : row->code, flatbuf_end(&w->out), 2, in, 1, &out);
}
