/* Steps of bytes element by element, of rows of floats between bytes, and of numbers made of sums. */
#include "quant_test.h"

/* QuantizeLinear of floats, DequantizeLinear of bytes, tables, sums and products of them, joined and pooled. */
static void elements(void)
{
    static const struct {
        enum dtype type;
        int zero;
    } cases_of[] = {{DTYPE_U8, 0}, {DTYPE_U8, 131}, {DTYPE_I8, -128}, {DTYPE_I8, 3}};
    for (size_t i = 0; i < sizeof cases_of / sizeof *cases_of; i++) {
        enum dtype type = cases_of[i].type;
        struct value *scale, *zero;
        begin();
        struct value *x = input("x", DIMS(2, 19, 7, 5)), *a = byte_input("a", type, DIMS(2, 19, 7, 5)),
                     *c = byte_input("c", type, DIMS(19, 1, 1));
        scale = scalar(DTYPE_F32, 0.02);
        zero = scalar(type, cases_of[i].zero);
        struct value *q = NODE("QuantizeLinear", x, scale, zero)->out[0];
        struct value *sum = FUSED("QAdd", q, scale, zero, a, scalar(DTYPE_F32, 0.011), zero, scale, zero)->out[0];
        struct node *times = FUSED("QMul", sum, scale, zero, c, scale, zero, scalar(DTYPE_F32, 0.03), zero);
        node_set_string(times, "activation", "Relu", 4, &error);
        struct value *table =
            FUSED("QTable", times->out[0], bytes(type, DIMS(256), type == DTYPE_I8 ? -128 : 0, 100))->out[0];
        struct node *most = NODE("MaxPool", table), *mean = FUSED("QAveragePool", table, scale, zero, scale, zero);
        node_set_ints(most, "kernel_shape", INTS(3, 3), &error);
        node_set_ints(most, "pads", INTS(1, 1, 1, 1), &error);
        node_set_ints(mean, "kernel_shape", INTS(2, 3), &error);
        node_set_ints(mean, "pads", INTS(1, 0, 0, 1), &error);
        output(NODE("DequantizeLinear", most->out[0], scale, zero)->out[0]);
        output(mean->out[0]);
        struct node *columns[] = {NODE("MaxPool", q), FUSED("QAveragePool", q, scale, zero, scale, zero)};
        for (int k = 0; k < 2; k++) {
            node_set_ints(columns[k], "kernel_shape", INTS(3, 5), &error);
            node_set_ints(columns[k], "strides", INTS(2, 1), &error);
            node_set_ints(columns[k], "pads", INTS(1, 0, 1, 0), &error);
            output(columns[k]->out[0]);
        }
        output(FUSED("QReduceMean", sum, ints(INTS(2, 3)), scale, zero, scalar(DTYPE_F32, 0.01), zero)->out[0]);
        output(FUSED("QReduceMean", sum, ints(INTS(1)), scale, zero, scalar(DTYPE_F32, 0.01), zero)->out[0]);
        output(FUSED("QReduceMean", a, ints(INTS(-1, 0)), scale, zero, scalar(DTYPE_F32, 0.01), zero)->out[0]);
        output(FUSED("QReduceMean", a, NULL, scale, zero, scalar(DTYPE_F32, 0.001), zero)->out[0]);
        check_bytes(-1);
    }
}

/* Floats between bytes: rows of normalisation, Softmax, and factors of channels, which one step makes of the bytes
 * before and into those behind. All factors are small multiples of powers of two, so that these are exact, and ties are
 * many; the others' results are rounded coarsely. Short rows, and floats that are wanted elsewhere, have steps of their
 * own. */
