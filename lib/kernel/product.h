/* Matrix products C = epilogue(A B): what a kernel for them says of itself, and one call of it.
 *
 * A has f32 or bytes, B f32 or s8; sums are f32 or, exact and wrapping, s32. One description serves all types, so that
 * whoever cuts a product into tiles, packs weights or finds a kernel need not know them. */
#ifndef KERNEL_PRODUCT_H
#define KERNEL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Activations, as ONNX defines them. */
enum kernel_act_kind {
    KERNEL_NONE,
    KERNEL_RELU,
    KERNEL_CLIP,         /* to [a, b] */
    KERNEL_LEAKY_RELU,   /* a: slope below zero */
    KERNEL_HARD_SIGMOID, /* max(0, min(1, a x + b)) */
    KERNEL_HARD_SWISH,   /* x max(0, min(1, x/6 + 1/2)) */
    KERNEL_SIGMOID,
    KERNEL_TANH,
    KERNEL_SILU,      /* x sigmoid(a x) */
    KERNEL_GELU,      /* x/2 (1 + erf(x/sqrt 2)) */
    KERNEL_GELU_TANH, /* its approximation by tanh */
    KERNEL_ELU,       /* a */
    KERNEL_SELU,      /* a, b: alpha, gamma */
    KERNEL_CELU,      /* a */
    KERNEL_SOFTPLUS,
    KERNEL_SOFTSIGN,
    KERNEL_MISH,
    KERNEL_THRESHOLDED_RELU, /* a */
    /* The following are only ever separate layers, but share the unary kernel. */
    KERNEL_ERF,
    KERNEL_EXP,
    KERNEL_LOG,
    KERNEL_SQRT,
    KERNEL_RECIPROCAL,
    KERNEL_ABS,
    KERNEL_NEG,
    KERNEL_FLOOR,
    KERNEL_CEIL,
    KERNEL_ROUND, /* half to even */
    KERNEL_SIGN,
    KERNEL_SIN,
    KERNEL_COS,
    KERNEL_AFFINE, /* a x + b */
    KERNEL_ACT_KINDS
};

struct kernel_act {
    enum kernel_act_kind kind;
    float a, b;
};

/* Those of a few instructions. */
static inline bool kernel_act_is_quick(struct kernel_act act)
{
    const uint64_t quick = 1u << KERNEL_NONE | 1u << KERNEL_RELU | 1u << KERNEL_CLIP | 1u << KERNEL_LEAKY_RELU |
                           1u << KERNEL_HARD_SWISH;
    return quick >> act.kind & 1;
}

enum kernel_type {
    KERNEL_F32,
    KERNEL_U8,
    KERNEL_S8,
    KERNEL_S32,
    /* Of weights alone: */
    KERNEL_U4, /* two in a byte */
    KERNEL_F16,
    KERNEL_BF16
};

size_t kernel_type_size(enum kernel_type type);

/* Whole numbers from floats: clamp(round(x), low, high) + zero, ties to even; |low|, |high| < 2^21. */
struct kernel_rounding {
    float low, high;
    int32_t zero;
};

/* Sums of bytes: bytes of a_factor a + (b_factor b + shift), fused operations of numbers below 2^31. */
struct kernel_sum_q8 {
    uint8_t turn; /* makes numbers of a's and b's bytes: byte ^ turn; bytes of either kind come out */
    float a_factor, b_factor, shift;
    struct kernel_rounding rounding;
};

/* From a tile's sums to C. */
struct kernel_epilogue {
    const void *bias; /* [n], of the sums' type; or NULL */
    /* Sums of f32: act(sum + bias + add), or act(sum + bias) + add when add_last. */
    const void *const *add; /* [m] rows of n, or NULL: a residual */
    bool add_last;
    struct kernel_act act;
    /* Sums of s32 become f32(sum + bias) * multiplier + shift, and bytes of that by `rounding`, or f32 between its
     * bounds; C of s32 gets sum + bias. */
    enum kernel_type c;      /* KERNEL_U8 for bytes of either kind, KERNEL_F32 or KERNEL_S32 */
    const float *multiplier; /* [n] */
    const float *shift;      /* [n]; or NULL: none, where no multiplier is 1 or more, or -1 or less */
    struct kernel_rounding rounding;
    const int32_t *row_bias; /* [m], of sums of s32; or NULL */
    /* Of a product that `sums`: NULL, or bytes become sums of these, a, and of `add`'s, b; n is a multiple of two
     * vectors, and rows of `add` are not of C. */
    const struct kernel_sum_q8 *sum;
    int a_zero; /* of a product that is `about` zero, not 0 as u8: what is taken off A's elements */
};

/* One tile: m rows ("pixels") times the packed panels of n columns of B, one after another, so that what is done once a
 * tile is not done once a panel.
 * Row i of A is made of `taps` runs of k contiguous elements; run t begins at element tap[t] of a[i]. That is a matrix
 * (taps = 1, tap[0] = 0) as well as a convolution over channels-last pixels. A sum of f32 is the chain fma(a, b, c)
 * over taps, then k, starting from 0, to which the bias is added. */
