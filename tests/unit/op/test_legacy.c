/* Operators of other frameworks that are defined by ONNX's. Numbers named ncnn, Caffe or Darknet came from ncnn
 * 1.0.20261020 and OpenCV 4.11. */
#include "one.h"

static struct one o;

static void ints(const char *name, int n, const int64_t *values)
{
    node_set_ints(o.n, name, values, (size_t)n, &o.err);
}

static void word(const char *name, const char *text)
{
    node_set_string(o.n, name, text, strlen(text), &o.err);
}

/* Input 0, 1, 2, … */
static void count_up(int rank, const int64_t *dims)
{
    struct tensor *t = one_tensor(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, (double)i);
    one_in(&o, t);
}

static void test_shuffle_channel(void)
{
    static const double want[] = {0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11};
    static const double back[] = {0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11};
    for (int reverse = 0; reverse < 2; reverse++) { /* ncnn */
        one_start(&o, "nn", "ShuffleChannel", 1);
        count_up(DIMS(1, 6, 1, 2));
        node_set_int(o.n, "group", 2, &o.err);
        node_set_int(o.n, "reverse", reverse, &o.err);
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 6, 1, 2), reverse ? back : want));
        one_end(&o);
    }
    one_start(&o, "nn", "ShuffleChannel", 1);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2, 4), VALUES(0, 1, 2, 3, 4, 5, 6, 7)));
    node_set_int(o.n, "group", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(2, 4), VALUES(0, 2, 1, 3, 4, 6, 5, 7)));
    one_end(&o);
    one_start(&o, "nn", "ShuffleChannel", 1);
    count_up(DIMS(1, 4, 0, 3));
    node_set_int(o.n, "group", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 4, 0, 3), VALUES(0)));
    one_end(&o);
    static const int64_t groups[] = {0, -1, 4, INT64_MIN, INT64_MAX};
    for (int i = 0; i < 5; i++) {
        one_start(&o, "nn", "ShuffleChannel", 1);
        count_up(DIMS(1, 6, 1, 2));
        node_set_int(o.n, "group", groups[i], &o.err);
        CHECK(one_fails(&o, "attribute group"));
        one_end(&o);
    }
}

static void reorg(const char *mode, int64_t stride, int rank, const int64_t *dims)
{
    one_start(&o, "nn", "Reorg", 1);
    count_up(rank, dims);
    node_set_int(o.n, "stride", stride, &o.err);
    word("mode", mode);
}

static void test_reorg(void)
{
    reorg("darknet", 2, DIMS(1, 8, 2, 4)); /* Darknet's [reorg] */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 32, 1, 2),
                    VALUES(0, 2, 4, 6, 16, 18, 20, 22, 32, 34, 36, 38, 48, 50, 52, 54, 1, 3, 5, 7, 17, 19, 21, 23, 33,
                           35, 37, 39, 49, 51, 53, 55, 8, 10, 12, 14, 24, 26, 28, 30, 40, 42, 44, 46, 56, 58, 60, 62, 9,
                           11, 13, 15, 25, 27, 29, 31, 41, 43, 45, 47, 57, 59, 61, 63)));
    one_end(&o);
    reorg("CRD", 2, DIMS(1, 2, 2, 4)); /* ncnn */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 8, 1, 2), VALUES(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15)));
    one_end(&o);
    reorg("DCR", 2, DIMS(1, 2, 2, 4)); /* ncnn */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 8, 1, 2), VALUES(0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15)));
    one_end(&o);
    reorg("darknet", 2, DIMS(1, 6, 2, 4));
    CHECK(one_fails(&o, "6 channels are no multiple"));
    one_end(&o);
    reorg("CRD", 2, DIMS(1, 4, 2, 5));
    CHECK(one_fails(&o, "2 does not divide dim 3 of X, 5"));
    one_end(&o);
    reorg("upside", 2, DIMS(1, 4, 2, 4));
    CHECK(one_fails(&o, "attribute mode: 'upside'"));
    one_end(&o);
    static const int64_t strides[] = {0, -2, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        reorg("darknet", strides[i], DIMS(1, 4, 2, 4));
        CHECK(one_fails(&o, "attribute stride"));
        one_end(&o);
    }
}

