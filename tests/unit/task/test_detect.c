#include <math.h>
#include <stdlib.h>

#include "ask.h"

enum { ANCHORS = 6, CLASSES = 2 };

/* Centre, size, scores. The second overlaps the first with the same label, the third with the other one; the fourth is
 * weak, the fifth not finite. */
static const float anchors[ANCHORS][4 + CLASSES] = {
    {50, 40, 20, 10, 0.1f, 0.8f}, {51, 40, 20, 10, 0, 0.7f},    {50, 41, 20, 10, 0.9f, 0.1f},
    {10, 10, 4, 4, 0.2f, 0.1f},   {NAN, 10, 4, 4, 0.99f, 0.1f}, {80, 80, 6, 6, 0.3f, 0.4f},
};

static void check_boxes(struct task_answers *b)
{
    CHECK_MSG(b->count == 3, "%zu", b->count);
    if (b->count == 3) {
        CHECK(b->at[0].label == 0 && b->at[0].score == 0.9f && b->at[0].x0 == 40 && b->at[0].y0 == 36 &&
              b->at[0].x1 == 60 && b->at[0].y1 == 46);
        CHECK(b->at[1].label == 1 && b->at[1].score == 0.8f && b->at[1].y0 == 35);
        CHECK(b->at[2].label == 1 && b->at[2].score == 0.4f && b->at[2].x1 == 83);
    }
    task_answers_release(b);
}

static void yolov8(void)
{
    float turned[4 + CLASSES][ANCHORS];
    static const int64_t dims[] = {1, 4 + CLASSES, ANCHORS}, no_class[] = {1, 4, 9}, batch[] = {2, 3, 6};
    struct task_answers b;
    struct error err;
    struct task t;
    for (int i = 0; i < ANCHORS; i++)
        for (int j = 0; j < 4 + CLASSES; j++)
            turned[j][i] = anchors[i][j];
    CHECK(ask_one("detect=yolov8", turned[0], 3, dims, &b) == 0);
    check_boxes(&b);
    CHECK(ask_one("detect=yolov8,by=all", turned[0], 3, dims, &b) == 0 && b.count == 2);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov8,nms=none", turned[0], 3, dims, &b) == 0 && b.count == 4);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov8,nms=none,labels=all", turned[0], 3, dims, &b) == 0 && b.count == 5);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov8,most=2", turned[0], 3, dims, &b) == 0 && b.count == 2);
    task_answers_release(&b);
    static const struct task_labels none;
    struct recipe_map map = {0.5f, 0.25f, 10, -20, false};
    struct task_query q = {&t,    &none, &(struct task_output){.values = turned[0], .dims = dims, .rank = 3},
                           1,     100,   100,
                           false, &map,  90,
                           240,   0,     NULL,
                           0,     false};
    CHECK(task_parse("detect=yolov8", 13, &t, &err) == 0 && task_answer(&q, &b, &err) == 0 && b.count == 3);
    CHECK(b.at[0].x0 == 60 && b.at[0].x1 == 90 && b.at[0].y0 == 224 && b.at[0].y1 == 240);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov8", turned[0], 3, no_class, &b) == -1);
    CHECK(ask_one("detect=yolov8", turned[0], 3, batch, &b) == -1);
    CHECK(ask_one("detect=yolov8", turned[0], 1, dims + 2, &b) == -1);
    CHECK(ask("detect=yolov8", NULL, q.outputs, 1, 0, 0, &b) == -1 && strstr(message, "photo"));
}

/* Overlapping boxes keep less of their scores, or become one. */
static void soft_and_weighted(void)
{
    static const float rows[][7] = {{50, 40, 20, 10, 1, 0, 0.75f}, {51, 40, 20, 10, 1, 0, 0.25f}};
    static const int64_t dims[] = {1, 2, 7};
    struct task_answers b;
    double both = 19.0 / 21;
    CHECK(ask_one("detect=yolov5,score=0.01,nms=soft", rows[0], 3, dims, &b) == 0 && b.count == 2);
    CHECK(b.at[0].score == 0.75f && fabs(b.at[1].score - 0.25 * exp(-2 * both * both)) < 1e-6);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov5,score=0.1,nms=soft", rows[0], 3, dims, &b) == 0 && b.count == 1);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov5,score=0.1,nms=weighted", rows[0], 3, dims, &b) == 0 && b.count == 1);
    CHECK(b.at[0].score == 0.75f && fabsf(b.at[0].x0 - 40.25f) < 1e-4f && b.at[0].y0 == 35);
    task_answers_release(&b);
}

