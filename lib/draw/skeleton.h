/* Which key points are joined. */
#ifndef DRAW_SKELETON_H
#define DRAW_SKELETON_H

#include <stdbool.h>
#include <stddef.h>

/* The points that bone `number` of an object of so many points joins; false when it has not so many: people as COCO
 * (17), Halpe (26), COCO-WholeBody (133) and MediaPipe (33) have them, hands as MediaPipe has them (21). */
bool draw_bone(size_t points, size_t number, size_t *from, size_t *to);

#endif
