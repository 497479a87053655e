/* How steps are run: every unit of work once, scratch memory of the thread's own, hooks around a thread's tiles. */
#include <stdlib.h>

#include "../../test.h"
#include "exec/buffer.h"
#include "exec/exec_private.h"

#define UNITS   1000
#define SCRATCH 300

static struct error error;
static atomic_int done[UNITS], entered, left, mixed;

static void enter(void)
{
    entered++;
}

static void leave(void)
{
    left++;
}

static void run(const struct step *s, struct tile tile)
{
    unsigned char *own = tile.scratch;
    int gone = left; /* before `entered` is read: others go on meanwhile */
    CHECK((uintptr_t)own % 64 == 0 && s->args == NULL && entered > gone);
    for (int64_t i = tile.first; i < tile.last; i++) {
        memset(own, (int)(i % 251), SCRATCH);
        done[i]++;
        mixed += own[0] != i % 251 || own[SCRATCH - 1] != i % 251;
    }
}

/* A plan of nothing but this step, twice, so that a thread may be ahead of another. */
static void check_step(int threads, const struct step *step)
{
    struct pool *pool = pool_new(threads, &error);
    struct exec e = {.pool = pool};
    struct plan p = {.exec = &e};
    arena_init(&p.arena);
    for (int i = 0; i < UNITS; i++)
        done[i] = 0;
    entered = left = mixed = 0;
    CHECK(plan_step(&p, step, &error, NULL, 0) == 0 && plan_step(&p, step, &error, NULL, 0) == 0);
    p.next_tile = plan_alloc(&p, sizeof *p.next_tile * p.step_count, &error);
    CHECK(buffer_place_all(&p, 1 << 20, &error) == 0 && p.memory_size >= (size_t)threads * SCRATCH);
    CHECK(plan_execute(&p, pool, false, &error) == 0);
    for (int i = 0; i < UNITS; i++)
        CHECK_MSG(done[i] == 2, "%d threads: unit %d is done %d times", threads, i, done[i]);
    CHECK_MSG(mixed == 0, "%d threads: scratch memory is shared", threads);
    CHECK_MSG(entered == left && entered > 0, "%d threads: %d entered, %d left", threads, entered, left);
    free(p.steps);
    free(p.memory);
    arena_release(&p.arena);
    pool_free(pool);
}

static void test_steps(void)
{
    for (int threads = 1; threads <= 5; threads += 2)
        for (int tiles = 0; tiles <= UNITS; tiles += UNITS / 4 - 1)
            check_step(threads, &(struct step){.kernel = "test",
                                               .run = run,
                                               .units = UNITS,
                                               .tiles = tiles,
                                               .scratch = SCRATCH,
                                               .enter = enter,
                                               .leave = leave});
}

/* A step's scratch counts in the memory that a plan may take. */
static void test_limit(void)
{
    struct exec e = {.pool = NULL};
    struct plan p = {.exec = &e};
    arena_init(&p.arena);
    CHECK(plan_step(&p, &(struct step){.kernel = "test", .run = run, .units = 1, .scratch = 1 << 16}, &error, NULL,
                    0) == 0);
    CHECK(buffer_place_all(&p, 1 << 16, &error) < 0);
    CHECK(buffer_place_all(&p, 1 << 17, &error) == 0);
    free(p.steps);
    free(p.memory);
    arena_release(&p.arena);
}

int main(void)
{
    RUN(test_steps);
    RUN(test_limit);
    return TEST_END();
}
