#include <stdlib.h>

#include "../../test.h"
#include "task/task.h"

static void every_row_reads_back(void)
{
    for (int i = 0; i < TASK_IDS; i++) {
        struct task t;
        struct error err;
        struct text text;
        text_init(&text);
        CHECK(task_what(i)[0]);
        CHECK(task_parse(task_name(i), strlen(task_name(i)), &t, &err) == 0 && t.id == (enum task_id)i);
        task_print(&t, &text);
        CHECK_STR(text.data, task_name(i));
        text_release(&text);
    }
}

static void options(void)
{
    struct task t;
    struct error err;
    struct text text;
    static const char with[] = "detect=yolov8,score=0.5,iou=0.1";
    static const char *const bad[][2] = {{"", "unknown"},
                                         {"classify2", "classify, "},
                                         {"detect", "detect=ssd"},
                                         {"classify,score=0.5", "no option"},
                                         {"detect=ssd,score=2", "score=2"},
                                         {"detect=ssd,score=nan", "score"},
                                         {"detect=ssd,score=", "score"},
                                         {"detect=ssd,iou", "iou"},
                                         {"detect=ssd,", "score=F"},
                                         {"mask\n", "0x0a"}};
    text_init(&text);
    CHECK(task_parse(with, strlen(with), &t, &err) == 0 && t.score == 0.5f && t.iou == 0.1f);
    task_print(&t, &text);
    CHECK_STR(text.data, with);
    text_release(&text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_MSG(task_parse(bad[i][0], strlen(bad[i][0]), &t, &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s", err.text);
    }
}

static struct task_labels labels_of(const char *text)
{
    struct task_labels l;
    struct error err;
    CHECK(task_labels_init(&l, text, strlen(text), &err) == 0);
    return l;
}

static void labels(void)
{
    static const struct {
        const char *text;
        size_t count;
        const char *last;
    } cases[] = {{"a\nb", 2, "b"},          {"a\nb\n", 2, "b"},           {"a\r\nb\r\n", 2, "b"}, {"\n", 0, NULL},
                 {"a\n\nc\n", 3, "c"},      {"a\r\nb\r\n\r\n", 2, "b"},   {"a\n \n", 2, " "},     {"", 0, NULL},
                 {"\xef\xbb\xbfx", 1, "x"}, {"one, two\n", 1, "one, two"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct task_labels l = labels_of(cases[i].text);
        CHECK_MSG(l.count == cases[i].count, "case %zu: %zu", i, l.count);
        if (l.count)
            CHECK_STR(task_labels_name(&l, l.count - 1), cases[i].last);
        CHECK(task_labels_name(&l, l.count) == NULL);
        task_labels_release(&l);
    }
    struct task_labels l = labels_of("a\nb\n");
    struct error err;
    CHECK(task_labels_check(&l, 2, &err) == 0);
    CHECK(task_labels_check(&l, 3, &err) == -1 && strstr(err.text, "2 labels") && strstr(err.text, "3 classes"));
    task_labels_release(&l);
    l = labels_of("");
    CHECK(task_labels_check(&l, 3, &err) == 0);
    task_labels_release(&l);
    CHECK(task_labels_init(&l, "a\0b", 3, &err) == -1);
}

static void top_of_logits(void)
{
    static const float logits[] = {1, 3, -2, 3, 2};
    struct task_top top[5];
    struct error err;
    double sum = exp(-2) + 2 * exp(0.0) + exp(-5) + exp(-1);
    CHECK(task_top(logits, 5, 3, top, &err) == 3);
    CHECK(top[0].index == 1 && top[1].index == 3 && top[2].index == 4);
    CHECK(fabs(top[0].score - 1 / sum) < 1e-6 && top[1].score == top[0].score);
    CHECK(fabs(top[2].score - exp(-1) / sum) < 1e-6);
    CHECK(task_top(logits, 5, 9, top, &err) == 5 && top[4].index == 2);
    CHECK(task_top(logits, 5, 0, top, &err) == 0);
}

static void top_of_others(void)
{
    static const float distribution[] = {0.25f, 0.5f, 0.25f}, masked[] = {-INFINITY, 0, 0}, one[] = {0.3f},
                       large[] = {1e30f, -1e30f, 0}, bad[][2] = {{NAN, 1}, {INFINITY, 0}, {-INFINITY, -INFINITY}};
    struct task_top top[3];
    struct error err;
    CHECK(task_top(distribution, 3, 3, top, &err) == 3);
    CHECK(top[0].index == 1 && top[0].score == 0.5f && top[1].index == 0 && top[2].index == 2);
    CHECK(task_top(masked, 3, 3, top, &err) == 3 && top[0].index == 1 && top[0].score == 0.5f && top[2].score == 0);
    CHECK(task_top(one, 1, 5, top, &err) == 1 && top[0].score == 0.3f);
    CHECK(task_top(large, 3, 3, top, &err) == 3 && top[0].score == 1 && top[2].index == 1 && top[2].score == 0);
    for (int i = 0; i < 3; i++)
        CHECK(task_top(bad[i], 2, 1, top, &err) == -1 && err.text[0]);
    CHECK(task_top(one, 0, 1, top, &err) == -1);
}

static struct task task_of(const char *text)
{
    struct task t;
    struct error err;
    CHECK(task_parse(text, strlen(text), &t, &err) == 0);
    return t;
}

enum { ANCHORS = 6, CLASSES = 2 };

/* Centre, size, scores. The second overlaps the first with the same label, the third with the other one; the fourth is
 * weak, the fifth not finite. */
static const float anchors[ANCHORS][4 + CLASSES] = {
    {50, 40, 20, 10, 0.1f, 0.8f}, {51, 40, 20, 10, 0, 0.7f},    {50, 41, 20, 10, 0.9f, 0.1f},
    {10, 10, 4, 4, 0.2f, 0.1f},   {NAN, 10, 4, 4, 0.99f, 0.1f}, {80, 80, 6, 6, 0.3f, 0.4f},
};

static void check_boxes(const struct task_boxes *b)
{
    CHECK_MSG(b->count == 3, "%zu", b->count);
    if (b->count != 3)
        return;
    CHECK(b->box[0].label == 0 && b->box[0].score == 0.9f && b->box[0].x0 == 40 && b->box[0].y0 == 36 &&
          b->box[0].x1 == 60 && b->box[0].y1 == 46);
    CHECK(b->box[1].label == 1 && b->box[1].score == 0.8f && b->box[1].y0 == 35);
    CHECK(b->box[2].label == 1 && b->box[2].score == 0.4f && b->box[2].x1 == 83);
}

static void yolov8(void)
{
    struct task t = task_of("detect=yolov8");
    float turned[4 + CLASSES][ANCHORS];
    static const int64_t dims[] = {1, 4 + CLASSES, ANCHORS}, no_class[] = {1, 4, 9}, batch[] = {2, 3, 6};
    struct task_boxes b;
    struct error err;
    for (int i = 0; i < ANCHORS; i++)
        for (int j = 0; j < 4 + CLASSES; j++)
            turned[j][i] = anchors[i][j];
    CHECK(task_detect(&t, &(struct task_output){turned[0], dims, 3}, 1, 100, 100, &b, &err) == 0);
    check_boxes(&b);
    struct recipe_map map = {0.5f, 0.25f, 10, -20};
    task_boxes_unmap(&b, &map, 90, 240);
    CHECK(b.box[0].x0 == 60 && b.box[0].x1 == 90 && b.box[0].y0 == 224 && b.box[0].y1 == 240);
    free(b.box);
    CHECK(task_detect(&t, &(struct task_output){turned[0], no_class, 3}, 1, 100, 100, &b, &err) == -1);
    CHECK(task_detect(&t, &(struct task_output){turned[0], batch, 3}, 1, 100, 100, &b, &err) == -1);
    CHECK(task_detect(&t, &(struct task_output){turned[0], dims + 2, 1}, 1, 100, 100, &b, &err) == -1);
    t = task_of("mask");
    CHECK(task_detect(&t, &(struct task_output){turned[0], dims, 3}, 1, 100, 100, &b, &err) == -1 &&
          strstr(err.text, "no boxes"));
}

static void yolov5(void)
{
    struct task t = task_of("detect=yolov5");
    float rows[ANCHORS][5 + CLASSES];
    static const int64_t dims[] = {1, ANCHORS, 5 + CLASSES}, none[] = {1, 0, 5 + CLASSES};
    struct task_boxes b;
    struct error err;
    for (int i = 0; i < ANCHORS; i++)
        for (int j = 0; j < 5 + CLASSES; j++)
            rows[i][j] = j < 4 ? anchors[i][j] : j == 4 ? 0.5f : anchors[i][j - 1] * 2;
    CHECK(task_detect(&t, &(struct task_output){rows[0], dims, 3}, 1, 100, 100, &b, &err) == 0);
    check_boxes(&b);
    free(b.box);
    CHECK(task_detect(&t, &(struct task_output){rows[0], none, 3}, 1, 100, 100, &b, &err) == 0 && b.count == 0);
    free(b.box);
}

static void ssd(void)
{
    struct task t = task_of("detect=ssd,score=0.1");
    static const float rows[][7] = {{0, 2, 0.5f, 0.1f, 0.2f, 0.3f, 0.4f},
                                    {0, 1, 0.9f, 0, 0, 1, 1},
                                    {0, -1, 1, 0, 0, 1, 1},
                                    {0, NAN, 1, 0, 0, 1, 1}};
    static const int64_t dims[] = {1, 1, 4, 7}, six[] = {1, 6}, five[] = {1, 5};
    struct task_boxes b;
    struct error err;
    CHECK(task_detect(&t, &(struct task_output){rows[0], dims, 4}, 1, 200, 100, &b, &err) == 0);
    CHECK(b.count == 2 && b.box[0].label == 1 && b.box[0].x1 == 200 && b.box[0].y1 == 100);
    CHECK(b.count == 2 && b.box[1].label == 2 && fabsf(b.box[1].x0 - 20) < 1e-4f && fabsf(b.box[1].y1 - 40) < 1e-4f);
    free(b.box);
    CHECK(task_detect(&t, &(struct task_output){rows[0] + 1, six, 2}, 1, 10, 10, &b, &err) == 0 && b.count == 1 &&
          b.box[0].label == 2);
    free(b.box);
    CHECK(task_detect(&t, &(struct task_output){rows[0], five, 2}, 1, 10, 10, &b, &err) == -1);
}

/* The same rows, their labels counted from 1. */
static void ncnn(void)
{
    struct task t = task_of("detect=ncnn");
    static const float rows[][6] = {{1, 0.9f, 0, 0, 1, 1}, {0, 0.9f, 0, 0, 1, 1}, {80, 0.8f, 0.5f, 0, 1, 1}};
    static const int64_t dims[] = {1, 3, 6}, seven[] = {1, 7};
    struct task_boxes b;
    struct error err;
    CHECK(task_detect(&t, &(struct task_output){rows[0], dims, 3}, 1, 200, 100, &b, &err) == 0);
    CHECK(b.count == 2 && b.box[0].label == 0 && b.box[1].label == 79 && b.box[1].x0 == 100);
    free(b.box);
    CHECK(task_detect(&t, &(struct task_output){rows[0], seven, 2}, 1, 10, 10, &b, &err) == -1);
}

/* Grids of all outputs of one width, as Darknet's heads. */
static void yolov3(void)
{
    struct task t = task_of("detect=yolov3");
    static const float coarse[][7] = {{0.5f, 0.5f, 0.5f, 1, 0.9f, 0.1f, 0.7f}, {0.1f, 0.1f, 0.1f, 0.1f, 0.9f, 0, 0.1f}};
    static const float fine[][7] = {{0.5f, 0.5f, 0.5f, 0.9f, 0.9f, 0, 0.8f}, {0.25f, 0.5f, 0.5f, 0.5f, 0.9f, 0.3f, 0}};
    static const int64_t dims[] = {1, 2, 7}, state[] = {1, 14};
    struct task_output outputs[] = {{coarse[0], dims, 3}, {fine[0], state, 2}, {fine[0], dims, 3}};
    struct task_boxes b;
    struct error err;
    CHECK(task_detect(&t, outputs, 3, 200, 100, &b, &err) == 0);
    CHECK(b.count == 2 && b.box[0].label == 1 && b.box[0].score == 0.8f && b.box[0].x0 == 50 && b.box[0].x1 == 150);
    CHECK(b.count == 2 && b.box[1].label == 0 && b.box[1].x0 == 0 && b.box[1].y0 == 25 && b.box[1].y1 == 75);
    free(b.box);
    outputs[0].rank = 1;
    CHECK(task_detect(&t, outputs, 3, 200, 100, &b, &err) == -1);
}

static void tflite(void)
{
    struct task t = task_of("detect=tflite");
    static const float boxes[][4] = {{0.1f, 0.2f, 0.3f, 0.4f}, {0, 0, 1, 1}, {0, 0, 1, 1}};
    static const float labels[] = {7, 2, 2}, scores[] = {0.5f, 0.75f, 0.9f}, number = 2;
    static const int64_t dims[] = {1, 3, 4}, row[] = {1, 3}, one[] = {1};
    struct task_output outputs[] = {{boxes[0], dims, 3}, {labels, row, 2}, {scores, row, 2}, {&number, one, 1}};
    struct task_boxes b;
    struct error err;
    CHECK(task_detect(&t, outputs, 4, 100, 200, &b, &err) == 0);
    CHECK(b.count == 2 && b.box[0].label == 2 && b.box[0].score == 0.75f && b.box[0].y1 == 200);
    CHECK(b.count == 2 && b.box[1].label == 7 && fabsf(b.box[1].x0 - 20) < 1e-4f && fabsf(b.box[1].y1 - 60) < 1e-4f);
    free(b.box);
    CHECK(task_detect(&t, outputs, 3, 100, 200, &b, &err) == -1 && strstr(err.text, "four"));
    struct task_output newer[] = {outputs[2], outputs[0], outputs[3], outputs[1]};
    CHECK(task_detect(&t, newer, 4, 100, 200, &b, &err) == 0 && b.count == 2 && b.box[1].label == 7);
    free(b.box);
    outputs[2].dims = one;
    outputs[2].rank = 1;
    CHECK(task_detect(&t, outputs, 4, 100, 200, &b, &err) == -1);
}

/* Many boxes, none overlapping: the best TASK_MAX_BOXES stay, in order. */
static void many_boxes(void)
{
    struct task t = task_of("detect=yolov5");
    enum { N = 5000 };
    float(*rows)[6] = calloc(N, sizeof *rows);
    static const int64_t dims[] = {N, 6};
    struct task_boxes b;
    struct error err;
    for (int i = 0; i < N; i++) {
        float row[] = {i * 10.0f, 5, 8, 8, 1, 0.3f + (float)(i * 7919 % N) / N / 2};
        memcpy(rows[i], row, sizeof row);
    }
    CHECK(task_detect(&t, &(struct task_output){rows[0], dims, 2}, 1, 100, 100, &b, &err) == 0);
    CHECK(b.count == TASK_MAX_BOXES);
    for (size_t i = 1; i < b.count; i++)
        CHECK(b.box[i].score < b.box[i - 1].score);
    free(b.box);
    free(rows);
}

static void mask(void)
{
    static const float planar[] = {1, 2, 3, 1, 5, 2, NAN, 1, 0, NAN, 9, 1}; /* 3 channels of 2x2 */
    static const int64_t chw[] = {1, 3, 2, 2}, hwc[] = {2, 2, 3};
    static const int64_t one[] = {1, 2, 2}, many[] = {257, 1, 1}, batch[] = {2, 3, 1, 1};
    static const uint8_t want[] = {1, 0, 2, 0};
    float packed[12];
    struct image im;
    struct error err;
    for (int i = 0; i < 12; i++)
        packed[i % 4 * 3 + i / 4] = planar[i];
    CHECK(task_mask(planar, chw, 4, false, &im, &err) == 0);
    CHECK(im.width == 2 && im.height == 2 && im.channels == 1 && memcmp(im.data, want, 4) == 0);
    image_release(&im);
    CHECK(task_mask(packed, hwc, 3, true, &im, &err) == 0 && memcmp(im.data, want, 4) == 0);
    image_release(&im);
    static const float binary[] = {0.4f, 0.6f, NAN, 0.5f};
    CHECK(task_mask(binary, one, 3, false, &im, &err) == 0 && im.data[0] == 0 && im.data[1] == 1 && im.data[2] == 0);
    image_release(&im);
    CHECK(task_mask(planar, many, 3, false, &im, &err) == -1);
    CHECK(task_mask(planar, batch, 4, false, &im, &err) == -1);
    CHECK(task_mask(planar, chw, 2, false, &im, &err) == -1);
}

static void ctc(void)
{
    static const char *const steps = "0110112030"; /* a, a, b, space */
    float values[10][4] = {{0}};
    static const int64_t dims[] = {1, 10, 4}, middle[] = {10, 1, 4}, two_lines[] = {2, 5, 4}, none[] = {0, 4};
    struct task_labels l = labels_of("a\nb\n"), three = labels_of("a\nb\nc"), four = labels_of("a\nb\nc\nd");
    struct error err;
    struct text t;
    float score;
    for (int i = 0; i < 10; i++)
        values[i][steps[i] - '0'] = 0.5f;
    text_init(&t);
    CHECK(task_ctc(values[0], dims, 3, &l, &t, &score, &err) == 0);
    CHECK_STR(t.data, "aab ");
    CHECK(score == 0.5f);
    CHECK(task_ctc(values[0], middle, 3, &three, &t, &score, &err) == 0);
    CHECK_STR(t.data, "aab aabc");
    CHECK(task_ctc(values[0], none, 2, &l, &t, &score, &err) == 0 && score == 0 && t.size == 8);
    CHECK(task_ctc(values[0], dims, 3, &four, &t, &score, &err) == -1 && strstr(err.text, "4 labels"));
    CHECK(task_ctc(values[0], two_lines, 3, &l, &t, &score, &err) == -1);
    CHECK(task_ctc(values[0], dims, 1, &l, &t, &score, &err) == -1);
    text_release(&t);
    task_labels_release(&l);
    task_labels_release(&three);
    task_labels_release(&four);
}

int main(void)
{
    RUN(every_row_reads_back);
    RUN(options);
    RUN(labels);
    RUN(top_of_logits);
    RUN(top_of_others);
    RUN(yolov8);
    RUN(yolov5);
    RUN(ssd);
    RUN(ncnn);
    RUN(yolov3);
    RUN(tflite);
    RUN(many_boxes);
    RUN(mask);
    RUN(ctc);
    return TEST_END();
}
