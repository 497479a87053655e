#include "exec/rounds.h"

#include "base/pool.h"

/* The word: the round, and how many of its units are taken from the front, taken from the back, and done. */
#define COUNT_BITS 12
#define ONE_DONE   1LL
#define ONE_BACK   (1LL << COUNT_BITS)
#define ONE_FRONT  (1LL << 2 * COUNT_BITS)
#define ONE_ROUND  (1LL << 3 * COUNT_BITS)

static int count(long long word, long long one)
{
    return (int)(word / one % ONE_BACK);
}

bool rounds_take(rounds_state *state, int64_t rounds, int units, int thread, struct rounds_unit *unit)
{
    long long word = atomic_load_explicit(state, memory_order_acquire);
    for (int tries = 0; word / ONE_ROUND < rounds;) {
        int front = count(word, ONE_FRONT), back = count(word, ONE_BACK);
        if (front + back == units) {
            pool_pause(tries++);
            word = atomic_load_explicit(state, memory_order_acquire);
            continue;
        }
        long long next = word + (thread % 2 ? ONE_BACK : ONE_FRONT);
        if (atomic_compare_exchange_weak_explicit(state, &word, next, memory_order_acq_rel, memory_order_acquire)) {
            unit->round = word / ONE_ROUND;
            unit->unit = thread % 2 ? units - 1 - back : front;
            return true;
        }
    }
    return false;
}

void rounds_finish(rounds_state *state, int units)
{
    long long word = atomic_load_explicit(state, memory_order_relaxed), next;
    do {
        bool last = count(word, ONE_DONE) + 1 == units;
        next = last ? (word / ONE_ROUND + 1) * ONE_ROUND : word + ONE_DONE;
    } while (!atomic_compare_exchange_weak_explicit(state, &word, next, memory_order_acq_rel, memory_order_relaxed));
}
