/* Resize, Upsample, GridSample, AffineGrid, CenterCropPad. */
#include "one.h"

static struct one o;

static void string(const char *name, const char *value)
{
    node_set_string(o.n, name, value, strlen(value), &o.err);
}

static void ramp(enum dtype dtype, int rank, const int64_t *dims)
{
    struct tensor *t = one_tensor(dtype, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, (double)i);
    one_in(&o, t);
}

/* Resize of a line of n = 0, 1, … to `size`, or with `scale` when size is 0. */
static void start_line(enum dtype dtype, int64_t n, int64_t size, double scale)
{
    one_start(&o, "", "Resize", 1);
    ramp(dtype, DIMS(n));
    one_in(&o, NULL);
    one_constant(&o, size ? one_tensor(DTYPE_F32, DIMS(0), NULL) : one_tensor(DTYPE_F32, DIMS(1), &scale));
    if (size)
        one_constant(&o, one_tensor(DTYPE_I64, DIMS(1), &(double){(double)size}));
}

static void test_nearest(void)
{
    static const struct {
        const char *transform, *rounding;
        double want[5];
    } cases[] = {
        {"half_pixel", "round_prefer_floor", {0, 0, 1, 2, 2}}, /* -0.2 0.4 1 1.6 2.2 */
        {"asymmetric", "floor", {0, 0, 1, 1, 2}},              /* 0 0.6 1.2 1.8 2.4 */
        {"asymmetric", "ceil", {0, 1, 2, 2, 2}},
        {"align_corners", "round_prefer_floor", {0, 0, 1, 1, 2}}, /* 0 0.5 1 1.5 2 */
        {"align_corners", "round_prefer_ceil", {0, 1, 1, 2, 2}},
        {"pytorch_half_pixel", "ceil", {0, 1, 1, 2, 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_line(DTYPE_F32, 3, 5, 0);
        string("coordinate_transformation_mode", cases[i].transform);
        string("nearest_mode", cases[i].rounding);
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(5), cases[i].want), "%s %s", cases[i].transform, cases[i].rounding);
        one_end(&o);
    }
}

/* Ties and whole places under scales that no float is: what onnxruntime gives. */
static void test_nearest_ties(void)
{
    start_line(DTYPE_F32, 9, 0, 0.7);
    string("coordinate_transformation_mode", "half_pixel");
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(6), VALUES(0, 2, 3, 4, 6, 7)));
    one_end(&o);
    start_line(DTYPE_F32, 10, 0, 0.6);
    string("coordinate_transformation_mode", "asymmetric");
    string("nearest_mode", "floor");
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(6), VALUES(0, 1, 3, 5, 6, 8)));
    one_end(&o);
}

static void test_nearest_types(void)
{
    const enum dtype dtypes[] = {DTYPE_U8, DTYPE_I64, DTYPE_F16, DTYPE_BOOL, DTYPE_BF16};
    for (int i = 0; i < 5; i++) {
        start_line(dtypes[i], 2, 0, 2);
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(4), VALUES(0, 0, 1, 1)));
        one_end(&o);
    }
    one_start(&o, "", "Resize", 1);
    one_in(&o, one_strings(DIMS(2), (const char *const[]){"a", "bc"}));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(2)));
    CHECK(one_run(&o) == 0);
    const struct str *s = o.out[0] ? o.out[0]->tensor->data : NULL;
    CHECK(s && s[1].size == 1 && s[3].size == 2 && !memcmp(s[3].data, "bc", 2));
    one_end(&o);
}

static void test_linear(void)
{
    start_line(DTYPE_F32, 2, 4, 0);
    string("mode", "linear");
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(4), VALUES(0, 0.25, 0.75, 1)));
    one_end(&o);
    start_line(DTYPE_U8, 4, 2, 0); /* integers round half to even */
    string("mode", "linear");
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(2), VALUES(0, 2)));
    one_end(&o);
    start_line(DTYPE_F64, 4, 2, 0);
    string("mode", "linear");
    string("coordinate_transformation_mode", "align_corners");
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(2), VALUES(0, 3)));
    one_end(&o);
    start_line(DTYPE_F64, 3, 0, 1.5); /* corners are those of 4 pixels, not of 4.5 */
    string("mode", "linear");
    string("coordinate_transformation_mode", "align_corners");
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(4), VALUES(0, 2.0 / 3, 4.0 / 3, 2)));
    one_end(&o);
    start_line(DTYPE_F64, 4, 2, 0);
    string("mode", "linear");
    node_set_int(o.n, "antialias", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(2), VALUES(0.625, 2.375)));
    one_end(&o);
    start_line(DTYPE_F64, 4, 2, 0);
    string("mode", "linear");
    node_set_int(o.n, "antialias", 1, &o.err);
    node_set_int(o.n, "exclude_outside", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(2), VALUES(5.0 / 7, 16.0 / 7)));
    one_end(&o);
}