/* Of equal scores the row that comes first is the better one. */
static void equal_scores(void)
{
    static const float rows[][7] = {{51, 40, 20, 10, 1, 0, 0.5f}, {50, 40, 20, 10, 1, 0, 0.5f}};
    struct task_answers b;
    CHECK(ask_one("detect=yolov5", rows[0], 3, (int64_t[]){1, 2, 7}, &b) == 0 && b.count == 1 && b.at[0].x0 == 41);
    task_answers_release(&b);
}

static void yolov5(void)
{
    float rows[ANCHORS][5 + CLASSES];
    static const int64_t dims[] = {1, ANCHORS, 5 + CLASSES}, none[] = {1, 0, 5 + CLASSES};
    struct task_answers b;
    for (int i = 0; i < ANCHORS; i++)
        for (int j = 0; j < 5 + CLASSES; j++)
            rows[i][j] = j < 4 ? anchors[i][j] : j == 4 ? 0.5f : anchors[i][j - 1] * 2;
    CHECK(ask_one("detect=yolov5", rows[0], 3, dims, &b) == 0);
    check_boxes(&b);
    CHECK(ask_one("detect=yolov5", rows[0], 3, none, &b) == -1 || b.count == 0);
}

/* Coordinates as parts of the input are told by their size. */
static void units(void)
{
    static const float rows[][6] = {{0.5f, 0.25f, 0.5f, 0.5f, 1, 0.9f}};
    static const int64_t dims[] = {1, 1, 6};
    struct task_answers b;
    CHECK(ask_one("detect=yolov5", rows[0], 3, dims, &b) == 0 && b.count == 1 && b.at[0].x0 == 25 && b.at[0].y1 == 50);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov5,unit=pixel", rows[0], 3, dims, &b) == 0 && b.count == 1 && b.at[0].x0 == 0.25f);
    task_answers_release(&b);
}

/* Behind the scores, key points; in pixels of the input. */
static void key_points(void)
{
    static const float row[] = {50, 50, 20, 20, 0.9f, 45, 46, 0.5f, 55, 56, 0.25f};
    static const int64_t dims[] = {1, 11, 20}, wrong[] = {1, 10, 20};
    float turned[11][20] = {{0}};
    struct task_answers b;
    for (int i = 0; i < 11; i++)
        turned[i][7] = row[i];
    CHECK(ask_one("detect=yolov8,points=2", turned[0], 3, dims, &b) == 0 && b.count == 1 && b.at[0].point_count == 2);
    if (b.count == 1)
        CHECK(b.at[0].points[0].x == 45 && b.at[0].points[1].y == 56 && b.at[0].points[1].score == 0.25f);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov8,points=2", turned[0], 3, wrong, &b) == -1);
}

/* The second output are prototypes of masks; a mask is cut at its box. */
static void instance_masks(void)
{
    static const float rows[7][8] = {{50}, {25}, {100}, {50}, {0.9f}, {1}, {-1}};
    static const float prototypes[2][2][2] = {{{1, 3}, {1, 3}}, {{2, 2}, {2, 2}}};
    static const int64_t dims[] = {1, 7, 8}, planes[] = {1, 2, 2, 2};
    struct task_output outputs[] = {{.values = rows[0], .dims = dims, .rank = 3},
                                    {.values = prototypes[0][0], .dims = planes, .rank = 4}};
    static const struct task_labels none;
    struct recipe_map map = {10, 10, 0, 0, false};
    struct task t;
    struct error err;
    struct task_answers b;
    struct task_query q = {&t, &none, outputs, 2, 100, 100, false, &map, 10, 10, 0, NULL, 0, false};
    CHECK(task_parse("detect=yolov8", 13, &t, &err) == 0 && task_answer(&q, &b, &err) == 0 && b.count == 1);
    CHECK(b.count == 1 && b.at[0].place.width == 10 && b.at[0].place.height == 5 && b.at[0].place.y == 0);
    for (int i = 0; b.count == 1 && i < 50; i++) /* -1 on the left, 1 on the right: above 0 from the middle on */
        CHECK_MSG(b.at[0].mask[i] == (i % 10 >= 5), "%d", i);
    task_answers_release(&b);
}

