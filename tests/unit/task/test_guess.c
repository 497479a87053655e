/* Tasks that outputs tell of by their shapes and numbers. */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "task/answer.h"

/* Numbers that repeat along the last dim: "x" pixels, "p" parts of the input, "s" scores, "w" whole numbers, "n" any,
 * "h" near 0 but for few, in a map of 256 x 256 "b" bars, "d" narrow diamonds; the last one stands for all behind it.
 */
struct made {
    const char *numbers;
    int rank;
    int64_t dims[5];
    bool whole;
};

static float number(char kind, size_t i)
{
    float unit = (float)((i * 7919 + 13) % 101) / 101;
    switch (kind) {
    case 'x':
        return 3 + 200 * unit;
    case 'p':
        return unit < 0.99f ? unit : 0.5f;
    case 's':
        return unit * unit * unit;
    case 'w':
        return (float)(i % 5);
    case 'b':
        return i % 256 - 20 < 180 && i / 256 % 32 - 8 < 6 ? 0.9f : 0.01f;
    case 'd':
        return 3 * abs((int)(i % 64) - 32) + abs((int)(i / 256) - 128) < 90 ? 0.9f : 0.01f;
    case 'h':
        return i % 61 == 0 ? 0.9f : 0.001f;
    default:
        return 8 * unit - 4;
    }
}

static void fill(const struct made *m, size_t n, float *out)
{
    size_t wide = (size_t)m->dims[m->rank - 1], kinds = strlen(m->numbers);
    for (size_t i = 0; i < n; i++) {
        size_t at = i % wide;
        out[i] = number(m->numbers[at < kinds ? at : kinds - 1], i);
    }
}

static const char *guess_of(const struct made *made, size_t count, int width, int height, bool last)
{
    static char text[TASK_GUESS];
    struct task_labels none = {0};
    struct task_output o[8];
    struct task_query q = {
        .labels = &none, .outputs = o, .count = count, .width = width, .height = height, .channels_last = last};
    for (size_t i = 0; i < count; i++) {
        o[i] = (struct task_output){.dims = made[i].dims, .rank = made[i].rank, .whole = made[i].whole};
        size_t n = task_elements(&o[i]);
        float *values = malloc((n + 1) * sizeof *values);
        CHECK(values);
        fill(&made[i], n, values);
        o[i].values = values;
    }
    bool found = task_guess_outputs(&q, text);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)o[i].values);
    return found ? text : "";
}

