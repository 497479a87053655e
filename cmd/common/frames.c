#include "frames.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

const char frames_damaged[] = "no header of PNM or PAM: damaged, cut off, or too large";

#define HEADER 65536 /* the longest */

/* What is no regular file is not opened: whoever writes into a pipe would go on, and lose what it wrote. */
void frames_open(struct frames *f, const char *path)
{
    struct stat st;
    *f = (struct frames){.path = path, .fd = -1};
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (f->fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0)
        f->size = (size_t)st.st_size;
}

void frames_close(struct frames *f)
{
    if (f->fd >= 0 && f->path)
        close(f->fd);
    free(f->bytes);
}

/* Bytes of the file from `at` on, of which there may be fewer: how many. */
static size_t read_at(struct frames *f, size_t at, size_t want)
{
    size_t have = 0;
    ssize_t n = 1;
    free(f->bytes);
    f->bytes = get_memory(want, 1);
    for (; have < want && n > 0; have += n > 0 ? (size_t)n : 0)
        n = pread(f->fd, f->bytes + have, want - have, (off_t)(at + have));
    return have;
}

size_t frames_next(struct frames *f)
{
    size_t left = f->size - f->at, n = left ? read_at(f, f->at, left < HEADER ? left : HEADER) : 0;
    n = n ? model_picture_size(f->bytes, n) : 0;
    n = n < left ? n : left; /* a picture cut off is the decoder's to tell */
    f->at += n;
    f->number++;
    return n;
}

const char *frames_bytes(struct frames *f, size_t *n)
{
    *n = read_at(f, f->at - *n, *n);
    return f->bytes;
}

/* A file that holds something else is one photo. */
struct model_tensor *frames_photo(struct frames *f, struct model_session *s, struct model_photo *photo,
                                  struct model_error *err)
{
    static const struct model_place all = {0};
    size_t n = frames_next(f);
    err->text[0] = '\0';
    if (f->number == 1 && (n == 0 || n == f->size))
        return model_session_photo(s, f->path, photo, err);
    if (n == 0 && f->at > 0 && f->at < f->size)
        snprintf(err->text, sizeof err->text, "%s", frames_damaged);
    const char *bytes = n ? frames_bytes(f, &n) : NULL;
    struct model_picture *picture = bytes ? model_session_picture_of(s, bytes, n, err) : NULL;
    struct model_tensor *t = picture ? model_session_part(s, picture, &all, NULL, photo, err) : NULL;
    model_picture_free(picture);
    return t;
}