/* A box whose width is negative has a mask without pixels, and is none. */
static void turned_masks(void)
{
    static const float rows[7][8] = {{50}, {50}, {-80}, {80}, {0.9f}, {1}, {-1}};
    static float prototypes[2][64][64];
    static const int64_t dims[] = {1, 7, 8}, planes[] = {1, 2, 64, 64};
    const struct task_output outputs[] = {{.values = rows[0], .dims = dims, .rank = 3},
                                          {.values = prototypes[0][0], .dims = planes, .rank = 4}};
    struct task_answers b;
    CHECK_MSG(ask("detect=yolov8", NULL, outputs, 2, 100, 100, &b) == 0 && b.count == 0, "%s", message);
    task_answers_release(&b);
}

/* Prototypes fit an output that is too narrow for boxes with them, and not the one that has boxes: no masks. */
static void stray_prototypes(void)
{
    static float narrow[40][37], rows[40][6], prototypes[32][2][2];
    static const int64_t first[] = {1, 40, 37}, planes[] = {1, 32, 2, 2}, dims[] = {1, 40, 6};
    const struct task_output outputs[] = {{.values = narrow[0], .dims = first, .rank = 3},
                                          {.values = prototypes[0][0], .dims = planes, .rank = 4},
                                          {.values = rows[0], .dims = dims, .rank = 3}};
    struct task_answers b;
    for (int i = 0; i < 6; i++)
        rows[3][i] = i < 4 ? 50 : 1;
    CHECK_MSG(ask("detect=yolov5,unit=pixel", NULL, outputs, 3, 100, 100, &b) == 0 && b.count == 1, "%s", message);
    CHECK(b.count == 1 && !b.at[0].mask);
    task_answers_release(&b);
}

/* Rows that need no suppression. */
static void yolov10(void)
{
    static const float rows[][6] = {{1, 2, 30, 40, 0.9f, 7}, {1, 2, 30, 40, 0.8f, 7},      {0, 0, 9, 9, 0.9f, NAN},
                                    {0, 0, 9, 9, 0.1f, 1},   {0, 0, INFINITY, 9, 0.9f, 1}, {0, 0, 9, 9, NAN, 1}};
    static const int64_t dims[] = {1, 6, 6}, five[] = {1, 6, 5};
    struct task_answers b;
    CHECK(ask_one("detect=yolov10", rows[0], 3, dims, &b) == 0 && b.count == 2 && b.at[1].label == 7 &&
          b.at[1].x1 == 30);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolo", rows[0], 3, dims, &b) == 0 && b.count == 2);
    task_answers_release(&b);
    CHECK(ask_one("detect=yolov10", rows[0], 3, five, &b) == -1);
}

static void ssd(void)
{
    static const float rows[][7] = {{0, 2, 0.5f, 0.1f, 0.2f, 0.3f, 0.4f},
                                    {0, 1, 0.9f, 0, 0, 1, 1},
                                    {0, -1, 1, 0, 0, 1, 1},
                                    {0, NAN, 1, 0, 0, 1, 1}};
    static const int64_t dims[] = {1, 1, 4, 7}, six[] = {1, 6}, five[] = {1, 5};
    struct task_answers b;
    CHECK(ask("detect=ssd,score=0.1", NULL, &(struct task_output){.values = rows[0], .dims = dims, .rank = 4}, 1, 200,
              100, &b) == 0);
    CHECK(b.count == 2 && b.at[0].label == 1 && b.at[0].x1 == 200 && b.at[0].y1 == 100);
    CHECK(b.count == 2 && b.at[1].label == 2 && fabsf(b.at[1].x0 - 20) < 1e-4f && fabsf(b.at[1].y1 - 40) < 1e-4f);
    task_answers_release(&b);
    CHECK(ask_one("detect=ssd", rows[0] + 1, 2, six, &b) == 0 && b.count == 1 && b.at[0].label == 2);
    task_answers_release(&b);
    CHECK(ask_one("detect=ssd", rows[0], 2, five, &b) == -1);
}

