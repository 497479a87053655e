/* Giving the planned buffers their places in one arena. */
#ifndef EXEC_BUFFER_H
#define EXEC_BUFFER_H

#include "exec/plan.h"

/* Buffers whose lives (first..last step) do not overlap share memory: largest first, each at the lowest place that is
 * free for its whole life. Says how large the arena is, with the threads' scratch memory behind it. */
int buffer_place_all(struct plan *p, struct error *err);

/* Allocates the arena and sets every base. */
int buffer_allocate(struct plan *p, struct error *err);

#endif
