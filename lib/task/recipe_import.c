/* Recipes out of the files that exporters leave beside a network, and timm's config.json among them. */
#include "task/recipe_import.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "parse/yaml.h"

const struct json_node *import_get(const struct import *m, const char *key)
{
    return json_member(m->j, m->node, key);
}

bool import_is_on(const struct import *m, const char *key, bool absent)
{
    const struct json_node *n = import_get(m, key);
    return n && n->kind <= JSON_TRUE ? n->kind == JSON_TRUE : absent;
}

const char *import_word(const struct json_node *n)
{
    return n && n->kind == JSON_STRING ? n->string : "";
}

int import_side_of(const struct json_node *n)
{
    bool whole = n && n->kind == JSON_NUMBER && n->number >= 1 && n->number <= IMAGE_MAX_SIDE;
    return whole ? (int)n->number : 0;
}

int import_side(const struct import *m, const char *key)
{
    return import_side_of(import_get(m, key));
}

bool import_pair(const struct import *m, const struct json_node *n, int *first, int *second)
{
    const struct json_node *a = n && n->kind == JSON_ARRAY ? json_first(m->j, n) : NULL;
    *first = import_side_of(a);
    *second = a ? import_side_of(json_next(m->j, a)) : 0;
    return *first && *second;
}

int import_values(struct import *m, const char *key, const struct json_node *n)
{
    bool many = n && n->kind == JSON_ARRAY;
    const struct json_node *at[4];
    int count = 0;
    for (const struct json_node *v = many ? json_first(m->j, n) : n; v && count < 4;
         v = many ? json_next(m->j, v) : NULL)
        at[count++] = v;
    text_printf(m->out, ",%s", key);
    for (int i = 0; i < count; i++) {
        const struct json_node *v = at[m->turned ? count - 1 - i : i];
        if (v->kind != JSON_NUMBER)
            return error_set(m->err, "recipe: %s: want numbers", key);
        text_puts(m->out, i ? ":" : "=");
        text_f32(m->out, (float)v->number);
    }
    return count == 1 || count == 3 ? 0 : error_set(m->err, "recipe: %s of %d values: want 1 or 3", key, count);
}

/* ---- timm: data/transforms_factory.py, as for evaluation; open_clip: transform.py, which is much the same ---- */

/* Part of a picture of width x height, a share of which is kept: of one squeezed, or of one that fits inside, padded
 * with `fill`, "" or ":R:G:B" of 0 to 255, or of one that covers. */
static int add_fitted(struct import *m, int width, int height, double share, const char *mode, const char *fill)
{
    int w = (int)floor(width / share), h = (int)floor(height / share);
    bool squeezes = strcmp(mode, "squash") == 0, fits = strcmp(mode, "border") == 0 || strcmp(mode, "longest") == 0;
    if (!squeezes && !fits && *mode && strcmp(mode, "center") != 0 && strcmp(mode, "shortest") != 0)
        return error_set(m->err, "recipe: crop_mode, resize_mode: want center, shortest, squash, border or longest");
    text_puts(m->out, ",torchvision");
    if (squeezes)
        text_printf(m->out, ",resize=%dx%d", w, h);
    else if (fits)
        text_printf(m->out, ",resize=fit:%dx%d:near,pad=%dx%d%s", w, h, width, height, fill);
    else if (w == h)
        text_printf(m->out, ",resize=%d", w);
    else
        text_printf(m->out, ",resize=cover:%dx%d:near", w, h);
    text_printf(m->out, ",crop=%dx%d", width, height);
    return 0;
}

static int add_normalised(struct import *m)
{
    const char *filter = import_word(import_get(m, "interpolation"));
    if (*filter)
        text_printf(m->out, ",filter=%s", filter);
    text_puts(m->out, ",rgb,scale=");
    text_f32(m->out, 1.0f / 255);
    return import_values(m, "mean", import_get(m, "mean")) || import_values(m, "std", import_get(m, "std")) ? -1 : 0;
}

