/* How a photo becomes a network's input, as one line of text: resize=256,crop=224,rgb,mean=127,std=128 */
#ifndef TASK_RECIPE_H
#define TASK_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "image/image.h"

#define RECIPE_MAX_STEPS 16

/* Steps, done in the order given: first those up to RECIPE_PAD, which change the picture's size, then the others, which
 * change its values. A pad may also stand behind all others: then it fills with a value of the input. */
enum recipe_kind {
    RECIPE_RESIZE,    /* resize=SIZE[:ROUNDING]; several in a row come to one size, and one resampling */
    RECIPE_CROP,      /* crop=N, crop=WxH: the centre; crop=WxH+X+Y: from there */
    RECIPE_LETTERBOX, /* letterbox=WxH[:ROUNDING][:COLOUR][:corner][:shrink or :warp]: to fit inside, the rest
                       * filled */
    RECIPE_PAD,       /* pad=WxH[:COLOUR][:corner], pad=multiple:N..., pad=wide:RxN..., pad=aspect:WxH...: no resizing;
                       * a larger picture stays */
    RECIPE_MEAN,      /* subtracted */
    RECIPE_STD,       /* divided by */
    RECIPE_SCALE,     /* multiplied with */
    RECIPE_QUANTIZE,  /* quantize=SCALE:ZERO: divided, rounded, added to; quantize: by those of the network's input */
};

/* What is asked of the sides; in proportion unless said. */
enum recipe_size {
    RECIPE_EXACT,    /* WxH: both, whatever the proportion */
    RECIPE_SHORT,    /* N or short:N */
    RECIPE_LONG,     /* long:N */
    RECIPE_WIDTH,    /* width:N */
    RECIPE_HEIGHT,   /* height:N */
    RECIPE_MIN,      /* min:N: the short side, if it is shorter */
    RECIPE_MAX,      /* max:N: the long side, if it is longer */
    RECIPE_MULTIPLE, /* multiple:N: each to a multiple of N, at least N */
    RECIPE_OVER,     /* over:N, of a pad: each to the next larger multiple of N, also where it is one */
    RECIPE_ROOT,     /* root:N, of a pad: each by N times the root of its half, truncated, on both sides */
    RECIPE_FIT,      /* fit:WxH: the largest that fits inside */
    RECIPE_CLAMP,    /* clamp:WxH: each cut down to that if larger, whatever the proportion */
    RECIPE_EDGES,    /* edges:SxL: the short side to S, but the long one to L at most */
    RECIPE_COVER,    /* cover:WxH: the smallest in proportion that covers */
    RECIPE_CLOSEST,  /* closest:WxH or WxHxN: fit or cover, whichever changes less; then each to a multiple of N */
    RECIPE_WITHIN,   /* within:LxN: the long side, if it is longer, to L, and then each to the nearest multiple of N */
    RECIPE_WIDE,     /* wide:RxN, of a pad: over R times as wide as high, or no higher than N: to twice the height that
                      * is W / R, at least N */
    RECIPE_ASPECT,   /* aspect:WxH, of a pad: the smallest of that proportion that it fits into */
    RECIPE_PART,     /* part:AxB, of a crop: a square of A / B of the short side, truncated */
};

/* Of a side that follows from the other: by default to nearest, ties to even; truncated for torchvision. */
enum recipe_round { RECIPE_ROUND_DEFAULT, RECIPE_ROUND_NEAR, RECIPE_ROUND_DOWN, RECIPE_ROUND_UP };

enum recipe_library { RECIPE_PIL, RECIPE_TORCHVISION, RECIPE_TORCH, RECIPE_OPENCV, RECIPE_TENSORFLOW };
enum recipe_filter {
    RECIPE_BILINEAR,
    RECIPE_BICUBIC,
    RECIPE_NEAREST,
    RECIPE_BILINEAR_NOAA,
    RECIPE_LANCZOS,
    RECIPE_BOX,
    RECIPE_AREA,
    RECIPE_HAMMING,
    RECIPE_LANCZOS5,
    RECIPE_GAUSSIAN,
    RECIPE_MITCHELL,
};
enum recipe_colour { RECIPE_AS_INPUT, RECIPE_RGB, RECIPE_BGR, RECIPE_GRAY, RECIPE_GRAY_RESIZED };
enum recipe_layout { RECIPE_GUESS, RECIPE_NCHW, RECIPE_NHWC };
enum recipe_dtype { RECIPE_F32, RECIPE_U8, RECIPE_I8 };

struct recipe_step {
    enum recipe_kind kind;
    enum recipe_size size;
    enum recipe_round round;
    int width, height; /* of a size in one number: both N */
    int x, y;          /* of a crop; -1: the centre */
    int multiple;      /* of RECIPE_CLOSEST; 0: of none */
    int corner;        /* 1: the picture at the top left; 0: centred */
    bool again;        /* a resize of what the steps before made, rounded to 8 bits, not of the photo */
    int shrink;        /* 1: a letterbox never enlarges */
    int warp;          /* 1: it is warped, places not being rounded to pixels */
    int mirror;        /* of a pad: 1: filled with the picture mirrored, 2: without its outermost pixels once more */
    int values;        /* how many are given: 0, 1 or 3, for quantize 2. A colour is red, green, blue, others as the
                        * input's channels */
    float value[3];
};

