/* The text of a recipe. To add a key: a row in `keys`, a field of struct recipe or of struct recipe_step. */
#include "task/recipe.h"

#include <math.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

const char *const recipe_size_names[] = {
    [RECIPE_EXACT] = "",        [RECIPE_SHORT] = "short", [RECIPE_LONG] = "long", [RECIPE_WIDTH] = "width",
    [RECIPE_HEIGHT] = "height", [RECIPE_MIN] = "min",     [RECIPE_MAX] = "max",   [RECIPE_MULTIPLE] = "multiple",
    [RECIPE_FIT] = "fit",       [RECIPE_CLAMP] = "clamp",
};
const char *const recipe_round_names[] = {
    [RECIPE_ROUND_DEFAULT] = "", [RECIPE_ROUND_NEAR] = "near", [RECIPE_ROUND_DOWN] = "down", [RECIPE_ROUND_UP] = "up"};
const char *const recipe_kind_names[] = {
    [RECIPE_RESIZE] = "resize", [RECIPE_CROP] = "crop", [RECIPE_LETTERBOX] = "letterbox", [RECIPE_PAD] = "pad",
    [RECIPE_MEAN] = "mean",     [RECIPE_STD] = "std",   [RECIPE_SCALE] = "scale",
};
const char *const recipe_library_names[] = {
    [RECIPE_PIL] = "pil", [RECIPE_TORCHVISION] = "torchvision", [RECIPE_OPENCV] = "opencv"};
const char *const recipe_filter_names[] = {
    [RECIPE_BILINEAR] = "bilinear", [RECIPE_BICUBIC] = "bicubic",
    [RECIPE_NEAREST] = "nearest",   [RECIPE_BILINEAR_NOAA] = "bilinear-noaa",
    [RECIPE_LANCZOS] = "lanczos",   [RECIPE_BOX] = "box",
    [RECIPE_AREA] = "area",
};
const char *const recipe_colour_names[] = {
    [RECIPE_AS_INPUT] = "", [RECIPE_RGB] = "rgb", [RECIPE_BGR] = "bgr", [RECIPE_GRAY] = "gray"};
const char *const recipe_layout_names[] = {[RECIPE_GUESS] = "", [RECIPE_NCHW] = "nchw", [RECIPE_NHWC] = "nhwc"};
const char *const recipe_dtype_names[] = {[RECIPE_F32] = "f32", [RECIPE_U8] = "u8", [RECIPE_I8] = "i8"};

/* A part of the text. */
struct slice {
    const char *at;
    size_t n;
};

/* Cuts what lies before the first `c` off the front of *s; all of it when there is none. */
static struct slice cut(struct slice *s, char c)
{
    const char *end = memchr(s->at, c, s->n);
    struct slice head = {s->at, end ? (size_t)(end - s->at) : s->n};
    size_t used = head.n + (end != NULL);
    s->at += used;
    s->n -= used;
    return head;
}

/* The parts between the `c`, empty ones too; how many, or -1 for more than `most`. */
static int split(struct slice s, char c, struct slice *part, int most)
{
    int n = 0;
    for (bool more = true; more; n++) {
        if (n == most)
            return -1;
        more = memchr(s.at, c, s.n) != NULL;
        part[n] = cut(&s, c);
    }
    return n;
}

static int is_word(struct slice s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.at, word, s.n) == 0;
}

/* The index of a word in a list; -1 when it is not there. Empty words of the list are none. */
static int find_word(struct slice s, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (s.n && is_word(s, words[i]))
            return i;
    return -1;
}

static int to_number(struct slice s, int low, int high, int *out)
{
    int64_t v;
    if (!text_to_i64(s.at, s.n, &v) || v < low || v > high)
        return -1;
    *out = (int)v;
    return 0;
}

/* WxH, or with `one` also N for both. */
static int to_sides(struct slice s, bool one, int *width, int *height)
{
    struct slice part[2];
    int n = split(s, 'x', part, 2);
    if (n < 1 + !one || to_number(part[0], 1, IMAGE_MAX_SIDE, width))
        return -1;
    return to_number(part[n - 1], 1, IMAGE_MAX_SIDE, height);
}

static int to_float(struct slice s, float *out)
{
    return text_to_f32(s.at, s.n, out) && isfinite(*out) ? 0 : -1;
}

/* One or three numbers. */
static int to_values(struct recipe_step *s, const struct slice *part, int n)
{
    if (n != 1 && n != 3)
        return -1;
    s->values = n;
    for (int i = 0; i < n; i++)
        if (to_float(part[i], &s->value[i]))
            return -1;
    return 0;
}

/* Of PIL and torchvision, then of OpenCV; -1: none. */
static const int image_filters[][2] = {
    [RECIPE_BILINEAR] = {IMAGE_BILINEAR, IMAGE_CV_LINEAR},
    [RECIPE_BICUBIC] = {IMAGE_BICUBIC, IMAGE_CV_CUBIC},
    [RECIPE_NEAREST] = {IMAGE_NEAREST, IMAGE_CV_NEAREST},
    [RECIPE_BILINEAR_NOAA] = {IMAGE_BILINEAR_PLAIN, -1},
    [RECIPE_LANCZOS] = {IMAGE_LANCZOS, IMAGE_CV_LANCZOS},
    [RECIPE_BOX] = {IMAGE_BOX, -1},
    [RECIPE_AREA] = {-1, IMAGE_CV_AREA},
};

