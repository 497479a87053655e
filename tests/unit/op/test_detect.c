/* PriorBox and DetectionOutput. */
#include "detect_test.h"

/* ---- PriorBox ---- */

/* 2 x 3 cells on an image of 100 x 300. */
static void prior(int64_t height, int64_t width)
{
    one_start(&o, "nn", "PriorBox", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, height, width), NULL));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 3, 100, 300), NULL));
    floats("min_sizes", FLOATS(30));
}

/* Whether numbers of row 0 (boxes) or 1 (variances), from the first of a cell on, are these. */
static bool priors_are(int row, int64_t cell, int64_t per_cell, int64_t cells, int n, const double *values)
{
    if (one_run(&o) != 0) {
        printf("  %s\n", o.err.text);
        return false;
    }
    const struct tensor *t = o.out[0]->tensor;
    if (t->rank != 3 || t->dims[0] != 1 || t->dims[1] != 2 || t->dims[2] != 4 * cells * per_cell)
        return false;
    for (int i = 0; i < n; i++) {
        double got = tensor_get_f64(t, row * t->dims[2] + cell * per_cell * 4 + i);
        if (!(fabs(got - values[i]) < 1e-6)) {
            printf("  number %d is %.9g, want %.9g\n", i, got, values[i]);
            return false;
        }
    }
    return true;
}

static const double boxes6[] = {0.45,      0.6,       0.55,      0.9,       0.4292893, 0.537868,  0.5707107, 0.962132,
                                0.4292893, 0.643934,  0.5707107, 0.856066,  0.4646447, 0.537868,  0.5353553, 0.962132,
                                0.4133975, 0.6633974, 0.5866025, 0.8366026, 0.4711325, 0.4901924, 0.5288675, 1.009808};

static void test_prior_caffe(void)
{
    prior(2, 3);
    floats("max_sizes", FLOATS(60));
    floats("aspect_ratios", FLOATS(2, 3, 1, 2, 0.5f)); /* 1, repeats and transposes are there already */
    floats("variances", FLOATS(0.1f, 0.1f, 0.2f, 0.2f));
    CHECK(priors_are(0, 4, 6, 6, 24, boxes6));
    CHECK(priors_are(1, 5, 6, 6, 8, VALUES(0.1, 0.1, 0.2, 0.2, 0.1, 0.1, 0.2, 0.2)));
    one_end(&o);
    prior(2, 3);
    floats("max_sizes", FLOATS(60));
    floats("aspect_ratios", FLOATS(2, 3));
    floats("step", FLOATS(40, 40));
    node_set_int(o.n, "clip", 1, &o.err);
    CHECK(priors_are(0, 5, 6, 6, 24,
                     VALUES(0.2833333, 0.45, 0.3833333, 0.75, 0.2626227, 0.387868, 0.404044, 0.8121321, 0.2626227,
                            0.493934, 0.404044, 0.706066, 0.297978, 0.387868, 0.3686887, 0.8121321, 0.2467308,
                            0.5133975, 0.4199359, 0.6866025, 0.3044658, 0.3401924, 0.3622009, 0.8598076)));
    one_end(&o);
    prior(2, 3);
    floats("min_sizes", FLOATS(30, 40));
    floats("max_sizes", FLOATS(60, 70));
    floats("aspect_ratios", FLOATS(2));
    floats("variances", FLOATS(0.1f));
    CHECK(priors_are(0, 4, 8, 6, 32,
                     VALUES(0.45, 0.6, 0.55, 0.9, 0.4292893, 0.537868, 0.5707107, 0.962132, 0.4292893, 0.643934,
                            0.5707107, 0.856066, 0.4646447, 0.537868, 0.5353553, 0.962132, 0.4333333, 0.55, 0.5666667,
                            0.95, 0.4118083, 0.4854249, 0.5881917, 1.014575, 0.4057191, 0.6085786, 0.5942809, 0.8914214,
                            0.4528596, 0.4671573, 0.5471405, 1.032843)));
    CHECK(priors_are(1, 0, 8, 6, 4, VALUES(0.1, 0.1, 0.1, 0.1)));
    one_end(&o);
}

