/* How the net wants pictures, as a recipe: what the layer with data said of them. */
#ifndef FORMAT_CAFFE_RECIPE_H
#define FORMAT_CAFFE_RECIPE_H

#include "format/caffe/caffe.h"

/* Sets the graph's property "recipe" where the net, or the one that was trained, tells. -1 after a failure. */
int caffe_set_recipe(struct caffe_reader *r);

#endif
