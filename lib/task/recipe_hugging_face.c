/* Recipes out of preprocessor_config.json of Hugging Face's transformers: image_processing_*.py, for one photo. */
#include <string.h>

#include "task/recipe_import.h"

/* PIL's numbers of its filters. */
static int add_resample(struct import *m)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    const struct json_node *n = import_get(m, "resample");
    if (!n || n->kind == JSON_NULL)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n->kind == JSON_NUMBER && n->number == i) {
            text_printf(m->out, ",filter=%s", names[i]);
            return 0;
        }
    return error_set(m->err, "recipe: resample: want 0 to 5, a filter of PIL");
}

/* The name of a processor, as newer and older files have it. */
static const char *type_of(const struct import *m)
{
    const char *name = import_word(import_get(m, "image_processor_type"));
    return *name ? name : import_word(import_get(m, "feature_extractor_type"));
}

/* Those that work on tensors of PyTorch. */
static bool is_fast(const char *type)
{
    size_t n = strlen(type);
    return n > 4 && strcmp(type + n - 4, "Fast") == 0;
}

static int side_in(const struct import *m, const struct json_node *object, const char *key)
{
    return import_side_of(json_member(m->j, object, key));
}

/* The sides that a size or crop_size names, a number being both; false when it names no pair. */
static bool pair_of(const struct import *m, const struct json_node *n, int *width, int *height)
{
    bool number = n && n->kind == JSON_NUMBER;
    *width = number ? import_side_of(n) : side_in(m, n, "width");
    *height = number ? import_side_of(n) : side_in(m, n, "height");
    return *width && *height;
}

static int sides_of(const struct import *m, int *width, int *height)
{
    return pair_of(m, import_get(m, "size"), width, height)
               ? 0
               : error_set(m->err, "recipe: size: want a number, or height and width");
}

/* A plain number is a square for the processors that do not crop, and the short side for those that do. The other side
 * is truncated. */
static int resize_plain(struct import *m, bool crops)
{
    const struct json_node *size = import_get(m, "size");
    int width, height, most = side_in(m, size, "longest_edge");
    int shortest = crops && import_side_of(size) ? import_side_of(size) : side_in(m, size, "shortest_edge");
    if (import_side_of(size) && import_side(m, "max_size")) {
        shortest = import_side_of(size);
        most = import_side(m, "max_size");
    }
    if (shortest && most)
        text_printf(m->out, ",resize=edges:%dx%d", shortest, most);
    else if (shortest)
        text_printf(m->out, ",resize=%d:down", shortest);
    else if (most)
        text_printf(m->out, ",resize=long:%d:down", most);
    else if (pair_of(m, size, &width, &height) || import_pair(m, size, &height, &width))
        text_printf(m->out, ",resize=%dx%d", width, height);
    else
        return error_set(m->err, "recipe: size: want a number, shortest_edge, longest_edge, or height and width");
    return 0;
}

/* A plain number is a square although they crop. */
static int resize_square(struct import *m, bool crops)
{
    (void)crops;
    return resize_plain(m, false);
}

/* The side that a size names for these processors. */
static int short_side(const struct import *m)
{
    const struct json_node *size = import_get(m, "size");
    int side = import_side_of(size), width, height;
    side = side ? side : side_in(m, size, "shortest_edge");
    return side ? side : pair_of(m, size, &width, &height) && width == height ? width : 0;
}

/* The short side divided by a share; 0: there is none of 0.01 to 1. */
static int enlarged(int side, const struct json_node *share, double usual)
{
    double part = share && share->kind == JSON_NUMBER ? share->number : usual;
    return part > 0.01 && part <= 1 ? (int)(side / part) : 0;
}

/* Large squares are squeezed; the rest is cut out of a larger one. */
static int resize_convnext(struct import *m, bool crops)
{
    int side = short_side(m), scaled = enlarged(side, import_get(m, "crop_pct"), 224.0 / 256);
    (void)crops;
    if (!side || !scaled)
        return error_set(m->err, "recipe: size, crop_pct: want one side, and a share of 0.01 to 1");
    if (side < 384)
        text_printf(m->out, ",resize=%d:down,crop=%d:down", scaled, side);
    else
        text_printf(m->out, ",resize=%dx%d", side, side);
    return 0;
}

