#include <math.h>
#include <stdlib.h>

#include "ask.h"

static void every_row_reads_back(void)
{
    for (int i = 0; i < TASK_IDS; i++) {
        struct task t;
        struct error err;
        struct text text;
        text_init(&text);
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
    static const char with[] = "detect=yolov8,score=0.5,iou=0.1,nms=soft,by=all,unit=pixel,points=17";
    static const char lists[] = "detect=boxes,strides=4:8,variance=0.5:1";
    static const char *const bad[][2] = {{"", "unknown"},
                                         {"classify2", "classify, "},
                                         {"detect=ss", "detect, detect=yolo, "},
                                         {"classify,iou=0.5", "score=, scores="},
                                         {"detect=ssd,score=2", "score=2"},
                                         {"detect=ssd,score=nan", "score"},
                                         {"detect=ssd,score=", "score"},
                                         {"detect=ssd,iou", "iou="},
                                         {"detect=ssd,", "score="},
                                         {"detect=ssd,nms=harder", "hard soft weighted none"},
                                         {"detect=ssd,score=0.1:0.2", "score=F"},
                                         {"detect=boxes,strides=1:2:3:4:5:6:7:8:9", "strides"},
                                         {"detect=boxes,strides=4::8", "strides"},
                                         {"mask\n", "0x0a"}};
    text_init(&text);
    CHECK(task_parse(with, strlen(with), &t, &err) == 0 && task_number(&t, TASK_SCORE) == 0.5f &&
          task_word(&t, TASK_NMS) == TASK_NMS_SOFT && task_word(&t, TASK_UNIT) == TASK_UNIT_PIXEL);
    task_print(&t, &text);
    CHECK_STR(text.data, with);
    text_release(&text);
    text_init(&text);
    CHECK(task_parse(lists, strlen(lists), &t, &err) == 0 && t.option[TASK_STRIDES].count == 2);
    task_print(&t, &text);
    CHECK_STR(text.data, lists);
    text_release(&text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_MSG(task_parse(bad[i][0], strlen(bad[i][0]), &t, &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s", err.text);
    }
}

/* Options of the table are known, and their defaults can be read. */
static void defaults(void)
{
    struct task t;
    struct error err;
    for (int i = 0; i < TASK_IDS; i++)
        for (const char *at = task_options((enum task_id)i); *at; at += strcspn(at, ","), at += *at == ',') {
            char text[300];
            int n = (int)strcspn(at, ",");
            bool given = memchr(at, '=', (size_t)n) != NULL;
            snprintf(text, sizeof text, "%s,%.*s%s", task_name((enum task_id)i), n, at, given ? "" : "=?");
            int status = task_parse(text, strlen(text), &t, &err);
            CHECK_MSG(given ? status == 0 : status < 0 && !strstr(err.text, "?: want one of score="), "%s: %s", text,
                      err.text);
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
    static const int64_t dims[] = {1, 5}, none[] = {1, 0}, batch[] = {5, 1};
    struct task_answers a;
    double sum = exp(-2) + 2 * exp(0.0) + exp(-5) + exp(-1);
    CHECK(ask_one("classify", logits, 2, dims, &a) == 0 && a.count == 5);
    CHECK(a.at[0].label == 1 && a.at[1].label == 3 && a.at[2].label == 4 && a.at[4].label == 2);
    CHECK(fabs(a.at[0].score - 1 / sum) < 1e-6 && a.at[1].score == a.at[0].score);
    CHECK(fabs(a.at[2].score - exp(-1) / sum) < 1e-6);
    task_answers_release(&a);
    CHECK(ask_one("classify,score=0.3", logits, 2, dims, &a) == 0 && a.count == 2);
    task_answers_release(&a);
    CHECK(ask_one("classify,scores=sigmoid,score=0.5", logits, 2, dims, &a) == 0 && a.count == 4);
    CHECK(fabs(a.at[3].score - 1 / (1 + exp(-1))) < 1e-6);
    task_answers_release(&a);
    CHECK(ask_one("classify,scores=raw", logits, 2, dims, &a) == 0 && a.at[0].score == 3);
    task_answers_release(&a);
    CHECK(ask_one("classify", logits, 2, none, &a) == -1);
    struct task_labels l = labels_of("a\nb\nc\nd\ne\n"); /* features stand before the scores */
    struct task_output o[] = {{.values = logits, .dims = (const int64_t[]){1, 4}, .rank = 2},
                              {.values = logits, .dims = dims, .rank = 2}};
    CHECK(ask("classify", &l, o, 2, 0, 0, &a) == 0 && a.count == 5);
    task_answers_release(&a);
    task_labels_release(&l);
    CHECK(ask_one("classify", logits, 2, batch, &a) == -1);
}

/* What the graph ends with settles what the numbers leave open: sigmoids that do not sum to 1. */
static void top_of_others(void)
{
    static const float distribution[] = {0.25f, 0.5f, 0.25f}, masked[] = {-INFINITY, 0, 0}, one[] = {0.3f},
                       large[] = {1e30f, -1e30f, 0}, bad[][2] = {{NAN, 1}, {INFINITY, 0}, {-INFINITY, -INFINITY}},
                       sigmoids[] = {0.88f, 0.87f, 0.1f};
    static const int64_t three[] = {3}, single[] = {1, 1}, two[] = {2};
    struct task_answers a;
    CHECK(ask_one("classify", distribution, 1, three, &a) == 0);
    CHECK(a.at[0].label == 1 && a.at[0].score == 0.5f && a.at[1].label == 0 && a.at[2].label == 2);
    task_answers_release(&a);
    CHECK(ask_one("classify", masked, 1, three, &a) == 0 && a.at[0].label == 1 && a.at[0].score == 0.5f &&
          a.at[2].score == 0);
    task_answers_release(&a);
    CHECK(ask_one("classify", one, 2, single, &a) == 0 && a.count == 1 && a.at[0].score == 0.3f);
    task_answers_release(&a);
    CHECK(ask_one("classify", large, 1, three, &a) == 0 && a.at[0].score == 1 && a.at[2].label == 1 &&
          a.at[2].score == 0);
    task_answers_release(&a);
    struct task_output o = {.values = sigmoids, .dims = three, .rank = 1, .end = TASK_END_SIGMOID};
    CHECK(ask("classify", NULL, &o, 1, 0, 0, &a) == 0 && a.at[0].score == 0.88f && a.at[1].score == 0.87f);
    task_answers_release(&a);
    for (int i = 0; i < 3; i++)
        CHECK(ask_one("classify", bad[i], 1, two, &a) == -1);
}

/* ---- masks ---- */

static int check_mask(const char *task, const float *values, int rank, const int64_t *dims, bool channels_last,
                      const uint8_t *want, int width, int height)
{
    static const struct task_labels none;
    struct task t;
    struct error err;
    struct task_answers a;
    struct task_output o = {.values = values, .dims = dims, .rank = rank};
    CHECK(task_parse(task, strlen(task), &t, &err) == 0);
    struct task_query q = {.task = &t, .labels = &none, .outputs = &o, .count = 1, .channels_last = channels_last};
    int status = task_answer(&q, &a, &err);
    if (status < 0)
        return -1;
    CHECK(a.picture.width == width && a.picture.height == height && a.picture.channels == 1);
    CHECK(memcmp(a.picture.data, want, (size_t)(width * height)) == 0);
    task_answers_release(&a);
    return 0;
}

static void mask(void)
{
    static const float planar[] = {1, 2, 3, 1, 5, 2, NAN, 1, 0, NAN, 9, 1}; /* 3 channels of 2x2 */
    static const int64_t chw[] = {1, 3, 2, 2}, hwc[] = {2, 2, 3};
    static const int64_t one[] = {1, 2, 2}, many[] = {257, 1, 1}, batch[] = {2, 3, 1, 1};
    static const uint8_t want[] = {1, 0, 2, 0}, halves[] = {0, 1, 0, 0};
    float packed[12];
    for (int i = 0; i < 12; i++)
        packed[i % 4 * 3 + i / 4] = planar[i];
    CHECK(check_mask("mask", planar, 4, chw, false, want, 2, 2) == 0);
    CHECK(check_mask("mask", packed, 3, hwc, true, want, 2, 2) == 0);
    static const float binary[] = {0.4f, 0.6f, NAN, 0.5f}, logits[] = {-1, 0.1f, -3, 0};
    CHECK(check_mask("mask", binary, 3, one, false, halves, 2, 2) == 0);
    CHECK(check_mask("mask", binary, 3, one, true, halves, 2, 2) == 0);
    CHECK(check_mask("mask", logits, 3, one, false, halves, 2, 2) == 0);
    CHECK(check_mask("mask", planar, 3, many, false, want, 1, 1) == -1);
    CHECK(check_mask("mask", planar, 4, batch, false, want, 1, 1) == -1);
    CHECK(check_mask("mask", planar, 1, chw + 3, false, want, 2, 1) == -1);
}

/* At the photo's size, with what was cropped away as label 0; labels by themselves are not blended. */
static void mask_of_photo(void)
{
    static const float labels[] = {3, 7}, scores[] = {0, 1};
    static const int64_t dims[] = {1, 1, 2};
    static const uint8_t want[] = {0, 3, 3, 7, 7, 0}, blended[] = {0, 0, 0, 1, 1, 0};
    static const struct task_labels none;
    struct task t;
    struct error err;
    struct task_answers a;
    struct recipe_map map = {1, 1, -1, 0, false}; /* the middle four of six pixels */
    struct task_output o = {.values = labels, .dims = dims, .rank = 3, .whole = true};
    struct task_query q = {&t, &none, &o, 1, 4, 2, false, &map, 6, 2, 0, NULL, 0, false};
    CHECK(task_parse("mask", 4, &t, &err) == 0 && task_answer(&q, &a, &err) == 0);
    CHECK(a.picture.width == 6 && a.picture.height == 2 && memcmp(a.picture.data, want, 6) == 0);
    CHECK(a.count == 3 && a.at[0].label == 0 && fabsf(a.at[0].score - 1 / 3.f) < 1e-6f);
    task_answers_release(&a);
    o.values = scores;
    o.whole = false;
    CHECK(task_answer(&q, &a, &err) == 0 && memcmp(a.picture.data, blended, 6) == 0);
    task_answers_release(&a);
}

/* The mean of frames; many numbers in 0..1 are scores already. */
/* Two cells as four pixels: by the middles of cells, or of the outermost ones alone. */
static void picture_of_photo(void)
{
    static const float cells[] = {0, 1};
    static const int64_t dims[] = {1, 1, 2};
    static const char *const tasks[] = {"picture,size=photo", "picture,size=corners"};
    static const uint8_t want[][4] = {{0, 64, 191, 255}, {0, 85, 170, 255}};
    static const struct task_labels none;
    struct recipe_map map = {2 / 4.f, 1, 0, 0, true};
    struct task_output o = {.values = cells, .dims = dims, .rank = 3};
    for (int i = 0; i < 2; i++) {
        struct task t;
        struct error err;
        struct task_answers a;
        struct task_query q = {&t, &none, &o, 1, 2, 1, false, &map, 4, 1, 0, NULL, 0, false};
        CHECK(task_parse(tasks[i], strlen(tasks[i]), &t, &err) == 0 && task_answer(&q, &a, &err) == 0);
        CHECK(a.picture.width == 4 && a.picture.height == 1 && memcmp(a.picture.data, want[i], 4) == 0);
        task_answers_release(&a);
    }
}

/* The largest of all labels, blended at each pixel, in pictures larger than the planes. */
static void mask_between_cells(void)
{
    enum { LABELS = 7, SIDE = 19, PHOTO = 90 };
    static float v[LABELS * SIDE * SIDE];
    static const int64_t dims[] = {1, LABELS, SIDE, SIDE};
    const struct recipe_map map = {(float)SIDE / PHOTO, (float)SIDE / PHOTO, 0, 0, false};
    struct task t;
    struct task_labels none = {0};
    struct task_output o = {.values = v, .dims = dims, .rank = 4};
    struct task_query q = {.task = &t,
                           .labels = &none,
                           .outputs = &o,
                           .count = 1,
                           .width = SIDE,
                           .height = SIDE,
                           .map = &map,
                           .photo_width = PHOTO,
                           .photo_height = PHOTO};
    struct task_answers a = {0};
    struct error err;
    for (int i = 0; i < LABELS * SIDE * SIDE; i++)
        v[i] = (float)((i * 7919 + i * i * 31) % 101) / 10;
    CHECK(task_parse("mask", 4, &t, &err) == 0 && task_answer(&q, &a, &err) == 0 && a.picture.width == PHOTO);
    int wrong = 0;
    for (int at = 0; at < PHOTO * PHOTO; at++) {
        float top = -1;
        int label = 0, y = at / PHOTO, x = at % PHOTO;
        float sides[] = {((float)x + 0.5f) * SIDE / PHOTO - 0.5f, ((float)y + 0.5f) * SIDE / PHOTO - 0.5f};
        for (int i = 0; i < 2; i++)
            sides[i] = fmaxf(0, fminf(SIDE - 1.001f, sides[i]));
        int i = (int)sides[0], k = (int)sides[1];
        float u = sides[0] - (float)i, w = sides[1] - (float)k;
        for (int c = 0; c < LABELS; c++) {
            const float *p = v + (c * SIDE + k) * SIDE + i;
            float up = p[0] * (1 - u) + p[1] * u, down = p[SIDE] * (1 - u) + p[SIDE + 1] * u;
            float all = up * (1 - w) + down * w;
            if (all > top + 1e-4f)
                top = all, label = c;
        }
        wrong += a.picture.data[at] != label;
    }
    CHECK_MSG(wrong <= 8, "%d pixels of %d", wrong, PHOTO * PHOTO); /* near equals */
    task_answers_release(&a);
}

static void frames(void)
{
    static const float values[2][8] = {{0.5f, 0.75f, 0, 0, 0, 0, 0, 0.25f}, {0.5f, 0, 0, 0, 0, 0, 0.5f, 0}};
    static const int64_t dims[] = {2, 8}, row[] = {1, 8};
    struct task_output o = {.values = values[0], .dims = dims, .rank = 2};
    struct task_answers a;
    CHECK(ask("classify", NULL, &o, 1, 0, 0, &a) == -1);
    CHECK(ask("classify,pool=mean", NULL, &o, 1, 0, 0, &a) == 0 && a.count == 8);
    CHECK(a.at[0].label == 0 && a.at[0].score == 0.5f && a.at[1].label == 1 && a.at[1].score == 0.375f);
    task_answers_release(&a);
    static const int64_t batch[] = {1, 2, 8};
    o.dims = batch, o.rank = 3;
    CHECK(ask("classify,pool=mean", NULL, &o, 1, 0, 0, &a) == 0 && a.count == 8 && a.at[1].score == 0.375f);
    task_answers_release(&a);
    o.dims = row, o.rank = 2;
    CHECK(ask("classify", NULL, &o, 1, 0, 0, &a) == 0 && a.at[0].label == 1 && a.at[0].score == 0.75f);
    task_answers_release(&a);
}

static void said_output(void)
{
    static const float values[] = {0.25f, 0.75f};
    static const int64_t dims[] = {1, 1}, pair[] = {1, 2};
    struct task_output o[] = {{.values = values, .dims = dims, .rank = 2}, {.values = values, .dims = pair, .rank = 2}};
    struct task_answers a;
    CHECK(ask("classify,output=1", NULL, o, 2, 0, 0, &a) == 0 && a.count == 2 && a.at[0].score == 0.75f);
    task_answers_release(&a);
    CHECK(ask("classify,output=2", NULL, o, 2, 0, 0, &a) == -1 && strstr(message, "2 outputs"));
}

/* Only tokens of the mask count. */
static void masked_tokens(void)
{
    static const float values[] = {1, 0, 3, 2, 9, 9}, mask[] = {1, 1, 0};
    static const int64_t dims[] = {1, 3, 2};
    static const struct {
        const char *task;
        float want[2];
    } cases[] = {{"embedding,norm=none", {2, 1}}, {"embedding,norm=none,pool=last", {3, 2}}};
    struct task_output o = {.values = values, .dims = dims, .rank = 3};
    struct task_labels none = {.count = 0};
    for (size_t i = 0; i < 2; i++) {
        struct task task;
        struct error err;
        struct task_answers a;
        struct task_query q = {
            .task = &task, .labels = &none, .outputs = &o, .count = 1, .mask = mask, .mask_count = 3};
        CHECK(task_parse(cases[i].task, strlen(cases[i].task), &task, &err) == 0 && task_answer(&q, &a, &err) == 0);
        CHECK(a.vector_count == 2 && memcmp(a.vector, cases[i].want, sizeof cases[i].want) == 0);
        task_answers_release(&a);
    }
}

static void names_tell_a_task(void)
{
    static const char *const lists[] = {"dets", "labels"}, *const other[] = {"dets", "logits"};
    static const int64_t five[] = {5, -1}, four[] = {4, 91}, three[] = {3, 91};
    CHECK_STR(task_guess(lists, five, 2), "detect=lists");
    CHECK_STR(task_guess(lists, four, 2), "detect=rtdetr");
    CHECK(!task_guess(lists, three, 2) && !task_guess(other, five, 2) && !task_guess(lists, five, 1));
}

/* ---- text ---- */

static void ctc(void)
{
    static const char *const steps = "0110112030"; /* a, a, b, space */
    float values[10][4] = {{0}};
    static const int64_t dims[] = {1, 10, 4}, middle[] = {10, 1, 4}, two_lines[] = {2, 5, 4}, none[] = {0, 4},
                         last_two[] = {1, 2, 4}, one_step[] = {1, 4};
    struct task_labels l = labels_of("a\nb\n"), three = labels_of("a\nb\nc"), four = labels_of("a\nb\nc\nd");
    struct task_output o = {.values = values[0], .dims = dims, .rank = 3};
    struct task_answers a;
    for (int i = 0; i < 10; i++)
        values[i][steps[i] - '0'] = 0.5f;
    CHECK(ask("ctc", &l, &o, 1, 0, 0, &a) == 0 && a.count == 1);
    CHECK_STR(a.at[0].text, "aab ");
    CHECK(a.at[0].score == 0.5f);
    task_answers_release(&a);
    o.dims = middle;
    CHECK(ask("ctc", &three, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "aabc");
    task_answers_release(&a);
    CHECK(ask("ctc,blank=last", &three, &o, 1, 0, 0, &a) == 0); /* 3 is blank then */
    CHECK_STR(a.at[0].text, "ababcaa");
    task_answers_release(&a);
    CHECK(ask("steps", &three, &o, 1, 0, 0, &a) == 0); /* ends at once */
    CHECK(a.at[0].text[0] == 0);
    task_answers_release(&a);
    CHECK(ask("steps,blank=last", &three, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "abbabbca");
    task_answers_release(&a);
    CHECK(ask("steps,blank=last", &l, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "abbabb");
    task_answers_release(&a);
    CHECK(ask("steps", &four, &o, 1, 0, 0, &a) == -1);
    CHECK(ask("steps,blank=none", &four, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "abbabbcada");
    task_answers_release(&a);
    CHECK(ask("ctc,blank=none", &four, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "ababcada");
    task_answers_release(&a);
    CHECK(ask("ctc,blank=none,beam=3", &four, &o, 1, 0, 0, &a) == 0 && a.at[0].score > 0);
    task_answers_release(&a);
    /* a captcha's characters, an output each, and another one */
    const struct task_output each[] = {{.values = values[0], .dims = one_step, .rank = 2},
                                       {.values = values[0], .dims = dims, .rank = 3},
                                       {.values = values[6], .dims = one_step, .rank = 2},
                                       {.values = values[8], .dims = one_step, .rank = 2}};
    CHECK(ask("steps,blank=none", &four, each, 4, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "acd");
    task_answers_release(&a);
    o.values = values[8], o.dims = last_two;
    CHECK(ask("steps", &l, &o, 1, 0, 0, &a) == 0); /* 3 is behind the labels: an end, too */
    CHECK(a.at[0].text[0] == 0);
    task_answers_release(&a);
    o.values = values[0];
    o.dims = none, o.rank = 2;
    CHECK(ask("ctc", &l, &o, 1, 0, 0, &a) == 0 && a.at[0].score == 0 && a.at[0].text[0] == 0);
    task_answers_release(&a);
    o.dims = dims, o.rank = 3;
    CHECK(ask("ctc", &four, &o, 1, 0, 0, &a) == -1 && strstr(message, "4 labels"));
    o.dims = two_lines;
    CHECK(ask("ctc", &l, &o, 1, 0, 0, &a) == -1);
    o.dims = dims, o.rank = 1;
    CHECK(ask("ctc", &l, &o, 1, 0, 0, &a) == -1);
    task_labels_release(&l);
    task_labels_release(&three);
    task_labels_release(&four);
}

/* The text that is likeliest over all its ways, which the best path misses: blank blank is 0.36, a in three ways 0.64.
 */
static void beam(void)
{
    static const float values[][2] = {{0.6f, 0.4f}, {0.6f, 0.4f}};
    static const int64_t dims[] = {1, 2, 2};
    struct task_labels l = labels_of("a\n");
    struct task_output o = {.values = values[0], .dims = dims, .rank = 3};
    struct task_answers a;
    CHECK(ask("ctc", &l, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "");
    task_answers_release(&a);
    CHECK(ask("ctc,beam=4", &l, &o, 1, 0, 0, &a) == 0);
    CHECK_STR(a.at[0].text, "a");
    near(a.at[0].score, 0.64, "probability");
    task_answers_release(&a);
    float logits[2][2];
    for (int i = 0; i < 4; i++)
        logits[i / 2][i % 2] = logf(values[i / 2][i % 2]) + 7;
    o.values = logits[0];
    CHECK(ask("ctc,beam=4", &l, &o, 1, 0, 0, &a) == 0);
    near(a.at[0].score, 0.64, "probability of logits");
    task_answers_release(&a);
    task_labels_release(&l);
}

/* A wide beam finds what trying all ways finds. */
static void beam_against_all_ways(void)
{
    enum { T = 5, C = 3 };
    float values[T][C];
    static const int64_t dims[] = {1, T, C};
    struct task_labels l = labels_of("a\nb\n");
    struct task_output o = {.values = values[0], .dims = dims, .rank = 3};
    unsigned seed = 1;
    for (int round = 0; round < 20; round++) {
        double total[3 * 3 * 3 * 3 * 3 * 4] = {0}, best = 0;
        char texts[243][T + 1];
        const char *found = "";
        int count = 0;
        for (int t = 0; t < T; t++) {
            double sum = 0;
            for (int c = 0; c < C; c++)
                sum += values[t][c] = (float)((seed = seed * 1103515245 + 12345) >> 16 & 1023) / 1024 + 0.01f;
            for (int c = 0; c < C; c++)
                values[t][c] /= (float)sum;
        }
        for (int way = 0; way < 243; way++) {
            char text[T + 1] = "";
            double p = 1;
            for (int t = 0, rest = way, last = 0, n = 0; t < T; t++, rest /= 3) {
                int c = rest % 3;
                p *= values[t][c];
                if (c && c != last)
                    text[n++] = (char)('a' + c - 1), text[n] = 0;
                last = c;
            }
            int i = 0;
            while (i < count && strcmp(texts[i], text) != 0)
                i++;
            if (i == count)
                strcpy(texts[count++], text);
            total[i] += p;
        }
        for (int i = 0; i < count; i++)
            if (total[i] > best)
                best = total[i], found = texts[i];
        struct task_answers a;
        CHECK(ask("ctc,beam=100", &l, &o, 1, 0, 0, &a) == 0);
        CHECK_STR(a.at[0].text, found);
        near(a.at[0].score, *found ? pow(best, 1.0 / (double)strlen(found)) : 0, "probability");
        task_answers_release(&a);
    }
    task_labels_release(&l);
}

/* ---- vectors and pictures ---- */

static void embedding(void)
{
    static const float tokens[] = {3, 0, 3, 8}, nan[] = {NAN, 1};
    static const int64_t dims[] = {1, 2, 2}, row[] = {1, 4}, place[] = {1, 2, 2, 1}, pair[] = {1, 2};
    struct task_answers a;
    CHECK(ask_one("embedding", tokens, 3, dims, &a) == 0 && a.vector_count == 2);
    CHECK(fabsf(a.vector[0] - 0.6f) < 1e-6f && fabsf(a.vector[1] - 0.8f) < 1e-6f);
    task_answers_release(&a);
    CHECK(ask_one("embedding,pool=cls,norm=none", tokens, 3, dims, &a) == 0 && a.vector[0] == 3 && a.vector[1] == 0);
    task_answers_release(&a);
    CHECK(ask_one("embedding,pool=last,norm=none", tokens, 3, dims, &a) == 0 && a.vector[1] == 8);
    task_answers_release(&a);
    CHECK(ask_one("embedding,norm=none", tokens, 2, row, &a) == 0 && a.vector_count == 4 && a.vector[3] == 8);
    task_answers_release(&a);
    CHECK(ask_one("embedding,norm=none", tokens, 4, place, &a) == 0 && a.vector_count == 2 && a.vector[0] == 1.5f &&
          a.vector[1] == 5.5f);
    task_answers_release(&a);
    CHECK(ask_one("embedding", nan, 2, pair, &a) == -1);
}

/* Twice as large as an input whose middle two of four columns are the photo; and of a stretched photo, all of it. */
static void picture_of_padded(void)
{
    static const float values[] = {9, 9, 0, 1, 2, 3, 9, 9, 9, 9, 3, 2, 1, 0, 9, 9};
    static const int64_t dims[] = {1, 2, 8};
    static const uint8_t want[] = {0, 85, 170, 255, 255, 170, 85, 0};
    static const struct task_labels none;
    struct task t;
    struct error err;
    struct task_answers a;
    struct recipe_map padded = {1, 1, 1, 0, false}, stretched = {2, 1, 0, 0, true};
    struct task_output o = {.values = values, .dims = dims, .rank = 3};
    struct task_query q = {&t, &none, &o, 1, 4, 1, false, &padded, 2, 1, 0, NULL, 0, false};
    CHECK(task_parse("picture,range=0:3", 17, &t, &err) == 0 && task_answer(&q, &a, &err) == 0);
    CHECK(a.picture.width == 4 && a.picture.height == 2 && memcmp(a.picture.data, want, 8) == 0);
    task_answers_release(&a);
    q.map = &stretched;
    CHECK(task_answer(&q, &a, &err) == 0 && a.picture.width == 8 && a.picture.height == 2);
    task_answers_release(&a);
}

static void picture(void)
{
    static const float depth[] = {2, 4, 3, NAN}, colours[] = {0, 1, 0.5f}, bytes[] = {10, 200, 300}, wide[4] = {0};
    static const int64_t plane[] = {1, 2, 2}, pixel[] = {1, 3, 1, 1}, two[] = {1, 2, 1, 2};
    struct task_answers a;
    CHECK(ask_one("picture", depth, 3, plane, &a) == 0 && a.picture.channels == 1 && a.picture.data[0] == 0 &&
          a.picture.data[1] == 255 && a.picture.data[2] == 128 && a.picture.data[3] == 0);
    task_answers_release(&a);
    CHECK(ask_one("picture", colours, 4, pixel, &a) == 0 && a.picture.channels == 3 && a.picture.data[1] == 255 &&
          a.picture.data[2] == 128);
    task_answers_release(&a);
    CHECK(ask_one("picture,colour=bgr", bytes, 4, pixel, &a) == 0 && a.picture.data[2] == 10 &&
          a.picture.data[0] == 255 && a.picture.data[1] == 200);
    task_answers_release(&a);
    CHECK(ask_one("picture,range=-1:1", colours, 4, pixel, &a) == 0 && a.picture.data[0] == 128);
    task_answers_release(&a);
    CHECK(ask_one("picture", wide, 4, two, &a) == -1 && strstr(message, "2 channels"));
}

int main(void)
{
    RUN(every_row_reads_back);
    RUN(options);
    RUN(defaults);
    RUN(labels);
    RUN(top_of_logits);
    RUN(top_of_others);
    RUN(mask);
    RUN(mask_of_photo);
    RUN(picture_of_photo);
    RUN(mask_between_cells);
    RUN(frames);
    RUN(said_output);
    RUN(masked_tokens);
    RUN(names_tell_a_task);
    RUN(ctc);
    RUN(beam);
    RUN(beam_against_all_ways);
    RUN(embedding);
    RUN(picture);
    RUN(picture_of_padded);
    return TEST_END();
}
