/* DetectionPostProcess. */
#include "detect_test.h"

/* ---- DetectionPostProcess ---- */

static const double post_anchors[] = {0.3, 0.3, 0.4, 0.4, 0.3, 0.3, 0.4, 0.4, 0.6, 0.6, 0.2, 0.3,
                                      0.6, 0.6, 0.2, 0.3, 0.5, 0.5, 0.5, 0.5, 0.2, 0.8, 0.3, 0.3};
static const double post_boxes[] = {1,  1,   0.5, 0.5,  1.2, 1.1, 0.5, 0.4, -1, 0, 0,  0,
                                    -1, 0.2, 0.1, -0.1, 2,   -2,  1,   1,   0,  0, -1, -1};
static const double post_scores[] = {0,   0.9,  0.2, 0,   0.8, 0.85, 0.1, 0.5, 0.4,
                                     0.1, 0.45, 0.6, 0.5, 0.1, 0.3,  0,   0.2, 0.25};

static void scales(float position, float size)
{
    node_set_float(o.n, "y_scale", position, &o.err);
    node_set_float(o.n, "x_scale", position, &o.err);
    node_set_float(o.n, "h_scale", size, &o.err);
    node_set_float(o.n, "w_scale", size, &o.err);
}

static void post(int64_t most, int64_t labels, int64_t each, bool regular, float score, int64_t classes)
{
    one_start(&o, "nn", "DetectionPostProcess", 4);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 6, 4), post_boxes));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 6, 3), post_scores));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(6, 4), post_anchors));
    node_set_int(o.n, "max_detections", most, &o.err);
    node_set_int(o.n, "max_classes_per_detection", labels, &o.err);
    node_set_int(o.n, "detections_per_class", each, &o.err);
    node_set_int(o.n, "use_regular_nms", regular, &o.err);
    node_set_int(o.n, "num_classes", classes, &o.err);
    node_set_float(o.n, "nms_score_threshold", score, &o.err);
    node_set_float(o.n, "nms_iou_threshold", 0.5f, &o.err);
    scales(10, 5);
}

#define BOX0 0.1189658, 0.1189658, 0.5610342, 0.5610342
#define BOX1 0.1269658, 0.1273426, 0.5690342, 0.5606574
#define BOX2 0.48, 0.45, 0.68, 0.75
#define BOX3 0.4779799, 0.4589702, 0.6820202, 0.7530298
#define BOX4 0.2946493, 0.09464931, 0.9053507, 0.7053507
#define NONE 0, 0, 0, 0

