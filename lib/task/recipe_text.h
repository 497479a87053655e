/* Private to the parser of recipes: parts of a text, and its steps. */
#ifndef TASK_RECIPE_TEXT_H
#define TASK_RECIPE_TEXT_H

#include "task/recipe.h"

#define RECIPE_COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* A part of the text. */
struct slice {
    const char *at;
    size_t n;
};

/* Cuts what lies before the first `c` off the front of *s; all of it when there is none. */
struct slice slice_cut(struct slice *s, char c);

/* The parts between the `c`, empty ones too; how many, or -1 for more than `most`. */
int slice_split(struct slice s, char c, struct slice *part, int most);

bool slice_is(struct slice s, const char *word);

/* The index of a word in a list; -1 when it is not there. Empty words of the list are none. */
int slice_find(struct slice s, const char *const *words, int n);

/* 0, or -1 when it is no such number; finite. */
int slice_number(struct slice s, int low, int high, int *out);
int slice_float(struct slice s, float *out);

/* Reads the value of a step whose kind is set; -1 when it is not what the kind takes, which recipe_step_want() tells.
 */
int recipe_step_set(struct recipe_step *s, struct slice value);
const char *recipe_step_want(enum recipe_kind kind);

#endif