static void test_cubic(void)
{
    one_start(&o, "", "Resize", 1);
    ramp(DTYPE_F64, DIMS(1, 1, 1, 6));
    one_in(&o, NULL);
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(4), VALUES(1, 1, 1, 3)));
    string("mode", "cubic");
    node_set_int(o.n, "antialias", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 3), VALUES(0.47265625, 2.5, 4.52734375)));
    one_end(&o);
    start_line(DTYPE_F64, 8, 4, 0); /* a line stays a line inside, whatever the coefficient */
    string("mode", "cubic");
    node_set_int(o.n, "exclude_outside", 1, &o.err);
    CHECK(one_run(&o) == 0 && fabs(tensor_get_f64(o.out[0]->tensor, 1) - 2.5) < 1e-12);
    one_end(&o);
}

static void start_crop(const double *roi)
{
    one_start(&o, "", "Resize", 1);
    ramp(DTYPE_F32, DIMS(2, 3));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), roi));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(3)));
    node_set_ints(o.n, "axes", &(int64_t){-1}, 1, &o.err);
    string("coordinate_transformation_mode", "tf_crop_and_resize");
    string("mode", "linear");
    node_set_float(o.n, "extrapolation_value", 9, &o.err);
}

static void test_crop(void)
{
    start_crop(VALUES(0.5, 1.5));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3), VALUES(1, 2, 9, 4, 5, 9)));
    one_end(&o);
    start_crop(VALUES(NAN, 0));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3), VALUES(9, 9, 9, 9, 9, 9)));
    one_end(&o);
    start_crop(VALUES(1, 0)); /* backwards */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3), VALUES(2, 1, 0, 5, 4, 3)));
    one_end(&o);
}

static void test_policies(void)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    const int64_t want[][2] = {{4, 12}, {3, 12}, {4, 16}};
    for (int i = 0; i < 3; i++) {
        one_start(&o, "", "Resize", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 8), NULL));
        one_in(&o, NULL);
        one_in(&o, NULL);
        one_constant(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(4, 12)));
        string("keep_aspect_ratio_policy", policies[i]);
        CHECK(one_run(&o) == 0 && !memcmp(o.out[0]->tensor->dims, want[i], sizeof want[i]));
        CHECK(!memcmp(node_out(o.n, 0)->type.dims, want[i], sizeof want[i]));
        one_end(&o);
    }
}

static void test_resize_errors(void)
{
    start_line(DTYPE_F32, 3, 0, 0);
    CHECK(one_fails(&o, "input scales: 0, want a number above 0"));
    one_end(&o);
    start_line(DTYPE_F32, 3, 0, NAN);
    CHECK(one_fails(&o, "input scales: nan"));
    one_end(&o);
    start_line(DTYPE_F32, 3, 0, 1e30);
    CHECK(one_fails(&o, "input scales: 1e+30"));
    one_end(&o);
    start_line(DTYPE_F32, 3, 0, 1e9);
    CHECK(one_fails(&o, "beyond the limit"));
    one_end(&o);
    start_line(DTYPE_F32, 3, -2, 0);
    CHECK(one_fails(&o, "input sizes: -2"));
    one_end(&o);
    start_line(DTYPE_F32, 0, 2, 0);
    CHECK(one_fails(&o, "input sizes: 2 for axis 0, which has 0"));
    one_end(&o);
    start_line(DTYPE_F32, 3, 2, 0);
    string("mode", "quadratic");
    CHECK(one_fails(&o, "attribute mode: 'quadratic'"));
    one_end(&o);
    start_line(DTYPE_F32, 3, 2, 0);
    string("coordinate_transformation_mode", "tf_crop_and_resize");
    CHECK(one_fails(&o, "input roi has 0 elements, want 2"));
    one_end(&o);
    start_line(DTYPE_F32, 3, 2, 0);
    node_set_ints(o.n, "axes", (int64_t[]){1}, 1, &o.err);
    CHECK(one_fails(&o, "attribute axes"));
    one_end(&o);
    one_start(&o, "", "Resize", 1);
    ramp(DTYPE_F32, DIMS(3));
    CHECK(one_fails(&o, "one of the inputs scales and sizes is wanted"));
    one_end(&o);
}

static void test_resize_inference(void)
{
    one_start(&o, "", "Resize", 1);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "N"), 3, one_symbol(&o, "H"), 5));
    one_in(&o, NULL);
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(4), VALUES(1, 1, 2, 1.5)));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx3x2*Hx7");
    one_end(&o);
    one_start(&o, "", "Resize", 1);
    one_typed(&o, DTYPE_F32, DIMS(1, 3, 4, 5));
    one_in(&o, NULL);
    one_in(&o, NULL);
    one_typed(&o, DTYPE_I64, DIMS(4));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 ?x?x?x?");
    one_end(&o);
}

