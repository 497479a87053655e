/* How a photo becomes a network's input, as one line of text: resize=256,crop=224,rgb,mean=127,std=128 */
#ifndef TASK_RECIPE_H
#define TASK_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "image/image.h"

enum recipe_fit {
    RECIPE_TO_INPUT,  /* neither resize nor letterbox given: to the input's size, unless there is a crop */
    RECIPE_SHORT,     /* resize=N: the short side to N, the long side in proportion, rounded to nearest */
    RECIPE_EXACT,     /* resize=WxH */
    RECIPE_LETTERBOX, /* letterbox=WxH[:PAD]: to fit inside, centred, the rest filled */
};
enum recipe_colour { RECIPE_AS_INPUT, RECIPE_RGB, RECIPE_BGR, RECIPE_GRAY };
enum recipe_layout { RECIPE_GUESS, RECIPE_NCHW, RECIPE_NHWC };
enum recipe_dtype { RECIPE_F32, RECIPE_U8, RECIPE_I8 };

struct recipe {
    bool as_stored; /* exif=no: the photo is taken as its pixels are stored, not turned upright */
    enum recipe_fit fit;
    int width, height; /* RECIPE_SHORT: both N */
    uint8_t pad;       /* 114 unless given */
    enum image_filter filter;
    int crop_width, crop_height; /* 0: none given */
    enum recipe_colour colour;
    int means, stds; /* how many were given: 0, 1 or 3, in the order of the input's channels */
    float mean[3], std[3];
    float scale; /* 1 unless given */
    enum recipe_layout layout;
    enum recipe_dtype dtype;
    char input[256]; /* the input's name; "" for the first */
};

/* Reads a recipe. Empty text is a recipe too: scale to the input's size, nothing else. The message of an error names
 * the key, what was given and what would be right. */
int recipe_parse(const char *text, size_t n, struct recipe *out, struct error *err);

/* Appends the canonical text, which recipe_parse() reads as the same recipe: fixed order, defaults left out. */
void recipe_print(const struct recipe *r, struct text *out);

/* From the photo's pixels to those of the input: x * scale_x + offset_x. */
struct recipe_map {
    float scale_x, scale_y, offset_x, offset_y;
};

/* What a recipe comes to for one photo and one input. */
struct recipe_plan {
    struct recipe_map map;
    int scaled_width, scaled_height; /* of the photo resized */
    struct image_rect window;        /* the part of the resized photo that is kept */
    int left, top;                   /* where that part lies in the input's width x height */
    int width, height, channels;
    enum recipe_colour colour;
    enum recipe_layout layout;
    int rank;
    int64_t dims[4]; /* the tensor's: rank dimensions */
    size_t bytes;
};

/* Plans for a photo of width x height and an input of `rank` dims, of which those <= 0 are unknown: NCHW or NHWC with
 * one picture (rank 4), the same without N (rank 3), HW (rank 2), or rank 0 for a shape wholly unknown. What the recipe
 * leaves open comes from the dims; where both speak they must agree. */
int recipe_plan(const struct recipe *r, int width, int height, const int64_t *dims, int rank, struct recipe_plan *out,
                struct error *err);

/* Writes plan->bytes to `out`: ((sample - mean) / std) * scale, computed in float32; for the integer dtypes rounded to
 * nearest even and saturated. `photo` must have the size that was planned for. */
int recipe_apply(const struct recipe *r, const struct recipe_plan *plan, const struct image *photo, void *out,
                 struct error *err);

/* A point of the input, in pixels, back to the photo's pixels. */
void recipe_unmap(const struct recipe_map *map, float *x, float *y);

#endif
