/* What the lowerings of products of bytes (nn.QConv, nn.QMatMul) share. Their operands are: x, its scale and zero
 * point, weights with theirs, scale and zero point of the result (or neither: numbers), bias. */
#ifndef EXEC_LOWER_QUANT_H
#define EXEC_LOWER_QUANT_H

#include "exec/gemm.h"
#include "exec/lower.h"

/* Element i of a constant that has one for all, or one each; 0 when the input is absent. */
double exec_quant_param(const struct node *n, int in, int64_t i);
/* Whether input `in` is absent, or a constant of one element or of `count`. */
bool exec_quant_is_param(const struct node *n, int in, int64_t count);

/* Whether input `in` is there, and f32. */
static inline bool exec_quant_is_real(const struct node *n, int in)
{
    return node_in(n, in) && n->in[in]->type.dtype == DTYPE_F32;
}

/* Weights less their zero points: column j has element j * column_step + at[i] of what is stored, i < depth. Where that
 * does not fit s8 a column is several runs, which add up to it and meet the same run of x: sums stay exact. */
struct quant_weights {
    int input, zero_input, bias_input; /* of the node; INT32_MAX: it has no bias */
    int64_t columns, depth, column_step;
    int runs;
    int64_t most; /* that |sum of a column's products with bytes| can be; of u8 255, of s8 less */
    const int64_t *at;
    const int *zero;      /* [columns]; given where zero_input has more than these, else NULL at first */
    const int32_t *sum;   /* [columns] of a column's weights */
    const int32_t *reach; /* [columns] that |sum of x less its zero point times weights| can be; NULL: there is room */
    bool is_signed, is_wide; /* wide: s16, of depthwise convolutions, whose zero points are 0 */
};

#define QUANT_RUNS_MAX 3

/* Fills in all but inputs, columns, depth, column_step and at, which is the plan's. 1: the weights or their parameters
 * are not constant, or a sum of products might not fit s32. */
int exec_quant_weights(struct plan *p, const struct node *n, struct quant_weights *w, struct error *err);

/* The product's panels of `groups` groups of columns, whose depth is `taps` times k: of all runs of the first, then of
 * the second. */
const void *exec_quant_packed(struct plan *p, const struct node *n, const char *name, const struct quant_weights *w,
                              const struct kernel_product *product, int groups, int taps, int k, struct error *err);
/* Columns [first, last) as [column][run][depth] s8. */
void exec_quant_take(const struct quant_weights *w, const void *stored, int64_t first, int64_t last, int8_t *to);

/* Lets a kernel that adds `offset` to every element of x, whose zero point, input 2, may be known in a run only, give
 * sums: adds a step that makes their biases, so many times one behind the other. */
BASE_COLD int exec_quant_sums(struct plan *p, struct node *n, const struct quant_weights *w, int offset, int times,
                              struct view *bias, struct error *err);

/* The epilogue for these weights of a kernel that adds a_offset to every element of x. 1: scales are no numbers, or a
 * sum with its bias might not fit s32. */
BASE_COLD int exec_quant_epilogue(struct plan *p, const struct node *n, const struct quant_weights *w, int a_offset,
                                  struct kernel_epilogue *to, struct error *err);

/* Bytes of value v with scale and zero point at inputs `scale` and scale + 1; false when these are not constant, or the
 * scale is 0 or no number. */
BASE_COLD bool exec_quant_byte(const struct node *n, const struct value *v, int scale, struct kernel_byte *of);

/* The bounds of bytes, and those that the node's activation narrows them to; false when the kernels lack it. */
BASE_COLD struct kernel_rounding exec_quant_bounds(const struct kernel_byte *of);
BASE_COLD bool exec_quant_rounding(const struct node *n, const struct kernel_byte *of, struct kernel_rounding *r);

/* nn.QAdd or nn.QMul, but for the operands' places; false: not a case for the kernel. */
BASE_COLD bool exec_quant_binary(const struct node *n, struct kernel_binary_q8 *b);
#define QUANT_BYTES 256
/* What binary_q8 makes of all pairs, [a][b]. */
BASE_COLD void exec_quant_list(const struct kernels *k, const struct kernel_binary_q8 *b, uint8_t (*want)[QUANT_BYTES]);
/* Its operands are each other's kind. */
BASE_COLD struct kernel_binary_q8 exec_quant_swapped(const struct kernel_binary_q8 *b);
/* nn.QTable; false: its table is no constant, or of numbers. */
BASE_COLD bool exec_quant_table(const struct node *n, struct byte_table *table);
/* A sum by multiply-adds that gives binary_q8's bytes; false: none was found. */
BASE_COLD bool exec_quant_sum(const struct kernels *k, const struct kernel_binary_q8 *b, struct kernel_sum_q8 *s);
/* The nn.QAdd that alone uses the bytes n makes, if it can be done with them, tile by tile: the job gets `sum` and
 * `add`, or `table`, and its result is the sum's. Else n. Pixels have `axis` in a row. */