static const struct {
    struct made made[8];
    size_t count;
    int side;
    const char *want;
} detector_cases[] = {
    {{{"xxxxs", 3, {1, 1344, 84}, false}}, 1, 256, "detect=yolov8"},
    {{{"xxxxs", 3, {1, 1344, 85}, false}}, 1, 256, "detect=yolov5"},
    {{{"xxxxs", 3, {1, 4032, 85}, false}}, 1, 256, "detect=yolov5"},
    {{{"nnnns", 3, {1, 1344, 85}, false}}, 1, 256, "detect=yolox"},
    {{{"xxxxn", 3, {1, 1344, 85}, false}}, 1, 256, ""},
    {{{"xxxxs", 3, {1, 1343, 85}, false}}, 1, 256, ""},
    {{{"xxxxsw", 3, {1, 300, 6}, false}}, 1, 256, "detect=yolov10"},
    {{{"xxxxswn", 3, {1, 300, 7}, false}}, 1, 256, ""},
    {{{"xxxxswp", 3, {1, 300, 7}, false}}, 1, 256, "polygons=obb"},
    {{{"wsxxxx", 2, {50, 6}, false}}, 1, 256, "detect=ssd,unit=pixel,nms=none"},
    {{{"wwspppp", 4, {1, 1, 50, 7}, false}}, 1, 256, "detect=ssd"},
    {{{"s", 3, {1, 1344, 80}, false}, {"x", 3, {1, 1344, 4}, false}}, 2, 256, "detect=boxes"},
    {{{"x", 2, {40, 4}, false}, {"w", 1, {40}, true}, {"s", 1, {40}, false}}, 3, 256, "detect=lists"},
    {{{"w", 2, {1, 40}, false},
      {"p", 3, {1, 40, 4}, false},
      {"w", 2, {1, 40}, false},
      {"s", 3, {1, 40, 91}, false},
      {"s", 2, {1, 40}, false},
      {"w", 1, {1}, false},
      {"p", 3, {1, 1917, 4}, false},
      {"n", 3, {1, 1917, 91}, false}},
     8,
     256,
     "detect=lists,form=yx"},
    {{{"n", 3, {1, 100, 80}, false}, {"p", 3, {1, 100, 4}, false}}, 2, 256, "detect=rtdetr"},
    {{{"p", 3, {1, 300, 84}, false}}, 1, 256, "detect=yolov8,nms=none"},
    {{{"s", 4, {1, 1, 256, 256}, false}}, 1, 256, "mask"},
    {{{"b", 4, {1, 1, 256, 256}, false}}, 1, 256, "polygons=db"},
    {{{"d", 4, {1, 1, 256, 256}, false}}, 1, 256, "mask"},
    {{{"s", 2, {1, 4}, false}, {"n", 2, {1, 2}, false}}, 2, 256, ""},
    {{{"n", 4, {1, 1, 1, 1}, false}, {"x", 4, {1, 1, 1, 1404}, false}}, 2, 192, "points,order=xyz"},
    {{{"x", 2, {1, 213}, false}, {"x", 2, {1, 15}, false}}, 2, 64, "points,order=xyz"},
    {{{"s", 4, {1, 1, 256, 256}, false}, {"x", 2, {1, 195}, false}}, 2, 256, "points,points=39,order=xyzvp"},
    {{{"xxxxs", 2, {39, 5}, false}, {"w", 1, {39}, true}}, 2, 300, ""},
    {{{"s", 3, {1, 169, 80}, false},
      {"n", 3, {1, 169, 44}, false},
      {"s", 3, {1, 676, 80}, false},
      {"n", 3, {1, 676, 44}, false},
      {"s", 3, {1, 2704, 80}, false},
      {"n", 3, {1, 2704, 44}, false}},
     6,
     416,
     "detect=nanodet,bins=11"},
    {{{"n", 3, {1, 512, 16}, false},
      {"n", 3, {1, 384, 16}, false},
      {"n", 3, {1, 512, 1}, false},
      {"n", 3, {1, 384, 1}, false}},
     4,
     256,
     "detect=blazeface,strides=16:32"},
    {{{"x", 2, {1, 18}, false}, {"s", 2, {1, 1}, false}}, 2, 224, "points,order=xy"},
    {{{"n", 2, {1, 18}, false}, {"n", 2, {1, 7}, false}}, 2, 224, ""},
    {{{"n", 4, {1, 10, 1, 1}, false}, {"s", 4, {1, 1, 64, 64}, false}}, 2, 256, ""},
    {{{"s", 4, {1, 3, 64, 64}, false}, {"x", 4, {1, 2, 64, 64}, false}, {"p", 4, {1, 2, 64, 64}, false}},
     3,
     256,
     "detect=centernet"},
    {{{"s", 4, {1, 1, 64, 64}, false}, {"x", 4, {1, 5, 64, 64}, false}}, 2, 256, "polygons=east"},
    {{{"n", 3, {1, 896, 16}, false}, {"n", 3, {1, 896, 1}, false}}, 2, 128, "detect=blazeface"},
    {{{"s", 3, {1, 256, 3}, false},
      {"s", 3, {1, 64, 3}, false},
      {"s", 3, {1, 16, 3}, false},
      {"s", 3, {1, 4, 3}, false},
      {"n", 3, {1, 256, 32}, false},
      {"n", 3, {1, 64, 32}, false},
      {"n", 3, {1, 16, 32}, false},
      {"n", 3, {1, 4, 32}, false}},
     8,
     128,
     "detect=nanodet,strides=8:16:32:64"},
    {{{"n", 4, {1, 255, 32, 32}, false}, {"n", 4, {1, 255, 16, 16}, false}, {"n", 4, {1, 255, 8, 8}, false}},
     3,
     256,
     ""},
};

static void detectors(void)
{
    for (size_t i = 0; i < sizeof detector_cases / sizeof *detector_cases; i++)
        CHECK_STR(guess_of(detector_cases[i].made, detector_cases[i].count, detector_cases[i].side,
                           detector_cases[i].side, false),
                  detector_cases[i].want);
}

/* Where scores are four wide as well, as of DETR with three labels, the name tells which are boxes. */
static void named(void)
{
    enum { N = 100 };
    static float logits[N][4], boxes[N][4];
    static const int64_t dims[] = {1, N, 4};
    struct task_labels none = {0};
    struct task_output o[] = {{.name = "logits", .values = &logits[0][0], .dims = dims, .rank = 3},
                              {.name = "pred_boxes", .values = &boxes[0][0], .dims = dims, .rank = 3}};
    struct task_query q = {.labels = &none, .outputs = o, .count = 2, .width = 256, .height = 256};
    char text[TASK_GUESS];
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 4; k++)
            logits[i][k] = number('n', i + k) + (k == 3 ? 20 : 0), boxes[i][k] = number('p', i + 7 * k);
    CHECK(task_guess_outputs(&q, text));
    CHECK_STR(text, "detect=detr");
}

