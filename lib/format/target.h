/* Where a model goes: one file or several, which appear together, complete, or not at all; and what was asked of the
 * format, "opset=17,fp16". */
#ifndef FORMAT_TARGET_H
#define FORMAT_TARGET_H

#include <stdbool.h>

#include "base/file.h"

#define TARGET_FILES   4
#define TARGET_OPTIONS 16

/* What can be asked of a format: a row of a list that ends with a name of NULL. */
struct target_option {
    const char *name;  /* "opset" */
    const char *value; /* what it takes, "N", or a number of a range, "7..25"; NULL: nothing */
    const char *what;  /* one line for people */
};

struct target {
    const char *path;     /* NULL: standard output, so that no second file can stand beside it */
    const char *suffixes; /* of the format: what target_file() replaces */
    struct file_out files[TARGET_FILES];
    int file_count;
    char *text; /* the options', cut into names and values */
    const char *names[TARGET_OPTIONS], *values[TARGET_OPTIONS];
    int option_count;
};

/* path NULL or "-": standard output; options: what the user asked for, or NULL; known: what the format can be asked,
 * or NULL. Fails for an option that is not in the list. */
int target_init(struct target *t, const char *path, const char *suffixes, const char *options,
                const struct target_option *known, struct error *err);

/* The next file to be written. suffix NULL: the model's own path; ".bin" or "+.data": beside it, named as
 * source_renamed() says. NULL with a message that names it. The target keeps it. */
struct file_out *target_file(struct target *t, const char *suffix, struct error *err);

/* An option's value, "" for one without; NULL when it was not given. */
const char *target_option(const struct target *t, const char *name);
/* The same as a number; 0 when not given, -1 with a message when it is none. */
int target_number(const struct target *t, const char *name, struct error *err);

/* Puts all files into their places; when one cannot be, the former ones are as they were. Either ends the target. */
int target_commit(struct target *t, struct error *err);
void target_abandon(struct target *t);

#endif
