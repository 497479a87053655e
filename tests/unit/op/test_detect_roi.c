/* Proposal and PSRoiPool. */
#include "detect_test.h"

/* ---- Proposal: 9 anchors on 3 x 4 cells ---- */

static void proposal(const char *rows, int64_t before, int64_t after, float overlap, float least)
{
    double scores[18 * 12], deltas[36 * 12];
    for (int i = 0; i < 18 * 12; i++)
        scores[i] = (i * 37 % 101) / 101.;
    for (int i = 0; i < 36 * 12; i++)
        deltas[i] = ((i * 53 % 97) / 97. - 0.5) * 0.8;
    one_start(&o, "nn", "Proposal", 2);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 18, 3, 4), scores));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 36, 3, 4), deltas));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3), VALUES(60, 70, 1.5)));
    word("rows", rows);
    node_set_int(o.n, "pre_nms_topn", before, &o.err);
    node_set_int(o.n, "post_nms_topn", after, &o.err);
    node_set_float(o.n, "nms_threshold", overlap, &o.err);
    node_set_float(o.n, "min_size", least, &o.err);
}

static void test_proposal(void)
{
    proposal("ncnn", 20, 6, 0.5f, 16); /* ncnn, all but the scores */
    CHECK(one_near(&o, 0, DIMS(4, 4), VALUES(0, 0, 69, 59, 41.52722, 0, 69, 59, 0, 30.06786, 69, 59, 0, 0, 31.549, 59),
                   2e-6));
    CHECK(one_near(&o, 1, DIMS(4), VALUES(100 / 101., 96 / 101., 91 / 101., 89 / 101.), 1e-6));
    one_end(&o);
    proposal("ncnn", 8, 100, 0.9f, 16);
    CHECK(one_near(&o, 0, DIMS(3, 4), VALUES(0, 0, 69, 59, 41.52722, 0, 69, 59, 0, 6.321754, 41.30413, 59), 2e-6));
    one_end(&o);
    proposal("ncnn", 0, 0, 0.3f, 40);
    CHECK(one_near(&o, 0, DIMS(1, 4), VALUES(0, 0, 69, 59), 1e-6));
    one_end(&o);
    proposal("caffe", 20, 6, 0.5f, 16); /* as py-faster-rcnn's layer, written down again in numpy */
    CHECK(one_near(&o, 0, DIMS(4, 5),
                   VALUES(0, 0, 0, 69, 59, 0, 41.52722, 0, 69, 59, 0, 0, 30.06785, 69, 59, 0, 0, 0, 31.54898, 59),
                   2e-6));
    one_end(&o);
    proposal("caffe", 20, 6, 0.5f, 1000);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 5), VALUES(0)));
    one_end(&o);
}

/* Whole pixels count: boxes of 10 pixels, 5 of them shared, overlap by a third, but 9 wide by 4 / 14. */
static void test_proposal_pixels(void)
{
    for (int caffe = 0; caffe < 2; caffe++) {
        one_start(&o, "nn", "Proposal", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1, 2), VALUES(0, 0, 0.75, 0.5)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 4, 1, 2), VALUES(0, 0, 0, 0, -0.10536052, -0.10536052, 10, 10)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(2, 100, 1)));
        word("rows", caffe ? "caffe" : "ncnn");
        node_set_int(o.n, "base_size", 10, &o.err);
        node_set_int(o.n, "feat_stride", 5, &o.err);
        floats("ratios", FLOATS(1));
        floats("scales", FLOATS(1));
        node_set_float(o.n, "min_size", 1, &o.err);
        node_set_float(o.n, "nms_threshold", 0.3f, &o.err);
        CHECK(one_run(&o) == 0 && o.out[0]->tensor->dims[0] == (caffe ? 1 : 2));
        one_end(&o);
    }
}

static void test_proposal_expansion(void)
{
    for (int i = 0; i < 24; i++) {
        proposal(i & 1 ? "ncnn" : "caffe", i & 2 ? 0 : 30, i & 4 ? 0 : 9, (float)(i / 8) / 3, i & 8 ? 30 : 10);
        CHECK_MSG(expansion_agrees(&o, 2e-6), "case %d", i);
        one_end(&o);
    }
    proposal("caffe", 20, 6, 0.5f, 1000);
    CHECK(expansion_agrees(&o, 2e-6));
    one_end(&o);
}

static void test_proposal_errors(void)
{
    static const char *const counts[] = {"feat_stride", "base_size"};
    static const int64_t values[] = {0, -1, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 8; i++) {
        proposal("ncnn", 20, 6, 0.5f, 16);
        node_set_int(o.n, counts[i % 2], values[i / 2], &o.err);
        CHECK(one_fails(&o, "attributes feat_stride and base_size"));
        one_end(&o);
    }
    for (int i = 0; i < 4; i++) { /* 0 and less: all, which is enough */
        proposal("ncnn", values[i], values[3 - i], 0.5f, 16);
        CHECK(one_run(&o) == 0);
        one_end(&o);
    }
    proposal("ncnn", 20, 6, 0.5f, 16);
    floats("ratios", FLOATS(1, -1, 2));
    CHECK(one_fails(&o, "attribute ratios: -1"));
    one_end(&o);
    proposal("ncnn", 20, 6, 0.5f, 16);
    floats("scales", FLOATS(1));
    CHECK(one_fails(&o, "input scores: want one image, [1, 6, H, W]"));
    one_end(&o);
    proposal("ncnn", 20, 6, NAN, 16);
    CHECK(one_fails(&o, "attribute nms_threshold"));
    one_end(&o);
}

