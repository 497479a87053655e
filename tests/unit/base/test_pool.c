#include "base/pool.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../../test.h"

#define MOST 8

struct counts {
    struct pool *pool;
    int calls[MOST]; /* plain: each thread writes its own, pool_run() orders them */
    atomic_int total;
    int rounds;
    int shared[MOST];
    atomic_int wrong;
};

static void count(void *arg, int thread)
{
    struct counts *c = arg;

    c->calls[thread]++;
    atomic_fetch_add(&c->total, 1);
}

static void test_counts(void)
{
    for (int threads = 1; threads <= MOST; threads++) {
        struct error err = {""};
        struct counts c = {.pool = pool_new(threads, &err)};

        CHECK(c.pool && pool_threads(c.pool) == threads);
        for (int region = 1; region <= 300; region++) {
            pool_run(c.pool, count, &c);
            if (atomic_load(&c.total) != region * threads)
                atomic_store(&c.wrong, 1);
        }
        for (int i = 0; i < MOST; i++)
            CHECK(c.calls[i] == (i < threads ? 300 : 0));
        CHECK(!atomic_load(&c.wrong));
        pool_free(c.pool);
    }
}

/* Each round every thread writes its own number, and after the barrier reads all of the others'. */
static void exchange(void *arg, int thread)
{
    struct counts *c = arg;
    int threads = pool_threads(c->pool);

    for (int round = 1; round <= c->rounds; round++) {
        c->shared[thread] = round * 10 + thread;
        pool_barrier(c->pool, thread);
        for (int i = 0; i < threads; i++) {
            if (c->shared[i] != round * 10 + i)
                atomic_fetch_add(&c->wrong, 1);
        }
        pool_barrier(c->pool, thread);
    }
}

static void test_barrier(void)
{
    for (int threads = 1; threads <= MOST; threads++) {
        struct error err = {""};
        struct counts c = {.pool = pool_new(threads, &err), .rounds = 150};

        for (int region = 0; region < 3; region++)
            pool_run(c.pool, exchange, &c);
        CHECK_MSG(atomic_load(&c.wrong) == 0, "%d threads: %d", threads, atomic_load(&c.wrong));
        pool_free(c.pool);
    }
}

/* Threads arrive late by turns, so that some sleep on the futex and others spin. */
static void straggle(void *arg, int thread)
{
    struct counts *c = arg;

    for (int round = 1; round <= c->rounds; round++) {
        if (round % pool_threads(c->pool) == thread)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        c->shared[thread] = round;
        pool_barrier(c->pool, thread);
        for (int i = 0; i < pool_threads(c->pool); i++) {
            if (c->shared[i] != round)
                atomic_fetch_add(&c->wrong, 1);
        }
        pool_barrier(c->pool, thread);
    }
}

static void test_stragglers(void)
{
    for (int threads = 2; threads <= 5; threads++) {
        struct error err = {""};
        struct counts c = {.pool = pool_new(threads, &err), .rounds = 60};

        for (int region = 0; region < 3; region++) {
            pool_run(c.pool, straggle, &c);
            nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL); /* the workers fall asleep */
        }
        CHECK(atomic_load(&c.wrong) == 0);
        pool_free(c.pool);
    }
}

static void compute_denormal(void *arg, int thread)
{
    struct counts *c = arg;
    volatile float small = 1e-38f, denormal = 1e-40f, divisor = 16;

    c->shared[thread] = small / divisor == 0;
    c->shared[thread] += denormal * 1e20f == 0; /* read as zero too */
}

static bool has_denormals(void)
{
    volatile float small = 1e-38f, divisor = 16;

    return small / divisor != 0;
}

static void test_denormals(void)
{
    for (int threads = 0; threads <= 3; threads++) { /* 0: without a pool */
        struct error err = {""};
        struct counts c = {.pool = threads ? pool_new(threads, &err) : NULL};

        CHECK(has_denormals());
        pool_run(c.pool, compute_denormal, &c);
        CHECK(has_denormals());
#if defined(__x86_64__) || defined(__aarch64__)
        for (int i = 0; i < (threads ? threads : 1); i++)
            CHECK(c.shared[i] == 2);
#endif
        pool_free(c.pool);
    }
}

static void test_refused(void)
{
    static const int bad[] = {0, -1, 1 << 20, 2000000000};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {""};

        CHECK(pool_new(bad[i], &err) == NULL && err.text[0]);
    }
    pool_free(NULL);
}

static void test_unused(void)
{
    for (int i = 0; i < 50; i++) {
        struct error err = {""};

        pool_free(pool_new(1 + i % 5, &err));
    }
}

/* Two pools at once, each with its own caller, on however few processors there are. */
static void run_inner(void *arg, int thread)
{
    struct counts *c = arg, inner = {.rounds = 40};
    struct error err = {""};

    inner.pool = pool_new(3, &err);
    for (int i = 0; i < 10; i++)
        pool_run(inner.pool, exchange, &inner);
    if (atomic_load(&inner.wrong))
        atomic_fetch_add(&c->wrong, 1 + thread);
    pool_free(inner.pool);
}

static void test_two_pools(void)
{
    struct error err = {""};
    struct counts c = {.pool = pool_new(2, &err)};

    pool_run(c.pool, run_inner, &c);
    CHECK(atomic_load(&c.wrong) == 0);
    pool_free(c.pool);
}

static void note_mask(void *arg, int thread)
{
    struct counts *c = arg;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    c->shared[thread] = sigismember(&mask, SIGTERM);
}

static void test_signals(void)
{
    struct error err = {""};
    struct counts c = {.pool = pool_new(3, &err)};

    pool_run(c.pool, note_mask, &c);
    CHECK(c.shared[0] == 0 && c.shared[1] == 1 && c.shared[2] == 1);
    pool_free(c.pool);
}

/* Workers that wait do not burn time. */
static void test_idle(void)
{
    struct error err = {""};
    struct counts c = {.pool = pool_new(4, &err)};
    clock_t before;

    pool_run(c.pool, count, &c);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    before = clock();
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    CHECK((clock() - before) * 1000 / CLOCKS_PER_SEC < 40);
    pool_free(c.pool);
}

int main(void)
{
    RUN(test_counts);
    RUN(test_barrier);
    RUN(test_stragglers);
    RUN(test_denormals);
    RUN(test_refused);
    RUN(test_unused);
    RUN(test_two_pools);
    RUN(test_signals);
    RUN(test_idle);
    return TEST_END();
}