static void test_prior_ncnn(void)
{
    prior(2, 3);
    floats("min_sizes", FLOATS(30, 50));
    floats("aspect_ratios", FLOATS(1, 2));
    floats("step", FLOATS(33, 40));
    node_set_int(o.n, "flip", 0, &o.err);
    node_set_int(o.n, "clip", 1, &o.err);
    node_set_int(o.n, "unique", 0, &o.err);
    node_set_float(o.n, "offset", 0.25f, &o.err);
    CHECK(priors_are(0, 4, 6, 6, 24,
                     VALUES(0.1166667, 0.2625, 0.2166667, 0.5625, 0.1166667, 0.2625, 0.2166667, 0.5625, 0.09595599,
                            0.306434, 0.2373773, 0.518566, 0.08333334, 0.1625, 0.25, 0.6625, 0.08333334, 0.1625, 0.25,
                            0.6625, 0.04881554, 0.2357233, 0.2845178, 0.5892767)));
    CHECK(priors_are(0, 0, 6, 6, 4, VALUES(0, 0, 0.08333334, 0.2325)));
    one_end(&o);
    prior(3, 7);
    floats("aspect_ratios", FLOATS(2));
    node_set_int(o.n, "step_ceil", 1, &o.err);
    node_set_int(o.n, "center_less_one", 1, &o.err);
    CHECK(priors_are(0, 8, 3, 21, 12,
                     VALUES(0.1633333, 0.355, 0.2633334, 0.655, 0.1426227, 0.398934, 0.284044, 0.611066, 0.177978,
                            0.292868, 0.2486887, 0.717132)));
    one_end(&o);
}

static void test_prior_sizes(void)
{
    one_start(&o, "nn", "PriorBox", 1); /* the size of the image as an attribute */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 2), NULL));
    floats("min_sizes", FLOATS(10));
    ints("image_size", DIMS(20, 40));
    CHECK(
        one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 8),
                  VALUES(0.125, 0.25, 0.375, 0.75, 0.625, 0.25, 0.875, 0.75, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)));
    one_end(&o);
    prior(0, 3);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 0), VALUES(0)));
    one_end(&o);
    one_start(&o, "nn", "PriorBox", 1);
    int64_t w = one_symbol(&o, "W");
    one_typed(&o, DTYPE_F32, DIMS(1, 1, 5, w));
    floats("min_sizes", FLOATS(10, 20));
    ints("image_size", DIMS(20, 40));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 1x2x40*W");
    one_end(&o);
}

static void test_prior_errors(void)
{
    static const struct {
        const char *attr;
        float value;
        const char *want;
    } wrong[] = {{"min_sizes", -1, "attribute min_sizes"},  {"min_sizes", NAN, "attribute min_sizes"},
                 {"aspect_ratios", 0, "attribute aspect_"}, {"aspect_ratios", INFINITY, "attribute aspect_"},
                 {"step", 3, "attribute step: 1 values"},   {"max_sizes", -3, "attribute max_sizes"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        prior(2, 3);
        floats(wrong[i].attr, 1, &wrong[i].value);
        CHECK(one_fails(&o, wrong[i].want));
        one_end(&o);
    }
    prior(2, 3);
    floats("max_sizes", FLOATS(50, 60));
    CHECK(one_fails(&o, "attribute max_sizes: 2 values, want none or 1"));
    one_end(&o);
    prior(2, 3);
    floats("variances", FLOATS(1, 2));
    CHECK(one_fails(&o, "attribute variances: 2 values"));
    one_end(&o);
    prior(2, 3);
    ints("image_size", DIMS(-5, 3));
    CHECK(one_fails(&o, "attribute image_size"));
    one_end(&o);
    one_start(&o, "nn", "PriorBox", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1, 2), NULL));
    floats("min_sizes", FLOATS(10));
    CHECK(one_fails(&o, "neither attribute image_size nor input image"));
    one_end(&o);
    one_start(&o, "nn", "PriorBox", 1); /* cells without channels, so many of them that their boxes fit nowhere */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 0, 1 << 20, 1 << 20), NULL));
    floats("min_sizes", FLOATS(10));
    ints("image_size", DIMS(20, 40));
    CHECK(one_fails(&o, "too many"));
    one_end(&o);
}

