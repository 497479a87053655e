/* Weights that are stored in fewer bits than f32 stay so in products of f32: nn.Dequantize (op/fused_quant.c). */
#ifndef EXEC_NARROW_H
#define EXEC_NARROW_H

#include "exec/lower.h"

#define NARROW_LEAST 4096 /* elements below which it is not worth it */

/* Matrices that DequantizeLinear or Cast makes of constants for products alone become nn.Dequantize, which constant
 * folding leaves alone; those of DequantizeLinear only with `scaled`: operators of whole numbers come first. */
BASE_COLD int narrow_keep(struct graph *root, bool scaled, struct error *err);

/* How a product's matrix at input 1 is stored; NULL when it is not by an nn.Dequantize whose users all take it so. */
BASE_COLD const struct node *narrow_weights(const struct node *product);

/* Fills in what multiplies a job's rows with such weights. */
BASE_COLD int narrow_packed(struct plan *p, const struct node *weights, struct gemm_job *job, struct error *err);

#endif
