/* Heads of detectors: places relative to the cells of grids. */
#include <math.h>

#include "ask.h"

/* Channels first: channel c of cell (1, 0) is element c * 4 + 1. */
static int ask_grid(const char *task, const float *numbers, int channels, struct task_answers *out)
{
    float values[400];
    const int64_t dims[] = {1, channels, 2, 2};
    for (int i = 0; i < channels * 4; i++)
        values[i] = -20;
    for (int c = 0; c < channels; c++)
        values[c * 4 + 1] = numbers[c];
    return ask(task, NULL, &(struct task_output){.values = values, .dims = dims, .rank = 4}, 1, 16, 16, out);
}

static void yolo_heads(void)
{
    struct task_answers a;
    static const float box[] = {1, -1, 0.5f, -0.5f, 3, 2};
    double x = (logistic(1) + 1) * 8, y = logistic(-1) * 8, w = exp(0.5) * 4, h = exp(-0.5) * 6,
           score = logistic(3) * logistic(2);
    check_one("yolov3-head", ask_grid("detect=yolov3-head,anchors=4:6", box, 6, &a), &a, x - w / 2, y - h / 2,
              x + w / 2, y + h / 2, score);
    check_one("yolov2-head", ask_grid("detect=yolov2-head,anchors=0.5:0.75", box, 6, &a), &a, x - w / 2, y - h / 2,
              x + w / 2, y + h / 2, logistic(3));
    x = (2 * logistic(1) + 0.5) * 8, y = (2 * logistic(-1) - 0.5) * 8;
    w = pow(2 * logistic(0.5), 2) * 4, h = pow(2 * logistic(-0.5), 2) * 6;
    check_one("yolov5-head", ask_grid("detect=yolov5-head,anchors=4:6", box, 6, &a), &a, x - w / 2, y - h / 2,
              x + w / 2, y + h / 2, score);
    CHECK(ask_grid("detect=yolov5-head", box, 6, &a) == -1);
}

/* The same box with the channels last, and by the second of two anchors that have an axis of their own. */
static void layouts(void)
{
    static const float box[] = {1, -1, 0.5f, -0.5f, 3, 2};
    static const int64_t last[] = {1, 2, 2, 6}, anchors[] = {1, 2, 2, 2, 6};
    float values[2 * 4 * 6];
    struct task_answers a;
    double x = (logistic(1) + 1) * 8, y = logistic(-1) * 8, w = exp(0.5) * 4, h = exp(-0.5) * 6;
    for (int i = 0; i < 48; i++)
        values[i] = -20;
    memcpy(values + 6, box, sizeof box);
    check_one("channels last",
              ask("detect=yolov3-head,anchors=4:6", NULL,
                  &(struct task_output){.values = values, .dims = last, .rank = 4}, 1, 16, 16, &a),
              &a, x - w / 2, y - h / 2, x + w / 2, y + h / 2, logistic(3) * logistic(2));
    static const int64_t behind[] = {1, 2, 2, 1, 6};
    check_one("stretched, anchors behind the grid",
              ask("detect=yolov3-head,anchors=4:6,stretch=1.5", NULL,
                  &(struct task_output){.values = values, .dims = behind, .rank = 5}, 1, 16, 16, &a),
              &a, x + (logistic(1) - 0.5) * 4 - w / 2, y + (logistic(-1) - 0.5) * 4 - h / 2,
              x + (logistic(1) - 0.5) * 4 + w / 2, y + (logistic(-1) - 0.5) * 4 + h / 2, logistic(3) * logistic(2));
    for (int i = 0; i < 6; i++)
        values[6 + i] = -20;
    memcpy(values + 24 + 6, box, sizeof box);
    check_one("anchors first",
              ask("detect=yolov3-head,anchors=9:9:4:6", NULL,
                  &(struct task_output){.values = values, .dims = anchors, .rank = 5}, 1, 16, 16, &a),
              &a, x - w / 2, y - h / 2, x + w / 2, y + h / 2, logistic(3) * logistic(2));
}

