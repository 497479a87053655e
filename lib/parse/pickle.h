/* Python's pickles (protocols 2 to 5), read into a tree: nothing is ever called or imported. What a pickle would call
 * is a node that says so. Source of the opcodes: Python's documentation of pickletools. */
#ifndef PARSE_PICKLE_H
#define PARSE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,   /* i */
    PICKLE_INT,    /* i */
    PICKLE_FLOAT,  /* f */
    PICKLE_STRING, /* text, with a NUL behind; bytes too */
    PICKLE_TUPLE,  /* items */
    PICKLE_LIST,   /* items */
    PICKLE_DICT,   /* items: keys and values in turn */
    PICKLE_GLOBAL, /* text: "module name" */
    PICKLE_CALL,   /* items: what is called, and a tuple of arguments */
    PICKLE_OBJECT, /* items: its class, a tuple of arguments and, once one is set, its state */
    PICKLE_OUTSIDE /* items: the tuple that names something outside the pickle */
};

/* Nodes may be shared. One may hold itself: who walks a tree bounds the depth. */
struct pickle {
    enum pickle_kind kind;
    int64_t i;
    double f;
    const char *text;
    struct pickle **items;
    size_t size; /* of the text, or items */
    size_t cap;
    void *scratch; /* the reader's: NULL at first */
};

#define PICKLE_MAX_BYTES (8 << 20) /* an opcode of one byte makes a node */

/* The value that the pickle at `data` makes; in the arena, strings copied. *used, where not NULL: its bytes, for
 * further ones may stand behind. NULL with a message that tells the byte. */
struct pickle *pickle_read(const void *data, size_t size, size_t *used, struct arena *arena, struct error *err);

/* The value of a string key of a dict; NULL when there is none, or p is no dict. */
const struct pickle *pickle_member(const struct pickle *p, const char *key);
/* Whether p is the global of that name, "torch._utils _rebuild_tensor_v2". */
bool pickle_is_global(const struct pickle *p, const char *name);

#endif