static void test_normalize(void) /* ncnn */
{
    static const struct {
        int spatial, channel;
        float epsilon;
        const char *mode;
        double want[6];
    } cases[] = {
        {0, 1, 0.75f, "inside", {1.182395, 0.4082483, 0.3941317, -0.2041242, 0, -0.8164966}},
        {1, 1, 0.75f, "inside", {1.077632, 0.1796053, 0.3592106, -0.08980265, 0, -0.3592106}},
        {1, 0, 0.75f, "inside", {1.897367, 0.3162278, 0.4747127, -0.1186782, 0, -0.9176629}},
        {0, 1, 3, "max_outside", {1.2, 0.3333333, 0.4, -0.1666667, 0, -0.6666667}},
        {0, 1, 12, "max_inside", {1.2, 0.2886751, 0.4, -0.1443376, 0, -0.5773503}},
        {0, 1, 1, "outside", {1, 0.3038324, 0.3333333, -0.1519162, 0, -0.6076649}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        one_start(&o, "nn", "Normalize", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 1, 2), VALUES(3, 0.5, 4, -1, 0, 2)));
        one_constant(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(2, 0.5, -1)));
        node_set_int(o.n, "across_spatial", cases[i].spatial, &o.err);
        node_set_int(o.n, "across_channel", cases[i].channel, &o.err);
        node_set_float(o.n, "epsilon", cases[i].epsilon, &o.err);
        word("epsilon_mode", cases[i].mode);
        CHECK(one_near(&o, 0, DIMS(1, 3, 1, 2), cases[i].want, 1e-6));
        one_end(&o);
    }
    one_start(&o, "nn", "Normalize", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 2), VALUES(3, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 2), VALUES(0.6, 0.8)));
    one_end(&o);
    one_start(&o, "nn", "Normalize", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(3, 4)));
    word("epsilon_mode", "beside");
    CHECK(one_fails(&o, "attribute epsilon_mode: 'beside'"));
    one_end(&o);
    one_start(&o, "nn", "Normalize", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(3, 4)));
    CHECK(one_fails(&o, "no axis of X, of rank 1"));
    one_end(&o);
}

static void interp(const char *mode, const char *coordinates)
{
    one_start(&o, "nn", "Interp", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 3), VALUES(1, 3, 2, 0, 4, 8)));
    word("mode", mode);
    word("coordinates", coordinates);
}

static void test_interp(void) /* ncnn */
{
    interp("nearest", "asymmetric");
    ints("size", DIMS(4, 5));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4, 5),
                    VALUES(1, 1, 3, 3, 2, 1, 1, 3, 3, 2, 0, 0, 4, 4, 8, 0, 0, 4, 4, 8)));
    one_end(&o);
    interp("nearest", "asymmetric");
    node_set_floats(o.n, "scales", (float[]){2, 1.5f}, 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4, 4), VALUES(1, 1, 3, 2, 1, 1, 3, 2, 0, 0, 4, 8, 0, 0, 4, 8)));
    one_end(&o);
    interp("linear", "half_pixel");
    ints("size", DIMS(3, 5));
    CHECK(one_near(&o, 0, DIMS(1, 1, 3, 5), VALUES(1, 1.8, 3, 2.4, 2, 0.5, 1.7, 3.5, 4.4, 5, 0, 1.6, 4, 6.4, 8), 1e-6));
    one_end(&o);
    interp("linear", "align_corners");
    ints("size", DIMS(3, 5));
    CHECK(one_near(&o, 0, DIMS(1, 1, 3, 5), VALUES(1, 2, 3, 2.5, 2, 0.5, 2, 3.5, 4.25, 5, 0, 2, 4, 6, 8), 1e-6));
    one_end(&o);
    interp("cubic", "half_pixel");
    ints("size", DIMS(4, 6));
    CHECK(one_near(&o, 0, DIMS(1, 1, 4, 6),
                   VALUES(0.9167786, 1.564499, 2.650284, 2.737183, 1.776123, 1.2061, 0.5147095, 1.324554, 2.656769,
                          3.515381, 3.415527, 3.373383, -0.147522, 0.9293518, 2.66745, 4.797119, 6.115723, 6.943024,
                          -0.5495911, 0.6894073, 2.673935, 5.575317, 7.755127, 9.110306),
                   2e-6));
    one_end(&o);
}