/* The same rows, their labels counted from 1. */
static void ncnn(void)
{
    static const float rows[][6] = {{1, 0.9f, 0, 0, 1, 1}, {0, 0.9f, 0, 0, 1, 1}, {80, 0.8f, 0.5f, 0, 1, 1}};
    static const int64_t dims[] = {1, 3, 6}, seven[] = {1, 7};
    struct task_answers b;
    CHECK(ask_one("detect=ncnn", rows[0], 3, dims, &b) == 0);
    CHECK(b.count == 2 && b.at[0].label == 0 && b.at[1].label == 79 && b.at[1].x0 == 50);
    task_answers_release(&b);
    CHECK(ask_one("detect=ncnn", rows[0], 2, seven, &b) == -1);
}

/* Grids of all outputs of one width, as Darknet's heads. */
static void yolov3(void)
{
    static const float coarse[][7] = {{0.5f, 0.5f, 0.5f, 1, 0.9f, 0.1f, 0.7f}, {0.1f, 0.1f, 0.1f, 0.1f, 0.9f, 0, 0.1f}};
    static const float fine[][7] = {{0.5f, 0.5f, 0.5f, 0.9f, 0.9f, 0, 0.8f}, {0.25f, 0.5f, 0.5f, 0.5f, 0.9f, 0.3f, 0}};
    static const int64_t dims[] = {1, 2, 7}, state[] = {1, 14};
    struct task_output outputs[] = {{.values = coarse[0], .dims = dims, .rank = 3},
                                    {.values = fine[0], .dims = state, .rank = 2},
                                    {.values = fine[0], .dims = dims, .rank = 3}};
    struct task_answers b;
    CHECK(ask("detect=yolov3", NULL, outputs, 3, 200, 100, &b) == 0);
    CHECK(b.count == 2 && b.at[0].label == 1 && b.at[0].score == 0.8f && b.at[0].x0 == 50 && b.at[0].x1 == 150);
    CHECK(b.count == 2 && b.at[1].label == 0 && b.at[1].x0 == 0 && b.at[1].y0 == 25 && b.at[1].y1 == 75);
    task_answers_release(&b);
    outputs[0].rank = 1;
    CHECK(ask("detect=yolov3", NULL, outputs, 3, 200, 100, &b) == -1);
}

/* Of three two are the same but for a quarter turn, of which the better stays; the one across them does not count as
 * overlapping, though their middles are the same. */
static void turned_boxes(void)
{
    static const float quarter = 1.5707963f;
    const float rows[7][4] = {{50, 50, 52, 50},        {50, 50, 50, 50},         {40, 10, 40, 40},
                              {10, 40, 10, 10},        {0.9f, 0.1f, 0.2f, 0.1f}, {0.2f, 0.8f, 0.7f, 0.1f},
                              {0, 0, quarter, quarter}};
    static const int64_t dims[] = {1, 7, 4}, ended[] = {1, 2, 7};
    struct task_answers a;
    struct task_output o = {.values = rows[0], .dims = dims, .rank = 3};
    CHECK(ask("polygons=obb,by=all,iou=0.5", NULL, &o, 1, 100, 100, &a) == 0 && a.count == 2);
    if (a.count == 2) {
        const struct task_point *p = a.at[0].points, *q = a.at[1].points;
        CHECK(a.at[0].label == 0 && a.at[1].label == 1 && a.at[0].point_count == 4);
        near(p[0].x, 30, "x"), near(p[0].y, 45, "y"), near(p[2].x, 70, "x"), near(p[2].y, 55, "y");
        near(q[0].x, 45, "x"), near(q[0].y, 30, "y"), near(q[1].y, 30, "y"), near(q[2].x, 55, "x");
    }
    task_answers_release(&a);
    const float thin[7][2] = {{32, 40}, {32, 32}, {60, 60}, {0, 0}, {0.9f, 0.8f}, {0, 0}, {0.28f, 0.28f}}; /* lines */
    static const int64_t two[] = {1, 7, 2};
    o = (struct task_output){.values = thin[0], .dims = two, .rank = 3};
    CHECK(ask("polygons=obb", NULL, &o, 1, 100, 100, &a) == 0 && a.count == 2);
    task_answers_release(&a);
    static const float end[2][7] = {{50, 50, 40, 10, 0.9f, 3, 0}, {50, 50, 40, 10, 0.8f, 3, 0}};
    o = (struct task_output){.values = end[0], .dims = ended, .rank = 3};
    CHECK(ask("polygons=obb", NULL, &o, 1, 100, 100, &a) == 0 && a.count == 2 && a.at[0].label == 3);
    task_answers_release(&a);
}

