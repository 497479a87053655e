/* Layers that are formulas of ONNX's operators, and some that are nearly one. */
#include <string.h>

#include "base/text.h"
#include "format/openvino/openvino.h"

int openvino_numbers(struct openvino_read *l, const char *name, double *values, int max)
{
    const char *at = openvino_text(l, name, NULL);
    int count = 0;
    if (!at)
        return -1;
    for (size_t n; *at && !l->b->failed; at += n + strspn(at + n, ", ")) {
        n = strcspn(at, ", ");
        if (count < max && strncmp(at, "true", n) == 0 && n)
            values[count] = 1;
        else if (count < max && strncmp(at, "false", n) == 0 && n)
            values[count] = 0;
        else if (count == max || !text_to_f64(at, n, &values[count]))
            build_fail(l->b, "%s is \"%.50s\", want at most %d numbers", name, at, max);
        count++;
    }
    return l->b->failed ? -1 : count;
}

static struct value *term(void *data, const char *name, bool want)
{
    struct openvino_read *l = data;
    int k = *name - '0';
    return want || openvino_has(l, k) ? openvino_in(l, k) : NULL;
}

static int parameter(void *data, const char *name, double *numbers, int max)
{
    return openvino_numbers(data, name, numbers, max);
}

void openvino_read_formula(struct openvino_read *l)
{
    const struct build_terms t = {.op = l, .in = term, .numbers = parameter};
    build_formulas(l->b, l->kind->onnx, &t, l->out, l->layer->out_count);
}

/* How many of ordered numbers are below each value, or not above; both may be of types of their own. */
static void count_below(struct openvino_read *l, struct value *ordered, struct value *values, bool equals)
{
    if (build_dtype_of(l->b, ordered) != build_dtype_of(l->b, values)) {
        ordered = build_cast(l->b, ordered, DTYPE_F32);
        values = build_cast(l->b, values, DTYPE_F32);
    }
    struct value *v = BUILD(l->b, equals ? "LessOrEqual" : "Less", ordered, build_unsqueeze(l->b, values, -1));
    v = BUILD(l->b, "ReduceSum", build_cast(l->b, v, DTYPE_I64), BUILD_LIST(l->b, -1));
    l->out[0] = openvino_as(l, build_int(l->b, v, "keepdims", 0), "output_type", "i64");
}

void openvino_read_bucketize(struct openvino_read *l)
{
    count_below(l, openvino_in(l, 1), openvino_in(l, 0), !openvino_bool(l, "with_right_bound", true));
}

void openvino_read_search_sorted(struct openvino_read *l)
{
    count_below(l, build_unsqueeze(l->b, openvino_in(l, 0), -2), openvino_in(l, 1),
                openvino_bool(l, "right_mode", false));
}

void openvino_read_roll(struct openvino_read *l)
{
    int64_t shifts[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int rank = openvino_rank(l, 0), count = openvino_want_ints(l, 1, shifts, TENSOR_MAX_RANK);
    int axis_count = openvino_want_ints(l, 2, axes, TENSOR_MAX_RANK);
    if (count != axis_count && count != 1)
        build_fail(l->b, "%d shifts of %d axes", count, axis_count);
    for (int i = 0; i < axis_count && !l->b->failed; i++) {
        axes[i] = openvino_axis(l, axes[i], rank);
        shifts[i] = shifts[count == 1 ? 0 : i];
    }
    l->out[0] = build_roll(l->b, openvino_in(l, 0), l->b->failed ? 0 : axis_count, shifts, axes);
}

void openvino_read_unique(struct openvino_read *l)
{
    int64_t axis;
    struct value *v =
        build_int(l->b, BUILD(l->b, "Unique", openvino_in(l, 0)), "sorted", openvino_bool(l, "sorted", true));
    if (openvino_has(l, 1) && openvino_want_ints(l, 1, &axis, 1) == 1)
        build_int(l->b, v, "axis", axis);
    build_output(l->b, v, 3);
    for (int o = 0; o < l->layer->out_count && o < 4; o++)
        l->out[o] = build_output(l->b, v, o);
    for (int o = 1; o < l->layer->out_count && o < 4; o++)
        l->out[o] = openvino_as(l, l->out[o], o == 3 ? "count_element_type" : "index_element_type", "i64");
}

/* ---- Fourier transforms ---- */

static struct value *transform(struct openvino_read *l, struct value *v, int64_t axis, int64_t size, bool inverse,
                               bool onesided)
{
    struct value *length = size >= 0 ? build_number(l->b, DTYPE_I64, (double)size) : NULL;
    v = BUILD(l->b, "DFT", v, length, build_number(l->b, DTYPE_I64, (double)axis));
    build_int(l->b, v, "inverse", inverse);
    return build_int(l->b, v, "onesided", onesided);
}

/* Along several axes; of real numbers the last one has half of the frequencies. The row's word: inverse, real. */
void openvino_read_fourier(struct openvino_read *l)
{
    int64_t axes[TENSOR_MAX_RANK], sizes[TENSOR_MAX_RANK];
    bool inverse = strchr(l->kind->onnx, 'i'), real = strchr(l->kind->onnx, 'r');
    int rank = openvino_rank(l, 0) - (inverse || !real), count = openvino_want_ints(l, 1, axes, TENSOR_MAX_RANK);
    struct value *v = openvino_in(l, 0);
    if (openvino_has(l, 2) && openvino_want_ints(l, 2, sizes, TENSOR_MAX_RANK) != count)
        build_fail(l->b, "%d axes, with another number of sizes", count);
    if (real && !inverse)
        v = build_unsqueeze(l->b, v, -1);
    for (int k = 0; k < count && !l->b->failed; k++) {
        int i = real && !inverse ? count - 1 - k : k; /* half of them is made first, and taken back last */
        v = transform(l, v, openvino_axis(l, axes[i], rank), openvino_has(l, 2) ? sizes[i] : -1, inverse,
                      real && i == count - 1);
    }
    l->out[0] = real && inverse ? BUILD(l->b, "Squeeze", v, BUILD_LIST(l->b, -1)) : v;
}

/* A window as long as a frame; a signal without batches gets one for the while. */
void openvino_read_stft(struct openvino_read *l)
{
    int64_t frame = 0;
    int rank = openvino_rank(l, 0);
    if (openvino_want_ints(l, 2, &frame, 1) != 1 || openvino_dim(l, 1, 0) != frame || rank < 1 || rank > 2)
        build_fail(l->b, "want a signal of 1 or 2 axes, and a window as long as a frame, which is known");
    struct value *step = build_reshape(l->b, openvino_i64(l, 3), 0, NULL);
    struct value *x = rank == 1 ? build_unsqueeze(l->b, openvino_in(l, 0), 0) : openvino_in(l, 0);
    struct value *v = BUILD(l->b, "STFT", build_unsqueeze(l->b, x, -1), step, openvino_in(l, 1));
    if (openvino_bool(l, "transpose_frames", false))
        v = build_transpose(l->b, v, 4, (int64_t[]){0, 2, 1, 3});
    l->out[0] = rank == 1 ? BUILD(l->b, "Squeeze", v, BUILD_LIST(l->b, 0)) : v;
}
