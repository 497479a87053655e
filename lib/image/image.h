/* Pictures of 8-bit samples: decoding, resizing, cropping, padding, drawing, encoding. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

#define IMAGE_MAX_PIXELS (1 << 26)
#define IMAGE_MAX_FLOATS (1 << 24) /* pixels of a picture of float32 samples */
#define IMAGE_MAX_SIDE   65535

struct image {
    int width, height;
    int channels;                /* 3: red, green, blue; 1: grey */
    uint8_t *data;               /* from malloc: height rows of width pixels, channels interleaved, rows without gaps */
    struct image_source *source; /* what the rows are made of when they are wanted; NULL: they are there */
};

/* Part of a picture, in pixels; x, y is its top left corner. */
struct image_rect {
    int x, y, width, height;
};

/* A coordinate as a whole number of 0 to `most`, truncated; 0 for what is no number. */
static inline int image_truncate(double v, int most)
{
    return v > 0 ? v < most ? (int)v : most : 0;
}

/* A black picture. Sides of 1 to IMAGE_MAX_SIDE, at most IMAGE_MAX_PIXELS in all, 1 or 3 channels. Like every function
 * here that has an `out`, fills it only on success (0); the caller then releases it. Returns -1 on an error. */
int image_init(struct image *out, int width, int height, int channels, struct error *err);
void image_release(struct image *image);

/* Decodes the n bytes of a JPEG, PNG, GIF (first frame), BMP, PNM (P1 to P7) or TGA file to RGB: grey is repeated,
 * alpha dropped (a transparent part of a GIF shows its background), 16-bit samples keep their high byte, an EXIF
 * orientation is not applied (see image_turn()). A JPEG gives the samples that libjpeg gives. The size is checked
 * before anything is allocated; truncated files are refused. */
int image_decode(struct image *out, const void *bytes, size_t n, struct error *err);

/* The same, but of a JPEG only the header is read yet, so that damage is told by what reads more, and the bytes must
 * stay until image_want_all(), or image_want() of all. Of a large photo that OpenCV's way makes small, most blocks are
 * never made samples, and most rows no colours. Only image_resize() and image_turn() take such a picture; for all else
 * image_want_all() goes before. */
int image_decode_lazily(struct image *out, const void *bytes, size_t n, struct error *err);
void image_source_free(struct image_source *source);

/* Makes the samples that lie in one of these columns and one of these rows; x NULL: all. */
int image_want(const struct image *image, const int *x, int columns, const int *y, int rows, struct error *err);
int image_make_rows(const struct image *image, struct error *err);
const uint8_t *image_make_row(const struct image *image, int y);

static inline int image_want_all(const struct image *image, struct error *err)
{
    return image->source ? image_make_rows(image, err) : 0;
}

/* Its columns that image_want() was told of, until the next row is asked for. */
static inline const uint8_t *image_row(const struct image *image, int y)
{
    return image->source ? image_make_row(image, y)
                         : image->data + (size_t)y * (size_t)image->width * (size_t)image->channels;
}

/* How many bytes the first of the pictures takes that begin there, in those of Netpbm's formats of which one may follow
 * another; SIZE_MAX of a plain one (P1 to P3), which none follows; 0 when it is none of them, too large, or its header
 * is damaged or not all there. */
size_t image_pnm_size(const uint8_t *bytes, size_t n);

/* The orientation that a JPEG or PNG file asks for, 1 to 8 as EXIF counts; 1 (as stored) when it asks for none, or when
 * what it says cannot be read. */
int image_exif_orientation(const uint8_t *bytes, size_t n);

/* Brings a picture stored with an orientation of 1 to 8 upright, in place. */
int image_turn(struct image *image, int orientation, struct error *err);

enum image_filter {
    IMAGE_BILINEAR,       /* antialiased: the triangle widens with the reduction */
    IMAGE_BICUBIC,        /* antialiased, Keys' kernel with a = -1/2 */
    IMAGE_NEAREST,        /* the pixel under the centre */
    IMAGE_BILINEAR_PLAIN, /* two by two neighbours whatever the reduction; pixel centres at one half */
    IMAGE_LANCZOS,        /* antialiased, three lobes */
    IMAGE_BOX,            /* antialiased: the mean of what a pixel covers */
    IMAGE_HAMMING,        /* antialiased: sharper than the triangle, as wide */
    IMAGE_TORCH_BILINEAR, /* antialiased, of tensors of bytes: weights of 15 bits */
    IMAGE_TORCH_BICUBIC,
    IMAGE_CV_LINEAR, /* OpenCV's INTER_LINEAR and so on, none antialiased but the last */
    IMAGE_CV_CUBIC,
    IMAGE_CV_NEAREST, /* the pixel under the top left corner */
    IMAGE_CV_LANCZOS, /* INTER_LANCZOS4 */
    IMAGE_CV_AREA,
    IMAGE_FILTERS
};

