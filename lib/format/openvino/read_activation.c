/* Activations with parameters. */
#include <string.h>

#include "format/openvino/openvino.h"

void openvino_read_elu(struct openvino_read *l)
{
    l->out[0] = build_float(l->b, BUILD(l->b, "Elu", openvino_in(l, 0)), "alpha", openvino_float(l, "alpha", 1));
}

/* The parameters are constants beside the input. */
static struct value *with_numbers(struct openvino_read *l, const char *onnx, const char *first, const char *second)
{
    float a = 0, b = 0;
    if (!openvino_in_float(l, 1, &a) || !openvino_in_float(l, 2, &b))
        build_fail(l->b, "its inputs 1 and 2 must be constants of one number");
    return build_float(l->b, build_float(l->b, BUILD(l->b, onnx, openvino_in(l, 0)), first, a), second, b);
}

void openvino_read_selu(struct openvino_read *l)
{
    l->out[0] = with_numbers(l, "Selu", "alpha", "gamma");
}

void openvino_read_hard_sigmoid(struct openvino_read *l)
{
    l->out[0] = with_numbers(l, "HardSigmoid", "alpha", "beta");
}

/* min(max(x + 3, 0), 6) / 6 */
void openvino_read_hsigmoid(struct openvino_read *l)
{
    struct value *v = build_float(l->b, BUILD(l->b, "HardSigmoid", openvino_in(l, 0)), "alpha", 1.0f / 6);
    l->out[0] = build_float(l->b, v, "beta", 0.5f);
}

void openvino_read_clamp(struct openvino_read *l)
{
    enum dtype dtype = openvino_dtype(l, 0);
    struct value *low = build_number(l->b, dtype, (double)openvino_float(l, "min", 0));
    struct value *high = build_number(l->b, dtype, (double)openvino_float(l, "max", 0));
    l->out[0] = BUILD(l->b, "Clip", openvino_in(l, 0), low, high);
}

void openvino_read_gelu(struct openvino_read *l)
{
    static const char *const modes[] = {"ERF", "TANH", "erf", "tanh", NULL};
    struct value *v = BUILD(l->b, "Gelu", openvino_in(l, 0));
    bool is_tanh = openvino_word(l, "approximation_mode", "ERF", modes) % 2;
    l->out[0] = is_tanh ? build_string(l->b, v, "approximate", "tanh") : v;
}

void openvino_read_swish(struct openvino_read *l)
{
    float beta = 1;
    struct value *x = openvino_in(l, 0);
    if (!openvino_has(l, 1) || openvino_in_float(l, 1, &beta)) {
        struct value *v = BUILD(l->b, "Swish", x);
        l->out[0] = beta == 1 ? v : build_float(l->b, v, "alpha", beta);
        return;
    }
    l->out[0] = BUILD(l->b, "Mul", x, BUILD(l->b, "Sigmoid", BUILD(l->b, "Mul", x, openvino_in(l, 1))));
}

void openvino_read_round(struct openvino_read *l)
{
    static const char *const modes[] = {"half_to_even", "half_away_from_zero", NULL};
    struct value *x = openvino_in(l, 0);
    if (openvino_word(l, "mode", "half_to_even", modes) == 0) {
        l->out[0] = BUILD(l->b, "Round", x);
        return;
    }
    struct value *size =
        BUILD(l->b, "Floor", BUILD(l->b, "Add", BUILD(l->b, "Abs", x), build_number(l->b, openvino_dtype(l, 0), 0.5)));
    l->out[0] = BUILD(l->b, "Mul", BUILD(l->b, "Sign", x), size);
}

void openvino_read_softmax(struct openvino_read *l)
{
    int64_t axis = openvino_int(l, "axis", 1);
    l->out[0] = build_int(l->b, BUILD(l->b, l->kind->onnx, openvino_in(l, 0)), "axis", axis);
}

void openvino_read_is_inf(struct openvino_read *l)
{
    struct value *v = build_int(l->b, BUILD(l->b, "IsInf", openvino_in(l, 0)), "detect_negative",
                                openvino_bool(l, "detect_negative", true));
    l->out[0] = build_int(l->b, v, "detect_positive", openvino_bool(l, "detect_positive", true));
}