static void turned(void)
{
    /* [1, 5 + 3 * 3, n]: rows of one kind each */
    enum { N = 84, COLUMNS = 14 };
    static float values[COLUMNS][N];
    static const int64_t dims[] = {1, COLUMNS, N};
    static const char kinds[] = "xxxxsxxsxxsxxs";
    struct task_labels none = {0};
    struct task_output o = {.values = &values[0][0], .dims = dims, .rank = 3};
    struct task_query q = {.labels = &none, .outputs = &o, .count = 1, .width = 64, .height = 64};
    char text[TASK_GUESS];
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t i = 0; i < N; i++)
            values[c][i] = number(kinds[c], i + 3 * c);
    CHECK(task_guess_outputs(&q, text));
    CHECK_STR(text, "detect=yolov8,points=3,order=xyv");
    for (size_t c = 5; c < COLUMNS; c++)
        for (size_t i = 0; i < N; i++)
            values[c][i] = c + 1 < COLUMNS ? 0.25f : -0.5f;
    CHECK(task_guess_outputs(&q, text));
    CHECK_STR(text, "polygons=obb");
}

static void maps_and_rows(void)
{
    static const struct {
        struct made made;
        bool last;
        const char *want;
    } cases[] = {
        {{"n", 4, {1, 21, 64, 64}, false}, false, "mask"},
        {{"n", 4, {1, 125, 2, 2}, false}, false, ""},
        {{"w", 3, {1, 64, 64}, true}, false, "mask"},
        {{"s", 4, {1, 64, 64, 1}, false}, true, "mask"},
        {{"x", 3, {1, 64, 64}, false}, false, "picture,size=photo"},
        {{"x", 4, {1, 3, 128, 128}, false}, false, "picture"},
        {{"h", 4, {1, 17, 16, 16}, false}, false, "points=heatmap"},
        {{"s", 4, {1, 1, 17, 3}, false}, true, "points,order=yxv"},
        {{"n", 4, {1, 57, 8, 8}, false}, false, "points=openpose"},
        {{"n", 2, {1, 1000}, false}, false, "classify"},
        {{"n", 2, {1, 10}, false}, false, "classify"},
        {{"p", 2, {1, 10}, false}, false, ""},
        {{"sssssw", 2, {1, 6}, false}, false, ""},
        {{"wwwwswnns", 2, {1, 9}, false}, false, "classify"},
        {{"n", 2, {1, 3}, false}, false, ""},
        {{"n", 2, {1, 512}, false}, false, ""},
        {{"p", 2, {1, 136}, false}, false, ""},
        {{"n", 3, {26, 1, 37}, false}, false, ""},
        {{"n", 2, {1, 1}, false}, false, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_STR(guess_of(&cases[i].made, 1, 64, 64, cases[i].last), cases[i].want);
}

/* A plane like the photo is a picture whichever layout the input has, also where its rows could be those of a
 * detector's cells. */
static void large_planes(void)
{
    const struct made twice = {"x", 4, {1, 1, 360, 502}, false}, cells = {"s", 4, {1, 1, 720, 1004}, false};
    CHECK_STR(guess_of(&twice, 1, 251, 180, true), "picture");
    CHECK_STR(guess_of(&cells, 1, 251, 180, false), "picture");
}

/* What is said of a task stays; the rest is as guessed. */
static void followed(void)
{
    static const char *const cases[][3] = {
        {"points", "points,order=yxv", "points order 3"},
        {"points,order=auto", "points,order=yxv", "points order 0"},
        {"points", "points=heatmap", "points=heatmap order 0"},
        {"points,order=xy", "points=heatmap", "points order 1"},
        {"points,score=0.5", "points=simcc", "points=simcc order 0"},
        {"points=heatmap", "points,order=yxv", "points=heatmap order 0"},
        {"detect=lists", "detect=lists,form=yx", "detect=lists form 2"},
        {"detect=lists,form=corners", "detect=lists,form=yx", "detect=lists form 0"},
        {"detect=yolov8", "detect=lists,form=yx", "detect=yolov8 form 1"},
        {"picture", "mask", "picture order 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct task said, guess;
        struct error err;
        char have[80];
        CHECK(task_parse(cases[i][0], strlen(cases[i][0]), &said, &err) == 0 &&
              task_parse(cases[i][1], strlen(cases[i][1]), &guess, &err) == 0);
        float score = task_number(&said, TASK_SCORE);
        task_follow(&said, &guess);
        bool form = strstr(cases[i][2], " form ");
        snprintf(have, sizeof have, "%s %s %d", task_name(said.id), form ? "form" : "order",
                 task_word(&said, form ? TASK_FORM : TASK_ORDER));
        CHECK_STR(have, cases[i][2]);
        CHECK(task_number(&said, TASK_SCORE) == score);
    }
}

int main(void)
{
    RUN(followed);
    RUN(detectors);
    RUN(named);
    RUN(turned);
    RUN(maps_and_rows);
    RUN(large_planes);
    return TEST_END();
}
