/* Lines of a file or a pipe; the next one can be looked at where it has not to be waited for. */
#ifndef RUN_LINES_H
#define RUN_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINES_LONGEST ((size_t)1 << 20)

/* Begins with fd and end alone. */
struct lines {
    int fd;
    char end;   /* of each line; the last may lack it */
    int failed; /* errno of the last reading, or 0 */
    char *text; /* [room]: what was read, and not yet taken from `begin` to `size` */
    size_t begin, size, room;
    char *line, *next; /* given out */
};

/* The next line without its end, which lives until the next call, or NULL; *n is its length: of one that is
 * longer than LINES_LONGEST only some part is given. */
char *lines_read(struct lines *l, size_t *n);
/* The line behind that, if it can be had at once, or NULL; it lives until the next call. */
const char *lines_next(struct lines *l);
/* Reads more behind what is there, which may move; false at the end. */
bool lines_fill(struct lines *l);
void lines_release(struct lines *l);

#endif