/* ---- DetectionOutput ---- */

static const double ssd_boxes[] = {0.1,  0.1,  0.3,  0.3,  0.12, 0.1, 0.32, 0.3,  0.5, 0.5, 0.9, 0.8,
                                   0.52, 0.48, 0.88, 0.82, 0.05, 0.6, 0.25, 0.95, 0.4, 0.1, 0.6, 0.2};
static const double ssd_loc[] = {0.1, -0.2, 0.3, 0.1, 0,    0.1, 0.2, -0.1, 0.5, 0.5, -0.5, 0.25,
                                 0.4, 0.6,  -.3, 0.2, -1.0, 0,   0.5, 0.5,  0,   0,   0,    0};
static const double ssd_conf[] = {0.1,  0.8, 0.1,  0.15, 0.75, 0.1, 0.2, 0.1, 0.7,
                                  0.05, 0.3, 0.65, 0.5,  0.2,  0.3, 0.3, 0.4, 0.3};

/* Six priors, three classes; sets: of locations. */
static void ssd(int sets, const double *conf)
{
    double priors[48], loc[72];
    static const double variances[] = {0.1, 0.1, 0.2, 0.2}, factors[] = {1, 0.5, -1};
    for (int i = 0; i < 24; i++) {
        priors[i] = ssd_boxes[i];
        priors[24 + i] = variances[i % 4];
        for (int k = 0; k < sets; k++)
            loc[(i / 4 * sets + k) * 4 + i % 4] = ssd_loc[i] * factors[k];
    }
    one_start(&o, "nn", "DetectionOutput", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 24 * sets), loc));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 18), conf));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 24), priors));
    node_set_int(o.n, "num_classes", 3, &o.err);
    node_set_int(o.n, "share_location", sets == 1, &o.err);
    node_set_float(o.n, "nms_threshold", 0.45f, &o.err);
    node_set_float(o.n, "confidence_threshold", 0.25f, &o.err);
    node_set_int(o.n, "keep_top_k", 10, &o.err);
    word("code_type", "CENTER_SIZE");
}

static bool caffe_gives(int rows, const double *values)
{
    return one_near(&o, 0, DIMS(1, 1, rows, 7), values, 2e-6);
}

