/* How Resize and Upsample map one tensor onto another: the plan, and its two ways of running. */
#ifndef OP_RESIZE_H
#define OP_RESIZE_H

#include "op/op.h"

enum resize_method { NEAREST, LINEAR, CUBIC };
enum resize_coordinates {
    HALF_PIXEL,
    HALF_PIXEL_SYMMETRIC,
    PYTORCH_HALF_PIXEL,
    ALIGN_CORNERS,
    ASYMMETRIC,
    TF_CROP_AND_RESIZE
};
enum resize_rounding { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, ROUND_FLOOR, ROUND_CEIL };
enum resize_policy { STRETCH, NOT_LARGER, NOT_SMALLER };

struct resize {
    enum resize_method method;
    enum resize_coordinates coordinates;
    enum resize_rounding rounding;
    enum resize_policy policy;
    bool antialias, exclude_outside;
    double cubic, outside; /* coefficient of the cubic; value outside of the crop */
    int rank, axis_count, axes[TENSOR_MAX_RANK];
    int64_t in[TENSOR_MAX_RANK], out[TENSOR_MAX_RANK];
    double scale[TENSOR_MAX_RANK];
    double start[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK]; /* the region of interest */
};

/* Reads a Resize node's attributes for an input of these dims; roi, scales and sizes are its other inputs, NULL where
 * absent or empty. */
int resize_plan(struct resize *r, const struct node *n, int rank, const int64_t *dims, const struct tensor *roi,
                const struct tensor *scales, const struct tensor *sizes, struct error *err);

/* The input places of one axis that output place y is made of, inside the input, and their weights, which are not 0.
 * Their number; -1 when they are more than max, or y lies outside of the crop. */
int resize_taps(const struct resize *r, int axis, int64_t y, int64_t *index, double *weight, int max);

/* Fills y, of dims out, which has elements, from x, of dims in. */
int resize_nearest(const struct resize *r, const struct tensor *x, struct tensor *y, struct error *err);
int resize_interpolate(const struct resize *r, const struct tensor *x, struct tensor *y, struct error *err);

#endif
