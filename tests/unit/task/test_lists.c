/* Boxes, labels and scores that are outputs by themselves. */
#include "ask.h"

static void tflite(void)
{
    static const float boxes[][4] = {{0.1f, 0.2f, 0.3f, 0.4f}, {0, 0, 1, 1}, {0, 0, 1, 1}};
    static const float labels[] = {7, 2, 2}, scores[] = {0.5f, 0.75f, 0.9f}, number = 2;
    static const int64_t dims[] = {1, 3, 4}, row[] = {1, 3}, one[] = {1};
    struct task_output outputs[] = {{.values = boxes[0], .dims = dims, .rank = 3},
                                    {.values = labels, .dims = row, .rank = 2},
                                    {.values = scores, .dims = row, .rank = 2},
                                    {.values = &number, .dims = one, .rank = 1}};
    struct task_answers b;
    CHECK(ask("detect=tflite", NULL, outputs, 4, 100, 200, &b) == 0);
    CHECK(b.count == 2 && b.at[0].label == 2 && b.at[0].score == 0.75f && b.at[0].y1 == 200);
    CHECK(b.count == 2 && b.at[1].label == 7 && fabsf(b.at[1].x0 - 20) < 1e-4f && fabsf(b.at[1].y1 - 60) < 1e-4f);
    task_answers_release(&b);
    CHECK(ask("detect=tflite", NULL, outputs, 3, 100, 200, &b) == -1 && strstr(message, "four"));
    struct task_output newer[] = {outputs[2], outputs[0], outputs[3], outputs[1]};
    CHECK(ask("detect=tflite", NULL, newer, 4, 100, 200, &b) == 0 && b.count == 2 && b.at[1].label == 7);
    task_answers_release(&b);
    struct task_output numbered[] = {outputs[3], outputs[2], outputs[1], outputs[0]};
    CHECK(ask("detect=tflite", NULL, numbered, 4, 100, 200, &b) == 0 && b.count == 2 && b.at[1].label == 7);
    task_answers_release(&b);
    outputs[2].dims = one;
    outputs[2].rank = 1;
    CHECK(ask("detect=tflite", NULL, outputs, 4, 100, 200, &b) == -1);
}