static void test_ssd_codes(void)
{
    ssd(1, ssd_conf); /* Caffe */
    CHECK(caffe_gives(6, VALUES(0, 1, 0.8, 0.09581635, 0.09397987, 0.3081837, 0.2980202, 0, 1, 0.4, 0.4, 0.1, 0.6, 0.2,
                                0, 1, 0.3, 0.5448824, 0.4934621, 0.8839176, 0.8473378, 0, 2, 0.7, 0.5390325, 0.5073093,
                                0.9009675, 0.8226906, 0, 2, 0.3, 0.01948291, 0.5815951, 0.2405171, 0.9684049, 0, 2, 0.3,
                                0.4, 0.1, 0.6, 0.2)));
    one_end(&o);
    ssd(1, ssd_conf);
    word("code_type", "CORNER");
    CHECK(caffe_gives(6, VALUES(0, 1, 0.8, 0.11, 0.08, 0.36, 0.32, 0, 1, 0.4, 0.4, 0.1, 0.6, 0.2, 0, 1, 0.3, 0.56, 0.54,
                                0.82, 0.86, 0, 2, 0.7, 0.55, 0.55, 0.8, 0.85, 0, 2, 0.3, -0.05, 0.6, 0.35, 1.05, 0, 2,
                                0.3, 0.4, 0.1, 0.6, 0.2)));
    one_end(&o);
    ssd(1, ssd_conf);
    node_set_int(o.n, "variance_encoded_in_target", 1, &o.err);
    CHECK(caffe_gives(6, VALUES(0, 1, 0.8, 0.08501412, 0.0494829, 0.3549859, 0.2705171, 0, 1, 0.4, 0.4, 0.1, 0.6, 0.2,
                                0, 1, 0.3, 0.7106527, 0.6463615, 0.9773473, 1.061638, 0, 2, 0.7, 0.7786939, 0.6073961,
                                1.021306, 0.9926038, 0, 2, 0.3, -0.2148721, 0.4864738, 0.1148721, 1.063526, 0, 2, 0.3,
                                0.4, 0.1, 0.6, 0.2)));
    one_end(&o);
    ssd(1, ssd_conf); /* by hand: 0.05 - 0.1 * 0.2 < 0 and 0.95 + 0.2 * 0.5 * 0.35 */
    word("code_type", "CORNER_SIZE");
    node_set_float(o.n, "confidence_threshold", 0.69f, &o.err);
    CHECK(caffe_gives(2, VALUES(0, 1, 0.8, 0.102, 0.096, 0.312, 0.304, 0, 2, 0.7, 0.52, 0.515, 0.86, 0.815)));
    one_end(&o);
    ssd(3, ssd_conf);
    CHECK(caffe_gives(6, VALUES(0, 1, 0.8, 0.09795456, 0.09699499, 0.3040455, 0.299005, 0, 1, 0.4, 0.4, 0.1, 0.6, 0.2,
                                0, 1, 0.3, 0.5325198, 0.4867658, 0.8818802, 0.8336343, 0, 2, 0.7, 0.4589658, 0.4923156,
                                0.9010342, 0.7776845, 0, 2, 0.3, 0.07951625, 0.6166534, 0.2604837, 0.9333465, 0, 2, 0.3,
                                0.4, 0.1, 0.6, 0.2)));
    one_end(&o);
}

static void test_ssd_limits(void)
{
    ssd(1, ssd_conf); /* Caffe */
    node_set_int(o.n, "keep_top_k", 3, &o.err);
    CHECK(caffe_gives(3, VALUES(0, 1, 0.8, 0.09581635, 0.09397987, 0.3081837, 0.2980202, 0, 1, 0.4, 0.4, 0.1, 0.6, 0.2,
                                0, 2, 0.7, 0.5390325, 0.5073093, 0.9009675, 0.8226906)));
    one_end(&o);
    ssd(1, ssd_conf);
    node_set_int(o.n, "top_k", 2, &o.err);
    node_set_float(o.n, "nms_threshold", 0.9f, &o.err);
    CHECK(caffe_gives(4, VALUES(0, 1, 0.8, 0.09581635, 0.09397987, 0.3081837, 0.2980202, 0, 1, 0.75, 0.1159189,
                                0.1039801, 0.3240811, 0.3000199, 0, 2, 0.7, 0.5390325, 0.5073093, 0.9009675, 0.8226906,
                                0, 2, 0.65, 0.5448824, 0.4934621, 0.8839176, 0.8473378)));
    one_end(&o);
    ssd(1, ssd_conf); /* 0.9, once a box is kept 0.72: the two of class 1 overlap by 0.79 */
    node_set_int(o.n, "top_k", 2, &o.err);
    node_set_float(o.n, "nms_threshold", 0.9f, &o.err);
    node_set_float(o.n, "eta", 0.8f, &o.err);
    CHECK(caffe_gives(2, VALUES(0, 1, 0.8, 0.09581635, 0.09397987, 0.3081837, 0.2980202, 0, 2, 0.7, 0.5390325,
                                0.5073093, 0.9009675, 0.8226906)));
    one_end(&o);
    ssd(1, ssd_conf);
    node_set_float(o.n, "confidence_threshold", 0.95f, &o.err);
    CHECK(caffe_gives(1, VALUES(0, -1, -1, -1, -1, -1, -1)));
    one_end(&o);
    ssd(1, ssd_conf);
    word("code_type", "CORNER");
    node_set_int(o.n, "background_label_id", 2, &o.err);
    node_set_int(o.n, "clip", 1, &o.err);
    node_set_float(o.n, "confidence_threshold", 0.45f, &o.err);
    CHECK(caffe_gives(2, VALUES(0, 0, 0.5, 0, 0.6, 0.35, 1, 0, 1, 0.8, 0.11, 0.08, 0.36, 0.32)));
    one_end(&o);
}

