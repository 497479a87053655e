/* Rows of bytes: elements of pixels with gaps between them, and Resize. */
#include "quant_test.h"

static struct value *pooled(struct value *x)
{
    struct node *n = NODE("MaxPool", x);
    node_set_ints(n, "kernel_shape", INTS(2, 2), &error);
    return n->out[0];
}

/* Pixels of a few bytes that lie in those of a Concat: written there, read from there, and one for all of them. */
static void short_rows(void)
{
    static const int64_t channels[] = {1, 2, 3, 7, 16, 21, 81, 255, 257};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        int64_t c = channels[i];
        begin();
        struct value *a = pooled(byte_input("a", DTYPE_U8, DIMS(2, c, 9, 12))),
                     *b = pooled(byte_input("b", DTYPE_U8, DIMS(2, c, 9, 12))),
                     *one = byte_input("c", DTYPE_U8, DIMS(c, 1, 1)), *scale = scalar(DTYPE_F32, 0.02),
                     *zero = scalar(DTYPE_U8, 131), *table = bytes(DTYPE_U8, DIMS(256), 0, 255),
                     *sum = FUSED("QAdd", a, scale, zero, b, scale, zero, scale, zero)->out[0],
                     *product = FUSED("QMul", sum, scale, zero, one, scale, zero, scale, zero)->out[0],
                     *looked_up = FUSED("QTable", b, table)->out[0];
        struct node *joined = NODE("Concat", sum, product, looked_up);
        node_set_int(joined, "axis", 1, &error);
        output(pooled(joined->out[0]));
        output(FUSED("QTable", looked_up, table)->out[0]);
        check_bytes(-1);
    }
}

/* Tables that change a scale and a zero point, as before a Concat: lines, but for those that are steeper than 1,
 * fall, or have a step that no line has. */
static void changed_scales(void)
{
    static const double ratios[] = {0, 0.003, 0.25, 0.4999, 0.5, 0.7317, 0.99805, 1, 1.004, 3, -0.5};
    static const int zeros[] = {0, 1, 131, 255};
    const int count = (int)(sizeof ratios / sizeof *ratios);
    for (int i = 0; i < 16 * count; i++) {
        int from = i / count % 4, to = i / count / 4;
        enum dtype in = from % 2 ? DTYPE_I8 : DTYPE_U8, out = to % 2 ? DTYPE_I8 : DTYPE_U8;
        struct tensor *t = tensor_new(out, DIMS(256), &error);
        for (int x = 0; x < 256; x++) {
            double y = rint((x - zeros[from]) * ratios[i % count]) + zeros[to] + (i % 7 == 6 && x == 100);
            tensor_set_i64(t, x, (int64_t)fmin(fmax(y, 0), 255) - (out == DTYPE_I8 ? 128 : 0));
        }
        begin();
        output(FUSED("QTable", byte_input("x", in, DIMS(40, 101)), graph_add_constant(graph, NULL, t, &error))->out[0]);
        check_bytes(-1);
    }
}

static struct value *resized(struct value *x, struct value *sizes, const char *mode, const char *places)
{
    struct node *n = NODE("Resize", x, NULL, NULL, sizes);
    node_set_string(n, "mode", mode, strlen(mode), &error);
    node_set_string(n, "coordinate_transformation_mode", places, strlen(places), &error);
    return n->out[0];
}

/* Bytes between bytes are rounded once, to the even one half way, and overshoot no further than to the last byte. */
static void resized_bytes(void)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    for (int i = 0; i < 18; i++) {
        enum dtype type = i % 2 ? DTYPE_I8 : DTYPE_U8;
        const char *mode = modes[i / 2 % 3];
        begin();
        if (i < 6) { /* one of two that lie side by side */
            struct value *a = byte_input("a", type, DIMS(2, 18, 5, 7)), *b = byte_input("b", type, DIMS(2, 18, 5, 7));
            struct node *joined = NODE("Concat", NODE("MaxPool", a)->out[0], NODE("MaxPool", b)->out[0]);
            for (int k = 0; k < 2; k++)
                node_set_ints(joined->in[k]->producer, "kernel_shape", INTS(1, 2), &error);
            node_set_int(joined, "axis", 1, &error);
            output(resized(joined->in[0], ints(INTS(2, 18, 10, 24)), mode, "half_pixel"));
            output(joined->out[0]);
        } else if (i < 12) {
            output(resized(byte_input("x", type, DIMS(2, 5, 6, 18)), ints(INTS(2, 9, 11, 18)), mode, "align_corners"));
            output(resized(byte_input("y", type, DIMS(1, 3, 9)), ints(INTS(1, 3, 18)), mode, "asymmetric"));
        } else
            output(resized(byte_input("x", type, DIMS(1, 3, 4, 3, 5)), ints(INTS(1, 3, 8, 6, 5)), mode, "half_pixel"));
        check_bytes(-1);
    }
}

int main(void)
{
    RUN(short_rows);
    RUN(changed_scales);
    RUN(resized_bytes);
    return TEST_END();
}