static void test_upsample(void)
{
    one_start(&o, "", "Upsample", 1);
    ramp(DTYPE_F32, DIMS(2, 2));
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2.5)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 5), VALUES(0, 0, 0, 1, 1, 2, 2, 2, 3, 3)));
    one_end(&o);
}

static void start_grid(const char *mode, const char *padding, bool align, const double *places)
{
    one_start(&o, "", "GridSample", 1);
    ramp(DTYPE_F64, DIMS(1, 1, 4, 4));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 2, 2), places));
    string("mode", mode);
    string("padding_mode", padding);
    node_set_int(o.n, "align_corners", align, &o.err);
}

static void test_grid(void)
{
    start_grid("linear", "zeros", true, VALUES(-1, -1, 1.0 / 3, 0));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(0, 8)));
    one_end(&o);
    start_grid("linear", "zeros", false, VALUES(-1, -0.75, 9, 0));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(0, 0)));
    one_end(&o);
    start_grid("nearest", "border", false, VALUES(9, 9, -9, 9));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(15, 12)));
    one_end(&o);
    start_grid("nearest", "reflection", true, VALUES(-1 - 2.0 / 3, -1, 1 + 4.0 / 3, -1));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(1, 1)));
    one_end(&o);
    start_grid("cubic", "reflection", false, VALUES(0.1, -0.2, 1.2, 0.5));
    CHECK(one_run(&o) == 0 && fabs(tensor_get_f64(o.out[0]->tensor, 0) - 6.20200348) < 1e-5 &&
          fabs(tensor_get_f64(o.out[0]->tensor, 1) - 13.4425011) < 1e-5);
    one_end(&o);
}

/* Coordinates that are no numbers or far away must neither fault nor take long. */
static void test_grid_hostile(void)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"}, *const paddings[] = {"zeros", "border",
                                                                                            "reflection"};
    const double places[][4] = {{NAN, INFINITY, -INFINITY, 1e300}, {1e18, -1e18, 1e9, NAN}};
    for (int i = 0; i < 36; i++) {
        start_grid(modes[i % 3], paddings[i / 3 % 3], i / 9 % 2, places[i / 18]);
        CHECK(one_run(&o) == 0);
        one_end(&o);
    }
    start_grid("linear", "mirror", false, VALUES(0, 0, 0, 0));
    CHECK(one_fails(&o, "attribute padding_mode: 'mirror'"));
    one_end(&o);
    one_start(&o, "", "GridSample", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4, 4), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 3), NULL));
    CHECK(one_fails(&o, "grid has 3 coordinates, want 2"));
    one_end(&o);
}

static void start_affine(double height)
{
    one_start(&o, "", "AffineGrid", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 3), VALUES(1, 0, 10, 0, 2, 0)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(4), (double[]){1, 1, height, 2}));
}

static void test_affine(void)
{
    start_affine(2);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2, 2), VALUES(9.5, -1, 10.5, -1, 9.5, 1, 10.5, 1)));
    one_end(&o);
    start_affine(2);
    node_set_int(o.n, "align_corners", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2, 2), VALUES(9, -2, 11, -2, 9, 2, 11, 2)));
    one_end(&o);
    start_affine(-1);
    CHECK(one_fails(&o, "no possible size"));
    one_end(&o);
}

static void test_center_crop_pad(void)
{
    one_start(&o, "", "CenterCropPad", 1);
    ramp(DTYPE_U8, DIMS(4, 2));
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2), VALUES(1, 5)));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(1, 5), VALUES(0, 2, 3, 0, 0)));
    one_end(&o);
    one_start(&o, "", "CenterCropPad", 1);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "N"), 4, 5));
    one_constant(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(7, 8)));
    node_set_ints(o.n, "axes", (int64_t[]){-1, 1}, 2, &o.err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx8x7");
    one_end(&o);
    one_start(&o, "", "CenterCropPad", 1);
    ramp(DTYPE_U8, DIMS(4, 2));
    one_in(&o, one_tensor(DTYPE_I32, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "input shape has 1 elements, want 2"));
    one_end(&o);
}

int main(void)
{
    RUN(test_nearest);
    RUN(test_nearest_ties);
    RUN(test_nearest_types);
    RUN(test_linear);
    RUN(test_cubic);
    RUN(test_crop);
    RUN(test_policies);
    RUN(test_resize_errors);
    RUN(test_resize_inference);
    RUN(test_upsample);
    RUN(test_grid);
    RUN(test_grid_hostile);
    RUN(test_affine);
    RUN(test_center_crop_pad);
    return TEST_END();
}
