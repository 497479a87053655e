/* PriorBox and DetectionOutput of Caffe-SSD and ncnn: what evaluation, expansion and writers share. */
#ifndef OP_DETECT_H
#define OP_DETECT_H

#include "op/op.h"

/* Ratios of the boxes of nn.PriorBox behind the squares, in their order, into to[2 * aspect_ratios]; how many. */
int detect_prior_ratios(const struct node *n, float *to);

enum ssd_code { SSD_CORNER, SSD_CENTER_SIZE, SSD_CORNER_SIZE };

struct ssd {
    int64_t classes, background, top_k, keep_top_k; /* the latter two INT64_MAX when they do not limit */
    float confidence, nms, eta, objectness;
    bool share, encoded, clip, by_score; /* by_score: ncnn's rows */
    enum ssd_code code;
    int64_t images, priors, prior_sets; /* set by ssd_sizes() */
};

/* The attributes of nn.DetectionOutput. Messages are plain (real_eval_fail, real_infer_fail). */
int ssd_read(struct ssd *s, const struct node *n, struct error *err);
/* Sizes from the dims of loc, conf, priors; each may hold negative numbers, which leave images or priors at -1. */
int ssd_sizes(struct ssd *s, const struct type *loc, const struct type *conf, const struct type *priors,
              struct error *err);

#endif
