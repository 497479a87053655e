/* Words between blanks, as the .param files of ncnn and pnnx are made of, with the line they stand in. */
#ifndef PARSE_WORDS_H
#define PARSE_WORDS_H

#include <stdbool.h>

#include "base/mem.h"

/* Where a reader is in a text, which needs no NUL at its end and outlives it. */
struct words {
    const char *at, *end;
    int line;
    bool any_line;       /* the next word may stand in a later line */
    struct arena *arena; /* of names */
    struct error *err;
};

struct word {
    const char *at;
    size_t size; /* 0: there is no further one */
};

/* To the next word, in whatever line; false at the end of the text. */
bool words_skip(struct words *w);

/* The next word; without `any_line`, one of this line only. A NUL ends the text for good: files have holes. */
struct word words_next(struct words *w);

/* "line 3: WHAT was expected, not 'WORD'"; returns -1. */
int words_error(const struct words *w, const char *what, struct word found);

/* The next word as text in the arena; NULL with an error when there is none. */
const char *words_name(struct words *w, const char *what);

/* `count` of them, as an array in the arena. *named says how many there are, also after an error. */
int words_names(struct words *w, const char *what, int64_t count, int *named, const char ***names);

/* The next word as a number of things of which each takes a byte of the rest of the text at least. */
int words_count(struct words *w, const char *what, int64_t *count);

#endif