/* How resize_images of TensorFlow goes about it. */
enum image_tensorflow_filter {
    IMAGE_TF_BILINEAR,
    IMAGE_TF_BICUBIC,
    IMAGE_TF_NEAREST,
    IMAGE_TF_AREA,
    IMAGE_TF_LANCZOS3,
    IMAGE_TF_LANCZOS5,
    IMAGE_TF_GAUSSIAN,
    IMAGE_TF_MITCHELL,
    IMAGE_TF_FILTERS
};

/* Where output x lies in the input, by `scale` inputs an output. */
enum image_grid {
    IMAGE_GRID_HALF,    /* (x + 1/2) * scale - 1/2: half_pixel_centers, all that TensorFlow 2 has */
    IMAGE_GRID_LEGACY,  /* x * scale */
    IMAGE_GRID_CORNERS, /* the same, the scale being that of sides less 1: align_corners */
};

struct image_sampling {
    enum image_tensorflow_filter filter;
    enum image_grid grid; /* of the first four filters when not antialiased */
    bool antialias;
};

/* Samples that need not be whole: rows of pixels as in struct image. */
struct image_floats {
    int width, height, channels;
    float *data;
};

/* Makes three channels one in place, as tf.image.rgb_to_grayscale() does. */
void image_floats_grey(struct image_floats *image);

/* As image_init(), image_release() and image_place(); all samples are 0 at first. */
int image_floats_init(struct image_floats *out, int width, int height, int channels, struct error *err);
void image_floats_release(struct image_floats *image);
int image_floats_place(struct image_floats *out, const struct image_floats *in, int width, int height, int x, int y,
                       const float *fill, struct error *err);

/* Resizes as tf.image.resize() and the operators ResizeBilinear, ResizeBicubic, ResizeNearestNeighbor, ResizeArea and
 * ScaleAndTranslate of TensorFlow do, and those of TFLite: in float32, nothing rounded. The picture is `in`, or `bytes`
 * when that is NULL. */
int image_resize_tensorflow(struct image_floats *out, const struct image_floats *in, const struct image *bytes,
                            int width, int height, const struct image_sampling *how, const struct image_rect *window,
                            struct error *err);

/* Resizes to width x height by convolution along rows and columns (these first where the height shrinks by more than
 * twice as many pixels as the width), rounding to 8 bits after each, with weights of 22 fractional bits: the result is
 * that of Image.resize() of Pillow 13 to the bit (IMAGE_BILINEAR_PLAIN has no counterpart there), and for
 * IMAGE_TORCH_... that of interpolate() of PyTorch. Those of OpenCV give what its resize() gives (INTER_CUBIC,
 * INTER_LANCZOS4 and INTER_AREA, which it computes in part in floating point, but for rare roundings). With a `window`,
 * only that part of the result is computed. */
int image_resize(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                 const struct image_rect *window, struct error *err);

/* OpenCV's weights w[4] of the four samples around a place that lies `x` behind the middle left one: Keys' kernel with
 * a = -3/4, where the last weight is what the others leave of 1. */
void image_weigh_cubic(float x, float *w);

/* The rectangle must lie inside. */
int image_crop(struct image *out, const struct image *in, const struct image_rect *rect, struct error *err);

/* A width x height picture of the colour `fill`, a sample a channel, with `in` at x, y, wholly inside. */
int image_place(struct image *out, const struct image *in, int width, int height, int x, int y, const uint8_t *fill,
                struct error *err);

/* Fills what lies around `in` with that part mirrored at its sides, again and again; `once`: without its outermost
 * pixels once more. A picture of width x height pixels of `size` bytes. */
void image_mirror(void *pixels, size_t size, int width, int height, const struct image_rect *in, bool once);

/* ITU-R 601-2 luma of an RGB picture, by PIL's integer weights; a grey one is copied. */
int image_grey(struct image *out, const struct image *in, struct error *err);

/* The same by OpenCV's weights, of 15 bits, and as tf.image.rgb_to_grayscale() and that of torchvision on tensors have
 * it, truncated. */
int image_grey_opencv(struct image *out, const struct image *in, struct error *err);
int image_grey_tensorflow(struct image *out, const struct image *in, struct error *err);
int image_grey_torch(struct image *out, const struct image *in, struct error *err);

/* a * b / c rounded to nearest, ties to even, as Python's round(); at least 1. a, b, c >= 1. */
int image_scaled(int a, int b, int c);

/* Appends the picture as a file. */
int image_write_png(const struct image *image, struct text *out, struct error *err);
/* Grey samples are numbers of colours. */
int image_write_palette(const struct image *image, const uint8_t palette[256][3], struct text *out, struct error *err);
int image_write_pnm(const struct image *image, struct text *out, struct error *err);

#endif
