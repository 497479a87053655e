/* What the ways to lower a Conv share. */
#ifndef EXEC_LOWER_CONV_H
#define EXEC_LOWER_CONV_H

#include "exec/lower.h"

struct conv {
    struct window w;
    int groups, out, in, taps; /* out, in: channels of a group */
    int together;              /* pixels of a row whose channels are `out`, each by taps of its own among these */
    struct kernel_act act;
    bool in_f32; /* the products, whatever those of weights are */
};

/* Reads a Conv of f32 with weights at hand, something to sum, and sizes that fit. False: it is not a case for kernels.
 */
bool exec_conv_read(const struct node *n, struct conv *c);

/* The zeroed border that the whole window reads, or what `beyond` more pixels behind each axis make of it; false when
 * it is too wide. */
bool exec_conv_border(const struct node *n, const struct window *w, const int64_t *beyond, int (*border)[2]);

/* Where the results go, and what is added to them: bias, residual (input 3 of nn.Conv). The result may lie over the
 * residual: each element is read right before it is written. */
struct conv_ports {
    struct view out, add, bias_view; /* buffer NULL: none */
    const void *bias;                /* f32, or NULL */
    bool add_last;
};
int exec_conv_ports(struct plan *p, struct node *n, struct conv_ports *ports, struct error *err);

/* *bias, of n channels, so many times in a row, for pixels whose channels are columns of one product. */
int exec_conv_repeat(struct plan *p, const void **bias, int n, int times, struct error *err);

/* A box of outputs, and a box of the kernel's taps that are summed for them. */
struct conv_part {
    int64_t first[VIEW_SPATIAL], count[VIEW_SPATIAL];
    int64_t tap[VIEW_SPATIAL], taps[VIEW_SPATIAL];
};
/* Fills in pixels, taps and groups of a product over input x for a part; the job's product, a, c and add are set. */
int exec_conv_geometry(struct plan *p, const struct conv *c, const struct view *x, const struct conv_part *part,
                       struct gemm_job *job, struct error *err);
/* Groups as batches of a product whose k and n are of one group's channels; `packed`: bytes of a group's weights. */
int exec_conv_groups(struct plan *p, struct gemm_job *job, int groups, size_t packed, struct error *err);
/* The product over input x for a part, */
int exec_conv_job(struct plan *p, struct node *n, const struct conv *c, const struct conv_ports *ports,
                  const struct view *x, const struct conv_part *part, struct gemm_job *job, struct error *err);
/* and a step that does it; `kernel` is the step's name. */
int exec_conv_emit(struct plan *p, struct node *n, const char *kernel, const struct conv *c,
                   const struct conv_ports *ports, const struct view *x, const struct conv_part *part,
                   struct error *err);

/* x, channels last, with each channel so many times in a row, in new memory. For elements of a byte: 2 to 4 times. */
int exec_repeat_channels(struct plan *p, const struct node *n, int times, struct view *x, struct error *err);

/* The weights of all groups, packed for products; NULL on error. */
const void *exec_conv_weights(struct plan *p, struct node *n, const struct conv *c, struct error *err);

/* The packed weights of all groups in units of a float, of which a product takes a vector in a cycle: two weights where
 * they are bfloat16. */
double exec_conv_packed(const struct kernels *k, const struct conv *c);

/* Cycles for so many multiply-adds in vectors, and for so many bytes of weights that come from beyond the caches. */
double exec_conv_cycles(const struct kernels *k, double macs, double weight_bytes);

#endif
