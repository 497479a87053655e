/* Inputs: from files, or random, always the same. */
#include "../common/program.h"
#include "bench.h"

#define SEED 1

int prepare_inputs(struct bench *b, const struct request *r)
{
    if (inputs_apply(&r->inputs, b->m, b->path, b->in) || inputs_bind_rest(b->m, b->path))
        return 1;
    return inputs_fill(b->m, b->path, SEED, b->in);
}
