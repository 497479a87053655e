/* Recipes out of the yml files beside Paddle's inference models: of PaddleClas, PaddleOCR, PaddleDetection, PaddleSeg
 * and PaddleX, ppcls/data/preprocess, ppocr/data/imaug, deploy/python/preprocess.py, paddleseg/transforms. */
#include <math.h>
#include <string.h>

#include "task/recipe_import.h"

/* The steps, wherever the file has them. */
static const struct json_node *find_steps(const struct import *m)
{
    static const char *const places[][2] = {
        {"PreProcess", "transform_ops"}, {"Deploy", "transforms"}, {"Preprocess", NULL}, {"transforms", NULL}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const struct json_node *n = import_get(m, places[i][0]);
        n = places[i][1] ? json_member(m->j, n, places[i][1]) : n;
        if (n && n->kind == JSON_ARRAY)
            return n;
    }
    return NULL;
}

bool import_is_paddle(const struct import *m)
{
    return find_steps(m) != NULL;
}

/* ---- steps: m->node holds the settings of each ---- */

static int add_nothing(struct import *m)
{
    (void)m;
    return 0;
}

static int add_colour(struct import *m)
{
    const char *mode = import_word(import_get(m, "img_mode"));
    text_puts(m->out, strcmp(mode, "BGR") == 0 ? ",bgr" : ",rgb");
    return 0;
}

/* OpenCV's numbers of its filters, or their names; `key` is how the step has it. */
static int add_filter(struct import *m, const char *key)
{
    static const char *const names[] = {"nearest", "bilinear", "bicubic", "area", "lanczos"};
    static const char *const others[] = {"NEAREST", "LINEAR", "CUBIC", "AREA", "LANCZOS4"};
    const struct json_node *n = import_get(m, key);
    if (!n || n->kind == JSON_NULL)
        return 0;
    for (int i = 0; i < 5; i++)
        if ((n->kind == JSON_NUMBER && n->number == i) || strcmp(import_word(n), names[i]) == 0 ||
            strcmp(import_word(n), others[i]) == 0) {
            if (i != 1) /* bilinear is what a step has of itself */
                text_printf(m->out, ",filter=%s", names[i]);
            return 0;
        }
    return error_set(m->err, "recipe: %s: want 0 to 4, a filter of OpenCV", key);
}

/* One number for both sides, or two; false when it is neither. */
static bool sides_of(const struct import *m, const char *key, int *first, int *second)
{
    *first = *second = import_side(m, key);
    return *first || import_pair(m, import_get(m, key), first, second);
}

/* PaddleClas. */
static int add_resize_image(struct import *m)
{
    int width, height, edge = import_side(m, "resize_short");
    if (strcmp(import_word(import_get(m, "backend")), "pil") == 0)
        return error_set(m->err, "recipe: ResizeImage: backend pil: want the steps written out");
    if (edge)
        text_printf(m->out, ",resize=%d", edge);
    else if (sides_of(m, "size", &width, &height))
        text_printf(m->out, ",resize=%dx%d", width, height);
    else
        return error_set(m->err, "recipe: ResizeImage: want size or resize_short");
    return add_filter(m, "interpolation");
}

static int add_crop_image(struct import *m)
{
    int width, height;
    if (!sides_of(m, "size", &width, &height))
        return error_set(m->err, "recipe: CropImage: want size");
    text_printf(m->out, ",crop=%dx%d", width, height);
    return 0;
}

/* PaddleDetection and PaddleSeg; the first has the height first. */
static int add_resize(struct import *m, bool height_first)
{
    int first, second;
    if (!sides_of(m, "target_size", &first, &second))
        return error_set(m->err, "recipe: Resize: want target_size");
    if (import_is_on(m, "keep_ratio", false))
        text_printf(m->out, ",resize=edges:%dx%d", first < second ? first : second, first < second ? second : first);
    else
        text_printf(m->out, ",resize=%dx%d", height_first ? second : first, height_first ? first : second);
    return add_filter(m, height_first ? "interp" : "interpolation");
}

static int add_resize_detection(struct import *m)
{
    return add_resize(m, true);
}

static int add_resize_segmentation(struct import *m)
{
    return add_resize(m, false);
}

static int add_edge(struct import *m, const char *key, const char *size)
{
    int side = import_side(m, key);
    if (!side)
        return error_set(m->err, "recipe: %s: want a number", key);
    text_printf(m->out, ",resize=%s:%d", size, side);
    return 0;
}

static int add_resize_by_short(struct import *m)
{
    return add_edge(m, "short_size", "short");
}

static int add_resize_by_long(struct import *m)
{
    return add_edge(m, "long_size", "long");
}

