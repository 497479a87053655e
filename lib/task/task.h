/* What a network's outputs mean, and turning them into answers. Everything works on float arrays with their dims. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "image/image.h"
#include "task/recipe.h"

enum task_kind {
    TASK_CLASSIFY,
    TASK_DETECT,    /* boxes, perhaps with key points or masks */
    TASK_LANDMARKS, /* key points, and the box around them */
    TASK_POLYGONS,
    TASK_MASK,
    TASK_CTC,
    TASK_EMBEDDING,
    TASK_PICTURE
};

enum task_id {
#define TASK(id, name, kind, decode, options, what) TASK_ID_##id,
#include "task/task.def"
#undef TASK
    TASK_IDS
};

/* ---- the text that names a task ---- */

enum task_option {
#define OPTION(id, name, most, low, high, words, what) TASK_##id,
#include "task/option.def"
#undef OPTION
    TASK_OPTIONS
};

#define TASK_MAX_NUMBERS 24

/* What is given of an option: numbers, or the place of a word. */
struct task_numbers {
    int count; /* 0: not given, and without a default */
    float at[TASK_MAX_NUMBERS];
};

/* Words of options, by their place in option.def. */
enum { TASK_NMS_HARD, TASK_NMS_SOFT, TASK_NMS_WEIGHTED, TASK_NMS_NONE, TASK_NMS_FAST };
enum { TASK_SCORES_AUTO, TASK_SCORES_RAW, TASK_SCORES_SOFTMAX, TASK_SCORES_SIGMOID };
enum { TASK_BACKGROUND_NONE, TASK_BACKGROUND_FIRST, TASK_BACKGROUND_LAST };
enum {
    TASK_FORM_CORNERS,   /* x0, y0, x1, y1 */
    TASK_FORM_CENTRES,   /* centre x, y, width, height */
    TASK_FORM_YX,        /* y0, x0, y1, x1 */
    TASK_FORM_OFFSETS,   /* centre and size, relative to an anchor: offsets in its sizes, logarithms of sizes (SSD) */
    TASK_FORM_EDGES,     /* how far each corner of the anchor moves, in its sizes (MTCNN) */
    TASK_FORM_LINEAR,    /* centre less the anchor's, width, height, in pixels (BlazeFace) */
    TASK_FORM_DISTANCES, /* from the anchor's centre to left, top, right, bottom, in cells */
    TASK_FORM_YOLO2,     /* the centre's place in its cell by sigmoid, logarithm of size over the anchor's in cells */
    TASK_FORM_YOLO3,     /* the same, the anchor's in pixels */
    TASK_FORM_YOLO5,     /* 2 sigmoid - 0.5, (2 sigmoid)^2 */
    TASK_FORM_YOLOX,     /* centre from the cell's corner, logarithm of the size, in cells */
    TASK_FORM_FASTEST,   /* tanh of the centre from the cell's corner, sigmoid of the part of the input (FastestDet) */
    TASK_FORM_OFFSETS_YX /* as TASK_FORM_OFFSETS: centre y, x, height, width (EfficientDet) */
};
enum {
    TASK_COLUMNS_APART,
    TASK_COLUMNS_BOX_CLASSES,
    TASK_COLUMNS_BOX_OBJECT_CLASSES,
    TASK_COLUMNS_OBJECT_BOX_CLASSES,
    TASK_COLUMNS_CLASSES_BOX,
    TASK_COLUMNS_BOX_OBJECT_POINTS_CLASSES
};
enum { TASK_UNDO_SIDES, TASK_UNDO_RATIO, TASK_UNDO_HEIGHT };
enum { TASK_UNIT_AUTO, TASK_UNIT_PIXEL, TASK_UNIT_PART, TASK_UNIT_MIDDLE };
enum {
    TASK_ORDER_AUTO,
    TASK_ORDER_XY,
    TASK_ORDER_XYZ,
    TASK_ORDER_YXV,
    TASK_ORDER_XXYY,
    TASK_ORDER_XYV,
    TASK_ORDER_XYZVP
};
enum { TASK_REFINE_QUARTER, TASK_REFINE_NONE, TASK_REFINE_UDP };
enum { TASK_POOL_AUTO, TASK_POOL_MEAN, TASK_POOL_CLS, TASK_POOL_LAST, TASK_POOL_NONE };

/* Read from text like "detect=yolov8,score=0.3,iou=0.5". */
struct task {
    enum task_id id;
    enum task_kind kind;
    struct task_numbers option[TASK_OPTIONS];
    uint64_t said; /* a bit for each option that the text gives */
};

