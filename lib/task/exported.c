#include "task/exported.h"

#include <string.h>
#include <strings.h>

#include "parse/zip.h"

#define MAX_LABELS 65536
#define MAX_SIDE   16384
#define MAX_TEXT   (1 << 20)

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
                                  value_of(text, n, "kpt_shape"), value_of(text, n, "description")};
}

/* ---- JSON's objects and Python's, as these files have them ---- */

static bool is_quote(char c)
{
    return c == '\'' || c == '"';
}

/* Behind the value that begins here: a comma or bracket that is not its own. */
static const char *past_value(const char *p, const char *end)
{
    size_t depth = 0;
    for (char quote = 0; p < end; p++) {
        bool opens = *p == '{' || *p == '[' || *p == '(', closes = *p == '}' || *p == ']' || *p == ')';
        if (quote && *p == '\\')
            p++;
        else if (quote || is_quote(*p))
            quote = !quote ? *p : *p == quote ? 0 : quote;
        else if (depth == 0 && (*p == ',' || closes))
            return p;
        else
            depth += opens - closes;
    }
    return end;
}

/* What stands behind a key of the outermost object; a text without its quotes. */
static struct exported_text entry_of(const char *text, size_t n, const char *key)
{
    const char *end = text + n, *p = n ? memchr(text, '{', n) : NULL;
    size_t length = strlen(key);
    while (p && ++p < end) { /* behind the bracket or a comma */
        const char *next = past_value(p, end);
        while (p < next && !is_quote(*p))
            p++;
        const char *colon =
            (size_t)(next - p) > length + 2 ? memchr(p + length + 2, ':', (size_t)(next - p) - length - 2) : NULL;
        if (colon && memcmp(p + 1, key, length) == 0 && p[length + 1] == *p) {
            for (p = colon + 1; p < next && *p == ' ';)
                p++;
            bool quoted = next - p > 1 && is_quote(*p) && next[-1] == *p;
            return (struct exported_text){p + quoted, (size_t)(next - p) - 2 * quoted};
        }
        p = next < end && *next == ',' ? next : NULL;
    }
    return (struct exported_text){NULL, 0};
}

static bool has_end(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

struct blob *task_exported_member(struct blob *file)
{
    struct error ignored;
    struct zip *zip = zip_is(file) ? zip_open(file, &ignored) : NULL;
    size_t count = zip ? zip_count(zip) : 0, at = count == 1 ? 0 : count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(zip_name(zip, i), "metadata.json") == 0 || has_end(zip_name(zip, i), "/extra/config.txt"))
            at = i;
    struct blob *text = at < count ? zip_read(zip, at, MAX_TEXT, &ignored) : NULL;
    zip_close(zip);
    return text;
}

void task_exported_object(const char *text, size_t n, struct task_exported *out)
{
    *out = (struct task_exported){entry_of(text, n, "task"), entry_of(text, n, "names"), entry_of(text, n, "imgsz"),
                                  entry_of(text, n, "kpt_shape"), entry_of(text, n, "description")};
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
    if (!t->at)
        return false;
    const char *at = t->at, *end = at + t->size;
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
    for (long number; (number = next_number(&at, end)) >= 0; count++) {
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
    while (at < end && is_blank(*at))
        at++;
    size_t n = strlen(word);
    if ((size_t)(end - at) < n || memcmp(at, word, n) != 0)
        return false;
    for (at += n; at < end; at++)
        if (*at != '\n' && *at != '\r' && !is_blank(*at))
            return false;
    return true;
}

/* RT-DETR's predictor, which its description alone tells of, does not keep a photo's proportions. */
static bool is_rtdetr(const struct task_exported *e)
{
    static const char name[] = "rtdetr";
    const struct exported_text *t = &e->about;
    for (size_t i = 0; t->at && i + sizeof name - 1 <= t->size; i++)
        if (strncasecmp(t->at + i, name, sizeof name - 1) == 0)
            return true;
    return false;
}

/* What Ultralytics' predictors do by themselves, where their other defaults are ours. */
static const struct {
    const char *name, *task, *fit; /* fit NULL: the photo's middle */
} kinds[] = {{"detect", "detect=yolo,iou=0.7", "letterbox"},
             {"segment", "detect=yolo,iou=0.7", "letterbox"},
             {"pose", "detect=yolo,iou=0.7", "letterbox"},
             {"obb", "polygons=obb", "letterbox"},
             {"semantic", "mask", "letterbox"},
             {"depth", "picture,size=corners", "resize"},
             {"classify", "classify", NULL}};

bool task_exported_read(const struct task_exported *e, struct text *recipe, struct text *task, struct text *labels)
{
    long height, width, points = 0, numbers = 3;
    size_t kind = 0;
    if (!e->task.at || !e->names.at)
        return false;
    while (kind < sizeof kinds / sizeof *kinds && !is_text(&e->task, kinds[kind].name))
        kind++;
    bool pose = is_text(&e->task, "pose");
    if (kind == sizeof kinds / sizeof *kinds || !two_numbers(&e->size, &height, &width) ||
        !read_names(&e->names, labels) ||
        (pose && (!two_numbers(&e->points, &points, &numbers) || numbers < 2 || numbers > 3 || points > 2000)))
        return false;
    text_puts(task, kinds[kind].task);
    if (pose)
        text_printf(task, ",points=%ld,order=%s", points, numbers == 2 ? "xy" : "xyv");
    const char *fit = kinds[kind].fit;
    if (!fit)
        text_printf(recipe, "torchvision,resize=%ld,crop=%ldx%ld,rgb,std=255", height < width ? height : width, width,
                    height);
    else
        text_printf(recipe, "opencv,%s=%ldx%ld,rgb,std=255", is_rtdetr(e) ? "resize" : fit, width, height);
    return !recipe->failed && !task->failed && !labels->failed;
}
