/* Which key points are joined. */
#ifndef DRAW_SKELETON_H
#define DRAW_SKELETON_H

#include <stddef.h>

/* The bones of an object of so many key points, as pairs of their numbers, and how many: people as COCO has them (17),
 * hands as MediaPipe has them (21). 0 for others. */
size_t draw_skeleton(size_t points, const unsigned char (**bones)[2]);

#endif