static int import_timm(struct import *m)
{
    const struct json_node *size = import_get(m, "input_size"), *share = import_get(m, "crop_pct");
    const struct json_node *channels = json_first(m->j, size), *sides = channels ? json_next(m->j, channels) : NULL;
    const struct json_node *mean = import_get(m, "mean"), *v = mean ? json_first(m->j, mean) : NULL;
    int height = import_side_of(sides), width = sides ? import_side_of(json_next(m->j, sides)) : 0;
    double part = share && share->kind == JSON_NUMBER ? share->number : 0.875;
    char fill[64] = "";
    for (size_t n = 0; v && n < 40; v = json_next(m->j, v))
        n += (size_t)snprintf(fill + n, sizeof fill - n, ":%.0f", v->kind == JSON_NUMBER ? rint(255 * v->number) : 0);
    if (!height || !width || !(part > 0.01 && part <= 2))
        return error_set(m->err, "recipe: input_size, crop_pct: want 3 numbers, and a share of 0.01 to 2");
    return add_fitted(m, width, height, part, import_word(import_get(m, "crop_mode")), fill) ? -1 : add_normalised(m);
}

/* m->node has "preprocess_cfg", of which anything may be missing, and "model_cfg". */
static int import_open_clip(struct import *m)
{
    const struct json_node *vision = json_member(m->j, import_get(m, "model_cfg"), "vision_cfg");
    const struct json_node *usual = json_member(m->j, vision, "image_size");
    m->node = import_get(m, "preprocess_cfg");
    const struct json_node *size = import_get(m, "size") ? import_get(m, "size") : usual;
    int width = import_side_of(size), height = width, level = import_side_of(import_get(m, "fill_color"));
    char colour[16];
    snprintf(colour, sizeof colour, ":%d", level);
    if (!width && !import_pair(m, size, &height, &width))
        return error_set(m->err, "recipe: size: want a number, or height and width");
    if (add_fitted(m, width, height, 1, import_word(import_get(m, "resize_mode")), colour))
        return -1;
    text_puts(m->out, import_get(m, "interpolation") ? "" : ",filter=bicubic");
    return add_normalised(m);
}

/* ---- which of these ---- */

static int import(struct import *m)
{
    const struct json_node *timm = import_get(m, "pretrained_cfg");
    if (timm)
        m->node = timm;
    if (import_get(m, "preprocess_cfg"))
        return import_open_clip(m);
    if (import_get(m, "input_size") && import_get(m, "mean"))
        return import_timm(m);
    if (import_get(m, "image_mean") || import_get(m, "do_resize") || import_get(m, "do_rescale") ||
        import_get(m, "do_normalize"))
        return import_hugging_face(m);
    if (import_is_paddle(m))
        return import_paddle(m);
    if (import_is_rapid(m))
        return import_rapid(m);
    if (import_get(m, "Det") && import_get(m, "Rec"))
        return error_set(m->err, "recipe: is for several networks: want FILE:Det, FILE:Cls or FILE:Rec");
    return error_set(m->err,
                     "recipe: want a preprocessor_config.json of Hugging Face, a config.json of timm or open_clip, "
                     "the yml of Paddle's inference or the config.yaml of RapidOCR");
}

static bool is_json(const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n'))
        i++;
    return i < n && (bytes[i] == '{' || bytes[i] == '[');
}

int recipe_import(const char *bytes, size_t n, const char *part, struct recipe *out, struct error *err)
{
    struct json j;
    struct text t;
    if (n == 0)
        return error_set(err, "is empty: want settings in JSON or YAML");
    if ((is_json(bytes, n) ? json_parse : yaml_parse)(&j, bytes, n, err))
        return -1;
    text_init(&t);
    struct import m = {&j, part ? json_member(&j, j.node, part) : j.node, &t, err, false};
    int failed = m.node ? import(&m) : error_set(err, "recipe: has no '%s' that is an object", part);
    if (!failed)
        failed = t.failed ? error_memory(err) : recipe_parse(t.data + 1, t.size - 1, out, err);
    text_release(&t);
    json_release(&j);
    return failed;
}
