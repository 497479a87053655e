/* The list of tasks, and the text that names one. */
#include "task/task.h"

#include <string.h>

#define DEFAULT_SCORE 0.25f
#define DEFAULT_IOU   0.45f

static const struct row {
    const char *name, *what;
    enum task_kind kind;
} rows[] = {
#define TASK(id, name, kind, decode, what) {name, what, kind},
#include "task/task.def"
#undef TASK
};

const char *task_name(enum task_id id)
{
    return rows[id].name;
}

const char *task_what(enum task_id id)
{
    return rows[id].what;
}

static int unknown(const char *text, size_t n, struct error *err)
{
    struct text list;
    text_init(&list);
    for (int i = 0; i < TASK_IDS; i++) {
        text_puts(&list, i == 0 ? "" : i == TASK_IDS - 1 ? " or " : ", ");
        text_puts(&list, rows[i].name);
    }
    error_set(err, "task %.*s: unknown: want %s", n < 80 ? (int)n : 80, text, list.data ? list.data : "another");
    text_release(&list);
    return -1;
}

/* "score=F" or "iou=F", with F in 0 to 1. */
static int parse_option(struct task *task, const char *text, size_t n, struct error *err)
{
    bool is_score = n > 6 && memcmp(text, "score=", 6) == 0, is_iou = n > 4 && memcmp(text, "iou=", 4) == 0;
    size_t name = is_score ? 6 : 4;
    float v;
    if (task->kind != TASK_DETECT || !(is_score || is_iou) || !text_to_f32(text + name, n - name, &v) ||
        !(v >= 0 && v <= 1))
        return error_set(err, "task %s: %.*s: want %s", rows[task->id].name, n < 80 ? (int)n : 80, text,
                         task->kind == TASK_DETECT ? "score=F or iou=F, of 0 to 1" : "no option");
    *(is_score ? &task->score : &task->iou) = v;
    return 0;
}

static int parse_options(struct task *task, const char *text, const char *end, struct error *err)
{
    while (text < end) {
        text++;
        const char *comma = memchr(text, ',', end - text);
        const char *stop = comma ? comma : end;
        if (parse_option(task, text, stop - text, err))
            return -1;
        text = stop;
    }
    return 0;
}

int task_parse(const char *text, size_t n, struct task *out, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return error_set(err, "task: control byte 0x%02x at %zu: want printable text", (unsigned char)text[i], i);
    const char *comma = n ? memchr(text, ',', n) : NULL;
    size_t name = comma ? (size_t)(comma - text) : n;
    for (int i = 0; i < TASK_IDS; i++) {
        if (strlen(rows[i].name) != name || memcmp(text, rows[i].name, name) != 0)
            continue;
        struct task task = {i, rows[i].kind, DEFAULT_SCORE, DEFAULT_IOU};
        if (parse_options(&task, text + name, text + n, err))
            return -1;
        *out = task;
        return 0;
    }
    return unknown(text, name, err);
}

void task_print(const struct task *task, struct text *out)
{
    text_puts(out, rows[task->id].name);
    if (task->score != DEFAULT_SCORE) {
        text_puts(out, ",score=");
        text_f32(out, task->score);
    }
    if (task->iou != DEFAULT_IOU) {
        text_puts(out, ",iou=");
        text_f32(out, task->iou);
    }
}
