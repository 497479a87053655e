/* What the ways to lower a convolution of bytes share. */
#ifndef EXEC_LOWER_QCONV_H
#define EXEC_LOWER_QCONV_H

#include "exec/lower_conv.h"
#include "exec/lower_quant.h"

/* Reads a convolution with constant weights, one zero point for x, and sizes that fit, and the border that its window
 * needs, with `beyond` more pixels behind each axis; false: it is not a case for kernels. */
bool exec_qconv_read(const struct node *n, struct conv *c, const int64_t *beyond, int (*border)[2]);

/* [taps][in] of each output channel, of all groups, from [in][taps]; exec_quant_weights() of these. */
int exec_qconv_weights(struct plan *p, const struct node *n, const struct conv *c, struct quant_weights *w,
                       struct error *err);

/* Places x, with a border, and the result of `last`, n or what is done with it. */
int exec_qconv_ports(struct plan *p, struct node *n, struct node *last, int (*wanted)[2], struct view *x,
                     struct view *out, struct error *err);

#endif
