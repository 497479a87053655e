/* Steps that move data. */
#ifndef EXEC_COPY_H
#define EXEC_COPY_H

#include "exec/plan.h"

/* Zeroes the border around a channels-last view, before anything else is written. */
int copy_zero_border(struct plan *p, const struct view *v, struct error *err);

#endif
