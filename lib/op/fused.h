/* Activations, by themselves (ONNX's operators) and as attributes of the fused nodes of domain "nn".
 *
 * A fused node (nn.Conv, nn.ConvTranspose, nn.MatMul, nn.Add, nn.Sub, nn.Mul, nn.Div, nn.ScaleShift) has
 * activation:s="" (none), activation_alpha:f=0, activation_beta:f=0, and where it takes a residual input R,
 * residual_last:i=0 — 0: out = act(base + R), 1: out = act(base) + R. nn.MatMul also has transB:i=0 — 1: B is
 * stored as [N, K]. */
#ifndef OP_FUSED_H
#define OP_FUSED_H

#include "op/op.h"

struct fused_activation {
    const char *name;         /* the value of `activation`: "Relu", "Clip", "GeluTanh", … */
    const char *op;           /* the ONNX operator */
    const char *alpha, *beta; /* its attributes that the two parameters stand for, NULL: none. Clip has inputs instead:
                                 alpha = min, beta = max */
    double (*apply)(double x, double alpha, double beta);
};

/* All of them. Each ONNX operator has one entry, but Gelu two: "Gelu", and "GeluTanh" for its approximate=tanh. */
const struct fused_activation *fused_activations(size_t *count);
/* NULL when unknown. */
const struct fused_activation *fused_activation_find(const char *name);

/* Whether a resolved ONNX node is an activation that a fused node can hold: a function of its first input with constant
 * parameters. Clip's absent bounds are -inf and inf. */
const struct fused_activation *fused_activation_of(const struct node *n, float *alpha, float *beta);

/* The ONNX node for an activation of x, put before another node, resolved, still without outputs. */
struct node *fused_activation_node(const struct fused_activation *a, float alpha, float beta, struct value *x,
                                   struct node *before, struct error *err);

/* Sets activation, activation_alpha and activation_beta. */
int fused_set_activation(struct node *n, const struct fused_activation *a, float alpha, float beta, struct error *err);

#endif
