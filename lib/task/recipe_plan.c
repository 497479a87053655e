/* What a recipe does to a photo of some size: the plan. */
#include <math.h>
#include <string.h>

#include "task/recipe.h"

/* The input as its dims say: 0 where they do not. */
struct target {
    int width, height, channels;
    enum recipe_layout layout;
};

static int is_channels(int64_t dim)
{
    return dim == 1 || dim == 3;
}

static int known(int64_t dim)
{
    return dim > 0 ? (int)dim : 0;
}

/* Which of the layouts a shape c0 x h x w or h x w x c1 has. */
static enum recipe_layout guess_layout(const struct recipe *r, int64_t first, int64_t last)
{
    if (r->layout != RECIPE_GUESS)
        return r->layout;
    return is_channels(last) && !is_channels(first) ? RECIPE_NHWC : RECIPE_NCHW;
}

static int find_target(const struct recipe *r, const int64_t *dims, int rank, struct target *t, struct error *err)
{
    *t = (struct target){.layout = r->layout == RECIPE_GUESS ? RECIPE_NCHW : r->layout};
    if (rank == 0)
        return 0;
    if (rank < 2 || rank > 4)
        return error_set(err, "recipe: the input has %d dimensions: want 2 to 4 for a picture", rank);
    for (int i = 0; i < rank; i++)
        if (dims[i] > IMAGE_MAX_SIDE)
            return error_set(err, "recipe: dimension %d of the input is %lld: want at most %d for a picture", i,
                             (long long)dims[i], IMAGE_MAX_SIDE);
    if (rank == 4 && dims[0] > 1)
        return error_set(err, "recipe: the input is a batch of %d pictures: want a batch of 1", (int)dims[0]);
    const int64_t *d = dims + (rank == 4);
    if (rank == 2) {
        *t = (struct target){known(d[1]), known(d[0]), 1, t->layout};
        return 0;
    }
    t->layout = guess_layout(r, d[0], d[2]);
    int last = t->layout == RECIPE_NHWC;
    *t = (struct target){known(d[2 - last]), known(d[1 - last]), known(d[last ? 2 : 0]), t->layout};
    return 0;
}

static int choose_colour(const struct recipe *r, const struct target *t, struct recipe_plan *p, struct error *err)
{
    p->colour = r->colour;
    if (p->colour == RECIPE_AS_INPUT)
        p->colour = t->channels == 1 ? RECIPE_GRAY : RECIPE_RGB;
    p->channels = p->colour >= RECIPE_GRAY ? 1 : 3;
    if (t->channels && t->channels != p->channels)
        return error_set(err, "recipe: gives %d channels, the input wants %d", p->channels, t->channels);
    for (int i = 0; i < r->count && p->channels == 1; i++)
        if (r->steps[i].values == 3)
            return error_set(err, "recipe: three values of %s for an input of one channel: want one",
                             recipe_kind_names[r->steps[i].kind]);
    return 0;
}

/* ---- stages ---- */

static struct recipe_stage *last(struct recipe_plan *p)
{
    return &p->stage[p->stages - 1];
}

/* One that does nothing yet. */
static void add_stage(struct recipe_plan *p, int width, int height)
{
    p->stage[p->stages++] = (struct recipe_stage){.scaled_width = width,
                                                  .scaled_height = height,
                                                  .window = {0, 0, width, height},
                                                  .width = width,
                                                  .height = height};
}

/* Whether nothing is laid around the window yet, and whether nothing is cut off either. */
static bool is_bare(const struct recipe_stage *s)
{
    return s->scale_x == 0 && s->width == s->window.width && s->height == s->window.height;
}

static bool is_whole(const struct recipe_stage *s)
{
    return is_bare(s) && s->window.width == s->scaled_width && s->window.height == s->scaled_height;
}

/* `again`: the photo is resampled to the size it has by now first. */
static int resize_to(struct recipe_plan *p, struct recipe_sides to, bool again, struct error *err)
{
    struct recipe_sides from = {last(p)->width, last(p)->height};
    if (to.width > IMAGE_MAX_SIDE || to.height > IMAGE_MAX_SIDE)
        return error_set(err, "recipe: a photo of %dx%d would become %dx%d: want sides of at most %d", from.width,
                         from.height, to.width, to.height, IMAGE_MAX_SIDE);
    if (is_whole(last(p)) && !again)
        p->stages--;
    add_stage(p, to.width, to.height);
    last(p)->resized = true;
    return 0;
}

static bool is_torchvision(const struct recipe *r)
{
    return r->library == RECIPE_TORCHVISION || r->library == RECIPE_TORCH;
}