/* PaddleOCR's detector: sides are truncated, then rounded to multiples. */
int import_limits(struct import *m, const char *again, const char *round)
{
    int limit = import_side(m, "limit_side_len"), most = import_side(m, "max_side_limit");
    const char *type = import_word(import_get(m, "limit_type"));
    const char *size = strcmp(type, "resize_long") == 0 ? "long" : *type ? type : "min";
    if (strcmp(size, "min") != 0 && strcmp(size, "max") != 0 && strcmp(size, "long") != 0)
        return error_set(m->err, "recipe: limit_type: want min, max or resize_long");
    text_printf(m->out, ",resize=%s:%d:down%s", size, limit ? limit : 736, again);
    if (most)
        text_printf(m->out, ",resize=max:%d:down", most);
    text_printf(m->out, ",resize=multiple:32%s", round);
    return 0;
}

static int add_resize_for_test(struct import *m)
{
    int height, width, longest = import_side(m, "resize_long");
    if (import_pair(m, import_get(m, "image_shape"), &height, &width) && !import_is_on(m, "keep_ratio", false))
        text_printf(m->out, ",resize=%dx%d", width, height);
    else if (import_get(m, "image_shape"))
        return error_set(m->err, "recipe: DetResizeForTest: want image_shape of two sides, without keep_ratio");
    else if (longest)
        text_printf(m->out, ",resize=long:%d:down,resize=multiple:128:up", longest);
    else
        return import_limits(m, "", "");
    return 0;
}

/* To a height, and at least to a width, or to just that where it is the widest, by padding what is normalised. */
static int add_line(struct import *m, const char *key, bool is_widest)
{
    const struct json_node *shape = import_get(m, key);
    const struct json_node *n = shape && shape->kind == JSON_ARRAY ? json_first(m->j, shape) : NULL;
    int height = n && json_next(m->j, n) ? import_side_of(json_next(m->j, n)) : 0, width = 0;
    if (height && json_next(m->j, json_next(m->j, n)))
        width = import_side_of(json_next(m->j, json_next(m->j, n)));
    if (!height || !width)
        return error_set(m->err, "recipe: %s: want channels, height and width", key);
    text_printf(m->out, ",resize=height:%d:up", height);
    if (is_widest)
        text_printf(m->out, ",resize=clamp:%dx%d", width, height);
    text_printf(m->out, ",mean=127.5,std=127.5,pad=%dx%d:corner", width, height);
    return 0;
}

static int add_resize_for_recognition(struct import *m)
{
    return add_line(m, "image_shape", false);
}

/* A number, or a quotient such as 1./255. in quotes. */
static int add_scale(struct import *m, const struct json_node *n)
{
    const char *word = import_word(n), *slash = strchr(word, '/');
    double above = n->number, below = 1;
    size_t end = strlen(word);
    if (slash && word[end - 1] == '.')
        end--; /* as Python writes whole numbers */
    size_t before = slash ? (size_t)(slash - word) : end;
    if (slash && before && slash[-1] == '.')
        before--;
    bool quotient = *word && text_to_f64(word, before, &above) &&
                    (!slash || text_to_f64(slash + 1, (size_t)(word + end - slash - 1), &below));
    if ((n->kind != JSON_NUMBER && !quotient) || below == 0 || !isfinite(above / below))
        return error_set(m->err, "recipe: scale: want a number, or a quotient such as 1./255.");
    text_puts(m->out, ",scale=");
    text_f32(m->out, (float)(above / below));
    return 0;
}

static int add_normalize(struct import *m)
{
    const struct json_node *scale = import_get(m, "scale");
    bool plain = strcmp(import_word(import_get(m, "norm_type")), "none") == 0;
    if (scale && scale->kind != JSON_NULL) {
        if (add_scale(m, scale))
            return -1;
    } else if (import_is_on(m, "is_scale", true)) {
        text_puts(m->out, ",scale=");
        text_f32(m->out, 1.0f / 255);
    }
    if (plain)
        return 0;
    if (!import_get(m, "mean") && !import_get(m, "std")) {
        text_puts(m->out, ",mean=0.5,std=0.5");
        return 0;
    }
    return import_values(m, "mean", import_get(m, "mean")) || import_values(m, "std", import_get(m, "std")) ? -1 : 0;
}

static int add_pad_stride(struct import *m)
{
    int stride = import_side(m, "stride");
    if (stride > 1)
        text_printf(m->out, ",pad=multiple:%d:corner", stride);
    return 0;
}

/* PaddleDetection's, right and below, of what is not normalised yet. */
static int add_pad(struct import *m)
{
    const struct json_node *fill = import_get(m, "fill_value");
    int width, height;
    if (!import_pair(m, import_get(m, "size"), &height, &width))
        return error_set(m->err, "recipe: Pad: want size, height and width");
    text_printf(m->out, ",pad=%dx%d", width, height);
    for (const struct json_node *n = fill ? json_first(m->j, fill) : NULL; n; n = json_next(m->j, n))
        text_printf(m->out, ":%.0f", n->kind == JSON_NUMBER ? n->number : -1);
    text_puts(m->out, fill ? ":corner" : ":114:corner");
    return 0;
}

