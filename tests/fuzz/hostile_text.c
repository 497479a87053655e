/* Nets of Caffe and Darknet, which are text. */
#include <stdio.h>

#include "hostile.h"

#define MAP "input: 'a' input_dim: 1 input_dim: 4 input_dim: 8 input_dim: 8\n"

static void repeat(struct out *o, const char *first, const char *again, int count)
{
    hostile_say(o, first);
    for (int i = 0; i < count; i++)
        hostile_say(o, again);
}

static void caffe_nested_messages(struct out *o)
{
    repeat(o, MAP, "layer { ", 100000);
}

static void caffe_layers_in_place(struct out *o)
{
    repeat(o, MAP, "layer { name: 'a' type: 'ReLU' bottom: 'a' top: 'a' }\n", 20000);
}

static void caffe_doubling_concat(struct out *o)
{
    repeat(o, MAP, "layer { name: 'a' type: 'Concat' bottom: 'a' bottom: 'a' top: 'a' }\n", 70);
}

static void caffe_numbers(struct out *o)
{
    repeat(o, MAP "layer { name: 'a' x: [", "1,", 3000000);
}

static void caffe_many_tops(struct out *o)
{
    char text[40];

    hostile_say(o, "layer { name: 'a' type: 'Input' ");
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "top: 'a%d' ", i);
        hostile_say(o, text);
    }
    hostile_say(o, "input_param { shape { dim: 2147483647 dim: 2147483647 dim: 2 } } }\n"
                   "layer { name: 'b' type: 'ReLU' bottom: 'a7' top: 'b' }");
}

static void caffe_adopted_inputs(struct out *o)
{
    char text[200];

    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text,
                 "layer { name: 'd' type: 'Data' top: 'd%d' include { phase: TRAIN } } "
                 "layer { name: 'r' type: 'ReLU' bottom: 'd%d' top: 'r%d' }\n",
                 i, i, i);
        hostile_say(o, text);
    }
}

static void caffe_dummy_data(struct out *o)
{
    hostile_say(o,
                "layer { name: 'a' type: 'DummyData' top: 'a' dummy_data_param { num: 2147483647 channels: 2147483647 "
                "height: 2 width: 1 } } layer { name: 'b' type: 'Sigmoid' bottom: 'a' top: 'b' }");
}

static void caffe_large_map(struct out *o)
{
    hostile_say(
        o, "input: 'a' input_dim: 1 input_dim: 1 input_dim: 65535 input_dim: 65535\n"
           "layer { name: 's' type: 'SPP' bottom: 'a' top: 's' spp_param { pyramid_height: 16 } }\n"
           "layer { name: 'p' type: 'PriorBox' bottom: 'a' bottom: 'a' top: 'p' prior_box_param { min_size: 1 } }");
}

static void caffe_empty_layers(struct out *o)
{
    for (int i = 0; i < 500000; i++)
        hostile_say(o, "\xa2\x06\x09\x12\x07Silence");
}

#define NET "[net]\nwidth=8\nheight=8\nchannels=4\n"

static void darknet_doubling_route(struct out *o)
{
    repeat(o, NET "[dropout]\n", "[route]\nlayers=-1,-1\n", 70);
}

static void darknet_upsampling(struct out *o)
{
    repeat(o, NET, "[upsample]\nstride=65535\n", 5);
}

static void darknet_many_sections(struct out *o)
{
    repeat(o, NET, "[dropout]\n", 100001);
}

static void darknet_sums(struct out *o)
{
    repeat(o, NET "[dropout]\n", "[shortcut]\nfrom=0\n", 5000);
}

static void darknet_long_line(struct out *o)
{
    repeat(o, NET "[route]\nlayers=", "0,", 1000000);
}

const struct hostile_case hostile_texts[] = {
    {"Caffe: 100,000 nested messages", caffe_nested_messages},
    {"Caffe: 20,000 layers of one name in place", caffe_layers_in_place},
    {"Caffe: 70 doublings by Concat", caffe_doubling_concat},
    {"Caffe: 3,000,000 numbers", caffe_numbers},
    {"Caffe: 20,000 inputs of 2^63 elements", caffe_many_tops},
    {"Caffe: 10,000 inputs of layers of training", caffe_adopted_inputs},
    {"Caffe: DummyData of 2^63 elements", caffe_dummy_data},
    {"Caffe: layers on a map of 2^32 places", caffe_large_map},
    {"Caffe: 500,000 empty layers", caffe_empty_layers},
    {"Darknet: 70 doublings by route", darknet_doubling_route},
    {"Darknet: five upsamplings by 65535", darknet_upsampling},
    {"Darknet: 100,001 sections", darknet_many_sections},
    {"Darknet: 5,000 sums", darknet_sums},
    {"Darknet: a list of 1,000,000", darknet_long_line},
    {NULL, NULL},
};
