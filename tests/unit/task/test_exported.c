#include <string.h>

#include "../../test.h"
#include "task/exported.h"

struct texts {
    struct text recipe, task, labels;
};

static struct exported_text of(const char *text)
{
    return (struct exported_text){text, text ? strlen(text) : 0};
}

static bool read(const struct task_exported *e, struct texts *t)
{
    text_init(&t->recipe);
    text_init(&t->task);
    text_init(&t->labels);
    return task_exported_read(e, &t->recipe, &t->task, &t->labels);
}

static void release(struct texts *t)
{
    text_release(&t->recipe);
    text_release(&t->task);
    text_release(&t->labels);
}

/* As ONNX has them: Python's words. */
static void properties(void)
{
    struct task_exported e = {of("pose"), of("{0: 'person', 1: \"dog's\", 2: 'a\\'b\\n, c}'}"), of("[480, 640]"),
                              of("[17, 3]"), of("Ultralytics YOLO11n-pose model")};
    struct texts t;
    CHECK(read(&e, &t));
    CHECK_STR(t.recipe.data, "opencv,letterbox=640x480,rgb,std=255");
    CHECK_STR(t.task.data, "detect=yolo,iou=0.7,points=17,order=xyv");
    CHECK_STR(t.labels.data, "person\ndog's\na'bn, c}");
    release(&t);
    e.task = of("classify");
    e.names = of("{\"0\": \"cat\"}");
    CHECK(read(&e, &t));
    CHECK_STR(t.recipe.data, "torchvision,resize=480,crop=640x480,rgb,std=255");
    CHECK_STR(t.task.data, "classify");
    CHECK_STR(t.labels.data, "cat");
    release(&t);
    e.task = of("detect");
    e.about = of("Ultralytics RTDETR-L model trained on coco.yaml");
    CHECK(read(&e, &t));
    CHECK_STR(t.recipe.data, "opencv,resize=640x480,rgb,std=255");
    release(&t);
    e.task = of("depth");
    e.about = of("Ultralytics YOLO26n-depth model");
    CHECK(read(&e, &t));
    CHECK_STR(t.recipe.data, "opencv,resize=640x480,rgb,std=255");
    CHECK_STR(t.task.data, "picture,size=corners");
    release(&t);
}

static void yaml(void)
{
    static const char file[] = "description: Ultralytics YOLO11n model\n"
                               "task: segment\n"
                               "imgsz:\n- 640\n- 320\n"
                               "names:\n  0: person\n  1: traffic light\n  2: 'yes'\n"
                               "args:\n  batch: 1\n";
    struct task_exported e;
    struct texts t;
    task_exported_yaml(file, strlen(file), &e);
    CHECK(read(&e, &t));
    CHECK_STR(t.recipe.data, "opencv,letterbox=320x640,rgb,std=255");
    CHECK_STR(t.task.data, "detect=yolo,iou=0.7");
    CHECK_STR(t.labels.data, "person\ntraffic light\nyes");
    release(&t);
    for (size_t n = 0; n < strlen(file); n++) { /* cut anywhere it is read to the end, or refused */
        task_exported_yaml(file, n, &e);
        read(&e, &t);
        release(&t);
    }
}

/* Paddle's lists, wherever they stand; no name is two lines. */
static void paddle(void)
{
    static const char file[] = "label_list: [a, \"b\\nc\", 7]\n"
                               "PostProcess:\n  name: CTCLabelDecode\n  character_dict:\n  - '0'\n  - ''''\n  - '#'\n";
    struct task_paddle p;
    task_paddle_init(&p);
    task_exported_paddle(file, strlen(file), NULL, &p);
    CHECK_STR(p.labels.data, "a\nb c\n7");
    CHECK_STR(p.characters.data, "0\n'\n#");
    CHECK(!p.task.size);
    task_paddle_release(&p);
}

