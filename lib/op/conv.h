/* The convolution that Conv, ConvInteger and QLinearConv share: sums in doubles (exact for integers), handed to the
 * caller row by row. */
#ifndef OP_CONV_H
#define OP_CONV_H

#include "op/gemm.h"
#include "op/window.h"

struct conv {
    struct window window; /* resolved */
    int64_t batch, groups, in_channels, out_channels;
    int64_t in_size, out_size, taps; /* products of the spatial dims of X, Y and of the kernel */
    int rank;
    int64_t dims[TENSOR_MAX_RANK]; /* of Y */
    const struct tensor *x, *w;
    double x_zero;        /* subtracted from X; padding stays 0 after that */
    const double *w_zero; /* [out_channels] subtracted from W, or NULL */
    /* Takes the sums of `count` places from `first` on of channel `channel` of image `image`; `sums` may be changed. */
    void (*store)(const struct conv *conv, int64_t image, int64_t channel, int64_t first, int count, double *sums);
    void *user;
    /* Fills tiles of the image side; NULL: from X as it lies. g->user is a struct conv_part. */
    void (*load)(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b);
    const void *load_user;
};

/* Of one image the channels of one group, as the matrix product sees them: k is (channel, tap), n the output place. */
struct conv_part {
    const struct conv *conv;
    int64_t image, group;
    const double *planes; /* [in_channels / groups][in_size] */
};

/* Checks X (N x C x D…), W (M x C/group x k…) and, if not NULL, the bias ([M]) against the node's attributes and fills
 * everything but zeros, store and user. */
int conv_init(struct conv *conv, const struct op_eval *c, const struct tensor *x, const struct tensor *w,
              const struct tensor *bias, struct error *err);
int conv_run(const struct conv *conv, struct error *err);
/* Runs it into output 0, of X's type, with the bias added when it is not NULL. */
int conv_give(struct op_eval *c, const struct conv *conv, const struct tensor *bias, struct error *err);
/* Tap number `tap` as its place on each axis of the kernel. */
void conv_tap(const struct window *w, int64_t tap, int64_t *at);
/* Output 0 from the inputs with these indices. */
int conv_infer(struct op_infer *c, int x, int w, enum dtype dtype, struct error *err);
int conv_transpose_infer(struct op_infer *c, int x, int w, enum dtype dtype, struct error *err);

#endif
