/* What a recipe does to a photo: the pixels. */
#include <math.h>
#include <string.h>

#include "image/warp.h"
#include "task/recipe.h"

/* A step of one channel's value, in float32. */
static float pass_step(const struct recipe_step *s, int channel, float v)
{
    float by = s->value[s->values == 3 ? channel : 0];
    if (s->kind == RECIPE_QUANTIZE)
        return rintf(v / s->value[0]) + s->value[1];
    return s->kind == RECIPE_MEAN ? v - by : s->kind == RECIPE_STD ? v / by : s->kind == RECIPE_SCALE ? v * by : v;
}

float recipe_value(const struct recipe *r, int channel, float v)
{
    for (int k = 0; k < r->count; k++)
        v = pass_step(&r->steps[k], channel, v);
    return v;
}

/* What each sample becomes in one channel. */
static void fill_table(const struct recipe *r, int channel, float table[256])
{
    for (int i = 0; i < 256; i++)
        table[i] = recipe_value(r, channel, i);
}

static int to_integer(float v, int low, int high)
{
    return v <= low ? low : v >= high ? high : (int)nearbyintf(v);
}

/* A value as one byte of the input. */
static uint8_t to_byte(float v, enum recipe_dtype dtype)
{
    return dtype == RECIPE_U8 ? to_integer(v, 0, 255) : to_integer(v, -128, 127);
}

/* Every `from_step`th sample to every `to_step`th element. */
static void put_floats(float *out, int to_step, const uint8_t *in, int from_step, size_t n, const float table[256])
{
    for (size_t i = 0; i < n; i++)
        out[i * to_step] = table[in[i * from_step]];
}

static void put_bytes(uint8_t *out, int to_step, const uint8_t *in, int from_step, size_t n, const uint8_t table[256])
{
    for (size_t i = 0; i < n; i++)
        out[i * to_step] = table[in[i * from_step]];
}

/* The picture's channel `from`, row by row, from element `at` of the tensor on. */
static void put_channel(const struct recipe *r, const struct recipe_plan *p, const struct image *picture, int from,
                        size_t at, const float table[256], void *out)
{
    int step = p->layout == RECIPE_NHWC ? p->channels : 1;
    uint8_t bytes[256];
    for (int i = 0; i < 256 && r->dtype != RECIPE_F32; i++)
        bytes[i] = to_byte(table[i], r->dtype);
    for (int y = 0; y < picture->height; y++) {
        size_t to = at + ((size_t)(y + p->top) * p->width + p->left) * step;
        const uint8_t *in = picture->data + (size_t)y * picture->width * picture->channels + from;
        if (r->dtype == RECIPE_F32)
            put_floats((float *)out + to, step, in, picture->channels, picture->width, table);
        else
            put_bytes((uint8_t *)out + to, step, in, picture->channels, picture->width, bytes);
    }
}

/* The value of a pad behind mean, std and scale, in every element of the channel. */
static void pad_channel(const struct recipe *r, const struct recipe_plan *p, int channel, size_t at, void *out)
{
    const struct recipe_step *pad = &r->steps[r->count - 1];
    size_t step = p->layout == RECIPE_NHWC ? p->channels : 1, n = (size_t)p->width * p->height;
    float v = pad->value[pad->values == 3 ? channel : 0];
    for (size_t i = 0; i < n; i++)
        if (r->dtype == RECIPE_F32)
            ((float *)out)[at + i * step] = v;
        else
            ((uint8_t *)out)[at + i * step] = to_byte(v, r->dtype);
}

/* The same from samples that are not whole. */
static void put_real_channel(const struct recipe *r, const struct recipe_plan *p, const struct image_floats *picture,
                             int channel, int from, size_t at, void *out)
{
    int step = p->layout == RECIPE_NHWC ? p->channels : 1;
    for (int y = 0; y < picture->height; y++) {
        size_t to = at + ((size_t)(y + p->top) * p->width + p->left) * step;
        const float *in = picture->data + (size_t)y * picture->width * picture->channels + from;
        for (int x = 0; x < picture->width; x++, to += step, in += picture->channels) {
            float v = recipe_value(r, channel, *in);
            if (r->dtype == RECIPE_F32)
                ((float *)out)[to] = v;
            else
                ((uint8_t *)out)[to] = to_byte(v, r->dtype);
        }
    }
}

/* The picture after all stages; of tensorflow with samples that are not whole. */
struct picture {
    struct image bytes;
    struct image_floats floats; /* data NULL: the bytes count */
};

static void put_pixels(const struct recipe *r, const struct recipe_plan *p, const struct picture *picture, void *out)
{
    size_t pixels = (size_t)p->width * p->height;
    bool real = picture->floats.data;
    int width = real ? picture->floats.width : picture->bytes.width;
    int height = real ? picture->floats.height : picture->bytes.height;
    for (int c = 0; c < p->channels; c++) {
        float table[256];
        size_t at = p->layout == RECIPE_NHWC ? (size_t)c : c * pixels;
        int from = p->colour == RECIPE_BGR ? 2 - c : c;
        if (width != p->width || height != p->height)
            pad_channel(r, p, c, at, out);
        if (real) {
            put_real_channel(r, p, &picture->floats, c, from, at, out);
            continue;
        }
        fill_table(r, c, table);
        put_channel(r, p, &picture->bytes, from, at, table, out);
    }
}

/* Replaces a picture by what a function made of it. */
static int replace(struct image *picture, const struct image *made, int failed)
{
    image_release(picture);
    if (!failed)
        *picture = *made;
    return failed;
}

