/* The text of a recipe. To add a key: a row in `keys`, a field of struct recipe; a step: see recipe_step.c. */
#include <math.h>
#include <string.h>

#include "task/recipe_text.h"

const char *const recipe_size_names[] = {
    [RECIPE_EXACT] = "",          [RECIPE_SHORT] = "short",       [RECIPE_LONG] = "long",
    [RECIPE_WIDTH] = "width",     [RECIPE_HEIGHT] = "height",     [RECIPE_MIN] = "min",
    [RECIPE_MAX] = "max",         [RECIPE_MULTIPLE] = "multiple", [RECIPE_FIT] = "fit",
    [RECIPE_CLAMP] = "clamp",     [RECIPE_EDGES] = "edges",       [RECIPE_COVER] = "cover",
    [RECIPE_CLOSEST] = "closest", [RECIPE_WIDE] = "wide",         [RECIPE_ASPECT] = "aspect",
    [RECIPE_OVER] = "over",       [RECIPE_ROOT] = "root",         [RECIPE_WITHIN] = "within",
    [RECIPE_PART] = "part",
};
const char *const recipe_mirror_names[] = {"", "mirror", "reflect"};
const char *const recipe_round_names[] = {
    [RECIPE_ROUND_DEFAULT] = "", [RECIPE_ROUND_NEAR] = "near", [RECIPE_ROUND_DOWN] = "down", [RECIPE_ROUND_UP] = "up"};
const char *const recipe_kind_names[] = {
    [RECIPE_RESIZE] = "resize", [RECIPE_CROP] = "crop",         [RECIPE_LETTERBOX] = "letterbox",
    [RECIPE_PAD] = "pad",       [RECIPE_MEAN] = "mean",         [RECIPE_STD] = "std",
    [RECIPE_SCALE] = "scale",   [RECIPE_QUANTIZE] = "quantize",
};
const char *const recipe_library_names[] = {
    [RECIPE_PIL] = "pil",       [RECIPE_TORCHVISION] = "torchvision", [RECIPE_TORCH] = "torch",
    [RECIPE_OPENCV] = "opencv", [RECIPE_TENSORFLOW] = "tensorflow",
};
const char *const recipe_filter_names[] = {
    [RECIPE_BILINEAR] = "bilinear", [RECIPE_BICUBIC] = "bicubic",
    [RECIPE_NEAREST] = "nearest",   [RECIPE_BILINEAR_NOAA] = "bilinear-noaa",
    [RECIPE_LANCZOS] = "lanczos",   [RECIPE_BOX] = "box",
    [RECIPE_AREA] = "area",         [RECIPE_HAMMING] = "hamming",
    [RECIPE_LANCZOS5] = "lanczos5", [RECIPE_GAUSSIAN] = "gaussian",
    [RECIPE_MITCHELL] = "mitchell",
};
const char *const recipe_grid_names[] = {
    [IMAGE_GRID_HALF] = "half", [IMAGE_GRID_LEGACY] = "legacy", [IMAGE_GRID_CORNERS] = "corners"};
const char *const recipe_colour_names[] = {
    [RECIPE_AS_INPUT] = "",
    [RECIPE_RGB] = "rgb",
    [RECIPE_BGR] = "bgr",
    [RECIPE_GRAY] = "gray",
    [RECIPE_GRAY_RESIZED] = "gray-resized",
};
const char *const recipe_layout_names[] = {[RECIPE_GUESS] = "", [RECIPE_NCHW] = "nchw", [RECIPE_NHWC] = "nhwc"};
const char *const recipe_dtype_names[] = {[RECIPE_F32] = "f32", [RECIPE_U8] = "u8", [RECIPE_I8] = "i8"};

/* Of each library; NO: it has none. */
#define NO -1
static const int image_filters[][RECIPE_TENSORFLOW + 1] = {
    /* pil, torchvision, torch, opencv, tensorflow */
    [RECIPE_BILINEAR] = {IMAGE_BILINEAR, IMAGE_BILINEAR, IMAGE_TORCH_BILINEAR, IMAGE_CV_LINEAR, IMAGE_TF_BILINEAR},
    [RECIPE_BICUBIC] = {IMAGE_BICUBIC, IMAGE_BICUBIC, IMAGE_TORCH_BICUBIC, IMAGE_CV_CUBIC, IMAGE_TF_BICUBIC},
    [RECIPE_NEAREST] = {IMAGE_NEAREST, IMAGE_NEAREST, NO, IMAGE_CV_NEAREST, IMAGE_TF_NEAREST},
    [RECIPE_BILINEAR_NOAA] = {IMAGE_BILINEAR_PLAIN, IMAGE_BILINEAR_PLAIN, NO, NO, NO},
    [RECIPE_LANCZOS] = {IMAGE_LANCZOS, IMAGE_LANCZOS, NO, IMAGE_CV_LANCZOS, IMAGE_TF_LANCZOS3},
    [RECIPE_BOX] = {IMAGE_BOX, IMAGE_BOX, NO, NO, NO},
    [RECIPE_AREA] = {NO, NO, NO, IMAGE_CV_AREA, IMAGE_TF_AREA},
    [RECIPE_HAMMING] = {IMAGE_HAMMING, IMAGE_HAMMING, NO, NO, NO},
    [RECIPE_LANCZOS5] = {NO, NO, NO, NO, IMAGE_TF_LANCZOS5},
    [RECIPE_GAUSSIAN] = {NO, NO, NO, NO, IMAGE_TF_GAUSSIAN},
    [RECIPE_MITCHELL] = {NO, NO, NO, NO, IMAGE_TF_MITCHELL},
};