static void lists(void)
{
    static const float boxes[][4] = {{1, 2, 9, 12}, {0, 0, 5, 5}, {0, 0, 5, 5}}, labels[] = {7, 1, NAN},
                       scores[] = {0.75f, 0.25f, 0.9f};
    static const int64_t box_dims[] = {3, 4}, n[] = {3}, none[] = {0, 4}, zero[] = {0};
    struct task_output o[] = {{.values = boxes[0], .dims = box_dims, .rank = 2},
                              {.values = labels, .dims = n, .rank = 1, .whole = true},
                              {.values = scores, .dims = n, .rank = 1}};
    struct task_answers a;
    CHECK(ask("detect=lists", NULL, o, 3, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 7);
    check_one("lists", 0, &a, 1, 2, 9, 12, 0.75);
    o[0].dims = none, o[1].dims = o[2].dims = zero;
    CHECK(ask("detect=lists", NULL, o, 3, 16, 16, &a) == 0 && a.count == 0);
    task_answers_release(&a);
    o[1].dims = o[2].dims = n;
    CHECK(ask("detect=lists", NULL, o + 1, 2, 16, 16, &a) == -1);
}

/* All of them floats, without names: the anchors' numbers, boxes, labels, scores, as TensorFlow's detectors have them.
 */
static void lists_of_floats(void)
{
    static const float boxes[][4] = {{1, 2, 9, 12}, {0, 0, 5, 5}}, numbers[] = {90, 80}, labels[] = {7, 1},
                       scores[] = {0.75f, 0.25f};
    static const int64_t box_dims[] = {1, 2, 4}, n[] = {1, 2};
    struct task_output o[] = {{.values = numbers, .dims = n, .rank = 2},
                              {.values = boxes[0], .dims = box_dims, .rank = 3},
                              {.values = labels, .dims = n, .rank = 2},
                              {.values = scores, .dims = n, .rank = 2}};
    struct task_answers a;
    CHECK(ask("detect=lists", NULL, o, 4, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 7);
    check_one("floats", 0, &a, 1, 2, 9, 12, 0.75);
    CHECK(ask("detect=lists", NULL, o + 1, 3, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 7);
    check_one("without anchors", 0, &a, 1, 2, 9, 12, 0.75);
    o[0].name = "anchor_indices", o[2].name = "classes";
    CHECK(ask("detect=lists", NULL, o, 4, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 7);
    check_one("named", 0, &a, 1, 2, 9, 12, 0.75);
}

/* Of several outputs the one that the task names. */
static void one_output(void)
{
    static const float row[] = {1, 2, 9, 12, 0.75f, 7}, map[64] = {0};
    static const int64_t dims[] = {1, 1, 6}, map_dims[] = {1, 4, 4, 4};
    struct task_output o[] = {{.values = map, .dims = map_dims, .rank = 4}, {.values = row, .dims = dims, .rank = 3}};
    struct task_answers a;
    CHECK(ask("detect=yolov10,output=1", NULL, o, 2, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 7);
    check_one("output", 0, &a, 1, 2, 9, 12, 0.75);
    CHECK(ask("detect=yolov10", NULL, o, 2, 16, 16, &a) == -1);
    CHECK(ask("detect=yolov10,output=2", NULL, o, 2, 16, 16, &a) == -1);
}

/* Scores behind the corners; points, with scores of their own; y before x. */
static void lists_with_points(void)
{
    static const float boxes[][5] = {{1, 2, 9, 12, 0.75f}, {0, 0, 5, 5, 0.25f}}, points[] = {3, 4, 5, 6, 0, 0, 0, 0},
                       scores[] = {0.5f, 0.25f, 0, 0};
    static const int64_t box_dims[] = {1, 2, 5}, dims[] = {1, 2, 2, 2}, each[] = {1, 2, 2};
    struct task_output o[] = {{.values = boxes[0], .dims = box_dims, .rank = 3},
                              {.values = points, .dims = dims, .rank = 4},
                              {.values = scores, .dims = each, .rank = 3}};
    struct task_answers a;
    CHECK(ask("detect=lists", NULL, o, 3, 16, 16, &a) == 0 && a.count == 1 && a.at[0].point_count == 2);
    near(a.at[0].points[1].y, 6, "y"), near(a.at[0].points[1].score, 0.25, "score of a point");
    check_one("lists", 0, &a, 1, 2, 9, 12, 0.75);
    check_one("yx", ask("detect=lists,form=yx", NULL, o, 1, 16, 16, &a), &a, 2, 1, 12, 9, 0.75);
    check_one("centres", ask("detect=lists,form=centres", NULL, o, 1, 16, 16, &a), &a, -3.5, -4, 5.5, 8, 0.75);
    CHECK(ask("detect=lists,form=edges", NULL, o, 1, 16, 16, &a) == -1);
    CHECK(ask("detect=lists,order=xyzvp", NULL, o, 3, 16, 16, &a) == -1);
}

/* A mask over the box: its border is half its outermost cells. */
static void lists_with_masks(void)
{
    static const float boxes[] = {2, 2, 10, 10, 0.75f}, mask[16] = {[5] = 1, [6] = 1, [9] = 1, [10] = 1};
    static const int64_t box_dims[] = {1, 5}, dims[] = {1, 1, 4, 4};
    struct task_output o[] = {{.values = boxes, .dims = box_dims, .rank = 2},
                              {.values = mask, .dims = dims, .rank = 4}};
    struct recipe_map same = {1, 1, 0, 0, false};
    struct task_answers a;
    CHECK(ask_with("detect=lists", NULL, o, 2, 16, 16, &same, &a) == 0 && a.count == 1);
    int inside = 0;
    const struct task_answer *b = &a.at[0];
    for (int i = 0; b->mask && i < b->place.width * b->place.height; i++) {
        int x = b->place.x + i % b->place.width, y = b->place.y + i / b->place.width;
        CHECK_MSG(b->mask[i] == (x >= 4 && x < 8 && y >= 4 && y < 8), "%d %d", x, y);
        inside += b->mask[i];
    }
    CHECK(inside == 16);
    task_answers_release(&a);
}

/* Nothing is inside, not even beyond the border of a box with more cells than pixels; without a photo, too. */
static void lists_with_empty_masks(void)
{
    static const float boxes[] = {6, 6, 8, 8, 0.75f};
    static const int64_t box_dims[] = {1, 5}, dims[] = {1, 1, 4, 4};
    float mask[16];
    struct task_output o[] = {{.values = boxes, .dims = box_dims, .rank = 2},
                              {.values = mask, .dims = dims, .rank = 4}};
    struct task_answers a;
    for (int i = 0; i < 16; i++)
        mask[i] = -9;
    CHECK(ask("detect=lists", NULL, o, 2, 16, 16, &a) == 0 && a.count == 1 && a.at[0].place.x == 5);
    CHECK(a.count && a.at[0].place.width == 4 && a.at[0].place.height == 4 && !memchr(a.at[0].mask, 1, 16));
    task_answers_release(&a);
}

int main(void)
{
    RUN(tflite);
    RUN(lists);
    RUN(lists_of_floats);
    RUN(one_output);
    RUN(lists_with_points);
    RUN(lists_with_masks);
    RUN(lists_with_empty_masks);
    return TEST_END();
}