/* Boxes in pixels, scores with the labels in rows, as PaddleDetection has them. */
static void turned_scores(void)
{
    static const float boxes[6][4] = {[4] = {1, 2, 9, 12}}, scores[2][6] = {[1] = {[4] = 0.75f}};
    static const int64_t box_dims[] = {1, 6, 4}, score_dims[] = {1, 2, 6};
    struct task_output o[] = {{.values = boxes[0], .dims = box_dims, .rank = 3},
                              {.values = scores[0], .dims = score_dims, .rank = 3}};
    struct task_answers a;
    CHECK(ask("detect=boxes", NULL, o, 2, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 1);
    check_one("boxes", 0, &a, 1, 2, 9, 12, 0.75);
}

static void distance_heads(void)
{
    struct task_answers a;
    static const float plain[] = {0.5f, 0.25f, 0.25f, 1, 2}, turned[] = {2, 0.5f, 0.25f, 0.25f, 1};
    check_one("yolov8-head", ask_grid("detect=yolov8-head,bins=1", plain, 5, &a), &a, 8, 2, 14, 12, logistic(2));
    check_one("classes-box", ask_grid("detect=nanodet,columns=classes-box,bins=1,strides=8", turned, 5, &a), &a, 8, 2,
              14, 12, logistic(2));
    float bins[13] = {0, 0, -99, -99, 0, 0, 0, 0, -99, -99, -99, 0, 2}; /* 0.5, 1.5, 0.5, 2 */
    check_one("bins", ask_grid("detect=yolov8-head,bins=3", bins, 13, &a), &a, 8, -8, 16, 20, logistic(2));
    static const float fastest[] = {0.9f, 0.5f, -0.5f, 0, 1, 0.8f};
    double x = (tanh(0.5) + 1) * 8, y = tanh(-0.5) * 8, w = 8, h = logistic(1) * 16;
    check_one("fastestdet", ask_grid("detect=fastestdet", fastest, 6, &a), &a, x - w / 2, y - h / 2, x + w / 2,
              y + h / 2, pow(0.9, 0.6) * pow(0.8, 0.4));
}

/* Rows for all grids in one list, and a list for each. */
static void lists_of_grids(void)
{
    float boxes[6][4] = {{0}}, scores[6][2], points[6][4] = {{0}};
    const int64_t box_dims[] = {1, 6, 4}, score_dims[] = {1, 6, 2}, point_dims[] = {1, 6, 4};
    struct task_output o[] = {{.name = "conf", .values = scores[0], .dims = score_dims, .rank = 3},
                              {.name = "loc", .values = boxes[0], .dims = box_dims, .rank = 3},
                              {.name = "landms", .values = points[0], .dims = point_dims, .rank = 3}};
    struct task_answers a;
    for (int i = 0; i < 6; i++)
        scores[i][0] = 5, scores[i][1] = 0;
    scores[5][0] = 0, scores[5][1] = 3; /* 2 x 2 cells, and one of two anchors: the second of the coarse grid */
    boxes[5][0] = 1, boxes[5][2] = 1;
    points[5][0] = 1, points[5][3] = -2;
    static const char task[] = "detect=retinaface,strides=8:16,each=1:2,sizes=4:8:10,points=2";
    CHECK(ask(task, NULL, o, 3, 16, 16, &a) == 0 && a.count == 1 && a.at[0].point_count == 2);
    if (a.count == 1) {
        near(a.at[0].points[0].x, 8 + 0.1 * 10, "point x");
        near(a.at[0].points[1].y, 8 - 0.2 * 10, "point y");
    }
    double w = 10 * exp(0.2), x = 8 + 0.1 * 10;
    check_one(task, 0, &a, x - w / 2, 3, x + w / 2, 13, logistic(3));
    CHECK(ask("detect=retinaface,strides=8:16,each=2,sizes=4:8:10:12,points=2", NULL, o, 3, 16, 16, &a) == -1);
    CHECK(ask(task, NULL, o + 1, 2, 16, 16, &a) == -1);

    float near_scores[4] = {0, 0, 0.9f, 0}, far_scores[1] = {0}, near_boxes[4][4] = {{0}}, far_boxes[4] = {0};
    const int64_t four[] = {4, 1}, four_boxes[] = {4, 4}, one[] = {1, 1}, one_box[] = {1, 4};
    struct task_output grids[] = {{.name = "a", .values = far_scores, .dims = one, .rank = 2},
                                  {.name = "b", .values = near_scores, .dims = four, .rank = 2},
                                  {.name = "c", .values = far_boxes, .dims = one_box, .rank = 2},
                                  {.name = "d", .values = near_boxes[0], .dims = four_boxes, .rank = 2}};
    near_boxes[2][2] = 0.5f, near_boxes[2][3] = 0.5f;
    check_one("scrfd", ask("detect=scrfd,strides=8:16,each=1,points=0", NULL, grids, 4, 16, 16, &a), &a, 0, 8, 4, 12,
              0.9);
}

/* Points behind the box, in pixels from the anchor. */
static void blazeface(void)
{
    float rows[4][8] = {{0}}, scores[4] = {-9, 0, -9, -9};
    const int64_t dims[] = {1, 4, 8}, score_dims[] = {1, 4, 1};
    struct task_output o[] = {{.name = "regressors", .values = rows[0], .dims = dims, .rank = 3},
                              {.name = "classificators", .values = scores, .dims = score_dims, .rank = 3}};
    static const float row[] = {1, 2, 4, 6, 0, 1, -1, 3};
    struct task_answers a;
    memcpy(rows[1], row, sizeof row);
    CHECK(ask("detect=blazeface,strides=8,each=1,points=2", NULL, o, 2, 16, 16, &a) == 0 && a.count == 1);
    if (a.count == 1) {
        near(a.at[0].points[1].x, 11, "point x");
        near(a.at[0].points[1].y, 7, "point y");
    }
    check_one("blazeface", 0, &a, 11, 3, 15, 9, 0.5);
    rows[1][2] = 20; /* reaches beyond the photo: squares are laid around all of it */
    struct recipe_map same = {1, 1, 0, 0, false};
    int status = ask_with("detect=blazeface,strides=8,each=1,points=2", NULL, o, 2, 16, 16, &same, &a);
    check_one("blazeface beyond the photo", status, &a, 3, 3, 23, 9, 0.5);
    rows[1][2] = 3e38f; /* as far as a record may tell */
    same.scale_x = 0.1f;
    status = ask_with("detect=blazeface,strides=8,each=1,points=2", NULL, o, 2, 16, 16, &same, &a);
    check_one("blazeface of infinite width", status, &a, -1e6f, 3, 1e6f, 9, 0.5);
}

/* Anchors in cells of each grid; y before x. */
static void efficientdet(void)
{
    static const float boxes[5][4] = {[4] = {0.25f, -0.125f, 0, -0.693147f}}, scores[5] = {-9, -9, -9, -9, 0};
    static const int64_t dims[] = {1, 5, 4}, score_dims[] = {1, 5, 1};
    struct task_output o[] = {{.name = "box_net", .values = boxes[0], .dims = dims, .rank = 3},
                              {.name = "class_net", .values = scores, .dims = score_dims, .rank = 3}};
    struct task_answers a;
    int status = ask("detect=efficientdet,strides=8:16,each=1,anchors=2:1", NULL, o, 2, 16, 16, &a);
    check_one("efficientdet", status, &a, -4, 4, 12, 20, 0.5);
    CHECK(ask("detect=efficientdet,strides=8:16,each=1", NULL, o, 2, 16, 16, &a) == -1);
}

/* Anchors larger than the input are cut for UltraFace only. */
static void large_anchors(void)
{
    static const float box[4] = {0}, scores[2] = {0, 0};
    static const int64_t dims[] = {1, 1, 4}, score_dims[] = {1, 1, 2};
    struct task_output o[] = {{.name = "boxes", .values = box, .dims = dims, .rank = 3},
                              {.name = "scores", .values = scores, .dims = score_dims, .rank = 3}};
    struct task_answers a;
    int status =
        ask("detect=retinaface,score=0.5,scores=softmax,strides=16,each=1,sizes=32,points=0", NULL, o, 2, 16, 16, &a);
    check_one("retinaface", status, &a, -8, -8, 24, 24, 0.5);
    status = ask("detect=ultraface-head,score=0.5,scores=softmax,strides=16,each=1,sizes=32", NULL, o, 2, 16, 16, &a);
    check_one("ultraface", status, &a, 0, 0, 16, 16, 0.5);
}

/* The last class stands for nothing. */
static void detr(void)
{
    static const float logits[][3] = {{0, 3, 0}, {0, 0, 9}}, boxes[][4] = {{0.5f, 0.5f, 0.5f, 1}, {0.5f, 0.5f, 1, 1}};
    static const int64_t dims[] = {1, 2, 3}, box_dims[] = {1, 2, 4}, other[] = {1, 1, 4};
    struct task_output o[] = {{.name = "logits", .values = logits[0], .dims = dims, .rank = 3},
                              {.name = "pred_boxes", .values = boxes[0], .dims = box_dims, .rank = 3}};
    struct task_answers a;
    CHECK(ask("detect=detr", NULL, o, 2, 16, 16, &a) == 0 && a.count == 1 && a.at[0].label == 1);
    check_one("detr", 0, &a, 4, 0, 12, 16, exp(3) / (exp(3) + 2));
    o[1].dims = other;
    CHECK(ask("detect=detr", NULL, o, 2, 16, 16, &a) == -1);
}

/* Hidden states beside the two, which are told by their names. */
static void other_outputs(void)
{
    static const float logits[][3] = {{0, 3, 0}, {0, 0, 9}}, boxes[][4] = {{0.5f, 0.5f, 0.5f, 1}, {0.5f, 0.5f, 1, 1}};
    static const float state[2][5] = {{9}};
    static const int64_t dims[] = {1, 2, 3}, box_dims[] = {1, 2, 4}, state_dims[] = {1, 2, 5};
    struct task_output o[] = {{.name = "block_state", .values = state[0], .dims = state_dims, .rank = 3},
                              {.name = "logits", .values = logits[0], .dims = dims, .rank = 3},
                              {.name = "pred_boxes", .values = boxes[0], .dims = box_dims, .rank = 3}};
    struct task_answers a;
    check_one("detr", ask("detect=detr", NULL, o, 3, 16, 16, &a), &a, 4, 0, 12, 16, exp(3) / (exp(3) + 2));
}

/* The mask beside the points of MediaPipe's pose is of all the photo, not of the box around them. */
static void points_with_a_mask(void)
{
    static const float pose[] = {5, 2, 0, 0, 0, 6, 3, 0, 0, 0};
    static const int64_t ten[] = {1, 10}, dims[] = {1, 1, 10, 10};
    float mask[100];
    struct task_output o[] = {{.values = mask, .dims = dims, .rank = 4}, {.values = pose, .dims = ten, .rank = 2}};
    struct task_answers a;
    for (int i = 0; i < 100; i++)
        mask[i] = i % 10 < 3 ? 4 : -4;
    CHECK(ask("points,points=2,order=xyzvp,unit=pixel", NULL, o, 2, 10, 10, &a) == 0 && a.count == 1);
    const struct task_answer *b = &a.at[0];
    CHECK(b->point_count == 2 && b->place.x == 0 && b->place.y == 0 && b->place.width == 10 && b->place.height == 10);
    for (int i = 0; i < 100; i++)
        CHECK_MSG(b->mask && b->mask[i] == (i % 10 < 3), "%d", i);
    task_answers_release(&a);
}

/* Where nothing else is called scores. */
static void objectness_alone(void)
{
    static const float boxes[][4] = {{1, 2, 9, 12}, {0}}, objects[] = {0.75f, 0};
    static const int64_t box_dims[] = {1, 2, 4}, dims[] = {1, 2, 1};
    struct task_output o[] = {{.name = "boxes", .values = boxes[0], .dims = box_dims, .rank = 3},
                              {.name = "objectness", .values = objects, .dims = dims, .rank = 3}};
    struct task_answers a;
    check_one("boxes", ask("detect=boxes", NULL, o, 2, 16, 16, &a), &a, 1, 2, 9, 12, 0.75);
}

/* Two boxes of which only the parts in the input overlap much. */
static void clipped_first(void)
{
    static const float boxes[][4] = {{-60, -40, 16, 16}, {0, 0, 20, 30}}, scores[] = {0.75f, 0.5f};
    static const int64_t box_dims[] = {1, 2, 4}, dims[] = {1, 2, 1};
    struct task_output o[] = {{.name = "boxes", .values = boxes[0], .dims = box_dims, .rank = 3},
                              {.name = "scores", .values = scores, .dims = dims, .rank = 3}};
    struct task_answers a;
    check_one("clip=input", ask("detect=boxes,clip=input", NULL, o, 2, 16, 16, &a), &a, 0, 0, 16, 16, 0.75);
    CHECK(ask("detect=boxes", NULL, o, 2, 16, 16, &a) == 0 && a.count == 2 && a.at[0].x0 == -60);
    task_answers_release(&a);
}

/* With the image before: the label may stand before the score. */
static void rows_of_seven(void)
{
    static const float before[] = {0, 1, 2, 9, 12, 7, 0.75f}, behind[] = {0, 1, 2, 9, 12, 0.75f, 7};
    static const int64_t dims[] = {1, 7};
    struct task_answers a;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            const char *task = k ? "detect=yolo" : "detect=yolov10";
            CHECK(ask_one(task, i ? before : behind, 2, dims, &a) == 0 && a.count == 1 && a.at[0].label == 7);
            check_one(task, 0, &a, 1, 2, 9, 12, 0.75);
        }
}

