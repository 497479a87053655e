/* Private to lib/task: detectors that say something at each cell of one or more grids, or in each row. */
#ifndef TASK_DENSE_H
#define TASK_DENSE_H

#include "task/detect.h"

#define DENSE_MAX_LEVELS 8

/* A grid, and what the outputs say of each of its anchors; parts that are absent have no columns. Rows are cells from
 * left to right, then from top to bottom, each with `each` anchors. */
struct dense_level {
    struct task_rows boxes, object, scores, points, coefficients;
    size_t width, height, each; /* width 0: no grid */
    float stride_x, stride_y;   /* pixels of the input to a cell */
    size_t anchor;              /* the number of its first anchor */
};

struct dense {
    struct task_candidates *c;
    const struct task *task;
    size_t bins, box_columns; /* of a box: 4 * bins */
    size_t classes;           /* background included */
    size_t levels;
    struct dense_level level[DENSE_MAX_LEVELS];
    int activation; /* TASK_SCORES_ RAW, SOFTMAX or SIGMOID */
    bool part;      /* coordinates are parts of the input's sides */
};

/* Finds the outputs and fills the levels, finest first, and what follows from them (dense_find.c, dense_grid.c). */
int dense_find(struct dense *d, struct error *err);

/* Whether boxes are told relative to cells. */
bool dense_has_grid(const struct dense *d);

/* Whether option anchors has those of one grid, in cells, for several grids. */
bool dense_in_cells(const struct dense *d);

/* How many boxes a cell of a level has by option each; 0 when it does not say. */
size_t dense_each(const struct dense *d, size_t level);

/* Sets width, height, strides and first anchors; a single part of rows for all grids is split. */
int dense_grids(struct dense *d, struct error *err);

/* Where an anchor lies, in pixels of the input. */
struct dense_anchor {
    float x, y, width, height;
    float cell_x, cell_y; /* of the cell */
};

/* Boxes and points by option form (dense_form.c): `v` are the four numbers. */
void dense_box(const struct dense *d, const struct dense_level *l, size_t row, struct task_box *box);
void dense_points(const struct dense *d, const struct dense_level *l, size_t row, float *out);

#endif