/* What lies around the picture that a stage laid down, if it is to be that picture mirrored. */
static void mirror(const struct recipe_stage *s, void *pixels, size_t size)
{
    const struct image_rect in = {s->left, s->top, s->window.width, s->window.height};
    if (s->mirror)
        image_mirror(pixels, size, s->width, s->height, &in, s->mirror == 2);
}

static int run_stage(const struct recipe *r, const struct recipe_stage *s, const struct image *in, struct image *out,
                     struct error *err)
{
    struct image boxed;
    if (s->scale_x != 0) {
        /* Inverted as OpenCV does it: places halfway between two 32nds of a pixel depend on the last bit. */
        double x = s->scale_x, y = s->scale_y, d = 1 / (x * y);
        struct image_map map = {{y * d, 0, s->from_x, 0, x * d, s->from_y, 0, 0, x * y * d}};
        return image_warp(out, in, s->width, s->height, &map, IMAGE_WARP_BLACK, err);
    }
    if (image_resize(out, in, s->scaled_width, s->scaled_height, recipe_image_filter(r), &s->window, err))
        return -1;
    if (out->width == s->width && out->height == s->height)
        return 0;
    if (replace(out, &boxed, image_place(&boxed, out, s->width, s->height, s->left, s->top, s->fill, err)))
        return -1;
    mirror(s, out->data, out->channels);
    return 0;
}

static int run_real_stage(const struct recipe *r, const struct recipe_stage *s, const struct image_floats *in,
                          const struct image *bytes, struct image_floats *out, struct error *err)
{
    static const struct image_sampling copy = {IMAGE_TF_NEAREST, IMAGE_GRID_HALF, false};
    struct image_sampling how = {recipe_image_filter(r), r->grid, r->antialias};
    struct image_floats boxed;
    float fill[] = {s->fill[0], s->fill[1], s->fill[2]};
    if (image_resize_tensorflow(out, in, bytes, s->scaled_width, s->scaled_height, s->resized ? &how : &copy,
                                &s->window, err))
        return -1;
    if (out->width == s->width && out->height == s->height)
        return 0;
    int failed = image_floats_place(&boxed, out, s->width, s->height, s->left, s->top, fill, err);
    image_floats_release(out);
    *out = failed ? (struct image_floats){0} : boxed;
    if (!failed)
        mirror(s, out->data, out->channels * sizeof *out->data);
    return failed;
}

static int run_real_stages(const struct recipe *r, const struct recipe_plan *p, const struct image *photo,
                           struct image_floats *out, struct error *err)
{
    int failed = run_real_stage(r, &p->stage[0], NULL, photo, out, err);
    for (int i = 1; !failed && i < p->stages; i++) {
        struct image_floats before = *out;
        failed = run_real_stage(r, &p->stage[i], &before, NULL, out, err);
        image_floats_release(&before);
    }
    return failed;
}

static int run_stages(const struct recipe *r, const struct recipe_plan *p, const struct image *photo, struct image *out,
                      struct error *err)
{
    struct image made;
    int failed = run_stage(r, &p->stage[0], photo, out, err);
    for (int i = 1; !failed && i < p->stages; i++)
        failed = replace(out, &made, run_stage(r, &p->stage[i], out, &made, err));
    return failed;
}

static int (*const greys[])(struct image *out, const struct image *in, struct error *err) = {
    [RECIPE_PIL] = image_grey,           [RECIPE_TORCHVISION] = image_grey,           [RECIPE_TORCH] = image_grey_torch,
    [RECIPE_OPENCV] = image_grey_opencv, [RECIPE_TENSORFLOW] = image_grey_tensorflow,
};

static int make_grey(const struct recipe *r, struct picture *picture, struct error *err)
{
    struct image grey;
    if (r->library != RECIPE_TENSORFLOW)
        return replace(&picture->bytes, &grey, greys[r->library](&grey, &picture->bytes, err));
    image_floats_grey(&picture->floats);
    return 0;
}

/* The photo after all stages, in the input's channels. */
static int make_picture(const struct recipe *r, const struct recipe_plan *p, const struct image *photo,
                        struct picture *out, struct error *err)
{
    struct image grey;
    bool to_grey = p->channels == 1 && photo->channels != 1;
    bool first = to_grey && r->colour != RECIPE_GRAY_RESIZED;
    bool all = first || r->library == RECIPE_TENSORFLOW || p->stage[0].scale_x != 0;
    if (all && image_want_all(photo, err))
        return -1;
    if (first && greys[r->library](&grey, photo, err))
        return -1;
    const struct image *in = first ? &grey : photo;
    int failed = r->library == RECIPE_TENSORFLOW ? run_real_stages(r, p, in, &out->floats, err)
                                                 : run_stages(r, p, in, &out->bytes, err);
    if (first)
        image_release(&grey);
    return failed || (to_grey && !first && make_grey(r, out, err)) ? -1 : 0;
}

int recipe_apply(const struct recipe *r, const struct recipe_plan *plan, const struct image *photo, void *out,
                 struct error *err)
{
    const struct recipe_step *end = r->count ? &r->steps[r->count - 1] : NULL;
    if (photo->channels != 3 && photo->channels != plan->channels)
        return error_set(err, "recipe: a photo of %d channel, want 3", photo->channels);
    if (end && end->kind == RECIPE_QUANTIZE && !end->values)
        return error_set(err, "recipe: quantize: the input has no scale of its own: want quantize=SCALE:ZERO");
    struct picture picture = {0};
    if (make_picture(r, plan, photo, &picture, err))
        return -1;
    put_pixels(r, plan, &picture, out);
    image_release(&picture.bytes);
    image_floats_release(&picture.floats);
    return 0;
}
