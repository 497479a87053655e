/* Inside the ncnn reader: the kernels, strides and pads of convolutions and pools, in the graph's order of axes. */
#ifndef FORMAT_NCNN_READ_WINDOW_H
#define FORMAT_NCNN_READ_WINDOW_H

#include "format/ncnn/read.h"

#define WINDOW_AXES 3

/* A pad of this number in the file: as much as makes the output ceil(size / stride), the odd one behind or before. */
#define PAD_SAME_UPPER -233
#define PAD_SAME_LOWER -234

struct window {
    int axes; /* 1, 2 or 3 */
    int64_t kernel[WINDOW_AXES], dilation[WINDOW_AXES], stride[WINDOW_AXES];
    int64_t pads[2 * WINDOW_AXES]; /* all begins, all ends; 0 with `same` */
    const char *same;              /* "SAME_UPPER", "SAME_LOWER" or NULL */
    int64_t taps;                  /* product of kernel */
};

/* The parameters' numbers of one axis; dilation -1: none. */
struct window_ids {
    int kernel, dilation, stride, begin, end;
};

/* ids[0] is of the width, then height, depth. Fails for sizes that are not positive. */
void ncnn_window_read(struct reader *r, struct window *w, const struct window_ids *ids);

/* Sets kernel_shape, strides, dilations (where not 1) and pads or auto_pad on v's node. Returns v. */
struct value *ncnn_window_set(struct reader *r, struct value *v, const struct window *w);

/* Pads of the file (all begins, all ends, of w's axes) as a node before x, with a number. */
struct value *ncnn_window_pad(struct reader *r, struct value *x, const struct window *w, const int64_t *pads,
                              double number);

#endif
