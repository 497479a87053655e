/* Transposed convolutions against the reference. */
#include "exec_test.h"

static void test_transposed(void)
{
    static const int64_t cases[][10] = {
        /* c, out, h, w, kernel, stride, dilation, pad, output_padding, out_channels unused */
        {3, 5, 4, 5, 2, 2, 1, 0, 0}, {8, 4, 5, 5, 3, 2, 1, 1, 1},  {4, 7, 3, 3, 4, 2, 1, 1, 0},
        {2, 3, 4, 4, 3, 1, 2, 2, 0}, {5, 6, 3, 4, 2, 3, 1, 0, 0},  {4, 33, 6, 5, 5, 2, 1, 2, 1},
        {9, 1, 7, 5, 2, 2, 1, 0, 0}, {6, 17, 3, 9, 3, 3, 1, 0, 0}, {6, 5, 3, 4, 3, 3, 1, 1, 0},
        {6, 5, 3, 4, 2, 2, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t *t = cases[i];
        begin();
        struct value *x = NODE("Relu", input("x", DIMS(2, t[0], t[2], t[3])))->out[0];
        struct node *n = NODE("ConvTranspose", x, weight(DIMS(t[0], t[1], t[4], t[4])), weight(DIMS(t[1])));
        node_set_ints(n, "strides", INTS(t[5], t[5]), &error);
        node_set_ints(n, "dilations", INTS(t[6], t[6]), &error);
        node_set_ints(n, "pads", INTS(t[7], t[7], t[7], t[7]), &error);
        node_set_ints(n, "output_padding", INTS(t[8], t[8]), &error);
        output(NODE("MaxPool", n->out[0])->out[0]);
        node_set_ints(n->out[0]->uses[0].node, "kernel_shape", INTS(2, 2), &error);
        check();
    }
}

/* Rows, volumes, and groups: of one channel, of some; none is left to the reference. */
static void test_transposed_lowered(void)
{
    static const struct {
        int rank, groups;
        int64_t x[5], w[5], stride, pad;
    } cases[] = {
        {3, 1, {2, 5, 3, 4, 3}, {5, 7, 2, 2, 2}, 2, 0}, {3, 1, {1, 4, 3, 2, 5}, {4, 18, 4, 3, 5}, 2, 1},
        {3, 2, {1, 6, 2, 3, 4}, {6, 5, 3, 3, 3}, 1, 1}, {2, 6, {2, 6, 5, 4}, {6, 1, 4, 4}, 2, 1},
        {2, 3, {1, 6, 5, 4}, {6, 17, 2, 2}, 2, 0},      {1, 2, {2, 4, 9}, {4, 3, 5}, 3, 2},
        {1, 1, {1, 3, 9}, {3, 4, 4}, 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rank = cases[i].rank;
        int64_t bias = cases[i].w[1] * cases[i].groups, stride = cases[i].stride, pad = cases[i].pad;
        begin();
        struct value *x = input("x", 2 + rank, cases[i].x), *w = weight(2 + rank, cases[i].w);
        struct node *n = NODE("ConvTranspose", x, w, weight(DIMS(bias)));
        node_set_ints(n, "strides", (int64_t[]){stride, stride, stride}, rank, &error);
        node_set_ints(n, "pads", (int64_t[]){pad, pad, pad, pad, pad, pad}, 2 * rank, &error);
        node_set_int(n, "group", cases[i].groups, &error);
        output(n->out[0]);
        check();
    }
}

/* Phases of a row that have equally many taps are columns of one product: of one tap and of several, with pads that
 * are whole steps, in one dimension too. */
static void test_joined_phases(void)
{
    static const int64_t cases[][5] = {/* out, kernel, stride, pad, w */
                                       {1, 2, 2, 0, 5},
                                       {3, 6, 3, 3, 7},
                                       {1, 16, 8, 0, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t *t = cases[i];
        begin();
        struct value *x = input("x", DIMS(2, 7, t[4]));
        struct node *n = NODE("ConvTranspose", x, weight(DIMS(7, t[0], t[1])), weight(DIMS(t[0])));
        node_set_ints(n, "strides", INTS(t[2]), &error);
        node_set_ints(n, "pads", INTS(t[3], t[3]), &error);
        output(n->out[0]);
        kernel_wanted = "joined_f32";
        check();
    }
}

/* Places that no tap reaches have the bias, whatever the input holds; all that output_shape or auto_pad want beyond the
 * windows lies behind them. */
static void test_deconv_gaps(void)
{
    static const char *const auto_pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER"};
    static const int64_t shapes[] = {0, 5, 6, 7, 13, 40};
    for (size_t i = 0; i < 3 * sizeof shapes / sizeof *shapes; i++) {
        int64_t shape = shapes[i / 3];
        begin();
        struct node *n = NODE("ConvTranspose", input("x", DIMS(2, 1, 3, 3)), weight(DIMS(1, 4, 1, 1)), weight(DIMS(4)));
        node_set_ints(n, "strides", INTS(3, 2), &error);
        node_set_string(n, "auto_pad", auto_pads[i % 3], strlen(auto_pads[i % 3]), &error);
        if (shape)
            node_set_ints(n, "output_shape", INTS(shape, shape), &error);
        output(n->out[0]);
        struct tensor *t = random_tensor(DTYPE_F32, DIMS(2, 1, 3, 3), 1);
        tensor_set_f64(t, 0, INFINITY);
        tensor_set_f64(t, 17, NAN);
        check_with((struct item *[]){item_of_tensor(t, &error)});
    }
}

/* One weight, used by transposed convolutions that pack it differently. */
static void test_shared_transposed(void)
{
    static const int64_t ways[][3] = {{1, 1, 1}, {2, 1, 1}, {2, 1, 0}, {2, 2, 1}, {3, 1, 2}, {1, 2, 0}, {2, 1, 1}};
    begin();
    struct value *x = input("x", DIMS(1, 5, 6, 7)), *w = weight(DIMS(5, 4, 3, 3));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct node *n = NODE("ConvTranspose", x, w);
        node_set_ints(n, "strides", INTS(ways[i][0], ways[i][0]), &error);
        node_set_ints(n, "dilations", INTS(ways[i][1], ways[i][1]), &error);
        node_set_ints(n, "pads", INTS(ways[i][2], ways[i][2], ways[i][2], ways[i][2]), &error);
        output(n->out[0]);
    }
    check();
}

int main(void)
{
    RUN(test_transposed);
    RUN(test_transposed_lowered);
    RUN(test_joined_phases);
    RUN(test_deconv_gaps);
    RUN(test_shared_transposed);
    return TEST_END();
}