/* RT-DETR: parts of the input, whose numbers cannot be corners. */
static void rows_of_centres(void)
{
    static const float rows[] = {0.5f, 0.5f, 0.25f, 0.5f, 0.75f, 7};
    static const int64_t dims[] = {1, 1, 6};
    struct task_answers a;
    check_one(
        "yolov10",
        ask("detect=yolov10", NULL, &(struct task_output){.values = rows, .dims = dims, .rank = 3}, 1, 16, 16, &a), &a,
        6, 4, 10, 12, 0.75);
}

/* Scores, objectness, boxes and points apart, at cell (1, 0); the mean of the scores is geometric. */
static void yunet(void)
{
    static const float cls[] = {0, 0.5f, 0, 0}, obj[] = {1, 0.125f, 1, 1}, box[4][4] = {{0}, {0.5f, 0.25f, 0, 0}},
                       points[4][2] = {{0}, {1, 2}};
    static const int64_t one[] = {1, 4, 1}, four[] = {1, 4, 4}, two[] = {1, 4, 2};
    struct task_output o[] = {{.name = "cls_8", .values = cls, .dims = one, .rank = 3},
                              {.name = "obj_8", .values = obj, .dims = one, .rank = 3},
                              {.name = "bbox_8", .values = box[0], .dims = four, .rank = 3},
                              {.name = "kps_8", .values = points[0], .dims = two, .rank = 3}};
    struct task_answers a;
    CHECK(ask("detect=yunet,strides=8,points=1,score=0.2", NULL, o, 4, 16, 16, &a) == 0 && a.count == 1);
    near(a.at[0].points->x, 16, "x"), near(a.at[0].points->y, 16, "y");
    check_one("yunet", 0, &a, 8, -2, 16, 6, 0.25);
}