int recipe_image_filter(const struct recipe *r)
{
    return image_filters[r->filter][r->library];
}

/* ---- settings ---- */

static int set_exif(struct recipe *r, struct slice v)
{
    r->as_stored = slice_is(v, "no");
    return r->as_stored || slice_is(v, "yes") ? 0 : -1;
}

static int set_antialias(struct recipe *r, struct slice name)
{
    (void)name;
    r->antialias = true;
    return 0;
}

static int set_input(struct recipe *r, struct slice v)
{
    char name[3 * sizeof r->input];
    if (v.n < 1 || v.n >= sizeof name)
        return -1;
    memcpy(name, v.at, v.n);
    ptrdiff_t n = text_unescape(name, v.n);
    if (n < 1 || n >= (ptrdiff_t)sizeof r->input || memchr(name, 0, n))
        return -1;
    memcpy(r->input, name, n);
    r->input[n] = 0;
    return 0;
}

/* A setting that is one word of a list; without a value, the key is the word. */
#define WORD_OF(field, names) offsetof(struct recipe, field), names, RECIPE_COUNT(names), NULL

static const struct key {
    const char *name, *want; /* name NULL: each of the words is a key; want: NULL for a key without a value */
    int group;               /* at most one key of a group may be given */
    size_t field;
    const char *const *words;
    int count;                                        /* of the words; 0: by the function */
    int (*set)(struct recipe *r, struct slice value); /* of a key without a value: its name */
} keys[] = {
    {"exif", "yes or no", 0, 0, NULL, 0, set_exif},
    {NULL, NULL, 1, WORD_OF(library, recipe_library_names)},
    {"filter", "bilinear, bicubic, lanczos, box, hamming, nearest, bilinear-noaa, area, lanczos5, gaussian or mitchell",
     2, WORD_OF(filter, recipe_filter_names)},
    {"grid", "half, legacy or corners", 7, WORD_OF(grid, recipe_grid_names)},
    {"antialias", NULL, 8, 0, NULL, 0, set_antialias},
    {NULL, NULL, 3, WORD_OF(colour, recipe_colour_names)},
    {"layout", "nchw or nhwc", 4, WORD_OF(layout, recipe_layout_names)},
    {"dtype", "f32, u8 or i8", 5, WORD_OF(dtype, recipe_dtype_names)},
    {"input", "the input's name of at most 255 bytes, with %XX for ',' and '%'", 6, 0, NULL, 0, set_input},
};

static int set_key(const struct key *k, struct recipe *r, struct slice value)
{
    if (!k->count)
        return k->set(r, value);
    int word = slice_find(value, k->words, k->count);
    if (word < 0)
        return -1;
    memcpy((char *)r + k->field, &word, sizeof word); /* an enum */
    return 0;
}

/* ---- the whole ---- */

/* What a message shows of an item. */
static int shown(struct slice item)
{
    return item.n < 80 ? (int)item.n : 80;
}

static bool is_sample(float v)
{
    return v >= 0 && v <= 255 && v == rintf(v);
}

/* The number of steps on the picture, which come before those on its values. */
static int picture_steps(const struct recipe *r)
{
    int n = 0;
    while (n < r->count && r->steps[n].kind <= RECIPE_PAD)
        n++;
    return n;
}

static int check_order(const struct recipe *r, const struct recipe_step *s, struct slice item, struct error *err)
{
    bool has_values = picture_steps(r) < r->count;
    if (has_values && s->kind >= RECIPE_PAD && r->steps[r->count - 1].kind == RECIPE_PAD)
        return error_set(err, "recipe: %.*s: behind a pad of values: want that pad last", shown(item), item.at);
    if (has_values && s->kind >= RECIPE_PAD && r->steps[r->count - 1].kind == RECIPE_QUANTIZE)
        return error_set(err, "recipe: %.*s: behind quantize: want that last", shown(item), item.at);
    for (int i = 0; i < s->values && s->kind <= RECIPE_PAD && !(has_values && s->kind == RECIPE_PAD); i++)
        if (!is_sample(s->value[i]))
            return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, recipe_step_want(s->kind));
    return 0;
}

/* Where a step goes: one on the picture before those on its values. A mean behind its std goes before it, since the
 * pair has one meaning only. */
