/* Static quantisation: what is known of a network while data go through it, and the quantised network in the end. Who
 * runs graphs runs those that these functions make, and hands the results back. */
#ifndef QUANT_CALIBRATE_H
#define QUANT_CALIBRATE_H

#include "quant/adapt.h"
#include "quant/equalize.h"
#include "quant/importance.h"
#include "quant/insert.h"

struct quant_settings {
    enum dtype dtype; /* of activations: DTYPE_U8, DTYPE_I8 */
    const struct quant_range_method *method;
    const char *const *keep; /* names of nodes, or operators, that stay in float */
    size_t keep_count;
};

/* Samples lie in one each, so that ranges can be tried on those that had no part in them (cross-validation). */
#define QUANT_FOLDS 3

struct quant_calibration {
    struct quant_settings settings;
    struct graph *g;                     /* the network in float, as it will be quantised */
    struct quant_channelled *channelled; /* [channelled_count] until quant_calibration_begin() */
    size_t channelled_count;
    struct quant_places places;
    bool *kept;                          /* [places.layer_count] those that stay in float by the settings */
    struct quant_importance *importance; /* by value->index of g */
    struct quant_histogram **seen; /* [places.site_count][QUANT_FOLDS]; NULL: none of its own */
    struct quant_range *ranges;    /* [places.site_count]; set by quant_choose_ranges() */
    double *clipped;               /* [places.site_count] the share outside of these */
    struct quant_weights *weights; /* [places.layer_count] of QUANT_PRODUCT */
};

/* Brings a copy of the graph to the form that is quantised: normalisation folded into weights, operators of other
 * frameworks written out, what is left of scales and shifts as convolutions; and finds what can be equalised. 0, or -1
 * with a message. Then quant_watch_channels() on some data, if there is anything, and: */
int quant_calibration_init(struct quant_calibration *c, const struct graph *g, const struct quant_settings *settings,
                           struct error *err);
/* Equalises by what was seen of channels, and places what is quantised. */
int quant_calibration_begin(struct quant_calibration *c, struct error *err);
void quant_calibration_release(struct quant_calibration *c);

/* Adds to layers that are to stay in float those that do so by the settings, or since what is before them does. */
int quant_mark_floats(const struct quant_calibration *c, bool *floats, struct error *err);

/* The network with nn.Histogram behind what is to be observed; its outputs are theirs, two for each class of channels
 * that count about alike: an element weighs as much as an error of it does. To be freed. */
struct graph *quant_watch_ranges(const struct quant_calibration *c, struct error *err);
/* Takes such outputs of one run, of a sample that lies in a fold. */
int quant_take_ranges(struct quant_calibration *c, struct tensor *const *out, size_t fold, struct error *err);

/* Gives c->weights others, each rounded to the nearest; those that were there are the caller's, also when it fails. */
int quant_round_weights(struct quant_calibration *c, struct error *err);
void quant_weights_free(const struct quant_calibration *c, struct quant_weights *weights);

/* Chooses ranges by what was seen so far, but for one fold; QUANT_FOLDS: by all. Each call begins anew. */
int quant_choose_ranges(struct quant_calibration *c, size_t without, struct error *err);

/* The quantised network; the layers that `floats` says (by their place in c->places.layers; NULL: none) stay in float.
 * To be freed. */
struct graph *quant_quantized(const struct quant_calibration *c, const bool *floats, struct error *err);

/* What a layer of c->g gives, with its bias and bound, where they are in the graph `in`, c->g itself or made by
 * quant_quantized(): as those behind see it. NULL when it is not there. */
struct value *quant_seen(const struct quant_calibration *c, size_t layer, const struct graph *in);
/* The range of that; NULL when it is not rounded. */
const struct quant_range *quant_range_of(const struct quant_calibration *c, size_t layer);

/* The quantised network, whose outputs are, for each layer that has a bias, f32 [channels]: the mean by which its
 * result falls short of what weights in float would give of its operand before that is rounded. To be freed. */
struct graph *quant_watch_shifts(const struct quant_calibration *c, struct error *err);
/* Takes `share` of such outputs of one run into the biases to be (Nagel et al., Data-free quantization, 2019). */
int quant_take_shifts(struct quant_calibration *c, struct tensor *const *out, double share, struct error *err);
bool quant_has_bias(const struct quant_layer *l);

/* The quantised network, or that in float, whose output is the operand of a layer as it sees it; to be freed. */
struct graph *quant_watch_operand(const struct quant_calibration *c, size_t layer, bool quantised, struct error *err);

#endif
