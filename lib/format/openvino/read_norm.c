/* Normalisations. */
#include <string.h>

#include "format/openvino/openvino.h"

/* The first operation set has the data behind scale and shift. */
void openvino_read_batch_norm(struct openvino_read *l)
{
    int x = l->layer->version >= 5 ? 0 : 2, scale = x ? 0 : 1;
    struct value *v = BUILD(l->b, "BatchNormalization", openvino_in(l, x), openvino_in(l, scale),
                            openvino_in(l, scale + 1), openvino_in(l, 3), openvino_in(l, 4));
    l->out[0] = build_float(l->b, v, "epsilon", openvino_float(l, "epsilon", 1e-5f));
}

void openvino_read_group_norm(struct openvino_read *l)
{
    struct value *v = BUILD(l->b, "GroupNormalization", openvino_in(l, 0), openvino_in(l, 1), openvino_in(l, 2));
    build_int(l->b, v, "num_groups", openvino_int(l, "num_groups", 1));
    l->out[0] = build_float(l->b, v, "epsilon", openvino_float(l, "epsilon", 1e-5f));
}

static struct value *number(struct openvino_read *l, float value)
{
    return build_number(l->b, openvino_dtype(l, 0), (double)value);
}

/* The axes that the first operation sets say by attributes: all behind the channels, and perhaps these. */
static struct value *mvn_axes(struct openvino_read *l)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = openvino_rank(l, 0), n = 0, count = openvino_ints(l, "reduction_axes", axes, TENSOR_MAX_RANK);
    if (openvino_has(l, 1))
        return openvino_axes(l);
    if (count > 0)
        return build_list(l->b, count, axes);
    for (int i = openvino_bool(l, "across_channels", false) ? 1 : 2; i < rank; i++)
        axes[n++] = i;
    return build_list(l->b, n, axes);
}

void openvino_read_mvn(struct openvino_read *l)
{
    static const char *const modes[] = {"inside_sqrt", "outside_sqrt", "INSIDE_SQRT", "OUTSIDE_SQRT", NULL};
    struct value *x = openvino_in(l, 0), *axes = mvn_axes(l), *eps = number(l, openvino_float(l, "eps", 1e-6f));
    struct value *v = BUILD(l->b, "Sub", x, BUILD(l->b, "ReduceMean", x, axes));
    bool outside = openvino_word(l, "eps_mode", l->layer->version >= 6 ? "inside_sqrt" : "outside_sqrt", modes) % 2;
    l->out[0] = v;
    if (!openvino_bool(l, "normalize_variance", true))
        return;
    struct value *square = BUILD(l->b, "ReduceMean", BUILD(l->b, "Mul", v, v), axes);
    struct value *by = outside ? BUILD(l->b, "Add", BUILD(l->b, "Sqrt", square), eps)
                               : BUILD(l->b, "Sqrt", BUILD(l->b, "Add", square, eps));
    l->out[0] = BUILD(l->b, "Div", v, by);
}

/* Over the channels, or all but the batch, there is an operator for it. */
void openvino_read_normalize(struct openvino_read *l)
{
    static const char *const modes[] = {"add", "max", NULL};
    int64_t axes[TENSOR_MAX_RANK];
    int count = openvino_in_ints(l, 1, axes, TENSOR_MAX_RANK), rank = openvino_rank(l, 0);
    bool is_max = openvino_word(l, "eps_mode", "add", modes) == 1, channels = count == 1 && axes[0] == 1;
    float eps = openvino_float(l, "eps", 1e-10f);
    struct value *x = openvino_in(l, 0);
    if (channels && rank > 1) {
        struct value *v = build_int(l->b, BUILD(l->b, "nn.Normalize", x), "across_spatial", 0);
        build_string(l->b, v, "epsilon_mode", is_max ? "max_inside" : "inside");
        l->out[0] = build_float(l->b, v, "epsilon", eps);
        return;
    }
    struct value *square = BUILD(l->b, "ReduceSumSquare", x, openvino_axes(l));
    struct value *sum = BUILD(l->b, is_max ? "Max" : "Add", square, number(l, eps));
    l->out[0] = BUILD(l->b, "Div", x, BUILD(l->b, "Sqrt", sum));
}

/* Only along the channels; over a square of the map it would be another operator. */
void openvino_read_lrn(struct openvino_read *l)
{
    int64_t axes[TENSOR_MAX_RANK];
    if (openvino_want_ints(l, 1, axes, TENSOR_MAX_RANK) != 1 || axes[0] != 1) {
        openvino_read_opaque(l);
        return;
    }
    struct value *v = build_int(l->b, BUILD(l->b, "LRN", openvino_in(l, 0)), "size", openvino_int(l, "size", 5));
    build_float(l->b, v, "alpha", openvino_float(l, "alpha", 1e-4f));
    build_float(l->b, v, "beta", openvino_float(l, "beta", 0.75f));
    l->out[0] = build_float(l->b, v, "bias", openvino_float(l, "bias", 1));
}