struct recipe {
    int count;
    struct recipe_step steps[RECIPE_MAX_STEPS];
    bool as_stored;              /* exif=no: the photo is taken as its pixels are stored, not turned upright */
    enum recipe_library library; /* whose resampling, grey, and rounding of sizes and places */
    enum recipe_filter filter;
    enum image_grid grid;      /* of tensorflow */
    bool antialias;            /* of tensorflow; others' filters say it themselves */
    enum recipe_colour colour; /* gray: before all steps; gray-resized: behind those on the size */
    enum recipe_layout layout;
    enum recipe_dtype dtype;
    char input[256]; /* the input's name; "" for the first */
};

/* Reads a recipe. Empty text is a recipe too: scale to the input's size, nothing else. The message of an error names
 * the key, what was given and what would be right. */
int recipe_parse(const char *text, size_t n, struct recipe *out, struct error *err);

/* Appends the canonical text, which recipe_parse() reads as the same recipe: defaults left out. */
void recipe_print(const struct recipe *r, struct text *out);

/* Reads a recipe out of the n bytes of a preprocessor_config.json of Hugging Face or a config.json of timm, or out of
 * the object under the key `part` there (NULL: all). What they ask for that no recipe can say is an error. */
int recipe_import(const char *bytes, size_t n, const char *part, struct recipe *out, struct error *err);

/* The words of a size, indexed by enum recipe_size, and the others. Private to the parser and printer. */
extern const char *const recipe_size_names[RECIPE_PART + 1];
extern const char *const recipe_round_names[RECIPE_ROUND_UP + 1];
extern const char *const recipe_kind_names[RECIPE_QUANTIZE + 1];
extern const char *const recipe_library_names[RECIPE_TENSORFLOW + 1];
extern const char *const recipe_filter_names[RECIPE_MITCHELL + 1];
extern const char *const recipe_grid_names[IMAGE_GRID_CORNERS + 1];
extern const char *const recipe_colour_names[RECIPE_GRAY_RESIZED + 1];
extern const char *const recipe_layout_names[RECIPE_NHWC + 1];
extern const char *const recipe_dtype_names[RECIPE_I8 + 1];

/* How a filter of the recipe is computed: an enum image_filter, for tensorflow an enum image_tensorflow_filter; -1 when
 * its library has no such filter. */
int recipe_image_filter(const struct recipe *r);

/* What a colour is when none is given: the grey of YOLO's letterboxes, or black. */
float recipe_default_fill(enum recipe_kind kind);

/* The words of a pad's filling, indexed by `mirror`. */
extern const char *const recipe_mirror_names[3];

/* Whether a size takes two numbers. */
bool recipe_size_is_pair(enum recipe_size size);

/* Width and height of a picture, in pixels. */
struct recipe_sides {
    int width, height;
};

/* How a side that follows from the other is rounded; `real`: what is multiplied with is computed first, in float64, as
 * code over OpenCV does. */
struct recipe_rounding {
    enum recipe_round round; /* not RECIPE_ROUND_DEFAULT */
    bool real;
};

/* What a picture's sides become by the size of a step, at least 1 and perhaps more than a picture may have.
 * recipe_fit() takes any step's width and height for RECIPE_FIT. */
struct recipe_sides recipe_resized(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how);
struct recipe_sides recipe_fit(const struct recipe_step *step, struct recipe_sides s, struct recipe_rounding how);

/* From the photo's pixels to those of the input: x * scale_x + offset_x. */
struct recipe_map {
    float scale_x, scale_y, offset_x, offset_y;
    bool stretched; /* recipe_stretches() */
};

/* Whether both sides of the resized photo are given, so that its proportions are not kept. */
bool recipe_stretches(const struct recipe *r);

/* Steps that are done at once: the picture is resized to scaled_width x scaled_height, of which `window` is kept and
 * laid at left, top into a picture of width x height filled with `fill`. */
struct recipe_stage {
    int scaled_width, scaled_height;
    bool resized; /* to which the photo is brought even where it has that size: some filters smooth it then */
    struct image_rect window;
    int left, top, width, height;
    double scale_x, scale_y; /* not 0: warped instead, by these factors */
    double from_x, from_y;   /* where pixel 0, 0 lies in what was there before */
    uint8_t fill[3];
    int mirror; /* as the step's */
};

/* What a recipe comes to for one photo and one input. */
struct recipe_plan {
    struct recipe_map map;
    int stages; /* at least 1 */
    struct recipe_stage stage[2 * RECIPE_MAX_STEPS + 2];
    int left, top; /* where the last stage's picture lies in the input's width x height */
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

/* Writes plan->bytes to `out`: each sample after mean, std and scale in their order, computed in float32; for the
 * integer dtypes rounded to nearest even and saturated. `photo` must have the size that was planned for. */
int recipe_apply(const struct recipe *r, const struct recipe_plan *plan, const struct image *photo, void *out,
                 struct error *err);

/* What the steps on values make of a sample of one channel. */
float recipe_value(const struct recipe *r, int channel, float v);

/* A point of the input, in pixels, back to the photo's pixels. */
void recipe_unmap(const struct recipe_map *map, float *x, float *y);

#endif