static void centerface(void)
{
    static const float heat[] = {0, 0.5f, 0, 0}, sizes[8] = {[1] = 1, [5] = 2}, offsets[8] = {[1] = 0.25f, [5] = 0.5f},
                       points[8] = {[1] = 0.5f, [5] = 0.25f};
    static const int64_t map[] = {1, 1, 2, 2}, pair[] = {1, 2, 2, 2}, four[] = {1, 4, 2, 1};
    struct task_output o[] = {{.values = heat, .dims = map, .rank = 4},
                              {.values = sizes, .dims = pair, .rank = 4},
                              {.values = offsets, .dims = pair, .rank = 4},
                              {.values = points, .dims = four, .rank = 4}};
    struct task_answers a;
    double h = exp(1) * 8, w = exp(2) * 8, x = 16 - w / 2, y = 6 - h / 2;
    x = x > 0 ? x : 0, y = y > 0 ? y : 0;
    check_one("centerface", ask("detect=centerface", NULL, o, 3, 16, 16, &a), &a, x, y, x + w, y + h, 0.5);
    CHECK(ask("detect=centerface", NULL, o, 4, 16, 16, &a) == -1);
    CHECK(ask("detect=centerface", NULL, o, 2, 16, 16, &a) == -1);
}

static void simcc(void)
{
    static const float x[] = {0, 0.5f, 0, 0, 0, 0, 0, 0.25f}, y[] = {0, 0, 0.25f, 0, 0, 0.5f};
    static const int64_t wide[] = {1, 2, 4}, high[] = {1, 2, 3}, other[] = {1, 3, 2};
    struct task_output o[] = {{.values = x, .dims = wide, .rank = 3}, {.values = y, .dims = high, .rank = 3}};
    struct task_answers a;
    CHECK(ask("points=simcc", NULL, o, 2, 8, 6, &a) == 0 && a.count == 1 && a.at[0].point_count == 2);
    if (a.count) {
        near(a.at[0].points[0].x, 2, "x"), near(a.at[0].points[0].y, 4, "y"), near(a.at[0].points[0].score, 0.375, "s");
        near(a.at[0].points[1].x, 6, "x"), near(a.at[0].points[1].y, 4, "y");
    }
    task_answers_release(&a);
    struct task_output exchanged[] = {o[1], o[0]}; /* their steps tell which is which, in a square their names */
    CHECK(ask("points=simcc", NULL, exchanged, 2, 8, 6, &a) == 0 && a.count == 1 && a.at[0].points[0].x == 2);
    task_answers_release(&a);
    exchanged[0].name = "simcc_y", exchanged[1].name = "simcc_x";
    CHECK(ask("points=simcc", NULL, exchanged, 2, 8, 8, &a) == 0 && a.count == 1 && a.at[0].points[0].x == 2);
    task_answers_release(&a);
    o[1].dims = other;
    CHECK(ask("points=simcc", NULL, o, 2, 8, 6, &a) == -1);
    CHECK(ask("points=simcc", NULL, o, 1, 8, 6, &a) == -1);
}

