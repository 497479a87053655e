/* What the depthwise convolution shares with the unit that it is a part of. */
#ifndef EXEC_LOWER_DEPTHWISE_H
#define EXEC_LOWER_DEPTHWISE_H

#include "exec/lower_conv.h"

#define DEPTHWISE_KERNEL_MAX 64 /* rows */

/* Rows of the result that go together, at most, and their distance in rows of the input. */
#define DEPTHWISE_TOGETHER 8
#define DEPTHWISE_STRIDE   2
#define DEPTHWISE_ROWS     (DEPTHWISE_KERNEL_MAX + (DEPTHWISE_TOGETHER - 1) * DEPTHWISE_STRIDE)

struct depthwise_args {
    struct view x, out, add; /* add.buffer NULL: none */
    struct view bias_view;
    const struct kernels *kernels;
    struct kernel_depthwise_f32 k;
    int together; /* rows of the result that may be made by one call of the kernel */
    int64_t in_height, out_height, stride_h, dilation_h, pad_top;
    ptrdiff_t x_row, out_row, add_row;
};

/* Whether the kernel does the convolution, maybe over an input whose channels are repeated. */
bool exec_depthwise_fits(const struct kernels *k, const struct node *n, struct conv *c);
/* Fills in what the kernel needs; x, out and add are set. */
int exec_depthwise_describe(struct plan *p, struct node *n, const struct conv *c, const struct conv_ports *ports,
                            struct depthwise_args *d, struct error *err);
/* What `count` rows of the result from y on read, for the kernel: row r of the input lies at first + r % ring * step.
 * row[DEPTHWISE_ROWS] */
void exec_depthwise_rows(const struct depthwise_args *d, int64_t y, int count, const float *first, int64_t ring,
                         ptrdiff_t step, const float **row);

#endif
