/* Where values lie: buffers, strided views of them, and loop nests over views. */
#ifndef EXEC_VIEW_H
#define EXEC_VIEW_H

#include "graph/graph.h"

/* A piece of memory that values share. Planned ones get their place in the arena once all steps are known; external
 * ones (constants, graph inputs and outputs) get `base` from elsewhere. */
struct buffer {
    char *base;
    size_t offset;   /* of a planned one, in the arena */
    size_t size;     /* bytes */
    bool is_touched; /* by a step */
    int first, last; /* phases (schedule.h) of the steps that touch it; first < 0: none */
    bool external;
    int uses_left;       /* of values in it, by nodes that are still to be lowered: 1 allows to overwrite it in place */
    struct buffer *next; /* of the plan's list */
    struct tensor *owned; /* a constant's tensor; or NULL */
};

#define VIEW_SPATIAL 3 /* spatial axes that can have a border */

/* A value's place: dims in ONNX order, a stride (in elements) per axis. Layout is nothing but the strides' order. */
struct view {
    struct buffer *buffer;
    enum dtype dtype;
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
    ptrdiff_t stride[TENSOR_MAX_RANK];
    ptrdiff_t offset; /* elements from the buffer's base to index 0 */
    /* Pixels that lie around the spatial axes (2, 3, …) of a channels-last value, before and behind, every byte of them
     * `fill`: 0, or the zero point of bytes that stand for numbers. */
    int border[VIEW_SPATIAL][2];
    uint8_t fill;
};

enum order {
    ORDER_ROWS,     /* row-major as ONNX has it */
    ORDER_CHANNELS, /* axis 1 innermost: NHWC, for rank >= 3 */
};

/* Element size in bytes. */
size_t view_element(const struct view *v);
int64_t view_count(const struct view *v);
/* The address of index 0; valid from the first run on, or at once for a constant. */
static inline void *view_data(const struct view *v)
{
    return v->buffer->base + v->offset * (ptrdiff_t)view_element(v);
}
/* Element i of dense i32 or i64. */
static inline int64_t view_index(const struct view *v, int64_t i)
{
    return v->dtype == DTYPE_I32 ? ((const int32_t *)view_data(v))[i] : ((const int64_t *)view_data(v))[i];
}
/* Fills strides for a dense view with axes laid out in `order`. */
void view_dense(struct view *v, enum order order);
bool view_is_dense(const struct view *v, enum order order);
/* Axis 1 contiguous (or of size 1). */
bool view_is_channels(const struct view *v);
/* Sees the same elements with other dims, if strides allow. */
bool view_reshape(const struct view *v, int rank, const int64_t *dims, struct view *result);
void view_permute(const struct view *v, const int64_t *perm, struct view *result);
/* Right-aligned broadcast to dims, with stride 0 along repeated axes. */
void view_broadcast(const struct view *v, int rank, const int64_t *dims, struct view *result);
/* Of a view whose last two axes are a matrix: how many matrices it has; the offset of its matrix for the `index`-th of
 * `out`, whose axes before the last two it broadcasts to; and which of its own matrices in a row that is. */
int64_t view_matrices(const struct view *v);
ptrdiff_t view_matrix(const struct view *v, const struct view *out, int64_t index);
int64_t view_matrix_index(const struct view *v, const struct view *out, int64_t index);
/* The order whose stride ranking fits the view best: what an elementwise result should take. */
enum order view_order(const struct view *v);

/* A loop nest over several views of equal dims: axes sorted by the strides of the first view, size-1 axes dropped,
 * mergeable ones merged. Axis rank - 1 is innermost. */
#define NEST_MAX 5
struct nest {
    int rank; /* at least 1 */
    int64_t dims[TENSOR_MAX_RANK];
    ptrdiff_t stride[NEST_MAX][TENSOR_MAX_RANK];
};
void nest_make(struct nest *nest, const struct view *const *views, int count);
/* A nest over the pixels of two channels-last views, whose innermost axis is the channels. */
void nest_pixels(struct nest *nest, const struct view *out, const struct view *in);
/* Offsets of each view at position `index` of the axes but the innermost. */
void nest_at(const struct nest *nest, int count, int64_t index, ptrdiff_t *offset);
/* Positions from `index` on, before `last`, that lie in a row along the axis before the innermost. */
int64_t nest_run(const struct nest *nest, int64_t index, int64_t last);
/* From one of these to the next in view k. */
static inline ptrdiff_t nest_step(const struct nest *nest, int k)
{
    return nest->rank > 1 ? nest->stride[k][nest->rank - 2] : 0;
}
int64_t nest_outer(const struct nest *nest); /* product of all but the innermost */

#endif
