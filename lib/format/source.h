/* Where a model comes from: a file, a folder, or the bytes of standard input; and the files that belong to it. */
#ifndef FORMAT_SOURCE_H
#define FORMAT_SOURCE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "graph/tensor.h"

/* The shape of an input: of the one of that name, or, name NULL, of the one at that place among the inputs. */
struct source_shape {
    const char *name;
    int rank;
    const int64_t *dims;
    enum dtype dtype; /* DTYPE_NONE: not known */
};

struct source {
    const char *path;   /* NULL: standard input */
    const char *second; /* a second file that the user gave, "net.param,other.bin"; or NULL */
    struct blob *blob;  /* the file's bytes; empty for a folder. Never NULL */
    bool is_folder;
    const char *suffixes;              /* of the format that reads it: what source_twin() replaces */
    char *paths;                       /* holds path and second */
    const struct source_shape *shapes; /* what is known beside the file, for a format that holds a program */
    size_t shape_count;
    const char *entry; /* which of the functions of a file is wanted; NULL: the one that it is known for */
};

/* path NULL or "-": standard input. "first,second" names two files, unless a file has that very name. The message
 * begins with the path. */
int source_open(struct source *s, const char *path, struct error *err);
/* The same from two paths; second NULL: none. */
int source_open_both(struct source *s, const char *first, const char *second, struct error *err);
void source_release(struct source *s);

/* What is known of an input; NULL: nothing. */
const struct source_shape *source_shape_of(const struct source *s, const char *name, size_t place);

/* The model's other file: the one that the user gave, else the one whose name is the model's with another suffix
 * (".bin" replaces; "+.weight" is added), or, "*.bin", the only file of the folder that ends so; whichever of the
 * space-separated `suffixes` there is. NULL with a message that says where it was looked for. The caller unrefs. */
struct blob *source_twin(const struct source *s, const char *suffixes, struct error *err);
/* Whether there is one. */
bool source_has_twin(const struct source *s, const char *suffixes);

/* A file that the model names, relative to its own folder (inside of it, for a folder), without "..". A link is
 * refused, unless it leads to where the model's own path leads: caches of model hubs are made so. */
struct blob *source_member(const struct source *s, const char *name, struct error *err);

/* Path with the suffix that is in the list replaced by another, or, "+.x", with that added; for free(). Without one in
 * the list the last suffix of all is replaced. */
char *source_renamed(const char *path, const char *suffixes, const char *suffix, struct error *err);

/* The only file of the folder of `path` that ends with the suffix, in any case, for free(); NULL, without a message,
 * when there is none, or several. */
char *source_only(const char *path, const char *suffix, struct error *err);

/* How long the longest of the space-separated suffixes is that ends the path (in any case, with something before it);
 * 0: none does. */
size_t source_suffix(const char *path, const char *suffixes);

#endif
