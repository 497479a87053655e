/* The oracle's element-by-element kernels. */
#include <math.h>

#include "kernel/ref.h"

/* fmax() and fmin() drop a NaN. */
static double max2(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static double min2(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}

static double clip(double x, double low, double high)
{
    return isnan(x) ? x : min2(max2(x, low), high);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double gelu_tanh(double x)
{
    return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : isnan(x) ? x : 0;
}

/* Half to even, which is what the default rounding mode does. */
static double half_even(double x)
{
    return nearbyint(x);
}

static double activation_only(double x, enum kernel_act_kind kind, double a, double b)
{
    switch (kind) {
    case KERNEL_RELU:
        return max2(x, 0);
    case KERNEL_CLIP:
        return clip(x, a, b);
    case KERNEL_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case KERNEL_HARD_SIGMOID:
        return clip(a * x + b, 0, 1);
    case KERNEL_HARD_SWISH:
        return x * clip(x / 6 + 0.5, 0, 1);
    case KERNEL_SIGMOID:
        return sigmoid(x);
    case KERNEL_TANH:
        return tanh(x);
    case KERNEL_SILU:
        return x * sigmoid(a * x);
    case KERNEL_GELU:
        return x < -40 ? -0.0 : x / 2 * (1 + erf(x * M_SQRT1_2)); /* also of -infinity */
    case KERNEL_GELU_TANH:
        return gelu_tanh(x);
    case KERNEL_ELU:
        return x < 0 ? a * expm1(x) : x;
    case KERNEL_SELU:
        return b * (x <= 0 ? a * expm1(x) : x);
    case KERNEL_CELU:
        return max2(x, 0) + min2(0, a * expm1(x / a));
    case KERNEL_SOFTPLUS:
        return softplus(x);
    case KERNEL_SOFTSIGN:
        return x / (1 + fabs(x));
    case KERNEL_MISH:
        return x * tanh(softplus(x));
    case KERNEL_THRESHOLDED_RELU:
        return isnan(x) || x > a ? x : 0;
    default:
        return x;
    }
}

double act_ref(double x, struct kernel_act act)
{
    switch (act.kind) {
    case KERNEL_ERF:
        return erf(x);
    case KERNEL_EXP:
        return exp(x);
    case KERNEL_LOG:
        return log(x);
    case KERNEL_SQRT:
        return sqrt(x);
    case KERNEL_RECIPROCAL:
        return 1 / x;
    case KERNEL_ABS:
        return fabs(x);
    case KERNEL_NEG:
        return -x;
    case KERNEL_FLOOR:
        return floor(x);
    case KERNEL_CEIL:
        return ceil(x);
    case KERNEL_ROUND:
        return half_even(x);
    case KERNEL_SIGN:
        return sign(x);
    case KERNEL_SIN:
        return sin(x);
    case KERNEL_COS:
        return cos(x);
    case KERNEL_AFFINE:
        return act.a * x + act.b;
    default:
        return activation_only(x, act.kind, act.a, act.b);
    }
}

void unary_f32_ref(float *out, const float *in, size_t n, struct kernel_act act)
{
    for (size_t i = 0; i < n; i++)
        out[i] = act_ref(in[i], act);
}

static float binary(enum kernel_binary op, float a, float b)
{
    switch (op) {
    case KERNEL_ADD:
        return a + b;
    case KERNEL_SUB:
        return a - b;
    case KERNEL_MUL:
        return a * b;
    case KERNEL_DIV:
        return a / b;
    case KERNEL_MAX:
        return max2(a, b);
    case KERNEL_MIN:
        return min2(a, b);
    case KERNEL_POW:
        return pow(a, b);
    case KERNEL_PRELU:
        return a >= 0 ? a : a * b;
    default:
        return NAN;
    }
}

void binary_f32_ref(enum kernel_binary op, float *out, const float *a, int a_step, const float *b, int b_step, size_t n,
                    struct kernel_act act)
{
    float a0 = n ? a[0] : 0, b0 = n ? b[0] : 0; /* a constant operand may be the first element of out */
    for (size_t i = 0; i < n; i++)
        out[i] = act_ref(binary(op, a_step ? a[i] : a0, b_step ? b[i] : b0), act);
}

void scale_rows_f32_ref(float *out, const float *in, const float *scale, ptrdiff_t scale_step, size_t rows,
                        size_t columns)
{
    for (size_t i = 0; i < rows * columns; i++)
        out[i] = in[i] * scale[(ptrdiff_t)(i / columns) * scale_step];
}

void scale_shift_f32_ref(const struct kernel_scale_f32 *s)
{
    for (size_t i = 0; i < s->rows * s->n; i++) {
        ptrdiff_t row = (ptrdiff_t)(i / s->n);
        size_t c = i % s->n;
        double in = s->in[row * s->in_step + (ptrdiff_t)c], shift = s->shift ? s->shift[c] : 0;
        double scale = s->scale && !(s->below && in >= 0) ? s->scale[c] : 1;
        s->out[row * s->out_step + (ptrdiff_t)c] = (float)act_ref(in * scale + shift, s->act);
    }
}
