/* Recipes out of the files that exporters leave beside a network: Hugging Face's preprocessor_config.json and timm's
 * config.json. */
#include <math.h>
#include <string.h>

#include "parse/json.h"
#include "task/recipe.h"

struct import {
    const struct json *j;
    const struct json_node *node; /* the object that holds the settings */
    struct text *out;             /* each key behind a comma */
    struct error *err;
};

static const struct json_node *get(const struct import *m, const char *key)
{
    return json_member(m->j, m->node, key);
}

/* A switch; when it is absent, `absent`. */
static bool is_on(const struct import *m, const char *key, bool absent)
{
    const struct json_node *n = get(m, key);
    return n && n->kind <= JSON_TRUE ? n->kind == JSON_TRUE : absent;
}

/* A side in pixels; 0 when it is none. */
static int side_of(const struct json_node *n)
{
    bool whole = n && n->kind == JSON_NUMBER && n->number >= 1 && n->number <= IMAGE_MAX_SIDE;
    return whole ? (int)n->number : 0;
}

static int side(const struct import *m, const struct json_node *object, const char *key)
{
    return side_of(json_member(m->j, object, key));
}

/* One number, or an array of one or three. */
static int add_values(struct import *m, const char *key, const struct json_node *n)
{
    const struct json_node *first = n && n->kind == JSON_ARRAY ? json_first(m->j, n) : n;
    int count = 0;
    text_printf(m->out, ",%s", key);
    for (const struct json_node *v = first; v; v = n->kind == JSON_ARRAY ? json_next(m->j, v) : NULL) {
        if (v->kind != JSON_NUMBER)
            return error_set(m->err, "recipe: %s: want numbers", key);
        text_puts(m->out, count++ ? ":" : "=");
        text_f32(m->out, (float)v->number);
    }
    return count == 1 || count == 3 ? 0 : error_set(m->err, "recipe: %s of %d values: want 1 or 3", key, count);
}

static int add_mean_std(struct import *m, const char *mean, const char *std)
{
    return add_values(m, "mean", get(m, mean)) || add_values(m, "std", get(m, std)) ? -1 : 0;
}

/* ---- Hugging Face: transformers, image_processing_*.py ---- */

/* PIL's numbers of its filters. */
static int add_resample(struct import *m)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box"};
    const struct json_node *n = get(m, "resample");
    if (!n || n->kind == JSON_NULL)
        return 0;
    for (int i = 0; i < 5; i++)
        if (n->kind == JSON_NUMBER && n->number == i) {
            text_printf(m->out, ",filter=%s", names[i]);
            return 0;
        }
    return error_set(m->err, "recipe: resample: want 0 to 4, a filter of PIL");
}

/* The sides that a size or crop_size names, a number being both; 0 when it names no pair. */
static bool pair_of(const struct import *m, const struct json_node *n, int *width, int *height)
{
    bool number = n && n->kind == JSON_NUMBER;
    *width = number ? side_of(n) : side(m, n, "width");
    *height = number ? side_of(n) : side(m, n, "height");
    return *width && *height;
}

/* A plain number is a square for the processors that do not crop, and the short side for those that do. The other side
 * is truncated. */
static int add_resize(struct import *m, bool crops)
{
    const struct json_node *size = get(m, "size");
    int width, height, most = side(m, size, "longest_edge");
    int shortest = crops && side_of(size) ? side_of(size) : side(m, size, "shortest_edge");
    if (shortest)
        text_printf(m->out, ",resize=%d:down", shortest);
    if (shortest && most)
        text_printf(m->out, ",resize=max:%d", most);
    else if (most)
        text_printf(m->out, ",resize=long:%d:down", most);
    else if (!shortest && pair_of(m, size, &width, &height))
        text_printf(m->out, ",resize=%dx%d", width, height);
    else if (!shortest)
        return error_set(m->err, "recipe: size: want a number, shortest_edge, longest_edge, or height and width");
    return add_resample(m);
}