static int resize_poolformer(struct import *m, bool crops)
{
    int side = short_side(m), scaled = enlarged(side, import_get(m, "crop_pct"), 1);
    (void)crops;
    if (!side || !scaled)
        return error_set(m->err, "recipe: size, crop_pct: want one side, and a share of 0.01 to 1");
    text_printf(m->out, ",resize=%d:down", scaled);
    return 0;
}

static int resize_levit(struct import *m, bool crops)
{
    const struct json_node *size = import_get(m, "size");
    int side = import_side_of(size) ? import_side_of(size) : side_in(m, size, "shortest_edge");
    if (!side)
        return resize_plain(m, crops);
    text_printf(m->out, ",resize=%d:down", (int)(256.0 / 224 * side));
    return 0;
}

static int resize_glpn(struct import *m, bool crops)
{
    int divisor = import_side(m, "size_divisor");
    (void)crops;
    text_printf(m->out, ",resize=multiple:%d:down", divisor ? divisor : 32);
    return 0;
}

/* The long side is at most as many times the short one's as COCO's usual sizes have it. */
static int resize_vilt(struct import *m, bool crops)
{
    int side = short_side(m), divisor = import_side(m, "size_divisor");
    (void)crops;
    if (!side)
        return error_set(m->err, "recipe: size: want one side");
    text_printf(m->out, ",resize=edges:%dx%d:near,resize=multiple:%d:down", side, (int)(1333.0 / 800 * side),
                divisor ? divisor : 32);
    return 0;
}

/* To the nearest, not the truncated side, halves up. */
static int resize_sam(struct import *m, bool crops)
{
    int side = side_in(m, import_get(m, "size"), "longest_edge");
    if (!side)
        return resize_plain(m, crops);
    text_printf(m->out, ",resize=edges:%dx%d:near", side, side);
    return 0;
}

/* To whole multiples, which stretches a little. */
static int resize_textnet(struct import *m, bool crops)
{
    int divisor = import_side(m, "size_divisor");
    if (resize_plain(m, crops))
        return -1;
    text_printf(m->out, ",resize=multiple:%d:up", divisor ? divisor : 32);
    return 0;
}

static int resize_yolos(struct import *m, bool crops)
{
    if (resize_plain(m, crops))
        return -1;
    text_puts(m->out, ",resize=multiple:16:down");
    return 0;
}

/* It crops a share of the short side before. */
static int resize_perceiver(struct import *m, bool crops)
{
    int side = short_side(m), most, ignored;
    if (!side || !pair_of(m, import_get(m, "crop_size"), &most, &ignored))
        return error_set(m->err, "recipe: size, crop_size: want one side each");
    if (crops)
        text_printf(m->out, ",crop=part:%dx%d%s", side, most, is_fast(type_of(m)) ? ":down" : "");
    text_printf(m->out, ",resize=%dx%d", side, side);
    return 0;
}

/* As PaddleOCR's recognisers of lines. */
static int resize_line(struct import *m, bool crops)
{
    int width, height, most = import_side(m, "max_image_width");
    (void)crops;
    if (sides_of(m, &width, &height))
        return -1;
    text_printf(m->out, ",resize=height:%d:up,resize=clamp:%dx%d", height, most ? most : 3200, height);
    return 0;
}

/* And its detectors. */
static int resize_text(struct import *m, bool crops)
{
    (void)crops;
    return import_limits(m, "", ":near");
}

static int resize_pplcnet(struct import *m, bool crops)
{
    int side = import_side(m, "resize_short"), divisor = import_side(m, "size_divisor");
    if (!side)
        return resize_plain(m, crops);
    text_printf(m->out, ",resize=%d:near", side);
    if (divisor > 1)
        text_printf(m->out, ",resize=multiple:%d:up", divisor);
    return 0;
}

/* Of SLANeXt. */
static int resize_table(struct import *m, bool crops)
{
    int side = short_side(m);
    (void)crops;
    text_printf(m->out, ",resize=long:%d:near", side); /* 0 is refused with the recipe */
    return 0;
}

