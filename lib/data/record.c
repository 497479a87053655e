#include "data/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "parse/json.h"

#define MOST_PLACE  1e6 /* of a coordinate, in pixels */
#define MOST_FIELDS 4096

/* ---- both forms ---- */

static int add_field(struct data_record *r, const char *name, enum data_field_kind kind, const char *text)
{
    r->fields[r->count++] = (struct data_field){name, kind, text};
    return 0;
}

static bool is_number(const char *s, double *value)
{
    double v;
    if (!text_to_f64(s, strlen(s), &v) || !isfinite(v))
        return false;
    *value = v;
    return true;
}

/* Up to `most` numbers of a text that has these between them; how many there are, -1 when one is none. */
static int take_numbers(const char *text, const char *between, double *values, int most)
{
    int n = 0;
    while (*text) {
        size_t size = strcspn(text, between);
        if (n == most || !text_to_f64(text, size, &values[n]) || !(fabs(values[n]) <= MOST_PLACE))
            return -1;
        n++;
        text += size;
        text += *text != 0;
    }
    return n;
}

static int take_box(struct data_record *r, const char *text, struct error *err)
{
    double v[4];
    if (take_numbers(text, " ", v, 4) != 4)
        return error_set(err, "box '%.80s': want four numbers, up to 1e6: x0, y0, x1, y1", text);
    r->corners = 2;
    for (int i = 0; i < 2; i++) {
        r->x[i] = v[2 * i];
        r->y[i] = v[2 * i + 1];
    }
    return 0;
}

static void grow_box(struct data_record *r, double x, double y)
{
    r->x[0] = fmin(r->x[0], x);
    r->y[0] = fmin(r->y[0], y);
    r->x[1] = fmax(r->x[1], x);
    r->y[1] = fmax(r->y[1], y);
}

/* "x,y", or with a third number, up to a blank; how many numbers there are, -1 when it is none. */
static int next_point(const char **at, double v[3])
{
    char point[96];
    size_t size = strcspn(*at, " ");
    memcpy(point, *at, size < sizeof point ? size : 0);
    point[size < sizeof point ? size : 0] = 0;
    *at += size + ((*at)[size] != 0);
    return take_numbers(point, ",", v, 3);
}

static int take_polygon(struct data_record *r, const char *text, struct error *err)
{
    struct data_record box = {.x = {INFINITY, -INFINITY}, .y = {INFINITY, -INFINITY}};
    double v[3];
    int n = 0;
    for (const char *at = text; *at; n++) {
        if (next_point(&at, v) != 2)
            return error_set(err, "polygon '%.80s': want points x,y, up to 1e6", text);
        if (n < 4) {
            r->x[n] = v[0];
            r->y[n] = v[1];
        }
        grow_box(&box, v[0], v[1]);
    }
    if (n < 3)
        return error_set(err, "polygon '%.80s': want three points x,y or more", text);
    r->corners = n == 4 ? 4 : 2;
    for (int i = 0; i < 2 && n != 4; i++) {
        r->x[i] = box.x[i];
        r->y[i] = box.y[i];
    }
    return 0;
}

/* Key points; something else counts as none. A detector finds a few, which stay when a network of landmarks adds its
 * many. */
#define POINTS_FEW 8
static void take_points(struct data_record *r, const char *text)
{
    double v[3], x[DATA_RECORD_POINTS], y[DATA_RECORD_POINTS];
    size_t n = 0;
    for (; *text && next_point(&text, v) >= 2; n++)
        if (n < DATA_RECORD_POINTS)
            x[n] = v[0], y[n] = v[1];
    if (!n || *text || (r->point_count > 0 && n > POINTS_FEW))
        return;
    r->point_count = n;
    n = n < DATA_RECORD_POINTS ? n : DATA_RECORD_POINTS;
    memcpy(r->point_x, x, n * sizeof *x);
    memcpy(r->point_y, y, n * sizeof *y);
}

/* ---- fields between tabs ---- */

