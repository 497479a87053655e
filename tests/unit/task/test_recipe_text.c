#include <stdlib.h>

#include "recipe_test.h"

/* What is printed is canonical, and reads back as the same recipe. */
static void prints_and_reads_back(void)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"resize=256,crop=224,rgb,mean=123.675:116.28:103.53,std=58.395:57.12:57.375", NULL},
        {"rgb,mean=127,dtype=u8,std=128,torchvision,exif=no", "exif=no,torchvision,rgb,mean=127,std=128,dtype=u8"},
        {"std=128,mean=127,rgb,crop=224,resize=256", "crop=224,resize=256,rgb,mean=127,std=128"},
        {"mean=1,resize=3,std=2,crop=2", "resize=3,crop=2,mean=1,std=2"},
        {"mean=1,std=2,mean=3,std=4", NULL},
        {"scale=1/2,mean=1,std=2,mean=3", "scale=0.5,mean=1,std=2,mean=3"},
        {"resize=short:256", "resize=256"},
        {"resize=long:256:down,resize=multiple:32:near,resize=clamp:300x200", NULL},
        {"resize=width:3,resize=height:4:up,resize=min:5,resize=max:6,resize=fit:7x8:up", NULL},
        {"crop=10x10+0+65535", NULL},
        {"letterbox=640x640:114:corner", "letterbox=640x640:corner"},
        {"letterbox=640x640:1:2:255:corner", NULL},
        {"pad=3x4:0,pad=multiple:32:7:corner", "pad=3x4,pad=multiple:32:7:corner"},
        {"pad=aspect:1x1:corner,resize=9x9", NULL},
        {"pad=wide:8x30:0,resize=max:9", "pad=wide:8x30,resize=max:9"},
        {"resize=height:48:up,mean=127.5,std=127.5,pad=320x48:-0.25:corner", NULL},
        {"letterbox=4x4:0:corner:warp", "letterbox=4x4:0:corner:warp"},
        {"resize=8x4:warp,crop=3x2", NULL},
        {"crop=part:7x8,resize=9", NULL},
        {"torch,crop=part:7x8:down", NULL},
        {"resize=within:2000x32,pad=wide:8x30,resize=9", NULL},
        {"pad=over:8:corner:mirror,mean=1", NULL},
        {"tensorflow,pad=root:3:reflect,resize=9", NULL},
        {"letterbox=4x4:down:114:corner:shrink,resize=edges:800x1333",
         "letterbox=4x4:down:corner:shrink,resize=edges:800x1333"},
        {"mean=1,quantize", NULL},
        {"quantize=0.5:-3,rgb", "rgb,quantize=0.5:-3"},
        {"grid=corners,tensorflow,filter=mitchell,antialias", "tensorflow,filter=mitchell,antialias,grid=corners"},
        {"torch,filter=bicubic", NULL},
        {"filter=hamming", NULL},
        {"pil,filter=lanczos", "filter=lanczos"},
        {"filter=area,opencv", "opencv,filter=area"},
        {"resize=320x320", NULL},
        {"resize=320x240,filter=bicubic,bgr", NULL},
        {"letterbox=640x640:114,scale=1/255", "letterbox=640x640,scale=0.003921569"},
        {"letterbox=640x480:0,filter=nearest", NULL},
        {"letterbox=1x65535:255", NULL},
        {"filter=bilinear", ""},
        {"filter=bilinear-noaa", NULL},
        {"crop=10x20,gray,mean=-0.5,std=-2", NULL},
        {"gray-resized,mean=1,resize=3x4", "resize=3x4,gray-resized,mean=1"},
        {"crop=10x10", "crop=10"},
        {"torchvision,crop=3x2:down", NULL},
        {"scale=-1e-30,layout=nhwc,dtype=i8", NULL},
        {"scale=1,layout=nchw,dtype=u8", "layout=nchw,dtype=u8"},
        {"dtype=f32", ""},
        {"input=images%2C 1%25", "input=images%2C%201%25"},
        {"mean=1", NULL},
        {"exif=no,resize=3x4", NULL},
        {"exif=yes", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct recipe r = parse(cases[i][0]), again;
        struct text t, u;
        text_init(&t);
        text_init(&u);
        text_puts(&t, "-p ");
        recipe_print(&r, &t);
        CHECK_STR(t.data + 3, cases[i][1] ? cases[i][1] : cases[i][0]);
        again = parse(t.data + 3);
        CHECK(memcmp(&again, &r, sizeof r) == 0);
        recipe_print(&again, &u);
        CHECK_STR(u.data ? u.data : "", t.data + 3);
        text_release(&t);
        text_release(&u);
    }
}

