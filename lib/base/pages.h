/* Memory for large data. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Zeroed, 64-byte aligned; what is large lies on pages of its own. size 0 gives a pointer too. NULL with a message when
 * memory is short. */
void *pages_new(size_t size, struct error *err);

/* Makes one huge page of the first pages of what is left of such memory, where the system has them: the address of the
 * whole, or a multiple of what was returned behind it. Gives the bytes that are dealt with. That takes from 0.2 ms to 2
 * ms, when the machine is a virtual one that has to get the page from its host first. */
size_t pages_make_huge(void *p, size_t size);

/* Of any memory that nobody has touched yet: lets what fills whole huge pages be such when it is written. A fault for
 * each page else takes a fifth of the time of decoding a large photo, half of that of copying weights. */
void pages_prefer_huge(void *p, size_t size);

/* p NULL is allowed; `size` is what it was made with. */
void pages_free(void *p, size_t size);

/* Gets the pages of memory that is about to be written all over, from anywhere, in one go: that takes less than a fault
 * for each. */
void pages_populate(void *p, size_t size);

/* Whether AddressSanitizer watches the ends of what pages_new() gives: several things then should not share it. */
bool pages_watched(void);

#endif
