/* Photos of a file: one, or PNM and PAM pictures that follow each other. */
#ifndef COMMON_FRAMES_H
#define COMMON_FRAMES_H

#include "model.h"

/* The message of a picture whose size is not known. */
extern const char frames_damaged[];

struct frames {
    const char *path;
    int fd;                  /* -1: it is no regular file */
    char *bytes;             /* what was read of it last: it is not mapped, since others may write to it meanwhile */
    size_t size, at, number; /* where the next picture begins, and how many came before it */
};

/* To be closed always. */
void frames_open(struct frames *f, const char *path);
void frames_close(struct frames *f);

/* How many bytes the next picture takes, which then is behind us; 0: there is none. */
size_t frames_next(struct frames *f);

/* The `n` bytes of that picture, until the next call; fewer if the file was cut since. */
const char *frames_bytes(struct frames *f, size_t *n);

/* The next as the session's photo; NULL at the end, where err->text is empty, or with a message. */
struct model_tensor *frames_photo(struct frames *f, struct model_session *s, struct model_photo *photo,
                                  struct model_error *err);

#endif
