/* Models in and out, as all programs that write one do it. */
#ifndef COMMON_FILES_H
#define COMMON_FILES_H

#include "model.h"

/* Where a model goes. */
struct output {
    const char *path, *format; /* NULL: standard output; by the suffix */
    char options[256];         /* what is asked of the format, "opset=17,fp16" */
};

/* Takes one of OPTION_ROWS_OUTPUT; false when the key is none of them. */
bool output_option(struct output *out, int key, const char *value);

/* Whether the model goes to standard output. */
bool output_is_standard(const struct output *out);

/* Exits when the model would go to a terminal, to a format that is unknown, or one without such options. */
void output_check(const struct output *out);

/* Whether a file can be written there: better told before the work than after it. 0, or 1 with a message. */
int place_check(const char *path);

/* 0, or 1 with a message. */
int output_write(const struct output *out, const struct model *m);

/* The one operand that may be left out; exits when there are more, hinting at what may be wanted. NULL: standard
 * input. */
const char *only_operand(int argc, char **argv, const char *hint);

/* Reads the model, or NULL with a message. Exits when the format is not known, or standard input a terminal. */
struct model *input_read(const char *path, const char *format);
/* The same of a file that may hold weights alone. */
struct model *weights_read(const char *path);
/* The same with what is known of its inputs, as model_read_for() takes it. */
struct model *input_read_for(const char *path, const char *format, const struct model_shape *shapes, size_t count);

/* Exits when no format has that name; NULL is allowed. */
void format_check(const char *name);

/* Exits when no row of a table (model_scheme_at, …) has the name that was given to `option`. */
void row_check(const char *option, const char *name, bool (*at)(size_t i, struct model_row *row));

/* What is to stand in the place of the model's own properties. */
enum { PROPERTY_RECIPE, PROPERTY_TASK, PROPERTY_LABELS, PROPERTY_FRAME, PROPERTIES };

/* What stands behind each option, and what that means; NULL: not given. Task and labels may come with
 * the recipe's file. */
struct properties {
    const char *given[PROPERTIES], *text[PROPERTIES];
};

/* Takes -p, -T, -l or --frame; false for other keys. Exits when the file of -p @FILE cannot be used. */
bool properties_option(struct properties *p, int key, const char *value);
/* Exits when one of them can be none for any model. */
void properties_check(const struct properties *p);
/* 0, or 1 with a message. */
int properties_set(const struct properties *p, struct model *m);

/* Says, once, how photos become inputs though nothing says so; false when the model has a recipe. */
bool tell_assumed(const struct model *m, const char *path, const struct model_photo *photo);

/* Takes -j or -P; false when the key is neither. */
bool session_option(struct model_session_options *session, int key, const char *value);

/* Says what "-P fast" means here. */
void session_tell(const struct model_session_options *session);

/* Splits "NAME=1x3x224x224" into dims[MODEL_MAX_RANK] and the name, for free(); exits when it is malformed. */
char *parse_shape(const char *text, int *rank, int64_t *dims);
/* Binds such a shape; 0, or 1 with a message. */
int bind_shape(struct model *m, const char *text, const char *path);

/* The whole of a text file, for free(); NULL with a message. */
char *read_text(const char *path);

/* Cuts blanks, and what Windows ends lines by, off the end of a list's line. */
void list_trim(char *line);
/* The file that such a line names, for free(): the line, or when there is no such file what stands before its tab, or
 * else its first blank; beside the list when it does not exist as it is. *label: what stands behind, NULL: nothing. */
char *list_file(const char *list, char *line, const char **label);

bool has_suffix(const char *path, const char *suffix); /* in any case */

#endif
