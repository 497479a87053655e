/* Compiling and matching regular expressions. */
#include "op/regex.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "op/utf8.h"

enum { MAX_STEPS = 100000 };

/* ---- compiling ---- */

static int emit(struct regex *r, enum regex_op op, uint32_t x, uint32_t y, struct error *err)
{
    if (r->step_count >= MAX_STEPS)
        return error_set(err, "the pattern is too large");
    if (mem_grow(&r->steps, &r->step_cap, r->step_count + 1, sizeof *r->steps, err))
        return -1;
    r->steps[r->step_count++] = (struct regex_step){op, x, y};
    return 0;
}

static uint32_t here(const struct regex *r)
{
    return (uint32_t)r->step_count;
}

static int compile(struct regex *r, uint32_t at, struct error *err);

/* a|b|c: SPLIT to the next one before each but the last, and JUMP to the end behind it. The jumps are chained until the
 * end is known. */
static int compile_choice(struct regex *r, uint32_t child, struct error *err)
{
    uint32_t chain = UINT32_MAX;
    for (; child; child = r->nodes[child].next) {
        uint32_t split = here(r), next = r->nodes[child].next;
        if (next && emit(r, REGEX_SPLIT, split + 1, 0, err))
            return -1;
        if (compile(r, child, err))
            return -1;
        if (!next)
            break;
        if (emit(r, REGEX_JUMP, chain, 0, err))
            return -1;
        chain = here(r) - 1;
        r->steps[split].y = here(r);
    }
    while (chain != UINT32_MAX) {
        uint32_t before = r->steps[chain].x;
        r->steps[chain].x = here(r);
        chain = before;
    }
    return 0;
}

/* x{min,max}: x min times, then x* or as many x? as are left, each inside the one before. */
static int compile_repeat(struct regex *r, struct regex_node n, struct error *err)
{
    uint32_t chain = UINT32_MAX;
    for (int i = 0; i < n.min; i++) {
        uint32_t before = here(r);
        if (compile(r, n.child, err))
            return -1;
        if (here(r) == before)
            return 0; /* however often, it is nothing */
    }
    if (n.max < 0) {
        uint32_t split = here(r);
        if (emit(r, REGEX_SPLIT, split + 1, 0, err) || compile(r, n.child, err) || emit(r, REGEX_JUMP, split, 0, err))
            return -1;
        r->steps[split].y = here(r);
        return 0;
    }
    for (int i = n.min; i < n.max; i++) {
        if (emit(r, REGEX_SPLIT, here(r) + 1, chain, err))
            return -1;
        chain = here(r) - 1;
        if (compile(r, n.child, err))
            return -1;
    }
    while (chain != UINT32_MAX) {
        uint32_t before = r->steps[chain].y;
        r->steps[chain].y = here(r);
        chain = before;
    }
    return 0;
}

/* As deep as the parser lets groups nest. */
static int compile(struct regex *r, uint32_t at, struct error *err)
{
    struct regex_node n = r->nodes[at];
    switch (n.kind) {
    case REGEX_EMPTY: return 0;
    case REGEX_CLASS: return emit(r, REGEX_TAKE, n.first, n.count, err);
    case REGEX_LOOK: return emit(r, REGEX_TEST, (uint32_t)n.look, 0, err);
    case REGEX_CHOICE: return compile_choice(r, n.child, err);
    case REGEX_REPEAT: return compile_repeat(r, n, err);
    case REGEX_SEQUENCE: break;
    }
    for (uint32_t child = n.child; child; child = r->nodes[child].next)
        if (compile(r, child, err))
            return -1;
    return 0;
}

int regex_init(struct regex *r, const char *pattern, size_t size, struct error *err)
{
    uint32_t root;
    memset(r, 0, sizeof *r);
    if (regex_parse(r, pattern, size, &root, err) || compile(r, root, err) || emit(r, REGEX_MATCH, 0, 0, err))
        return -1;
    r->lists = mem_calloc(4 * r->step_count, sizeof *r->lists, err);
    return r->lists ? 0 : -1;
}