/* Of three in a row the last overlaps the second alone, which the first one drops. */
static void dropped_boxes_drop_others(void)
{
    static const float rows[3][6] = {
        {1, 0.9f, 0, 0, 0.5f, 0.5f}, {1, 0.8f, 0.1f, 0, 0.6f, 0.5f}, {1, 0.7f, 0.2f, 0, 0.7f, 0.5f}};
    static const int64_t dims[] = {1, 3, 6};
    struct task_output o = {.values = rows[0], .dims = dims, .rank = 3};
    struct task_answers a;
    CHECK(ask("detect=ssd,iou=0.5", NULL, &o, 1, 100, 100, &a) == 0 && a.count == 2);
    task_answers_release(&a);
    CHECK(ask("detect=ssd,iou=0.5,nms=fast", NULL, &o, 1, 100, 100, &a) == 0 && a.count == 1);
    task_answers_release(&a);
}

/* Many boxes, none overlapping: the best 300 stay, in order. */
static void many_boxes(void)
{
    enum { N = 5000 };
    float(*rows)[6] = calloc(N, sizeof *rows);
    static const int64_t dims[] = {N, 6};
    struct task_answers b;
    for (int i = 0; i < N; i++) {
        float row[] = {(float)i * 10, 5, 8, 8, 1, 0.3f + (float)(i * 7919 % N) / N / 2};
        memcpy(rows[i], row, sizeof row);
    }
    CHECK(ask_one("detect=yolov5", rows[0], 2, dims, &b) == 0 && b.count == 300);
    for (size_t i = 1; i < b.count; i++)
        CHECK(b.at[i].score < b.at[i - 1].score);
    task_answers_release(&b);
    free(rows);
}

