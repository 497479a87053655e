/* Inside lib/pair: checking one pair of layers. */
#ifndef PAIR_CHECK_H
#define PAIR_CHECK_H

#include "pair/pair.h"

/* Findings go to p; after a failure, of which err tells, all functions do nothing of use. */
struct check {
    struct pair *p;
    const struct pair_layer *a, *b; /* the pair */
    size_t found;                   /* findings before it */
    struct error *err;
    bool failed;
};

/* What all operands have in common. */
struct operands {
    struct pair_layout layout; /* of the first that comes from a layer */
    bool met, alike;           /* alike: all have the same shapes in both networks */
    int32_t *rows;             /* as in struct pair_match; NULL behind check_operands() */
    int64_t row_count;
    double scaled; /* of the weights: as in struct pair_change */
};

void check_add(struct check *c, const char *what, size_t a, size_t b, const char *text);
/* A finding on the pair. */
void check_report(struct check *c, const char *what, const char *format, ...) BASE_PRINTF(3, 4);

void check_constant(struct check *c, int operand, const struct value *a, const struct value *b, struct operands *all);
void check_operands(struct check *c, struct operands *all);
void check_settings(struct check *c, const struct pair_layout *layout);

/* Whether two values have the same shape, when the second lies in that layout (NULL: the same). */
bool check_same_shape(const struct value *a, const struct value *b, const struct pair_layout *layout);
/* "W", or "operand 3"; in text. */
const char *check_operand_name(const struct pair_layer *l, int k, char *text, size_t size);
/* "f32 1x3x224x224"; in text. */
const char *check_shape_text(const struct value *v, char *text, size_t size);
/* Whether a layer takes its operands in any layout. */
bool check_is_free(const struct pair_layer *l);

#endif