static void rows_of_floats(void)
{
    static const char *const ops[] = {"LayerNormalization", "Softmax", "ScaleShift"};
    for (int i = 0; i < 36; i++) {
        const int form = i / 3 % 4, channels = i % 2 ? 70 : 150, op = i % 3;
        enum dtype type = i / 12 % 2 ? DTYPE_I8 : DTYPE_U8;
        begin();
        struct value *x = form == 1 ? input("x", DIMS(2, 17, channels)) : byte_input("x", type, DIMS(2, 17, channels)),
                     *scale = scalar(DTYPE_F32, 0.0625), *zero = scalar(type, 5), *factor = weight(DIMS(channels)),
                     *from, *out;
        struct value *shift = op == 2 ? weight(DIMS(channels)) : factor;
        for (int64_t k = 0; op == 2 && k < channels; k++) {
            tensor_set_f64(factor->constant, k, (double)(k % 41 - 20) / 8);
            tensor_set_f64(shift->constant, k, (double)(k % 23 - 11) / 4);
        }
        if (op == 2) {
            x = NODE("Transpose", x)->out[0];
            node_set_ints(x->producer, "perm", INTS(0, 2, 1), &error);
        }
        from = form == 1 ? x : NODE("DequantizeLinear", x, scale, zero)->out[0];
        if (op == 2)
            out = FUSED(ops[op], from, factor, shift)->out[0];
        else
            out = op ? NODE(ops[op], from)->out[0] : NODE(ops[op], from, factor, factor)->out[0];
        if (op == 2 && i % 2)
            node_set_string(out->producer, "activation", "Relu", 4, &error);
        if (form == 3)
            output(out);
        output(form == 2 ? out : NODE("QuantizeLinear", out, scalar(DTYPE_F32, 0.25), zero)->out[0]);
        if (form == 0)
            kernel_barred = "dequantize_8";
        if (form == 1)
            kernel_barred = "quantize_8";
        check_filled(-1, op == 2);
    }
}

/* Sums and products of all pixels with one that they share, or that an image's do, on either side. */
static void by_channel(void)
{
    for (int i = 0; i < 64; i++) {
        enum dtype type = i % 2 ? DTYPE_I8 : DTYPE_U8, other = i / 2 % 2 ? DTYPE_I8 : DTYPE_U8;
        const int channels = i % 3 ? 40 : 131;
        begin();
        struct value *x = byte_input("x", type, DIMS(2, channels, 5, 7)),
                     *by = byte_input("by", other, DIMS(i / 4 % 2 ? 2 : 1, channels, 1, 1)),
                     *one[] = {x, scalar(DTYPE_F32, 0.02), scalar(type, i % 5 ? 3 : 100)},
                     *two[] = {by, scalar(DTYPE_F32, i % 7 ? 0.0117 : -0.5), scalar(other, 17)},
                     **a = i / 8 % 2 ? two : one, **b = i / 8 % 2 ? one : two;
        struct node *n = FUSED(i / 16 % 2 ? "QAdd" : "QMul", a[0], a[1], a[2], b[0], b[1], b[2],
                               scalar(DTYPE_F32, 0.031), scalar(type, i % 11));
        if (i / 32)
            node_set_string(n, "activation", "Relu", 4, &error);
        struct node *mean = FUSED("QAveragePool", n->out[0], one[1], one[2], one[1], one[2]);
        node_set_ints(mean, "kernel_shape", INTS(2, 2), &error);
        output(n->out[0]);
        output(mean->out[0]);
        check_bytes(-1);
    }
}

/* Sums that become numbers in the step that makes them: by a factor that is found before it, or behind it of two, and a
 * bias of the columns. Factors of columns, a bias that is one number or is wanted elsewhere, and others are steps. */
