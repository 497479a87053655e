/* Places for the nodes of a directed graph in layers, so that edges run down: the method of K. Sugiyama, S. Tagawa and
 * M. Toda, Methods for Visual Understanding of Hierarchical System Structures, 1981. The same graph always gets the
 * same places. */
#ifndef DRAW_LAYOUT_H
#define DRAW_LAYOUT_H

#include <stddef.h>

#include "base/error.h"

struct layout_node {
    double width, height; /* given */
    double x, y;          /* of its centre */
};

struct layout_point {
    double x, y;
};

struct layout_edge {
    size_t from, to;          /* given: numbers of nodes, from < to, in the order of `from` */
    size_t bends, bend_count; /* where it passes layers between, in `points`: two in each, straight
                               * down */
};

struct layout {
    struct layout_node *nodes;
    size_t node_count;
    struct layout_edge *edges;
    size_t edge_count;
    double gap_x, gap_y; /* between nodes, and between layers */
    /* results: */
    double width, height;
    struct layout_point *points; /* to be freed */
    size_t point_count;
};

#define LAYOUT_NODES 20000  /* more are not to be given: nobody could read them */
#define LAYOUT_EDGES 100000 /* nor more of these */
#define LAYOUT_BENDS 100000 /* edges in layers between: when there would be more, the longest ones get none */

int layout_place(struct layout *l, struct error *err);

#endif
