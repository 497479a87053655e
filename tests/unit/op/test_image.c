/* RoiAlign and NonMaxSuppression. */
#include "one.h"

static struct one o;

static void start_align(const double *roi, double image)
{
    one_start(&o, "", "RoiAlign", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 3, 3), VALUES(0, 1, 2, 3, 4, 5, 6, 7, 8)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4), roi));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), &image));
    node_set_int(o.n, "output_width", 2, &o.err);
}

static void test_align(void)
{
    start_align(VALUES(0.5, 0.5, 2.5, 1.5), 0); /* half_pixel: pixels 0…2 by 0…1 */
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(2, 3)));
    one_end(&o);
    start_align(VALUES(0, 0, 2, 1), 0);
    node_set_string(o.n, "coordinate_transformation_mode", "output_half_pixel", 17, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(2, 3)));
    one_end(&o);
    start_align(VALUES(50, 50, 60, 60), 0); /* outside is 0 */
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 2), VALUES(0, 0)));
    one_end(&o);
}

static void test_align_errors(void)
{
    start_align(VALUES(0, 0, 2, 1), 1);
    CHECK(one_fails(&o, "input batch_indices holds 1, want 0 to 0"));
    one_end(&o);
    start_align(VALUES(0, 0, 1e30, 1), 0);
    CHECK(one_fails(&o, "is too large"));
    one_end(&o);
    start_align(VALUES(NAN, 0, 2, 1), 0);
    CHECK(one_fails(&o, "is too large"));
    one_end(&o);
    start_align(VALUES(0, 0, 2, 1), 0);
    node_set_string(o.n, "mode", "min", 3, &o.err);
    CHECK(one_fails(&o, "attribute mode: 'min'"));
    one_end(&o);
    start_align(VALUES(0, 0, 2, 1), 0);
    node_set_int(o.n, "output_height", 0, &o.err);
    CHECK(one_fails(&o, "attribute output_height: 0"));
    one_end(&o);
}

/* Boxes 0 and 1 overlap by 9/11, box 2 stands apart; two classes. */
static void start_nms(double most, double iou)
{
    one_start(&o, "", "NonMaxSuppression", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 4), VALUES(0, 0, 10, 10, 10, 11, 0, 1, 20, 20, 30, 30)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 3), VALUES(0.5, 0.9, 0.9, 0.3, 0.2, 0.1)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), &most));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, &iou));
}

static void test_nms(void)
{
    start_nms(3, 0.5);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(4, 3), VALUES(0, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 2)));
    one_end(&o);
    start_nms(1, 0.5);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(2, 3), VALUES(0, 0, 1, 0, 1, 0)));
    one_end(&o);
    start_nms(3, 0.9);
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(0.2)));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(4, 3), VALUES(0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 0)));
    one_end(&o);
    start_nms(0, 0.5);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(0, 3), NULL));
    one_end(&o);
    start_nms(-1, 0.5);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(0, 3), NULL));
    one_end(&o);
}

static void test_nms_centered(void)
{
    one_start(&o, "", "NonMaxSuppression", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 4), VALUES(5, 5, 10, 10, 6, 5, 10, 10)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(NAN, 0.5)));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(9)));
    node_set_int(o.n, "center_point_box", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(1, 3), VALUES(0, 0, 1)));
    one_end(&o);
}

static void test_nms_errors(void)
{
    one_start(&o, "", "NonMaxSuppression", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 5), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3), NULL));
    CHECK(one_fails(&o, "boxes"));
    CHECK(one_eval(&o) < 0 && strstr(o.err.text, "input boxes: dim 2 is 5, want 4"));
    one_end(&o);
    one_start(&o, "", "NonMaxSuppression", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 4), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), NULL));
    CHECK(one_fails(&o, "input scores: dim 2 is 4, want 3"));
    one_end(&o);
    start_nms(3, 0.5);
    node_set_int(o.n, "center_point_box", 2, &o.err);
    CHECK(one_fails(&o, "attribute center_point_box: 2"));
    one_end(&o);
}

int main(void)
{
    RUN(test_align);
    RUN(test_align_errors);
    RUN(test_nms);
    RUN(test_nms_centered);
    RUN(test_nms_errors);
    return TEST_END();
}