/* Two masks, each sure of a label; nothing is label 2 here. */
static void masks_of_queries(void)
{
    static const float classes[] = {9, 0, 0, 0, 9, 0}, masks[] = {9, 9, -9, -9, -9, -9, 9, 9};
    static const int64_t rows[] = {1, 2, 3}, planes[] = {1, 2, 2, 2};
    struct task_output o[] = {{.values = classes, .dims = rows, .rank = 3},
                              {.values = masks, .dims = planes, .rank = 4}};
    struct task_answers a;
    CHECK(ask("mask", NULL, o, 2, 2, 2, &a) == 0 && a.count == 2 && a.picture.width == 2);
    for (int i = 0; a.count && i < 4; i++)
        CHECK(a.picture.data[i] == i / 2);
    task_answers_release(&a);
}

/* Masks are blended before the sigmoid, or labels' scores after it: beside a cell that is certain, one that is not. */
static void enlarged_masks(void)
{
    static const float classes[] = {9, 0, 0, 0, 9, 0}, masks[] = {20, -1, 0, 0};
    static const int64_t rows[] = {1, 2, 3}, planes[] = {1, 2, 1, 2};
    struct task_output o[] = {{.values = classes, .dims = rows, .rank = 3},
                              {.values = masks, .dims = planes, .rank = 4}};
    static const uint8_t want[2][4] = {{0, 0, 0, 1}, {0, 1}};
    struct task_answers a;
    CHECK(ask("mask", NULL, o, 2, 4, 1, &a) == 0 && a.picture.width == 4);
    CHECK(a.picture.width == 4 && memcmp(a.picture.data, want[0], 4) == 0);
    task_answers_release(&a);
    CHECK(ask("mask,enlarge=scores", NULL, o, 2, 4, 1, &a) == 0 && a.picture.width == 2);
    CHECK(a.picture.width == 2 && memcmp(a.picture.data, want[1], 2) == 0);
    task_answers_release(&a);
}

