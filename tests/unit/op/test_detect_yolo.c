/* YoloRegion, and ncnn's YOLO outputs. */
#include "detect_test.h"

/* ---- YoloRegion ---- */

static void yolo(int logistic)
{
    double x[84];
    for (int i = 0; i < 84; i++) {
        x[i] = (float)(sin(i * 1.7 + 0.3) * 1.5);
        x[i] = logistic ? 1 / (1 + exp(-x[i])) : x[i];
    }
    one_start(&o, "nn", "YoloRegion", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 14, 2, 3), x));
    floats("anchors", FLOATS(4, 6, 10, 12, 20, 9));
    node_set_int(o.n, "classes", 2, &o.err);
    ints("mask", DIMS(0, 2));
    ints("image_size", DIMS(32, 48));
}

/* The first rows of twelve. */
static bool yolo_gives(int n, const double *values)
{
    if (one_run(&o) != 0) {
        printf("  %s\n", o.err.text);
        return false;
    }
    const struct tensor *t = o.out[0]->tensor;
    bool fine = t->rank == 3 && t->dims[0] == 1 && t->dims[1] == 12 && t->dims[2] == 7;
    for (int i = 0; fine && i < n; i++)
        if (!(fabs(tensor_get_f64(t, i) - values[i]) < 3e-6)) {
            printf("  number %d is %.9g, want %.9g\n", i, tensor_get_f64(t, i), values[i]);
            fine = false;
        }
    return fine;
}

static void test_yolo(void) /* Darknet */
{
    yolo(0);
    ints("mask", DIMS(1, 2));
    node_set_float(o.n, "threshold", 0.2f, &o.err);
    CHECK(yolo_gives(84, VALUES(0.2030135, 0.1054471, 0.8808334, 0.1789156, 0.405018, 0.3175543, 0, 0.2294555,
                                0.2903054, 0.1185244, 1.223984, 0.3007641, 0, 0.2323586, 0.5988001, 0.1844028,
                                0.1147557, 1.504402, 0.1996924, 0, 0, 0.4011401, 0.401898, 0.2176393, 0.1736098,
                                0.7922627, 0, 0.5300704, 0.7703829, 0.4056142, 0.05745941, 0.5494674, 0.6775047, 0,
                                0.5344798, 0.7971887, 0.1671643, 1.731616, 0.07318126, 0.6221572, 0.4064974, 0,
                                0.07960745, 0.77016, 0.5271009, 0.08471204, 0.7679778, 0.341506, 0.225228, 0.271455,
                                0.6128523, 0.5526087, 0.6445842, 0.1873789, 0, 0, 0.5830105, 0.591238, 0.5946657,
                                0.3754999, 0.2590786, 0.2118051, 0, 0.5049742, 0.8661509, 0.0932236, 0.8729089,
                                0.4698738, 0, 0.3836212, 0.9020927, 0.7779842, 0.06284097, 1.659466, 0.2837048, 0,
                                0.2160369, 0.7277735, 0.8628989, 0.4620887, 0.0916546, 0.8173093, 0.216762, 0.399974)));
    one_end(&o);
    yolo(0);
    node_set_float(o.n, "scale_x_y", 1.1f, &o.err);
    CHECK(yolo_gives(28, VALUES(0.2066482, 0.09099182, 0.3523333, 0.08945782, 0.405018, 0.3175543, 0.07649492,
                                0.2357343, 0.294336, 0.1185244, 1.223984, 0.3007641, 0.1305408, 0.2323586, 0.6086801,
                                0.1778431, 0.0459023, 0.7522012, 0.1996924, 0.1286532, 0.1261603, 0.3912541, 0.4170878,
                                0.2176393, 0.1736098, 0.7922627, 0.1530064, 0.5300704)));
    one_end(&o);
    yolo(1);
    node_set_float(o.n, "scale_x_y", 2, &o.err);
    node_set_int(o.n, "new_coords", 1, &o.err);
    CHECK(yolo_gives(28, VALUES(0.2393603, -0.03910577, 0.2180106, 0.07824753, 0.405018, 0.3175543, 0.07649492,
                                0.2922443, 0.3306109, 0.0817422, 0.7438681, 0.3007641, 0.1305408, 0.2323586, 0.6976002,
                                0.1188057, 0.04205166, 0.4805624, 0.1996924, 0.1286532, 0.1261603, 0.3022802, 0.5537959,
                                0.1962121, 0.1638876, 0.7922627, 0.1530064, 0.5300704)));
    one_end(&o);
    yolo(0); /* the region layer of version 2: anchors in cells */
    node_remove_attr(o.n, "mask");
    node_remove_attr(o.n, "image_size");
    floats("anchors", FLOATS(1.5f, 0.5f, 2, 1));
    node_set_int(o.n, "softmax", 1, &o.err);
    CHECK(yolo_gives(28, VALUES(0.2030135, 0.1054471, 2.114, 0.1192771, 0.405018, 0.3806087, 0.02440932, 0.2294555,
                                0.2903054, 0.189639, 2.175972, 0.3007641, 0.05539589, 0.2453682, 0.5988001, 0.1844028,
                                0.2754138, 1.002935, 0.1996924, 0.1025442, 0.09714817, 0.4011401, 0.401898, 0.3482228,
                                0.3086397, 0.7922627, 0.08386797, 0.7083947)));
    one_end(&o);
}

