/* Data to measure with: photos and arrays, one sample after the other. */
#ifndef QUANTIZE_DATA_H
#define QUANTIZE_DATA_H

#include "model.h"

/* Takes one sample, a tensor for each of the model's inputs; 0, or 1 with a message. */
typedef int sample_fn(void *arg, struct model_tensor *const *in, const char *name);

struct walk {
    const char *what; /* is done, for progress */
    const struct model *m;
    struct model_session *s; /* prepares photos */
    sample_fn *use;
    void *arg;
    struct model_tensor **in; /* [inputs of m] */
    size_t done;              /* samples used so far */
};

/* Walks through `path`: a folder (its files in the order of their names), a photo, a .npy file (its rows, when the
 * model takes one at a time), a .npz file (members by the inputs' names, else one sample a member), or a text file of
 * such paths. Returns 0, or 1 when a file could not be used, which was told; the rest is gone through all the same. */
int data_walk(struct walk *w, const char *path);

#endif
