/* How a network wants pictures, and what its outputs are called: inference.yml (PaddleOCR, PaddleClas, PaddleX) and
 * infer_cfg.yml (PaddleDetection, PaddleSeg) beside it. Of YAML only what these files have is read: blocks of
 * "key: value" and "- item", each on a line. What is not known is left out. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/paddle/paddle.h"

#define MOST_KEYS   16
#define MOST_BYTES  (4 << 20)
#define MOST_LABELS (1 << 20)

struct line {
    size_t indent; /* of what follows the dash, where there is one */
    bool is_item;
    const char *key, *value; /* either may be empty */
    size_t key_size, value_size;
};

struct key {
    char name[32], text[32];
    float values[4];
    int count;
};

/* One step of the list of transformations. */
struct step {
    char type[48];
    struct key keys[MOST_KEYS];
    int count;
};

struct yaml {
    struct text recipe, labels;
    bool in_steps, in_labels, is_bgr, adds_blank;
    size_t section, list; /* indents: of the section's name, of its steps */
    struct step step;
    size_t label_count;
};

/* ---- lines ---- */

static void trim(const char **at, size_t *n)
{
    while (*n && strchr(" \t\r", **at)) {
        ++*at;
        --*n;
    }
    while (*n && strchr(" \t\r", (*at)[*n - 1]))
        --*n;
    if (*n > 1 && strchr("'\"", **at) && (*at)[*n - 1] == **at) {
        ++*at;
        *n -= 2;
    }
}

static bool read_line(const char *at, size_t n, struct line *l)
{
    *l = (struct line){0};
    while (n && (*at == ' ' || (*at == '-' && n > 1 && at[1] == ' ' && !l->is_item))) {
        l->is_item = l->is_item || *at == '-';
        l->indent++;
        at++;
        n--;
    }
    if (n == 0 || *at == '#')
        return false;
    const char *colon = strchr("'\"", *at) ? NULL : memchr(at, ':', n);
    if (colon && (colon == at + n - 1 || colon[1] == ' ' || colon[1] == '\r')) {
        l->key = at;
        l->key_size = (size_t)(colon - at);
        n -= l->key_size + 1;
        at = colon + 1;
    }
    l->value = at;
    l->value_size = n;
    trim(&l->value, &l->value_size);
    return true;
}

static bool is(const struct line *l, const char *name)
{
    return l->key && strlen(name) == l->key_size && memcmp(l->key, name, l->key_size) == 0;
}

/* ---- steps ---- */

static const struct key *find(const struct step *s, const char *name)
{
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->keys[i].name, name) == 0)
            return &s->keys[i];
    return NULL;
}

static float value(const struct step *s, const char *name, float otherwise)
{
    const struct key *k = find(s, name);
    return k && k->count ? k->values[0] : otherwise;
}

static bool says(const struct step *s, const char *name, const char *text)
{
    const struct key *k = find(s, name);
    return k && strcmp(k->text, text) == 0;
}

static void add_values(struct text *t, const char *name, const struct key *k)
{
    if (!k || (k->count != 1 && k->count != 3))
        return;
    for (int i = 0; i < k->count; i++) {
        text_printf(t, i ? ":" : ",%s=", name);
        text_f32(t, k->values[i]);
    }
}

/* Behind the name two sides, of which the file has the height first where it says so. */
static void add_size(struct text *t, const char *name, const struct key *k, bool height_first)
{
    int a = k && k->count && k->values[0] >= 1 && k->values[0] < 65536 ? (int)k->values[0] : 0;
    int b = k && k->count > 1 && k->values[1] >= 1 && k->values[1] < 65536 ? (int)k->values[1] : a;
    if (a)
        text_printf(t, ",%s%dx%d", name, height_first ? b : a, height_first ? a : b);
}

static void add_normalize(struct text *t, const struct step *s)
{
    const struct key *scale = find(s, "scale");
    bool scaled = scale ? scale->count == 1 || *scale->text : !says(s, "is_scale", "false");
    if (scaled) {
        text_puts(t, ",scale=");
        text_f32(t, scale && scale->count ? scale->values[0] : 1.0f / 255);
    }
    if (!says(s, "norm_type", "none")) {
        add_values(t, "mean", find(s, "mean"));
        add_values(t, "std", find(s, "std"));
    }
}

static void add_resize(struct text *t, const struct step *s)
{
    static const char *const filters[] = {"nearest", "bilinear", "bicubic", "area"};
    int filter = (int)value(s, "interp", 1);
    const struct key *target = find(s, "target_size");
    add_size(t, says(s, "keep_ratio", "true") ? "resize=fit:" : "resize=", target, true);
    if (find(s, "resize_short"))
        text_printf(t, ",resize=%d", (int)value(s, "resize_short", 0));
    else if (find(s, "resize_long"))
        text_printf(t, ",resize=long:%d", (int)value(s, "resize_long", 0));
    else
        add_size(t, "resize=", find(s, "size"), false);
    if (filter != 1 && filter >= 0 && filter < 4)
        text_printf(t, ",filter=%s", filters[filter]);
}