/* Caffe's factors: 3 x 5 zoomed by 3 is 7 x 13, and shrunk by 2 is 2 x 3: every second element. */
static void test_interp_factors(void)
{
    static const double x[] = {1, 3, 2, 5, 4, 0, 4, 8, 1, -2, 2, 2, 0, 7, 7};
    one_start(&o, "nn", "Interp", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3, 5), x));
    word("coordinates", "align_corners");
    node_set_int(o.n, "zoom_factor", 3, &o.err);
    CHECK(one_run(&o) == 0);
    const struct tensor *y = o.out[0] ? o.out[0]->tensor : NULL;
    CHECK(y && y->dims[2] == 7 && y->dims[3] == 13 && fabs(tensor_get_f64(y, 14) - 1.555556) < 1e-6 &&
          fabs(tensor_get_f64(y, 52) - 0.6666667) < 1e-6);
    one_end(&o);
    one_start(&o, "nn", "Interp", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3, 5), x));
    word("coordinates", "align_corners");
    node_set_int(o.n, "shrink_factor", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 3), VALUES(1, 2, 4, 2, 0, 7)));
    one_end(&o);
    one_start(&o, "nn", "Interp", 1); /* the middle row, without its ends */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3, 5), x));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 1, 3), NULL));
    word("coordinates", "align_corners");
    node_set_int(o.n, "pad_begin", -1, &o.err);
    node_set_int(o.n, "pad_end", -1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 3), VALUES(4, 8, 1)));
    one_end(&o);
}

static void test_interp_errors(void)
{
    static const struct {
        const char *attr;
        int64_t value;
    } wrong[] = {{"zoom_factor", 0},     {"zoom_factor", INT64_MAX},   {"shrink_factor", -1},      {"pad_begin", 1},
                 {"pad_end", INT64_MIN}, {"pad_begin", INT64_MIN + 1}, {"shrink_factor", 1 << 21}, {"pad_end", -2}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        interp("linear", "align_corners");
        node_set_int(o.n, wrong[i].attr, wrong[i].value, &o.err);
        CHECK_MSG(one_run(&o) != 0, "%s = %lld", wrong[i].attr, (long long)wrong[i].value);
        one_end(&o);
    }
    interp("linear", "align_corners");
    ints("size", DIMS(1ll << 31, 1ll << 31));
    CHECK(one_fails(&o, "attribute size"));
    one_end(&o);
    interp("linear", "align_corners");
    ints("size", DIMS((1ll << 31) - 1, (1ll << 31) - 1));
    CHECK(one_run(&o) != 0);
    one_end(&o);
}

static void test_crop(void)
{
    one_start(&o, "nn", "Crop", 1);
    count_up(DIMS(1, 2, 3, 4));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 5, 2, 2), NULL));
    ints("offsets", DIMS(1, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2, 2), VALUES(6, 7, 10, 11, 18, 19, 22, 23)));
    one_end(&o);
    one_start(&o, "nn", "Crop", 1);
    count_up(DIMS(1, 2, 3));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1), NULL));
    node_set_int(o.n, "axis", -2, &o.err);
    ints("offsets", DIMS(1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1), VALUES(4)));
    one_end(&o);
    static const int64_t offsets[] = {3, -1, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        one_start(&o, "nn", "Crop", 1);
        count_up(DIMS(1, 2, 3, 4));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 2, 2), NULL));
        ints("offsets", 1, &offsets[i]);
        CHECK(one_run(&o) != 0);
        one_end(&o);
    }
}

