/* Darknet's .cfg: sections of lines "key=value". */
#ifndef FORMAT_DARKNET_CFG_H
#define FORMAT_DARKNET_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

struct darknet_option {
    const char *key, *value;
    struct darknet_option *next;
};

struct darknet_section {
    const char *type; /* "convolutional" */
    int line;
    struct darknet_option *first, *last;
};

struct darknet_cfg {
    struct darknet_section *sections;
    size_t count, cap;
};

#define DARKNET_MAX_SECTIONS 100000

/* Reads the text; what is read lies in the arena, but for cfg->sections, which darknet_cfg_release() frees. Blanks
 * count nowhere, as in Darknet. The message names the line. */
int darknet_cfg_read(struct darknet_cfg *cfg, const char *text, size_t size, struct arena *arena, struct error *err);
void darknet_cfg_release(struct darknet_cfg *cfg);

/* The value of a key, the first when there are several; NULL: not there. */
const char *darknet_text(const struct darknet_section *s, const char *key);

/* Numbers as C's atoi() and atof() read them, as Darknet does: what stands behind the number does not count. */
int64_t darknet_int(const struct darknet_section *s, const char *key, int64_t otherwise);
float darknet_float(const struct darknet_section *s, const char *key, float otherwise);

/* A list "1,2,3": the numbers, at most `max` of them, into values; how many there are in all. */
int darknet_ints(const struct darknet_section *s, const char *key, int64_t *values, int max);
int darknet_floats(const struct darknet_section *s, const char *key, float *values, int max);

#endif