static void end_step(struct yaml *y)
{
    const struct step *s = &y->step;
    struct text *t = &y->recipe;
    const struct key *shape = find(s, "image_shape");
    if (strcmp(s->type, "Resize") == 0 || strcmp(s->type, "ResizeImage") == 0)
        add_resize(t, s);
    else if (strcmp(s->type, "CropImage") == 0)
        add_size(t, "crop=", find(s, "size"), false);
    else if (strncmp(s->type, "Normalize", 9) == 0)
        add_normalize(t, s);
    else if (strcmp(s->type, "PadStride") == 0 && value(s, "stride", 0) >= 1)
        text_printf(t, ",pad=multiple:%d:0:corner", (int)value(s, "stride", 1));
    else if (strcmp(s->type, "RecResizeImg") == 0 && shape && shape->count == 3)
        text_printf(t, ",resize=height:%d", (int)shape->values[1]);
    y->is_bgr = y->is_bgr || says(s, "img_mode", "BGR");
    y->step = (struct step){0};
}

/* A value of the newest key of the step: numbers of a list stand on lines of their own, or in brackets. */
static void add_value(struct step *s, const char *at, size_t n)
{
    struct key *k = s->count ? &s->keys[s->count - 1] : NULL;
    const char *end = at + n;
    if (!k || n == 0)
        return;
    snprintf(k->text, sizeof(k->text), "%.*s", (int)(n < 31 ? n : 31), at);
    while (at < end && k->count < 4) {
        double f;
        while (at < end && strchr("[], ", *at))
            at++;
        const char *stop = at;
        while (stop < end && !strchr("[], ", *stop))
            stop++;
        if (text_to_f64(at, (size_t)(stop - at), &f))
            k->values[k->count++] = (float)f;
        at = stop;
    }
}

static void read_step_line(struct yaml *y, const struct line *l)
{
    struct step *s = &y->step;
    if (l->key && l->is_item && (y->list == 0 || l->indent == y->list)) {
        end_step(y);
        y->list = l->indent;
        snprintf(s->type, sizeof(s->type), "%.*s", (int)(l->key_size < 47 ? l->key_size : 47), l->key);
    }
    if (!l->key) {
        add_value(s, l->value, l->value_size);
        return;
    }
    if (is(l, "type"))
        snprintf(s->type, sizeof(s->type), "%.*s", (int)(l->value_size < 47 ? l->value_size : 47), l->value);
    if (s->count == MOST_KEYS)
        return;
    snprintf(s->keys[s->count++].name, sizeof(s->keys[0].name), "%.*s", (int)(l->key_size < 31 ? l->key_size : 31),
             l->key);
    add_value(s, l->value, l->value_size);
}

/* ---- the file ---- */

static void add_label(struct yaml *y, const char *name, size_t n)
{
    if (y->label_count++)
        text_add(&y->labels, "\n", 1);
    text_add(&y->labels, name, n);
}

/* Sections end where a line stands no deeper than their names, unless it is an item. */
static void read_any(struct yaml *y, const struct line *l)
{
    bool inside = (y->in_steps || y->in_labels) && l->indent > y->section;
    if (y->in_steps && !inside)
        end_step(y);
    y->in_steps = y->in_steps && inside;
    y->in_labels = y->in_labels && inside && l->is_item;
    if (y->in_steps) {
        read_step_line(y, l);
    } else if (y->in_labels && y->label_count < MOST_LABELS) {
        const char *from = l->key ? l->key : l->value;
        add_label(y, from, (size_t)(l->value + l->value_size - from));
    } else if (is(l, "Preprocess") || is(l, "transform_ops") || is(l, "PreProcess") || is(l, "Transforms")) {
        y->in_steps = !is(l, "PreProcess");
        y->section = l->indent;
        y->list = 0;
    } else if ((is(l, "label_list") || is(l, "character_dict")) && l->value_size == 0 && y->label_count == 0) {
        y->in_labels = true;
        y->section = l->indent;
        if ((y->adds_blank = is(l, "character_dict")))
            add_label(y, "blank", 5);
    }
}

static void set(struct paddle_reader *r, const char *name, const struct text *t)
{
    if (t->size)
        build_check(&r->b, !r->b.failed && graph_set_property(r->b.graph, name, t->data, t->size, r->b.err) == 0);
}

static void read_yaml(struct paddle_reader *r, const char *at, size_t n)
{
    struct yaml y = {0};
    struct text whole;
    struct line l;
    text_init(&y.recipe);
    text_init(&y.labels);
    text_init(&whole);
    for (const char *end = at + n; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (read_line(at, (size_t)(stop - at), &l))
            read_any(&y, &l);
        at = stop + 1;
    }
    if (y.in_steps)
        end_step(&y);
    if (y.adds_blank)
        add_label(&y, " ", 1);
    if (y.recipe.size)
        text_printf(&whole, "opencv,%s%s", y.is_bgr ? "bgr" : "rgb", y.recipe.data);
    if (y.recipe.failed || y.labels.failed || whole.failed)
        build_check(&r->b, error_memory(r->b.err) == 0);
    set(r, "recipe", &whole);
    set(r, "labels", &y.labels);
    text_release(&y.recipe);
    text_release(&y.labels);
    text_release(&whole);
}

/* The files are called so beside a model that has its usual name. */
void paddle_read_recipe(struct paddle_reader *r)
{
    static const char *const names[] = {"inference.yml", "infer_cfg.yml"};
    const char *path = r->source->path ? r->source->path : "", *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    struct error ignored;
    struct blob *blob = NULL;
    if (!r->source->is_folder && strncmp(name, "inference.", 10) != 0 && strncmp(name, "model.", 6) != 0)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !blob; i++)
        blob = source_member(r->source, names[i], &ignored);
    if (blob && blob->size <= MOST_BYTES && !memchr(blob->data, 0, blob->size))
        read_yaml(r, blob->data, blob->size);
    blob_unref(blob);
}
