/* What the depthwise convolution shares with the unit that it is a part of. */
#ifndef EXEC_LOWER_DEPTHWISE_H
#define EXEC_LOWER_DEPTHWISE_H

#include "exec/lower_conv.h"

#define DEPTHWISE_KERNEL_MAX 64 /* rows */

struct depthwise_args {
    struct view x, out, add; /* add.buffer NULL: none */
    struct view bias_view;
    const struct kernels *kernels;
    struct kernel_depthwise_f32 k;
    int chunk, chunks;     /* channels that are done for several rows before the next ones, and how often */
    struct kernel_act act; /* of whole rows, after all chunks */
    int64_t in_height, out_height, stride_h, dilation_h, pad_top;
    ptrdiff_t x_row, out_row, add_row;
};

/* Whether the kernel does the convolution, maybe over an input whose channels are repeated. */
bool exec_depthwise_fits(const struct kernels *k, const struct node *n, struct conv *c);
/* Fills in what the kernel needs; x, out and add are set. */
int exec_depthwise_describe(struct plan *p, struct node *n, const struct conv *c, const struct conv_ports *ports,
                            struct depthwise_args *d, struct error *err);

#endif