static void dynamic_numbers(void)
{
    for (int i = 0; i < 32; i++) {
        const bool maps = i % 2, behind = i / 2 % 2, alone = i / 4 % 2;
        begin();
        struct node *n = NODE("DynamicQuantizeLinear", maps ? input("x", DIMS(2, 7, 5, 6)) : input("x", DIMS(7, 50)));
        node_new_output(n, NULL, &error);
        node_new_output(n, NULL, &error);
        struct value *columns = maps ? weight(DIMS(20, 1, 1)) : weight(DIMS(20)), *one = scalar(DTYPE_F32, 0.37),
                     *factor = i / 8 == 1 ? columns : n->out[1];
        if (!behind)
            factor = NODE("Mul", factor, one)->out[0];
        struct node *sums =
            maps ? NODE("ConvInteger", n->out[0], bytes(DTYPE_I8, DIMS(20, 7, 3, 3), -127, 127), n->out[2])
                 : NODE("MatMulInteger", n->out[0], bytes(DTYPE_I8, DIMS(50, 20), -127, 127), n->out[2]);
        struct node *cast = NODE("Cast", sums->out[0]);
        node_set_int(cast, "to", DTYPE_F32, &error);
        if (behind)
            factor = NODE("Mul", factor, one)->out[0];
        struct value *real = NODE("Mul", alone ? factor : cast->out[0], alone ? cast->out[0] : factor)->out[0],
                     *bias = i / 8 == 2 ? one : columns;
        output(NODE("Add", alone ? bias : real, alone ? real : bias)->out[0]);
        if (i / 8 == 3)
            output(real);
        if (i / 8 != 1)
            kernel_wanted = "factor_f32";
        check_filled(-1, i / 8 != 1); /* factors of columns are fused with their bias */
    }
}

/* Bytes that another node changes in place before the floats made of them are wanted. */
static void rows_overwritten(void)
{
    begin();
    struct value *x = input("x", DIMS(2, 70)), *scale = scalar(DTYPE_F32, 0.0625), *zero = scalar(DTYPE_U8, 5),
                 *q = NODE("QuantizeLinear", x, scale, zero)->out[0],
                 *from = NODE("DequantizeLinear", q, scale, zero)->out[0];
    struct value *changed = NODE("ScatterND", q, ints(INTS(0)), bytes(DTYPE_U8, DIMS(70), 0, 100))->out[0];
    output(NODE("DequantizeLinear", changed, scale, zero)->out[0]);
    struct value *out = NODE("LayerNormalization", from, weight(DIMS(70)), weight(DIMS(70)))->out[0];
    output(NODE("QuantizeLinear", out, scalar(DTYPE_F32, 0.25), zero)->out[0]);
    check_bytes(-1);
}

/* What networks of 16-bit activations are given. */
static void words(void)
{
    for (int i = 0; i < 4; i++) {
        enum dtype dtype = i % 2 ? DTYPE_U16 : DTYPE_I16;
        begin();
        struct value *x = byte_input("x", dtype, DIMS(2, 3, 5, 7)), *zero = scalar(dtype, i % 2 ? 40000 : -3);
        struct value *back = NODE("DequantizeLinear", x, scalar(DTYPE_F32, 0.0007), i < 2 ? NULL : zero)->out[0],
                     *q = NODE("QuantizeLinear", back, scalar(DTYPE_F32, 0.0003), zero)->out[0],
                     *turned = NODE("Transpose", q)->out[0];
        output(back);
        output(turned);
        output(NODE("DequantizeLinear", q, scalar(DTYPE_F32, 0.0003), zero)->out[0]);
        output(NODE("DequantizeLinear", turned, scalar(DTYPE_F32, 0.0003), zero)->out[0]);
        check_bytes(-1);
    }
}

/* Scales and zero points that are inputs. */
static void dynamic_scales(void)
{
    static const enum dtype types[] = {DTYPE_U8, DTYPE_I8, DTYPE_U16, DTYPE_I16};
    for (int i = 0; i < 8; i++) {
        enum dtype type = types[i % 4];
        begin();
        struct value *x = byte_input("x", type, DIMS(2, 3, 5, 7)),
                     *zero = i < 4 ? NULL : byte_input("zero", type, i < 6 ? 0 : 1, (const int64_t[]){1}),
                     *scale = input("scale", i < 6 ? 0 : 1, (const int64_t[]){1});
        output(NODE("DequantizeLinear", x, scale, zero)->out[0]);
        check_bytes(-1);
    }
}

int main(void)
{
    RUN(elements);
    RUN(rows_of_floats);
    RUN(by_channel);
    RUN(dynamic_numbers);
    RUN(rows_overwritten);
    RUN(words);
    RUN(dynamic_scales);
    return TEST_END();
}