void regex_release(struct regex *r)
{
    free(r->nodes);
    free(r->ranges);
    free(r->steps);
    free(r->lists);
    memset(r, 0, sizeof *r);
}

/* ---- matching ---- */

#define NO_CHARACTER UINT32_MAX

static bool is_word(uint32_t code)
{
    return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z') || code == '_';
}

static bool look_holds(enum regex_look look, uint32_t before, uint32_t after)
{
    switch (look) {
    case LOOK_BEGIN: return before == NO_CHARACTER;
    case LOOK_END: return after == NO_CHARACTER;
    case LOOK_LINE_BEGIN: return before == NO_CHARACTER || before == '\n';
    case LOOK_LINE_END: return after == NO_CHARACTER || after == '\n';
    case LOOK_WORD: return is_word(before) != is_word(after);
    case LOOK_NOT_WORD: return is_word(before) == is_word(after);
    }
    return false;
}

static bool takes(const struct regex *r, const struct regex_step *s, uint32_t code)
{
    for (uint32_t i = 0; i < s->y; i++)
        if (code >= r->ranges[s->x + i].first && code <= r->ranges[s->x + i].last)
            return true;
    return false;
}

/* The steps that the automaton stands at, each once. `seen` holds for each step the round in which it was last entered.
 */
struct states {
    uint32_t *list, n;
};

/* Enters a step and all that follow from it without taking a character; true when one of them is MATCH. */
static bool enter(struct regex *r, struct states *s, uint32_t *seen, uint32_t *stack, uint32_t round, uint32_t at,
                  uint32_t before, uint32_t after)
{
    uint32_t depth = 0;
    bool matched = false;
    if (seen[at] != round) {
        seen[at] = round;
        stack[depth++] = at;
    }
    while (depth) {
        uint32_t pc = stack[--depth];
        const struct regex_step *step = &r->steps[pc];
        uint32_t next[2] = {step->op == REGEX_TEST ? pc + 1 : step->x, step->y}, n = step->op == REGEX_SPLIT ? 2 : 1;
        if (step->op == REGEX_TAKE)
            s->list[s->n++] = pc;
        matched |= step->op == REGEX_MATCH;
        if (step->op == REGEX_TAKE || step->op == REGEX_MATCH ||
            (step->op == REGEX_TEST && !look_holds((enum regex_look)step->x, before, after)))
            continue;
        for (uint32_t i = 0; i < n; i++)
            if (seen[next[i]] != round) {
                seen[next[i]] = round;
                stack[depth++] = next[i];
            }
    }
    return matched;
}

static uint32_t read_at(const char *text, size_t at, size_t size, size_t *step)
{
    *step = 0;
    return at < size ? utf8_read(text + at, size - at, step) : NO_CHARACTER;
}

bool regex_matches(struct regex *r, const char *text, size_t size)
{
    size_t n = r->step_count, at = 0, step, next_step;
    struct states now = {r->lists, 0}, then = {r->lists + n, 0};
    uint32_t *seen = r->lists + 2 * n, *stack = r->lists + 3 * n, round = 1;
    memset(seen, 0, n * sizeof *seen);
    uint32_t code = read_at(text, 0, size, &step);
    bool matched = enter(r, &now, seen, stack, round, 0, NO_CHARACTER, code);
    while (at < size && now.n) {
        uint32_t after = read_at(text, at + step, size, &next_step);
        if (++round == 0) {
            memset(seen, 0, n * sizeof *seen);
            round = 1;
        }
        then.n = 0;
        matched = false;
        for (uint32_t i = 0; i < now.n; i++)
            if (takes(r, &r->steps[now.list[i]], code))
                matched |= enter(r, &then, seen, stack, round, now.list[i] + 1, code, after);
        struct states other = now;
        now = then;
        then = other;
        at += step;
        code = after;
        step = next_step;
    }
    return matched && at >= size;
}
