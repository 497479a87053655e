/* Numbers in the 16-bit type of a product's weights, made before it. */
#ifndef EXEC_ROUND_H
#define EXEC_ROUND_H

#include "exec/gemm.h"

/* A step that rounds what a job reads, by its product's round(): to, a matrix, gets a row of taps * k for each of its
 * pixels. Of its strides and offsets those of A are used. */
int round_pixels(struct plan *p, const struct node *n, const struct gemm_job *job, struct view *to, struct error *err);
/* The same for all pixels of a channels-last map, its border's too; x becomes that of the rounded ones. */
int round_map(struct plan *p, const struct node *n, const struct kernel_product *product, struct view *x,
              struct error *err);

#endif