static void test_yolo_errors(void)
{
    yolo(0);
    ints("mask", DIMS(0, 3));
    CHECK(one_fails(&o, "attribute mask: 3, but there are 3 anchors"));
    one_end(&o);
    yolo(0);
    ints("mask", DIMS(0, -1));
    CHECK(one_fails(&o, "attribute mask: -1"));
    one_end(&o);
    yolo(0);
    floats("anchors", FLOATS(1, 2, 3));
    CHECK(one_fails(&o, "attribute anchors"));
    one_end(&o);
    static const int64_t classes[] = {0, -5, 3, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 5; i++) {
        yolo(0);
        node_set_int(o.n, "classes", classes[i], &o.err);
        CHECK(one_fails(&o, i == 2 ? "14 channels, want 2 boxes of 5 + 3" : "attribute classes"));
        one_end(&o);
    }
    yolo(0);
    ints("image_size", DIMS(0, 10));
    CHECK(one_fails(&o, "attribute image_size"));
    one_end(&o);
}

/* ---- ncnn's YOLO ---- */

/* Values as those of yolo(), and a second input of one row. */
static void yolo3(float confidence, float overlap)
{
    double x[84], y[28];
    for (int i = 0; i < 84; i++)
        x[i] = (float)(sin(i * 1.7 + 0.3) * 1.5);
    for (int i = 0; i < 28; i++)
        y[i] = (float)sin(i * 0.9 + 1) * 2;
    one_start(&o, "nn", "Yolov3DetectionOutput", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 14, 2, 3), x));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 14, 1, 2), y));
    node_set_int(o.n, "classes", 2, &o.err);
    node_set_int(o.n, "boxes", 2, &o.err);
    node_set_float(o.n, "confidence_threshold", confidence, &o.err);
    node_set_float(o.n, "nms_threshold", overlap, &o.err);
    floats("anchors", FLOATS(4, 6, 10, 12, 20, 9, 30, 40));
    ints("mask", DIMS(0, 1, 2, 3));
    floats("anchors_scale", FLOATS(16, 32));
}

