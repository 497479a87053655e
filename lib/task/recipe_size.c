/* The sizes that resize and pad lead to. */
#include <limits.h>
#include <math.h>

#include "task/recipe.h"

static int rounded(double v, enum recipe_round round)
{
    v = round == RECIPE_ROUND_NEAR ? rint(v) : round == RECIPE_ROUND_UP ? ceil(v) : floor(v);
    return v < 1 ? 1 : v > INT_MAX ? INT_MAX : (int)v;
}

/* a * b / c, at least 1. Code that rounds up has the proportion a / c first, other code the factor b / c. */
static int proportion(int a, int b, int c, struct recipe_rounding how)
{
    if (how.real)
        return rounded(how.round == RECIPE_ROUND_UP ? b * ((double)a / c) : a * ((double)b / c), how.round);
    if (how.round == RECIPE_ROUND_NEAR)
        return image_scaled(a, b, c);
    int64_t v = ((int64_t)a * b + (how.round == RECIPE_ROUND_UP ? c - 1 : 0)) / c;
    return v < 1 ? 1 : v > INT_MAX ? INT_MAX : (int)v;
}

static struct recipe_sides by_width(struct recipe_sides s, int width, struct recipe_rounding how)
{
    return (struct recipe_sides){width, proportion(s.height, width, s.width, how)};
}

static struct recipe_sides by_height(struct recipe_sides s, int height, struct recipe_rounding how)
{
    return (struct recipe_sides){proportion(s.width, height, s.height, how), height};
}

/* Both sides times a factor. */
static struct recipe_sides by_factor(struct recipe_sides s, double factor, enum recipe_round round)
{
    return (struct recipe_sides){rounded(s.width * factor, round), rounded(s.height * factor, round)};
}

/* As ResizeKeepRatio of timm and open_clip, where halves depend on the last bit of the quotient. */
static struct recipe_sides by_ratio(struct recipe_sides s, double ratio)
{
    return (struct recipe_sides){rounded(s.width / ratio, RECIPE_ROUND_NEAR),
                                 rounded(s.height / ratio, RECIPE_ROUND_NEAR)};
}

static int lesser(int a, int b)
{
    return a < b ? a : b;
}

static int greater(int a, int b)
{
    return a > b ? a : b;
}

static struct recipe_sides to_exact(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    (void)s, (void)how;
    return (struct recipe_sides){step->width, step->height};
}

static struct recipe_sides to_short(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    return (s.width <= s.height ? by_width : by_height)(s, step->width, how);
}

static struct recipe_sides to_long(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    return (s.width >= s.height ? by_width : by_height)(s, step->width, how);
}

static struct recipe_sides to_width(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    return by_width(s, step->width, how);
}

static struct recipe_sides to_height(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    return by_height(s, step->width, how);
}

/* One side to the step's. PaddleOCR, whose twins these are, has it times the factor too. */
static struct recipe_sides to_limit(const struct recipe_step *step, struct recipe_sides s, int side,
                                    struct recipe_rounding how)
{
    if (how.real && how.round == RECIPE_ROUND_DOWN)
        return by_factor(s, (double)step->width / side, how.round);
    return (side == s.width ? by_width : by_height)(s, step->width, how);
}

static struct recipe_sides to_min(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    int side = lesser(s.width, s.height);
    return side < step->width ? to_limit(step, s, side, how) : s;
}

static struct recipe_sides to_max(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    int side = greater(s.width, s.height);
    return side > step->width ? to_limit(step, s, side, how) : s;
}

static struct recipe_sides to_multiple(const struct recipe_step *step, struct recipe_sides s,
                                       struct recipe_rounding how)
{
    int n = step->width;
    how.real = false; /* a quotient, not a product */
    return (struct recipe_sides){proportion(s.width, 1, n, how) * n, proportion(s.height, 1, n, how) * n};
}

struct recipe_sides recipe_fit(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    double factor = fmin((double)step->width / s.width, (double)step->height / s.height);
    if (step->shrink && factor >= 1)
        return s;
    if (how.real)
        return by_factor(s, factor, how.round);
    if (how.round == RECIPE_ROUND_NEAR)
        return by_ratio(s, fmax((double)s.width / step->width, (double)s.height / step->height));
    bool tall = (int64_t)step->width * s.height > (int64_t)step->height * s.width;
    return tall ? by_height(s, step->height, how) : by_width(s, step->width, how);
}

static struct recipe_sides to_cover(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    bool tall = (int64_t)step->width * s.height > (int64_t)step->height * s.width;
    if (how.round == RECIPE_ROUND_NEAR)
        return by_ratio(s, fmin((double)s.width / step->width, (double)s.height / step->height));
    return tall ? by_width(s, step->width, how) : by_height(s, step->height, how);
}