int recipe_image_filter(const struct recipe *r)
{
    return image_filters[r->filter][r->library == RECIPE_OPENCV];
}

/* ---- steps: each reads the values of the one that is made ---- */

bool recipe_size_is_pair(enum recipe_size size)
{
    return size == RECIPE_EXACT || size >= RECIPE_FIT;
}

/* The parts that are the size; how many there are, -1 when they are none. */
static int read_size(struct recipe_step *s, const struct slice *part, int n)
{
    int size = n > 1 ? find_word(part[0], recipe_size_names, COUNT(recipe_size_names)) : -1, word = size >= 0;
    s->size = word ? size : memchr(part[0].at, 'x', part[0].n) ? RECIPE_EXACT : RECIPE_SHORT;
    if (recipe_size_is_pair(s->size))
        return to_sides(part[word], false, &s->width, &s->height) ? -1 : 1 + word;
    if (to_number(part[word], 1, IMAGE_MAX_SIDE, &s->width))
        return -1;
    s->height = s->width;
    return 1 + word;
}

static int set_resize(struct recipe_step *s, struct slice v)
{
    struct slice part[3];
    int n = split(v, ':', part, COUNT(part)), used = n < 0 ? -1 : read_size(s, part, n);
    if (used < 0 || n > used + 1)
        return -1;
    int round = n > used ? find_word(part[used], recipe_round_names, COUNT(recipe_round_names)) : 0;
    s->round = round < 0 ? 0 : round;
    return round < 0 ? -1 : 0;
}

float recipe_default_fill(enum recipe_kind kind)
{
    return kind == RECIPE_LETTERBOX ? 114 : 0;
}

/* [:COLOUR][:corner] */
static int read_fill(struct recipe_step *s, const struct slice *part, int n)
{
    s->corner = n > 0 && is_word(part[n - 1], "corner");
    n -= s->corner;
    if (n && to_values(s, part, n))
        return -1;
    if (n == 1 && s->value[0] == recipe_default_fill(s->kind)) {
        s->values = 0;
        s->value[0] = 0;
    }
    return 0;
}

static int set_box(struct recipe_step *s, struct slice v)
{
    struct slice part[6];
    int n = split(v, ':', part, COUNT(part)), used = n < 0 ? -1 : read_size(s, part, n);
    bool multiple = s->kind == RECIPE_PAD && s->size == RECIPE_MULTIPLE;
    return used < 0 || (s->size != RECIPE_EXACT && !multiple) ? -1 : read_fill(s, part + used, n - used);
}

static int set_crop(struct recipe_step *s, struct slice v)
{
    struct slice part[3];
    int n = split(v, '+', part, COUNT(part));
    s->x = s->y = -1;
    if ((n != 1 && n != 3) || to_sides(part[0], n == 1, &s->width, &s->height))
        return -1;
    return n == 3 && (to_number(part[1], 0, IMAGE_MAX_SIDE, &s->x) || to_number(part[2], 0, IMAGE_MAX_SIDE, &s->y)) ? -1
                                                                                                                    : 0;
}

static int set_mean(struct recipe_step *s, struct slice v)
{
    struct slice part[3];
    return to_values(s, part, split(v, ':', part, COUNT(part)));
}

static int set_std(struct recipe_step *s, struct slice v)
{
    int failed = set_mean(s, v);
    for (int i = 0; !failed && i < s->values; i++)
        failed = s->value[i] == 0;
    return failed ? -1 : 0;
}

static int set_scale(struct recipe_step *s, struct slice v)
{
    struct slice part[2];
    float below = 1;
    int n = split(v, '/', part, COUNT(part));
    s->values = 1;
    if (n < 1 || to_float(part[0], &s->value[0]) || (n == 2 && (to_float(part[1], &below) || below == 0)))
        return -1;
    s->value[0] /= below;
    return isfinite(s->value[0]) && s->value[0] != 0 ? 0 : -1;
}

/* ---- settings ---- */

static int set_exif(struct recipe *r, struct slice v)
{
    r->as_stored = is_word(v, "no");
    return r->as_stored || is_word(v, "yes") ? 0 : -1;
}

static int set_library(struct recipe *r, struct slice name)
{
    r->library = find_word(name, recipe_library_names, COUNT(recipe_library_names));
    return 0;
}

static int set_filter(struct recipe *r, struct slice v)
{
    int i = find_word(v, recipe_filter_names, COUNT(recipe_filter_names));
    r->filter = i < 0 ? 0 : i;
    return i < 0 ? -1 : 0;
}

static int set_colour(struct recipe *r, struct slice name)
{
    r->colour = find_word(name, recipe_colour_names, COUNT(recipe_colour_names));
    return 0;
}

