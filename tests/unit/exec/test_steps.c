/* How steps are run: every unit of work once, scratch memory of the thread's own, hooks around a thread's tiles. */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../test.h"
#include "exec/buffer.h"
#include "exec/exec_private.h"
#include "exec/schedule.h"

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
    mixed += *tile.kept && (*tile.kept != own || own[0] != own[SCRATCH - 1]);
    for (int64_t i = tile.first; i < tile.last; i++) {
        memset(own, (int)(i % 251), SCRATCH);
        done[i]++;
        mixed += own[0] != i % 251 || own[SCRATCH - 1] != i % 251;
    }
    *tile.kept = own;
}

/* A plan of nothing but this step, `times` over. */
static void run_plan(int threads, const struct step *step, int times)
{
    struct pool *pool = pool_new(threads, &error);
    struct exec e = {.pool = pool};
    struct plan p = {.exec = &e};
    arena_init(&p.arena);
    for (int i = 0; i < times; i++)
        CHECK(plan_step(&p, step, &error, NULL, 0, STEP_USES_ANYHOW) == 0);
    CHECK(schedule_make(&p, &error) == 0 && run_prepare(&p, &error) == 0);
    CHECK(buffer_place_all(&p, &error) == 0 && buffer_allocate(&p, &error) == 0 &&
          p.memory_size >= (size_t)threads * step->scratch);
    CHECK(plan_execute(&p, pool, false, &error) == 0);
    free(p.steps);
    free(p.memory);
    arena_release(&p.arena);
    pool_free(pool);
}