/* Hostile numbers in every place are dropped, and none is taken for a place. */
static void odd_numbers(void)
{
    static const char *const tasks[] = {"detect=yolov8",
                                        "detect=yolov5",
                                        "detect=yolov3-head,anchors=4:6",
                                        "detect=yolov5-head,anchors=4:6",
                                        "detect=yolov8-head,bins=1",
                                        "detect=fastestdet",
                                        "detect=yolov10",
                                        "detect=yolo",
                                        "detect=yolov3",
                                        "detect=ssd",
                                        "points=heatmap",
                                        "points",
                                        "mask",
                                        "picture",
                                        "polygons=db",
                                        "polygons=db,dilate=open,shape=box",
                                        "polygons=obb,score=0",
                                        "polygons=craft,score=0",
                                        "embedding"};
    static const float odd[] = {NAN, INFINITY, -INFINITY, -1e38f, 1e38f, -0.0f, 1e-40f};
    static const int64_t shapes[][4] = {{1, 6, 2, 2}, {1, 1, 4, 6}, {1, 1, 6, 4}, {1, 1, 1, 24}};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes * 7; k++) {
            float values[24];
            struct task_answers a;
            for (int j = 0; j < 24; j++)
                values[j] = odd[((size_t)j * 5 + k) % 7];
            if (ask_one(tasks[i], values, 4, shapes[k / 7], &a) < 0)
                continue;
            for (size_t j = 0; j < a.count; j++) {
                CHECK(isfinite(a.at[j].score + a.at[j].x0 + a.at[j].y0 + a.at[j].x1 + a.at[j].y1));
                for (size_t m = 0; m < a.at[j].point_count; m++)
                    CHECK(isfinite(a.at[j].points[m].x + a.at[j].points[m].y + a.at[j].points[m].score));
            }
            task_answers_release(&a);
        }
}

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* A few outputs of any shapes, some of which fit together, and of any numbers. */
static size_t any_outputs(struct task_output *o, int64_t (*dims)[5], float *values, size_t most)
{
    static const int64_t sides[] = {0, 1, 1, 1, 2, 3, 4, 5, 6, 8, 10, 64};
    static const float odd[] = {NAN, INFINITY, -INFINITY, -1e38f, 1e38f, 0, 1, 100};
    size_t count = 1 + chance(4);
    for (size_t i = 0; i < most; i++)
        values[i] = chance(8) ? (float)chance(1000) / 500 - 0.5f : odd[chance(8)];
    for (size_t i = 0; i < count; i++) {
        size_t n = 1;
        o[i] = (struct task_output){.values = values, .dims = dims[i], .rank = (int)chance(6), .whole = chance(4) == 0};
        for (int k = 0; k < o[i].rank; k++) {
            dims[i][k] = sides[chance(sizeof sides / sizeof *sides)];
            while (n * (size_t)dims[i][k] > most)
                dims[i][k] /= 2;
            n *= (size_t)dims[i][k];
        }
    }
    return count;
}

/* Every task survives any outputs, and what it answers is finite. */
static void anything(void)
{
    enum { MOST = 4096 };
    static float values[MOST];
    static int64_t dims[4][5];
    struct task_labels some = {.count = 0};
    for (int round = 0; round < 5000; round++) {
        struct task_output o[4];
        struct task_answers a;
        struct error err;
        struct task t;
        const char *name = task_name((enum task_id)chance(TASK_IDS));
        struct recipe_map map = {0.5f, 0.75f, 3, -1, false};
        size_t count = any_outputs(o, dims, values, MOST);
        CHECK(task_parse(name, strlen(name), &t, &err) == 0);
        t.option[TASK_SCORE].at[0] = 0;
        t.option[TASK_POINTS].at[0] = (float)chance(3);
        struct task_query q = {&t, &some, o, count, 64, 32,   chance(2) == 1, chance(2) ? &map : NULL,
                               20, 30,    0, NULL,  0,  false};
        if (task_answer(&q, &a, &err) < 0)
            continue;
        for (size_t i = 0; i < a.count; i++)
            CHECK_MSG(isfinite(a.at[i].x0 + a.at[i].y1), "%s", name);
        task_answers_release(&a);
    }
}

/* Options of any values: what is taken is survived, what is not is told. */
static void any_options(void)
{
    enum { MOST = 1024 };
    static float values[MOST];
    static int64_t dims[4][5];
    static const char *const tried[] = {"0",    "1",        "2",       "0.5",   "1e-30",   "1e9",  "-1",
                                        "nan",  "inf",      "",        "8:8",   "0:0:0:0", "none", "last",
                                        "all",  "weighted", "softmax", "pixel", "soft",    "yx",   "10000",
                                        "4096", "64",       "fast",    "first", "udp",     "edges"};
    struct task_labels some = {.count = 0};
    size_t taken = 0;
    for (int round = 0; round < 5000; round++) {
        struct task_output o[4];
        struct task_answers a;
        struct error err;
        struct task t;
        char text[200];
        enum task_id id = (enum task_id)chance(TASK_IDS);
        int n = snprintf(text, sizeof text, "%s", task_name(id));
        for (const char *at = task_options(id); *at; at += strcspn(at, ","), at += *at == ',')
            if (chance(8) == 0)
                n += snprintf(text + n, sizeof text - (size_t)n, ",%.*s=%s", (int)strcspn(at, "=,"), at,
                              tried[chance(sizeof tried / sizeof *tried)]);
        if (task_parse(text, (size_t)n, &t, &err) < 0) {
            CHECK(err.text[0]);
            continue;
        }
        taken++;
        size_t count = any_outputs(o, dims, values, MOST);
        struct task_query q = {.task = &t, .labels = &some, .outputs = o, .count = count, .width = 64, .height = 32};
        if (task_answer(&q, &a, &err) == 0)
            task_answers_release(&a);
    }
    CHECK(taken > 500);
}

