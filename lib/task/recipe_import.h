/* Private to the import of recipes: what is made of a file's settings is the text of a recipe. */
#ifndef TASK_RECIPE_IMPORT_H
#define TASK_RECIPE_IMPORT_H

#include "parse/json.h"
#include "task/recipe.h"

struct import {
    const struct json *j;
    const struct json_node *node; /* the object that holds the settings */
    struct text *out;             /* each key behind a comma */
    struct error *err;
    bool turned; /* values of channels are to be in the other order */
};

/* A member of the object; NULL: none. */
const struct json_node *import_get(const struct import *m, const char *key);

/* A switch; when it is absent, `absent`. */
bool import_is_on(const struct import *m, const char *key, bool absent);

/* A word; "" when it is none. */
const char *import_word(const struct json_node *n);

/* A side in pixels; 0 when it is none. */
int import_side_of(const struct json_node *n);
int import_side(const struct import *m, const char *key);

/* The two sides of an array; 0 when it is none. */
bool import_pair(const struct import *m, const struct json_node *n, int *first, int *second);

/* Adds the key with one number, or an array of one or three. */
int import_values(struct import *m, const char *key, const struct json_node *n);

/* Settings of Paddle: recipe_paddle.c. */
bool import_is_paddle(const struct import *m);
int import_paddle(struct import *m);

/* Sides of a text detector's photo, with what is said of the first resizing and of multiples. */
int import_limits(struct import *m, const char *again, const char *round);

/* Settings of RapidOCR for one network: the same file. */
bool import_is_rapid(const struct import *m);
int import_rapid(struct import *m);

/* Settings of Hugging Face: recipe_hugging_face.c. */
int import_hugging_face(struct import *m);

#endif