struct kernel_gemm {
    const void *const *a; /* [m] */
    const ptrdiff_t *tap; /* [taps] */
    int taps, k;
    const void *b;    /* panels made by the kernel's pack() */
    const int *b_tap; /* [taps] which of the panels' b_taps taps each is; NULL: they are the same taps, in order */
    int b_taps;
    const void *panels; /* of a product that has them `widened`: gemm_f32's; b is what it reads instead, which the */
    bool fresh;         /* first call with them, a fresh one, makes */
    void *const *c;     /* [m] rows of n, none of them twice */
    int m, n;           /* 1 <= m <= mr, 1 <= n */
    /* Of a product that takes `even` rows, and without add_last: m is mr or, if the activation is quick, a multiple of
     * it, and rows of A, C and `add` are so many bytes apart; of the pointers to them only the first is set. */
    bool even;
    ptrdiff_t a_step, c_step, add_step;
    struct kernel_epilogue to;
    void *scratch; /* kernel_product_scratch() bytes, 64-byte aligned; NULL when these are 0 */
    /* Bytes that will be wanted soon, such as the next tile's rows or a share of the next panels, or NULL. They are
     * only prefetched, into the level-2 cache and as far as the sums take long enough, so that they may reach beyond an
     * array's end. If it is not NULL, rows of C and `add` are fetched too. */
    const void *fetch;
    size_t fetch_bytes;
};

#define KERNEL_GEMM_MR_MAX 32

struct kernel_product {
    const char *name;      /* "gemm_f32" */
    enum kernel_type a, b; /* elements of A and of B */
    int mr, nr, vector;    /* a tile's rows, a panel's columns, those of a narrow last panel: one vector */
    int head;              /* bytes that a panel has for each of its columns, before the rest of it */
    int kr;                /* elements that are multiplied together: a run's rest up to so many counts as zeros */
    int a_offset;          /* is added to every element of A: who packs B takes its multiples off the bias */
    bool about;            /* to.a_zero is taken off them instead; there may be no narrow last panel */
    int least, least_rows; /* rows and columns of B, and rows of A, from which it is faster than gemm_f32 */
    int widened; /* 0, or bytes that b has for each element of gemm_f32's panels, runs rounded up to scratch_k */
    const struct kernel_product *other; /* NULL, or one that is faster */
    int other_run;               /* where runs are shorter than so many elements, or sums than four times as many */
    int together;                /* rows, half of mr, that are read faster if equally far apart; 0: all alike */
    bool sums;                   /* takes to.sum */
    bool even;                   /* takes rows that are equally far apart without pointers to all of them */
    int few;                     /* rows that take less time than mr do, up to so many; 0: tiles are better even */
    int scratch;                 /* bytes that a call needs for each element of the tile's rows, rounded up to kr, */
    int scratch_rows, scratch_k; /* or, where these are not 0, to such multiples of rows and of elements of a run */
    void (*run)(const struct kernel_gemm *g);
    void (*leave)(void); /* NULL, or what a thread calls when it is through with calls of run() */
    /* Packs B[K][n], K = taps * k, element (t, i, j) at b[t * tap_step + i * k_step + j * n_step], into panels of nr
     * columns (the last one of `vector` columns when no more than that remain), each [taps][k / kr, rounded
     * up][columns][kr], zero-filled, behind its head. */
    void (*pack)(void *packed, const void *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step);
    /* NULL, or a product with such panels whose A has their type, and what makes that of n floats, for who reads A more
     * often than once: of `together` rows or fewer, or of each half of more, all are equally far apart, and k is a
     * multiple of `round_k`. */
    const struct kernel_product *rounded;
    int round_k;
    void (*round)(void *to, const float *from, size_t n);
};

/* Rows up to which panels of fewer bits are multiplied as they are. With more it is cheaper to widen them first, which
 * takes about as long as the product with two or three rows of AVX-512. */
#define KERNEL_NARROW_ROWS 4

/* Weights of a product of f32 in fewer bits. Panels of gemm_f32's nr columns, the last one too, have for each `block`
 * rows of k, the last block with fewer: an f32 scale for each column, then, if has_zeros, its zero point; then the
 * rows. f16 and bf16 have rows alone. A weight of S8 or U4 is (q - zero point) * scale. S8 has zero points of s32. U4
 * has them, 0 to 15, as bytes, all columns twice, and groups of four rows, of which a block's last may lack some: the
 * bytes of two rows, which hold rows 0 and 1 in their lower halves, and rows 2 and 3. */
struct kernel_narrow {
    enum kernel_type type; /* S8, U4, F16 or BF16 */
    int block;
    bool has_zeros;
    int32_t zero; /* of all, when there are none */
};

/* Bytes of a panel of nr columns and k rows. */
size_t kernel_narrow_bytes(const struct kernel_narrow *w, size_t k, size_t nr);

/* Bytes of the packed form of B with `taps` runs of k and n columns, or of one full panel (n = nr); 0 when that does
 * not fit a size_t. */
size_t kernel_product_packed(const struct kernel_product *p, size_t taps, size_t k, size_t n);
/* Bytes of a widened panel; 0 when that does not fit a size_t. */
size_t kernel_product_widened(const struct kernel_product *p, size_t taps, size_t k);
/* Bytes of scratch for a tile of `rows` rows; 0 when it needs none, or SIZE_MAX when that does not fit. */
size_t kernel_product_scratch(const struct kernel_product *p, size_t rows, size_t taps, size_t k);

#endif
