/* The matrix product under convolutions and matmuls. */
#ifndef EXEC_GEMM_H
#define EXEC_GEMM_H

#include "exec/plan.h"

/* A byte b becomes bytes[b ^ turn]. */
struct byte_table {
    const uint8_t *bytes;
    uint8_t turn;
    bool is_line; /* all bytes are this one's: */
    struct kernel_line line;
};

/* out may be in. */
static inline void byte_table_run(const struct byte_table *t, const struct kernels *k, void *out, const void *in,
                                  size_t n)
{
    if (t->is_line && k->line_8)
        k->line_8(out, in, n, &t->line);
    else
        k->table_8(out, in, n, t->bytes, t->turn);
}

#define GEMM_AXES 4
/* C[pixel][n] = epilogue(sum over taps, k of A[pixel + tap][k] B[tap, k][n]), for each of `batches`. A pixel is an
 * index over up to GEMM_AXES axes, each with strides in A, C and add. Types are those of the product and of the
 * epilogue; strides and offsets count elements. */
struct gemm_job {
    const struct kernel_product *product;
    struct kernel_epilogue to; /* but for its `add`, which is: */
    bool sums;                 /* C of bytes becomes the sum of it, */
    struct kernel_sum_q8 sum;  /* the first operand, and add */
    struct byte_table table;   /* or what it says; bytes NULL: neither */
    struct view a, c, add;     /* only buffer and offset are used; add.buffer NULL: none */
    int64_t dims[GEMM_AXES];
    ptrdiff_t a_stride[GEMM_AXES], c_stride[GEMM_AXES], add_stride[GEMM_AXES];
    const ptrdiff_t *tap; /* [taps] */
    int taps, k, n;
    int beyond;       /* so many elements behind the k of A are read as well, where the product's panels have zeros: */
                      /* short runs need not be gathered then */
    const int *b_tap; /* [taps] which of the b_taps taps of B each is; NULL: B has the same, in order */
    int b_taps;
    int batches;
    const ptrdiff_t *a_batch, *c_batch, *add_batch,
        *b_batch;                       /* [batches]; NULL: all 0. b_batch is in bytes from packed */
    const void *packed;                 /* panels of constant B; or NULL, then */
    const struct kernel_narrow *narrow; /* NULL: of the product's type; else these panels are in fewer bits, */
                                        /* and the product, of f32, multiplies what they are widened to */
    struct view packed_view;            /* where a step before put them */
    struct view bias_view;              /* a bias computed at run time, in to.bias's stead; buffer NULL: none */
    const ptrdiff_t *bias_at;           /* [batches] elements from bias_view to the bias of each; NULL: all 0 */
    struct view row_bias_view;          /* one of s32 for each pixel of each batch; buffer NULL: none */
    struct view multiplier_view;        /* multipliers that a step before finds; buffer NULL: they are to.multiplier */
    int bias_batch;                     /* elements from one batch's bias and multipliers to the next */
};
/* Lets all axes of the job's A but the last, those of c and add too, be its pixels; axes of one element are left out
 * where there are too many. false: there are more. */
BASE_COLD bool gemm_set_pixels(struct gemm_job *job);
/* Lets the rows of a matrix be a job's pixels: a [.., m, k], out [.., m, n]. */
BASE_COLD void gemm_set_rows(struct gemm_job *job, const struct view *a, const struct view *out);
BASE_COLD int gemm_emit(struct plan *p, const struct node *n, const char *kernel, const struct gemm_job *job,
                        struct error *err);

/* Scratch memory of a product: gemm_part_scratch() bytes, 64-byte aligned; and what of it is still there since an
 * earlier call, NULL at first. */
struct gemm_memory {
    void *scratch;
    const void *kept;
};

/* A product of f32 or bfloat16 with constant panels and bias as a part of another step: of one batch, so many rows of
 * pixels, up to the job's, where A, C and `add` (NULL: none) begin at these addresses. pixels: of all parts. */
struct gemm_args;
BASE_COLD struct gemm_args *gemm_part(struct plan *p, const struct gemm_job *job, int64_t pixels, struct error *err);
size_t gemm_part_scratch(const struct gemm_args *part);
void gemm_run_part(const struct gemm_args *part, int64_t rows, const void *a, void *c, const void *add,
                   struct gemm_memory *memory);

#endif
