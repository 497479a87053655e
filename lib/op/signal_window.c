/* Window functions and the mel scale. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* Attribute output_datatype: floats and integers. */
static int output_dtype(const struct node *n, enum dtype *dtype, struct error *err)
{
    int64_t value = op_int(n, "output_datatype");
    enum dtype d = value > DTYPE_NONE && value < DTYPE_COUNT ? (enum dtype)value : DTYPE_NONE;
    if (!op_is_int(d) && d != DTYPE_F16 && d != DTYPE_BF16 && d != DTYPE_F32 && d != DTYPE_F64)
        return error_set(err, "attribute output_datatype is %lld, want a type of floats or integers", (long long)value);
    *dtype = d;
    return 0;
}

int infer_window_function(struct op_infer *c, struct error *err)
{
    enum dtype dtype;
    int64_t size;
    bool known;
    struct known dim = {KNOWN_NOT, 0};
    if (output_dtype(c->node, &dtype, err))
        return real_infer_fail(c, err);
    if (axes_scalar_infer(c, 0, "size", 0, &size, &known, err))
        return -1;
    if (known && size < 0)
        return infer_error(c, err, "input size is %lld", (long long)size);
    infer_known(c, 0, &dim, 1);
    size = known ? size : dim.kind == KNOWN_DIM ? dim.value : DIM_UNKNOWN;
    return infer_set(c, 0, dtype, 1, &size, err);
}

/* weights[0] - weights[1] cos(t) + weights[2] cos(2t), t from 0 to 2 pi. */
struct shape {
    const char *name;
    double weights[3];
};

int eval_window_function(struct op_eval *c, struct error *err)
{
    static const struct shape shapes[] = {
        {"HannWindow", {0.5, 0.5, 0}},
        {"HammingWindow", {25.0 / 46, 21.0 / 46, 0}},
        {"BlackmanWindow", {0.42, 0.5, 0.08}},
    };
    const struct shape *shape = shapes;
    enum dtype dtype = DTYPE_NONE;
    int64_t size;
    while (strcmp(shape->name, c->node->op) && shape < shapes + 2)
        shape++;
    if (output_dtype(c->node, &dtype, err))
        return real_eval_fail(c, err);
    if (axes_scalar(c, 0, "size", 0, &size, err))
        return -1;
    if (size < 0)
        return eval_error(c, err, "input size is %lld", (long long)size);
    struct tensor *out = eval_out(c, 0, dtype, 1, &size, err);
    if (!out)
        return -1;
    double period = (double)(op_int(c->node, "periodic") ? size : size - 1);
    for (int64_t i = 0; i < size; i++) {
        double t = 2 * M_PI * (double)i / period;
        double value = shape->weights[0] - shape->weights[1] * cos(t) + shape->weights[2] * cos(2 * t);
        real_write(out, i, 1, &value);
    }
    return 0;
}

/* ---- MelWeightMatrix ---- */

int infer_mel_weight_matrix(struct op_infer *c, struct error *err)
{
    enum dtype dtype;
    int64_t bins, length, out[2];
    bool bins_known, length_known;
    if (output_dtype(c->node, &dtype, err))
        return real_infer_fail(c, err);
    if (axes_scalar_infer(c, 0, "num_mel_bins", 0, &bins, &bins_known, err) ||
        axes_scalar_infer(c, 1, "dft_length", 0, &length, &length_known, err))
        return -1;
    out[0] = length_known && length >= 0 ? length / 2 + 1 : DIM_UNKNOWN;
    out[1] = bins_known && bins >= 0 ? bins : DIM_UNKNOWN;
    return infer_set(c, 0, dtype, 2, out, err);
}

/* One triangle: rows from `low` up to 1 at `centre` and down to `high`. */
static void mel_triangle(struct tensor *out, int64_t column, int64_t low, int64_t centre, int64_t high)
{
    int64_t columns = out->dims[1];
    for (int64_t row = low; row <= centre; row++) {
        double value = centre == low ? 1 : (double)(row - low) / (double)(centre - low);
        real_write(out, row * columns + column, 1, &value);
    }
    for (int64_t row = centre; row < high; row++) {
        double value = (double)(high - row) / (double)(high - centre);
        real_write(out, row * columns + column, 1, &value);
    }
}

/* The spectrum's bins, edge by edge on the mel scale: edge[bins + 2]. */
static int mel_edges(const struct op_eval *c, int64_t bins, int64_t length, int64_t rate, int64_t *edge,
                     struct error *err)
{
    double hertz[2], mel[2];
    for (int i = 0; i < 2; i++) {
        const struct tensor *t = eval_in(c, 3 + i);
        if (t->count != 1)
            return eval_error(c, err, "inputs lower_edge_hertz and upper_edge_hertz: want one element");
        hertz[i] = tensor_get_f64(t, 0);
        mel[i] = 2595 * log10(1 + hertz[i] / 700);
    }
    double step = (mel[1] - mel[0]) / (double)(bins + 2);
    for (int64_t i = 0; i < bins + 2; i++) {
        double frequency = 700 * (pow(10, (mel[0] + (double)i * step) / 2595) - 1);
        double at = floor((double)(length + 1) * frequency / (double)rate);
        if (!(at >= 0 && at < (double)(length / 2 + 1)))
            return eval_error(
                c, err, "inputs lower_edge_hertz and upper_edge_hertz: %g to %g are not inside the spectrum, 0 to %g",
                hertz[0], hertz[1], (double)rate / 2);
        edge[i] = (int64_t)at;
    }
    return 0;
}

int eval_mel_weight_matrix(struct op_eval *c, struct error *err)
{
    enum dtype dtype;
    int64_t bins, length, rate;
    if (output_dtype(c->node, &dtype, err))
        return real_eval_fail(c, err);
    if (axes_scalar(c, 0, "num_mel_bins", 0, &bins, err) || axes_scalar(c, 1, "dft_length", 0, &length, err) ||
        axes_scalar(c, 2, "sample_rate", 0, &rate, err))
        return -1;
    if (bins < 0 || length < 0 || rate < 1 || length > INT64_MAX / 4)
        return eval_error(c, err, "inputs num_mel_bins, dft_length and sample_rate are %lld, %lld and %lld",
                          (long long)bins, (long long)length, (long long)rate);
    struct tensor *out = eval_out(c, 0, dtype, 2, (int64_t[2]){length / 2 + 1, bins}, err);
    int64_t *edge = out ? mem_calloc((size_t)bins + 2, sizeof *edge, err) : NULL;
    int status = edge ? mel_edges(c, bins, length, rate, edge, err) : -1;
    for (int64_t i = 0; status == 0 && i < bins; i++)
        mel_triangle(out, i, edge[i], edge[i + 1], edge[i + 2]);
    free(edge);
    return status;
}
