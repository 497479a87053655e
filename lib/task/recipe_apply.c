/* What a recipe does to a photo: the plan, and the pixels. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
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
    p->channels = p->colour == RECIPE_GRAY ? 1 : 3;
    if (t->channels && t->channels != p->channels)
        return error_set(err, "recipe: gives %d channels, the input wants %d", p->channels, t->channels);
    if (p->channels == 1 && (r->means == 3 || r->stds == 3))
        return error_set(err, "recipe: three values of mean or std for an input of one channel: want one");
    return 0;
}

/* Without resize and letterbox: to the input's size. If one side of that is open, the photo's proportions count. */
static void scale_to_input(const struct recipe *r, const struct target *t, int w, int h, struct recipe_plan *p)
{
    p->scaled_width = w;
    p->scaled_height = h;
    if (r->crop_width)
        return;
    if (t->width || t->height) {
        p->scaled_width = t->width ? t->width : image_scaled(w, t->height, h);
        p->scaled_height = t->height ? t->height : image_scaled(h, t->width, w);
    }
}

static void scale_short(const struct recipe *r, int w, int h, struct recipe_plan *p)
{
    p->scaled_width = w <= h ? r->width : image_scaled(w, r->width, h);
    p->scaled_height = w <= h ? image_scaled(h, r->width, w) : r->width;
}

static int plan_window(const struct recipe *r, const struct target *t, struct recipe_plan *p, struct error *err)
{
    int w = p->scaled_width, h = p->scaled_height;
    int crop_w = r->crop_width ? r->crop_width : t->width ? t->width : w;
    int crop_h = r->crop_height ? r->crop_height : t->height ? t->height : h;
    if (crop_w > w || crop_h > h)
        return error_set(err, "recipe: a crop of %dx%d from a photo of %dx%d after resizing: want a smaller crop",
                         crop_w, crop_h, w, h);
    p->window = (struct image_rect){(w - crop_w) / 2, (h - crop_h) / 2, crop_w, crop_h};
    p->width = crop_w;
    p->height = crop_h;
    return 0;
}

static int plan_letterbox(const struct recipe *r, int w, int h, struct recipe_plan *p, struct error *err)
{
    if (r->crop_width)
        return error_set(err, "recipe: letterbox and crop together: want one of them");
    struct image_rect at = image_fit(w, h, r->width, r->height);
    p->scaled_width = at.width;
    p->scaled_height = at.height;
    p->left = at.x;
    p->top = at.y;
    p->window = (struct image_rect){0, 0, at.width, at.height};
    p->width = r->width;
    p->height = r->height;
    return 0;
}

static int plan_geometry(const struct recipe *r, const struct target *t, int w, int h, struct recipe_plan *p,
                         struct error *err)
{
    if (r->fit == RECIPE_LETTERBOX)
        return plan_letterbox(r, w, h, p, err);
    p->scaled_width = r->width;
    p->scaled_height = r->height;
    if (r->fit == RECIPE_SHORT)
        scale_short(r, w, h, p);
    else if (r->fit == RECIPE_TO_INPUT)
        scale_to_input(r, t, w, h, p);
    if (p->scaled_width > IMAGE_MAX_SIDE || p->scaled_height > IMAGE_MAX_SIDE)
        return error_set(err, "recipe: a photo of %dx%d would become %dx%d: want sides of at most %d", w, h,
                         p->scaled_width, p->scaled_height, IMAGE_MAX_SIDE);
    return plan_window(r, t, p, err);
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
    if (choose_colour(r, &t, &p, err) || plan_geometry(r, &t, width, height, &p, err))
        return -1;
    if ((t.width && t.width != p.width) || (t.height && t.height != p.height))
        return error_set(err, "recipe: gives %dx%d pixels, the input wants %dx%d", p.width, p.height,
                         t.width ? t.width : p.width, t.height ? t.height : p.height);
    p.map = (struct recipe_map){(float)p.scaled_width / width, (float)p.scaled_height / height, p.left - p.window.x,
                                p.top - p.window.y};
    plan_tensor(r, rank, &p);
    *out = p;
    return 0;
}

void recipe_unmap(const struct recipe_map *map, float *x, float *y)
{
    *x = (*x - map->offset_x) / map->scale_x;
    *y = (*y - map->offset_y) / map->scale_y;
}

/* What each sample becomes in one channel, in float32. */
static void fill_table(const struct recipe *r, int channel, float table[256])
{
    float mean = r->means ? r->mean[r->means == 3 ? channel : 0] : 0;
    float std = r->stds ? r->std[r->stds == 3 ? channel : 0] : 1;
    for (int i = 0; i < 256; i++)
        table[i] = ((float)i - mean) / std * r->scale;
}

static int to_integer(float v, int low, int high)
{
    return v <= low ? low : v >= high ? high : (int)nearbyintf(v);
}

/* Every `from_step`th sample to every `to_step`th element. */
static void put_floats(float *out, int to_step, const uint8_t *in, int from_step, size_t n, const float table[256])
{
    for (size_t i = 0; i < n; i++)
        out[i * to_step] = table[in[i * from_step]];
}

static void put_bytes(uint8_t *out, int to_step, const uint8_t *in, int from_step, size_t n, const float table[256],
                      enum recipe_dtype dtype)
{
    uint8_t bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = dtype == RECIPE_U8 ? to_integer(table[i], 0, 255) : to_integer(table[i], -128, 127);
    for (size_t i = 0; i < n; i++)
        out[i * to_step] = bytes[in[i * from_step]];
}

static void put_pixels(const struct recipe *r, const struct recipe_plan *p, const struct image *picture, void *out)
{
    size_t pixels = (size_t)p->width * p->height;
    int planar = p->layout != RECIPE_NHWC, step = planar ? 1 : p->channels;
    for (int c = 0; c < p->channels; c++) {
        float table[256];
        fill_table(r, c, table);
        const uint8_t *in = picture->data + (p->colour == RECIPE_BGR ? 2 - c : c);
        size_t at = planar ? c * pixels : (size_t)c;
        if (r->dtype == RECIPE_F32)
            put_floats((float *)out + at, step, in, p->channels, pixels, table);
        else
            put_bytes((uint8_t *)out + at, step, in, p->channels, pixels, table, r->dtype);
    }
}

/* The resized and cropped photo, in the input's channels. */
static int make_window(const struct recipe *r, const struct recipe_plan *p, const struct image *photo,
                       struct image *out, struct error *err)
{
    if (p->channels != 1 || photo->channels == 1)
        return image_resize(out, photo, p->scaled_width, p->scaled_height, r->filter, &p->window, err);
    struct image grey;
    if (image_grey(&grey, photo, err))
        return -1;
    int failed = image_resize(out, &grey, p->scaled_width, p->scaled_height, r->filter, &p->window, err);
    image_release(&grey);
    return failed;
}

int recipe_apply(const struct recipe *r, const struct recipe_plan *plan, const struct image *photo, void *out,
                 struct error *err)
{
    if (photo->channels != 3 && photo->channels != plan->channels)
        return error_set(err, "recipe: a photo of %d channel, want 3", photo->channels);
    struct image picture, boxed;
    if (make_window(r, plan, photo, &picture, err))
        return -1;
    if (picture.width != plan->width || picture.height != plan->height) {
        int failed = image_place(&boxed, &picture, plan->width, plan->height, plan->left, plan->top, r->pad, err);
        image_release(&picture);
        if (failed)
            return -1;
        picture = boxed;
    }
    put_pixels(r, plan, &picture, out);
    image_release(&picture);
    return 0;
}