/* Boxes that all lie on each other, as many as are looked at, end in no time. */
static void many_turned_boxes(void)
{
    enum { N = 20000 };
    float *values = calloc(N, 7 * sizeof *values);
    static const int64_t dims[] = {1, 6, N};
    struct task_answers a;
    for (int i = 0; i < N; i++) {
        values[i] = values[N + i] = 50, values[2 * N + i] = values[3 * N + i] = 10 + (float)(i % 7);
        values[4 * N + i] = 0.5f + (float)i * 1e-6f;
    }
    CHECK(ask("polygons=obb,most=10000", NULL, &(struct task_output){.values = values, .dims = dims, .rank = 3}, 1, 100,
              100, &a) == 0 &&
          a.count >= 1);
    task_answers_release(&a);
    free(values);
}

/* ---- key points alone ---- */

static void points(void)
{
    static const float movenet[] = {0.5f, 0.25f, 0.9f, 1, 0.75f, 0.7f}, pairs[] = {10, 20, 30, 60}, score = 3;
    static const int64_t dims[] = {1, 1, 2, 3}, row[] = {1, 4}, one[] = {1, 1}, five[] = {1, 5};
    struct task_answers a;
    CHECK(ask_one("points,order=yxv", movenet, 4, dims, &a) == 0 && a.count == 1 && a.at[0].point_count == 2);
    CHECK(a.at[0].points[0].x == 25 && a.at[0].points[0].y == 50 && a.at[0].points[1].score == 0.7f);
    CHECK(a.at[0].x0 == 25 && a.at[0].y1 == 100 && fabsf(a.at[0].score - 0.8f) < 1e-6f);
    task_answers_release(&a);
    struct task_output o[] = {{.values = &score, .dims = one, .rank = 2}, {.values = pairs, .dims = row, .rank = 2}};
    CHECK(ask("points", NULL, o, 2, 100, 100, &a) == 0 && a.count == 1 && a.at[0].points[1].y == 60);
    near(a.at[0].score, logistic(3), "score of the whole");
    task_answers_release(&a);
    CHECK(ask("points,score=0.99", NULL, o, 2, 100, 100, &a) == 0 && a.count == 0);
    task_answers_release(&a);
    CHECK(ask_one("points,points=2", pairs, 2, five, &a) == -1);
    static const float two[2][11] = {{0.25f, 0.5f, 0.9f, 0.75f, 0.5f, 0.8f, 0, 0, 1, 1, 0.6f},
                                     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.1f}};
    static const int64_t people[] = {1, 2, 11};
    CHECK(ask_one("points,points=2,order=yxv,score=0.3", two[0], 3, people, &a) == 0 && a.count == 1);
    CHECK(a.at[0].points[1].y == 75 && a.at[0].points[0].x == 50 && a.at[0].score == 0.6f);
    task_answers_release(&a);
    static const float halves[] = {-1, 0, 0.5f, 1};
    CHECK(ask_one("points,unit=middle", halves, 2, row, &a) == 0 && a.count == 1);
    CHECK(a.at[0].points[0].x == 0 && a.at[0].points[0].y == 50 && a.at[0].points[1].x == 75);
    task_answers_release(&a);
    static const float pose[] = {10, 20, -3, 0, 9};
    CHECK(ask_one("points,order=xyzvp,unit=pixel", pose, 2, five, &a) == 0 && a.count == 1 && a.at[0].point_count == 1);
    CHECK(a.at[0].points[0].x == 10 && a.at[0].points[0].y == 20 && a.at[0].score == 0.5f);
    task_answers_release(&a);
    static const int64_t deep[] = {1, 1, 5}; /* which are not maps as well */
    CHECK(ask_one("points,order=xyzvp,unit=pixel", pose, 3, deep, &a) == 0 && a.count == 1);
    CHECK(a.at[0].points[0].x == 10 && a.at[0].points[0].y == 20);
    task_answers_release(&a);
}

