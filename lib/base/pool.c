#define _GNU_SOURCE /* syscall, sched_getcpu */
#include "base/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"

#define THREADS_MOST 1024
#define SPIN_NS      50000
#define LINE         64

/* A number that threads wait on until it changes. `sleepers` saves the waker a system call when all still spin. */
struct event {
    alignas(LINE) atomic_uint count;
    atomic_uint sleepers;
};

struct pool {
    struct event start;                              /* counts regions */
    struct event end;                                /* counts regions whose workers are done */
    struct event barrier;                            /* counts barriers that all have reached */
    alignas(LINE) atomic_int running;                /* workers still inside the region */
    alignas(LINE) atomic_int arrived;                /* threads at the present barrier */
    alignas(LINE) void (*fn)(void *arg, int thread); /* written before start.count: NULL ends the workers */
    void *arg;
    int threads, started;
    bool has_processors; /* for all threads */
    struct worker *workers;
    struct seat *seats; /* [threads] */
};

/* Where a thread last came to a barrier. */
struct seat {
    alignas(LINE) atomic_int cpu;
};

struct worker {
    struct pool *pool;
    int thread;
    pthread_t id;
};

static long futex(atomic_uint *word, int what, unsigned value)
{
    return syscall(SYS_futex, word, what | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* `yield` is no pause on most cores */
#endif
}

void pool_pause(int tries)
{
    if (tries < 2000)
        relax();
    else
        sched_yield();
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Waits while the count is `old`, briefly and without the kernel. False when it still is. */
static bool spin(struct event *event, unsigned old)
{
    int64_t until = now_ns() + SPIN_NS;

    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(&event->count, memory_order_acquire) != old)
                return true;
            relax();
        }
    } while (now_ns() < until);
    return false;
}

/* A waiter first counts itself among the sleepers and then looks at the count; a waker first changes the count and then
 * looks for sleepers. In one order of all four (hence seq_cst), one of them sees the other; the kernel compares again.
 * */
static void event_wait(struct event *event, unsigned old, bool spins)
{
    if (spins && spin(event, old))
        return;
    atomic_fetch_add(&event->sleepers, 1);
    while (atomic_load(&event->count) == old)
        futex(&event->count, FUTEX_WAIT, old);
    atomic_fetch_sub(&event->sleepers, 1);
}

static void event_next(struct event *event)
{
    atomic_fetch_add(&event->count, 1);
    if (atomic_load(&event->sleepers) > 0)
        futex(&event->count, FUTEX_WAKE, INT32_MAX);
}

/* The mode in which denormals read and are written as zero; gives the mode there was. */
#if defined(__x86_64__)

static unsigned long flush_denormals(void)
{
    unsigned old = __builtin_ia32_stmxcsr();

    __builtin_ia32_ldmxcsr(old | 0x8040); /* FTZ, DAZ */
    return old;
}

static void restore_mode(unsigned long old)
{
    __builtin_ia32_ldmxcsr((unsigned)old);
}

#elif defined(__aarch64__)

static void restore_mode(unsigned long mode)
{
    __asm__ volatile("msr fpcr, %0" ::"r"(mode) : "memory");
}

static unsigned long flush_denormals(void)
{
    unsigned long old;

    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    restore_mode(old | 1ul << 24); /* FZ */
    return old;
}

#else

static unsigned long flush_denormals(void)
{
    return 0;
}

static void restore_mode(unsigned long old)
{
    (void)old;
}

#endif

/* Notes where this thread runs. False when another one was last seen on the same processor: the scheduler then has both
 * take turns, and who spins holds up who is waited for. */
static bool may_spin(struct pool *pool, int thread)
{
    int cpu = sched_getcpu();
    bool alone = pool->has_processors;

    if (atomic_load_explicit(&pool->seats[thread].cpu, memory_order_relaxed) != cpu)
        atomic_store_explicit(&pool->seats[thread].cpu, cpu, memory_order_relaxed);
    for (int i = 0; i < pool->threads && alone; i++)
        alone = i == thread || atomic_load_explicit(&pool->seats[i].cpu, memory_order_relaxed) != cpu;
    return alone;
}

static void run_flushed(void (*fn)(void *arg, int thread), void *arg, int thread)
{
    unsigned long mode = flush_denormals();

    fn(arg, thread);
    restore_mode(mode);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct pool *pool = worker->pool;

    for (unsigned region = 0;; region++) {
        event_wait(&pool->start, region, may_spin(pool, worker->thread));
        if (!pool->fn)
            return NULL;
        run_flushed(pool->fn, pool->arg, worker->thread);
        if (atomic_fetch_sub(&pool->running, 1) == 1)
            event_next(&pool->end);
    }
}

/* Signals go to the program's own threads. */
static int start_workers(struct pool *pool)
{
    sigset_t all, before;
    int failed = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 1; i < pool->threads && !failed; i++) {
        struct worker *worker = &pool->workers[i - 1];

        *worker = (struct worker){.pool = pool, .thread = i};
        failed = pthread_create(&worker->id, NULL, work, worker);
        pool->started += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void release(struct pool *pool)
{
    free(pool->workers);
    free(pool->seats);
    free(pool);
}

struct pool *pool_new(int threads, struct error *err)
{
    struct pool *pool;
    int failed;

    if (threads < 1 || threads > THREADS_MOST) {
        error_set(err, "%d threads, want 1 to %d", threads, THREADS_MOST);
        return NULL;
    }
    pool = aligned_alloc(LINE, sizeof *pool);
    if (!pool) {
        error_memory(err);
        return NULL;
    }
    memset(pool, 0, sizeof *pool);
    pool->threads = threads;
    pool->has_processors = threads <= cpu_count();
    pool->workers = mem_calloc((size_t)threads, sizeof *pool->workers, err);
    pool->seats = aligned_alloc(LINE, (size_t)threads * sizeof *pool->seats);
    if (!pool->workers || !pool->seats) {
        error_memory(err);
        release(pool);
        return NULL;
    }
    for (int i = 0; i < threads; i++)
        atomic_init(&pool->seats[i].cpu, -1);
    failed = start_workers(pool);
    if (failed) {
        error_set(err, "cannot start thread %d of %d: %s", pool->started + 2, threads, strerror(failed));
        pool_free(pool);
        return NULL;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pool->fn = NULL;
    event_next(&pool->start);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].id, NULL);
    release(pool);
}

int pool_threads(const struct pool *pool)
{
    return pool->threads;
}

void pool_run(struct pool *pool, void (*fn)(void *arg, int thread), void *arg)
{
    unsigned ended;

    if (!pool || pool->threads == 1) {
        run_flushed(fn, arg, 0);
        return;
    }
    ended = atomic_load_explicit(&pool->end.count, memory_order_relaxed);
    pool->fn = fn;
    pool->arg = arg;
    atomic_store_explicit(&pool->running, pool->threads - 1, memory_order_relaxed);
    event_next(&pool->start);
    run_flushed(fn, arg, 0);
    event_wait(&pool->end, ended, may_spin(pool, 0));
}

/* The last to arrive opens the barrier for all by moving its count on: a count, like the sense of a sense-reversing
 * barrier (Mellor-Crummey and Scott 1991), tells one barrier from the next. */
void pool_barrier(struct pool *pool, int thread)
{
    unsigned passed;
    bool spins;

    if (!pool || pool->threads == 1)
        return;
    spins = may_spin(pool, thread);
    passed = atomic_load_explicit(&pool->barrier.count, memory_order_relaxed);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 < pool->threads) {
        event_wait(&pool->barrier, passed, spins);
        return;
    }
    atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
    event_next(&pool->barrier);
}
