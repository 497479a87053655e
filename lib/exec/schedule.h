/* Which steps have to wait for which. */
#ifndef EXEC_SCHEDULE_H
#define EXEC_SCHEDULE_H

#include "exec/plan.h"

/* Cuts the plan's steps into phases: threads meet at a barrier before each phase alone, since its steps use nothing
 * that others of it write. A step of one tile that needs only what another such step of the phase makes is put behind
 * it, and the thread that did that one does it too. From then on buffers live from phase to phase, not from step to
 * step. */
int schedule_make(struct plan *p, struct error *err);

#endif