/* Twice, so that a thread may be ahead of another. */
static void check_step(int threads, const struct step *step)
{
    for (int i = 0; i < UNITS; i++)
        done[i] = 0;
    entered = left = mixed = 0;
    run_plan(threads, step, 2);
    for (int i = 0; i < UNITS; i++)
        CHECK_MSG(done[i] == 2, "%d threads: unit %d is done %d times", threads, i, done[i]);
    CHECK_MSG(mixed == 0, "%d threads: scratch memory is shared", threads);
    CHECK_MSG(entered == left && entered > 0, "%d threads: %d entered, %d left", threads, entered, left);
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

/* Of a few tiles each thread gets as many as the others. */
static void test_even_tiles(void)
{
    static const struct {
        int64_t units, tiles;
        int threads;
        int64_t even;
    } cases[] = {{14, 3, 2, 4}, {14, 1, 2, 1}, {7, 7, 2, 7}, {14, 5, 1, 5}, {100, 5, 4, 8}, {6, 5, 4, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exec e = {.pool = pool_new(cases[i].threads, &error)};
        struct plan p = {.exec = &e};
        const struct step step = {.kernel = "test", .units = cases[i].units, .tiles = cases[i].tiles};
        arena_init(&p.arena);
        CHECK(plan_step(&p, &step, &error, NULL, 0, STEP_USES_ANYHOW) == 0);
        CHECK_MSG(p.steps[0].tiles == cases[i].even, "case %zu: %d tiles", i, (int)p.steps[0].tiles);
        free(p.steps);
        arena_release(&p.arena);
        pool_free(e.pool);
    }
}

#define ROUND_UNITS 4
#define ROUNDS      50
static atomic_int round_of[ROUND_UNITS];

/* Every unit once in every round, behind all of the round before. */
static void run_round(const struct step *s, struct tile tile)
{
    for (int64_t i = 0; i < s->units; i++)
        mixed += round_of[i] < tile.round;
    for (int64_t i = tile.first; i < tile.last; i++)
        mixed += round_of[i]++ != tile.round;
}

static void test_rounds(void)
{
    const struct step step = {.kernel = "test", .run = run_round, .units = ROUND_UNITS, .rounds = ROUNDS};
    for (int threads = 1; threads <= 5; threads += 2) {
        mixed = 0;
        for (int i = 0; i < ROUND_UNITS; i++)
            round_of[i] = 0;
        run_plan(threads, &step, 1);
        for (int i = 0; i < ROUND_UNITS; i++)
            CHECK_MSG(round_of[i] == ROUNDS, "%d threads: unit %d is done %d times", threads, i, round_of[i]);
        CHECK_MSG(mixed == 0, "%d threads: a round begins before the last is done", threads);
    }
}

/* ---- a chain that another thread takes over ---- */

/* A chain of two steps, which are the last thread's. Its cursors lie in memory that the test protects, so that a thread
 * that sets them back can be held between the two. */
static struct {
    pthread_t caller;
    atomic_llong *head, *follower; /* the cursors; the follower's begins a page */
    size_t page;
    atomic_bool is_over;
    atomic_int ran;
} chain;

/* Where the head can be had already, the thread that sets the follower back is held until the caller has gone by. */
static void hold(int number)
{
    (void)number;
    while (*chain.head != LLONG_MAX && !chain.is_over)
        sched_yield();
    mprotect(chain.follower, chain.page, PROT_READ | PROT_WRITE);
}

/* The caller waits for the head. The other thread gets its faults, which a pool's threads do not let through. */
static void begin_chain(void)
{
    sigset_t set;
    if (pthread_equal(pthread_self(), chain.caller)) {
        while (*chain.head == LLONG_MAX)
            sched_yield();
        return;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void end_chain(void)
{
    chain.is_over = true;
}

static void count_run(const struct step *s, struct tile tile)
{
    (void)s, (void)tile;
    chain.ran++;
}

static void make_chain(struct plan *p, char *pages)
{
    struct step step = {.kernel = "test", .run = count_run, .units = 1, .enter = begin_chain};
    CHECK(plan_step(p, &step, &error, NULL, 0, STEP_USES_ANYHOW) == 0);
    step.enter = NULL;
    step.leave = end_chain;
    CHECK(plan_step(p, &step, &error, NULL, 0, STEP_USES_ANYHOW) == 0);
    p->steps[1].is_chained = true;
    CHECK(run_prepare(p, &error) == 0);
    chain.follower = (atomic_llong *)(void *)(pages + chain.page);
    chain.head = chain.follower - 1;
    p->cursors = (struct cursor *)(void *)(chain.head - 2); /* behind the caller's two */
}

/* Twice: in the first run nobody is held, since all cursors are set before. */
static void run_chain(struct plan *p, struct pool *pool)
{
    for (int i = 0; i < 2; i++) {
        chain.is_over = false;
        chain.ran = 0;
        *chain.head = *chain.follower = LLONG_MAX;
        if (i > 0)
            mprotect(chain.follower, chain.page, PROT_READ);
        CHECK(plan_execute(p, pool, false, &error) == 0);
        CHECK_MSG(chain.ran == 2, "run %d: %d of 2 steps are done", i, chain.ran);
    }
}

static void test_take_over(void)
{
    struct pool *pool = pool_new(2, &error);
    struct exec e = {.pool = pool};
    struct plan p = {.exec = &e};
    struct sigaction action = {.sa_handler = hold, .sa_flags = SA_RESETHAND}, before;
    chain.caller = pthread_self();
    chain.page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * chain.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    sigaction(SIGSEGV, &action, &before);
    arena_init(&p.arena);
    make_chain(&p, pages);
    run_chain(&p, pool);
    sigaction(SIGSEGV, &before, NULL);
    free(p.steps);
    arena_release(&p.arena);
    pool_free(pool);
    munmap(pages, 2 * chain.page);
}

/* A step's scratch counts in the memory that a plan may take. */
static void test_limit(void)
{
    struct graph nothing = {.output_count = 0};
    struct exec e = {.memory = 1 << 16};
    struct plan p = {.exec = &e, .graph = &nothing};
    arena_init(&p.arena);
    CHECK(plan_step(&p, &(struct step){.kernel = "test", .run = run, .units = 1, .scratch = 1 << 16}, &error, NULL, 0,
                    STEP_USES_ANYHOW) == 0);
    CHECK(buffer_place_all(&p, &error) == 0 && plan_hold(&p, &error) < 0 && e.held == 0);
    e.memory = 1 << 17;
    CHECK(plan_hold(&p, &error) == 0 && e.held == p.memory_size);
    plan_let_go(&p);
    CHECK(e.held == 0);
    free(p.steps);
    arena_release(&p.arena);
}

/* ---- which steps wait ---- */

static struct plan plan;
static struct buffer buffers[4];

/* `channels` channels from `first` on of 6 pixels of 64. */
static struct view part(int buffer, int64_t channels, int64_t first)
{
    return (struct view){.buffer = &buffers[buffer],
                         .dtype = DTYPE_F32,
                         .rank = 4,
                         .dims = {1, channels, 2, 3},
                         .stride = {384, 1, 192, 64},
                         .offset = first};
}

static void add(int64_t tiles, enum step_uses uses, struct view first, struct view second)
{
    const struct view *views[] = {&first, &second};
    CHECK(plan_step(&plan, &(struct step){.kernel = "test", .run = run, .units = tiles}, &error, views,
                    second.buffer ? 2 : 1, uses) == 0);
}

static void begin_plan(void)
{
    static struct exec alone;
    plan = (struct plan){.exec = &alone};
    arena_init(&plan.arena);
    for (int i = 0; i < 4; i++) {
        buffers[i] = (struct buffer){.first = -1, .size = 1000, .next = plan.buffers};
        plan.buffers = &buffers[i];
    }
}

/* One letter for each step, in the order in which they run: | waits, + goes with the phase, c is chained. */
static void check_order(const char *want)
{
    char got[16] = "";
    CHECK(schedule_make(&plan, &error) == 0);
    for (size_t i = 0; i < plan.step_count; i++)
        got[i] = plan.steps[i].is_chained ? 'c' : plan.steps[i].waits ? '|' : '+';
    CHECK_MSG(strcmp(got, want) == 0, "%s, not %s", got, want);
    free(plan.steps);
    arena_release(&plan.arena);
}

static void test_waits_for_data(void)
{
    struct view none = {.buffer = NULL};
    begin_plan();
    add(5, STEP_WRITES_FIRST, part(0, 64, 0), none);
    add(5, STEP_WRITES_FIRST, part(1, 64, 0), part(0, 64, 0));
    add(5, STEP_WRITES_FIRST, part(2, 64, 0), part(0, 64, 0)); /* two that read the same */
    add(5, STEP_WRITES_FIRST, part(0, 64, 0), none);           /* what they read is overwritten */
    check_order("||+|");
    CHECK(buffers[0].first == 0 && buffers[0].last == 2 && buffers[1].first == 1 && buffers[1].last == 1);
    CHECK(buffers[3].first == -1);
    begin_plan();
    add(5, STEP_USES_ANYHOW, part(1, 64, 0), part(0, 64, 0));
    add(5, STEP_USES_ANYHOW, part(2, 64, 0), part(0, 64, 0));
    check_order("||");
}

static void test_parts(void)
{
    struct view none = {.buffer = NULL};
    begin_plan();
    add(5, STEP_WRITES_FIRST, part(0, 16, 0), none);
    add(5, STEP_WRITES_FIRST, part(0, 48, 16), none);          /* beside it */
    add(5, STEP_WRITES_FIRST, part(0, 16, 8), none);           /* over both */
    add(5, STEP_WRITES_FIRST, part(1, 8, 0), part(0, 16, 32)); /* a reader of one part */
    add(5, STEP_WRITES_FIRST, part(0, 48, 32), none);          /* beyond the pixel */
    check_order("|+|||");
}

static void test_borders(void)
{
    struct view none = {.buffer = NULL};
    begin_plan();
    add(1, STEP_MAKES_BORDER, part(0, 64, 0), none);
    add(5, STEP_WRITES_FIRST, part(0, 64, 0), none);
    add(5, STEP_WRITES_FIRST, part(1, 64, 0), part(0, 64, 0));
    check_order("|+|");
}

/* Small steps in a row are one thread's. Of two independent ones, each has its own; who needs both waits. */
static void test_chains(void)
{
    struct view none = {.buffer = NULL};
    begin_plan();
    add(1, STEP_WRITES_FIRST, part(0, 64, 0), none);
    add(1, STEP_WRITES_FIRST, part(1, 64, 0), none);
    add(1, STEP_WRITES_FIRST, part(2, 64, 0), part(0, 64, 0));
    add(1, STEP_WRITES_FIRST, part(3, 64, 0), part(2, 64, 0));
    add(1, STEP_WRITES_FIRST, part(2, 64, 0), part(1, 64, 0)); /* while the first chain reads it */
    add(2, STEP_WRITES_FIRST, part(0, 64, 0), part(2, 64, 0));
    check_order("|cc+||");
    begin_plan();
    buffers[0].size = 1 << 20; /* not to be held longer than needed */
    add(1, STEP_WRITES_FIRST, part(0, 64, 0), none);
    add(1, STEP_WRITES_FIRST, part(1, 64, 0), part(0, 64, 0));
    check_order("||");
}

int main(void)
{
    RUN(test_waits_for_data);
    RUN(test_parts);
    RUN(test_borders);
    RUN(test_chains);
    RUN(test_steps);
    RUN(test_even_tiles);
    RUN(test_rounds);
    RUN(test_take_over);
    RUN(test_limit);
    return TEST_END();
}