/* Undoes \t, \n and \\ in place. */
static int unescape(char *s, struct error *err)
{
    static const char from[] = "tn\\", into[] = "\t\n\\";
    char *to = s;
    for (; *s; s++) {
        const char *found = *s == '\\' && s[1] ? strchr(from, s[1]) : NULL;
        if (*s == '\\' && !found)
            return error_set(err, "a backslash: want \\t, \\n or \\\\");
        *to++ = found ? into[found - from] : *s;
        s += found != NULL;
    }
    *to = 0;
    return 0;
}

static char *join(struct data_record *r, char *const *words, int n, struct error *err)
{
    struct text t;
    text_init(&t);
    for (int i = 0; i < n; i++)
        text_printf(&t, i ? " %s" : "%s", words[i]);
    char *joined = t.failed ? NULL : arena_strndup(&r->arena, t.data, t.size, err);
    text_release(&t);
    return joined;
}

/* What a network found in the photo, behind its label and score; returns how many fields that takes, -1 on an error. */
static int take_place(struct data_record *r, char *const *word, size_t n, struct error *err)
{
    double v[4];
    if (n > 3 && strchr(word[3], ','))
        return take_polygon(r, word[3], err) < 0 ? -1 : add_field(r, "polygon", DATA_FIELD_POINTS, word[3]) + 1;
    for (int i = 3; i < 7; i++)
        if (n < 7 || !is_number(word[i], &v[i - 3]))
            return 0;
    char *box = join(r, word + 3, 4, err);
    return !box || take_box(r, box, err) < 0 ? -1 : add_field(r, "box", DATA_FIELD_BOX, box) + 4;
}

/* Behind the first answer, which takes `first` fields, path, label, score and a place, one of labels at the end: score,
 * index, label. */
static void note_last(struct data_record *r, char *const *word, size_t n, size_t first)
{
    double score;
    r->label = n > first ? word[n - 1] : NULL;
    r->score = n > 2 && is_number(word[n > first ? n - 3 : 2], &score) ? score : 0;
}

static int take_field(struct data_record *r, size_t i, char *word, struct error *err)
{
    static const char *const names[] = {"path", "label", "score"};
    double ignored;
    char name[32];
    snprintf(name, sizeof name, "field%zu", i + 1);
    if (i > 3 && strchr(word, ','))
        take_points(r, word);
    const char *copy = i < 3 ? names[i] : arena_strdup(&r->arena, name, err);
    return copy ? add_field(r, copy, i >= 2 && is_number(word, &ignored) ? DATA_FIELD_WORD : DATA_FIELD_TEXT, word)
                : -1;
}

static int take_words(struct data_record *r, char **word, size_t n, struct error *err)
{
    size_t first = 3;
    for (size_t i = 0; i < n;) {
        int taken = i == 3 ? take_place(r, word, n, err) : 0;
        if (taken < 0 || (taken == 0 && (unescape(word[i], err) < 0 || take_field(r, i, word[i], err) < 0)))
            return -1;
        first += (size_t)taken;
        i += taken ? (size_t)taken : 1;
    }
    r->path = word[0];
    note_last(r, word, n, first);
    return 0;
}

static int parse_text(struct data_record *r, const char *line, size_t size, struct error *err)
{
    size_t n = 1;
    char *copy = arena_strndup(&r->arena, line, size, err);
    for (char *c = copy; c && *c; c++)
        n += *c == '\t';
    if (n > MOST_FIELDS)
        return error_set(err, "%zu fields: want at most %d", n, MOST_FIELDS);
    char **word = copy ? arena_alloc(&r->arena, n * sizeof(char *), err) : NULL;
    r->fields = word ? arena_alloc(&r->arena, n * sizeof *r->fields, err) : NULL;
    if (!r->fields)
        return -1;
    for (size_t i = 0; i < n; i++)
        word[i] = strsep(&copy, "\t");
    return take_words(r, word, n, err);
}

/* ---- JSON ---- */

