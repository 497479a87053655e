#include "task/exported.h"

#include <string.h>

#define MAX_LABELS 65536
#define MAX_SIDE   16384

/* ---- the few things of YAML that these files have ---- */

static bool begins_key(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct exported_text value_of(const char *text, size_t n, const char *key)
{
    const char *end = text + n;
    size_t length = strlen(key);
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *next = newline ? newline + 1 : end;
        if ((size_t)(end - line) > length && memcmp(line, key, length) == 0 && line[length] == ':') {
            while (next < end && !begins_key(*next)) {
                newline = memchr(next, '\n', (size_t)(end - next));
                next = newline ? newline + 1 : end;
            }
            line += length + 1;
            return (struct exported_text){line, (size_t)(next - line)};
        }
        line = next;
    }
    return (struct exported_text){NULL, 0};
}

void task_exported_yaml(const char *text, size_t n, struct task_exported *out)
{
    *out = (struct task_exported){value_of(text, n, "task"), value_of(text, n, "names"), value_of(text, n, "imgsz"),
                                  value_of(text, n, "kpt_shape")};
}

/* ---- numbers and names ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The next run of digits; -1 when there is none, or a large number. */
static long next_number(const char **at, const char *end)
{
    long value = 0;
    while (*at < end && !is_digit(**at))
        (*at)++;
    if (*at == end)
        return -1;
    for (; *at < end && is_digit(**at); (*at)++)
        value = value > MAX_LABELS ? value : 10 * value + (**at - '0');
    return value > MAX_LABELS ? -1 : value;
}

static bool two_numbers(const struct exported_text *t, long *first, long *second)
{
    const char *at = t->at, *end = t->at + t->size;
    if (!at)
        return false;
    *first = next_number(&at, end);
    *second = next_number(&at, end);
    return *first > 0 && *second > 0 && *first <= MAX_SIDE && *second <= MAX_SIDE;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A name in quotes of either kind, where a backslash keeps the next byte, or up to the end of the line or the entry.
 * What would be a line of its own among the labels becomes a blank. */
static bool read_name(const char **at, const char *end, struct text *out)
{
    const char *p = *at;
    char quote = p < end && (*p == '\'' || *p == '"') ? *p++ : 0;
    size_t before = out->size;
    for (; p < end && (quote ? *p != quote : *p != '\n' && *p != ',' && *p != '}'); p++) {
        if (quote && *p == '\\' && p + 1 < end)
            p++;
        text_add(out, (unsigned char)*p < 0x20 ? " " : p, 1);
    }
    if (quote && p == end)
        return false;
    *at = p + (quote != 0);
    return out->size > before || quote;
}

/* Names with their numbers, which count up from 0. */
static bool read_names(const struct exported_text *t, struct text *out)
{
    const char *at = t->at, *end = t->at + t->size;
    long count = 0;
    for (long number; at && (number = next_number(&at, end)) >= 0; count++) {
        if (at < end && (*at == '\'' || *at == '"')) /* "0": 'person', as JSON has it */
            at++;
        while (at < end && is_blank(*at))
            at++;
        if (number != count || at == end || *at++ != ':')
            return false;
        while (at < end && is_blank(*at))
            at++;
        text_puts(out, count ? "\n" : "");
        if (!read_name(&at, end, out))
            return false;
    }
    return count > 0;
}

static bool is_text(const struct exported_text *t, const char *word)
{
    const char *at = t->at, *end = t->at + t->size;
    while (at && at < end && is_blank(*at))
        at++;
    size_t n = strlen(word);
    if (!at || (size_t)(end - at) < n || memcmp(at, word, n) != 0)
        return false;
    for (at += n; at < end; at++)
        if (*at != '\n' && *at != '\r' && !is_blank(*at))
            return false;
    return true;
}

bool task_exported_read(const struct task_exported *e, struct text *recipe, struct text *task, struct text *labels)
{
    long height, width, points = 0, numbers = 3;
    bool classify = is_text(&e->task, "classify"), pose = is_text(&e->task, "pose");
    if (!classify && !pose && !is_text(&e->task, "detect") && !is_text(&e->task, "segment"))
        return false;
    if (!two_numbers(&e->size, &height, &width) || !read_names(&e->names, labels) ||
        (pose && (!two_numbers(&e->points, &points, &numbers) || numbers < 2 || numbers > 3 || points > 2000)))
        return false;
    text_puts(task, classify ? "classify" : "detect=yolo");
    if (pose)
        text_printf(task, ",points=%ld,order=%s", points, numbers == 2 ? "xy" : "xyv");
    if (classify)
        text_printf(recipe, "torchvision,resize=%ld,crop=%ldx%ld,rgb,std=255", height < width ? height : width, width,
                    height);
    else
        text_printf(recipe, "opencv,letterbox=%ldx%ld,rgb,std=255", width, height);
    return !recipe->failed && !task->failed && !labels->failed;
}
