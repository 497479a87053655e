/* The steps of a recipe's text: each function reads the value of the one that is made. */
#include <math.h>
#include <string.h>

#include "task/recipe_text.h"

/* WxH, or with `one` also N for both. */
static int to_sides(struct slice s, bool one, int *width, int *height)
{
    struct slice part[2];
    int n = slice_split(s, 'x', part, 2);
    if (n < 1 + !one || slice_number(part[0], 1, IMAGE_MAX_SIDE, width))
        return -1;
    return slice_number(part[n - 1], 1, IMAGE_MAX_SIDE, height);
}

/* One or three numbers. */
static int to_values(struct recipe_step *s, const struct slice *part, int n)
{
    if (n != 1 && n != 3)
        return -1;
    s->values = n;
    for (int i = 0; i < n; i++)
        if (slice_float(part[i], &s->value[i]))
            return -1;
    return 0;
}

bool recipe_size_is_pair(enum recipe_size size)
{
    return size == RECIPE_EXACT || size >= RECIPE_FIT;
}

/* The parts that are the size; how many there are, -1 when they are none. */
static int read_size(struct recipe_step *s, const struct slice *part, int n)
{
    struct slice side[3];
    int size = n > 1 ? slice_find(part[0], recipe_size_names, RECIPE_COUNT(recipe_size_names)) : -1, word = size >= 0;
    s->size = word ? size : memchr(part[0].at, 'x', part[0].n) ? RECIPE_EXACT : RECIPE_SHORT;
    if (s->size == RECIPE_CLOSEST && slice_split(part[1], 'x', side, 3) == 3) {
        bool bad = slice_number(side[0], 1, IMAGE_MAX_SIDE, &s->width) ||
                   slice_number(side[1], 1, IMAGE_MAX_SIDE, &s->height) ||
                   slice_number(side[2], 1, IMAGE_MAX_SIDE, &s->multiple);
        return bad ? -1 : 2;
    }
    if (recipe_size_is_pair(s->size))
        return to_sides(part[word], false, &s->width, &s->height) ? -1 : 1 + word;
    if (slice_number(part[word], 1, IMAGE_MAX_SIDE, &s->width))
        return -1;
    s->height = s->width;
    return 1 + word;
}

/* The rounding that may stand behind a size: how many parts that is. */
static int read_round(struct recipe_step *s, const struct slice *part, int n)
{
    int round = n > 0 ? slice_find(part[0], recipe_round_names, RECIPE_COUNT(recipe_round_names)) : 0;
    s->round = round > 0 ? round : 0;
    return round > 0;
}

static bool is_of_pads(enum recipe_size size)
{
    return size == RECIPE_OVER || size == RECIPE_ROOT || size == RECIPE_WIDE || size == RECIPE_ASPECT;
}

static int set_resize(struct recipe_step *s, struct slice v)
{
    struct slice part[4];
    int n = slice_split(v, ':', part, RECIPE_COUNT(part));
    s->again = n > 1 && slice_is(part[n - 1], "again");
    s->warp = n > 1 && slice_is(part[n - 1], "warp");
    n -= s->again + s->warp;
    int used = n < 0 ? -1 : read_size(s, part, n);
    if (used < 0 || s->size == RECIPE_PART || is_of_pads(s->size) || used + read_round(s, part + used, n - used) != n)
        return -1;
    return s->warp && (s->size != RECIPE_EXACT || s->round) ? -1 : 0;
}

float recipe_default_fill(enum recipe_kind kind)
{
    return kind == RECIPE_LETTERBOX ? 114 : 0;
}

/* [:COLOUR][:corner][:shrink, :warp, :mirror or :reflect]; what is warped has black around it, and its size is not
 * rounded. */
static int read_fill(struct recipe_step *s, const struct slice *part, int n)
{
    s->shrink = s->kind == RECIPE_LETTERBOX && n > 0 && slice_is(part[n - 1], "shrink");
    s->warp = s->kind == RECIPE_LETTERBOX && n > 0 && slice_is(part[n - 1], "warp");
    int mirror = s->kind == RECIPE_PAD && n > 0 ? slice_find(part[n - 1], recipe_mirror_names, 3) : 0;
    s->mirror = mirror > 0 ? mirror : 0;
    n -= s->shrink + s->warp + (s->mirror > 0);
    s->corner = n > 0 && slice_is(part[n - 1], "corner");
    n -= s->corner;
    if ((n && (s->mirror || to_values(s, part, n))) || (s->warp && (n != 1 || s->value[0] != 0 || s->round)))
        return -1;
    if (n == 1 && s->value[0] == recipe_default_fill(s->kind)) {
        s->values = 0;
        s->value[0] = 0;
    }
    return 0;
}

