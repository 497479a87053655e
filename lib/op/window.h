/* Sliding windows over the spatial axes of N x C x D1 x … tensors: the attributes that convolutions and pools share,
 * and the sizes that follow from them. Messages are plain; the caller says the node (real_eval_fail, real_infer_fail).
 */
#ifndef OP_WINDOW_H
#define OP_WINDOW_H

#include "op/op.h"

enum { WINDOW_MAX = TENSOR_MAX_RANK - 2 };

enum window_auto { WINDOW_EXPLICIT, WINDOW_SAME_UPPER, WINDOW_SAME_LOWER, WINDOW_VALID };

struct window {
    int rank; /* spatial axes */
    enum window_auto auto_pad;
    bool ceil;
    int64_t kernel[WINDOW_MAX], stride[WINDOW_MAX], dilation[WINDOW_MAX];
    int64_t begin[WINDOW_MAX], end[WINDOW_MAX]; /* padding; window_resolve() sets it for SAME */
    int64_t in[WINDOW_MAX], out[WINDOW_MAX];    /* set by window_resolve() */
};

/* Reads strides, dilations, pads, auto_pad and ceil_mode, those of them that the row has, for `rank` spatial axes.
 * kernel_shape, where the row has it: taken from there when set, must agree with `kernel` where that is given (weights'
 * dims; negative: unknown). */
int window_read(struct window *w, const struct node *n, int rank, const int64_t *kernel, struct error *err);

/* The number of spatial axes that a node's attributes tell of, or -1. */
int window_rank(const struct node *n);

/* Sizes for numeric input dims: fills in, out, begin, end. An output may be 0 only where an input dim is. */
int window_resolve(struct window *w, const int64_t *in, struct error *err);

/* The output dim of axis i for an input dim that may be symbolic or unknown. */
int window_infer_dim(struct graph *g, const struct window *w, int i, int64_t in, int64_t *out, struct error *err);

/* (kernel - 1) * dilation + 1 of axis i. */
int64_t window_extent(const struct window *w, int i);

/* Steps through all places of a box of `rank` axes, the last one fastest; false after the last. */
bool window_next(int rank, const int64_t *dims, int64_t *at);

/* Of the window at output place `at`: offset into the input plane of tap `tap`, or -1 when that lies in the padding. */
int64_t window_offset(const struct window *w, const int64_t *at, const int64_t *tap);

#endif