static void test_yolo3(void) /* ncnn */
{
    double x[84];
    for (int i = 0; i < 84; i++)
        x[i] = (float)(sin(i * 1.7 + 0.3) * 1.5);
    one_start(&o, "nn", "YoloDetectionOutput", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 14, 2, 3), x));
    node_set_int(o.n, "classes", 2, &o.err);
    node_set_int(o.n, "boxes", 2, &o.err);
    node_set_float(o.n, "confidence_threshold", 0.3f, &o.err);
    floats("anchors", FLOATS(1.5f, 0.5f, 2, 1));
    CHECK(one_near(&o, 0, DIMS(7, 6),
                   VALUES(2, 0.7083947, 0.2270287, 0.2475781, 0.5752515, 0.5562178, 2, 0.6372045, 0.7014316, 0.2224583,
                          0.8393342, 0.58877, 2, 0.5937126, 0.3581026, 0.7814282, 1.097445, 0.9443697, 1, 0.5504472,
                          -0.5881038, 0.1021143, 2.182481, 0.2322143, 1, 0.5058408, -0.5529136, 0.7419226, 0.7121285,
                          0.7983973, 2, 0.4326373, 0.4303954, 0.09023172, 0.5795531, 1.64207, 1, 0.3806087, -0.8539864,
                          0.04580856, 1.260013, 0.1650857),
                   2e-6));
    one_end(&o);
    yolo3(0.5f, 0.45f);
    CHECK(one_near(&o, 0, DIMS(9, 6),
                   VALUES(2, 0.7184399, 0.3467303, 0.2861581, 0.4555499, 0.5176378, 2, 0.6864566, 0.6122513, 0.8017959,
                          0.8432957, 0.924002, 2, 0.6236818, 0.758891, 0.2682473, 0.7818748, 0.542981, 1, 0.6231837,
                          0.4002322, 0.483958, 0.4430615, 0.8390378, 1, 0.607586, 0.3920399, -0.1963727, 0.4558729,
                          1.490536, 1, 0.5954477, -0.02581272, 0.748982, 0.1850276, 0.791338, 1, 0.5182667, 0.3642848,
                          0.1183768, 1.230093, 0.2159518, 2, 0.5173512, 0.8964196, -0.5130743, 0.9726321, 1.027818, 2,
                          0.5084102, 0.87322, -3.297366, 0.9932141, 3.790835),
                   2e-6));
    one_end(&o);
    yolo3(1, 0.45f);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 6), VALUES(0)));
    one_end(&o);
    yolo3(0.5f, 0.45f);
    ints("mask", DIMS(0, 1, 2, 4));
    CHECK(one_fails(&o, "attribute mask: box 3 has no anchor"));
    one_end(&o);
    yolo3(0.5f, 0.45f);
    ints("mask", DIMS(0, 1, 2));
    CHECK(one_fails(&o, "attribute mask: box 3 has no anchor"));
    one_end(&o);
    yolo3(0.5f, NAN);
    CHECK(one_fails(&o, "attribute nms_threshold"));
    one_end(&o);
    static const int64_t counts[] = {0, -1, INT64_MAX, INT64_MIN, 3};
    for (int i = 0; i < 10; i++) {
        yolo3(0.5f, 0.5f);
        node_set_int(o.n, i < 5 ? "classes" : "boxes", counts[i % 5], &o.err);
        CHECK(one_run(&o) != 0);
        one_end(&o);
    }
}

static void test_yolo_expansion(void)
{
    for (int i = 0; i < 6; i++) {
        yolo3(i % 2 ? 0.25f : 0.01f, (float)i / 5);
        CHECK_MSG(expansion_agrees(&o, 2e-6), "case %d", i);
        one_end(&o);
    }
    yolo3(1, 0.45f);
    CHECK(expansion_agrees(&o, 2e-6));
    one_end(&o);
    for (int i = 0; i < 6; i++) {
        seed = (uint32_t)i;
        one_start(&o, "nn", "YoloDetectionOutput", 1);
        one_in(&o, random_tensor(DIMS(1, 24, 4, 5), -2, 2));
        node_set_int(o.n, "classes", 3, &o.err);
        node_set_int(o.n, "boxes", 3, &o.err);
        node_set_float(o.n, "confidence_threshold", 0.25f, &o.err);
        floats("anchors", FLOATS(1, 2, 3, 2, 0.5f, 0.25f));
        CHECK_MSG(expansion_agrees(&o, 2e-6), "case %d", i);
        one_end(&o);
    }
}

int main(void)
{
    RUN(test_yolo);
    RUN(test_yolo_errors);
    RUN(test_yolo3);
    RUN(test_yolo_expansion);
    return TEST_END();
}
