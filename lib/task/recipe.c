/* The text of a recipe. To add a key: a row in `keys`, a field of struct recipe. */
#include "task/recipe.h"

#include <math.h>
#include <string.h>

#define DEFAULT_PAD 114 /* the grey of YOLO's letterboxes */

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

static int is_word(struct slice s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.at, word, s.n) == 0;
}

/* The index of a word in a list; -1 when it is not there. */
static int find_word(struct slice s, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (is_word(s, words[i]))
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

static int to_size(struct slice s, int *width, int *height)
{
    struct slice w = cut(&s, 'x');
    return to_number(w, 1, IMAGE_MAX_SIDE, width) || to_number(s, 1, IMAGE_MAX_SIDE, height) ? -1 : 0;
}

static int to_float(struct slice s, float *out)
{
    return text_to_f32(s.at, s.n, out) && isfinite(*out) ? 0 : -1;
}

/* One or three numbers. */
static int to_floats(struct slice s, int *n, float out[3])
{
    struct slice first = cut(&s, ':'), second = cut(&s, ':');
    *n = second.at == first.at + first.n ? 1 : 3;
    if (to_float(first, &out[0]))
        return -1;
    return *n == 3 && (to_float(second, &out[1]) || to_float(s, &out[2])) ? -1 : 0;
}

static int set_exif(struct recipe *r, struct slice v)
{
    r->as_stored = is_word(v, "no");
    return r->as_stored || is_word(v, "yes") ? 0 : -1;
}

static int set_resize(struct recipe *r, struct slice v)
{
    r->fit = memchr(v.at, 'x', v.n) ? RECIPE_EXACT : RECIPE_SHORT;
    if (r->fit == RECIPE_EXACT)
        return to_size(v, &r->width, &r->height);
    if (to_number(v, 1, IMAGE_MAX_SIDE, &r->width))
        return -1;
    r->height = r->width;
    return 0;
}

static int set_letterbox(struct recipe *r, struct slice v)
{
    struct slice size = cut(&v, ':');
    int pad = r->pad, has_pad = v.at != size.at + size.n;
    r->fit = RECIPE_LETTERBOX;
    if (to_size(size, &r->width, &r->height) || (has_pad && to_number(v, 0, 255, &pad)))
        return -1;
    r->pad = pad;
    return 0;
}

static int set_crop(struct recipe *r, struct slice v)
{
    if (memchr(v.at, 'x', v.n))
        return to_size(v, &r->crop_width, &r->crop_height);
    if (to_number(v, 1, IMAGE_MAX_SIDE, &r->crop_width))
        return -1;
    r->crop_height = r->crop_width;
    return 0;
}

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const filter_names[] = {
    [IMAGE_BILINEAR] = "bilinear",
    [IMAGE_BICUBIC] = "bicubic",
    [IMAGE_NEAREST] = "nearest",
    [IMAGE_BILINEAR_PLAIN] = "bilinear-noaa",
};
static const char *const colour_names[] = {
    [RECIPE_AS_INPUT] = "", [RECIPE_RGB] = "rgb", [RECIPE_BGR] = "bgr", [RECIPE_GRAY] = "gray"};
static const char *const layout_names[] = {[RECIPE_GUESS] = "", [RECIPE_NCHW] = "nchw", [RECIPE_NHWC] = "nhwc"};
static const char *const dtype_names[] = {[RECIPE_F32] = "f32", [RECIPE_U8] = "u8", [RECIPE_I8] = "i8"};

static int set_filter(struct recipe *r, struct slice v)
{
    int i = find_word(v, filter_names, COUNT(filter_names));
    r->filter = i < 0 ? 0 : i;
    return i < 0 ? -1 : 0;
}

static int set_colour(struct recipe *r, struct slice name)
{
    r->colour = find_word(name, colour_names, COUNT(colour_names));
    return 0;
}

static int set_mean(struct recipe *r, struct slice v)
{
    return to_floats(v, &r->means, r->mean);
}

static int set_std(struct recipe *r, struct slice v)
{
    int failed = to_floats(v, &r->stds, r->std);
    for (int i = 0; !failed && i < r->stds; i++)
        failed = r->std[i] == 0;
    return failed ? -1 : 0;
}

static int set_scale(struct recipe *r, struct slice v)
{
    struct slice over = cut(&v, '/');
    float below = 1;
    if (to_float(over, &r->scale) || (v.at != over.at + over.n && (to_float(v, &below) || below == 0)))
        return -1;
    r->scale /= below;
    return isfinite(r->scale) && r->scale != 0 ? 0 : -1;
}

static int set_layout(struct recipe *r, struct slice v)
{
    int i = find_word(v, layout_names, COUNT(layout_names));
    r->layout = i < 0 ? 0 : i;
    return i < 1 ? -1 : 0;
}

static int set_dtype(struct recipe *r, struct slice v)
{
    int i = find_word(v, dtype_names, COUNT(dtype_names));
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
    int group;                                        /* at most one key of a group may be given */
    int (*set)(struct recipe *r, struct slice value); /* of a key without a value: its name */
} keys[] = {
    {"exif", "yes or no", 10, set_exif},
    {"resize", "N or WxH, in pixels of 1 to 65535", 0, set_resize},
    {"letterbox", "WxH or WxH:PAD, in pixels of 1 to 65535, PAD of 0 to 255", 0, set_letterbox},
    {"filter", "bilinear, bicubic, nearest or bilinear-noaa", 1, set_filter},
    {"crop", "N or WxH, in pixels of 1 to 65535", 2, set_crop},
    {"rgb", NULL, 3, set_colour},
    {"bgr", NULL, 3, set_colour},
    {"gray", NULL, 3, set_colour},
    {"mean", "one number or three, A:B:C", 4, set_mean},
    {"std", "one number or three, A:B:C, none of them 0", 5, set_std},
    {"scale", "a number other than 0, or a fraction as 1/255", 6, set_scale},
    {"layout", "nchw or nhwc", 7, set_layout},
    {"dtype", "f32, u8 or i8", 8, set_dtype},
    {"input", "the input's name of at most 255 bytes, with %XX for ',' and '%'", 9, set_input},
};

/* One `key=value` or `key`. `seen` has a bit for each group met so far. */
static int parse_item(struct recipe *r, struct slice item, unsigned *seen, struct error *err)
{
    struct slice v = item, name = cut(&v, '=');
    int has_value = name.n < item.n, shown = item.n < 80 ? (int)item.n : 80;
    for (int i = 0; i < COUNT(keys); i++) {
        const struct key *k = &keys[i];
        if (!is_word(name, k->name))
            continue;
        if (*seen & 1u << k->group)
            return error_set(err, "recipe: %.*s: given twice, or with another key that excludes it", shown, item.at);
        *seen |= 1u << k->group;
        if (!k->want != !has_value)
            return error_set(err, "recipe: %.*s: want %s%s", shown, item.at, k->want ? k->want : "no value behind ",
                             k->want ? "" : k->name);
        if (k->set(r, has_value ? v : name))
            return error_set(err, "recipe: %.*s: want %s", shown, item.at, k->want);
        return 0;
    }
    return error_set(
        err,
        "recipe: %.*s: unknown key: want exif, resize, letterbox, filter, crop, rgb, bgr, gray, mean, std, "
        "scale, layout, dtype or input",
        shown, item.at);
}

int recipe_parse(const char *text, size_t n, struct recipe *out, struct error *err)
{
    struct recipe r = {.pad = DEFAULT_PAD, .scale = 1};
    struct slice rest = {text, n};
    unsigned seen = 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return error_set(err, "recipe: control byte 0x%02x at %zu: want printable text", (unsigned char)text[i], i);
    while (rest.n)
        if (parse_item(&r, cut(&rest, ','), &seen, err))
            return -1;
    if (n && text[n - 1] == ',')
        return error_set(err, "recipe: ends with a comma: want a key behind it, or no comma");
    if (r.colour == RECIPE_GRAY && (r.means == 3 || r.stds == 3))
        return error_set(err, "recipe: gray with three values of mean or std: want one");
    *out = r;
    return 0;
}

static void print_size(struct text *out, const char *key, int width, int height)
{
    text_printf(out, width == height ? ",%s=%d" : ",%s=%dx%d", key, width, height);
}

static void print_floats(struct text *out, const char *key, int n, const float *v)
{
    for (int i = 0; i < n; i++) {
        text_puts(out, i ? ":" : key);
        text_f32(out, v[i]);
    }
}

static void print_fit(struct text *out, const struct recipe *r)
{
    if (r->fit == RECIPE_SHORT)
        text_printf(out, ",resize=%d", r->width);
    if (r->fit == RECIPE_EXACT)
        text_printf(out, ",resize=%dx%d", r->width, r->height);
    if (r->fit == RECIPE_LETTERBOX)
        text_printf(out, ",letterbox=%dx%d", r->width, r->height);
    if (r->fit == RECIPE_LETTERBOX && r->pad != DEFAULT_PAD)
        text_printf(out, ":%d", r->pad);
}

/* Every key with a comma before it. */
static void print_all(struct text *out, const struct recipe *r)
{
    if (r->as_stored)
        text_puts(out, ",exif=no");
    print_fit(out, r);
    if (r->filter)
        text_printf(out, ",filter=%s", filter_names[r->filter]);
    if (r->crop_width)
        print_size(out, "crop", r->crop_width, r->crop_height);
    if (r->colour)
        text_printf(out, ",%s", colour_names[r->colour]);
    print_floats(out, ",mean=", r->means, r->mean);
    print_floats(out, ",std=", r->stds, r->std);
    print_floats(out, ",scale=", r->scale != 1, &r->scale);
    if (r->layout)
        text_printf(out, ",layout=%s", layout_names[r->layout]);
    if (r->dtype)
        text_printf(out, ",dtype=%s", dtype_names[r->dtype]);
    if (r->input[0]) {
        text_puts(out, ",input=");
        text_escape(out, r->input, strlen(r->input), ",");
    }
}

void recipe_print(const struct recipe *r, struct text *out)
{
    struct text t;
    text_init(&t);
    print_all(&t, r);
    if (t.size)
        text_add(out, t.data + 1, t.size - 1);
    out->failed |= t.failed;
    text_release(&t);
}