static int resize_dpt(struct import *m, bool crops)
{
    int multiple = import_side(m, "ensure_multiple_of"), width, height;
    if (import_is_on(m, "keep_aspect_ratio", false)) {
        if (sides_of(m, &width, &height))
            return -1;
        text_printf(m->out, ",resize=closest:%dx%dx%d:near", width, height, multiple > 1 ? multiple : 1);
        return 0;
    }
    if (resize_plain(m, crops))
        return -1;
    if (multiple > 1)
        text_printf(m->out, ",resize=multiple:%d", multiple);
    return 0;
}

/* It pads before, in real numbers. */
static int resize_zoedepth(struct import *m, bool crops)
{
    if (import_is_on(m, "do_pad", true))
        text_puts(m->out, ",pad=root:3:reflect");
    return resize_dpt(m, crops);
}

/* The short side as the shorter of the size, then what is too large is resized again, and black is laid around. */
static int resize_donut(struct import *m, bool crops)
{
    const struct json_node *size = import_get(m, "size");
    int width, height;
    (void)crops;
    if (!pair_of(m, size, &width, &height) && !import_pair(m, size, &width, &height))
        return error_set(m->err, "recipe: size: want height and width");
    text_printf(m->out, ",resize=%d:down", width < height ? width : height);
    if (import_is_on(m, "do_thumbnail", true))
        text_printf(m->out, ",resize=fit:%dx%d:down:again", width, height);
    if (import_is_on(m, "do_pad", true))
        text_printf(m->out, ",pad=%dx%d", width, height);
    return 0;
}

/* It pads to the size, named as if of the sides of the photo. */
static int resize_eomt(struct import *m, bool crops)
{
    const struct json_node *size = import_get(m, "size");
    int height = side_in(m, size, "shortest_edge"), width = side_in(m, size, "longest_edge");
    if (resize_plain(m, crops))
        return -1;
    if (import_is_on(m, "do_pad", false))
        text_printf(m->out, ",pad=%dx%d:corner", width ? width : height, height);
    return 0;
}

/* Those of TensorFlow are for what is scaled before it is resized, in floating point. */
enum { TENSORS = 1, REAL, ALIASED, CORNERS, OPENCV };
static const char libraries[][25] = {
    "", ",torch", ",tensorflow,antialias", ",tensorflow", ",tensorflow,grid=corners", ",opencv"};

