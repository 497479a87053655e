/* Pictures one behind the other in a file or a pipe, as Netpbm's programs and "ffmpeg -f image2pipe -c ppm" write
 * them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/program.h"
#include "lines.h"
#include "run.h"

#define HEADER 65536 /* the longest */

static size_t size_of_next(const struct lines *l)
{
    return model_picture_size(l->text + l->begin, l->size - l->begin);
}

/* Reads until the next picture is there, or what the pipe has of it; all that the pipe has where something of another
 * format may be alone. How many bytes that are; 0 at the end. */
static size_t read_next(struct lines *l, bool alone)
{
    size_t want, have;
    do {
        want = size_of_next(l);
        have = l->size - l->begin;
    } while ((want ? want > have : alone || have < HEADER) && lines_fill(l));
    return want && want < have ? want : have;
}

void feed_pictures(struct runner *r, struct lines *l, const char *name, bool numbered)
{
    char number[24];
    for (size_t n, i = 0; (n = read_next(l, !numbered)) || (i == 0 && !numbered); i++, l->begin += n) {
        snprintf(number, sizeof number, "%06zu", i);
        if (numbered && size_of_next(l) == 0) {
            r->status = say_failed("%s/%s: %s", name, number, frames_damaged);
            return;
        }
        numbered = numbered || l->size - l->begin > n || lines_fill(l); /* who writes frames is not waited for */
        r->many |= numbered;
        char *path = numbered ? names_join(name, number, "") : get_copy(name);
        r->bytes = l->text + l->begin;
        r->byte_count = n;
        feed(r, path);
        r->bytes = NULL;
        free(path);
        say_progress("running", i + 1, 0);
    }
}

bool feed_if_pictures(struct runner *r, const char *input, const char *path)
{
    struct stat st = {0};
    struct lines l = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (l.fd < 0)
        return false;
    fstat(l.fd, &st);
    bool is_pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
    bool is_stream = is_pipe || (S_ISREG(st.st_mode) && lines_fill(&l) && size_of_next(&l) &&
                                 size_of_next(&l) < (uintmax_t)st.st_size);
    if (is_stream)
        feed_pictures(r, &l, input, false);
    close(l.fd);
    lines_release(&l);
    return is_stream;
}