/* Only the boxes that the network chose itself, whatever they overlap. */
static void selected_boxes(void)
{
    static const float boxes[3][4] = {{1, 2, 9, 12}, {1, 2, 9, 12}, {0, 0, 1, 1}},
                       scores[2][3] = {{0.5f, 0.9f, 0.9f}, {0.75f, 0.9f, 0}},
                       chosen[3][3] = {{0, 1, 0}, {0, 0, 1}, {0, 7, 7}};
    static const int64_t box_dims[] = {1, 3, 4}, score_dims[] = {1, 2, 3}, list_dims[] = {3, 3};
    struct task_output o[] = {{.name = "boxes", .values = boxes[0], .dims = box_dims, .rank = 3},
                              {.name = "scores", .values = scores[0], .dims = score_dims, .rank = 3},
                              {.name = "indices", .values = chosen[0], .dims = list_dims, .rank = 2, .whole = true}};
    struct task_answers a;
    CHECK(ask("detect=boxes", NULL, o, 3, 16, 16, &a) == 0 && a.count == 2);
    if (a.count == 2)
        CHECK(a.at[0].label == 0 && a.at[0].score == 0.9f && a.at[1].label == 1 && a.at[1].score == 0.75f);
    task_answers_release(&a);
}

/* Corners of the anchor move; landmarks are all x, then all y. */
static void mtcnn(void)
{
    static const float scores[] = {0.1f, 0.9f}, moves[] = {0.25f, 0, 0, -0.5f}, marks[] = {0, 1, 0.5f, 0.25f};
    static const int64_t two[] = {1, 2}, four[] = {1, 4};
    struct task_output o[] = {{.name = "a", .values = moves, .dims = four, .rank = 2},
                              {.name = "prob1", .values = scores, .dims = two, .rank = 2},
                              {.name = "landmarks", .values = marks, .dims = four, .rank = 2}};
    struct task_answers a;
    CHECK(ask("detect=mtcnn,points=2", NULL, o, 3, 16, 16, &a) == 0 && a.count == 1 && a.at[0].point_count == 2);
    if (a.count == 1)
        CHECK(a.at[0].points[1].x == 16 && a.at[0].points[0].y == 8 && a.at[0].points[1].y == 4);
    check_one("mtcnn", 0, &a, 4, 0, 16, 8, 0.9);
}

