/* Giving the planned buffers their places in one arena. */
#ifndef EXEC_BUFFER_H
#define EXEC_BUFFER_H

#include "exec/plan.h"

/* Buffers whose lives (first..last step) do not overlap share memory: largest first, each at the lowest place that is
 * free for its whole life. Allocates the arena, with the threads' scratch memory behind
 * it, and sets every base. Fails, before allocating, beyond `limit` bytes. */
int buffer_place_all(struct plan *p, size_t limit, struct error *err);

#endif