static void test_eltwise(void)
{
    static const struct {
        const char *operation;
        int coeffs;
        double want[2];
    } cases[] = {{"sum", 0, {7, 4}}, {"sum", 3, {-0.5, 6}}, {"prod", 0, {8, -6}}, {"max", 0, {4, 3}}};
    for (int i = 0; i < 4; i++) {
        one_start(&o, "nn", "Eltwise", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(1, 2)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(2, -1)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(4, 3)));
        word("operation", cases[i].operation);
        if (cases[i].coeffs)
            node_set_floats(o.n, "coeff", (float[]){1, 0.25f, -0.5f}, 3, &o.err);
        double want[] = {cases[i].want[0], cases[i].want[1]};
        if (cases[i].coeffs)
            want[1] = 2 - 0.25 - 1.5, want[0] = 1 + 0.5 - 2;
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), want));
        one_end(&o);
    }
    one_start(&o, "nn", "Eltwise", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)));
    node_set_floats(o.n, "coeff", (float[]){1, 2}, 2, &o.err);
    CHECK(one_fails(&o, "attribute coeff: 2 values for the sum of 1"));
    one_end(&o);
    one_start(&o, "nn", "Eltwise", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(1, 2)));
    one_end(&o);
}

/* ---- pools ---- */

struct pool_case {
    const char *op, *rounding, *count;
    int size; /* the input is 1, 2, … of size x size */
    int64_t kernel, stride, pad;
    int out;
    double want[9];
};

#define LOWEST -3.4028234663852886e38

static const struct pool_case pools[] = {
    /* ncnn */
    {"MaxPool", "ceil_full", "", 3, 2, 2, 1, 3, {1, 3, LOWEST, 7, 9, LOWEST, LOWEST, LOWEST, LOWEST}},
    {"AveragePool", "ceil_full", "exclude", 3, 2, 2, 1, 3, {1, 2.5, NAN, 5.5, 7, NAN, NAN, NAN, NAN}},
    {"AveragePool", "ceil_full", "include", 3, 2, 2, 1, 3, {0.25, 1.25, 0, 2.75, 7, 0, 0, 0, 0}},
    {"MaxPool", "ceil_full", "", 4, 3, 2, 0, 2, {11, 12, 15, 16}},
    {"AveragePool",
     "ceil_full",
     "include",
     4,
     3,
     2,
     1,
     3,
     {1.555556, 3.333333, 1.333333, 6.333333, 11, 4, 3, 5, 1.777778}},
    {"AveragePool", "ceil_full", "exclude", 4, 3, 2, 1, 3, {3.5, 5, 6, 9.5, 11, 12, 13.5, 15, 16}},
    {"AveragePool", "floor", "include", 4, 3, 2, 1, 2, {1.555556, 3.333333, 6.333333, 11}},
    /* Caffe */
    {"MaxPool", "ceil_caffe", "", 4, 3, 2, 1, 3, {6, 8, 8, 14, 16, 16, 14, 16, 16}},
    {"MaxPool", "ceil_caffe", "", 4, 2, 2, 1, 3, {1, 3, 4, 9, 11, 12, 13, 15, 16}},
    {"MaxPool", "ceil_caffe", "", 4, 3, 2, 0, 2, {11, 12, 15, 16}},
    {"AveragePool",
     "ceil_caffe",
     "include_clipped",
     4,
     3,
     2,
     1,
     3,
     {1.555556, 3.333333, 2, 6.333333, 11, 6, 4.5, 7.5, 4}},
    {"AveragePool", "ceil_caffe", "include_clipped", 4, 2, 2, 1, 3, {0.25, 1.25, 1, 3.5, 8.5, 5, 3.25, 7.25, 4}},
    {"AveragePool", "ceil_caffe", "include_clipped", 4, 3, 2, 0, 2, {6, 7.5, 12, 13.5}},
    /* A stride beyond the kernel: Caffe drops an empty window only where something is padded, ONNX always. */
    {"MaxPool", "ceil_caffe", "", 3, 1, 5, 0, 2, {1, LOWEST, LOWEST, LOWEST}},
    {"MaxPool", "ceil", "", 3, 1, 5, 0, 1, {1}},
    {"AveragePool", "ceil_caffe", "include_clipped", 3, 1, 5, 0, 2, {1, NAN, NAN, NAN}},
    /* Pads beyond the kernel, whose windows see nothing. */
    {"AveragePool", "floor", "include", 1, 1, 1, 1, 3, {0, 0, 0, 0, 1, 0, 0, 0, 0}},
    {"MaxPool", "ceil_full", "", 1, 1, 1, 1, 3, {LOWEST, LOWEST, LOWEST, LOWEST, 1, LOWEST, LOWEST, LOWEST, LOWEST}},
};