/* A point of MediaPipe's pose lies at the mean of the cells around it, where one of them is sure. */
static void refined(void)
{
    static const float pose[] = {55, 25, 0, 0, 0};
    static const int64_t five[] = {1, 5}, dims[] = {1, 1, 10, 10};
    float map[100];
    struct task_output o[] = {{.values = pose, .dims = five, .rank = 2}, {.values = map, .dims = dims, .rank = 4}};
    struct task_answers a;
    for (int sure = 0; sure < 2; sure++) {
        for (int i = 0; i < 100; i++)
            map[i] = i == 75 ? 50 : -50; /* beyond its reach */
        if (sure)
            map[46] = map[49] = 0; /* the last one is as far as it reaches */
        CHECK(ask("points,order=xyzvp,unit=pixel", NULL, o, 2, 100, 100, &a) == 0 && a.count == 1);
        near(a.at[0].points[0].x, sure ? 75 : 55, "x of a refined point");
        near(a.at[0].points[0].y, sure ? 40 : 25, "y of a refined point");
        task_answers_release(&a);
    }
}

static void heatmaps(void)
{
    static const float map[] = {0, 0, 0, 0, 0, 0.3f, 0.9f, 0.2f, 0, 0.1f, 0.2f, 0, 0, 0, 0, 0};
    static const int64_t dims[] = {1, 1, 4, 4};
    struct task_answers a;
    CHECK(ask("points=heatmap", NULL, &(struct task_output){.values = map, .dims = dims, .rank = 4}, 1, 16, 16, &a) ==
              0 &&
          a.count == 1);
    CHECK(a.at[0].points[0].x == 7 && a.at[0].points[0].y == 5 && a.at[0].points[0].score == 0.9f);
    task_answers_release(&a);
    CHECK(ask("points=heatmap,refine=none", NULL, &(struct task_output){.values = map, .dims = dims, .rank = 4}, 1, 16,
              16, &a) == 0 &&
          a.at[0].points[0].x == 8 && a.at[0].points[0].y == 4);
    task_answers_release(&a);
}

/* Of a normal distribution the middle is found, wherever it lies between cells. */
static void heatmaps_of_distributions(void)
{
    float map[13 * 13];
    static const int64_t dims[] = {1, 1, 13, 13};
    struct task_answers a;
    for (int i = 0; i < 13 * 13; i++)
        map[i] = 20 * expf(-(powf((float)(i % 13) - 6.3f, 2) + powf((float)(i / 13) - 5.625f, 2)) / 8);
    struct task_output o = {.values = map, .dims = dims, .rank = 4};
    CHECK(ask("points=heatmap,refine=udp", NULL, &o, 1, 25, 49, &a) == 0 && a.count == 1);
    CHECK(a.count && fabsf(a.at[0].points[0].x - 12.6f) < 0.02f && fabsf(a.at[0].points[0].y - 22.5f) < 0.04f);
    task_answers_release(&a);
}

/* ---- polygons ---- */

int main(void)
{
    RUN(yolov8);
    RUN(soft_and_weighted);
    RUN(equal_scores);
    RUN(yolov5);
    RUN(units);
    RUN(key_points);
    RUN(instance_masks);
    RUN(turned_masks);
    RUN(stray_prototypes);
    RUN(yolov10);
    RUN(ssd);
    RUN(ncnn);
    RUN(yolov3);
    RUN(turned_boxes);
    RUN(dropped_boxes_drop_others);
    RUN(many_boxes);
    RUN(odd_numbers);
    RUN(anything);
    RUN(any_options);
    RUN(many_turned_boxes);
    RUN(points);
    RUN(refined);
    RUN(heatmaps);
    RUN(heatmaps_of_distributions);
    return TEST_END();
}
