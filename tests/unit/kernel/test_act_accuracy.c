/* The functions of one argument over the whole range of floats, against double precision. "-v" shows the errors. */
#include "guard.h"

#include "kernel/ref.h"

/* Points: all exponents and signs evenly, then a dense sweep of where the functions are not flat. */
#define SPREAD 40000
#define DENSE 40000
#define POINTS (SPREAD + DENSE)

/* What errors are measured in: last places of the result, of the larger of result and argument, or of 1 (2^-24). */
enum unit { RESULT, ARGUMENT, ONE };

static const struct function {
    const char *name;
    struct kernel_act act;
    enum unit unit;
    double limit; /* units */
} functions[] = {
    {"none", {KERNEL_NONE, 0, 0}, RESULT, 0},
    {"relu", {KERNEL_RELU, 0, 0}, RESULT, 0},
    {"clip", {KERNEL_CLIP, -1.5f, 6}, RESULT, 0},
    {"leaky_relu", {KERNEL_LEAKY_RELU, 0.01f, 0}, RESULT, 0.51},
    {"hard_sigmoid", {KERNEL_HARD_SIGMOID, 0.2f, 0.5f}, ONE, 1},
    {"hard_swish", {KERNEL_HARD_SWISH, 0, 0}, ARGUMENT, 1.5},
    {"sigmoid", {KERNEL_SIGMOID, 0, 0}, RESULT, 2.6},
    {"tanh", {KERNEL_TANH, 0, 0}, RESULT, 2.6},
    {"silu", {KERNEL_SILU, 1, 0}, RESULT, 2.6},
    {"silu(1.702 x)", {KERNEL_SILU, 1.702f, 0}, ARGUMENT, 2.6},
    {"gelu", {KERNEL_GELU, 0, 0}, ARGUMENT, 2.6},
    {"gelu_tanh", {KERNEL_GELU_TANH, 0, 0}, ARGUMENT, 2.6},
    {"elu", {KERNEL_ELU, 1.3f, 0}, RESULT, 2.6},
    {"selu", {KERNEL_SELU, 1.67326f, 1.0507f}, RESULT, 3.1},
    {"celu", {KERNEL_CELU, 0.7f, 0}, RESULT, 3.6},
    {"softplus", {KERNEL_SOFTPLUS, 0, 0}, RESULT, 2.6},
    {"softsign", {KERNEL_SOFTSIGN, 0, 0}, RESULT, 1.6},
    {"mish", {KERNEL_MISH, 0, 0}, RESULT, 4.6},
    {"thresholded_relu", {KERNEL_THRESHOLDED_RELU, 0.8f, 0}, RESULT, 0},
    {"erf", {KERNEL_ERF, 0, 0}, RESULT, 2.6},
    {"exp", {KERNEL_EXP, 0, 0}, RESULT, 1.5},
    {"log", {KERNEL_LOG, 0, 0}, RESULT, 1.5},
    {"sqrt", {KERNEL_SQRT, 0, 0}, RESULT, 0.51},
    {"reciprocal", {KERNEL_RECIPROCAL, 0, 0}, RESULT, 0.51},
    {"abs", {KERNEL_ABS, 0, 0}, RESULT, 0},
    {"neg", {KERNEL_NEG, 0, 0}, RESULT, 0},
    {"floor", {KERNEL_FLOOR, 0, 0}, RESULT, 0},
    {"ceil", {KERNEL_CEIL, 0, 0}, RESULT, 0},
    {"round", {KERNEL_ROUND, 0, 0}, RESULT, 0},
    {"sign", {KERNEL_SIGN, 0, 0}, RESULT, 0},
    {"sin", {KERNEL_SIN, 0, 0}, ONE, 2.1},
    {"cos", {KERNEL_COS, 0, 0}, ONE, 2.1},
    {"affine", {KERNEL_AFFINE, -1.7f, 0.3f}, ARGUMENT, 2},
};

static float in[POINTS], out[POINTS];
static double want[POINTS];

static void points(void)
{
    for (uint32_t i = 0; i < SPREAD; i++) {
        uint32_t bits = (uint32_t)((uint64_t)i * UINT32_MAX / (SPREAD - 1));
        memcpy(&in[i], &bits, sizeof(bits));
    }
    for (int i = 0; i < DENSE; i++)
        in[SPREAD + i] = i % 4 == 0 ? guard_random_float(100) : guard_random_float(8);
}

/* One unit in the last place of a normal float of that size. */
static double ulp(double x)
{
    return isinf(x) || isnan(x) ? 1 : ldexp(1, ilogb(fmax(fabs(x), 0x1p-126)) - 23);
}

static double unit(const struct function *f, int i)
{
    if (f->unit == ONE)
        return 0x1p-24;
    return ulp(f->unit == ARGUMENT ? fmax(fabs(want[i]), fabs(in[i])) : want[i]);
}

/* Error at point i in the function's units; infinity when it is of the wrong kind. */
static double error_at(const struct function *f, int i)
{
    float rounded = want[i];
    if (isnan(want[i]) || isnan(out[i]))
        return isnan(want[i]) && isnan(out[i]) ? 0 : INFINITY;
    if (out[i] == rounded)
        return fabs(out[i] - want[i]) < ulp(want[i]) ? fmin(fabs(out[i] - want[i]) / unit(f, i), f->limit) : 0;
    if (isinf(rounded) || isinf(out[i])) /* the last float before overflow may go either way */
        return fabs(want[i]) > 0x1.fffffcp127 && fabs((double)out[i]) > 0x1.fffffcp127 ? 0 : INFINITY;
    if (f->unit == RESULT && out[i] == 0 && fabs(want[i]) < 0x1p-119) /* x / (1 + exp(-x)), where exp(-x) overflows */
        return 0;
    return fabs(out[i] - want[i]) / unit(f, i);
}

static void check(const struct function *f, const struct kernels *k, bool verbose)
{
    double worst = 0;
    int at = 0;
    k->unary_f32(out, in, POINTS, f->act);
    for (int i = 0; i < POINTS; i++) {
        double e = error_at(f, i);
        if (e > worst) {
            worst = e;
            at = i;
        }
    }
    if (verbose)
        printf("%-10s %-18s %6.3f\n", k->isa, f->name, worst);
    CHECK_MSG(worst <= f->limit, "%s %s(%.9g) is %.9g, want %.9g: %.3g units, limit %g", k->isa, f->name, in[at],
              out[at], want[at], worst, f->limit);
}

static bool verbose;

static void accuracy(void)
{
    points();
    for (size_t f = 0; f < sizeof(functions) / sizeof(*functions); f++) {
        for (int i = 0; i < POINTS; i++)
            want[i] = act_ref(in[i], functions[f].act);
        int next = 0;
        for (const struct kernels *k; (k = guard_level(&next));)
            check(&functions[f], k, verbose);
    }
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    RUN(accuracy);
    return TEST_END();
}
