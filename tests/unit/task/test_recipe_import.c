#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "task/recipe.h"

/* Settings as exporters write them, cut down to what counts, and the recipe. */
static const char *const files[][2] = {
    {"{\"do_normalize\": true, \"do_rescale\": true, \"do_resize\": true, \"image_mean\": [0.5, 0.5, 0.5],"
     "\"image_processor_type\": \"ViTImageProcessor\", \"image_std\": [0.5, 0.25, 0.5], \"resample\": 2,"
     "\"rescale_factor\": 0.00392156862745098, \"size\": {\"height\": 224, \"width\": 192}}",
     "resize=192x224,rgb,scale=0.003921569,mean=0.5:0.5:0.5,std=0.5:0.25:0.5"},
    {"{\"crop_size\": 224, \"do_center_crop\": true, \"do_normalize\": true, \"do_resize\": true,"
     "\"feature_extractor_type\": \"CLIPFeatureExtractor\", \"image_mean\": [0.48, 0.45, 0.4], \"image_std\": [1, 2, "
     "3],"
     "\"resample\": 3, \"size\": 256}",
     "resize=256:down,crop=224,filter=bicubic,rgb,scale=0.003921569,mean=0.48:0.45:0.4,std=1:2:3"},
    {"{\"do_resize\": true, \"do_center_crop\": true, \"size\": {\"shortest_edge\": 300}, \"do_rescale\": true,"
     "\"crop_size\": {\"height\": 200, \"width\": 256}, \"do_flip_channel_order\": true, \"do_normalize\": false}",
     "resize=300:down,crop=256x200,bgr,scale=0.003921569"},
    {"{\"size\": 384, \"do_normalize\": true, \"image_mean\": [0.5], \"image_std\": [0.5], \"do_rescale\": false}",
     "resize=384x384,rgb,mean=0.5,std=0.5"},
    {"{\"do_resize\": true, \"size\": {\"shortest_edge\": 800, \"longest_edge\": 1333}, \"do_rescale\": false}",
     "resize=800:down,resize=max:1333,rgb"},
    {"{\"architecture\": \"resnet50\", \"pretrained_cfg\": {\"input_size\": [3, 224, 224], \"interpolation\": "
     "\"bicubic\","
     "\"crop_pct\": 0.95, \"crop_mode\": \"center\", \"mean\": [0.485, 0.456, 0.406], \"std\": [0.229, 0.224, 0.225]}}",
     "torchvision,resize=235,crop=224,filter=bicubic,rgb,scale=0.003921569,mean=0.485:0.456:0.406,std=0.229:0.224:0."
     "225"},
    {"{\"input_size\": [3, 256, 256], \"crop_pct\": 1.0, \"crop_mode\": \"squash\", \"mean\": [0, 0, 0], \"std\": [1, "
     "1, 1]}",
     "torchvision,resize=256x256,crop=256,rgb,scale=0.003921569,mean=0:0:0,std=1:1:1"},
};

static void known_files(void)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct recipe r;
        struct error err;
        struct text t;
        text_init(&t);
        int failed = recipe_import(files[i][0], strlen(files[i][0]), &r, &err);
        CHECK_MSG(!failed, "%s: %s", files[i][0], failed ? err.text : "");
        if (!failed)
            recipe_print(&r, &t);
        CHECK_STR(t.data ? t.data : "", files[i][1]);
        text_release(&t);
    }
}

static void refused(void)
{
    static const char *const bad[][2] = {
        {"[1]", "preprocessor_config.json"},
        {"{\"model_type\": \"bert\"}", "preprocessor_config.json"},
        {"{\"do_resize\": true}", "size"},
        {"{\"do_resize\": true, \"size\": -4}", "size"},
        {"{\"do_resize\": true, \"size\": {\"height\": 3}}", "size"},
        {"{\"do_resize\": true, \"size\": 4, \"resample\": 9}", "resample"},
        {"{\"do_rescale\": true, \"crop_pct\": 0.875}", "crop_pct"},
        {"{\"do_rescale\": true, \"do_pad\": true}", "do_pad"},
        {"{\"image_mean\": [1, 2], \"image_std\": [1, 2]}", "2 values"},
        {"{\"image_mean\": [1, \"a\", 3], \"image_std\": 1}", "numbers"},
        {"{\"image_mean\": 1}", "0 values"},
        {"{\"image_mean\": 1, \"image_std\": 0}", "none of them 0"},
        {"{\"input_size\": [3, 4, 5], \"mean\": 1, \"std\": 1}", "square"},
        {"{\"input_size\": [3, 4, 4], \"mean\": 1, \"std\": 1, \"crop_pct\": 0}", "crop_pct"},
        {"{\"input_size\": [3, 4, 4], \"mean\": 1, \"std\": 1, \"crop_mode\": \"border\"}", "crop_mode"},
        {"{\"input_size\": [3, 4, 4], \"mean\": 1, \"std\": 1, \"interpolation\": \"random\"}", "filter=random"},
        {"do_resize: true", "JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct recipe r;
        struct error err;
        CHECK_MSG(recipe_import(bad[i][0], strlen(bad[i][0]), &r, &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
}

static void mutated(void)
{
    uint64_t state = 3;
    char copy[600];
    for (int round = 0; round < 5000; round++) {
        const char *text = files[hash_random(&state) % (sizeof files / sizeof *files)][0];
        size_t n = strlen(text);
        struct recipe r;
        struct error err;
        memcpy(copy, text, n);
        for (int k = hash_random(&state) % 3; k >= 0; k--)
            copy[hash_random(&state) % n] = "{}[]\",:0129-e. tn"[hash_random(&state) % 17];
        if (recipe_import(copy, n, &r, &err))
            CHECK(err.text[0] && !strchr(err.text, '\n'));
    }
}

int main(void)
{
    RUN(known_files);
    RUN(refused);
    RUN(mutated);
    return TEST_END();
}
