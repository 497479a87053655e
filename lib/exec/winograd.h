/* Winograd's convolutions, as they run. */
#ifndef EXEC_WINOGRAD_H
#define EXEC_WINOGRAD_H

#include "exec/lower_conv.h"

struct winograd_args {
    const struct kernels *kernels;
    const struct kernel_product *product;
    struct view x;
    struct conv_ports ports;
    struct kernel_act act;
    const float *weights; /* [groups][strips][elements of a tile][packed matrix], when they are transformed, */
                          /* else [groups][panels][taps][9][channels] */
    size_t group_floats;  /* of these */
    bool many, is_transformed;
    int size, elements; /* outputs of a tile along an axis; (size + 2)² */
    int groups;         /* of the convolution */
    int in, out;        /* channels of a group */
    int strip, strips;  /* output channels of a strip, a multiple of the product's nr, but the last */
    int parts;          /* of the input channels, for which filters are transformed together */
    int row_axis;       /* of the views; that of pixels is next */
    int taps;           /* along the planes; of pictures, which have one plane, 1 */
    int tap_step;       /* planes from one to the next */
    int plane_step;     /* input planes from one output plane to the next */
    int deep, span;     /* output planes of a stack, and input planes */
    ptrdiff_t in_plane; /* from one input plane to the next; the stride of x is for output planes */
    int64_t layers;     /* of stacks, in an image */
    int64_t rows, columns, stacks;
    int64_t tiles;                /* of the result */
    int64_t height, width;        /* of the result */
    int64_t blocks;               /* of stacks */
    int64_t most;                 /* stacks of each, but the last */
    int together;                 /* tiles whose pixels are fetched at a time, where maps are large; else 0 */
    struct view v;                /* [groups][v_floats], all transformed tiles, when a step of its own makes them */
    size_t v_floats, sums_floats; /* of a block of a group */
    size_t filter_floats;         /* of a part of a panel's transformed filters */
};

#define WINOGRAD_TAPS 8 /* at most */

/* So that the planes of a tile's elements do not all begin in the same set of a cache. */
#define WINOGRAD_GAP 16

static inline ptrdiff_t winograd_plane(int64_t tiles, int channels)
{
    return (ptrdiff_t)tiles * channels + WINOGRAD_GAP;
}

/* Steps. By blocks of tiles; by strips of output channels, of all tiles, which run_transform has transformed; by panels
 * of output channels, where the filters are not transformed yet. */
step_run winograd_run_transform, winograd_run_blocks, winograd_run_strips, winograd_run_panels;

/* Transforms and packs the filters; a unit is a strip of a group, and args the winograd_args. */
pack_fn winograd_pack;

#endif