/* Text that is no recipe, and a word that the message must hold. */
static const char *const bad[][2] = {
    {"resize", "resize: want N or WxH"},
    {"resize=", "resize=: want N or WxH"},
    {"resize=0", "resize=0"},
    {"resize=65536", "65536"},
    {"resize=256 ", "resize=256 :"},
    {"resize=12x", "12x"},
    {"resize=x12", "x12"},
    {"resize=1x2x3", "1x2x3"},
    {"resize=99999999999999999999", "99999999999999999999"},
    {"letterbox=640", "WxH"},
    {"letterbox=640x640:", "PAD"},
    {"letterbox=640x640:256", "PAD"},
    {"letterbox=640x640:1:2", "PAD"},
    {"letterbox=640:1:2:3", "WxH"},
    {"letterbox=640x640:1.5", "PAD"},
    {"letterbox=multiple:3", "WxH"},
    {"letterbox=2x2:corner:1", "PAD"},
    {"pad=-1", "pad=-1"},
    {"pad=4x4:-1", "0 to 255 before mean"},
    {"pad=short:4", "multiple:N"},
    {"resize=short", "short"},
    {"resize=fit:4", "edges:WxH, or closest:WxHxN"},
    {"resize=closest:4x4x0", "edges:WxH"},
    {"resize=fit:4x4x4", "edges:WxH"},
    {"resize=short:4x4", "short"},
    {"resize=4:upwards", ":up"},
    {"resize=4:up:up", ":up"},
    {"crop=4+1+1", "WxH+X+Y"},
    {"crop=4x4+1+1:down", "WxH+X+Y"},
    {"crop=4:up", "WxH+X+Y"},
    {"crop=4x4+1", "WxH+X+Y"},
    {"crop=4x4+-1+1", "WxH+X+Y"},
    {"crop=part:8x7", "part:AxB"},
    {"crop=part:7", "part:AxB"},
    {"crop=part:7x8+1+1", "part:AxB"},
    {"crop=part:7x8:up", "part:AxB"},
    {"crop=part", "part:AxB"},
    {"resize=over:8", "multiple:N"},
    {"resize=part:7x8", "within:LxN"},
    {"pad=within:7x8", "over:N, root:N"},
    {"pad=part:7x8", "over:N, root:N"},
    {"pad=4x4:3:mirror", ":mirror"},
    {"letterbox=4x4:mirror", "PAD"},
    {"mean=1,pad=3x3,scale=2", "want that pad last"},
    {"mean=1,pad=3x3,pad=4x4", "want that pad last"},
    {"mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,mean=1,"
     "mean=1,"
     "mean=1",
     "at most 16 steps"},
    {"pil,torchvision", "excludes"},
    {"filter=area", "not one of pil"},
    {"opencv,filter=box", "want one of bilinear, bicubic, nearest, lanczos, area"},
    {"torch,filter=nearest", "want one of bilinear, bicubic"},
    {"filter=mitchell", "not one of pil"},
    {"antialias", "only with tensorflow"},
    {"opencv,grid=corners", "only with tensorflow"},
    {"tensorflow,grid=all", "half, legacy or corners"},
    {"quantize=0:1", "SCALE:ZERO"},
    {"quantize=1", "SCALE:ZERO"},
    {"quantize=-1:0", "SCALE:ZERO"},
    {"quantize,mean=1", "behind quantize"},
    {"letterbox=4x4:down:down", "PAD"},
    {"pad=4x4:shrink", "multiple:N"},
    {"letterbox=4x4:warp", ":warp"},
    {"letterbox=4x4:9:warp", ":warp"},
    {"letterbox=4x4:down:0:warp", ":warp"},
    {"resize=fit:4x4:warp", ":warp"},
    {"resize=4:warp", ":warp"},
    {"resize=4x4:down:warp", ":warp"},
    {"resize=4x4:warp:again", ":warp"},
    {"rgb,bgr", "bgr"},
    {"rgb=1", "want no value"},
    {"filter=lancsos", "bicubic"},
    {"crop=-1", "crop=-1"},
    {"mean=1:2", "A:B:C"},
    {"mean=1:2:3:4", "A:B:C"},
    {"mean=1:2:", "A:B:C"},
    {"mean=:2:3", "A:B:C"},
    {"mean=nan", "mean=nan"},
    {"mean=1e999", "mean"},
    {"mean=0x10", "mean"},
    {"std=1:0:1", "none of them 0"},
    {"std=inf", "std"},
    {"scale=0", "scale"},
    {"scale=1/0", "scale"},
    {"scale=1/", "scale"},
    {"scale=1/2/3", "scale"},
    {"layout=hwc", "nchw or nhwc"},
    {"layout=", "nchw or nhwc"},
    {"dtype=f64", "f32, u8 or i8"},
    {"input=", "name"},
    {"input=%zz", "name"},
    {"input=%00", "name"},
    {"letterbox=3x3:1:2:3,gray", "letterbox: want one"},
    {"gray,mean=1:2:3", "gray"},
    {"gray-resized,mean=1:2:3", "gray"},
    {"gray-resized,gray", "given twice"},
    {"gray,std=1:2:3", "gray"},
    {"exif=maybe", "yes or no"},
    {"resise=3", "unknown key"},
    {",", "unknown key"},
    {"rgb,", "comma"},
    {"rgb,,crop=1", "unknown key"},
    {"rgb\n", "0x0a"},
    {"RGB", "unknown key"},
};

static void errors_name_the_key(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct recipe r;
        struct error err;
        CHECK_MSG(recipe_parse(bad[i][0], strlen(bad[i][0]), &r, &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
}

static void long_text(void)
{
    static char name[2000] = "input=";
    struct recipe r;
    struct error err;
    memset(name + 6, 'a', 255);
    CHECK(recipe_parse(name, 6 + 255, &r, &err) == 0 && strlen(r.input) == 255);
    memset(name + 6, 'a', sizeof name - 6);
    CHECK(recipe_parse(name, 6 + 256, &r, &err) == -1);
    CHECK(recipe_parse(name, sizeof name, &r, &err) == -1 && strlen(err.text) < 400);
}

int main(void)
{
    RUN(prints_and_reads_back);
    RUN(errors_name_the_key);
    RUN(long_text);
    return TEST_END();
}
