/* Work in rounds: each round's units are done behind all of the round before, by whichever threads are there. No thread
 * waits for another but for units that the other has begun, so that one which the system does not run holds up
 * nobody.
 *
 * A thread of even number takes units from the front, others from the back: with two, each meets the same units in
 * every round, whose memory its caches keep. */
#ifndef EXEC_ROUNDS_H
#define EXEC_ROUNDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ROUNDS_MAX_UNITS 4095
#define ROUNDS_MAX       ((int64_t)1 << 26)

/* The state of a sequence of rounds, in one word; 0 is its beginning. */
typedef atomic_llong rounds_state;

struct rounds_unit {
    int64_t round;
    int unit;
};

/* Takes a unit that nobody has begun; waits while there is none but will be. False when all rounds are done. */
bool rounds_take(rounds_state *state, int64_t rounds, int units, int thread, struct rounds_unit *unit);
/* Says that a unit is done. */
void rounds_finish(rounds_state *state, int units);

#endif