/* Each case as TensorFlow Lite's reference kernel (LiteRT 2.3) answers; what it leaves unset is 0 here. */
static void test_post_process(void)
{
    static const struct {
        int64_t most, labels, each, classes;
        bool regular;
        float score;
        double boxes[24], classes_of[6], scores[6], count;
    } cases[] = {
        {4, 1, 3, 2, false, 0.3f, {BOX0, BOX3, BOX4, NONE}, {0, 1, 1, 0}, {0.9, 0.6, 0.3, 0}, 3},
        {3,
         2,
         3,
         2,
         false,
         0.3f,
         {BOX0, BOX0, BOX3, BOX3, BOX4, BOX4},
         {0, 1, 1, 0, 1, 0},
         {0.9, 0.2, 0.6, 0.45, 0.3, 0.1},
         3},
        {2,
         3,
         3,
         2,
         false,
         0.3f,
         {BOX0, BOX0, NONE, BOX3, BOX3, NONE},
         {0, 1, 0, 1, 0, 0},
         {0.9, 0.2, 0, 0.6, 0.45, 0},
         2},
        {4, 1, 3, 2, true, 0.3f, {BOX0, BOX1, BOX3, BOX2}, {0, 1, 1, 0}, {0.9, 0.85, 0.6, 0.5}, 4},
        {6, 1, 1, 2, true, 0.3f, {BOX0, BOX1, NONE, NONE, NONE, NONE}, {0, 1, 0, 0, 0, 0}, {0.9, 0.85, 0, 0, 0, 0}, 2},
        {4, 1, 3, 3, true, 0.3f, {BOX0, BOX1, BOX3, BOX4}, {1, 2, 2, 0}, {0.9, 0.85, 0.6, 0.5}, 4},
        {4, 1, 3, 2, false, 0.95f, {NONE, NONE, NONE, NONE}, {0}, {0}, 0},
        {4, 1, 3, 2, false, 0.6f, {BOX0, BOX3, NONE, NONE}, {0, 1, 0, 0}, {0.9, 0.6, 0, 0}, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        post(cases[i].most, cases[i].labels, cases[i].each, cases[i].regular, cases[i].score, cases[i].classes);
        int64_t rows = cases[i].most * cases[i].labels;
        CHECK_MSG(one_near(&o, 0, DIMS(1, rows, 4), cases[i].boxes, 1e-6), "case %zu", i);
        CHECK_MSG(one_near(&o, 1, DIMS(1, rows), cases[i].classes_of, 0), "case %zu", i);
        CHECK_MSG(one_near(&o, 2, DIMS(1, rows), cases[i].scores, 1e-6), "case %zu", i);
        CHECK_MSG(one_near(&o, 3, DIMS(1), &cases[i].count, 0), "case %zu", i);
        one_end(&o);
        post(cases[i].most, cases[i].labels, cases[i].each, cases[i].regular, cases[i].score, cases[i].classes);
        CHECK_MSG(expansion_agrees(&o, 2e-6), "case %zu", i);
        one_end(&o);
    }
}

static void test_post_process_expansion(void)
{
    for (uint32_t i = 0; i < 60; i++) {
        seed = i;
        one_start(&o, "nn", "DetectionPostProcess", 4);
        one_in(&o, random_tensor(DIMS(1, 20, 5), -2, 2));
        one_in(&o, random_tensor(DIMS(1, 20, 4), 0, 1));
        one_in(&o, random_tensor(DIMS(20, 4), 0.1, 1));
        node_set_int(o.n, "max_detections", 1 + i % 7, &o.err);
        node_set_int(o.n, "max_classes_per_detection", 1 + i % 5, &o.err);
        node_set_int(o.n, "detections_per_class", 1 + i % 4, &o.err);
        node_set_int(o.n, "use_regular_nms", i & 1, &o.err);
        node_set_int(o.n, "num_classes", i & 2 ? 3 : 4, &o.err);
        node_set_float(o.n, "nms_score_threshold", i & 4 ? 0.25f : 0.875f, &o.err);
        node_set_float(o.n, "nms_iou_threshold", i & 8 ? 0.25f : 1, &o.err);
        scales(i & 16 ? 10 : 1, 3);
        CHECK_MSG(expansion_agrees(&o, 2e-6), "case %u", i);
        one_end(&o);
    }
}

static void test_post_process_errors(void)
{
    static const char *const counts[] = {"max_detections", "max_classes_per_detection", "detections_per_class",
                                         "num_classes"};
    static const int64_t values[] = {0, -1, INT64_MAX, INT64_MIN, 1 << 20};
    for (int i = 0; i < 20; i++) {
        post(4, 1 << 10, 3, false, 0.3f, 2);
        node_set_int(o.n, counts[i % 4], values[i / 4], &o.err);
        bool fine = i / 4 == 4 && i % 4 == 2; /* no more boxes of a class than there are */
        CHECK_MSG((one_run(&o) == 0) == fine, "%s = %lld: %s", counts[i % 4], (long long)values[i / 4], o.err.text);
        one_end(&o);
    }
    post(4, 1, 3, false, 0.3f, 1);
    CHECK(one_fails(&o, "input scores: dim 2 is 3, want 1"));
    one_end(&o);
    post(4, 1, 3, false, NAN, 2);
    CHECK(one_fails(&o, "attribute nms_score_threshold"));
    one_end(&o);
    post(4, 1, 3, false, 0.3f, 2);
    node_set_float(o.n, "w_scale", 0, &o.err);
    CHECK(one_fails(&o, "attribute w_scale: 0"));
    one_end(&o);
    post(4, 1, 3, false, 0.3f, 2);
    node_set_float(o.n, "nms_iou_threshold", 0, &o.err);
    CHECK(one_fails(&o, "attribute nms_iou_threshold: 0"));
    one_end(&o);
}

int main(void)
{
    RUN(test_post_process);
    RUN(test_post_process_expansion);
    RUN(test_post_process_errors);
    return TEST_END();
}