BASE_COLD struct node *exec_quant_join_sum(struct plan *p, struct node *n, int axis, struct gemm_job *job);
/* The same of nn.QTable, for whoever makes n's bytes. */
BASE_COLD struct node *exec_quant_join_table(struct node *n, struct byte_table *table);
/* The only user of n's result; NULL: it has others, or is in another graph. */
BASE_COLD struct node *exec_quant_user(const struct node *n);

/* The Cast to f32 that alone uses the sums n makes, or the Mul by a number behind it, or the Add of a constant along
 * `axis` behind that: the job is told to give such numbers. Else n; NULL: failed. */
BASE_COLD struct node *exec_quant_join_numbers(struct plan *p, struct node *n, int axis, int64_t columns,
                                               struct gemm_job *job, struct error *err);

/* Rows of floats that a step works on, but that are bytes outside of it: each passes a row of scratch memory. */
struct quant_rows {
    bool reads, writes; /* bytes */
    struct kernel_byte from, to;
    struct kernel_rounding rounding;
};
/* Takes the step that makes the floats of input 0, of which n is the only user, out of the plan: n's own one reads the
 * bytes that they come from, x. false: there is none, or rows along `axis` are short, or do not lie as rows. */
BASE_COLD bool exec_quant_read_rows(struct plan *p, const struct node *n, int axis, struct view *x,
                                    struct quant_rows *rows);
/* The QuantizeLinear that alone uses n's floats, if their step can do it; else n. */
BASE_COLD struct node *exec_quant_write_rows(struct node *n, int axis, struct quant_rows *rows);
static inline size_t quant_scratch(const struct quant_rows *rows, size_t n)
{
    return rows->reads || rows->writes ? n * sizeof(float) : 0;
}

/* The address of n floats of x, or of `row`, which gets them. */
const float *quant_row(const struct quant_rows *rows, const struct kernels *k, const struct view *x, ptrdiff_t at,
                       size_t n, float *row);
/* Where floats of `out` are to be put, which may be `row`; puts them to where they belong. */
float *quant_room(const struct quant_rows *rows, const struct view *out, ptrdiff_t at, float *row);
void quant_store(const struct quant_rows *rows, const struct kernels *k, const struct view *out, ptrdiff_t at,
                 const float *row, size_t n);

/* What kernels for rows of n bytes are told; NULL where rows are not between bytes, or not for these kernels. */
/* Rows from `first` on, before `last`, that are equally far from each other, and how many; the nest is of out, in. */
int64_t exec_quant_strips(const struct nest *nest, const struct view *out, const struct view *in, int64_t first,
                          int64_t last, size_t n, struct kernel_strips_q8 *to);
BASE_COLD int exec_quant_softmax(struct plan *p, const struct quant_rows *rows, size_t n,
                                 const struct kernel_softmax_q8 **to, struct error *err);
BASE_COLD int exec_quant_norm(struct plan *p, const struct quant_rows *rows, const struct kernel_norm_f32 *norm,
                              const struct kernel_norm_q8 **to, struct error *err);

/* Adds a step that does all of n by lines: of rows between the bytes of `rows` on both sides; of x and `by`, which has
 * one row for many of x, the operands of b in its order. 1: not a case for it. */
BASE_COLD int exec_quant_scale(struct plan *p, const struct node *n, const struct view *out, const struct view *x,
                               const struct quant_rows *rows, const struct kernel_scale_f32 *scale, struct error *err);
BASE_COLD int exec_quant_by_column(struct plan *p, const struct node *n, const struct view *out, const struct view *x,
                                   const struct view *by, const struct kernel_binary_q8 *b, struct error *err);

/* What distinguishes weights of the same bytes: type, zero points, and which they are. */
BASE_COLD int64_t exec_quant_key(const struct node *n, const struct quant_weights *w);
/* The inputs of nn.QConv and nn.QMatMul; of ConvInteger and MatMulInteger. */
#define QUANT_INPUTS   .input = 3, .zero_input = 5, .bias_input = 8
#define INTEGER_INPUTS .input = 1, .zero_input = 3, .bias_input = INT32_MAX

/* Scale and zero point of u8 that DynamicQuantizeLinear finds for n > 0 numbers. */
struct kernel_byte exec_quant_range(const struct kernels *k, const float *x, int64_t n);

/* Output 0 from input 0, f32, as bytes whose one scale, and zero point (NULL: 0), are known in a run only. */
int exec_quantize_by_run(struct plan *p, struct node *n, const struct view *scale, const struct view *zero,
                         struct error *err);

/* MatMulInteger whose second operand is a result. */
BASE_COLD int exec_lower_integer_product(struct plan *p, struct node *n, struct error *err);

/* The product for the type of input 0. */
const struct kernel_product *exec_quant_product(const struct kernels *k, const struct node *n);
/* The same where the zero point of A is a constant, and B too: `depth` elements in each of so many columns, which meet
 * runs of `run` elements. */
const struct kernel_product *exec_quant_product_of(const struct kernels *k, const struct node *n, int64_t run,
                                                   int64_t depth, int64_t columns);
/* What it adds to every element of A. */
int exec_quant_offset(const struct node *n, const struct kernel_product *p);
/* The byte that stands for 0 in input 0. */
int exec_quant_fill(const struct node *n);

#endif