/* Processors with ways of their own, by how their names begin. */
static const struct processor {
    const char *name;
    int (*resize)(struct import *m, bool crops);
    unsigned library : 3;  /* whose arithmetic it has, or comes nearest; 0: Pillow's, or by its name TENSORS */
    bool pads_batches : 1; /* "do_pad" does nothing to a single photo */
    bool is_bgr : 1;       /* whatever the file says */
    bool as_stored : 1;    /* values are not scaled unless the file says so */
    bool divides : 1;      /* by std once more, where "include_top" is not false */
    bool flips : 1;        /* to blue, green, red, unless the file says otherwise */
    bool no_mean : 1;      /* unless "do_normalize" is true */
    bool crops : 1;        /* unless the file says otherwise */
    bool turns : 1;        /* to blue, green, red what is normalised */
    bool mirrors : 1;      /* pads with the picture mirrored */
} processors[] = {
    {.name = "ConvNext", .resize = resize_convnext},
    {.name = "PoolFormer", .resize = resize_poolformer, .crops = true},
    {.name = "Levit", .resize = resize_levit},
    {.name = "GLPN", .resize = resize_glpn},
    {.name = "Vilt", .resize = resize_vilt, .pads_batches = true},
    {.name = "BridgeTower", .resize = resize_vilt, .pads_batches = true},
    {.name = "DPT", .resize = resize_dpt},
    {.name = "PromptDepthAnything", .resize = resize_dpt},
    {.name = "ZoeDepth", .resize = resize_zoedepth, .library = CORNERS, .pads_batches = true},
    {.name = "DINOv3", .resize = resize_plain, .library = REAL},
    {.name = "DepthPro", .resize = resize_plain, .library = ALIASED},
    {.name = "DeiT", .resize = resize_square},
    {.name = "Beit", .resize = resize_square},
    {.name = "Flava", .resize = resize_square},
    {.name = "OwlViT", .resize = resize_square},
    {.name = "Blip", .resize = resize_plain, .pads_batches = true},
    {.name = "Sam", .resize = resize_sam},
    {.name = "TextNet", .resize = resize_textnet},
    {.name = "MaskFormer", .resize = resize_textnet, .pads_batches = true},
    {.name = "Mask2Former", .resize = resize_textnet, .pads_batches = true},
    {.name = "MobileViT", .resize = resize_plain, .flips = true, .no_mean = true},
    {.name = "Donut", .resize = resize_donut, .pads_batches = true},
    {.name = "Perceiver", .resize = resize_perceiver, .crops = true},
    {.name = "Swin2SR", .resize = resize_plain, .pads_batches = true, .mirrors = true},
    {.name = "PPDocLayout", .resize = resize_plain, .library = OPENCV},
    {.name = "PPOCRV5ServerDet", .resize = resize_text, .library = REAL, .turns = true},
    {.name = "PPOCRV5ServerRec", .resize = resize_line, .library = REAL},
    {.name = "PPOCRV6SmallRec", .resize = resize_line, .library = OPENCV, .is_bgr = true},
    {.name = "PPLCNet", .resize = resize_pplcnet, .library = TENSORS, .turns = true},
    {.name = "SLANeXt", .resize = resize_table, .library = OPENCV},
    {.name = "UVDoc", .resize = resize_plain, .library = CORNERS, .is_bgr = true},
    {.name = "Eomt", .resize = resize_eomt, .pads_batches = true},
    {.name = "Detr", .resize = resize_plain, .pads_batches = true},
    {.name = "ConditionalDetr", .resize = resize_plain, .pads_batches = true},
    {.name = "DeformableDetr", .resize = resize_plain, .pads_batches = true},
    {.name = "GroundingDino", .resize = resize_plain, .pads_batches = true},
    {.name = "RTDetr", .resize = resize_plain, .pads_batches = true},
    {.name = "RfDetr", .resize = resize_plain, .library = ALIASED, .pads_batches = true},
    {.name = "Yolos", .resize = resize_yolos, .pads_batches = true},
    {.name = "LayoutLMv2", .resize = resize_plain, .is_bgr = true, .as_stored = true},
    {.name = "EfficientNet", .resize = resize_square, .divides = true},
    {.name = "", .resize = resize_plain},
};

static const struct processor *find_processor(const char *type)
{
    const struct processor *p = processors;
    while (strncmp(type, p->name, strlen(p->name)) != 0)
        p++;
    return p;
}

/* What a switch asks for that no recipe has. */
static int check_switches(struct import *m, const struct processor *p)
{
    static const char *const known[] = {"do_resize",       "do_center_crop",   "do_rescale",
                                        "do_normalize",    "do_convert_rgb",   "do_flip_channel_order",
                                        "do_pad",          "do_reduce_labels", "do_convert_annotations",
                                        "do_flip_channels"};
    static const char *const sizes[] = {"size_divisor", "patch_size",        "min_pixels",           "max_pixels",
                                        "min_size",     "keep_aspect_ratio", "ensure_multiple_of",   "max_image_tiles",
                                        "tile_size",    "max_num_patches",   "image_grid_pinpoints", "image_size",
                                        "clusters",     "max_image_size",    "crop_to_patches"};
    bool pads = import_is_on(m, "do_pad", false) && !p->pads_batches;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !*p->name; i++) {
        const struct json_node *n = import_get(m, sizes[i]);
        if (n && n->kind != JSON_NULL && n->kind != JSON_FALSE)
            return error_set(m->err, "recipe: %s in a preprocessor: want the steps written out, resize=...", sizes[i]);
    }
    for (const struct json_node *n = json_first(m->j, m->node); n; n = json_next(m->j, n)) {
        bool is_known = n->kind != JSON_TRUE || strncmp(n->key, "do_", 3) != 0;
        is_known |= p->resize == resize_donut && strcmp(n->key, "do_thumbnail") == 0;
        is_known |= p->resize == resize_poolformer && strcmp(n->key, "do_resize_and_center_crop") == 0;
        for (size_t i = 0; i < sizeof known / sizeof *known && !is_known; i++)
            is_known = strcmp(n->key, known[i]) == 0;
        if (!is_known)
            return error_set(m->err, "recipe: %s: want the steps written out, resize=...", n->key);
    }
    if (pads && !import_get(m, "pad_size"))
        return error_set(m->err, "recipe: do_pad in a preprocessor: want the steps written out, resize=...,pad=WxH");
    if (import_get(m, "crop_pct") && import_get(m, "crop_pct")->kind != JSON_NULL && p->resize == resize_plain)
        return error_set(m->err, "recipe: crop_pct in a preprocessor: want the steps written out, resize=N,crop=M");
    return 0;
}