static int set_box(struct recipe_step *s, struct slice v)
{
    struct slice part[8];
    int n = slice_split(v, ':', part, RECIPE_COUNT(part)), used = n < 0 ? -1 : read_size(s, part, n);
    bool grows = s->kind == RECIPE_PAD && (s->size == RECIPE_MULTIPLE || is_of_pads(s->size));
    if (used < 0 || (s->size != RECIPE_EXACT && !grows))
        return -1;
    used += s->kind == RECIPE_LETTERBOX ? read_round(s, part + used, n - used) : 0;
    return read_fill(s, part + used, n - used);
}

/* N, WxH, part:AxB or WxH+X+Y, the centre perhaps :down. */
static int set_crop(struct recipe_step *s, struct slice v)
{
    struct slice part[3], word[3];
    int words = slice_split(v, ':', word, 3);
    bool is_part = words > 1 && slice_is(word[0], recipe_size_names[RECIPE_PART]);
    int more = words - 1 - is_part, n = words < 1 ? -1 : slice_split(word[is_part], '+', part, RECIPE_COUNT(part));
    s->size = is_part ? RECIPE_PART : RECIPE_EXACT;
    s->x = s->y = -1;
    if ((n != 1 && n != 3) || to_sides(part[0], n == 1 && !is_part, &s->width, &s->height))
        return -1;
    if ((is_part && (n == 3 || s->width > s->height)) || more > 1 ||
        (more == 1 && (n == 3 || !slice_is(word[words - 1], "down"))))
        return -1;
    s->round = more ? RECIPE_ROUND_DOWN : RECIPE_ROUND_DEFAULT;
    bool bad =
        n == 3 && (slice_number(part[1], 0, IMAGE_MAX_SIDE, &s->x) || slice_number(part[2], 0, IMAGE_MAX_SIDE, &s->y));
    return bad ? -1 : 0;
}

static int set_mean(struct recipe_step *s, struct slice v)
{
    struct slice part[3];
    return to_values(s, part, slice_split(v, ':', part, RECIPE_COUNT(part)));
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
    int n = slice_split(v, '/', part, RECIPE_COUNT(part));
    s->values = 1;
    if (n < 1 || slice_float(part[0], &s->value[0]) || (n == 2 && (slice_float(part[1], &below) || below == 0)))
        return -1;
    s->value[0] /= below;
    return isfinite(s->value[0]) && s->value[0] != 0 ? 0 : -1;
}

/* SCALE:ZERO, or nothing: those of the network. */
static int set_quantize(struct recipe_step *s, struct slice v)
{
    struct slice part[2];
    s->values = v.n ? slice_split(v, ':', part, RECIPE_COUNT(part)) : 0;
    for (int i = 0; i < s->values; i++)
        if (slice_float(part[i], &s->value[i]))
            return -1;
    return s->values == 0 || (s->values == 2 && s->value[0] > 0) ? 0 : -1;
}

static const struct step_key {
    const char *want;
    int (*set)(struct recipe_step *s, struct slice value);
} step_keys[] = {
    [RECIPE_RESIZE] =
        {"N or WxH, short, long, width, height, min, max or multiple:N, or fit, cover, clamp, "
         "edges:WxH, or closest:WxHxN, or within:LxN, of 1 to 65535, then perhaps :near, :down or :up, and :again; "
         "or WxH:warp",
         set_resize},
    [RECIPE_CROP] = {"N, WxH, part:AxB or WxH+X+Y, of 1 to 65535, :down behind one without +", set_crop},
    [RECIPE_LETTERBOX] =
        {"WxH or WxH:PAD, in pixels of 1 to 65535, PAD of 0 to 255 or R:G:B, :near, :down or :up before "
         "it, then perhaps :corner and :shrink; or WxH:0, perhaps :corner, and :warp",
         set_box},
    [RECIPE_PAD] = {"WxH, multiple:N, over:N, root:N, wide:RxN or aspect:WxH, of 1 to 65535, then perhaps :PAD or "
                    ":R:G:B, of 0 to 255 before mean, std and scale, then perhaps :corner, or :mirror or :reflect "
                    "behind it instead",
                    set_box},
    [RECIPE_MEAN] = {"one number or three, A:B:C", set_mean},
    [RECIPE_STD] = {"one number or three, A:B:C, none of them 0", set_std},
    [RECIPE_SCALE] = {"a number other than 0, or a fraction as 1/255", set_scale},
    [RECIPE_QUANTIZE] = {"SCALE:ZERO with a scale above 0, or nothing behind it", set_quantize},
};

int recipe_step_set(struct recipe_step *s, struct slice value)
{
    return step_keys[s->kind].set(s, value);
}

const char *recipe_step_want(enum recipe_kind kind)
{
    return step_keys[kind].want;
}