static void test_ssd_ncnn(void)
{
    static const double want[] = {1, 0.8, 0.09581635, 0.09397987, 0.3081837, 0.2980202,
                                  2, 0.7, 0.5390325,  0.5073093,  0.9009674, 0.8226906};
    ssd(1, ssd_conf);
    word("rows", "ncnn");
    node_set_int(o.n, "top_k", 2, &o.err);
    node_set_int(o.n, "keep_top_k", 3, &o.err);
    CHECK(one_near(&o, 0, DIMS(2, 6), want, 2e-6));
    one_end(&o);
    ssd(1, ssd_conf);
    word("rows", "ncnn");
    node_set_float(o.n, "confidence_threshold", 0.95f, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 6), VALUES(0)));
    one_end(&o);
}

/* NaN is no score, and a box of NaN overlaps nothing. */
static void test_ssd_nan(void)
{
    double conf[18];
    for (int i = 0; i < 18; i++)
        conf[i] = i < 9 ? NAN : i == 10 ? INFINITY : 0;
    ssd(1, conf);
    CHECK(caffe_gives(1, VALUES(0, 1, INFINITY, 0.5448824, 0.4934621, 0.8839176, 0.8473378)));
    one_end(&o);
}

/* Two images, the second with priors of its own and a RefineDet stage that takes prior 1 for empty. */
static void test_ssd_batch(void)
{
    one_start(&o, "nn", "DetectionOutput", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 8), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 4), VALUES(0.5, 0.5, 0.25, 0.75, 0.5, 0.5, 0.25, 0.75)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2, 8),
                          VALUES(0, 0, 1, 1, 0, 0, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 3, 3, 0, 0, 4, 4, 1, 1, 1, 1, 1,
                                 1, 1, 1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 4), VALUES(0, 1, 0, 1, 0, 1, 1, 0)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 8), VALUES(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)));
    node_set_int(o.n, "num_classes", 2, &o.err);
    word("code_type", "CENTER_SIZE");
    node_set_float(o.n, "confidence_threshold", 0.1f, &o.err);
    CHECK(caffe_gives(3, VALUES(0, 1, 0.75, 0, 0, 2, 2, 0, 1, 0.5, 0, 0, 1, 1, 1, 1, 0.5, 3, 0, 6, 3)));
    one_end(&o);
}

