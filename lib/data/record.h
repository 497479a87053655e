/* A record of nnrun as a line of text, read back: fields separated by tabs, or a JSON object. */
#ifndef DATA_RECORD_H
#define DATA_RECORD_H

#include <stdbool.h>

#include "base/mem.h"

enum data_field_kind {
    DATA_FIELD_TEXT,   /* unescaped */
    DATA_FIELD_WORD,   /* a number, true, false or null, as it stood there */
    DATA_FIELD_BOX,    /* "x0 y0 x1 y1" */
    DATA_FIELD_POINTS, /* "x,y x,y x,y", each perhaps with a third number */
    DATA_FIELD_JSON,   /* another array or object, as it stood there */
};

struct data_field {
    const char *name; /* in a line of text, which has none: as JSON would call it, or "field5" */
    enum data_field_kind kind;
    const char *text;
};

#define DATA_RECORD_BYTES (1 << 20) /* the longest line */

#define DATA_RECORD_POINTS 5

struct data_record {
    const char *path;
    int corners; /* of what it found in the photo: 0: nothing is said; 2: a box, by its corners; 4: a quadrilateral. Of
                  * a polygon of other corners the box around it */
    double x[4], y[4];
    size_t point_count; /* of the last answer that has a few key points, else of one that has more: all; the first: */
    double point_x[DATA_RECORD_POINTS], point_y[DATA_RECORD_POINTS];
    size_t count;
    struct data_field *fields;
    const char *label; /* of the last answer of labels in it, not of what a detector found; NULL: none */
    bool is_ranked;    /* there is one, of JSON */
    double score;      /* of the last answer; 0 where it has none */
    struct arena arena;
};

/* Reads n bytes, without a newline at the end. A line that begins with '{' is JSON, which says `path`, and `box` or
 * `polygon`, or `box2` and so on, of which the last counts. Another has the path as its first field and, behind a label
 * and a score, a box in four fields or a polygon in one; a line of a single field is a path alone. The caller releases
 * the record; -1 on an error. */
int data_record_parse(struct data_record *out, const char *line, size_t n, struct error *err);
void data_record_release(struct data_record *record);

#endif
