/* What a network's output means, and turning it into answers. Everything works on float arrays with their dims. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "image/image.h"
#include "task/recipe.h"

enum task_kind { TASK_CLASSIFY, TASK_DETECT, TASK_MASK, TASK_CTC };

enum task_id {
#define TASK(id, name, kind, decode, what) TASK_ID_##id,
#include "task/task.def"
#undef TASK
    TASK_IDS
};

/* Read from text like "detect=yolov8,score=0.3,iou=0.5". */
struct task {
    enum task_id id;
    enum task_kind kind;
    float score; /* detection: the least score of a box; 0.25 unless given */
    float iou;   /* detection: of two boxes of one label that overlap more, the better stays; 0.45 unless given */
};

int task_parse(const char *text, size_t n, struct task *out, struct error *err);

/* Appends the canonical text, defaults left out; the inverse of task_parse(). */
void task_print(const struct task *task, struct text *out);

/* The name and description of a task of the list; id < TASK_IDS. */
const char *task_name(enum task_id id);
const char *task_what(enum task_id id);

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

/* ---- classification ---- */

struct task_top {
    size_t index;
    float score;
};

/* The k best of n scores (k > n gives n), best first, equal ones by index; out holds k. Scores that are no distribution
 * yet (some below 0, or a sum other than 1 +- 0.05) go through softmax; a single score is taken as it is. Returns how
 * many, or -1 when a score is nan or +inf, or when there is none. */
ptrdiff_t task_top(const float *scores, size_t n, size_t k, struct task_top *out, struct error *err);

/* ---- detection ---- */

struct task_box {
    size_t label;
    float score;
    float x0, y0, x1, y1; /* corners, in pixels */
};

struct task_boxes {
    struct task_box *box; /* best score first; to be freed */
    size_t count, cap;
};

#define TASK_MAX_BOXES 300

/* An output of the network. */
struct task_output {
    const float *values;
    const int64_t *dims;
    int rank;
};

/* Decodes outputs, of which most tasks take the first only, into boxes in pixels of the input, which is width x height;
 * drops those below the task's score and those that overlap a better one of the same label (intersection over union);
 * keeps at most TASK_MAX_BOXES. */
int task_detect(const struct task *task, const struct task_output *outputs, size_t count, int width, int height,
                struct task_boxes *out, struct error *err);

/* Moves boxes from the input's pixels to those of the photo, clipped to its width x height. */
void task_boxes_unmap(struct task_boxes *boxes, const struct recipe_map *map, int width, int height);

/* ---- masks ---- */

/* The best channel at each pixel, as a grey picture of indices. dims [1, C, H, W] or [C, H, W] (channels_last:
 * [1, H, W, C], [H, W, C]), C <= 256; with one channel, 1 where the score is above 0.5. nan never wins. */
int task_mask(const float *values, const int64_t *dims, int rank, bool channels_last, struct image *out,
              struct error *err);

/* ---- text ---- */

/* Greedy CTC (Graves et al. 2006): the best class of each step, repeats merged, blank (0) dropped; class i is label
 * i - 1, and one class more than that, if there is one, is a space. dims [1, T, C], [T, 1, C] or [T, C]. Appends the
 * text; *score gets the mean score of the characters' steps, 0 for no character. */
int task_ctc(const float *values, const int64_t *dims, int rank, const struct task_labels *labels, struct text *out,
             float *score, struct error *err);

#endif
