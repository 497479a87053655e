/* What several lowerings share. */
#ifndef EXEC_LOWER_H
#define EXEC_LOWER_H

#include "exec/gemm.h"
#include "exec/packing.h"
#include "exec/plan.h"
#include "op/window.h"

/* Lowers a node to steps: 0 done, 1 not a case for it (the reference takes it), -1 failed. */
typedef int exec_lower_fn(struct plan *p, struct node *n, struct error *err);

/* One of the ways to lower an operator. Which one is taken depends on shapes and the processor alone, so that results
 * do not depend on threads or moments. */
struct exec_way {
    /* Cycles that one thread should take, negative: it is not a case for this way. */
    double (*cost)(const struct kernels *k, const struct node *n);
    /* NULL, or the border that it needs around the first input; false: none. */
    bool (*border)(const struct node *n, int (*border)[2]);
    exec_lower_fn *lower;
    /* The byte that this border holds; NULL: 0. */
    int (*fill)(const struct node *n);
};

/* The cheapest way for a node; NULL when it has none. */
const struct exec_way *exec_lower_find(const struct kernels *k, const struct node *n);
int exec_lower_reference(struct plan *p, struct node *n, struct error *err);

#define LOWER(domain, op, fn)   BASE_COLD exec_lower_fn fn;
#define CHOICE(domain, op, way) extern const struct exec_way exec_way_##way;
#include "exec/lower.def"
#undef CHOICE
#undef LOWER

/* An axis of [-rank, rank), which inference has checked, in [0, rank). */
static inline int exec_lower_axis(int64_t axis, int rank)
{
    return (int)(axis < 0 ? axis + rank : axis);
}
/* Which axes of its operand a reduction takes together; false when that is only known at run time, or none is. */
bool exec_lower_reduced_axes(const struct node *n, bool *reduced);

/* Where v begins in the first input of the Slice or Split that cuts it out, along this axis alone; else -1. */
int64_t exec_lower_part(const struct value *v, int axis);

/* The order in which the result of an operator element by element lies: that of an operand of its shape. */
enum order exec_lower_order(const struct node *n);

/* Is input i an f32 tensor (as a run-time value or a constant)? */
bool exec_lower_is_f32(const struct node *n, int i);
/* A constant that can be had as f32: f32, f16 or bf16. */
bool exec_lower_is_weight(const struct node *n, int i);

/* The window of a (transposed) convolution or pool for its static shapes. 1: not a case for kernels (too many axes, or
 * not near). */
int exec_lower_window(const struct node *n, const int64_t *kernel, struct window *w, struct error *err);
/* Whether all sizes, steps and pads of the window fit an int, and what lowerings make of them an int64_t. */
bool exec_lower_window_is_near(const struct window *w);

/* The border of zeroed pixels around x for a kernel that reads reach[i][0] pixels before spatial axis i and reach[i][1]
 * behind it (negative: not even all of it). False when it would take more memory than the convolution is worth: the
 * reference does without. */
bool exec_lower_border(const struct type *x, const int64_t (*reach)[2], int (*border)[2]);

/* Whether MatMul, nn.MatMul or Gemm is a case for exec_lower_matmul() or exec_lower_gemm(). */
bool exec_lower_takes_product(const struct node *n);

/* The function of one operand that an ONNX node is; false when the kernels lack it. */
bool plan_unary(const struct node *n, struct kernel_act *act);
/* The activation fused into a node: KERNEL_NONE when there is none. False when the kernels lack it. */
bool plan_activation(const struct node *n, struct kernel_act *act);

/* Fills the job's bias from input i, constant or not; absent: none. */
int exec_lower_bias(struct plan *p, struct node *n, int i, struct gemm_job *job, struct error *err);

#endif