int task_parse(const char *text, size_t n, struct task *out, struct error *err);

/* Appends the canonical text, of the options that were given; the inverse of task_parse(). */
void task_print(const struct task *task, struct text *out);

/* What the task leaves open, as a guess of the same task has it; "points" and "detect" may be any of their kind. */
void task_follow(struct task *task, const struct task *guess);

/* The task that outputs of these names and last dims (-1: open) tell of by themselves; NULL: none. */
const char *task_guess(const char *const *names, const int64_t *last, size_t count);

/* The same of a photo's outputs by their shapes and numbers: q->task and q->map are not looked at; false: none, or it
 * could be several. */
#define TASK_GUESS 80
struct task_query;
bool task_guess_outputs(const struct task_query *q, char out[TASK_GUESS]);

/* The name and options with their defaults of a task of the list; id < TASK_IDS. What they say, of which nn-tasks(7)
 * is made, is no part of the library. */
const char *task_name(enum task_id id);
const char *task_options(enum task_id id);

/* An option's first number, or the place of its word; 0 when there is none. */
static inline float task_number(const struct task *task, enum task_option option)
{
    return task->option[option].at[0];
}
static inline int task_word(const struct task *task, enum task_option option)
{
    return (int)task->option[option].at[0];
}

/* How many classes stand for no character. */
static inline size_t task_blanks(const struct task *task)
{
    return task_word(task, TASK_BLANK) != 2;
}

/* ---- labels ---- */

struct task_labels {
    char *text;         /* the names, each NUL-terminated */
    const char **names; /* pointers into text */
    size_t count;
};

/* One name a line: "\n" or "\r\n"; empty lines at the end do not count, others do. A byte-order mark is skipped. */
int task_labels_init(struct task_labels *labels, const char *text, size_t n, struct error *err);
void task_labels_release(struct task_labels *labels);

/* Fails, naming both counts, when there are labels but not as many as classes. */
int task_labels_check(const struct task_labels *labels, size_t classes, struct error *err);

/* NULL beyond the list. */
const char *task_labels_name(const struct task_labels *labels, size_t index);

/* ---- outputs ---- */

/* What the graph ends an output with, as far as it tells. */
enum task_end { TASK_END_UNKNOWN, TASK_END_LINEAR, TASK_END_SOFTMAX, TASK_END_SIGMOID };

/* An output of the network: as many values as the dims say, none of which is negative. */
struct task_output {
    const char *name;
    const float *values;
    const int64_t *dims;
    int rank;
    bool whole; /* of integers: labels, not scores */
    enum task_end end;
};

/* All that an answer is made from. */
struct task_query {
    const struct task *task;
    const struct task_labels *labels;
    const struct task_output *outputs; /* there is one or more */
    size_t count;
    int width, height;             /* of the network's input, in pixels; 0: it is no picture */
    bool channels_last;            /* of the input */
    const struct recipe_map *map;  /* NULL: no photo; answers stay in pixels of the input */
    int photo_width, photo_height; /* with a photo */
    size_t most;                   /* at most so many answers; 0: all */
    const float *mask;             /* of mask_count tokens: those that count, not 0; NULL: nothing is known */
    size_t mask_count;
    bool by_corner; /* a label map's cell is that under a pixel's first corner, as OpenCV and PyTorch have it */
};

/* ---- answers, released by task_answers_release() ---- */

struct task_point {
    float x, y, score;
};

struct task_answer {
    size_t label;
    float score;
    float x0, y0, x1, y1; /* in pixels of the photo, or of the input without one */
    struct task_point *points;
    size_t point_count;
    struct image_rect place; /* of the mask: rows of pixels, 1 inside the object */
    uint8_t *mask;
    char *text;
};

struct task_answers {
    struct task_answer *at; /* best first */
    size_t count, cap;
    struct image picture; /* a mask or picture; data NULL: none */
    float *vector;
    size_t vector_count;
};

/* Fails when a detector's outputs tell, by their shapes alone, that labels are not as many as classes. */
int task_check_labels(const struct task_query *q, struct error *err);

/* Leaves the output that the task names. */
int task_use_output(struct task_query *q, struct error *err);

/* Answers of the kind that the task is of. */
int task_answer(const struct task_query *q, struct task_answers *out, struct error *err);
void task_answers_release(struct task_answers *answers);

/* How many answers are of use when nobody says: 0 for all. */
size_t task_usual(const struct task *task);

#endif
