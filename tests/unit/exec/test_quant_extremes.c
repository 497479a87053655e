/* Operators of whole numbers where all numbers are at an end of their range, zero points too, and sums near those of
 * s32: what saturates on the way, or is wide enough for other numbers only, shows here. */
#include "quant_conv.h"

/* A type, with what activations are, their zero point, and the result's. */
struct ends {
    enum dtype type;
    int x, x_zero, y_zero;
};

static const struct ends ends[] = {{DTYPE_U8, 255, 0, 255},    {DTYPE_U8, 0, 255, 0},      {DTYPE_U8, 255, 255, 0},
                                   {DTYPE_I8, 127, -128, 127}, {DTYPE_I8, 128, 127, -128}, {DTYPE_I8, 128, -128, -128},
                                   {DTYPE_I8, 127, 127, 0},    {DTYPE_U8, 128, 0, 128}};
#define ENDS (sizeof ends / sizeof *ends)

/* The weights. */
static const struct {
    enum dtype type;
    int w, zero;
} weights[] = {{DTYPE_I8, -128, 0}, {DTYPE_I8, 127, 0}, {DTYPE_U8, 255, 0}, {DTYPE_U8, 0, 255}, {DTYPE_U8, 0, 128}};
#define WEIGHTS (sizeof weights / sizeof *weights)

/* A step of the result of `products` of them is so large that the largest sum is about as many as bytes can hold. */
static double step_for(int64_t products)
{
    return 0.02 * 0.0045 * 255 * 255 * (double)products / 250;
}

static void convolution(const struct conv_case *t, const struct ends *e, size_t k)
{
    begin();
    weight_only = &weights[k].w;
    weight_zero = weights[k].zero;
    result_scale = step_for(t->c / t->group * t->kh * t->kw);
    struct value *x = byte_input("x", e->type, DIMS(t->n, t->c, t->h, t->w));
    output(conv_node(t, x, weights[k].type, e->x_zero, e->y_zero)->out[0]);
    check_bytes(e->x);
    weight_only = NULL;
    weight_zero = 128;
    result_scale = 0.05;
}

static void convolutions(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t j = i % one_of(3); j < ENDS; j += one_of(3))
            convolution(&cases[i], &ends[j], (i + j / 3) % WEIGHTS);
}

static void depthwise(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t j = 0; is_depthwise(&cases[i]) && j < ENDS; j++)
            convolution(&cases[i], &ends[j], (i + j) % WEIGHTS);
}

static void transposed_convolutions(void)
{
    static const struct conv_case t = {1, 17, 4, 5, 33, 3, 3, 1, 2, 1, {1, 1, 1, 1}};
    conv_op = "QConvTranspose";
    for (size_t j = 0; j < ENDS; j++)
        convolution(&t, &ends[j], j % WEIGHTS);
    conv_op = "QConv";
}

/* Winograd's transforms make larger numbers of those they get. */
static void many_filters(void)
{
    static const struct conv_case t = {1, 128, 28, 28, 128, 3, 3, 1, 1, 1, {1, 1, 1, 1}};
    for (size_t j = 0; j < ENDS; j += one_of(4))
        convolution(&t, &ends[j], j / 4);
}

/* Sums themselves, of as many products as fit s32 and of fewer, by one row and by several. */
static void sums(void)
{
    static const int64_t depth[] = {7, 64, 1000, 33000};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = i % one_of(4); j < ENDS; j += one_of(4)) {
            const size_t k = (i + j) % WEIGHTS;
            begin();
            struct value *a = byte_input("a", ends[j].type, DIMS(j % 2 ? 1 : 19, depth[i]));
            output(NODE("MatMulInteger", a, bytes(weights[k].type, DIMS(depth[i], 35), weights[k].w, weights[k].w),
                        scalar(ends[j].type, ends[j].x_zero), scalar(weights[k].type, weights[k].zero))
                       ->out[0]);
            check_bytes(ends[j].x);
        }
}

/* Of two results. */
static void pairs(void)
{
    for (size_t j = 0; j < ENDS * ENDS; j += one_of(3)) {
        const struct ends *a = &ends[j % ENDS], *b = &ends[(j + j / ENDS) % ENDS];
        begin();
        struct value *x = byte_input("a", a->type, DIMS(2, 9, 300)), *y = byte_input("b", b->type, DIMS(2, 300, 33));
        output(FUSED("QMatMul", x, scalar(DTYPE_F32, 0.02), scalar(a->type, a->x_zero), y, scalar(DTYPE_F32, 0.0045),
                     scalar(b->type, b->x_zero), scalar(DTYPE_F32, step_for(300)), scalar(a->type, a->y_zero))
                   ->out[0]);
        check_bytes(a->x);
    }
}

/* Sums and products element by element, with a whole operand and one of channels; pools, and means of many. */
static void elements(void)
{
    for (size_t j = 0; j < ENDS * 2; j++) {
        const struct ends *e = &ends[j % ENDS];
        begin();
        struct value *x = byte_input("x", e->type, DIMS(1, 67, 40, 33)),
                     *other = j < ENDS ? byte_input("other", e->type, DIMS(1, 67, 40, 33))
                                       : byte_input("other", e->type, DIMS(67, 1, 1)),
                     *zero = scalar(e->type, e->x_zero), *y_zero = scalar(e->type, e->y_zero),
                     *scale = scalar(DTYPE_F32, 0.02);
        output(FUSED("QAdd", x, scale, zero, other, scale, zero, scalar(DTYPE_F32, 0.041), y_zero)->out[0]);
        output(FUSED("QMul", x, scale, zero, other, scale, zero, scalar(DTYPE_F32, 0.105), y_zero)->out[0]);
        output(FUSED("QReduceMean", x, ints(INTS(2, 3)), scale, zero, scale, y_zero)->out[0]);
        output(FUSED("QReduceMean", x, ints(INTS(1)), scale, zero, scale, y_zero)->out[0]);
        struct node *most = NODE("MaxPool", x), *mean = FUSED("QAveragePool", x, scale, zero, scale, y_zero);
        node_set_ints(most, "kernel_shape", INTS(3, 3), &error);
        node_set_ints(mean, "kernel_shape", INTS(17, 17), &error);
        output(most->out[0]);
        output(mean->out[0]);
        check_bytes(e->x);
    }
}

int main(void)
{
    RUN(convolutions);
    RUN(depthwise);
    RUN(transposed_convolutions);
    RUN(many_filters);
    RUN(sums);
    RUN(pairs);
    RUN(elements);
    return TEST_END();
}
