/* The sizes that resize and pad lead to. */
#include <limits.h>

#include "task/recipe.h"

/* a * b / c, at least 1. */
static int proportion(int a, int b, int c, enum recipe_round round)
{
    if (round == RECIPE_ROUND_NEAR)
        return image_scaled(a, b, c);
    int64_t v = ((int64_t)a * b + (round == RECIPE_ROUND_UP ? c - 1 : 0)) / c;
    return v < 1 ? 1 : v > INT_MAX ? INT_MAX : (int)v;
}

static struct recipe_sides by_width(struct recipe_sides s, int width, enum recipe_round round)
{
    return (struct recipe_sides){width, proportion(s.height, width, s.width, round)};
}

static struct recipe_sides by_height(struct recipe_sides s, int height, enum recipe_round round)
{
    return (struct recipe_sides){proportion(s.width, height, s.height, round), height};
}

static int lesser(int a, int b)
{
    return a < b ? a : b;
}

static struct recipe_sides to_exact(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    (void)s, (void)round;
    return (struct recipe_sides){step->width, step->height};
}

static struct recipe_sides to_short(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return (s.width <= s.height ? by_width : by_height)(s, step->width, round);
}

static struct recipe_sides to_long(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return (s.width >= s.height ? by_width : by_height)(s, step->width, round);
}

static struct recipe_sides to_width(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return by_width(s, step->width, round);
}

static struct recipe_sides to_height(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return by_height(s, step->width, round);
}

static struct recipe_sides to_min(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return lesser(s.width, s.height) < step->width ? to_short(step, s, round) : s;
}

static struct recipe_sides to_max(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return s.width > step->width || s.height > step->width ? to_long(step, s, round) : s;
}

static struct recipe_sides to_multiple(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    int n = step->width;
    return (struct recipe_sides){proportion(s.width, 1, n, round) * n, proportion(s.height, 1, n, round) * n};
}

struct recipe_sides recipe_fit(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    bool tall = (int64_t)step->width * s.height > (int64_t)step->height * s.width;
    return tall ? by_height(s, step->height, round) : by_width(s, step->width, round);
}

static struct recipe_sides to_clamp(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    (void)round;
    return (struct recipe_sides){lesser(s.width, step->width), lesser(s.height, step->height)};
}

static struct recipe_sides (*const sizes[])(const struct recipe_step *step, struct recipe_sides s,
                                            enum recipe_round round) = {
    [RECIPE_EXACT] = to_exact,   [RECIPE_SHORT] = to_short, [RECIPE_LONG] = to_long, [RECIPE_WIDTH] = to_width,
    [RECIPE_HEIGHT] = to_height, [RECIPE_MIN] = to_min,     [RECIPE_MAX] = to_max,   [RECIPE_MULTIPLE] = to_multiple,
    [RECIPE_FIT] = recipe_fit,   [RECIPE_CLAMP] = to_clamp,
};

struct recipe_sides recipe_resized(const struct recipe_step *step, struct recipe_sides s, enum recipe_round round)
{
    return sizes[step->size](step, s, round);
}