static int add_crop(struct import *m)
{
    int width, height;
    const struct json_node *n = get(m, "crop_size");
    if (!pair_of(m, n ? n : get(m, "size"), &width, &height))
        return error_set(m->err, "recipe: crop_size: want a number, or height and width");
    text_printf(m->out, ",crop=%dx%d", width, height);
    return 0;
}

static int import_hugging_face(struct import *m)
{
    bool crops = is_on(m, "do_center_crop", false);
    const struct json_node *factor = get(m, "rescale_factor");
    if (get(m, "crop_pct") && get(m, "crop_pct")->kind != JSON_NULL)
        return error_set(m->err, "recipe: crop_pct in a preprocessor: want the steps written out, resize=N,crop=M");
    if (is_on(m, "do_pad", false))
        return error_set(m->err, "recipe: do_pad in a preprocessor: want the steps written out, resize=...,pad=WxH");
    if (is_on(m, "do_resize", get(m, "size") != NULL) && add_resize(m, crops))
        return -1;
    if (crops && add_crop(m))
        return -1;
    text_puts(m->out, is_on(m, "do_flip_channel_order", false) ? ",bgr" : ",rgb");
    if (is_on(m, "do_rescale", true)) {
        text_puts(m->out, ",scale=");
        text_f32(m->out, factor && factor->kind == JSON_NUMBER ? (float)factor->number : 1.0f / 255);
    }
    bool normalises = is_on(m, "do_normalize", get(m, "image_mean") != NULL);
    return normalises ? add_mean_std(m, "image_mean", "image_std") : 0;
}

/* ---- timm: data/transforms_factory.py, as for evaluation ---- */

static int import_timm(struct import *m)
{
    const struct json_node *size = get(m, "input_size"), *share = get(m, "crop_pct"), *mode = get(m, "crop_mode");
    const struct json_node *filter = get(m, "interpolation");
    const struct json_node *rows = json_first(m->j, size), *height = rows ? json_next(m->j, rows) : NULL;
    int n = side_of(height), width = height ? side_of(json_next(m->j, height) ? json_next(m->j, height) : NULL) : 0;
    double part = share && share->kind == JSON_NUMBER ? share->number : 0.875;
    bool squashes = mode && mode->kind == JSON_STRING && strcmp(mode->string, "squash") == 0;
    if (!n || n != width || !(part > 0.01 && part <= 1))
        return error_set(m->err, "recipe: input_size, crop_pct: want 3 numbers for a square, and a share of 0.01 to 1");
    if (mode && !squashes && !(mode->kind == JSON_STRING && strcmp(mode->string, "center") == 0))
        return error_set(m->err, "recipe: crop_mode: want center or squash");
    int scaled = (int)floor(n / part);
    text_printf(m->out, squashes ? ",torchvision,resize=%dx%d" : ",torchvision,resize=%d", scaled, scaled);
    text_printf(m->out, ",crop=%d", n);
    if (filter && filter->kind == JSON_STRING)
        text_printf(m->out, ",filter=%s", filter->string);
    text_puts(m->out, ",rgb,scale=");
    text_f32(m->out, 1.0f / 255);
    return add_mean_std(m, "mean", "std");
}

/* ---- which of these ---- */

static int import(struct import *m)
{
    const struct json_node *timm = get(m, "pretrained_cfg");
    if (timm)
        m->node = timm;
    if (get(m, "input_size") && get(m, "mean"))
        return import_timm(m);
    if (get(m, "image_mean") || get(m, "do_resize") || get(m, "do_rescale") || get(m, "do_normalize"))
        return import_hugging_face(m);
    return error_set(m->err, "recipe: want a preprocessor_config.json of Hugging Face or a config.json of timm");
}

int recipe_import(const char *bytes, size_t n, struct recipe *out, struct error *err)
{
    struct json j;
    struct text t;
    if (json_parse(&j, bytes, n, err))
        return -1;
    text_init(&t);
    struct import m = {&j, j.node, &t, err};
    int failed = import(&m);
    if (!failed)
        failed = t.failed ? error_memory(err) : recipe_parse(t.data + 1, t.size - 1, out, err);
    text_release(&t);
    json_release(&j);
    return failed;
}