/* "1 2 3 4" of [1, 2, 3, 4], or "1,2 3,4" of [[1, 2], [3, 4]]; NULL when the array has another form. */
static char *flat_text(struct data_record *r, const struct json *j, const struct json_node *array, const char *line,
                       bool nested)
{
    struct text t;
    struct error ignored;
    bool good = array->kind == JSON_ARRAY && array->first;
    text_init(&t);
    for (const struct json_node *e = json_first(j, array); good && e; e = json_next(j, e)) {
        good = e->kind == (nested ? JSON_ARRAY : JSON_NUMBER);
        text_puts(&t, t.size ? " " : "");
        for (const struct json_node *v = nested ? json_first(j, e) : e; good && v;
             v = nested ? json_next(j, v) : NULL) {
            good = v->kind == JSON_NUMBER;
            text_puts(&t, nested && v != json_first(j, e) ? "," : "");
            text_add(&t, line + v->at, v->end - v->at);
        }
    }
    char *copy = good && !t.failed ? arena_strndup(&r->arena, t.data, t.size, &ignored) : NULL;
    text_release(&t);
    return copy;
}

/* Whether a name is this one, or this one with a number behind it, as that of an answer added later has. */
static bool is_called(const char *name, const char *what)
{
    size_t n = strlen(what);
    return strncmp(name, what, n) == 0 && strspn(name + n, "0123456789") == strlen(name + n);
}

static int add_member(struct data_record *r, const struct json *j, const struct json_node *m, const char *line,
                      struct error *err)
{
    char *box = is_called(m->key, "box") ? flat_text(r, j, m, line, false) : NULL;
    char *points = box ? NULL : flat_text(r, j, m, line, true);
    char *name = arena_strdup(&r->arena, m->key, err);
    char *text = m->kind == JSON_STRING ? arena_strdup(&r->arena, m->string, err)
                                        : arena_strndup(&r->arena, line + m->at, m->end - m->at, err);
    if (!name || !text)
        return -1;
    r->is_ranked |= is_called(name, "rank");
    if (is_called(name, "label") && (r->is_ranked || name[5]))
        r->label = m->kind == JSON_STRING ? text : NULL;
    if (m->kind == JSON_NUMBER && is_called(name, "score"))
        r->score = m->number;
    if (m->kind == JSON_STRING && strcmp(name, "path") == 0)
        r->path = text;
    if (is_called(name, "box") && take_box(r, box ? box : text, err) < 0)
        return -1;
    if (is_called(name, "polygon") && take_polygon(r, points ? points : text, err) < 0)
        return -1;
    if (is_called(name, "points") && points)
        take_points(r, points);
    return add_field(r, name,
                     box                      ? DATA_FIELD_BOX
                     : points                 ? DATA_FIELD_POINTS
                     : m->kind == JSON_STRING ? DATA_FIELD_TEXT
                     : m->kind >= JSON_ARRAY  ? DATA_FIELD_JSON
                                              : DATA_FIELD_WORD,
                     box      ? box
                     : points ? points
                              : text);
}

static int take_members(struct data_record *r, const struct json *j, const char *line, struct error *err)
{
    const struct json_node *object = &j->node[0];
    size_t n = 0;
    for (const struct json_node *m = json_first(j, object); m; m = json_next(j, m))
        n++;
    if (n > MOST_FIELDS)
        return error_set(err, "%zu fields: want at most %d", n, MOST_FIELDS);
    r->fields = arena_alloc(&r->arena, (n + 1) * sizeof *r->fields, err);
    int status = r->fields ? 0 : -1;
    for (const struct json_node *m = json_first(j, object); status == 0 && m; m = json_next(j, m))
        status = add_member(r, j, m, line, err);
    if (status == 0 && !r->path)
        status = error_set(err, "no \"path\": want that of a photo");
    return status;
}

static int parse_json(struct data_record *r, const char *line, size_t n, struct error *err)
{
    struct json j;
    if (json_parse(&j, line, n, err) < 0)
        return -1;
    int status = take_members(r, &j, line, err);
    json_release(&j);
    return status;
}

int data_record_parse(struct data_record *out, const char *line, size_t n, struct error *err)
{
    struct data_record r = {0};
    if (n == 0 || n > DATA_RECORD_BYTES || memchr(line, 0, n))
        return error_set(err, "a line of %zu bytes: want 1 to %d, none of them NUL", n, DATA_RECORD_BYTES);
    arena_init(&r.arena);
    int status = *line == '{' ? parse_json(&r, line, n, err) : parse_text(&r, line, n, err);
    if (status == 0)
        *out = r;
    else
        arena_release(&r.arena);
    return status;
}

void data_record_release(struct data_record *r)
{
    arena_release(&r->arena);
}
