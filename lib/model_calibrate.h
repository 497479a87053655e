/* Shared by lib/model_calibrate*.c. */
#ifndef MODEL_CALIBRATE_H
#define MODEL_CALIBRATE_H

#include "model_private.h"
#include "quant/calibrate.h"

/* Samples kept for what has to be run more than once: every first, second, fourth … of all, so that they are spread
 * over the data however many there are. */
#define CALIBRATE_KEPT          16
#define CALIBRATE_KEPT_TO_JUDGE 64 /* where some have to say whether an effort was worth it */

#define CALIBRATE_TRIED 2 /* ways to choose ranges */

struct model_calibration {
    struct quant_calibration quant;
    struct model_calibration_options options;
    struct model_session *watch;
    bool by_channels;           /* what is watched: channels, to be equalised, not ranges yet */
    size_t inputs, watched;     /* of the network; outputs of `watch` */
    struct model_tensor **kept; /* [room * inputs] */
    size_t room, kept_count, stride, seen;
    struct model_tried tried[CALIBRATE_TRIED];
    bool *floats; /* [layers] kept, and those that --max-loss left in float32 */
};

/* A session for a graph, which is freed; g NULL (an error already set) gives NULL. */
struct model_session *calibrate_session(const struct model_calibration *c, struct graph *g, bool profile,
                                        struct model_error *err);

void calibrate_free_tensors(struct model_tensor **t, size_t n); /* the list too; NULL is allowed */

/* Signal and noise of results over samples. */
struct calibrate_noise {
    double signal, noise;  /* sums of squares: of what is right, and of the differences */
    double decibels;       /* sum of the ratios of each sample */
    bool finite;           /* there was something to compare: what is right, but for no number and infinity */
    size_t classed, moved; /* samples whose results name classes, and those of them that name another one first */
};
static inline double calibrate_loss(const struct calibrate_noise *n)
{
    return n->signal > 0 ? n->noise / n->signal : n->noise > 0 ? 1 : 0;
}

/* Some of the samples kept. */
struct calibrate_samples {
    size_t first, last, step;
};
static const struct calibrate_samples calibrate_all = {0, SIZE_MAX, 1};

/* Runs two graphs with as many outputs, which are freed, on samples, as far as there are so many, and adds to
 * noise[outputs] how far the second's are from the first's. */
int calibrate_compare(const struct model_calibration *c, struct graph *right, struct graph *other,
                      struct calibrate_samples samples, struct calibrate_noise *noise, struct model_error *err);

/* The same of the network in float32, and quantised where `floats`, unless NULL, do not say otherwise. */
int calibrate_find_noise(const struct model_calibration *c, const bool *floats, struct calibrate_samples samples,
                         struct calibrate_noise *noise, struct model_error *err);

/* The greatest loss of any output, as a share of it. */
int calibrate_find_loss(const struct model_calibration *c, const bool *floats, struct calibrate_samples samples,
                        double *loss, struct model_error *err);

/* Where more are kept to judge an effort: how far apart those lie that would be kept without, so that ranges and biases
 * are the same. */
size_t calibrate_apart(const struct model_calibration *c);

/* Tells how far long work has come. */
void calibrate_tell(const struct model_calibration *c, const char *what, size_t done, size_t total);

/* Chooses ranges as options.range says; without, and with samples enough, in the way that proves best on samples that
 * had no part in them: see c->tried. */
int calibrate_choose_ranges(struct model_calibration *c, struct model_error *err);

/* Makes up for what rounded weights move in the mean. */
int calibrate_correct(struct model_calibration *c, struct model_error *err);

/* Whether no output lies farther from what is right than before by all samples together, and all are clearly nearer,
 * in their mean too, in which no sample or output weighs more than another. */
bool calibrate_is_nearer(const struct calibrate_noise *before, const struct calibrate_noise *after, size_t outputs);

/* Rounds weights anew and corrects biases by that, when options.effort says so; on samples that had no part in it, or
 * on all when there are too few to hold some back, the result must be nearer, or all is left as it was. */
int calibrate_adapt(struct model_calibration *c, struct model_error *err);

/* Fills c->floats so that options.max_loss is met; 0, also when that is impossible, or -1. */
int calibrate_limit_loss(struct model_calibration *c, struct model_error *err);

#endif
