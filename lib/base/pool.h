/* A small thread pool: one parallel region at a time, in which all threads run the same function. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdatomic.h>

#include "base/error.h"

struct pool;

/* `threads` counts the caller of pool_run() too; 1 starts none. */
struct pool *pool_new(int threads, struct error *err);
void pool_free(struct pool *pool);
int pool_threads(const struct pool *pool);

/* Runs fn(arg, thread) once on every thread, thread 0 being the caller, and returns when all are done; pool NULL: on
 * the caller alone. Inside, denormals are flushed to zero on every thread, so that results do not depend on how many
 * there are; the caller's floating-point mode is restored. */
void pool_run(struct pool *pool, void (*fn)(void *arg, int thread), void *arg);

/* Inside a region, by each thread with its number: returns once all have called it (pool NULL: at once). Spins for up
 * to 50 us, unless another thread shares this one's processor, then sleeps on a futex. Memory written before it is seen
 * by all after it. */
void pool_barrier(struct pool *pool, int thread);

/* What a thread does between two looks at something that others will change: a moment of rest, or, when it has looked
 * many times, giving its processor to whoever wants it. */
void pool_pause(int tries);

#endif