/* ---- PSRoiPool: 2 outputs of 2 x 3 parts, on 5 x 6 cells ---- */

static void psroi(int64_t images, int n, const double *rois)
{
    double x[2 * 12 * 30];
    for (int i = 0; i < 2 * 12 * 30; i++)
        x[i] = (i % 360 * 29 % 83) / 83. * (i < 360 ? 1 : -1);
    one_start(&o, "nn", "PSRoiPool", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(images, 12, 5, 6), x));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(n, 5), rois));
    node_set_int(o.n, "output_dim", 2, &o.err);
    ints("pooled_shape", DIMS(2, 3));
}

#define ROIS 0, 10, 5, 60, 50, 0, 0, 0, 0, 0, 0, -20, -20, 200, 30, 0, 50, 60, 20, 10

static void test_psroi(void) /* ncnn */
{
    static const double want[] = {
        0.2228916, 0.5542169, 0.3855422, 0.6465863, 0.6445783, 0.4759036, 0.6144578, 0.4457831, 0.5271084, 0.7048193,
        0.5361446, 0.3674699, 0,         0.4819277, 0.9638554, 0.4457831, 0.9277108, 0.4096386, 0.8915663, 0.373494,
        0.8554217, 0.3373494, 0.8192771, 0.3012048, 0.2740964, 0.5461848, 0,         0.5180723, 0.5401606, 0,
        0.6656626, 0.437751,  0,         0.4096386, 0.5983936, 0,         0.3373494, 0.8192771, 0.3012048, 0.7831326,
        0.2650602, 0.7469879, 0.2289157, 0.7108434, 0.1927711, 0.6746988, 0.1566265, 0.6385542};
    psroi(1, 4, VALUES(ROIS));
    CHECK(one_near(&o, 0, DIMS(4, 2, 2, 3), want, 1e-6));
    one_end(&o);
    psroi(1, 4, VALUES(ROIS));
    CHECK(expansion_agrees(&o, 2e-6));
    one_end(&o);
    psroi(2, 1, VALUES(1, 0, 0, 0, 0)); /* the second image, which is the first one negated */
    CHECK(one_near(&o, 0, DIMS(1, 2, 2, 3),
                   VALUES(0, -0.4819277, -0.9638554, -0.4457831, -0.9277108, -0.4096386, -0.8915663, -0.373494,
                          -0.8554217, -0.3373494, -0.8192771, -0.3012048),
                   1e-6));
    one_end(&o);
    psroi(1, 1, VALUES(0, 10, 5, 60, 50));
    node_remove_attr(o.n, "pooled_shape");
    node_set_int(o.n, "output_dim", 3, &o.err);
    node_set_int(o.n, "group_size", 2, &o.err);
    CHECK(one_run(&o) == 0 && o.out[0]->tensor->dims[1] == 3 && o.out[0]->tensor->dims[3] == 2);
    one_end(&o);
    psroi(1, 0, NULL);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 2, 2, 3), VALUES(0)));
    one_end(&o);
    psroi(1, 1, VALUES(0, NAN, -INFINITY, INFINITY, 1e30));
    CHECK(one_run(&o) == 0);
    one_end(&o);
}

static void test_psroi_errors(void)
{
    static const double images[] = {2, -1, NAN, 1e30};
    for (int i = 0; i < 4; i++) {
        psroi(2, 1, (const double[]){images[i], 0, 0, 0, 0});
        CHECK(one_fails(&o, "input rois names image"));
        one_end(&o);
    }
    static const int64_t dims[] = {0, -1, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        psroi(1, 1, VALUES(0, 0, 0, 0, 0));
        node_set_int(o.n, "output_dim", dims[i], &o.err);
        CHECK(one_fails(&o, "attribute output_dim"));
        one_end(&o);
        psroi(1, 1, VALUES(0, 0, 0, 0, 0));
        ints("pooled_shape", DIMS(2, dims[i]));
        CHECK(one_fails(&o, "attribute pooled_shape"));
        one_end(&o);
    }
    psroi(1, 1, VALUES(0, 0, 0, 0, 0));
    node_set_int(o.n, "output_dim", 3, &o.err);
    CHECK(one_fails(&o, "input X: want [N, 18, H, W]"));
    one_end(&o);
}

int main(void)
{
    RUN(test_proposal);
    RUN(test_proposal_pixels);
    RUN(test_proposal_expansion);
    RUN(test_proposal_errors);
    RUN(test_psroi);
    RUN(test_psroi_errors);
    return TEST_END();
}