static void centernet(void)
{
    static const float heat[] = {0.1f, 0.9f, 0.8f, 0.2f}, sizes[] = {0, 1, 0, 0, 0, 2, 0, 0},
                       offsets[] = {0, 0.5f, 0, 0, 0, 0.25f, 0, 0};
    static const int64_t map[] = {1, 1, 2, 2}, pair[] = {1, 2, 2, 2}, narrow[] = {1, 2, 2, 1};
    struct task_output o[] = {{.name = "hm", .values = heat, .dims = map, .rank = 4},
                              {.name = "reg", .values = offsets, .dims = pair, .rank = 4},
                              {.name = "wh", .values = sizes, .dims = pair, .rank = 4}};
    struct task_answers a;
    check_one("centernet", ask("detect=centernet", NULL, o, 3, 16, 16, &a), &a, 8, -6, 16, 10, 0.9);
    o[2].dims = narrow;
    CHECK(ask("detect=centernet", NULL, o, 3, 16, 16, &a) == -1);
    CHECK(ask("detect=centernet", NULL, o, 1, 16, 16, &a) == -1);
}

/* A's neighbour is B, B's A, C's B, D's C: of C and A one landmark speaks, which counts twice, as two speak of B. */
static void pipnet(void)
{
    static const float maps[] = {0, 1, 0, 2, 0, 3, 0, 4}, x[] = {9, 0.1f, 9, 0.2f, 9, 0.3f, 9, 0.4f},
                       y[] = {9, 0.5f, 9, 0.5f, 9, 0.5f, 9, 0.5f}, near_x[] = {9, 0.7f, 9, 0.1f, 9, 0.4f, 9, 0.9f};
    static const int64_t dims[] = {1, 4, 1, 2}, fewer[] = {1, 3, 1, 2};
    static const double want[2][4] = {{16.5, 18, 19.5, 21}, {16.5, 21.5, 25.5, 21}};
    struct task_output o[] = {{.values = maps, .dims = dims, .rank = 4},
                              {.values = x, .dims = dims, .rank = 4},
                              {.values = y, .dims = dims, .rank = 4},
                              {.values = near_x, .dims = dims, .rank = 4},
                              {.values = y, .dims = dims, .rank = 4}};
    struct task_labels face;
    struct task_answers a;
    struct error err;
    CHECK(task_labels_init(&face, "0 0 1 0 \n3 0 7 0", 16, &err) == 0);
    for (int known = 0; known < 2; known++) {
        CHECK(ask("points=pipnet", known ? &face : NULL, o, 5, 30, 20, &a) == 0 && a.count == 1 &&
              a.at[0].point_count == 4);
        for (int i = 0; i < 4; i++)
            near(a.at[0].points[i].x, want[known][i], "x"), near(a.at[0].points[i].y, 10, "y");
        CHECK(a.at[0].points[2].score == 3 && a.at[0].score == 2.5f);
        task_answers_release(&a);
    }
    CHECK(ask("points=pipnet", NULL, o, 4, 30, 20, &a) == -1);
    o[4].dims = fewer;
    CHECK(ask("points=pipnet", NULL, o, 5, 30, 20, &a) == -1);
    o[4].dims = dims;
    task_labels_release(&face);
    for (int i = 0; i < 3; i++) {
        static const char *const bad[] = {"0 0 1 0 3 0 7", "0 0 1 0 3 0 7 0 1", "0 0 1 0 3 x 7 0"};
        CHECK(task_labels_init(&face, bad[i], strlen(bad[i]), &err) == 0);
        CHECK(ask("points=pipnet", &face, o, 5, 30, 20, &a) == -1);
        task_labels_release(&face);
    }
}

int main(void)
{
    RUN(yolo_heads);
    RUN(layouts);
    RUN(turned_scores);
    RUN(distance_heads);
    RUN(lists_of_grids);
    RUN(blazeface);
    RUN(efficientdet);
    RUN(large_anchors);
    RUN(detr);
    RUN(other_outputs);
    RUN(points_with_a_mask);
    RUN(objectness_alone);
    RUN(clipped_first);
    RUN(rows_of_seven);
    RUN(rows_of_centres);
    RUN(yunet);
    RUN(centerface);
    RUN(simcc);
    RUN(masks_of_queries);
    RUN(enlarged_masks);
    RUN(selected_boxes);
    RUN(mtcnn);
    RUN(centernet);
    RUN(pipnet);
    return TEST_END();
}