static void test_ssd_errors(void)
{
    static const struct {
        const char *attr;
        int64_t value;
        const char *want;
    } wrong[] = {{"num_classes", 0, "attribute num_classes"},
                 {"num_classes", -1, "attribute num_classes"},
                 {"num_classes", INT64_MAX, "attribute num_"},
                 {"num_classes", 4, "input conf has rows of 18, want 24"},
                 {"share_location", 0, "input loc has rows of 24, want 72"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ssd(1, ssd_conf);
        node_set_int(o.n, wrong[i].attr, wrong[i].value, &o.err);
        CHECK(one_fails(&o, wrong[i].want));
        one_end(&o);
    }
    ssd(1, ssd_conf);
    word("code_type", "MIDDLE");
    CHECK(one_fails(&o, "attribute code_type: 'MIDDLE', want one of CORNER, CENTER_SIZE, CORNER_SIZE"));
    one_end(&o);
    ssd(1, ssd_conf);
    node_set_float(o.n, "eta", 0, &o.err);
    CHECK(one_fails(&o, "attribute eta"));
    one_end(&o);
    static const int64_t limits[] = {INT64_MIN, 0, INT64_MAX};
    for (int i = 0; i < 3; i++) { /* none, all, all */
        ssd(1, ssd_conf);
        node_set_int(o.n, "top_k", limits[i], &o.err);
        node_set_int(o.n, "keep_top_k", limits[i], &o.err);
        CHECK(one_run(&o) == 0 && o.out[0]->tensor->dims[2] == (limits[i] == 0 ? 1 : 6));
        one_end(&o);
    }
}

/* Sets of boxes with low corners below the high ones, and variances. */
static struct tensor *random_priors(int64_t sets, int64_t n)
{
    struct tensor *t = random_tensor(DIMS(sets, 2, n * 4), 0, 0.5);
    for (int64_t i = 0; i < t->count; i++)
        if (i % (8 * n) < 4 * n && i % 4 >= 2)
            tensor_set_f64(t, i, tensor_get_f64(t, i - 2) + 0.1 + 0.5 * chance());
    return t;
}

static void random_ssd(uint32_t bits)
{
    static const char *const codes[] = {"CORNER", "CENTER_SIZE", "CORNER_SIZE"};
    int64_t images = 1 + (bits & 1), classes = 2 + (bits >> 1 & 3), n = 13, share = bits >> 3 & 1;
    int64_t rows = n * 4 * (share ? 1 : classes);
    bool arm = bits >> 4 & 1;
    one_start(&o, "nn", "DetectionOutput", 1);
    one_in(&o, random_tensor(DIMS(images, rows), -1, 1));
    one_in(&o, random_tensor(DIMS(images, n, classes), 0, 1));
    one_in(&o, random_priors(bits >> 5 & 1 ? images : 1, n));
    one_in(&o, arm ? random_tensor(DIMS(images, 2 * n), 0, 1) : NULL);
    one_in(&o, arm ? random_tensor(DIMS(images, 4 * n), -1, 1) : NULL);
    node_set_int(o.n, "num_classes", classes, &o.err);
    node_set_int(o.n, "share_location", share, &o.err);
    node_set_int(o.n, "variance_encoded_in_target", bits >> 6 & 1, &o.err);
    node_set_int(o.n, "background_label_id", (int64_t)(bits >> 7 & 3) - 1, &o.err);
    node_set_int(o.n, "clip", bits >> 9 & 1, &o.err);
    node_set_int(o.n, "top_k", (int64_t)(bits >> 10 & 3) * 3 - 1, &o.err);
    node_set_int(o.n, "keep_top_k", (int64_t)(bits >> 12 & 3) * 4 - 1, &o.err);
    node_set_float(o.n, "confidence_threshold", bits >> 14 & 1 ? 0.5f : 0.97f, &o.err);
    node_set_float(o.n, "nms_threshold", (float)(bits >> 15 & 3) / 3, &o.err);
    node_set_float(o.n, "objectness_score", 0.25f, &o.err);
    word("rows", bits >> 17 & 1 ? "ncnn" : "caffe");
    word("code_type", codes[(bits >> 18 & 3) % 3]);
}

static void test_ssd_expansion(void)
{
    for (uint32_t i = 0; i < 300; i++) {
        seed = i;
        for (int k = 0; k < 3; k++)
            chance();
        random_ssd(seed >> 4);
        CHECK_MSG(expansion_agrees(&o, 2e-6), "case %u", i);
        one_end(&o);
    }
    ssd(1, ssd_conf); /* a threshold that falls is no operator of ONNX */
    node_set_float(o.n, "eta", 0.5f, &o.err);
    node_set_float(o.n, "nms_threshold", 0.6f, &o.err);
    CHECK(!expansion_replace(&o) && strstr(o.err.text, "eta 0.5"));
    one_end(&o);
    ssd(1, ssd_conf); /* but up to 0.5 it does not fall */
    node_set_float(o.n, "eta", 0.5f, &o.err);
    CHECK(expansion_agrees(&o, 2e-6));
    one_end(&o);
}

int main(void)
{
    RUN(test_prior_caffe);
    RUN(test_prior_ncnn);
    RUN(test_prior_sizes);
    RUN(test_prior_errors);
    RUN(test_ssd_codes);
    RUN(test_ssd_limits);
    RUN(test_ssd_ncnn);
    RUN(test_ssd_nan);
    RUN(test_ssd_batch);
    RUN(test_ssd_errors);
    RUN(test_ssd_expansion);
    return TEST_END();
}