/* The task of Paddle's PostProcess, and of a part of RapidOCR's settings. */
static void detector(void)
{
    static const char *const cases[][3] = {
        {"PostProcess:\n  name: DBPostProcess\n  thresh: 0.3\n  box_thresh: 0.6\n  max_candidates: 1000\n  "
         "unclip_ratio: 1.5\n",
         NULL, "polygons=db,score=0.6,level=0.3,unclip=1.5,most=1000"},
        {"PostProcess:\n  name: DBPostProcess", NULL, "polygons=db"},
        {"Det:\n  limit_side_len: 736\n  thresh: 0.2\n  use_dilation: true\n  score_mode: fast", "Det",
         "polygons=db,level=0.2,dilate=yes"},
        {"PostProcess:\n  name: DBPostProcess\n  box_type: poly", NULL, NULL},
        {"Det:\n  limit_side_len: 736\n  score_mode: slow", "Det", NULL},
        {"Rec:\n  rec_img_shape: [3, 48, 320]", "Rec", NULL},
        {"Det:\n  limit_side_len: 736", "Cls", NULL},
        {"PostProcess:\n  name: CTCLabelDecode", NULL, NULL},
        {"PostProcess: [", NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct task_paddle p;
        task_paddle_init(&p);
        task_exported_paddle(cases[i][0], strlen(cases[i][0]), cases[i][1], &p);
        CHECK_MSG(cases[i][2] ? p.task.data && strcmp(p.task.data, cases[i][2]) == 0 : !p.task.size, "%s: %s",
                  cases[i][0], p.task.data ? p.task.data : "no task");
        task_paddle_release(&p);
    }
}

static void refused(void)
{
    static const char *const bad[][4] = {{"detect", NULL, "[64, 64]", NULL},
                                         {NULL, "{0: 'a'}", "[64, 64]", NULL},
                                         {"cut out", "{0: 'a'}", "[64, 64]", NULL},
                                         {"detected", "{0: 'a'}", "[64, 64]", NULL},
                                         {"detect", "{1: 'a'}", "[64, 64]", NULL},
                                         {"detect", "{0: 'a', 2: 'b'}", "[64, 64]", NULL},
                                         {"detect", "{0: 'a", "[64, 64]", NULL},
                                         {"detect", "{0: 'a', 1:", "[64, 64]", NULL},
                                         {"detect", "{0 'a'}", "[64, 64]", NULL},
                                         {"detect", "{}", "[64, 64]", NULL},
                                         {"detect", "{0: 'a'}", "[64]", NULL},
                                         {"detect", "{0: 'a'}", "[0, 64]", NULL},
                                         {"detect", "{0: 'a'}", "[99999999999999999999, 64]", NULL},
                                         {"pose", "{0: 'a'}", "[64, 64]", NULL},
                                         {"pose", "{0: 'a'}", "[64, 64]", "[17, 4]"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct task_exported e = {of(bad[i][0]), of(bad[i][1]), of(bad[i][2]), of(bad[i][3]), of(NULL)};
        struct texts t;
        CHECK_MSG(!read(&e, &t), "case %zu", i);
        release(&t);
    }
}

/* As archives have them: JSON, or Python's words. */
static void objects(void)
{
    static const char *const files[] = {
        "{\"description\": \"a, {b: 'task': c\", \"args\": {\"task\": \"none\", \"x\": [1, 2]}, \"task\": \"obb\", "
        "\"imgsz\": [320, 640], \"names\": {\"0\": \"plane, large\", \"1\": \"ship\"}}",
        "{'date': '2026', 'task': 'obb', 'stride': 32, 'imgsz': [320, 640], 'names': {0: 'plane, large', 1: 'ship'}}"};
    struct task_exported e;
    struct texts t;
    for (size_t i = 0; i < 2; i++) {
        task_exported_object(files[i], strlen(files[i]), &e);
        CHECK(read(&e, &t));
        CHECK_STR(t.recipe.data, "opencv,letterbox=640x320,rgb,std=255");
        CHECK_STR(t.task.data, "polygons=obb");
        CHECK_STR(t.labels.data, "plane, large\nship");
        release(&t);
        for (size_t n = 0; n < strlen(files[i]); n++) { /* cut off anywhere */
            task_exported_object(files[i], n, &e);
            read(&e, &t);
            release(&t);
        }
    }
}

int main(void)
{
    RUN(properties);
    RUN(objects);
    RUN(yaml);
    RUN(paddle);
    RUN(detector);
    RUN(refused);
    return TEST_END();
}