static int add_crop(struct import *m, bool is_torch)
{
    int width, height;
    const struct json_node *n = import_get(m, "crop_size");
    n = n ? n : import_get(m, "size");
    int side = side_in(m, n, "shortest_edge");
    if (!pair_of(m, n, &width, &height) && !side)
        return error_set(m->err, "recipe: crop_size: want a number, or height and width");
    text_printf(m->out, is_torch ? ",crop=%dx%d:down" : ",crop=%dx%d", side ? side : width, side ? side : height);
    return 0;
}

static int add_values(struct import *m, const struct processor *p)
{
    const struct json_node *factor = import_get(m, "rescale_factor");
    bool normalises = import_is_on(m, "do_normalize", import_get(m, "image_mean") != NULL && !p->no_mean);
    bool flips = p->is_bgr || p->turns || import_is_on(m, "do_flip_channel_order", p->flips);
    text_puts(m->out, flips ? ",bgr" : ",rgb");
    if (import_is_on(m, "do_rescale", !p->as_stored)) {
        text_puts(m->out, ",scale=");
        text_f32(m->out, factor && factor->kind == JSON_NUMBER ? (float)factor->number : 1.0f / 255);
        text_puts(m->out, import_is_on(m, "rescale_offset", false) ? ",mean=1" : "");
    }
    const struct json_node *std = import_get(m, "image_std");
    if (!normalises)
        return 0;
    m->turned = p->turns;
    if (import_values(m, "mean", import_get(m, "image_mean")) || import_values(m, "std", std))
        return -1;
    return p->divides && import_is_on(m, "include_top", true) ? import_values(m, "std", std) : 0;
}

static void add_mirrored(struct import *m)
{
    int divisor = import_side(m, "size_divisor");
    divisor = divisor ? divisor : import_side(m, "pad_size");
    text_printf(m->out, ",pad=over:%d:corner:mirror", divisor ? divisor : 8);
}

static int add_pad(struct import *m, const struct processor *p)
{
    int width, height;
    const struct json_node *size = import_get(m, "pad_size");
    if (!import_is_on(m, "do_pad", false) || !size || p->mirrors || (p->pads_batches && size->kind == JSON_NULL))
        return 0;
    if (!pair_of(m, size, &width, &height) || import_side_of(size))
        return error_set(m->err, "recipe: pad_size: want height and width");
    text_printf(m->out, ",pad=%dx%d:corner", width, height);
    return 0;
}

int import_hugging_face(struct import *m)
{
    const char *type = type_of(m);
    const struct processor *p = find_processor(type);
    bool crops = import_is_on(m, "do_center_crop", p->crops) && p->resize != resize_convnext;
    if (check_switches(m, p))
        return -1;
    size_t library = p->library ? p->library : is_fast(type) ? TENSORS : 0;
    text_puts(m->out, libraries[library]);
    if (import_is_on(m, "do_resize", import_get(m, "size") != NULL) && (p->resize(m, crops) || add_resample(m)))
        return -1;
    if (crops && p->resize != resize_perceiver && add_crop(m, library == TENSORS))
        return -1;
    if (p->mirrors && import_is_on(m, "do_pad", true))
        add_mirrored(m);
    return add_values(m, p) || add_pad(m, p) ? -1 : 0;
}