static int set_layout(struct recipe *r, struct slice v)
{
    int i = find_word(v, recipe_layout_names, COUNT(recipe_layout_names));
    r->layout = i < 0 ? 0 : i;
    return i < 0 ? -1 : 0;
}

static int set_dtype(struct recipe *r, struct slice v)
{
    int i = find_word(v, recipe_dtype_names, COUNT(recipe_dtype_names));
    r->dtype = i < 0 ? 0 : i;
    return i < 0 ? -1 : 0;
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

static const struct key {
    const char *name, *want;                          /* want: NULL for a key without a value */
    int group;                                        /* of a setting: at most one key of a group may be given */
    int (*set)(struct recipe *r, struct slice value); /* of a key without a value: its name */
} keys[] = {
    {"exif", "yes or no", 0, set_exif},
    {"pil", NULL, 1, set_library},
    {"torchvision", NULL, 1, set_library},
    {"opencv", NULL, 1, set_library},
    {"filter", "bilinear, bicubic, lanczos, box, nearest, bilinear-noaa or area", 2, set_filter},
    {"rgb", NULL, 3, set_colour},
    {"bgr", NULL, 3, set_colour},
    {"gray", NULL, 3, set_colour},
    {"layout", "nchw or nhwc", 4, set_layout},
    {"dtype", "f32, u8 or i8", 5, set_dtype},
    {"input", "the input's name of at most 255 bytes, with %XX for ',' and '%'", 6, set_input},
};

static const struct step_key {
    const char *want;
    int (*set)(struct recipe_step *s, struct slice value);
} step_keys[] = {
    [RECIPE_RESIZE] = {"N or WxH, short, long, width, height, min, max or multiple:N, or fit or clamp:WxH, of 1 to "
                       "65535, then perhaps :near, :down or :up",
                       set_resize},
    [RECIPE_CROP] = {"N, WxH or WxH+X+Y, in pixels of 1 to 65535", set_crop},
    [RECIPE_LETTERBOX] = {"WxH or WxH:PAD, in pixels of 1 to 65535, PAD of 0 to 255 or R:G:B, then perhaps :corner",
                          set_box},
    [RECIPE_PAD] = {"WxH or multiple:N, in pixels of 1 to 65535, then perhaps :PAD or :R:G:B, of 0 to 255 before mean, "
                    "std and scale, then perhaps :corner",
                    set_box},
    [RECIPE_MEAN] = {"one number or three, A:B:C", set_mean},
    [RECIPE_STD] = {"one number or three, A:B:C, none of them 0", set_std},
    [RECIPE_SCALE] = {"a number other than 0, or a fraction as 1/255", set_scale},
};

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
    if (has_values && r->steps[r->count - 1].kind == RECIPE_PAD)
        return error_set(err, "recipe: %.*s: behind a pad of values: want that pad last", shown(item), item.at);
    for (int i = 0; i < s->values && s->kind <= RECIPE_PAD && !(has_values && s->kind == RECIPE_PAD); i++)
        if (!is_sample(s->value[i]))
            return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, step_keys[s->kind].want);
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
    if (value.at == item.at || step_keys[kind].set(&s, value))
        return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, step_keys[kind].want);
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
        return error_set(err, "recipe: %.*s: want %s%s", shown(item), item.at, k->want ? k->want : "no value behind ",
                         k->want ? "" : k->name);
    if (k->set(r, value))
        return error_set(err, "recipe: %.*s: want %s", shown(item), item.at, k->want);
    return 0;
}

/* One `key=value` or `key`. */
static int parse_item(struct recipe *r, struct slice item, unsigned *seen, struct error *err)
{
    struct slice v = item, name = cut(&v, '=');
    struct slice value = name.n < item.n ? v : item;
    int kind = find_word(name, recipe_kind_names, COUNT(recipe_kind_names));
    if (kind >= 0)
        return parse_step(r, kind, item, value, err);
    for (int i = 0; i < COUNT(keys); i++)
        if (is_word(name, keys[i].name))
            return parse_setting(r, &keys[i], item, value, seen, err);
    return error_set(err,
                     "recipe: %.*s: unknown key: want resize, crop, letterbox, pad, mean, std, scale, rgb, bgr, gray, "
                     "filter, pil, torchvision, opencv, exif, layout, dtype or input",
                     shown(item), item.at);
}

static int check_whole(const struct recipe *r, const char *text, size_t n, struct error *err)
{
    if (n && text[n - 1] == ',')
        return error_set(err, "recipe: ends with a comma: want a key behind it, or no comma");
    if (recipe_image_filter(r) < 0)
        return error_set(err, "recipe: filter=%s: not one of %s: want bilinear, bicubic, lanczos, nearest or %s",
                         recipe_filter_names[r->filter], recipe_library_names[r->library],
                         r->library == RECIPE_OPENCV ? "area" : "box");
    for (int i = 0; i < r->count && r->colour == RECIPE_GRAY; i++)
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
        if (parse_item(&r, cut(&rest, ','), &seen, err))
            return -1;
    if (check_whole(&r, text, n, err))
        return -1;
    *out = r;
    return 0;
}
