/* Private to lib/draw: letters as strokes of a pen. */
#ifndef DRAW_FONT_H
#define DRAW_FONT_H

#include "draw/draw.h"

/* Units of a letter: capitals stand between 2 and 10, small letters between 5 and 10, what goes below ends at 13, and
 * accents of capitals begin at 0. */
#define FONT_HEIGHT 14

/* A letter, or a mark above or below it: strokes separated by blanks, each a row of points x, y, a hexadecimal digit
 * each. One that begins with '~' is a curve: its inner points draw it towards them (quadratic B-spline). */
const char *font_strokes(unsigned code);

struct font_accented {
    unsigned base; /* the letter */
    char mark;
};

/* The letter and mark that a character is made of; false when it is none of these. */
bool font_take_apart(unsigned code, struct font_accented *out);
const char *font_mark(char mark);

/* The width of its strokes. */
int font_width(const char *strokes);

#endif
