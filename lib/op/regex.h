/* Regular expressions in RE2's syntax, matched in time linear in the text (the simulation of Thompson, "Regular
 * expression search algorithm", 1968, of a nondeterministic automaton). What depends on Unicode's tables (\p{…}) and on
 * single bytes (\C) is refused. */
#ifndef OP_REGEX_H
#define OP_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct regex_range {
    uint32_t first, last; /* code points, both included */
};

/* Conditions on a place between two characters. */
enum regex_look { LOOK_BEGIN, LOOK_END, LOOK_LINE_BEGIN, LOOK_LINE_END, LOOK_WORD, LOOK_NOT_WORD };

/* What the parser makes: nodes linked by number, 0 for none. */
enum regex_kind { REGEX_EMPTY, REGEX_CLASS, REGEX_LOOK, REGEX_SEQUENCE, REGEX_CHOICE, REGEX_REPEAT };
struct regex_node {
    enum regex_kind kind;
    uint32_t child, next;  /* first child; next sibling */
    uint32_t first, count; /* of a class: its ranges */
    enum regex_look look;
    int min, max; /* of a repeat; max -1: any number */
};

enum regex_op { REGEX_TAKE, REGEX_TEST, REGEX_SPLIT, REGEX_JUMP, REGEX_MATCH };
struct regex_step {
    enum regex_op op;
    uint32_t x, y; /* TAKE: ranges first and count; TEST: the look; SPLIT: two targets; JUMP: one */
};

struct regex {
    struct regex_node *nodes;
    size_t node_count, node_cap;
    struct regex_range *ranges;
    size_t range_count, range_cap;
    struct regex_step *steps;
    size_t step_count, step_cap;
    uint32_t *lists; /* scratch for matching */
};

/* Compiles a pattern of UTF-8; regex_release() is to be called in either case. */
int regex_init(struct regex *r, const char *pattern, size_t size, struct error *err);
void regex_release(struct regex *r);

/* Whether the pattern matches all of the text. Not for several threads with one regex. */
bool regex_matches(struct regex *r, const char *text, size_t size);

/* The parser: the root's number into *root. */
int regex_parse(struct regex *r, const char *pattern, size_t size, uint32_t *root, struct error *err);

#endif
