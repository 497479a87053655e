/* Steps that move data. */
#ifndef EXEC_COPY_H
#define EXEC_COPY_H

#include "exec/plan.h"

/* Fills the border around a channels-last view, before anything else is written. */
BASE_COLD int copy_fill_border(struct plan *p, const struct view *v, struct error *err);
/* The same with a byte that is known in a run only, after what is written before. */
BASE_COLD int copy_fill_border_with(struct plan *p, const struct view *v, const struct view *byte, struct error *err);

#endif
