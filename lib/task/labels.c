#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/task.h"

static size_t count_lines(const char *text, size_t n)
{
    size_t lines = n > 0;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return lines;
}

/* How much of the text is left without the line ends at its end. */
static size_t trim(const char *text, size_t n)
{
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    return n;
}

/* Ends each line with NUL, where the line break was, and notes where it starts. */
static void split(struct task_labels *labels, size_t n)
{
    char *at = labels->text, *end = at + n;
    for (size_t i = 0; i < labels->count; i++) {
        labels->names[i] = at;
        char *stop = memchr(at, '\n', end - at);
        stop = stop ? stop : end;
        if (stop > at && stop[-1] == '\r')
            stop[-1] = 0;
        *stop = 0;
        at = stop + 1;
    }
}

int task_labels_init(struct task_labels *labels, const char *text, size_t n, struct error *err)
{
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    n = trim(text, n);
    if (n && memchr(text, 0, n))
        return error_set(err, "labels: a zero byte: want text, one label a line");
    struct task_labels l = {.count = count_lines(text, n)};
    l.text = mem_calloc(n + 1, 1, err);
    l.names = mem_calloc(l.count, sizeof *l.names, err);
    if (!l.text || !l.names) {
        task_labels_release(&l);
        return -1;
    }
    if (n)
        memcpy(l.text, text, n);
    split(&l, n);
    *labels = l;
    return 0;
}

void task_labels_release(struct task_labels *labels)
{
    free(labels->text);
    free(labels->names);
    *labels = (struct task_labels){NULL, NULL, 0};
}

int task_labels_check(const struct task_labels *labels, size_t classes, struct error *err)
{
    if (!labels->count || labels->count == classes)
        return 0;
    bool one_off = labels->count + 1 == classes || labels->count == classes + 1;
    return error_set(err, "%zu labels for an output of %zu classes: want as many labels as classes%s", labels->count,
                     classes, one_off ? "; one of them may begin with a background" : "");
}

const char *task_labels_name(const struct task_labels *labels, size_t index)
{
    return index < labels->count ? labels->names[index] : NULL;
}