/* As DPT's get_resize_output_image_size(), in float64. No side gets longer than the step's, or twice what it was. */
static struct recipe_sides to_closest(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    double x = (double)step->width / s.width, y = (double)step->height / s.height;
    double factor = fabs(1 - x) < fabs(1 - y) ? x : y;
    int n = step->multiple ? step->multiple : 1;
    return (struct recipe_sides){rounded(factor * s.width / n, how.round) * n,
                                 rounded(factor * s.height / n, how.round) * n};
}

/* As DETR's get_size_with_aspect_ratio(), and in real numbers, or if rounding is asked for, as rescale_size() of mmcv
 * and get_resize_output_image_size() of ViLT. */
static struct recipe_sides to_edges(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    double low = lesser(s.width, s.height), high = greater(s.width, s.height), size = step->width;
    bool is_tall = s.width < s.height;
    if (how.real || step->round == RECIPE_ROUND_NEAR) {
        double factor = fmin(step->height / high, step->width / low);
        return (struct recipe_sides){rounded(s.width * factor + 0.5, RECIPE_ROUND_DOWN),
                                     rounded(s.height * factor + 0.5, RECIPE_ROUND_DOWN)};
    }
    if (high / low * size > step->height)
        size = step->height * low / high;
    int near = rounded(size, RECIPE_ROUND_NEAR), far = rounded(size * high / low, RECIPE_ROUND_DOWN);
    if (near == (int)low)
        return s;
    return (struct recipe_sides){is_tall ? near : far, is_tall ? far : near};
}

static struct recipe_sides to_clamp(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    (void)how;
    return (struct recipe_sides){lesser(s.width, step->width), lesser(s.height, step->height)};
}

/* As RapidOCR's apply_vertical_padding(): as many rows above as below. */
static struct recipe_sides to_wide(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    (void)how;
    if (s.height <= step->height || s.width > (int64_t)step->width * s.height)
        s.height += (2 * greater(s.width / step->width, step->height) - s.height) / 2 * 2;
    return s;
}

static struct recipe_sides to_aspect(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    if ((int64_t)step->width * s.height > (int64_t)step->height * s.width)
        s.width = proportion(s.height, step->width, step->height, how);
    else
        s.height = proportion(s.width, step->height, step->width, how);
    return s;
}

/* As Swin2SR's pad(). */
static struct recipe_sides to_over(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    int n = step->width;
    (void)how;
    return (struct recipe_sides){(s.width / n + 1) * n, (s.height / n + 1) * n};
}

/* As ZoeDepth's pad_image(). */
static struct recipe_sides to_root(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    (void)how;
    return (struct recipe_sides){s.width + 2 * (int)(sqrt(s.width / 2.0) * step->width),
                                 s.height + 2 * (int)(sqrt(s.height / 2.0) * step->width)};
}

/* As RapidOCR's reduce_max_side(). */
static struct recipe_sides to_within(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    const struct recipe_step multiple = {.width = step->height};
    int side = greater(s.width, s.height);
    if (side <= step->width)
        return s;
    how.round = RECIPE_ROUND_NEAR;
    return to_multiple(&multiple, by_factor(s, (double)step->width / side, RECIPE_ROUND_DOWN), how);
}

/* As Perceiver's center_crop(). */
static struct recipe_sides to_part(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    int side = rounded((double)step->width / step->height * lesser(s.width, s.height), RECIPE_ROUND_DOWN);
    (void)how;
    return (struct recipe_sides){side, side};
}

static struct recipe_sides (*const sizes[])(const struct recipe_step *step, struct recipe_sides s,
                                            struct recipe_rounding how) = {
    [RECIPE_EXACT] = to_exact,     [RECIPE_SHORT] = to_short,       [RECIPE_LONG] = to_long,
    [RECIPE_WIDTH] = to_width,     [RECIPE_HEIGHT] = to_height,     [RECIPE_MIN] = to_min,
    [RECIPE_MAX] = to_max,         [RECIPE_MULTIPLE] = to_multiple, [RECIPE_FIT] = recipe_fit,
    [RECIPE_CLAMP] = to_clamp,     [RECIPE_EDGES] = to_edges,       [RECIPE_COVER] = to_cover,
    [RECIPE_CLOSEST] = to_closest, [RECIPE_WIDE] = to_wide,         [RECIPE_ASPECT] = to_aspect,
    [RECIPE_OVER] = to_over,       [RECIPE_ROOT] = to_root,         [RECIPE_WITHIN] = to_within,
    [RECIPE_PART] = to_part,
};

struct recipe_sides recipe_resized(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how)
{
    return sizes[step->size](step, s, how);
}