/* PaddleOCR's of tables: both sides truncated, and zeros around what is normalised. */
static int add_resize_table(struct import *m)
{
    int side = import_side(m, "max_len");
    text_printf(m->out, ",resize=fit:%dx%d:down", side ? side : 488, side ? side : 488);
    return 0;
}

static int add_pad_table(struct import *m)
{
    int width, height;
    if (!import_pair(m, import_get(m, "size"), &height, &width))
        return error_set(m->err, "recipe: PaddingTableImage: want size, height and width");
    text_printf(m->out, ",pad=%dx%d:corner", width, height);
    return 0;
}

static const struct step {
    const char *name;
    int (*add)(struct import *m);
} steps[] = {
    {"DecodeImage", add_colour},
    {"ResizeImage", add_resize_image},
    {"CropImage", add_crop_image},
    {"NormalizeImage", add_normalize},
    {"Normalize", add_normalize},
    {"Resize", add_resize_detection},
    {"ResizeByShort", add_resize_by_short},
    {"ResizeByLong", add_resize_by_long},
    {"DetResizeForTest", add_resize_for_test},
    {"RecResizeImg", add_resize_for_recognition},
    {"OCRReisizeNormImg", add_resize_for_recognition},
    {"PadStride", add_pad_stride},
    {"Pad", add_pad},
    {"ResizeTableImage", add_resize_table},
    {"PaddingTableImage", add_pad_table},
    {"TableLabelEncode", add_nothing},
    {"TableBoxEncode", add_nothing},
    {"ToCHWImage", add_nothing},
    {"Permute", add_nothing},
    {"KeepKeys", add_nothing},
    {"DetLabelEncode", add_nothing},
    {"CTCLabelEncode", add_nothing},
    {"MultiLabelEncode", add_nothing},
    {"ClsLabelEncode", add_nothing},
};

static int add_step(struct import *m, const char *name, bool segments)
{
    if (segments && strcmp(name, "Resize") == 0)
        return add_resize_segmentation(m);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(name, steps[i].name) == 0)
            return steps[i].add(m);
    return error_set(m->err, "recipe: %s: not known of Paddle: want the steps written out", name);
}

/* A step is an object with its name as "type", or one with its name as the only key. */
int import_paddle(struct import *m)
{
    const struct json_node *list = find_steps(m), *deploy = import_get(m, "Deploy");
    bool has_colour = false;
    text_puts(m->out, ",opencv");
    for (const struct json_node *n = json_first(m->j, list); n; n = json_next(m->j, n)) {
        const char *type = import_word(json_member(m->j, n, "type"));
        const struct json_node *only = n->kind == JSON_OBJECT ? json_first(m->j, n) : NULL;
        m->node = *type ? n : only;
        if (!m->node)
            return error_set(m->err, "recipe: a step of Paddle: want an object");
        has_colour |= strcmp(*type ? type : only->key, "DecodeImage") == 0;
        if (add_step(m, *type ? type : only->key, deploy != NULL))
            return -1;
    }
    text_puts(m->out, has_colour ? "" : ",rgb");
    return 0;
}

/* ---- RapidOCR's config.yaml: what it has for one of its three networks ---- */

/* What another section says of all photos. */
static bool add_rapid_sides(struct import *m)
{
    struct import all = *m;
    all.node = json_member(m->j, m->j->node, "Global");
    int ratio = import_side(&all, "width_height_ratio"), least = import_side(&all, "min_height");
    int most = import_is_on(&all, "use_preprocess_img", true) ? import_side(&all, "max_side_len") : 0;
    if (most)
        text_printf(m->out, ",resize=within:%dx32", most);
    if (ratio && least && import_is_on(&all, "use_vertical_padding", true))
        text_printf(m->out, ",pad=wide:%dx%d", ratio, least);
    return most > 0;
}

static int add_rapid_detector(struct import *m)
{
    if (import_limits(m, add_rapid_sides(m) ? ":again" : "", ""))
        return -1;
    text_puts(m->out, ",scale=");
    text_f32(m->out, 1.0f / 255);
    return import_values(m, "mean", import_get(m, "mean")) || import_values(m, "std", import_get(m, "std")) ? -1 : 0;
}

int import_rapid(struct import *m)
{
    text_puts(m->out, ",opencv,bgr");
    if (import_get(m, "cls_image_shape"))
        return add_line(m, "cls_image_shape", true);
    if (import_get(m, "limit_side_len"))
        return add_rapid_detector(m);
    return add_line(m, import_get(m, "rec_img_shape") ? "rec_img_shape" : "rec_image_shape", false);
}

bool import_is_rapid(const struct import *m)
{
    return import_get(m, "limit_side_len") || import_get(m, "cls_image_shape") || import_get(m, "rec_img_shape") ||
           import_get(m, "rec_image_shape");
}