static struct recipe_rounding rounding(const struct recipe *r, const struct recipe_step *step)
{
    bool truncates = is_torchvision(r) || r->library == RECIPE_TENSORFLOW;
    enum recipe_round usual = truncates ? RECIPE_ROUND_DOWN : RECIPE_ROUND_NEAR;
    return (struct recipe_rounding){step->round ? step->round : usual, r->library == RECIPE_OPENCV};
}

static struct recipe_sides size_for(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p)
{
    return recipe_resized(step, (struct recipe_sides){last(p)->width, last(p)->height}, rounding(r, step));
}

static int check_sides(struct recipe_sides s, struct error *err)
{
    if (s.width > IMAGE_MAX_SIDE || s.height > IMAGE_MAX_SIDE || (int64_t)s.width * s.height > IMAGE_MAX_PIXELS)
        return error_set(err, "recipe: gives %dx%d pixels: want sides of at most %d and at most %d pixels", s.width,
                         s.height, IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
    return 0;
}

/* As MediaPipe lays it, by cv2.warpPerspective(): side by side, or a letterbox with what lies around it halved. */
static int plan_warp(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p, struct error *err)
{
    struct recipe_sides to = {step->width, step->height};
    double w = last(p)->width, h = last(p)->height, x = to.width / w, y = to.height / h;
    double most = fmax(w / to.width, h / to.height);
    bool boxed = step->kind == RECIPE_LETTERBOX, centred = boxed && !step->corner;
    if (r->library == RECIPE_TENSORFLOW)
        return error_set(err, "recipe: %s=...:warp: want another library than tensorflow",
                         recipe_kind_names[step->kind]);
    if (resize_to(p, to, false, err) || check_sides(to, err))
        return -1;
    if (boxed)
        x = y = fmin(x, y);
    last(p)->scale_x = x;
    last(p)->scale_y = y;
    last(p)->from_x = centred ? (w - to.width * most) / 2 : 0;
    last(p)->from_y = centred ? (h - to.height * most) / 2 : 0;
    return 0;
}

static int plan_resize(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p, struct error *err)
{
    if (step->warp)
        return plan_warp(r, step, p, err);
    return resize_to(p, size_for(r, step, p), step->again, err);
}

/* Where the centre part of `in` begins; halves are rounded down, or to even. */
static int centre(int in, int part, bool to_even)
{
    int twice = in - part;
    return twice / 2 + (to_even && twice % 4 == 3);
}

static struct recipe_sides cropped(const struct recipe_step *step, const struct recipe_plan *p)
{
    const struct recipe_stage *s = &p->stage[p->stages - 1];
    return recipe_resized(step, (struct recipe_sides){s->width, s->height}, (struct recipe_rounding){0});
}

/* From x, y on; the centre when they are negative, torchvision's unless the step truncates. */
static int crop_to(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p, struct error *err)
{
    struct recipe_sides to = cropped(step, p);
    bool to_even = is_torchvision(r) && step->round != RECIPE_ROUND_DOWN;
    int x = step->x, y = step->y;
    int w = last(p)->width, h = last(p)->height;
    if (to.width > w || to.height > h)
        return error_set(err, "recipe: a crop of %dx%d from a photo of %dx%d after resizing: want a smaller crop",
                         to.width, to.height, w, h);
    x = x < 0 ? centre(w, to.width, to_even) : x;
    y = y < 0 ? centre(h, to.height, to_even) : y;
    if (x > w - to.width || y > h - to.height)
        return error_set(err, "recipe: a crop of %dx%d at %d,%d of a photo of %dx%d: want it inside", to.width,
                         to.height, x, y, w, h);
    if (!is_bare(last(p)))
        add_stage(p, w, h);
    struct recipe_stage *s = last(p);
    s->window = (struct image_rect){s->window.x + x, s->window.y + y, to.width, to.height};
    s->width = to.width;
    s->height = to.height;
    return 0;
}

/* The size that a pad leads to: never a smaller one. */
static struct recipe_sides padded(const struct recipe_step *step, struct recipe_sides s)
{
    struct recipe_sides to = recipe_resized(step, s, (struct recipe_rounding){RECIPE_ROUND_UP, false});
    return (struct recipe_sides){to.width > s.width ? to.width : s.width, to.height > s.height ? to.height : s.height};
}

static float fill_value(const struct recipe_step *step, int channel)
{
    return step->values ? step->value[step->values == 3 ? channel : 0] : recipe_default_fill(step->kind);
}

static int lay(const struct recipe_step *step, struct recipe_plan *p, struct recipe_sides to, struct error *err)
{
    if (check_sides(to, err))
        return -1;
    if (!is_bare(last(p)))
        add_stage(p, last(p)->width, last(p)->height);
    struct recipe_stage *s = last(p);
    s->left = step->corner ? 0 : (to.width - s->width) / 2;
    s->top = step->corner ? 0 : (to.height - s->height) / 2;
    s->width = to.width;
    s->height = to.height;
    s->mirror = step->mirror;
    for (int c = 0; c < 3; c++)
        s->fill[c] = (uint8_t)fill_value(step, c);
    return 0;
}

/* Where a picture is smaller than its centre crop, torchvision and transformers lay it onto black first; the latter,
 * over PIL, farther right and down where a side is odd. */
static int plan_crop(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p, struct error *err)
{
    static const struct recipe_step black = {.kind = RECIPE_PAD};
    struct recipe_sides s = {last(p)->width, last(p)->height}, to = cropped(step, p);
    to = (struct recipe_sides){to.width > s.width ? to.width : s.width, to.height > s.height ? to.height : s.height};
    bool lays = r->library <= RECIPE_TORCH && step->x < 0 && (to.width > s.width || to.height > s.height);
    if (lays && lay(&black, p, to, err))
        return -1;
    if (lays && r->library == RECIPE_PIL) {
        last(p)->left = (to.width - s.width + 1) / 2;
        last(p)->top = (to.height - s.height + 1) / 2;
    }
    return crop_to(r, step, p, err);
}

/* tf.image.resize_with_pad(): the middle is found before the size is truncated, all in float32. */
static int plan_resize_with_pad(const struct recipe_step *step, struct recipe_plan *p, struct error *err)
{
    struct recipe_sides to = {step->width, step->height};
    float w = last(p)->width, h = last(p)->height, ratio = fmaxf(w / to.width, h / to.height);
    w /= ratio;
    h /= ratio;
    if (resize_to(p, (struct recipe_sides){w < 1 ? 1 : (int)w, h < 1 ? 1 : (int)h}, false, err) ||
        lay(step, p, to, err))
        return -1;
    last(p)->left = (int)((to.width - w) / 2);
    last(p)->top = (int)((to.height - h) / 2);
    return 0;
}

static int plan_letterbox(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p,
                          struct error *err)
{
    struct recipe_sides s = {last(p)->width, last(p)->height};
    struct recipe_rounding how = rounding(r, step);
    if (step->warp)
        return plan_warp(r, step, p, err);
    if (r->library == RECIPE_TENSORFLOW && !step->corner && !step->shrink && how.round == RECIPE_ROUND_DOWN)
        return plan_resize_with_pad(step, p, err);
    if (resize_to(p, recipe_fit(step, s, how), false, err))
        return -1;
    return lay(step, p, (struct recipe_sides){step->width, step->height}, err);
}

static int plan_pad(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p, struct error *err)
{
    (void)r;
    return lay(step, p, padded(step, (struct recipe_sides){last(p)->width, last(p)->height}), err);
}

static int (*const planners[])(const struct recipe *r, const struct recipe_step *step, struct recipe_plan *p,
                               struct error *err) = {
    [RECIPE_RESIZE] = plan_resize,
    [RECIPE_CROP] = plan_crop,
    [RECIPE_LETTERBOX] = plan_letterbox,
    [RECIPE_PAD] = plan_pad,
};

/* ---- the whole ---- */

/* Where no step makes a size: to the input's. If one side of that is open, the photo's proportions count. */
static int resize_to_input(const struct target *t, struct recipe_plan *p, struct error *err)
{
    int w = last(p)->width, h = last(p)->height;
    if (!t->width && !t->height)
        return 0;
    struct recipe_sides to = {t->width ? t->width : image_scaled(w, t->height, h),
                              t->height ? t->height : image_scaled(h, t->width, w)};
    return resize_to(p, to, false, err);
}

/* After a resize alone, the centre is kept that the input has room for. */
static int crop_to_input(const struct recipe *r, const struct target *t, struct recipe_plan *p, struct error *err)
{
    struct recipe_step step = {.kind = RECIPE_CROP, .x = -1, .y = -1};
    step.width = t->width ? t->width : last(p)->width;
    step.height = t->height ? t->height : last(p)->height;
    if (step.width > last(p)->width || step.height > last(p)->height)
        return error_set(err, "recipe: gives %dx%d pixels, the input wants %dx%d", last(p)->width, last(p)->height,
                         step.width, step.height);
    return crop_to(r, &step, p, err);
}

/* The steps on the picture, which come first; how many there are. */
static int plan_steps(const struct recipe *r, struct recipe_plan *p, struct error *err)
{
    int i = 0;
    for (; i < r->count && r->steps[i].kind <= RECIPE_PAD; i++)
        if (planners[r->steps[i].kind](r, &r->steps[i], p, err))
            return -1;
    return i;
}

static int plan_geometry(const struct recipe *r, const struct target *t, struct recipe_plan *p, struct error *err)
{
    const struct recipe_step *pad = r->count ? &r->steps[r->count - 1] : NULL;
    int n = plan_steps(r, p, err);
    bool resizes_only = true;
    for (int i = 0; i < n; i++)
        resizes_only &= r->steps[i].kind == RECIPE_RESIZE;
    bool pads_values = n >= 0 && n < r->count && pad->kind == RECIPE_PAD;
    if (n < 0 || (n == 0 && !pads_values && resize_to_input(t, p, err)))
        return -1;
    if (pads_values && pad->mirror)
        return error_set(err, "recipe: pad=...:%s behind values: want it before mean, std and scale",
                         recipe_mirror_names[pad->mirror]);
    if (resizes_only && !pads_values && crop_to_input(r, t, p, err))
        return -1;
    struct recipe_sides in = {last(p)->width, last(p)->height}, all = pads_values ? padded(pad, in) : in;
    p->width = all.width;
    p->height = all.height;
    p->left = !pads_values || pad->corner ? 0 : (all.width - in.width) / 2;
    p->top = !pads_values || pad->corner ? 0 : (all.height - in.height) / 2;
    return check_sides(all, err);
}

/* Every stage after the other, then the pad of values. */
static struct recipe_map plan_map(const struct recipe_plan *p, int width, int height)
{
    struct recipe_map m = {1, 1, 0, 0, false};
    for (int i = 0; i < p->stages; i++) {
        const struct recipe_stage *s = &p->stage[i];
        const struct recipe_map before = m;
        float x = (float)s->scaled_width / width, y = (float)s->scaled_height / height;
        m = (struct recipe_map){m.scale_x * x, m.scale_y * y, m.offset_x * x + (s->left - s->window.x),
                                m.offset_y * y + (s->top - s->window.y), false};
        if (s->scale_x != 0)
            m = (struct recipe_map){(float)(before.scale_x * s->scale_x), (float)(before.scale_y * s->scale_y),
                                    (float)((before.offset_x - s->from_x) * s->scale_x),
                                    (float)((before.offset_y - s->from_y) * s->scale_y), false};
        width = s->width;
        height = s->height;
    }
    m.offset_x += p->left;
    m.offset_y += p->top;
    return m;
}

static void plan_tensor(const struct recipe *r, int rank, struct recipe_plan *p)
{
    int64_t chw[] = {1, p->channels, p->height, p->width}, hwc[] = {1, p->height, p->width, p->channels};
    p->rank = rank ? rank : 4;
    const int64_t *dims = rank == 2 ? chw + 2 : (p->layout == RECIPE_NHWC ? hwc : chw) + (4 - p->rank);
    memcpy(p->dims, dims, p->rank * sizeof *dims);
    p->bytes = (size_t)p->width * p->height * p->channels * (r->dtype == RECIPE_F32 ? sizeof(float) : 1);
}

int recipe_plan(const struct recipe *r, int width, int height, const int64_t *dims, int rank, struct recipe_plan *out,
                struct error *err)
{
    struct target t;
    if (find_target(r, dims, rank, &t, err))
        return -1;
    struct recipe_plan p = {.layout = t.layout};
    add_stage(&p, width, height);
    if (choose_colour(r, &t, &p, err) || plan_geometry(r, &t, &p, err))
        return -1;
    if ((t.width && t.width != p.width) || (t.height && t.height != p.height))
        return error_set(err, "recipe: gives %dx%d pixels, the input wants %dx%d", p.width, p.height,
                         t.width ? t.width : p.width, t.height ? t.height : p.height);
    p.map = plan_map(&p, width, height);
    p.map.stretched = recipe_stretches(r);
    plan_tensor(r, rank, &p);
    *out = p;
    return 0;
}

bool recipe_stretches(const struct recipe *r)
{
    bool keeps = false;
    for (int i = 0; i < r->count; i++) {
        const struct recipe_step *s = &r->steps[i];
        if (s->kind == RECIPE_RESIZE && s->size == RECIPE_EXACT)
            return true;
        keeps |= s->kind == RECIPE_RESIZE || s->kind == RECIPE_LETTERBOX;
    }
    return !keeps; /* to the input's size */
}

void recipe_unmap(const struct recipe_map *map, float *x, float *y)
{
    *x = (*x - map->offset_x) / map->scale_x;
    *y = (*y - map->offset_y) / map->scale_y;
}