static void test_pools(void)
{
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        const struct pool_case *p = &pools[i];
        double in[16];
        for (int k = 0; k < 16; k++)
            in[k] = k + 1;
        one_start(&o, "nn", p->op, 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, p->size, p->size), in));
        ints("kernel_shape", DIMS(p->kernel, p->kernel));
        ints("strides", DIMS(p->stride, p->stride));
        ints("pads", DIMS(p->pad, p->pad, p->pad, p->pad));
        word("rounding", p->rounding);
        if (p->count[0])
            word("count", p->count);
        CHECK_MSG(one_near(&o, 0, DIMS(1, 1, p->out, p->out), p->want, 1e-6), "case %zu", i);
        one_end(&o);
    }
}

static void test_pool_types(void)
{
    one_start(&o, "nn", "MaxPool", 1); /* the same as ONNX's: a symbol passes */
    int64_t n = one_symbol(&o, "N"), w = one_symbol(&o, "W");
    one_typed(&o, DTYPE_F32, DIMS(n, 3, w));
    ints("kernel_shape", DIMS(3));
    ints("strides", DIMS(2));
    word("rounding", "ceil_caffe");
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx3xW/2");
    one_end(&o);
    one_start(&o, "nn", "MaxPool", 1);
    one_in(&o, one_tensor(DTYPE_F16, DIMS(1, 1, 1), VALUES(3)));
    ints("kernel_shape", DIMS(1));
    ints("pads", DIMS(0, 1));
    CHECK(one_gives(&o, 0, DTYPE_F16, DIMS(1, 1, 2), VALUES(3, -65504)));
    one_end(&o);
}

static void test_pool_errors(void)
{
    static const int64_t strides[] = {0, -1, INT64_MIN, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        one_start(&o, "nn", "MaxPool", 1);
        count_up(DIMS(1, 1, 4));
        ints("kernel_shape", DIMS(2));
        ints("strides", 1, &strides[i]);
        CHECK(one_fails(&o, "attribute strides"));
        one_end(&o);
    }
    one_start(&o, "nn", "AveragePool", 1); /* some windows more than can be */
    count_up(DIMS(1, 1, 4));
    ints("kernel_shape", DIMS(1));
    ints("pads", DIMS(1ll << 39, 1ll << 39));
    word("rounding", "ceil_full");
    CHECK(one_run(&o) != 0);
    one_end(&o);
    one_start(&o, "nn", "AveragePool", 1);
    count_up(DIMS(1, 1, 4));
    ints("kernel_shape", DIMS(5));
    CHECK(one_fails(&o, "the window covers 5"));
    one_end(&o);
    one_start(&o, "nn", "AveragePool", 1);
    count_up(DIMS(1, 1, 4));
    ints("kernel_shape", DIMS(2));
    word("count", "some");
    CHECK(one_fails(&o, "attribute count: 'some', want one of exclude, include_clipped, include"));
    one_end(&o);
}

int main(void)
{
    RUN(test_shuffle_channel);
    RUN(test_reorg);
    RUN(test_normalize);
    RUN(test_interp);
    RUN(test_interp_factors);
    RUN(test_interp_errors);
    RUN(test_crop);
    RUN(test_eltwise);
    RUN(test_pools);
    RUN(test_pool_types);
    RUN(test_pool_errors);
    return TEST_END();
}