static int place_of(const struct recipe *r, enum recipe_kind kind)
{
    int n = r->count;
    if (kind < RECIPE_PAD)
        return picture_steps(r);
    bool after_std = kind == RECIPE_MEAN && n && r->steps[n - 1].kind == RECIPE_STD;
    return n - (after_std && !(n > 1 && r->steps[n - 2].kind == RECIPE_MEAN));
}

static int parse_step(struct recipe *r, enum recipe_kind kind, struct slice item, struct slice value, struct error *err)
{
    struct recipe_step s;
    memset(&s, 0, sizeof s);
    s.kind = kind;
    if (value.at == item.at && kind == RECIPE_QUANTIZE)
        value = (struct slice){item.at, 0};
    else if (value.at == item.at || !value.n)
        value.at = NULL;
    if (!value.at || recipe_step_set(&s, value))
        return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, recipe_step_want(kind));
    if (check_order(r, &s, item, err))
        return -1;
    if (kind == RECIPE_SCALE && s.value[0] == 1)
        return 0;
    if (r->count == RECIPE_MAX_STEPS)
        return error_set(err, "recipe: %.*s: want at most %d steps", shown(item), item.at, RECIPE_MAX_STEPS);
    int at = place_of(r, kind);
    memmove(&r->steps[at + 1], &r->steps[at], (r->count - at) * sizeof s);
    memcpy(&r->steps[at], &s, sizeof s);
    r->count++;
    return 0;
}

/* `seen` has a bit for each group met so far. */
static int parse_setting(struct recipe *r, const struct key *k, struct slice item, struct slice value, unsigned *seen,
                         struct error *err)
{
    bool has_value = value.at != item.at;
    if (*seen & 1u << k->group)
        return error_set(err, "recipe: %.*s: given twice, or with another key that excludes it", shown(item), item.at);
    *seen |= 1u << k->group;
    if (!k->want != !has_value)
        return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, k->want ? k->want : "no value");
    if (set_key(k, r, value))
        return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, k->want);
    return 0;
}

/* One `key=value` or `key`. */
static int parse_item(struct recipe *r, struct slice item, unsigned *seen, struct error *err)
{
    struct slice v = item, name = slice_cut(&v, '=');
    struct slice value = name.n < item.n ? v : item;
    int kind = slice_find(name, recipe_kind_names, RECIPE_COUNT(recipe_kind_names));
    if (kind >= 0)
        return parse_step(r, kind, item, value, err);
    for (int i = 0; i < RECIPE_COUNT(keys); i++)
        if (keys[i].name ? slice_is(name, keys[i].name) : slice_find(name, keys[i].words, keys[i].count) >= 0)
            return parse_setting(r, &keys[i], item, value, seen, err);
    return error_set(
        err,
        "recipe: %.*s: unknown key: want resize, crop, letterbox, pad, mean, std, scale, quantize, rgb, bgr, "
        "gray, gray-resized, filter, pil, torchvision, torch, opencv, tensorflow, grid, antialias, exif, layout, dtype "
        "or "
        "input",
        shown(item), item.at);
}

/* The message lists what the library has. */
static int check_filter(const struct recipe *r, struct error *err)
{
    char names[200] = "";
    for (int i = 0; i < RECIPE_COUNT(recipe_filter_names); i++)
        if (image_filters[i][r->library] != NO) {
            strcat(names, *names ? ", " : "");
            strcat(names, recipe_filter_names[i]);
        }
    if (recipe_image_filter(r) == NO)
        return error_set(err, "recipe: filter=%s: not one of %s: want one of %s", recipe_filter_names[r->filter],
                         recipe_library_names[r->library], names);
    if ((r->antialias || r->grid) && r->library != RECIPE_TENSORFLOW)
        return error_set(err, "recipe: %s: only with tensorflow", r->grid ? "grid" : "antialias");
    return 0;
}

static int check_whole(const struct recipe *r, const char *text, size_t n, struct error *err)
{
    if (n && text[n - 1] == ',')
        return error_set(err, "recipe: ends with a comma: want a key behind it, or no comma");
    if (check_filter(r, err))
        return -1;
    for (int i = 0; i < r->count && r->colour >= RECIPE_GRAY; i++)
        if (r->steps[i].values == 3)
            return error_set(err, "recipe: gray with three values of %s: want one",
                             recipe_kind_names[r->steps[i].kind]);
    return 0;
}

int recipe_parse(const char *text, size_t n, struct recipe *out, struct error *err)
{
    struct recipe r;
    struct slice rest = {text, n};
    unsigned seen = 0;
    memset(&r, 0, sizeof r);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return error_set(err, "recipe: control byte 0x%02x at %zu: want printable text", (unsigned char)text[i], i);
    while (rest.n)
        if (parse_item(&r, slice_cut(&rest, ','), &seen, err))
            return -1;
    if (check_whole(&r, text, n, err))
        return -1;
    *out = r;
    return 0;
}
